// Dense random columns (see the contract): the words, series and order of operations of the CPU, so
// the same bits, but for p-stable numbers, whose powers and logarithms are the library's.
#include "philox.cuh"

// For positive normal numbers: x = 2^e m, log m = 2 artanh((m - 1) / (m + 1)).
__device__ inline double logarithm(double x) {
  int64 bits = __double_as_longlong(x);
  double exponent = (double)((bits >> 52) - 1023);
  double m = __longlong_as_double((bits & ((1ll << 52) - 1)) | 1023ll << 52);
  if (m > 1.4142135623730951) {
    m = 0.5 * m;
    exponent = exponent + 1.0;
  }
  double t = (m - 1.0) / (m + 1.0);
  double z = t * t;
  double series = 1.0 / 21.0;
  for (int odd = 19; odd > 1; odd -= 2) series = series * z + 1.0 / odd;
  return exponent * 0.6931471805599453 + (2.0 * t + 2.0 * t * (z * series));
}

// Cosine and sine of x full turns, 0 < x < 1.
__device__ inline void turn(double x, double& c, double& s) {
  double quarter = floor(4.0 * x + 0.5);
  double t = 6.283185307179586 * (x - 0.25 * quarter);
  double z = t * t;
  double sine = 1.0 / 355687428096000.0;
  sine = sine * z - 1.0 / 1307674368000.0;
  sine = sine * z + 1.0 / 6227020800.0;
  sine = sine * z - 1.0 / 39916800.0;
  sine = sine * z + 1.0 / 362880.0;
  sine = sine * z - 1.0 / 5040.0;
  sine = sine * z + 1.0 / 120.0;
  sine = sine * z - 1.0 / 6.0;
  sine = t + t * (z * sine);
  double cosine = -1.0 / 6402373705728000.0;
  cosine = cosine * z + 1.0 / 20922789888000.0;
  cosine = cosine * z - 1.0 / 87178291200.0;
  cosine = cosine * z + 1.0 / 479001600.0;
  cosine = cosine * z - 1.0 / 3628800.0;
  cosine = cosine * z + 1.0 / 40320.0;
  cosine = cosine * z - 1.0 / 720.0;
  cosine = cosine * z + 1.0 / 24.0;
  cosine = 1.0 + z * (z * cosine - 0.5);
  bool odd = quarter == 1.0 || quarter == 3.0;
  c = odd ? sine : cosine;
  s = odd ? cosine : sine;
  if (quarter == 1.0 || quarter == 2.0) c = -c;
  if (quarter == 2.0 || quarter == 3.0) s = -s;
}

// One thread writes columns 2 b and 2 b + 1 of a row.
__device__ inline void write_pair(double* out, int64 rows, int64 i, int64 b, double x, double y) {
  out[i * rows + 2 * b] = x;
  if (2 * b + 1 < rows) out[i * rows + 2 * b + 1] = y;
}

extern "C" __global__ void normal(uint64 key, uint64 start, int64 count, int64 rows, double* out) {
  int64 pairs = (rows + 1) / 2;
  for (int64 t = grid_first(); t < count * pairs; t += grid_step()) {
    int64 i = t / pairs, b = t % pairs;
    Words words = philox(key, start + (uint64)i, (uint32)b, 0);
    double length = sqrt(-2.0 * logarithm(open_unit(words.w[0], words.w[1])));
    double c, s;
    turn(open_unit(words.w[2], words.w[3]), c, s);
    write_pair(out, rows, i, b, length * c, length * s);
  }
}

// tan(pi (u - 1/2)) = -1 / tan(pi u), and u half turns are u / 2.
extern "C" __global__ void cauchy(uint64 key, uint64 start, int64 count, int64 rows, double* out) {
  int64 pairs = (rows + 1) / 2;
  for (int64 t = grid_first(); t < count * pairs; t += grid_step()) {
    int64 i = t / pairs, b = t % pairs;
    Words words = philox(key, start + (uint64)i, (uint32)b, 0);
    double c, s, c2, s2;
    turn(0.5 * open_unit(words.w[0], words.w[1]), c, s);
    turn(0.5 * open_unit(words.w[2], words.w[3]), c2, s2);
    write_pair(out, rows, i, b, -c / s, -c2 / s2);
  }
}

// One thread writes four columns of a row: warps write whole lines.
extern "C" __global__ void signs(uint64 key, uint64 start, int64 count, int64 rows, double* out) {
  int64 fours = (rows + 3) / 4;
  for (int64 t = grid_first(); t < count * fours; t += grid_step()) {
    int64 i = t / fours, first = t % fours * 4;
    Words words = philox(key, start + (uint64)i, (uint32)(first / 128), 0);
    for (int64 r = first; r < min(first + 4, rows); ++r)
      out[i * rows + r] = words.w[r / 32 % 4] >> (r % 32) & 1 ? -1.0 : 1.0;
  }
}

extern "C" __global__ void stable(uint64 key, uint64 start, int64 count, int64 rows, double p,
                                  double* out) {
  for (int64 t = grid_first(); t < count * rows; t += grid_step()) {
    Words words = philox(key, start + (uint64)(t / rows), (uint32)(t % rows), 0);
    double angle = 3.141592653589793 * (open_unit(words.w[0], words.w[1]) - 0.5);
    if (p == 1.0) {
      out[t] = tan(angle);
      continue;
    }
    double exponential = -log(open_unit(words.w[2], words.w[3]));
    out[t] = sin(p * angle) / pow(cos(angle), 1.0 / p) *
             pow(cos((1.0 - p) * angle) / exponential, (1.0 - p) / p);
  }
}
