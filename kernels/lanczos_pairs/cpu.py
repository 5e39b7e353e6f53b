"""Numba Lanczos iteration, problem by problem (see the contract beside this file).

Real and imaginary parts are in vectors of their own, which is what vector registers like: element j
of a vector of problem k is at [0, j] and, where numbers are complex, [1, j].
"""

from __future__ import annotations

import math

import numpy as np
from numba import njit

from ..largest_ritz.cpu import largest_value, second_value, unit_vector

_SUMS = {"reassoc", "contract", "nsz"}
_KEPT = 0.5  # of the norm after a subtraction: then one is enough
_NEGLIGIBLE = 1e-3  # of the rest of a product: what is left is orthogonal to eps over this
_ROOM = 32  # vectors at first
_TINY = np.finfo(np.float64).tiny


@njit(cache=True, nogil=True)
def lanczos_pairs(A, start, locked, square, tol, max_iter, stagnation, numbers, vector):
    value, second, residual, converged, steps = numbers
    count, m, r, parts = A.shape
    fixed = locked.shape[1]
    largest = m - fixed
    room = min(_ROOM, largest) + fixed
    own, V = np.empty((parts, m, r)), np.empty((room, parts, m))
    w, middle = np.empty((parts, m)), np.empty((parts, r))
    inner = np.empty(parts)
    a, b, z = np.empty(largest), np.empty(largest), np.empty(largest)
    forward, backward, looks = np.empty(largest), np.empty(largest), np.empty(4)
    for k in range(count):
        _planes(A[k], own)
        for f in range(fixed):
            _row_planes(locked[k, f], V[f])
        _row_planes(start[k], w)
        _purged(V[:fixed], w, inner)
        _normalised(w, _norm(w))
        size = seen = 0
        while True:
            if fixed + size == V.shape[0]:
                V = _longer(V, min(2 * V.shape[0], m))
            V[fixed + size] = w
            at = fixed + size
            size += 1
            _product(own, V[at], square, middle, w)
            a[size - 1] = 0.0
            for h in range(max(fixed, at - 1), at + 1):
                _subtract(V[h], w, inner)
                if h == at:
                    a[size - 1] = inner[0]
                else:
                    b[size - 2] = inner[0]
            correction = _purged(V[: at + 1], w, inner)
            a[size - 1] += correction[0]
            if size > 1:
                b[size - 2] += correction[1]
            rest = _norm(w)
            full = size + 1 > largest
            if full or size >= max_iter[k] or size % max(1, size // 16) == 0:
                top = largest_value(a[:size], b[: size - 1])
                tail = unit_vector(a[:size], b[: size - 1], top, forward, backward, z[:size])
                left = 0.0 if full else rest * tail
                good = left <= tol * max(abs(top), _TINY)
                stalled = False
                if stagnation > 0.0:
                    stalled = _stalled(looks, seen, top, stagnation)
                    seen += 1
                if good or full or stalled or size >= max_iter[k]:
                    break
            _next(V[: at + 1], w, rest, inner)
        value[k], residual[k], converged[k], steps[k] = top, left, good, size
        second[k] = second_value(a[:size], b[: size - 1], top) if size > 1 else 0.0
        _combination(V[fixed : fixed + size], z[:size], vector[k])


@njit(cache=True, nogil=True)
def _planes(pairs, out):
    for i in range(pairs.shape[0]):
        _row_planes(pairs[i], out[:, i])


@njit(cache=True, nogil=True)
def _row_planes(pairs, out):
    for c in range(out.shape[0]):
        for j in range(out.shape[1]):
            out[c, j] = pairs[j, c]


@njit(cache=True, nogil=True)
def _longer(V, size):
    out = np.empty((size, V.shape[1], V.shape[2]))
    out[: V.shape[0]] = V
    return out


@njit(cache=True, nogil=True, fastmath=_SUMS)
def _product(A, v, square, middle, w):
    """w = A v for Hermitian A, whose columns are its conjugated rows; else A A^* v."""
    if square:
        _adjoint(A, v, w)
        return
    _adjoint(A, v, middle)
    if A.shape[0] == 1:
        for i in range(A.shape[1]):
            total = 0.0
            for j in range(A.shape[2]):
                total += A[0, i, j] * middle[0, j]
            w[0, i] = total
        return
    for i in range(A.shape[1]):
        real, imag = 0.0, 0.0
        for j in range(A.shape[2]):
            real += A[0, i, j] * middle[0, j] - A[1, i, j] * middle[1, j]
            imag += A[0, i, j] * middle[1, j] + A[1, i, j] * middle[0, j]
        w[0, i], w[1, i] = real, imag


@njit(cache=True, nogil=True, fastmath=_SUMS)
def _adjoint(A, v, out):
    """out = A^* v, two rows of A at a time."""
    out[:] = 0.0
    rows, columns = A.shape[1], A.shape[2]
    even = rows - rows % 2
    if A.shape[0] == 1:
        for i in range(0, even, 2):
            x, y = v[0, i], v[0, i + 1]
            for j in range(columns):
                out[0, j] += A[0, i, j] * x + A[0, i + 1, j] * y
        for i in range(even, rows):
            for j in range(columns):
                out[0, j] += A[0, i, j] * v[0, i]
        return
    for i in range(0, even, 2):
        p, q, r, s = v[0, i], v[1, i], v[0, i + 1], v[1, i + 1]
        for j in range(columns):
            e, f, g, h = A[0, i, j], A[1, i, j], A[0, i + 1, j], A[1, i + 1, j]
            out[0, j] += e * p + f * q + g * r + h * s
            out[1, j] += e * q - f * p + g * s - h * r
    for i in range(even, rows):
        p, q = v[0, i], v[1, i]
        for j in range(columns):
            out[0, j] += A[0, i, j] * p + A[1, i, j] * q
            out[1, j] += A[0, i, j] * q - A[1, i, j] * p


@njit(cache=True, nogil=True, fastmath=_SUMS)
def _subtract(v, w, inner):
    """w without its component along v, which is left in `inner`."""
    if v.shape[0] == 1:
        total = 0.0
        for j in range(v.shape[1]):
            total += v[0, j] * w[0, j]
        for j in range(v.shape[1]):
            w[0, j] -= total * v[0, j]
        inner[0] = total
        return
    real, imag = 0.0, 0.0
    for j in range(v.shape[1]):
        real += v[0, j] * w[0, j] + v[1, j] * w[1, j]
        imag += v[0, j] * w[1, j] - v[1, j] * w[0, j]
    for j in range(v.shape[1]):
        w[0, j] -= real * v[0, j] - imag * v[1, j]
        w[1, j] -= real * v[1, j] + imag * v[0, j]
    inner[0], inner[1] = real, imag


@njit(cache=True, nogil=True)
def _purged(V, w, inner):
    """w without components along the rows; the components along the last two, real parts."""
    last, before = 0.0, 0.0
    for _ in range(2):
        norm = _norm(w)
        for h in range(V.shape[0]):
            _subtract(V[h], w, inner)
            if h == V.shape[0] - 1:
                last += inner[0]
            elif h == V.shape[0] - 2:
                before += inner[0]
        if _norm(w) >= _KEPT * norm:
            break
    return last, before


@njit(cache=True, nogil=True, fastmath=_SUMS)
def _norm(w):
    total = 0.0
    for c in range(w.shape[0]):
        for j in range(w.shape[1]):
            total += w[c, j] * w[c, j]
    return math.sqrt(total)


@njit(cache=True, nogil=True)
def _normalised(w, norm):
    if norm > 0.0:
        w /= norm
    else:
        w[:] = 0.0
        w[0, 0] = 1.0


@njit(cache=True, nogil=True)
def _next(V, w, rest, inner):
    """The unit vector for the next step; of a negligible rest, which is noise, purged again."""
    _normalised(w, rest)
    if rest > _NEGLIGIBLE * max(rest, 1.0):
        return
    for _ in range(2):
        _purged(V, w, inner)
        _normalised(w, _norm(w))


@njit(cache=True, nogil=True)
def _stalled(looks, seen, top, fraction):
    """Whether the last three of six looks at least changed little; `looks` are the last four."""
    for h in range(3):
        looks[h] = looks[h + 1]
    looks[3] = top
    if seen < 5:
        return False
    largest = 0.0
    for h in range(3):
        largest = max(largest, abs(looks[h + 1] - looks[h]))
    return largest <= fraction * max(abs(top), fraction)


@njit(cache=True, nogil=True, fastmath=_SUMS)
def _combination(V, z, out):
    out[:] = 0.0
    for h in range(V.shape[0]):
        for c in range(V.shape[1]):
            for j in range(V.shape[2]):
                out[j, c] += z[h] * V[h, c, j]


@njit(cache=True, nogil=True, fastmath=_SUMS)
def hermitian_sums(y, P, scale, out):
    count, p, m = y.shape
    z = np.empty(m, dtype=out.dtype)
    for k in range(count):
        one = out[k]
        one[:] = 0
        for index in range(p):
            own = P[index if P.shape[0] > 1 else 0]
            for j in range(m):
                z[j] = y[k, index, j] * scale[k, j]
            for i in range(m):
                factor = np.conj(z[i])
                for j in range(i, m):
                    one[i, j] += factor * z[j] * own[i, j]
        for i in range(m):
            one[i, i] = one[i, i].real
            for j in range(i):
                one[i, j] = np.conj(one[j, i])
