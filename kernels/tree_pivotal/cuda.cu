// Tree pivotal sampling (see the contract): one thread per duel, one launch per level of the tree.
// The survivor of positions lo … hi-1 is kept at lo.
#include "duel.cuh"

extern "C" __global__ void leaves(const uint64* steps, int64 count, int64* row, uint64* mass) {
  for (int64 i = grid_first(); i < count; i += grid_step()) {
    row[i] = steps[i] > 0 ? i : -1;
    mass[i] = steps[i];
  }
}

// Nodes of depth `depth` are numbered from the left: the bits of the number are the way from the root.
extern "C" __global__ void duels(const double* uniforms, int64 count, int depth, int64* row,
                                 uint64* mass, unsigned char* accepted) {
  for (int64 node = grid_first(); node < (int64)1 << depth; node += grid_step()) {
    int64 lo = 0, hi = count;
    for (int bit = depth - 1; bit >= 0; --bit) {
      int64 middle = (lo + hi) / 2;
      if (node >> bit & 1)
        lo = middle;
      else
        hi = middle;
    }
    int64 middle = (lo + hi) / 2;
    if (middle == lo || row[middle] < 0) continue;
    uint64 step = mass[middle], total = mass[lo] + step;
    bool wins = newcomer_wins(step, total, uniforms[middle]);
    if (total < step) accepted[wins ? row[lo] : row[middle]] = 1;
    if (wins) row[lo] = row[middle];
    mass[lo] = total;
  }
}
