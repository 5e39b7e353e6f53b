// Duels of pivotal sampling between masses in units of 2^-64.
#pragma once
#include "numbers.cuh"

// Whether the newcomer with `step` goes on; `total` is the sum of both masses modulo 2^64.
__device__ inline bool newcomer_wins(uint64 step, uint64 total, double u) {
  if (total >= step) return u * (double)total < (double)step;  // less than one together
  double missing = total > 0 ? (double)(0 - total) : 18446744073709551616.0;
  return u * missing < (double)(0 - step);
}
