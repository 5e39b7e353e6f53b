// ||a_i M||_p of CSR rows: a group of `width` lanes per row, four columns of M per lane at a time.
#include "power_sum.cuh"

extern "C" __global__ void csr_row_norms(const Real* data, const Index* indices, const Index* indptr,
                                         int64 rows, const double* M, int64 k, double p, int width,
                                         double* out) {
  int lane = threadIdx.x % width;
  int64 per_warp = 32 / width;
  for (int64 base = grid_first() / 32 * per_warp; base < rows; base += grid_step() / 32 * per_warp) {
    int64 i = base + threadIdx.x % 32 / width;
    PowerSum sum = {0.0, 0.0};
    if (i < rows) {
      for (int64 first = lane; first < k; first += 4 * width) {
        double y[4] = {0.0, 0.0, 0.0, 0.0};
        for (int64 a = indptr[i]; a < indptr[i + 1]; ++a) {
          double value = as_double(data[a]);
          const double* row = M + (int64)indices[a] * k;
          for (int c = 0; c < 4; ++c)
            if (first + c * width < k) y[c] = fma(value, row[first + c * width], y[c]);
        }
        for (int c = 0; c < 4; ++c) add(sum, y[c], p);
      }
    }
    merge_lanes(sum, width, p);
    if (i < rows && lane == 0) out[i] = root(sum, p);
  }
}
