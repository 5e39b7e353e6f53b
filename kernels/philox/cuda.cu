// Philox streams: one thread an index. `index` may be null: then indices are start, start + 1, ...
#include "philox.cuh"

__device__ inline uint64 global_index(const uint64* index, uint64 start, int64 i) {
  return index ? index[i] : start + (uint64)i;
}

extern "C" __global__ void words(uint64 key, const uint64* index, uint64 start, uint32 block,
                                 uint32 draw, int64 count, uint32* out) {
  for (int64 i = grid_first(); i < count; i += grid_step()) {
    Words words = philox(key, global_index(index, start, i), block, draw);
    for (int j = 0; j < 4; ++j) out[4 * i + j] = words.w[j];
  }
}

extern "C" __global__ void uniform(uint64 key, const uint64* index, uint64 start, uint32 block,
                                   uint32 draw, int64 count, double* out) {
  for (int64 i = grid_first(); i < count; i += grid_step()) {
    Words words = philox(key, global_index(index, start, i), block, draw);
    out[i] = open_unit(words.w[0], words.w[1]);
  }
}

extern "C" __global__ void signs(uint64 key, const uint64* index, uint64 start, uint32 draw,
                                 int64 count, double* out) {
  for (int64 i = grid_first(); i < count; i += grid_step()) {
    Words words = philox(key, global_index(index, start, i), 0, draw);
    out[i] = words.w[0] >> 31 ? -1.0 : 1.0;
  }
}

extern "C" __global__ void integers(uint64 key, const uint64* index, uint64 start, uint32 draw,
                                    uint64 high, int64 count, int64* out) {
  for (int64 i = grid_first(); i < count; i += grid_step()) {
    Words words = philox(key, global_index(index, start, i), 0, draw);
    uint64 carry = words.w[1] * high >> 32;
    out[i] = (int64)((words.w[0] * high + carry) >> 32);
  }
}

// Box-Muller: a block of words gives columns 2 b and 2 b + 1 of a row.
extern "C" __global__ void normal(uint64 key, const uint64* index, uint64 start, uint32 draw,
                                  int64 count, int64 columns, double* out) {
  int64 pairs = (columns + 1) / 2;
  for (int64 t = grid_first(); t < count * pairs; t += grid_step()) {
    int64 i = t / pairs, b = t % pairs;
    Words words = philox(key, global_index(index, start, i), (uint32)b, draw);
    double radius = sqrt(-2.0 * log(open_unit(words.w[0], words.w[1])));
    double angle = 6.283185307179586 * open_unit(words.w[2], words.w[3]);
    out[i * columns + 2 * b] = radius * cos(angle);
    if (2 * b + 1 < columns) out[i * columns + 2 * b + 1] = radius * sin(angle);
  }
}
