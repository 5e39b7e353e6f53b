// Entries of a sparse matrix sorted by (row << 32 | entry): where those of a row begin.
#pragma once
#include "numbers.cuh"

__device__ inline int64 lower_bound(const uint64* keys, int64 count, uint64 value) {
  int64 low = 0, high = count;
  while (low < high) {
    int64 middle = (low + high) / 2;
    if (keys[middle] < value)
      low = middle + 1;
    else
      high = middle;
  }
  return low;
}
