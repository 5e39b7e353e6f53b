// Rows of powers (see the contract): one thread a row, sums block by block in a fixed order.
#include "numbers.cuh"

const double FLUSH = 1e-200;  // as on the CPU

extern "C" __global__ void held_rows(const double* b, const double* z, double unit, double floor,
                                     int64 count, double* r, double* held) {
  for (int64 i = grid_first(); i < count; i += grid_step()) {
    double difference = b[i] / unit - z[i];
    double size = fabs(difference);
    r[i] = difference;
    held[i] = size > floor ? size : floor;
  }
}

extern "C" __global__ void scaled_rows(const Real* B, const double* root, int64 count, int64 d,
                                       double* out) {
  for (int64 t = grid_first(); t < count * d; t += grid_step())
    out[t] = root[t / d] * as_double(B[t]);
}

// The sum over a block of 256 threads, in thread 0.
static __device__ double block_sum(double mine) {
  __shared__ double parts[256];
  parts[threadIdx.x] = mine;
  __syncthreads();
  for (int half = 128; half > 0; half /= 2) {
    if (threadIdx.x < half) parts[threadIdx.x] += parts[threadIdx.x + half];
    __syncthreads();
  }
  return parts[0];
}

extern "C" __global__ void power_rows(const double* r, const double* power, const double* w,
                                      double p, double least, int64 count, double* slope,
                                      double* root, double* sums) {
  double total = 0.0;
  for (int64 i = grid_first(); i < count; i += grid_step()) {
    double weight = w ? w[i] : 1.0;
    double half = weight * power[i] * r[i];
    total += half * r[i];
    slope[i] = p * half;
    double bent = power[i] > least ? power[i] : least;
    double curvature = p * (p - 1.0) * weight * bent;
    root[i] = sqrt(curvature > FLUSH ? curvature : 0.0);
  }
  total = block_sum(total);
  if (threadIdx.x == 0) sums[blockIdx.x] = total;
}

extern "C" __global__ void guided_power_rows(const double* r, const double* held,
                                             const double* power, const double* known,
                                             const double* bend, const double* w, double p,
                                             double length, int64 count, double* slope,
                                             double* root, double* kept, double* u, double* sums) {
  double total = 0.0;
  for (int64 i = grid_first(); i < count; i += grid_step()) {
    double weight = w ? w[i] : 1.0;
    double change = known[2 * i + 1] * bend[i];
    u[i] = known[2 * i] - change;
    double guided = known[2 * i] - length * change;
    double steep = p * power[i];
    double touch = steep * held[i];  // the slope at held
    total += weight * touch * fabs(r[i]);
    double ratio = guided * r[i] / (touch * held[i]);
    ratio = ratio > 1.0 ? 1.0 : ratio;
    ratio = ratio < -1.0 ? -1.0 : ratio;
    double curvature = steep * (1.0 - (2.0 - p) * ratio);
    kept[2 * i] = steep * r[i];
    kept[2 * i + 1] = curvature;
    slope[i] = steep * r[i] * weight;
    curvature *= weight;
    root[i] = sqrt(curvature > FLUSH ? curvature : 0.0);
  }
  total = block_sum(total);
  if (threadIdx.x == 0) sums[blockIdx.x] = total;
}

// One block: factor * (the sum of what the blocks before it left).
extern "C" __global__ void sum_of_sums(const double* sums, int64 count, double factor, double* out) {
  double total = 0.0;
  for (int64 i = threadIdx.x; i < count; i += 256) total += sums[i];
  total = block_sum(total);
  if (threadIdx.x == 0) out[0] = factor * total;
}
