// Sums of |y|^p that neither overflow nor underflow: largest^p * total, merged in any order.
//
// NaN stays NaN and infinity infinite. p is at least 1; infinity gives the maximum.
#pragma once
#include "numbers.cuh"

struct PowerSum {
  double largest, total;
};

// x^p for 0 <= x < 1.
__device__ inline double power(double x, double p) {
  if (p == 1.0) return x;
  if (p == 2.0) return x * x;
  if (isinf(p)) return x * 0.0;
  return pow(x, p);
}

__device__ inline void merge(PowerSum& sum, const PowerSum& other, double p) {
  if (sum.largest == other.largest) {
    sum.total += other.total;
  } else if (other.largest > sum.largest) {
    sum.total = sum.total * power(sum.largest / other.largest, p) + other.total;
    sum.largest = other.largest;
  } else {
    sum.total += other.total * power(other.largest / sum.largest, p);
  }
}

__device__ inline void add(PowerSum& sum, double y, double p) {
  double size = fabs(y);
  if (size == 0.0) return;
  PowerSum one = {isnan(y) ? 0.0 : size, isnan(y) ? size : 1.0};
  merge(sum, one, p);
}

__device__ inline double root(const PowerSum& sum, double p) {
  if (p == 1.0) return sum.largest * sum.total;
  if (p == 2.0) return sum.largest * sqrt(sum.total);
  if (isinf(p)) return isnan(sum.total) ? sum.total : sum.largest;
  return sum.largest * pow(sum.total, 1.0 / p);
}

// The sum over groups of `width` lanes, a power of two, in every lane; for whole warps.
__device__ inline void merge_lanes(PowerSum& sum, int width, double p) {
  for (int offset = width / 2; offset > 0; offset /= 2) {
    PowerSum other;
    other.largest = __shfl_xor_sync(ALL_LANES, sum.largest, offset);
    other.total = __shfl_xor_sync(ALL_LANES, sum.total, offset);
    merge(sum, other, p);
  }
}
