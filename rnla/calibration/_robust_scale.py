"""The noise of a robust fit: an M-estimate of scale from the squares of weighted residuals.

A median of moduli is safe to begin with, but of residuals of unequal variance, which those of a fit
with few degrees of freedom are, it is too small. From it on sigma^2 = sum w r^2 / E, with the
weights w of `robust` and E the sum expected of normal noise: nearly a mean of squares, to which no
value adds more than a few sigma^2 (Huber and Ronchetti, Robust Statistics, 2009, chapters 5 to 7).

A fit moves residuals by r = e - h psi(e) / E psi' and by those of the others, of variance
h E psi^2 / (E psi')^2, where psi(e) = w e and h is the leverage. Expanding chi = w e^2 to first
order in h, its mean falls from k to k - h s, so that of N values with f degrees of freedom
E = N k (f / N)^(s / k), which is f for w = 1.
"""

from __future__ import annotations

import numpy as np

from ._equilibration import usable_sensors
from .operators._base import Array
from .problem import Problem

__all__ = ["noise_scale"]

_NORMAL = 1.4826  # from the median of |r| to a standard deviation
_ROUNDS = 5


def noise_scale(
    problem: Problem, residual: Array, outliers: Array, start: Array, *, width: float
) -> Array:
    """Standard deviation of values of weight one from residuals (..., p, m) that are no outliers.

    `start` (...) is an estimate, returned where no degrees of freedom are left.
    """
    counted = usable_sensors(problem)[..., None, :] & ~outliers
    square = residual.real**2 + residual.imag**2
    if problem.weights is not None:
        counted &= problem.weights > 0
        square = square * problem.weights
    square = np.where(counted, square, 0.0)
    values = counted.sum(axis=(-2, -1))
    gains = np.minimum(counted.any(axis=-2).sum(axis=-1), problem.k)
    freedom = values - gains - problem.seen_unknowns + 1
    some = freedom > 0
    share = np.where(some, freedom / np.maximum(values, 1), 1.0)
    complex_ = problem.dtype.kind == "c"
    # Where weights are a quarter, over sigma: c is 1.48 medians also of complex numbers.
    bend = width * (_NORMAL * np.sqrt(np.log(2.0)) if complex_ else 1.0)
    mean, exponent = _expected(bend, complex_)
    below = np.maximum(values, 1) * mean * share**exponent
    least = 16.0 * float(np.finfo(problem.real_dtype).eps)
    sigma = np.asarray(start, dtype=np.float64)
    for _ in range(_ROUNDS):
        limit = (bend * np.maximum(sigma, least))[..., None, None]
        total = (square / (1.0 + square / limit**2) ** 2).sum(axis=(-2, -1))
        sigma = np.where(some, np.sqrt(total / below), sigma)
    return np.asarray(sigma.astype(problem.real_dtype))


def _expected(bend: float, complex_: bool) -> tuple[float, float]:
    """k, and s / k, for weights w(u) = (1 + u / bend^2)^-2 of u = |z|^2."""
    if complex_:
        u, chances = np.polynomial.laguerre.laggauss(48)
    else:
        z, chances = np.polynomial.hermite_e.hermegauss(96)
        u, chances = z * z, chances / chances.sum()

    def mean(values: Array) -> float:
        return float(chances @ values)

    axes, q = (1.0 if complex_ else 2.0), bend**-2
    base = 1.0 + q * u
    w, slope, curve = base**-2, -2.0 * q * base**-3, 6.0 * q * q * base**-4
    chi, first, second = u * w, w + u * slope, 2.0 * slope + u * curve
    change = mean(w + axes * u * slope)  # E psi'
    own = 2.0 * mean(first * chi) / change
    others = mean(first + axes * u * second) * mean(u * w * w) / change**2
    return mean(chi), (own - others) / mean(chi)
