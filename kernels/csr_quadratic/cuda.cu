// Quadratic forms of very sparse rows: one thread a row, in the order of the CPU's sums.
#include "numbers.cuh"

extern "C" __global__ void csr_quadratic(const Real* data, const Index* indices,
                                         const Index* indptr, int64 rows, const double* P, int64 d,
                                         double* out) {
  for (int64 i = grid_first(); i < rows; i += grid_step()) {
    double total = 0.0;
    for (int64 a = indptr[i]; a < indptr[i + 1]; ++a) {
      double value = as_double(data[a]), cross = 0.0;
      const double* row = P + (int64)indices[a] * d;
      for (int64 b = a + 1; b < indptr[i + 1]; ++b) cross += as_double(data[b]) * row[indices[b]];
      total += value * (value * row[indices[a]] + 2.0 * cross);
    }
    out[i] = total;
  }
}
