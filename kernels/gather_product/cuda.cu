// Tensor-product features gathered from tables: one thread a feature of a point, or one warp a point.
#include "numbers.cuh"

const int64 FAR_BELOW = -2000;  // exponents this much below the largest contribute nothing

extern "C" __global__ void gather_product(const double* table, int64 points, int64 width,
                                          const int64* starts, const int64* columns, int64 m,
                                          double* out) {
  for (int64 t = grid_first(); t < points * m; t += grid_step()) {
    const double* row = table + t / m * width;
    double value = 1.0;
    for (int64 k = starts[t % m]; k < starts[t % m + 1]; ++k) value *= row[columns[k]];
    out[t] = value;
  }
}

// A mantissa of size 1/2 to 1, or 0, and its binary exponent.
__device__ inline double feature(const double* row, const int64* exponents, const int64* columns,
                                 int64 begin, int64 end, int64* power) {
  double value = 1.0;
  *power = 0;
  for (int64 k = begin; k < end; ++k) {
    int shift = 0;
    value *= row[columns[k]];
    if (isfinite(value)) value = frexp(value, &shift);
    *power += exponents[columns[k]] + shift;
  }
  return value;
}

extern "C" __global__ void gather_product_scaled(const double* table, const int64* exponents,
                                                 int64 points, int64 width, const int64* starts,
                                                 const int64* columns, int64 m, double* out) {
  int lane = threadIdx.x % 32;
  for (int64 i = grid_first() / 32; i < points; i += grid_step() / 32) {
    const double* row = table + i * width;
    const int64* row_exponents = exponents + i * width;
    int64 top = -(1ll << 62), power;
    for (int64 r = lane; r < m; r += 32)
      if (feature(row, row_exponents, columns, starts[r], starts[r + 1], &power) != 0.0)
        top = max(top, power);
    for (int offset = 16; offset > 0; offset /= 2)
      top = max(top, __shfl_xor_sync(ALL_LANES, top, offset));
    double total = 0.0;
    for (int64 r = lane; r < m; r += 32) {
      double value = feature(row, row_exponents, columns, starts[r], starts[r + 1], &power);
      value = value == 0.0 || power - top < FAR_BELOW ? 0.0 : ldexp(value, (int)(power - top));
      out[i * m + r] = value;
      total += value * value;
    }
    for (int offset = 16; offset > 0; offset /= 2)
      total += __shfl_xor_sync(ALL_LANES, total, offset);
    double factor = total > 0.0 ? 1.0 / sqrt(total) : 0.0;
    for (int64 r = lane; r < m; r += 32) out[i * m + r] *= factor;
  }
}
