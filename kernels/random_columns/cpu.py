"""Numba dense random columns (see the contract beside this file)."""

from __future__ import annotations

import math

import numpy as np
from numba import njit

from ..philox.cpu import LOW, SHIFT, philox4x32

SIX = np.uint64(6)
ONE = np.uint64(1)
ZERO = np.uint64(0)
MANTISSA = np.int64(2**52 - 1)
ONE_BITS = np.int64(1023 << 52)
SQRT_TWO = math.sqrt(2.0)
LOG_TWO = math.log(2.0)
TWO_PI = 2.0 * math.pi


@njit(cache=True, nogil=True, inline="always")
def open_unit(high, low):
    """52 bits of two words, moved half a step: strictly inside (0, 1)."""
    return (np.float64(high >> SIX) * 67108864.0 + np.float64(low >> SIX) + 0.5) * 2.0**-52


@njit(cache=True, nogil=True)
def draw_units(index, k0, k1, first, second):
    """Uniforms of words 0 and 1, and of words 2 and 3, of block b = 0, 1, … of one index."""
    for b in range(first.size):
        w0, w1, w2, w3 = philox4x32(index & LOW, index >> SHIFT, np.uint64(b), ZERO, k0, k1)
        first[b] = open_unit(w0, w1)
        second[b] = open_unit(w2, w3)


@njit(cache=True, nogil=True, error_model="numpy")  # no branch on zero divisors
def take_logarithms(x, scratch):
    """x becomes log(x), for positive normal numbers: x = 2^e m, log m = 2 artanh((m - 1)/(m + 1)),
    by eleven terms of the series, since m within a factor sqrt(2) of one leaves 0.03^k / (2k + 1).
    """
    bits = x.view(np.int64)
    mantissa_bits = scratch.view(np.int64)
    for b in range(x.size):
        mantissa_bits[b] = (bits[b] & MANTISSA) | ONE_BITS
    for b in range(x.size):
        exponent = np.float64((bits[b] >> 52) - 1023)
        m = scratch[b]
        large = m > SQRT_TWO
        m = 0.5 * m if large else m
        exponent = exponent + 1.0 if large else exponent
        t = (m - 1.0) / (m + 1.0)
        z = t * t
        series = 1.0 / 21.0
        series = series * z + 1.0 / 19.0
        series = series * z + 1.0 / 17.0
        series = series * z + 1.0 / 15.0
        series = series * z + 1.0 / 13.0
        series = series * z + 1.0 / 11.0
        series = series * z + 1.0 / 9.0
        series = series * z + 1.0 / 7.0
        series = series * z + 1.0 / 5.0
        series = series * z + 1.0 / 3.0
        x[b] = exponent * LOG_TWO + (2.0 * t + 2.0 * t * (z * series))


@njit(cache=True, nogil=True, inline="always")
def turn(x):
    """Cosine and sine of x full turns, 0 < x < 1: of the nearest quarter and an angle within pi/4,
    which the subtraction leaves exact, by their series."""
    quarter = math.floor(4.0 * x + 0.5)
    t = TWO_PI * (x - 0.25 * quarter)
    z = t * t
    sine = 1.0 / 355687428096000.0
    sine = sine * z - 1.0 / 1307674368000.0
    sine = sine * z + 1.0 / 6227020800.0
    sine = sine * z - 1.0 / 39916800.0
    sine = sine * z + 1.0 / 362880.0
    sine = sine * z - 1.0 / 5040.0
    sine = sine * z + 1.0 / 120.0
    sine = sine * z - 1.0 / 6.0
    sine = t + t * (z * sine)
    cosine = -1.0 / 6402373705728000.0
    cosine = cosine * z + 1.0 / 20922789888000.0
    cosine = cosine * z - 1.0 / 87178291200.0
    cosine = cosine * z + 1.0 / 479001600.0
    cosine = cosine * z - 1.0 / 3628800.0
    cosine = cosine * z + 1.0 / 40320.0
    cosine = cosine * z - 1.0 / 720.0
    cosine = cosine * z + 1.0 / 24.0
    cosine = 1.0 + z * (z * cosine - 0.5)
    odd = (quarter == 1.0) | (quarter == 3.0)
    c = sine if odd else cosine
    s = cosine if odd else sine
    c = -c if (quarter == 1.0) | (quarter == 2.0) else c
    s = -s if (quarter == 2.0) | (quarter == 3.0) else s
    return c, s


@njit(cache=True, nogil=True)
def normal(key, start, out):
    k0 = key & LOW
    k1 = key >> SHIFT
    rows = out.shape[1]
    pairs = (rows + 1) // 2
    radius, angle, scratch = np.empty(pairs), np.empty(pairs), np.empty(pairs)
    column = np.empty(2 * pairs)
    for i in range(out.shape[0]):
        draw_units(start + np.uint64(i), k0, k1, radius, angle)
        take_logarithms(radius, scratch)
        for b in range(pairs):
            length = math.sqrt(-2.0 * radius[b])
            c, s = turn(angle[b])
            radius[b] = length * c
            angle[b] = length * s
        for b in range(pairs):
            column[2 * b] = radius[b]
            column[2 * b + 1] = angle[b]
        out[i, :] = column[:rows]


@njit(cache=True, nogil=True)
def signs(key, start, out):
    k0 = key & LOW
    k1 = key >> SHIFT
    rows = out.shape[1]
    for i in range(out.shape[0]):
        index = start + np.uint64(i)
        for b in range((rows + 127) // 128):
            words = philox4x32(index & LOW, index >> SHIFT, np.uint64(b), ZERO, k0, k1)
            for w in range(4):
                word = words[w]
                first = 128 * b + 32 * w
                for r in range(first, min(first + 32, rows)):
                    out[i, r] = 1.0 - 2.0 * np.float64((word >> np.uint64(r - first)) & ONE)


@njit(cache=True, nogil=True, error_model="numpy")  # no branch on zero divisors
def cauchy(key, start, out):
    k0 = key & LOW
    k1 = key >> SHIFT
    rows = out.shape[1]
    pairs = (rows + 1) // 2
    first, second = np.empty(pairs), np.empty(pairs)
    column = np.empty(2 * pairs)
    for i in range(out.shape[0]):
        draw_units(start + np.uint64(i), k0, k1, first, second)
        for b in range(pairs):  # tan(pi (u - 1/2)) = -1 / tan(pi u), and u half turns are u/2
            c, s = turn(0.5 * first[b])
            first[b] = -c / s
        for b in range(pairs):
            c, s = turn(0.5 * second[b])
            second[b] = -c / s
        for b in range(pairs):
            column[2 * b] = first[b]
            column[2 * b + 1] = second[b]
        out[i, :] = column[:rows]


@njit(cache=True, nogil=True)
def stable(key, start, p, out):
    k0 = key & LOW
    k1 = key >> SHIFT
    for i in range(out.shape[0]):
        index = start + np.uint64(i)
        for r in range(out.shape[1]):
            w0, w1, w2, w3 = philox4x32(index & LOW, index >> SHIFT, np.uint64(r), ZERO, k0, k1)
            angle = math.pi * (open_unit(w0, w1) - 0.5)
            if p == 1.0:
                out[i, r] = math.tan(angle)
                continue
            exponential = -math.log(open_unit(w2, w3))
            out[i, r] = (
                math.sin(p * angle)
                / math.cos(angle) ** (1.0 / p)
                * (math.cos((1.0 - p) * angle) / exponential) ** ((1.0 - p) / p)
            )
