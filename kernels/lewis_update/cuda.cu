// Steps of Lewis iterations (see the contract): one thread a row; extremes block by block.
#include "numbers.cuh"

const int WARPS = 8;  // of a block

struct Range {
  double least, most;
};

__device__ inline Range nothing() {
  double infinite = __longlong_as_double(0x7FF0000000000000ll);
  Range range = {infinite, -infinite};
  return range;
}

// NaN wins against every number.
__device__ inline void widen(Range& range, double low, double high) {
  if (low < range.least || isnan(low)) range.least = low;
  if (high > range.most || isnan(high)) range.most = high;
}

// The range of all threads of the block goes to out[0] and out[1].
static __device__ void join_block(Range mine, double* out) {
  __shared__ Range per_warp[WARPS];
  for (int offset = 16; offset > 0; offset /= 2) {
    double low = __shfl_xor_sync(ALL_LANES, mine.least, offset);
    double high = __shfl_xor_sync(ALL_LANES, mine.most, offset);
    widen(mine, low, high);
  }
  if (threadIdx.x % 32 == 0) per_warp[threadIdx.x / 32] = mine;
  __syncthreads();
  if (threadIdx.x == 0) {
    for (int warp = 1; warp < WARPS; ++warp)
      widen(mine, per_warp[warp].least, per_warp[warp].most);
    out[0] = mine.least;
    out[1] = mine.most;
  }
}

extern "C" __global__ void extremes(const double* h, const double* log_w, int64 count, double share,
                                    double* parts) {
  Range mine = nothing();
  for (int64 i = grid_first(); i < count; i += grid_step()) {
    double x = 2.0 * h[i] - share * log_w[i];
    widen(mine, x, x);
  }
  join_block(mine, parts + 2 * (int64)blockIdx.x);
}

// One block puts together what the blocks before it left.
extern "C" __global__ void join_parts(const double* parts, int64 count, double* out) {
  Range mine = nothing();
  for (int64 i = threadIdx.x; i < count; i += blockDim.x)
    widen(mine, parts[2 * i], parts[2 * i + 1]);
  join_block(mine, out);
}

extern "C" __global__ void steps(const double* h, const double* log_w, const double* before,
                                 int64 count, double p, double kept, double factor, double divisor,
                                 double* out) {
  for (int64 i = grid_first(); i < count; i += grid_step()) {
    double step = factor * (p * h[i] - log_w[i]) / divisor;
    out[i] = before ? kept * before[i] + step : step;
  }
}
