// CountSketch: rows and signs of columns, and the sketch of a block with atomic additions.
#include "philox.cuh"

// Twice the row, plus one for a negative sign.
__device__ inline uint64 draw_column(uint64 key, uint64 index, uint32 draw, uint64 rows) {
  Words words = philox(key, index, 0, draw);
  return (words.w[0] * rows >> 32) << 1 | (words.w[1] & 1u);
}

extern "C" __global__ void columns(uint64 key, uint64 start, uint32 draw, uint64 rows, int64 count,
                                   int64* places, double* signs) {
  for (int64 i = grid_first(); i < count; i += grid_step()) {
    uint64 column = draw_column(key, start + (uint64)i, draw, rows);
    places[i] = (int64)(column >> 1);
    signs[i] = column & 1u ? -1.0 : 1.0;
  }
}

// A warp takes 32 rows of the block: each lane draws one, then all walk over their numbers in the
// order of memory, whatever the width d is.
extern "C" __global__ void add_dense(uint64 key, uint64 start, const Real* block, int64 count,
                                     int64 d, uint64 rows, double* out) {
  int lane = threadIdx.x % 32;
  for (int64 base = grid_first() / 32 * 32; base < count; base += grid_step()) {
    uint64 mine = draw_column(key, start + (uint64)(base + lane), 0, rows);
    int64 numbers = min((int64)32, count - base) * d;
    int row = (int)(lane / d);
    int64 column = lane % d;
    for (int64 first = 0; first < numbers; first += 32) {
      uint64 drawn = __shfl_sync(ALL_LANES, mine, row & 31);
      if (first + lane < numbers) {
        double x = as_double(block[base * d + first + lane]);
        atomicAdd(out + (int64)(drawn >> 1) * d + column, drawn & 1u ? -x : x);
      }
      row += (int)(32 / d);
      column += 32 % d;
      if (column >= d) {
        column -= d;
        ++row;
      }
    }
  }
}
