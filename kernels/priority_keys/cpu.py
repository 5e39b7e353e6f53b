"""Numba keys of the priority race (see the contract beside this file)."""

from __future__ import annotations

import numpy as np
from numba import njit

from ..philox.cpu import LOW, SHIFT, philox4x32

NEVER = np.int64(2**63 - 1)
FRACTION = np.int64(52)
ONE = np.int64(1023 << 52)  # the bits of 1.0
BITS = np.int64(2**52 - 1)
CHUNK = 1024  # rows whose loops the compiler turns into vector instructions


@njit(cache=True, nogil=True)
def priority_keys(key, start, scores, keys):
    k0 = key & LOW
    k1 = key >> SHIFT
    six, zero = np.uint64(6), np.uint64(0)
    scaled, units = np.empty(CHUNK), np.empty(CHUNK)
    bits = scaled.view(np.int64)
    for first in range(0, scores.size, CHUNK):
        count = min(CHUNK, scores.size - first)
        for i in range(count):
            index = start + np.uint64(first + i)
            w0, w1, _, _ = philox4x32(index & LOW, index >> SHIFT, zero, zero, k0, k1)
            units[i] = (np.float64(w0 >> six) * 67108864.0 + np.float64(w1 >> six) + 0.5) * 2.0**-52
        for i in range(count):
            tiny = scores[first + i] < 2.0**-1022
            scaled[i] = scores[first + i] * (2.0**54 if tiny else 1.0)
            # The exponent of the score, taken off the key at the end.
            keys[first + i] = (bits[i] >> FRACTION) - (np.int64(54) if tiny else np.int64(0))
            bits[i] = (bits[i] & BITS) | ONE
        for i in range(count):
            scaled[i] = units[i] / scaled[i]
        for i in range(count):
            ratio = bits[i] - (keys[first + i] << FRACTION)
            keys[first + i] = ratio if scores[first + i] > 0.0 else NEVER
