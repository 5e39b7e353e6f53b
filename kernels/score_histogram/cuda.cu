// Histograms of scores (see the contract): a block counts in shared memory, then adds that to the
// whole. Everything added is an integer, so the order does not matter.
#include "numbers.cuh"

__device__ inline int window_of(const int64* firsts, int count, int64 key) {
  int low = 0, high = count;
  while (low < high) {
    int middle = (low + high) / 2;
    if (firsts[middle] <= key)
      low = middle + 1;
    else
      high = middle;
  }
  return low - 1;
}

// windows: (4, count) first and last keys, shifts, and the bin of the keys with no bit left. With
// `local` bins are few enough for shared memory.
extern "C" __global__ void fill(const int64* windows, int count, const int64* keys, int64 rows,
                                int bins, int local, uint64* out) {
  DYNAMIC_SHARED(uint64, shared);
  uint64* counts = local ? shared : out;
  if (local) {
    for (int place = threadIdx.x; place < 3 * bins; place += blockDim.x) shared[place] = 0;
    __syncthreads();
  }
  for (int64 i = grid_first(); i < rows; i += grid_step()) {
    int64 key = keys[i];
    int window = window_of(windows, count, key);
    if (window < 0 || key > windows[count + window]) continue;
    int place = (int)(windows[3 * count + window] + (key >> windows[2 * count + window]));
    atomicAdd(counts + place, (uint64)1);
    atomicAdd(counts + bins + place, (uint64)((key & ((1ll << 52) - 1)) >> 26));
    atomicAdd(counts + 2 * bins + place, (uint64)(key & ((1 << 26) - 1)));
  }
  if (local) {
    __syncthreads();
    for (int place = threadIdx.x; place < 3 * bins; place += blockDim.x)
      if (shared[place] > 0) atomicAdd(out + place, shared[place]);
  }
}

extern "C" __global__ void inside(const int64* windows, int count, const int64* keys, int64 rows,
                                  unsigned char* flags) {
  for (int64 i = grid_first(); i < rows; i += grid_step()) {
    int window = window_of(windows, count, keys[i]);
    flags[i] = window >= 0 && keys[i] <= windows[count + window];
  }
}
