// Reverse volume sampling, a draw per block. A thread owns an entry of a result and adds up in the
// order of the index; what a decision needs every thread computes for itself.
#include "combine.cuh"
#include "philox.cuh"

const int TOGETHER = 32;           // rows of a reflection
const int64 SHRUNK = 4;            // share of the rows after which Z is computed afresh
const uint64 LATE = 1ull << 40;    // number of the generator for the first of the last rows

__device__ inline double number(uint64 key, uint64 index, uint32 draw) {
  Words words = philox(key, index, 0, draw);
  return open_unit(words.w[0], words.w[1]);
}

// The triangle of R and `count` more rows, which are lost.
__device__ inline void reflect(double* R, double* part, int64 count, int64 r) {
  __syncthreads();
  for (int64 j = 0; j < r; ++j) {
    double square = 0.0, old = R[j * r + j];
    for (int64 i = 0; i < count; ++i) square += part[i * r + j] * part[i * r + j];
    double size = sqrt(old * old + square), next = old > 0.0 ? -size : size, head = old - next;
    double factor = 2.0 / (head * head + square);
    for (int64 k = j + 1 + threadIdx.x; square > 0.0 && k < r; k += blockDim.x) {
      double sum = 0.0;
      for (int64 i = 0; i < count; ++i) sum += part[i * r + j] * part[i * r + k];
      double c = (head * R[j * r + k] + sum) * factor;
      R[j * r + k] -= c * head;
      for (int64 i = 0; i < count; ++i) part[i * r + k] -= c * part[i * r + j];
    }
    __syncthreads();
    if (threadIdx.x == 0 && square > 0.0) R[j * r + j] = next;
  }
}

// The triangle of R and more rows, one after the other.
__device__ inline void add_rows(double* R, const double* rows, int64 count, int64 r, double* part) {
  for (int64 first = 0; first < count; first += TOGETHER) {
    int64 together = min((int64)TOGETHER, count - first);
    for (int64 e = threadIdx.x; e < together * r; e += blockDim.x) part[e] = rows[first * r + e];
    reflect(R, part, together, r);
  }
}

__device__ inline void clear(double* R, int64 r) {
  for (int64 e = threadIdx.x; e < r * r; e += blockDim.x) R[e] = 0.0;
}

// S = R^-T, lower triangular, and Z = S^T S.
__device__ inline void invert(const double* R, double* S, double* Z, int64 r) {
  __syncthreads();
  for (int64 j = threadIdx.x; j < r; j += blockDim.x) {
    for (int64 i = j; i < r; ++i) {
      double sum = i == j ? 1.0 : 0.0;
      for (int64 k = j; k < i; ++k) sum -= R[k * r + i] * S[k * r + j];
      S[i * r + j] = sum / R[i * r + i];
    }
  }
  __syncthreads();
  for (int64 e = threadIdx.x; e < r * r; e += blockDim.x) {
    int64 i = e / r, j = e % r;
    double sum = 0.0;
    for (int64 k = max(i, j); k < r; ++k) sum += S[k * r + i] * S[k * r + j];
    Z[e] = sum;
  }
  __syncthreads();
}

struct Draw {
  const double *X, *root;
  int64 n, r, size, count_root, patience;
  double delicate;
  uint64 key;
  uint32 draw;
  int64* alive;
  double *R, *S, *Z, *part, *columns, *h, *sums, *x, *z, *mass;
  int64* chosen;
};

// How many are left, or -1 if no row leaves.
__device__ inline int64 one_at_a_time(const Draw& a, int64 target) {
  int64 r = a.r, left = a.n, refresh = max(target, left / SHRUNK), stayed = 0;
  for (uint64 trial = 0;; trial += 2) {
    int64 place = (int64)(number(a.key, trial, a.draw) * (double)left);
    double coin = number(a.key, trial + 1, a.draw);
    const double* u = a.X + a.alive[place] * r;
    combine(a.Z, r, u, r, r, a.z);
    __syncthreads();
    double h = 1.0;
    for (int64 j = 0; j < r; ++j) h -= u[j] * a.z[j];
    if (++stayed > a.patience) return -1;
    if (coin < h) {
      --left;
      stayed = 0;
      if (threadIdx.x == 0) {
        int64 gone = a.alive[place];
        a.alive[place] = a.alive[left];
        a.alive[left] = gone;
      }
      if (left > target && (h < a.delicate || left == refresh)) {
        clear(a.R, r);
        __syncthreads();
        for (int64 first = 0; first < left; first += TOGETHER) {
          int64 together = min((int64)TOGETHER, left - first);
          for (int64 e = threadIdx.x; e < together * r; e += blockDim.x)
            a.part[e] = a.X[a.alive[first + e / r] * r + e % r];
          reflect(a.R, a.part, together, r);
        }
        add_rows(a.R, a.root, a.count_root, r, a.part);
        invert(a.R, a.S, a.Z, r);
        refresh = max(target, left / SHRUNK);
        continue;
      }
      for (int64 j = threadIdx.x; left > target && j < r; j += blockDim.x) {
        double y = a.z[j] / h;
        for (int64 k = 0; k < r; ++k) a.Z[k * r + j] += a.z[k] * y;
      }
    }
    __syncthreads();
    if (left == target) return left;
  }
}

// Z and the probabilities h = 1 - |S x|^2; columns of rows that left are zero.
__device__ inline void fresh(const Draw& a, int64 count) {
  int64 r = a.r;
  clear(a.R, r);
  for (int64 first = 0; first < count; first += TOGETHER) {
    int64 together = min((int64)TOGETHER, count - first);
    for (int64 e = threadIdx.x; e < together * r; e += blockDim.x)
      a.part[e] = a.columns[e % r * count + first + e / r];
    reflect(a.R, a.part, together, r);
  }
  add_rows(a.R, a.root, a.count_root, r, a.part);
  invert(a.R, a.S, a.Z, r);
  for (int64 i = threadIdx.x; i < count; i += blockDim.x) {
    double h = a.alive[i] < 0 ? 0.0 : 1.0;
    for (int64 k = 0; k < r; ++k) {
      double sum = 0.0;
      for (int64 l = 0; l <= k; ++l) sum += a.S[k * r + l] * a.columns[l * count + i];
      h -= sum * sum;
    }
    a.h[i] = h < 0.0 ? 0.0 : h;  // NaN stays
  }
}

// With all probabilities: a row that leaves stays in its place, with probability zero. Whether there
// were probabilities.
__device__ inline bool last_ones(const Draw& a, int64 count) {
  int64 r = a.r, left = count, since = 0;
  for (int64 e = threadIdx.x; e < r * count; e += blockDim.x)
    a.columns[e] = a.X[a.alive[e % count] * r + e / count];
  __syncthreads();
  fresh(a, count);
  for (uint64 t = 0;; ++t) {
    __syncthreads();
    if (threadIdx.x == 0) {
      double total = 0.0;
      for (int64 i = 0; i < count; ++i) a.sums[i] = total += a.h[i];
      double target = number(a.key, LATE + t, a.draw) * total;
      int64 place = total > 0.0 ? 0 : -1;
      if (place == 0) {
        while (a.sums[place] <= target && a.sums[place] < total) ++place;
        *a.mass = a.h[place];
        a.h[place] = 0.0;
        a.alive[place] = -1;
      }
      *a.chosen = place;
    }
    __syncthreads();
    int64 chosen = *a.chosen;
    if (chosen < 0) return false;
    if (--left == a.size) return true;
    double mass = *a.mass;
    for (int64 l = threadIdx.x; l < r; l += blockDim.x) {
      a.x[l] = a.columns[l * count + chosen];
      a.columns[l * count + chosen] = 0.0;
    }
    __syncthreads();
    if (mass < a.delicate || ++since >= r) {
      fresh(a, count);
      since = 0;
      continue;
    }
    combine(a.Z, r, a.x, r, r, a.z);
    for (int64 j = threadIdx.x; j < r; j += blockDim.x) a.z[j] /= sqrt(mass);
    __syncthreads();
    for (int64 i = threadIdx.x; i < count; i += blockDim.x) {
      double sum = 0.0;
      for (int64 j = 0; j < r; ++j) sum += a.z[j] * a.columns[j * count + i];
      double h = a.h[i] - sum * sum;
      a.h[i] = h < 0.0 ? 0.0 : h;
    }
    for (int64 j = threadIdx.x; j < r; j += blockDim.x)
      for (int64 k = 0; k < r; ++k) a.Z[k * r + j] += a.z[k] * a.z[j];
  }
}

extern "C" __global__ void triangles(const double* X, int64 count, int64 rows, int64 r,
                                     double* part, double* R) {
  part += (int64)blockIdx.x * TOGETHER * r;
  for (int64 b = blockIdx.x; b < count; b += gridDim.x) {
    clear(R + b * r * r, r);
    add_rows(R + b * r * r, X + b * rows * r, rows, r, part);
  }
}

// Draws that share X have `apart` 0. Scratch of a block: alive (n), work (numbers).
extern "C" __global__ void eliminate(const double* X, int64 apart, uint64 key, const int64* draws,
                                     int64 count, int64 n, int64 r, int64 size, double delicate,
                                     int64 patience, const double* start, const double* root, int64 count_root,
                                     int64 last, int64* alive, double* work, int64 numbers,
                                     int64* kept) {
  __shared__ int64 chosen;
  __shared__ double mass;
  DYNAMIC_SHARED(double, x);
  double* R = work + blockIdx.x * numbers;
  double *S = R + r * r, *Z = S + r * r, *part = Z + r * r, *columns = part + TOGETHER * r,
         *h = columns + r * last;
  alive += blockIdx.x * n;
  for (int64 b = blockIdx.x; b < count; b += gridDim.x) {
    Draw a = {X + b * apart, root, n, r, size, count_root, patience, delicate, key, (uint32)draws[b], alive,
              R, S, Z, part, columns, h, h + last, x, x + r, &mass, &chosen};
    int64 *out = kept + b * size, left = n, target = max(size, 2 * r);
    for (int64 i = threadIdx.x; i < n; i += blockDim.x) alive[i] = i;
    if (left > target) {
      if (start)
        invert(start + b * r * r, S, Z, r);
      else
        for (int64 e = threadIdx.x; e < r * r; e += blockDim.x) Z[e] = e / r == e % r ? 1.0 : 0.0;
    }
    __syncthreads();
    if (left > target) left = one_at_a_time(a, target);
    bool good = left >= 0;
    if (left > size) good = last_ones(a, left);
    if (threadIdx.x == 0)
      for (int64 i = 0, place = 0; place < size; ++i)
        if (!good)
          out[place++] = -1;
        else if (alive[i] >= 0)
          out[place++] = alive[i];
    __syncthreads();
  }
}
