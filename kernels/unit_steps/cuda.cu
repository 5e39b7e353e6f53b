// Steps around a circle of 2^64 points (see the contract). Sums of tiles, summed by the caller, say
// where each tile starts; crossings are counted per tile, then walked again and written.
#include "unit_scan.cuh"

struct Steps {  // sums of halves of 32 bits, the largest step and the first place that has it
  uint64 low, high, largest, first;
};

__device__ inline void join(Steps& steps, const Steps& other) {
  steps.low += other.low;
  steps.high += other.high;
  bool takes = other.largest > steps.largest ||
               (other.largest == steps.largest && other.first < steps.first);
  if (takes) {
    steps.largest = other.largest;
    steps.first = other.first;
  }
}

// That of all threads of the block, in thread 0, goes to out[0 … 3].
static __device__ void join_block(Steps mine, uint64* out) {
  __shared__ Steps per_warp[WARPS];
  for (int offset = 16; offset > 0; offset /= 2) {
    Steps other;
    other.low = __shfl_down_sync(ALL_LANES, mine.low, offset);
    other.high = __shfl_down_sync(ALL_LANES, mine.high, offset);
    other.largest = __shfl_down_sync(ALL_LANES, mine.largest, offset);
    other.first = __shfl_down_sync(ALL_LANES, mine.first, offset);
    if (threadIdx.x % 32 + offset < 32) join(mine, other);
  }
  if (threadIdx.x % 32 == 0) per_warp[threadIdx.x / 32] = mine;
  __syncthreads();
  if (threadIdx.x == 0) {
    for (int warp = 1; warp < WARPS; ++warp) join(mine, per_warp[warp]);
    out[0] = mine.low;
    out[1] = mine.high;
    out[2] = mine.largest;
    out[3] = mine.first;
  }
}

extern "C" __global__ void unit_steps(const double* x, int64 count, double first, double second,
                                      uint64* steps, uint64* parts) {
  Steps mine = {0, 0, 0, 0};
  for (int64 i = grid_first(); i < count; i += grid_step()) {
    double size = x[i] * first * second;
    uint64 step = size < 18446744073709551616.0 ? (uint64)rint(size) : 0;
    steps[i] = step;
    Steps one = {step & 0xFFFFFFFFull, step >> 32, step, step > 0 ? (uint64)i : 0};
    join(mine, one);
  }
  join_block(mine, parts + 4 * (int64)blockIdx.x);
}

// One block puts together what the blocks before it left.
extern "C" __global__ void join_parts(const uint64* parts, int64 count, uint64* out) {
  Steps mine = {0, 0, 0, 0};
  for (int64 i = threadIdx.x; i < count; i += THREADS) {
    Steps one = {parts[4 * i], parts[4 * i + 1], parts[4 * i + 2], parts[4 * i + 3]};
    join(mine, one);
  }
  join_block(mine, out);
}

extern "C" __global__ void tile_sums(const uint64* steps, int64 count, int64 tiles, uint64* sums) {
  for (int64 tile = blockIdx.x; tile < tiles; tile += gridDim.x) {
    uint64 mine = 0, total;
    for (int64 i = tile * TILE + threadIdx.x; i < min((tile + 1) * TILE, count); i += THREADS)
      mine += steps[i];
    block_scan(mine, total);
    if (threadIdx.x == 0) sums[tile] = total;
  }
}

extern "C" __global__ void count_crossings(const uint64* steps, int64 count, int64 tiles,
                                           const uint64* sums, const uint64* ends, uint64 position,
                                           int64* counts) {
  for (int64 tile = blockIdx.x; tile < tiles; tile += gridDim.x) {
    uint64 before = position + ends[tile] - sums[tile], mine = 0, total;
    for (int step = 0; step < STEPS; ++step) {
      int64 i = tile * TILE + step * THREADS + threadIdx.x;
      uint64 b = i < count ? steps[i] : 0;
      uint64 sum = before + block_scan(b, total);
      mine += sum < b;
      before += total;
    }
    block_scan(mine, total);
    if (threadIdx.x == 0) counts[tile] = (int64)total;
  }
}

extern "C" __global__ void write_crossings(const uint64* steps, int64 count, int64 tiles,
                                           const uint64* sums, const uint64* ends, uint64 position,
                                           const int64* counts, const int64* places, int64* out) {
  for (int64 tile = blockIdx.x; tile < tiles; tile += gridDim.x) {
    uint64 before = position + ends[tile] - sums[tile], total;
    int64 place = places[tile] - counts[tile];
    for (int step = 0; step < STEPS; ++step) {
      int64 i = tile * TILE + step * THREADS + threadIdx.x;
      uint64 b = i < count ? steps[i] : 0;
      uint64 sum = before + block_scan(b, total);
      before += total;
      uint64 here = block_scan(sum < b, total);
      if (sum < b) out[place + (int64)here - 1] = i;
      place += (int64)total;
    }
  }
}
