// Running sums within blocks of entries: a warp does 32 blocks, a lane adds up one of them, and tiles
// of 32 entries of each go through shared memory so that the warp reads what lies together.
#include "numbers.cuh"

const int LANES = 32;

extern "C" __global__ void running_sums(const double* values, int64 count, int64 block,
                                        double* sums) {
  __shared__ double tile[LANES][LANES + 1];
  int lane = threadIdx.x;
  for (int64 first = blockIdx.x * LANES * block; first < count; first += gridDim.x * LANES * block) {
    double total = 0.0;
    for (int64 left = 0; left < block; left += LANES) {
      for (int row = 0; row < LANES; ++row) {
        int64 i = first + row * block + left + lane;
        tile[row][lane] = i < count ? values[i] : 0.0;
      }
      __syncwarp();
      for (int column = 0; column < LANES; ++column)
        tile[lane][column] = total += tile[lane][column];
      __syncwarp();
      for (int row = 0; row < LANES; ++row) {
        int64 i = first + row * block + left + lane;
        if (i < count) sums[i] = tile[row][lane];
      }
      // No barrier: a lane writes next what it read here itself.
    }
  }
}
