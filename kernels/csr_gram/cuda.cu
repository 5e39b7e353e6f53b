// Upper triangle of the Gram matrix of CSR rows. One warp a column c visits the entries in column c
// by ascending row (`keys`, `owners` as in sparse_columns) and adds to row c of the result: the order,
// and so the bits, of the CPU. `scale` may be null.
#include "entries.cuh"

extern "C" __global__ void csr_gram(const uint64* keys, const uint32* owners, int64 entries,
                                    const Real* data, const Index* indices, const Index* indptr,
                                    const double* scale, int64 d, double* out) {
  for (int64 c = grid_first() / 32; c < d; c += grid_step() / 32) {
    int64 begin = lower_bound(keys, entries, (uint64)c << 32);
    int64 end = lower_bound(keys, entries, (uint64)(c + 1) << 32);
    for (int64 k = begin; k < end; ++k) {
      int64 a = (uint32)keys[k];
      int64 i = owners[a];
      double factor = scale ? scale[i] : 1.0;
      double value = factor * as_double(data[a]);
      for (int64 b = a + threadIdx.x % 32; b < indptr[i + 1]; b += 32)
        out[c * d + indices[b]] += value * (factor * as_double(data[b]));
      __syncwarp();
    }
  }
}
