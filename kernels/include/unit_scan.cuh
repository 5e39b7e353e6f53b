// Running sums over a block of 256 threads, of integers modulo 2^64: the same in any order.
#pragma once
#include "numbers.cuh"

const int THREADS = 256;
const int WARPS = THREADS / 32;
const int STEPS = 8;  // a tile is this many rows per thread
const int64 TILE = STEPS * THREADS;

// The sum of what threads 0 … t bring, and that of all threads; every thread of the block calls it.
static __device__ uint64 block_scan(uint64 mine, uint64& total) {
  __shared__ uint64 per_warp[WARPS];
  int lane = threadIdx.x % 32, warp = threadIdx.x / 32;
  uint64 sum = mine;
  for (int offset = 1; offset < 32; offset *= 2) {
    uint64 below = __shfl_up_sync(ALL_LANES, sum, offset);
    if (lane >= offset) sum += below;
  }
  if (lane == 31) per_warp[warp] = sum;
  __syncthreads();
  total = 0;
  for (int other = 0; other < WARPS; ++other) {
    if (other < warp) sum += per_warp[other];
    total += per_warp[other];
  }
  __syncthreads();
  return sum;
}
