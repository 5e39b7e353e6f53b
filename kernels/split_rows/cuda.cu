// Rows split into leading bits and the rest, exactly: groups of `width` lanes share a row.
#include "numbers.cuh"

__device__ inline double anchor(double largest, int64 bits) {
  if (largest == 0.0) return 0.0;
  int exponent = 0;
  if (isfinite(largest)) frexp(largest, &exponent);
  return ldexp(1.5, 52 + exponent - (int)bits);
}

__device__ inline double largest_of_lanes(double value, int width) {
  for (int offset = width / 2; offset > 0; offset /= 2)
    value = fmax(value, __shfl_xor_sync(ALL_LANES, value, offset));
  return value;
}

extern "C" __global__ void split_dense(const double* block, const double* column_scale, int64 bits,
                                       int64 rows, int64 d, int width, double* out) {
  int64 per_warp = 32 / width;
  for (int64 base = grid_first() / 32 * per_warp; base < rows; base += grid_step() / 32 * per_warp) {
    int64 i = base + threadIdx.x % 32 / width;
    int64 first = i < rows ? threadIdx.x % width : d;
    double largest = 0.0;
    for (int64 j = first; j < d; j += width)
      largest = fmax(largest, fabs(block[i * d + j] * column_scale[j]));
    double big = anchor(largest_of_lanes(largest, width), bits);
    for (int64 j = first; j < d; j += width) {
      double value = block[i * d + j] * column_scale[j];
      double high = (value + big) - big;
      out[2 * i * d + j] = high;
      out[(2 * i + 1) * d + j] = value - high;
    }
  }
}

extern "C" __global__ void split_csr(const Real* data, const Index* indices, const Index* indptr,
                                     const double* column_scale, int64 bits, int64 rows, int width,
                                     double* high, double* low) {
  int64 per_warp = 32 / width;
  for (int64 base = grid_first() / 32 * per_warp; base < rows; base += grid_step() / 32 * per_warp) {
    int64 i = base + threadIdx.x % 32 / width;
    int64 end = i < rows ? indptr[i + 1] : 0;
    int64 first = i < rows ? indptr[i] + threadIdx.x % width : 0;
    double largest = 0.0;
    for (int64 a = first; a < end; a += width)
      largest = fmax(largest, fabs(as_double(data[a]) * column_scale[indices[a]]));
    double big = anchor(largest_of_lanes(largest, width), bits);
    for (int64 a = first; a < end; a += width) {
      double value = as_double(data[a]) * column_scale[indices[a]];
      double part = (value + big) - big;
      high[a] = part;
      low[a] = value - part;
    }
  }
}
