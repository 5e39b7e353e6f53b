// Philox4x32-10 with the counter layout of the contract in kernels/philox.
#pragma once
#include "numbers.cuh"

struct Words {
  uint32 w[4];
};

__device__ inline Words philox(uint64 key, uint64 index, uint32 block, uint32 draw) {
  uint32 c0 = (uint32)index, c1 = (uint32)(index >> 32), c2 = block, c3 = draw;
  uint32 k0 = (uint32)key, k1 = (uint32)(key >> 32);
  for (int round = 0; round < 10; ++round) {
    uint32 high_0 = __umulhi(0xD2511F53u, c0), low_0 = 0xD2511F53u * c0;
    uint32 high_1 = __umulhi(0xCD9E8D57u, c2), low_1 = 0xCD9E8D57u * c2;
    c0 = high_1 ^ c1 ^ k0;
    c1 = low_1;
    c2 = high_0 ^ c3 ^ k1;
    c3 = low_0;
    k0 += 0x9E3779B9u;
    k1 += 0xBB67AE85u;
  }
  Words result = {{c0, c1, c2, c3}};
  return result;
}

// 52 bits of two words and half a step: an odd multiple of 2^-53 inside (0, 1), exactly.
__device__ inline double open_unit(uint32 high, uint32 low) {
  return ((double)(high >> 6) * 67108864.0 + (double)(low >> 6) + 0.5) * 2.220446049250313e-16;
}
