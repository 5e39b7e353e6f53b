// Walsh-Hadamard transform: levels of sums and differences on tiles in shared memory.
#include "numbers.cuh"

// x is (groups, 2^levels, inner); the middle axis is transformed, `tile` columns at a time. Levels in
// ascending order, so the result has the bits of the CPU's.
extern "C" __global__ void levels(double* x, int64 groups, int levels, int64 inner, int tile) {
  DYNAMIC_SHARED(double, part);
  int count = 1 << levels;
  int64 tiles = (inner + tile - 1) / tile;
  for (int64 t = blockIdx.x; t < groups * tiles; t += gridDim.x) {
    int64 first = t % tiles * tile;
    int width = (int)min((int64)tile, inner - first);
    double* here = x + t / tiles * count * inner + first;
    for (int e = threadIdx.x; e < count * width; e += blockDim.x)
      part[e] = here[e / width * inner + e % width];
    __syncthreads();
    for (int h = 1; h < count; h *= 2) {
      for (int e = threadIdx.x; e < count / 2 * width; e += blockDim.x) {
        int pair = e / width;
        int row = 2 * pair - (pair & (h - 1));
        int low = row * width + e % width, high = low + h * width;
        double a = part[low], b = part[high];
        part[low] = a + b;
        part[high] = a - b;
      }
      __syncthreads();
    }
    // No barrier: a thread loads what it wrote back itself.
    for (int e = threadIdx.x; e < count * width; e += blockDim.x)
      here[e / width * inner + e % width] = part[e];
  }
}

extern "C" __global__ void add_signed_rows(const double* x, int64 rows, int64 d, int64 offset,
                                           const int64* chosen, int64 count, double scale,
                                           double* out) {
  for (int64 t = grid_first(); t < count * d; t += grid_step()) {
    int64 row = chosen[t / d];
    double factor = __popcll((uint64)(row & offset)) & 1 ? -scale : scale;
    out[t] += factor * x[(row & (rows - 1)) * d + t % d];
  }
}
