// Rows that a Poisson sample keeps, in ascending order: count per tile, sum on the host's order, then
// the same decisions again with a place for each. Drawing twice is cheaper than keeping flags.
#include "philox.cuh"

const int STEPS = 8;  // a tile is this many rows per thread

__device__ inline bool kept(uint64 key, uint64 start, const double* q, double least, int64 i,
                            int64 count) {
  if (i >= count) return false;
  Words words = philox(key, start + (uint64)i, 0, 0);
  return open_unit(words.w[0], words.w[1]) < q[i] && q[i] >= least;
}

extern "C" __global__ void count_kept(uint64 key, uint64 start, const double* q, double least,
                                      int64 count, int64 tiles, int64* counts) {
  __shared__ int per_warp[8];
  for (int64 tile = blockIdx.x; tile < tiles; tile += gridDim.x) {
    int mine = 0;
    for (int step = 0; step < STEPS; ++step) {
      int64 i = (tile * STEPS + step) * blockDim.x + threadIdx.x;
      mine += __popc(__ballot_sync(ALL_LANES, kept(key, start, q, least, i, count)));
    }
    if (threadIdx.x % 32 == 0) per_warp[threadIdx.x / 32] = mine;
    __syncthreads();
    if (threadIdx.x == 0) {
      int64 total = 0;
      for (int warp = 0; warp < 8; ++warp) total += per_warp[warp];
      counts[tile] = total;
    }
    __syncthreads();
  }
}

extern "C" __global__ void write_kept(uint64 key, uint64 start, const double* q, double least,
                                      int64 count, int64 tiles, const int64* counts,
                                      const int64* ends, int64* out) {
  __shared__ int per_warp[8];
  int warp = threadIdx.x / 32, lane = threadIdx.x % 32;
  for (int64 tile = blockIdx.x; tile < tiles; tile += gridDim.x) {
    int64 place = ends[tile] - counts[tile];
    for (int step = 0; step < STEPS; ++step) {
      int64 i = (tile * STEPS + step) * blockDim.x + threadIdx.x;
      bool mine = kept(key, start, q, least, i, count);
      uint32 votes = __ballot_sync(ALL_LANES, mine);
      if (lane == 0) per_warp[warp] = __popc(votes);
      __syncthreads();
      int64 here = place + __popc(votes & ((1u << lane) - 1u));
      for (int other = 0; other < 8; ++other) {
        if (other < warp) here += per_warp[other];
        place += per_warp[other];
      }
      if (mine) out[here] = (int64)start + i;
      __syncthreads();
    }
  }
}
