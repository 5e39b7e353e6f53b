// Draws of a projection DPP, one per block. A thread owns an entry of the result and adds up in the
// order of the index, as the CPU does.
#include "combine.cuh"

const int THREADS = 128, WARPS = THREADS / 32, WINDOW = 32, TILE = 32, REFRESH = 64;

// out = x - sum over i < k of coefficients[i] rows[i]; out may be x.
__device__ inline void deduct(const double* rows, const double* coefficients, const double* x,
                              int64 r, int64 k, double* out) {
  for (int64 j = threadIdx.x; j < r; j += THREADS) {
    double rest = x[j];
    for (int64 i = 0; i < k; ++i) rest -= coefficients[i] * rows[i * r + j];
    out[j] = rest;
  }
}

// x less its projection on the k rows, orthogonalised twice; the squared length in every thread.
__device__ inline double residual_of(const double* rows, const double* columns, const double* x,
                                     int64 r, int64 k, double* coefficients, double* residual,
                                     double* square) {
  combine(columns, r, x, r, k, coefficients);
  __syncthreads();
  deduct(rows, coefficients, x, r, k, residual);
  __syncthreads();
  combine(columns, r, residual, r, k, coefficients);
  __syncthreads();
  deduct(rows, coefficients, residual, r, k, residual);
  __syncthreads();
  if (threadIdx.x == 0) {
    double sum = 0.0;
    for (int64 j = 0; j < r; ++j) sum += residual[j] * residual[j];
    *square = sum;
  }
  __syncthreads();
  return *square;
}

// The residual over its length becomes row k.
__device__ inline void append(double* rows, double* columns, int64 r, int64 k, double length,
                              double* residual) {
  for (int64 j = threadIdx.x; j < r; j += THREADS) {
    double v = residual[j] / length;
    residual[j] = v;
    rows[k * r + j] = v;
    columns[j * r + k] = v;
  }
  __syncthreads();
}

extern "C" __global__ void accept_proposals(const double* features, const double* envelope,
                                  const double* points, const int64* which, int64 draws,
                                  int64 count, int64 r, int64 cap, double negligible,
                                  double* basis, int64* chosen, int64* counts) {
  __shared__ double squares[WINDOW][TILE + 1], square;
  __shared__ int next;
  DYNAMIC_SHARED(double, coefficients);
  double* residual = coefficients + r;
  int lane = threadIdx.x % 32, warp = threadIdx.x / 32;
  for (int64 g = blockIdx.x; g < draws; g += gridDim.x) {
    int64 b = which[g];
    double *rows = basis + 2 * b * r * r, *columns = rows + r * r;
    int64 k = counts[3 * b], looked = counts[3 * b + 1], since = counts[3 * b + 2];
    if (k == r || since > cap) continue;
    for (int64 first = 0; first < count && k < r && since <= cap; first += WINDOW) {
      int width = (int)min((int64)WINDOW, count - first), done = 0;
      const double *U = features + (g * count + first) * r, *bound = envelope + g * count + first,
                   *test = points + g * count + first;
      // The first warp keeps a proposal in each lane: what is left of its squared length.
      bool mine = threadIdx.x < width;
      double rho = 0.0;
      if (mine)
        for (int64 j = 0; j < r; ++j) rho += U[lane * r + j] * U[lane * r + j];
      for (int64 left = 0; left < k; left += TILE) {
        int64 i = left + lane;
        double sum[WINDOW / WARPS] = {};
        if (i < k) {
          for (int64 j = 0; j < r; ++j) {
            double v = columns[j * r + i];
            for (int s = 0; s < WINDOW / WARPS; ++s) {
              int p = s * WARPS + warp;
              if (p < width) sum[s] += U[p * r + j] * v;
            }
          }
        }
        for (int s = 0; s < WINDOW / WARPS; ++s)
          squares[s * WARPS + warp][lane] = sum[s] * sum[s];
        __syncthreads();
        if (mine)
          for (int l = 0; l < TILE && left + l < k; ++l) rho -= squares[lane][l];
        __syncthreads();
      }
      while (k < r) {
        if (threadIdx.x < 32) {
          uint32 likely =
              __ballot_sync(ALL_LANES, mine && lane >= done && test[lane] * bound[lane] < rho);
          if (lane == 0) next = likely ? __ffs((int)likely) - 1 : width;
        }
        __syncthreads();
        int row = next;
        since += row - done + (row < width);
        if (row == width || since > cap) break;
        done = row + 1;
        double length = residual_of(rows, columns, U + row * r, r, k, coefficients, residual,
                                    &square);
        if (test[row] * bound[row] >= length || length <= negligible * bound[row]) continue;
        if (threadIdx.x == 0) chosen[b * r + k] = looked + row;
        append(rows, columns, r, k, sqrt(length), residual);
        ++k;
        since = 0;
        if (mine && lane >= done) {
          double c = 0.0;
          for (int64 j = 0; j < r; ++j) c += U[lane * r + j] * residual[j];
          rho -= c * c;
        }
      }
      looked += k < r ? width : done;
      __syncthreads();
    }
    if (threadIdx.x == 0) {
      counts[3 * b] = k;
      counts[3 * b + 1] = looked;
      counts[3 * b + 2] = since;
    }
  }
}

// Scratch of a block: basis (2, r, r), rest (r, n), sums (3, n).
extern "C" __global__ void chain_rule(const double* columns, const double* points, int64 draws, int64 n,
                                 int64 r, double negligible, double* basis, double* rest,
                                 double* sums, int64* chosen) {
  __shared__ double square;
  __shared__ int64 place;
  DYNAMIC_SHARED(double, coefficients);
  double* residual = coefficients + r;
  double *rows = basis + 2 * blockIdx.x * r * r, *across = rows + r * r;
  double *leverage = sums + 3 * blockIdx.x * n, *rho = leverage + n, *ends = rho + n;
  rest += blockIdx.x * r * n;
  for (int64 i = threadIdx.x; i < n; i += THREADS) {
    double sum = 0.0;
    for (int64 j = 0; j < r; ++j) sum += columns[j * n + i] * columns[j * n + i];
    leverage[i] = sum;
  }
  for (int64 b = blockIdx.x; b < draws; b += gridDim.x) {
    for (int64 i = threadIdx.x; i < n; i += THREADS) rho[i] = leverage[i];
    for (int64 k = 0; k < r; ++k) {
      if (k && k % REFRESH == 0) {
        for (int64 i = threadIdx.x; i < n; i += THREADS) {
          for (int64 j = 0; j < r; ++j) rest[j * n + i] = columns[j * n + i];
          for (int64 l = 0; l < 2 * k; ++l) {
            const double* q = rows + l % k * r;
            double c = 0.0;
            for (int64 j = 0; j < r; ++j) c += q[j] * rest[j * n + i];
            for (int64 j = 0; j < r; ++j) rest[j * n + i] -= q[j] * c;
          }
          double sum = 0.0;
          for (int64 j = 0; j < r; ++j) sum += rest[j * n + i] * rest[j * n + i];
          rho[i] = sum;
        }
      }
      for (int64 i = threadIdx.x; i < n; i += THREADS)
        if (rho[i] <= negligible * leverage[i]) rho[i] = 0.0;
      __syncthreads();
      if (threadIdx.x == 0) {
        for (int64 l = 0; l < k; ++l) rho[chosen[b * r + l]] = 0.0;
        double total = 0.0;
        for (int64 i = 0; i < n; ++i) ends[i] = total += rho[i];
        double target = points[b * r + k] * total;
        int64 row = 0;
        while (ends[row] <= target && ends[row] < total) ++row;
        chosen[b * r + k] = place = row;
      }
      __syncthreads();
      int64 row = place;
      for (int64 j = threadIdx.x; j < r; j += THREADS) residual[j] = columns[j * n + row];
      __syncthreads();
      double length = residual_of(rows, across, residual, r, k, coefficients, residual, &square);
      append(rows, across, r, k, sqrt(length), residual);
      for (int64 i = threadIdx.x; i < n; i += THREADS) {
        double sum = 0.0;
        for (int64 j = 0; j < r; ++j) sum += residual[j] * columns[j * n + i];
        rho[i] -= sum * sum;
      }
    }
  }
}
