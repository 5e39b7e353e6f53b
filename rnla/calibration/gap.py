"""How far the second canonical correlation stays below 1, and the errors to expect: from counts.

The columns of gains and of signals in K span subspaces that are a = k / (p m) and b of all p m
dimensions. For generic operators two such subspaces meet like random ones: the correlations fill an
interval whose upper edge is sigma_2 = sin(arcsin sqrt a + arcsin sqrt b), the Jacobi edge of
repeated and the Kesten-McKay edge of diverse measurements (SPEC T7, T8, free-probability
heuristics). The gap closes iff a + b = 1. The errors are those of the Cramer-Rao bound in the same
limit (see `predicted_errors`). O(1) for equal gains.
"""

from __future__ import annotations

import math
from typing import Any, NamedTuple

import numpy as np

from .._errors import ArgumentTypeError, argument_error, check_finite
from .._result import FloatArray
from ._models import count_unknowns
from .identifiability import identifiability
from .operators._base import refuse_device

__all__ = ["PredictedErrors", "predicted_correlation", "predicted_errors"]

_BISECTIONS = 200


class PredictedErrors(NamedTuple):
    """Relative errors of gains and of signals (root mean square, up to a common factor)."""

    gains: float
    signal: float


def _shares(model: str, m: int, n: int, p: int, k: int | None) -> tuple[float, float]:
    """a and b: shares of the p m dimensions that gains and signals take."""
    identifiability(model, m=m, n=n, p=p, k=k)  # refuses unusable numbers
    counts = count_unknowns(model, m=m, n=n, p=p, k=k)
    return counts.gains / counts.samples, counts.signals / counts.samples


def predicted_correlation(model: str, *, m: int, n: int, p: int, k: int | None = None) -> float:
    """Predict the second canonical correlation sigma_2 of noise-free generic measurements.

    1 - sigma_2 is the gap that separates the answer from everything else: the iteration converges
    as sigma_2^2, and noise that moves correlations by the gap makes the answer ambiguous.

    Parameters
    ----------
    model : {"repeated", "diverse", "snapshots"}
        See `Problem`.
    m, n, p : int
        Sensors, unknowns of one signal, measurements.
    k : int, optional
        Columns of a basis of the reciprocal gains.

    Returns
    -------
    float
        In [0, 1]; 1 where the gap is closed.

    Raises
    ------
    ArgumentError, ArgumentTypeError
        For an unknown model, or numbers below one.

    Notes
    -----
    A heuristic for large random operators, O(1). With a = k / (p m) (k = m without a basis) and
    b = n / (p m) for "repeated", n / m for the others,

        sigma_2^2 = a (1 - b) + b (1 - a) + 2 sqrt(a b (1 - a) (1 - b)).

    With one map for all snapshots the part of the operator that repeats adds to the spread: the
    last term and (1 - b) 2 sqrt((1 + b) / m) are added in quadrature. The second one is the radius
    of the random part of the matrix (I - P) o conj(A A*) that remains for p to infinity.
    Tests hold it to 5 per cent for m = 256. It needs operators without structure: of m
    consecutive Fourier coefficients, say, all A_l see the same band, and in the models "diverse"
    and "snapshots" the gap is smaller.

    Examples
    --------
    >>> from rnla.calibration import predicted_correlation
    >>> round(predicted_correlation("repeated", m=256, n=128, p=8), 3)
    0.576
    >>> predicted_correlation("repeated", m=256, n=256, p=2)
    1.0
    """
    a, b = _shares(model, m, n, p, k)
    if a + b >= 1.0:
        return 1.0
    centre = a * (1.0 - b) + b * (1.0 - a)
    radius = 2.0 * math.sqrt(a * b * (1.0 - a) * (1.0 - b))
    if model == "snapshots" and k is None:
        radius = math.hypot(radius, (1.0 - b) * 2.0 * math.sqrt((1.0 + b) / m))
    return math.sqrt(min(1.0, centre + radius))


def predicted_errors(
    model: str,
    *,
    m: int,
    n: int,
    p: int,
    snr: float,
    gains: Any = None,
    orthogonal: bool = False,
) -> PredictedErrors:
    """Predict the errors of maximum-likelihood estimates from the numbers alone.

    Parameters
    ----------
    model : {"repeated", "diverse", "snapshots"}
        See `Problem`.
    m, n, p : int
        Sensors, unknowns of one signal, measurements.
    snr : float
        Decibels, 10 log10(mean |D A x|^2 / sigma^2).
    gains : array_like, optional
        Gains, or their magnitudes, as expected: any number of them, a sample of their law. Equal
        magnitudes by default.
    orthogonal : bool
        Operators with orthogonal columns (A_l* A_l = c I, masked Fourier transforms say) instead of
        independent Gaussian entries.

    Returns
    -------
    PredictedErrors
        (gains, signal), both inf at or below the counting bound.

    Raises
    ------
    ArgumentError, ArgumentTypeError
        For unusable numbers; for gains that are all zero.

    Notes
    -----
    With rho = 10^(-snr/10), a = 1/p and b the share of the signals, and for equal gains,

        gains^2 = rho a / (1 - a - b),    signal^2 = rho b / (1 - a - b)

    (times 1 - b for orthogonal columns). In general w_i = |d_i|^2 / mean |d|^2 and h, the variance
    of A_l x_l at a sensor in units of the noise, solves mean_i w_i h / (1 + w_i h) = b / (1 - a);
    gains^2 = rho a (1 + h) / (1 - a), signal^2 = rho h. Derived by leaving out one sensor: its gain
    is fitted to p values of variance 1/w_i + h, and the others determine x like regression on rows
    from which the direction of the gain is projected out. One unknown less for the free
    factor. With one operator for all snapshots a short row a_i stays short, which turns 1 + h into
    E n / ||a_i||^2 + h = n / (n - 1) + h. Tests compare with the Cramer-Rao bound of simulated
    problems. First order in the noise: where the result is above 0.3 or so the truth is worse.

    Works on arrays in host memory: convert CuPy arrays with ``cupy.asnumpy`` first.

    Examples
    --------
    >>> from rnla.calibration import predicted_errors
    >>> errors = predicted_errors("repeated", m=64, n=32, p=8, snr=20.0)
    >>> round(errors.gains, 4), round(errors.signal, 4)
    (0.0389, 0.0273)
    """
    a, b = _shares(model, m, n, p, None)
    w = _relative_powers(gains)
    level = snr if snr in (math.inf, -math.inf) else check_finite(snr, "snr")
    rho = 10.0 ** (-min(max(level, -3000.0), math.inf) / 10.0)
    b -= 1.0 / (p * m)  # the common factor is free
    if a >= 1.0 or b / (1.0 - a) >= float(np.mean(w > 0.0)):
        return PredictedErrors(math.inf, math.inf)
    h = _spread(w, b / (1.0 - a))
    row = _reciprocal_row(m, n, orthogonal) if model == "snapshots" else 1.0
    gain_square = rho * a * (row + h) / (1.0 - a) * (1.0 - 1.0 / m)
    signal_square = rho * h * (1.0 - b if orthogonal else 1.0)
    return PredictedErrors(math.sqrt(gain_square), math.sqrt(signal_square))


def _reciprocal_row(m: int, n: int, orthogonal: bool) -> float:
    """Mean of n / ||a_i||^2 over the rows of one operator: all snapshots share a short row."""
    if n == 1:
        return 1.0 + math.log(m)  # of m exponential variables; the mean of one is infinite
    return n / (n - 1.0) * (1.0 - 1.0 / m if orthogonal else 1.0)


def _relative_powers(gains: Any) -> FloatArray:
    """|d|^2 / mean |d|^2."""
    if gains is None:
        return np.ones(1)
    refuse_device(gains, "gains")
    given = np.asarray(gains)
    if given.dtype.kind not in "biufc":
        remedy, kind = "Pass magnitudes as expected, or leave them out.", ArgumentTypeError
        raise argument_error("gains", f"dtype {given.dtype}", "numbers", remedy, kind=kind)
    magnitude = np.abs(given).ravel().astype(np.float64)
    largest = magnitude.max(initial=0.0)
    if not (np.isfinite(largest) and largest > 0.0):
        remedy = "Pass magnitudes as expected, or leave them out."
        raise argument_error("gains", "no finite gain that is not zero", "gains", remedy)
    square = (magnitude / largest) ** 2
    powers: FloatArray = square / square.mean()
    return powers


def _spread(w: FloatArray, share: float) -> float:
    """The h with mean(w h / (1 + w h)) = share, by bisection of log h."""
    if share <= 0.0:
        return 0.0
    if w.size == 1:
        return share / (1.0 - share)
    low, high = -700.0, 700.0
    for _ in range(_BISECTIONS):
        middle = 0.5 * (low + high)
        wh = w * math.exp(middle)
        # Written without inf / inf: 1 / (1 + 1/(w h)).
        value = float(np.mean(np.where(wh > 0.0, 1.0 / (1.0 + 1.0 / np.maximum(wh, 1e-300)), 0.0)))
        low, high = (middle, high) if value < share else (low, middle)
    return math.exp(0.5 * (low + high))
