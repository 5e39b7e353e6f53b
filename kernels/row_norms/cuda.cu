// ||a_i M||_p of dense rows, without writing the product A M: tiles of 64 x 64 numbers of it live in
// registers, 4 x 4 a thread, and are folded into one sum per row before the next tile.
#include "power_sum.cuh"

const int SIDE = 64, DEPTH = 16;

extern "C" __global__ void product_row_norms(const Real* A, int64 rows, int64 d, const double* M,
                                             int64 k, double p, double* out) {
  __shared__ double left[DEPTH][SIDE + 1];
  __shared__ double right[DEPTH][SIDE];
  int across = threadIdx.x % 16, down = threadIdx.x / 16;
  for (int64 top = (int64)blockIdx.x * SIDE; top < rows; top += (int64)gridDim.x * SIDE) {
    PowerSum sums[4] = {{0.0, 0.0}, {0.0, 0.0}, {0.0, 0.0}, {0.0, 0.0}};
    for (int64 first = 0; first < k; first += SIDE) {
      double y[4][4] = {};
      for (int64 deep = 0; deep < d; deep += DEPTH) {
        for (int e = threadIdx.x; e < SIDE * DEPTH; e += 256) {
          int64 i = top + e / DEPTH, l = deep + e % DEPTH;
          left[e % DEPTH][e / DEPTH] = i < rows && l < d ? as_double(A[i * d + l]) : 0.0;
          l = deep + e / SIDE;
          int64 j = first + e % SIDE;
          right[e / SIDE][e % SIDE] = l < d && j < k ? M[l * k + j] : 0.0;
        }
        __syncthreads();
        for (int l = 0; l < DEPTH; ++l)
          for (int r = 0; r < 4; ++r)
            for (int c = 0; c < 4; ++c)
              y[r][c] = fma(left[l][4 * down + r], right[l][across + 16 * c], y[r][c]);
        __syncthreads();
      }
      for (int r = 0; r < 4; ++r) {
        PowerSum tile = {0.0, 0.0};
        for (int c = 0; c < 4; ++c)  // zeros beyond k times infinity are NaN
          if (first + across + 16 * c < k) add(tile, y[r][c], p);
        merge_lanes(tile, 16, p);
        merge(sums[r], tile, p);
      }
    }
    for (int r = 0; r < 4; ++r) {
      int64 i = top + 4 * down + r;
      if (across == 0 && i < rows) out[i] = root(sums[r], p);
    }
  }
}

// The same of a product that is there: a group of `width` lanes per row.
extern "C" __global__ void row_norms(const Real* Y, int64 rows, int64 k, double p, int width,
                                     double* out) {
  int64 per_warp = 32 / width;
  for (int64 base = grid_first() / 32 * per_warp; base < rows; base += grid_step() / 32 * per_warp) {
    int64 i = base + threadIdx.x % 32 / width;
    PowerSum sum = {0.0, 0.0};
    if (i < rows)
      for (int64 j = threadIdx.x % width; j < k; j += width) add(sum, as_double(Y[i * k + j]), p);
    merge_lanes(sum, width, p);
    if (i < rows && threadIdx.x % width == 0) out[i] = root(sum, p);
  }
}
