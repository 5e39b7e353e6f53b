// Products with a sparse matrix S given by its columns.
//
// The deterministic products visit the entries of each row of S in the order of the columns, so they
// add in the order of the CPU and give its bits. `keys` are (row << 32 | entry), sorted; `owners` are
// the columns that entries belong to. Groups of `width` lanes, a power of two, work side by side.
#include "entries.cuh"

extern "C" __global__ void entry_keys(const int64* indptr, const int64* places, int64 columns,
                                      int64 first_entry, uint64* keys, uint32* owners) {
  for (int64 i = grid_first(); i < columns; i += grid_step()) {
    for (int64 a = indptr[i]; a < indptr[i + 1]; ++a) {
      keys[a - first_entry] = (uint64)places[a] << 32 | (uint64)(a - first_entry);
      owners[a - first_entry] = (uint32)i;
    }
  }
}

extern "C" __global__ void add_dense_sorted(const uint64* keys, const uint32* owners,
                                            const double* values, int64 entries, const Real* block,
                                            int64 d, int64 rows, int width, double* out) {
  for (int64 row = grid_first() / width; row < rows; row += grid_step() / width) {
    int64 begin = lower_bound(keys, entries, (uint64)row << 32);
    int64 end = lower_bound(keys, entries, (uint64)(row + 1) << 32);
    for (int64 j = threadIdx.x % width; j < d; j += width) {
      double sum = out[row * d + j];
      for (int64 k = begin; k < end; ++k) {
        uint32 a = (uint32)keys[k];
        sum += values[a] * as_double(block[(int64)owners[a] * d + j]);
      }
      out[row * d + j] = sum;
    }
  }
}

// One warp a row of S, so that lanes that add to one number one after another are in step.
extern "C" __global__ void add_csr_sorted(const uint64* keys, const uint32* owners,
                                          const double* values, int64 entries, const Real* data,
                                          const Index* indices, const Index* row_starts, int64 d,
                                          int64 rows, double* out) {
  for (int64 row = grid_first() / 32; row < rows; row += grid_step() / 32) {
    int64 begin = lower_bound(keys, entries, (uint64)row << 32);
    int64 end = lower_bound(keys, entries, (uint64)(row + 1) << 32);
    for (int64 k = begin; k < end; ++k) {
      uint32 a = (uint32)keys[k];
      int64 i = owners[a];
      for (int64 b = row_starts[i] + threadIdx.x % 32; b < row_starts[i + 1]; b += 32)
        out[row * d + indices[b]] += values[a] * as_double(data[b]);
      __syncwarp();
    }
  }
}

extern "C" __global__ void add_dense(const int64* indptr, const int64* places, const double* values,
                                     int64 columns, const Real* block, int64 d, int width,
                                     double* out) {
  for (int64 i = grid_first() / width; i < columns; i += grid_step() / width) {
    for (int64 j = threadIdx.x % width; j < d; j += width) {
      double x = as_double(block[i * d + j]);
      for (int64 a = indptr[i]; a < indptr[i + 1]; ++a)
        atomicAdd(out + places[a] * d + j, values[a] * x);
    }
  }
}

extern "C" __global__ void add_csr(const int64* indptr, const int64* places, const double* values,
                                   int64 columns, const Real* data, const Index* indices,
                                   const Index* row_starts, int64 d, int width, double* out) {
  for (int64 i = grid_first() / width; i < columns; i += grid_step() / width) {
    for (int64 b = row_starts[i] + threadIdx.x % width; b < row_starts[i + 1]; b += width) {
      double x = as_double(data[b]);
      for (int64 a = indptr[i]; a < indptr[i + 1]; ++a)
        atomicAdd(out + places[a] * d + indices[b], values[a] * x);
    }
  }
}

extern "C" __global__ void transposed(const int64* indptr, const int64* places,
                                      const double* values, int64 columns, const double* Y, int64 k,
                                      int width, double* out) {
  for (int64 i = grid_first() / width; i < columns; i += grid_step() / width) {
    for (int64 j = threadIdx.x % width; j < k; j += width) {
      double sum = 0.0;
      for (int64 a = indptr[i]; a < indptr[i + 1]; ++a) sum += values[a] * Y[places[a] * k + j];
      out[i * k + j] = sum;
    }
  }
}
