// Largest absolute values per column and row, as integers of their bits (see the contract).
#include "numbers.cuh"

#ifndef Bits
#define Bits long long
#endif

__device__ inline Bits magnitude(Bits bits) { return bits & (Bits)(~(1ull << (8 * sizeof(Bits) - 1))); }

__device__ inline Bits largest_of_lanes(Bits value, int width) {
  for (int offset = width / 2; offset > 0; offset /= 2)
    value = max(value, (Bits)__shfl_xor_sync(ALL_LANES, value, offset));
  return value;
}

// Groups of `width` lanes, a power of two, go down the rows of a strip of `width` columns.
extern "C" __global__ void column_and_row_max(const Bits* block, int64 rows, int64 columns,
                                              int width, Bits* column, Bits* row) {
  __shared__ Bits tops[256];
  int lane = threadIdx.x % width, groups = blockDim.x / width;
  for (int64 strip = blockIdx.y; strip * width < columns; strip += gridDim.y) {
    int64 j = strip * width + lane;
    Bits top = 0;
    for (int64 base = (int64)blockIdx.x * groups; base < rows; base += (int64)gridDim.x * groups) {
      int64 i = base + threadIdx.x / width;
      Bits value = i < rows && j < columns ? magnitude(block[i * columns + j]) : 0;
      top = max(top, value);
      value = largest_of_lanes(value, width);
      if (lane == 0 && i < rows) atomicMax(row + i, value);
    }
    tops[threadIdx.x] = top;
    __syncthreads();
    if (threadIdx.x < width && j < columns) {
      for (int g = 1; g < groups; ++g) top = max(top, tops[g * width + lane]);
      atomicMax(column + j, top);
    }
    __syncthreads();
  }
}

extern "C" __global__ void csr_column_and_row_max(const Bits* data, const Index* indices,
                                                  const Index* indptr, int64 rows, int width,
                                                  Bits* column, Bits* row) {
  int64 per_warp = 32 / width;
  for (int64 base = grid_first() / 32 * per_warp; base < rows; base += grid_step() / 32 * per_warp) {
    int64 i = base + threadIdx.x % 32 / width;
    Bits top = 0;
    if (i < rows) {
      for (int64 a = indptr[i] + threadIdx.x % width; a < indptr[i + 1]; a += width) {
        Bits value = magnitude(data[a]);
        atomicMax(column + indices[a], value);
        top = max(top, value);
      }
    }
    top = largest_of_lanes(top, width);
    if (i < rows && threadIdx.x % width == 0) row[i] = top;
  }
}
