// Keys of the priority race (see the contract): a ratio's exponent and fraction as one integer; and
// how many keys have each digit, which finds the key of a rank without sorting.
#include "philox.cuh"

const int64 NEVER = 0x7FFFFFFFFFFFFFFFll;
const int64 ONE = 1023ll << 52;  // the bits of 1.0
const int64 BITS = (1ll << 52) - 1;

extern "C" __global__ void priority_keys(uint64 key, uint64 start, const double* scores,
                                         int64 count, int64* keys) {
  for (int64 i = grid_first(); i < count; i += grid_step()) {
    double score = scores[i];
    bool tiny = score < 2.2250738585072014e-308;
    int64 bits = __double_as_longlong(score * (tiny ? 18014398509481984.0 : 1.0));
    int64 exponent = (bits >> 52) - (tiny ? 54 : 0);
    Words words = philox(key, start + (uint64)i, 0, 0);
    double unit = open_unit(words.w[0], words.w[1]);
    double ratio = unit / __longlong_as_double((bits & BITS) | ONE);
    // Shifted as unsigned, since exponents may be negative.
    keys[i] = score > 0.0
                  ? __double_as_longlong(ratio) - (int64)((uint64)exponent << 52)
                  : NEVER;
  }
}

// Counts the digits of `bits` bits above `shift` among the keys whose higher bits are `prefix`; the
// sign bit is turned around, so that digits are in the order of the keys.
extern "C" __global__ void count_digits(const int64* keys, int64 count, uint64 prefix, int shift,
                                        int bits, uint64* counts) {
  __shared__ uint32 mine[2048];
  int digits = 1 << bits, above = shift + bits;
  for (int digit = threadIdx.x; digit < digits; digit += blockDim.x) mine[digit] = 0;
  __syncthreads();
  for (int64 i = grid_first(); i < count; i += grid_step()) {
    uint64 key = (uint64)keys[i] ^ 1ull << 63;
    if (above == 64 || key >> above == prefix)
      atomicAdd(mine + (int)(key >> shift & (uint64)(digits - 1)), 1u);
  }
  __syncthreads();
  for (int digit = threadIdx.x; digit < digits; digit += blockDim.x)
    if (mine[digit] > 0) atomicAdd(counts + digit, (uint64)mine[digit]);
}
