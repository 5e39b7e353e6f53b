"""`plan`: how many measurements self-calibration needs, before any is made (SPEC A14 v, T6 to T8).

The smallest p that satisfies the counting bound and whose predicted errors are small enough, with
the gap and the number of iterations to expect there. O(log p) evaluations of closed formulas.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

from .._errors import argument_error, check_finite, check_positive
from .gap import predicted_correlation, predicted_errors
from .identifiability import identifiability

__all__ = ["MeasurementPlan", "plan"]

_LARGEST_P = 2**40
_LINEAR = 0.3


@dataclass(frozen=True)
class MeasurementPlan:
    """What to measure and what to expect of it.

    Attributes
    ----------
    p : int
        Number of measurements.
    smallest_identifiable : int
        The smallest p that the counting bound allows, whatever the noise.
    bound : str
        The counting bound with the numbers put in, at `p`.
    correlation : float
        Predicted second canonical correlation sigma_2.
    gap : float
        1 - sigma_2.
    gains_error, signal_error : float
        Predicted relative errors.
    power_iterations, lanczos_products : int
        Estimated iterations of the power method, and products of Lanczos iteration, to `tol`.
    caveats : tuple of str
        Where the prediction should be read with care.
    """

    p: int
    smallest_identifiable: int
    bound: str
    correlation: float
    gap: float
    gains_error: float
    signal_error: float
    power_iterations: int
    lanczos_products: int
    caveats: tuple[str, ...]


def plan(
    model: str,
    *,
    m: int,
    n: int,
    snr: float,
    target_error: float,
    of: str = "both",
    gains: Any = None,
    orthogonal: bool = False,
    tol: float = 1e-12,
) -> MeasurementPlan:
    """Find the smallest number of measurements with which calibration reaches a target error.

    Parameters
    ----------
    model : {"repeated", "diverse", "snapshots"}
        See `Problem`.
    m, n : int
        Sensors, unknowns of one signal.
    snr : float
        Decibels, 10 log10(mean |D A x|^2 / sigma^2): with noise of standard deviation sigma and
        data of root mean square r it is 20 log10(r / sigma).
    target_error : float
        Relative error wanted, of what `of` says.
    of : {"both", "gains", "signal"}
    gains : array_like, optional
        Magnitudes of gains as expected, a sample of their law; equal by default.
    orthogonal : bool
        Operators with orthogonal columns.
    tol : float
        Accuracy for which iterations are estimated.

    Returns
    -------
    MeasurementPlan

    Raises
    ------
    ArgumentError, ArgumentTypeError
        For unusable numbers, and where no p is enough: the message says what errors remain for
        p to infinity.

    See Also
    --------
    identifiability : the counting bound alone.
    predicted_errors : both errors at a given p.

    Notes
    -----
    The formulas of `predicted_correlation` and `predicted_errors`: heuristics for large operators
    without structure, first order in the noise. Over 50 random designs the planned p is within 10
    per cent, or one, of the smallest whose Cramer-Rao bound of gains meets the target (a test). The
    power method needs ln(sqrt(dim) / tol) / ln(1 / sigma_2^2) iterations, Lanczos
    ln(2 sqrt(dim) / tol) / ln(g + sqrt(g^2 - 1)) products, g = 2 / sigma_2^2 - 1 (Chebyshev).

    Works on arrays in host memory: convert CuPy arrays with ``cupy.asnumpy`` first.

    Examples
    --------
    >>> from rnla.calibration import plan
    >>> design = plan("repeated", m=64, n=32, snr=30.0, target_error=0.01)
    >>> design.p, round(design.gains_error, 4), round(design.gap, 2)
    (12, 0.0097, 0.52)
    """
    target = check_positive(target_error, "target_error")
    tol = check_positive(tol, "tol")
    if of not in ("both", "gains", "signal"):
        remedy = "Pass of='both'."
        raise argument_error("of", repr(of), "'both', 'gains' or 'signal'", remedy)
    check_finite(snr, "snr")
    least = identifiability(model, m=m, n=n, p=1).smallest_p
    if least is None:
        expected = "fewer unknowns than sensors"
        remedy = "No number of measurements would do: use fewer unknowns."
        raise argument_error("n", f"{n} with m = {m}", expected, remedy)

    def error(p: int) -> float:
        errors = predicted_errors(model, m=m, n=n, p=p, snr=snr, gains=gains, orthogonal=orthogonal)
        return max(errors) if of == "both" else getattr(errors, of)

    if error(_LARGEST_P) > target:
        got = f"{target_error:g} with a signal-to-noise ratio of {snr:g} dB"
        expected = f"more than {error(_LARGEST_P):.3g}, what remains for p to infinity"
        remedy = "Each x_l has its own p-independent error: raise snr, or pass of='gains'."
        raise argument_error("target_error", got, expected, remedy)
    p = _smallest(error, target, least)
    return _at(model, m, n, p, least, snr, gains, orthogonal, tol)


def _smallest(error: Any, target: float, least: int) -> int:
    """The smallest p >= least with error(p) <= target; the errors fall with p."""
    if error(least) <= target:
        return least
    low, high = least, 2 * least
    while error(high) > target:
        low, high = high, 2 * high
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (middle, high) if error(middle) > target else (low, middle)
    return high


def _at(
    model: str,
    m: int,
    n: int,
    p: int,
    least: int,
    snr: float,
    gains: Any,
    orthogonal: bool,
    tol: float,
) -> MeasurementPlan:
    errors = predicted_errors(model, m=m, n=n, p=p, snr=snr, gains=gains, orthogonal=orthogonal)
    sigma = predicted_correlation(model, m=m, n=n, p=p)
    caveats = ["The edge of the correlations is a heuristic for large random operators."]
    if model != "repeated":
        caveats.append("Operators that see the same band, such as a few Fourier rows, need more.")
    if model == "snapshots" and p > n:
        caveats.append(f"Only n = {n} snapshots are new without noise; the others average it.")
    if max(errors) > _LINEAR:
        caveats.append(f"An error of {max(errors):.2g} is beyond first order: expect more.")
    if sigma > 0.99:
        caveats.append(f"The gap is {1.0 - sigma:.2g}: measure more often for fast convergence.")
    power, lanczos = _iterations(sigma, n if model == "repeated" else m, tol)
    bound = identifiability(model, m=m, n=n, p=p).bound
    return MeasurementPlan(
        p, least, bound, sigma, 1.0 - sigma, *errors, power, lanczos, tuple(caveats)
    )


def _iterations(sigma: float, dimension: int, tol: float) -> tuple[int, int]:
    """Power iterations and Lanczos products; at most the dimension for Lanczos in exact terms."""
    start = 0.5 * math.log(dimension)
    if sigma >= 1.0:
        return _LARGEST_P, dimension
    wanted = math.log(1.0 / tol) + start
    power = math.ceil(wanted / -(2.0 * math.log(sigma)))
    lanczos = math.ceil((wanted + math.log(2.0)) / math.acosh(2.0 / sigma**2 - 1.0))
    return max(1, power), max(1, min(dimension, lanczos))
