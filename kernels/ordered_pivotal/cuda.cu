// Ordered pivotal sampling (see the contract), all duels at once: a scan gives every row the mass it
// meets, which decides its duel; the row that stands before it is the last newcomer that won.
#include "duel.cuh"
#include "unit_scan.cuh"

struct Duel {
  bool wins, accepts;
};

// The duel of this thread's row, given the mass before the first row of the block, which it advances.
__device__ inline Duel duel_of(const uint64* steps, const double* uniforms, int64 i, int64 count,
                               uint64& mass) {
  uint64 step = i < count ? steps[i] : 0, all;
  uint64 total = mass + block_scan(step, all);
  mass += all;
  Duel duel = {step > 0 && newcomer_wins(step, total, uniforms[i]), total < step};
  return duel;
}

// Per tile: how many rows are accepted, and one more than the last row that won, or 0.
extern "C" __global__ void count_accepted(const uint64* steps, const double* uniforms, int64 count,
                                          int64 tiles, const uint64* sums, const uint64* ends,
                                          uint64 mass, int64* counts, int64* winners) {
  __shared__ int64 last[WARPS];
  for (int64 tile = blockIdx.x; tile < tiles; tile += gridDim.x) {
    uint64 before = mass + ends[tile] - sums[tile], accepted = 0, total;
    int64 winner = 0;
    for (int step = 0; step < STEPS; ++step) {
      int64 first = tile * TILE + step * THREADS + threadIdx.x / 32 * 32;
      Duel duel = duel_of(steps, uniforms, first + threadIdx.x % 32, count, before);
      uint32 wins = __ballot_sync(ALL_LANES, duel.wins);
      if (wins) winner = first + 32 - __clz(wins);
      accepted += duel.accepts;
    }
    if (threadIdx.x % 32 == 0) last[threadIdx.x / 32] = winner;
    block_scan(accepted, total);
    if (threadIdx.x == 0) {
      for (int warp = 1; warp < WARPS; ++warp) winner = max(winner, last[warp]);
      counts[tile] = (int64)total;
      winners[tile] = winner;
    }
  }
}

// One block: the largest of winners[0 … tile] in place.
extern "C" __global__ void last_winners(int64 tiles, int64* winners) {
  __shared__ int64 last[WARPS];
  int lane = threadIdx.x % 32, warp = threadIdx.x / 32;
  int64 carried = 0;
  for (int64 first = 0; first < tiles; first += THREADS) {
    int64 tile = first + threadIdx.x;
    int64 winner = tile < tiles ? winners[tile] : 0;
    for (int offset = 1; offset < 32; offset *= 2) {
      int64 below = __shfl_up_sync(ALL_LANES, winner, offset);
      if (lane >= offset) winner = max(winner, below);
    }
    if (lane == 31) last[warp] = winner;
    __syncthreads();
    winner = max(winner, carried);
    for (int other = 0; other < WARPS; ++other) {
      if (other < warp) winner = max(winner, last[other]);
      carried = max(carried, last[other]);
    }
    if (tile < tiles) winners[tile] = winner;
    __syncthreads();
  }
}

extern "C" __global__ void write_accepted(const uint64* steps, const double* uniforms, int64 count,
                                          int64 tiles, const uint64* sums, const uint64* ends,
                                          uint64 mass, const int64* counts, const int64* winners,
                                          const int64* places, int64 start, int64 standing,
                                          int64* accepted) {
  __shared__ int64 last[WARPS];
  int lane = threadIdx.x % 32, warp = threadIdx.x / 32;
  for (int64 tile = blockIdx.x; tile < tiles; tile += gridDim.x) {
    uint64 before = mass + ends[tile] - sums[tile], total;
    int64 place = places[tile] - counts[tile];
    int64 winner = tile > 0 ? winners[tile - 1] : 0;
    for (int step = 0; step < STEPS; ++step) {
      int64 first = tile * TILE + step * THREADS + warp * 32;
      Duel duel = duel_of(steps, uniforms, first + lane, count, before);
      uint32 wins = __ballot_sync(ALL_LANES, duel.wins);
      if (lane == 0) last[warp] = wins ? first + 32 - __clz(wins) : 0;
      uint64 here = block_scan(duel.accepts, total);
      int64 stands = winner;  // the last winner before this row
      for (int other = 0; other < WARPS; ++other) {
        if (other < warp) stands = max(stands, last[other]);
        winner = max(winner, last[other]);
      }
      uint32 earlier = wins & ((1u << lane) - 1u);
      if (earlier) stands = first + 32 - __clz(earlier);
      if (duel.accepts) {
        int64 held = stands > 0 ? start + stands - 1 : standing;
        accepted[place + (int64)here - 1] = duel.wins ? held : start + first + lane;
      }
      place += (int64)total;
    }
  }
}
