// Closed-form distribution functions (see the contract): one thread a point, the CPU's operations in
// its order; exponential and logarithm are the library's.
#include "numbers.cuh"

const double BIG = 1.2676506002282294e30;  // 2^100
const double LOG_2 = 0.6931471805599453;

extern "C" __global__ void induced_cdf(const double* t, const double* log_flux, const double* base,
                                       const int64* degrees, const double* a, const double* b,
                                       const double* eigenvalues, int64 count, double* cdf,
                                       double* log_square) {
  for (int64 i = grid_first(); i < count; i += grid_step()) {
    double x = t[i];
    double old = 0.0, now = 1.0;  // phi_{j-1}, phi_j times 2^-exponent
    double k = 0.0;               // sum of the squares below degree j, times 4^-exponent
    double before = 0.0;          // U_{j-1} times 4^-exponent
    int64 exponent = 0;
    double flux = exp(log_flux[i]);
    double total = base[i];
    for (int64 j = 1; j <= degrees[i]; ++j) {
      double next = ((x - a[j - 1]) / b[j]) * now;
      if (j > 1) next -= (b[j - 1] / b[j]) * old;
      k += now * now;
      old = now;
      now = next;
      double size = max(fabs(now), fabs(old));
      if (size > BIG) {
        int shift;
        frexp(size, &shift);
        double factor = ldexp(1.0, -shift);
        now *= factor;
        old *= factor;
        k = k * factor * factor;
        before = before * factor * factor;
        exponent += shift;
        flux = exp(log_flux[i] + 2.0 * LOG_2 * (double)exponent);
      }
      double ratio = k / b[j];
      double here =
          (now * old + (x - a[j]) * ratio) / (eigenvalues[j + 1] - eigenvalues[j - 1]);
      double change = here - (b[j - 1] / b[j]) * before;
      change += (a[j] - a[j - 1]) * ratio / (eigenvalues[j] - eigenvalues[j - 1]);
      if (flux > 0.0) total -= flux * change / b[j];
      before = here;
    }
    cdf[i] = min(max(total, 0.0), 1.0);
    log_square[i] = 2.0 * (log(fabs(now)) + LOG_2 * (double)exponent);
  }
}
