// Sparse sign sketch: entries of columns, and the sketch of a block with atomic additions.
#include "philox.cuh"

// Floyd's step: entry `entry` is uniform on 0 ... choices - 1, or the last of them if taken.
__device__ inline int64 place_of(uint32 word, int64 rows, int64 nonzeros, int64 entry) {
  uint64 choices = (uint64)(rows - nonzeros + entry + 1);
  return (int64)((word >> 1) * choices >> 31);
}

__device__ inline void draw_column(uint64 key, uint64 index, int64 rows, int64 nonzeros,
                                   int64* places, double* signs) {
  Words words;
  for (int64 entry = 0; entry < nonzeros; ++entry) {
    if (entry % 4 == 0) words = philox(key, index, (uint32)(entry / 4), 0);
    uint32 word = words.w[entry % 4];
    int64 place = place_of(word, rows, nonzeros, entry);
    bool taken = false;
    for (int64 other = 0; other < entry; ++other) taken |= places[other] == place;
    places[entry] = taken ? rows - nonzeros + entry : place;
    signs[entry] = word & 1u ? -1.0 : 1.0;
  }
}

extern "C" __global__ void columns(uint64 key, uint64 start, int64 rows, int64 nonzeros,
                                   int64 count, int64* places, double* signs) {
  for (int64 i = grid_first(); i < count; i += grid_step())
    draw_column(key, start + (uint64)i, rows, nonzeros, places + i * nonzeros, signs + i * nonzeros);
}

extern "C" __global__ void ragged_columns(uint64 key, uint64 start, int64 rows, const int64* indptr,
                                          int64 count, int64* places, double* signs) {
  for (int64 i = grid_first(); i < count; i += grid_step())
    draw_column(key, start + (uint64)i, rows, indptr[i + 1] - indptr[i], places + indptr[i],
                signs + indptr[i]);
}

// A warp takes 32 rows of the block: each lane draws one column into shared memory, twice the place
// plus one for a negative sign, then all walk over the numbers of the rows in the order of memory.
extern "C" __global__ void add_dense(uint64 key, uint64 start, const Real* block, int64 count,
                                     int64 d, int64 rows, int nonzeros, double scale, double* out) {
  DYNAMIC_SHARED(uint32, entries);
  int lane = threadIdx.x % 32;
  uint32* drawn = entries + threadIdx.x / 32 * 32 * nonzeros;
  for (int64 base = grid_first() / 32 * 32; base < count; base += grid_step()) {
    Words words;
    for (int entry = 0; entry < nonzeros; ++entry) {
      if (entry % 4 == 0)
        words = philox(key, start + (uint64)(base + lane), (uint32)(entry / 4), 0);
      uint32 word = words.w[entry % 4];
      uint32 place = (uint32)place_of(word, rows, nonzeros, entry);
      bool taken = false;
      for (int other = 0; other < entry; ++other) taken |= drawn[32 * other + lane] >> 1 == place;
      if (taken) place = (uint32)(rows - nonzeros + entry);
      drawn[32 * entry + lane] = place << 1 | (word & 1u);
    }
    __syncwarp();
    int64 numbers = min((int64)32, count - base) * d;
    int row = (int)(lane / d);
    int64 column = lane % d;
    for (int64 first = lane; first < numbers; first += 32) {
      double x = scale * as_double(block[base * d + first]);
      for (int entry = 0; entry < nonzeros; ++entry) {
        uint32 one = drawn[32 * entry + row];
        atomicAdd(out + (int64)(one >> 1) * d + column, one & 1u ? -x : x);
      }
      row += (int)(32 / d);
      column += 32 % d;
      if (column >= d) {
        column -= d;
        ++row;
      }
    }
    __syncwarp();
  }
}
