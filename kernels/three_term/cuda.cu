// Orthonormal polynomials by their recurrence: one thread a point, in the order of the CPU's sums.
#include "numbers.cuh"

const double BIG = 2.5822498780869086e+120;  // 2^400
const double SMALL = 3.8725919148493183e-121;  // 2^-400

extern "C" __global__ void evaluate(const double* x, const double* a, const double* b, int64 count,
                                    int64 degree, double* out) {
  for (int64 i = grid_first(); i < count; i += grid_step()) {
    double* row = out + i * (degree + 1);
    double old = 0.0, now = 1.0;
    row[0] = 1.0;
    for (int64 j = 0; j < degree; ++j) {
      double next = (x[i] - a[j]) * now;
      if (j > 0) next -= b[j] * old;
      next *= 1.0 / b[j + 1];
      row[j + 1] = next;
      old = now;
      now = next;
    }
  }
}

extern "C" __global__ void evaluate_scaled(const double* x, const double* a, const double* b,
                                           int64 count, int64 degree, double* out,
                                           int64* exponents) {
  for (int64 i = grid_first(); i < count; i += grid_step()) {
    int64 first = i * (degree + 1), exponent = 0;
    double old = 0.0, now = 1.0;
    out[first] = 1.0;
    exponents[first] = 0;
    for (int64 j = 0; j < degree; ++j) {
      double next = (x[i] - a[j]) / b[j + 1] * now;  // the factor first: it cannot overflow
      if (j > 0) next -= b[j] / b[j + 1] * old;
      old = now;
      now = next;
      double size = fmax(fabs(now), fabs(old));
      if (size > BIG || (size < SMALL && size > 0.0)) {
        int shift;
        frexp(size, &shift);
        now = ldexp(now, -shift);
        old = ldexp(old, -shift);
        exponent += shift;
      }
      out[first + j + 1] = now;
      exponents[first + j + 1] = exponent;
    }
  }
}

extern "C" __global__ void derivatives(const double* x, const double* a, const double* b,
                                       int64 count, int64 degree, double* out, double* slopes) {
  for (int64 i = grid_first(); i < count; i += grid_step()) {
    int64 first = i * (degree + 1);
    double old = 0.0, now = 1.0, old_slope = 0.0, slope = 0.0;
    out[first] = 1.0;
    slopes[first] = 0.0;
    for (int64 j = 0; j < degree; ++j) {
      double next = (x[i] - a[j]) * now;
      double next_slope = now + (x[i] - a[j]) * slope;
      if (j > 0) {
        next -= b[j] * old;
        next_slope -= b[j] * old_slope;
      }
      double inverse = 1.0 / b[j + 1];
      next *= inverse;
      next_slope *= inverse;
      out[first + j + 1] = next;
      slopes[first + j + 1] = next_slope;
      old = now;
      now = next;
      old_slope = slope;
      slope = next_slope;
    }
  }
}
