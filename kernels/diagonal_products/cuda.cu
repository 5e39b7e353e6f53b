// Products with diagonals (see the contract): one thread a number. Arrays come as numbers of Real,
// `p.` of them for an element: 2 for complex ones. Rows of v and a are `wide` elements apart.
#include "complex_numbers.cuh"

extern "C" __global__ void multiply(const Real* a, int pa, const Real* b, int pb, int64 rows,
                                    int64 columns, int64 wide, Real* v, int pv) {
  for (int64 t = grid_first(); t < rows * columns; t += grid_step())
    store(v, pv, t / columns * wide + t % columns, load(a, pa, t) * load(b, pb, t));
}

extern "C" __global__ void multiply_strip(const Real* a, int pa, const Real* x, int px, int64 n,
                                          int64 columns, int64 first, int64 last, int64 rows,
                                          int64 wide, Real* v, int pv) {
  Complex zero = {0.0, 0.0};
  for (int64 t = grid_first(); t < rows * (last - first); t += grid_step()) {
    int64 i = t / (last - first), j = first + t % (last - first), k = i * columns + j;
    store(v, pv, i * wide + j, k < n ? load(a, pa, k) * load(x, px, k) : zero);
  }
}

// out = conj(a) v, or += with `more`.
extern "C" __global__ void conjugate_product(const Real* a, int pa, int64 wide_a, const Real* v,
                                             int pv, int64 wide, int64 rows, int64 columns,
                                             int more, Real* out, int po) {
  for (int64 t = grid_first(); t < rows * columns; t += grid_step()) {
    int64 i = t / columns, j = t % columns;
    Complex z = conjugated(load(a, pa, i * wide_a + j)) * load(v, pv, i * wide + j);
    store(out, po, t, more ? load(out, po, t) + z : z);
  }
}

extern "C" __global__ void add_strip(const Real* a, int pa, const Real* v, int pv, int64 rows,
                                     int64 wide, int64 columns, int64 first, int64 last, int64 n,
                                     Real* out, int po) {
  for (int64 t = grid_first(); t < rows * (last - first); t += grid_step()) {
    int64 i = t / (last - first), j = first + t % (last - first), k = i * columns + j;
    if (k >= n) continue;
    Complex z = conjugated(load(a, pa, k)) * load(v, pv, i * wide + j);
    store(out, po, k, load(out, po, k) + z);
  }
}

extern "C" __global__ void twiddle(const Real* low, int64 width, const Real* high, int64 groups,
                                   int64 rows, int64 columns, int64 wide, int conjugate, Real* v) {
  for (int64 t = grid_first(); t < rows * columns; t += grid_step()) {
    int64 i = t / columns, j = t % columns;
    Complex z = load(high, 2, i * groups + j / width) * load(low, 2, i * width + j % width);
    store(v, 2, i * wide + j, load(v, 2, i * wide + j) * (conjugate ? conjugated(z) : z));
  }
}

extern "C" __global__ void scale(const Real* power, int64 rows, int64 columns, int64 wide, Real* v,
                                 int pv) {
  for (int64 t = grid_first(); t < rows * columns; t += grid_step()) {
    int64 at = t / columns * wide + t % columns;
    store(v, pv, at, load(power, 1, t) * load(v, pv, at));
  }
}

extern "C" __global__ void als_residual(const Real* y, const Real* d, int parts, int64 rows,
                                        int64 columns, int64 wide, Real* v) {
  for (int64 t = grid_first(); t < rows * columns; t += grid_step()) {
    int64 at = t / columns * wide + t % columns;
    Complex gain = load(d, parts, t);
    Complex left = load(y, parts, t) - gain * load(v, parts, at);
    store(v, parts, at, conjugated(gain) * left);
  }
}

// What is left is summed by each warp of the grid.
extern "C" __global__ void add_gain_sums(const Real* y, const Real* d, const Real* v, int parts,
                                         int64 rows, int64 columns, int64 wide, Real* top,
                                         Real* below, double* sums) {
  double cost = 0.0;
  for (int64 t = grid_first(); t < rows * columns; t += grid_step()) {
    Complex one = load(v, parts, t / columns * wide + t % columns), value = load(y, parts, t);
    cost += square(value - load(d, parts, t) * one);
    store(top, parts, t, load(top, parts, t) + conjugated(one) * value);
    put(below, t, as_double(below[t]) + square(one));
  }
  cost = warp_sum(cost);
  if (threadIdx.x % 32 == 0) sums[grid_first() / 32] = cost;
}

// One warp: the sum of these.
extern "C" __global__ void sum_of_sums(const double* sums, int64 count, double* out) {
  double total = 0.0;
  for (int64 i = threadIdx.x; i < count; i += 32) total += sums[i];
  total = warp_sum(total);
  if (threadIdx.x == 0) out[0] = total;
}

extern "C" __global__ void transpose(const Real* a, int parts, int64 columns, int64 first,
                                     int64 last, int64 wide, Real* out) {
  for (int64 t = grid_first(); t < columns * (last - first); t += grid_step()) {
    int64 i = first + t % (last - first), j = t / (last - first);
    store(out, parts, j * wide + i, load(a, parts, i * columns + j));
  }
}
