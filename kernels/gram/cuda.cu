// Gram matrix of scaled rows: tiles of 64 x 64 numbers on and above the diagonal, 4 x 4 a thread, for
// each run of rows; then the runs are added in order.
#include "numbers.cuh"

const int SIDE = 64, DEPTH = 16;

extern "C" __global__ void gram_of_runs(const Real* A, const double* scale, int64 rows, int64 d,
                                        int64 run, int64 tiles, double* parts) {
  __shared__ double left[DEPTH][SIDE], right[DEPTH][SIDE];
  int across = threadIdx.x % 16, down = threadIdx.x / 16;
  int64 pairs = tiles * (tiles + 1) / 2, runs = (rows + run - 1) / run;
  for (int64 t = blockIdx.x; t < pairs * runs; t += gridDim.x) {
    int64 upper = 0, pair = t % pairs;
    for (; pair >= tiles - upper; ++upper) pair -= tiles - upper;
    int64 first = upper * SIDE, second = (upper + pair) * SIDE;
    int64 begin = t / pairs * run, end = min(begin + run, rows);
    double sum[4][4] = {};
    for (int64 top = begin; top < end; top += DEPTH) {
      for (int e = threadIdx.x; e < SIDE * DEPTH; e += 256) {
        int64 i = top + e / SIDE, j = first + e % SIDE, k = second + e % SIDE;
        double factor = i < end && scale ? scale[i] : 1.0;
        left[e / SIDE][e % SIDE] = i < end && j < d ? factor * as_double(A[i * d + j]) : 0.0;
        right[e / SIDE][e % SIDE] = i < end && k < d ? factor * as_double(A[i * d + k]) : 0.0;
      }
      __syncthreads();
      for (int l = 0; l < DEPTH; ++l)
        for (int r = 0; r < 4; ++r)
          for (int c = 0; c < 4; ++c)
            sum[r][c] = fma(left[l][4 * down + r], right[l][across + 16 * c], sum[r][c]);
      __syncthreads();
    }
    for (int r = 0; r < 4; ++r) {
      for (int c = 0; c < 4; ++c) {
        int64 j = first + 4 * down + r, k = second + across + 16 * c;
        if (j < d && k < d) parts[(t / pairs * d + j) * d + k] = sum[r][c];
      }
    }
  }
}

// Both triangles of the result from what is on and above the diagonal of tiles.
extern "C" __global__ void add_runs(const double* parts, int64 runs, int64 d, double* out) {
  for (int64 t = grid_first(); t < d * d; t += grid_step()) {
    int64 j = min(t / d, t % d), k = max(t / d, t % d);
    double total = 0.0;
    for (int64 run = 0; run < runs; ++run) total += parts[(run * d + j) * d + k];
    out[t] += total;
  }
}
