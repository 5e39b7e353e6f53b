// Addition to an unevaluated pair; --fmad=false keeps it what it is.
#include "numbers.cuh"

extern "C" __global__ void add_to_pair(double* total, double* error, const double* term,
                                       int64 count) {
  for (int64 i = grid_first(); i < count; i += grid_step()) {
    double before = total[i];
    double after = before + term[i];
    double share = after - before;
    error[i] += (before - (after - share)) + (term[i] - share);
    total[i] = after;
  }
}
