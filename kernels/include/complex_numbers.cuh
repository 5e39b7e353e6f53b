// Complex numbers in arrays of Real: real and imaginary parts side by side, or real parts alone.
#pragma once
#include "numbers.cuh"

// Rounds to float without what -ftz=true does to subnormal numbers.
__device__ inline void put(double* a, int64 i, double x) { a[i] = x; }
__device__ inline void put(float* a, int64 i, double x) {
#ifdef __CUDA_ARCH__
  float result;
  asm("cvt.rn.f32.f64 %0, %1;" : "=f"(result) : "d"(x));
  a[i] = result;
#else
  a[i] = (float)x;
#endif
}

struct Complex {
  double re, im;
};

// Element i of an array with `parts` numbers for each: 2, or 1 for real ones.
__device__ inline Complex load(const Real* a, int parts, int64 i) {
  Complex z = {as_double(a[parts * i]), parts == 2 ? as_double(a[2 * i + 1]) : 0.0};
  return z;
}
__device__ inline void store(Real* a, int parts, int64 i, Complex z) {
  put(a, parts * i, z.re);
  if (parts == 2) put(a, 2 * i + 1, z.im);
}
__device__ inline Complex operator+(Complex a, Complex b) {
  Complex z = {a.re + b.re, a.im + b.im};
  return z;
}
__device__ inline Complex operator-(Complex a, Complex b) {
  Complex z = {a.re - b.re, a.im - b.im};
  return z;
}
__device__ inline Complex operator*(Complex a, Complex b) {
  Complex z = {a.re * b.re - a.im * b.im, a.re * b.im + a.im * b.re};
  return z;
}
__device__ inline Complex conjugated(Complex a) {
  Complex z = {a.re, -a.im};
  return z;
}
__device__ inline double square(Complex a) { return a.re * a.re + a.im * a.im; }

// The sum over a warp, in every lane, in a fixed order.
__device__ inline double warp_sum(double mine) {
  for (int offset = 16; offset > 0; offset /= 2)
    mine += __shfl_xor_sync(ALL_LANES, mine, offset);
  return mine;
}
