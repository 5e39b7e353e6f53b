// Combinations of rows, in the order of the index: a thread of the block owns an entry.
#pragma once
#include "numbers.cuh"

// out[i] = sum over j < count of x[j] rows[j, i], for i < width; a row has `stride` numbers.
__device__ inline void combine(const double* rows, int64 stride, const double* x, int64 count,
                               int64 width, double* out) {
  for (int64 i = threadIdx.x; i < width; i += blockDim.x) {
    double sum = 0.0;
    for (int64 j = 0; j < count; ++j) sum += x[j] * rows[j * stride + i];
    out[i] = sum;
  }
}
