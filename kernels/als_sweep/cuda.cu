// A sweep for many small problems (see the contract): a block for each to solve, a warp to sum.
#include "complex_numbers.cuh"

const int GROUP = 8;  // right-hand sides at a time

__device__ inline int64 row(int64 i) { return i * (i + 1) / 2; }

// The part of row i, column k of a lower triangle.
__device__ inline Complex entry(const double* re, const double* im, int parts, int64 i, int64 k) {
  Complex z = {re[row(i) + k], parts == 2 ? im[row(i) + k] : 0.0};
  return z;
}

// The lower triangle of the Gram matrix: imaginary parts come mirrored, above the diagonal.
static __device__ void add_up(const double* squares, const double* d, int64 m, int64 n, int parts,
                              double* re, double* im) {
  for (int64 e = threadIdx.x; e < n * n; e += blockDim.x) {
    int64 r = e / n, c = e % n;
    if (r < c && parts == 1) continue;
    double sum = 0.0;
    for (int64 s = 0; s < m; ++s) sum += square(load(d, parts, s)) * squares[s * n * n + e];
    if (r >= c) re[row(r) + c] = sum;
    if (r < c) im[row(c) + r] = sum;
    if (r == c && parts == 2) im[row(r) + r] = 0.0;
  }
}

// The factor below the diagonal, and the reciprocals of its diagonal; whether there is one.
static __device__ bool cholesky(double* re, double* im, double* unit, int64 n, int parts) {
  __syncthreads();  // the matrix is there
  double trace = 0.0;
  for (int64 i = 0; i < n; ++i) trace += re[row(i) + i];
  double ridge = 2.220446049250313e-16 * (trace > 0.0 ? trace : 1.0) / n;
  for (int64 j = 0; j < n; ++j) {
    __syncthreads();  // everyone has read the diagonal, and the step before is done
    double pivot = re[row(j) + j] + ridge;
    if (!(pivot > 0.0)) return false;  // for all threads alike
    double factor = 1.0 / sqrt(pivot);
    if (threadIdx.x == 0) unit[j] = factor;
    for (int64 i = j + 1 + threadIdx.x; i < n; i += blockDim.x) {
      re[row(i) + j] *= factor;
      if (parts == 2) im[row(i) + j] *= factor;
    }
    __syncthreads();  // the column is there
    int64 left = n - j - 1;
    for (int64 e = threadIdx.x; e < left * left; e += blockDim.x) {
      int64 i = j + 1 + e / left, k = j + 1 + e % left;
      if (k > i) continue;
      Complex z = entry(re, im, parts, i, j) * conjugated(entry(re, im, parts, k, j));
      re[row(i) + k] -= z.re;
      if (parts == 2) im[row(i) + k] -= z.im;
    }
  }
  return true;
}

// Right-hand sides in shared memory; each has n elements. The last step of each loop has a barrier
// and nothing to do, and what is done to b in between is done by the thread that owns the number.
static __device__ void solve(const double* re, const double* im, const double* unit, int64 n,
                             int parts, int64 sides, double* b) {
  for (int64 i = 0; i < n; ++i) {
    __syncthreads();
    for (int64 e = threadIdx.x; e < sides * (n - i - 1); e += blockDim.x) {
      int64 side = e / (n - i - 1) * n, k = i + 1 + e % (n - i - 1);
      Complex x = load(b, parts, side + i);
      x.re *= unit[i];
      x.im *= unit[i];
      store(b, parts, side + k, load(b, parts, side + k) - entry(re, im, parts, k, i) * x);
    }
  }
  for (int64 e = threadIdx.x; e < sides * n * parts; e += blockDim.x) b[e] *= unit[e / parts % n];
  for (int64 i = n - 1; i >= 0; --i) {
    __syncthreads();
    for (int64 e = threadIdx.x; e < sides * i; e += blockDim.x) {
      int64 side = e / i * n, k = e % i;
      Complex x = load(b, parts, side + i);
      x.re *= unit[i];
      x.im *= unit[i];
      Complex z = conjugated(entry(re, im, parts, i, k)) * x;
      store(b, parts, side + k, load(b, parts, side + k) - z);
    }
  }
}

extern "C" __global__ void signal_step(const double* squares, int64 own, const double* d,
                                       const double* right, const int* active, int64 count,
                                       int64 m, int64 signals, int64 grams, int64 n, int parts,
                                       double* t, int* good) {
  DYNAMIC_SHARED(double, memory);
  double *re = memory, *im = re + row(n), *unit = im + (parts == 2 ? row(n) : 0), *b = unit + n;
  for (int64 problem = blockIdx.x; problem < count; problem += gridDim.x) {
    if (threadIdx.x == 0) good[problem] = 1;
    if (!active[problem]) continue;
    for (int64 g = 0; g < grams; ++g) {
      __syncthreads();  // everyone knows of a matrix before that had no factor
      add_up(squares + (problem * own * grams + g) * m * n * n, d + problem * m * parts, m, n,
             parts, re, im);
      if (!cholesky(re, im, unit, n, parts)) {
        if (threadIdx.x == 0) good[problem] = 0;
        continue;
      }
      int64 first = grams > 1 ? g : 0, last = grams > 1 ? g + 1 : signals;
      for (; first < last; first += GROUP) {
        int64 sides = last - first < GROUP ? last - first : GROUP;
        int64 start = (problem * signals + first) * n * parts;
        for (int64 e = threadIdx.x; e < sides * n * parts; e += blockDim.x) b[e] = right[start + e];
        solve(re, im, unit, n, parts, sides, b);
        for (int64 e = threadIdx.x; e < sides * n * parts; e += blockDim.x)
          t[start + e] = b[e] * unit[e / parts % n];
      }
    }
  }
}

extern "C" __global__ void gain_sums(const double* y, const double* d, const double* v,
                                     const int* active, int64 count, int64 p, int64 m, int parts,
                                     const double* old_top, const double* old_below,
                                     const double* old_data, const double* old_cost,
                                     const double* old_change, double* top, double* below,
                                     double* data, double* cost, double* change) {
  int lane = threadIdx.x % 32;
  for (int64 k = grid_first() / 32; k < count; k += grid_step() / 32) {
    double left = 0.0, moved = 0.0;
    for (int64 j = lane; j < m; j += 32) {
      int64 at = k * m + j;
      Complex gain = load(d, parts, at), above = {0.0, 0.0};
      double under = 0.0;
      for (int64 l = 0; l < p; ++l) {
        int64 e = (k * p + l) * m + j;
        Complex before = load(old_data, parts, e), now = before;
        if (active[k]) {
          Complex one = load(v, parts, e), value = load(y, parts, e);
          now = gain * one;
          above = above + conjugated(one) * value;
          under += square(one);
          left += square(value - now);
          moved += square(now - before);
        }
        store(data, parts, e, now);
      }
      store(top, parts, at, active[k] ? above : load(old_top, parts, at));
      below[at] = active[k] ? under : old_below[at];
    }
    left = warp_sum(left);
    moved = warp_sum(moved);
    if (lane > 0) continue;
    cost[k] = active[k] ? left : old_cost[k];
    change[k] = active[k] ? moved : old_change[k];
  }
}
