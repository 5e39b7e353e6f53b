// Types, dynamic shared memory, and the index of a thread in the grid.
#pragma once

typedef unsigned int uint32;
typedef long long int64;
typedef unsigned long long uint64;

// A launch may define these otherwise: arrays of float, indices of 64 bits.
#ifndef Real
#define Real double
#endif
#ifndef Index
#define Index int
#endif

#ifndef DYNAMIC_SHARED
#define DYNAMIC_SHARED(type, name)                              \
  extern __shared__ __align__(16) unsigned char shared_bytes[]; \
  type* name = reinterpret_cast<type*>(shared_bytes)
#endif

// Exact for subnormal numbers too, which CuPy's -ftz=true would make zero.
__device__ inline double as_double(double x) { return x; }
__device__ inline double as_double(float x) {
#ifdef __CUDA_ARCH__
  double result;
  asm("cvt.f64.f32 %0, %1;" : "=d"(result) : "f"(x));
  return result;
#else
  return (double)x;
#endif
}

const uint32 ALL_LANES = 0xFFFFFFFFu;

// Loops run `for (int64 i = grid_first(); i < count; i += grid_step())`: any grid does any count.
__device__ inline int64 grid_first() { return (int64)blockIdx.x * blockDim.x + threadIdx.x; }
__device__ inline int64 grid_step() { return (int64)gridDim.x * blockDim.x; }
