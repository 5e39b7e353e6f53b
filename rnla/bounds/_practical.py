"""The practical default: how many rows to start from, before the result is measured.

The published bounds leave their constants open, and their logarithms alone exceed n at everyday
sizes. The rule below takes their leading term with the constant 2, or what flat data need if that
is more, and adds the coupon collector's floor r (ln r + ln 1/delta), without which some
direction may receive no row at all. The constant 2 is an observation on pilot runs, not a theorem:
callers measure the result and double the size. O(1).
"""

from __future__ import annotations

import math

from .._errors import argument_error, check_fraction, check_p, check_positive, check_size
from ._row import power

__all__ = ["coupon_floor", "default_size", "flat_size", "power_columns"]

_LEADING_CONSTANT = 2.0
# Room over the first-order size of flat data for second-order terms and the spread between seeds.
_FLAT_ROOM = 1.25
_METHODS = (
    "lewis",
    "leverage",
    "root_leverage",
    "sensitivity",
    "sensitivity+leverage",
    "mixed",
    "even_power",
    "recursive",
    "uniform",
)


def coupon_floor(rank: int, delta: float) -> float:
    """Return r (ln r + ln 1/delta), the rows needed to hit each of r equal directions.

    With that many draws from r equally likely classes, all are hit with probability 1 - delta
    (union bound: r (1 - 1/r)^m <= r e^(-m/r) <= delta).

    Parameters
    ----------
    rank : int
        Number of directions r.
    delta : float
        Failure probability, strictly between 0 and 1.

    Returns
    -------
    float
        The floor, before rounding up.

    Examples
    --------
    >>> round(coupon_floor(50, 0.01))
    426
    """
    r = check_size(rank, name="rank")
    return r * (math.log(r) + math.log(1 / check_fraction(delta, "delta")))


def flat_size(rank: int, p: float) -> float:
    """Rows, in units of 1/eps^2, that data without structure need: rows uniform on a sphere.

    Let u be the first coordinate of such a row and M_q = E|u|^q. The mean of |u_i x|^p over m rows
    deviates from M_p, over all unit vectors x and to first order in m^(-1/2), by at most
    (V / m)^(1/2), where V = p^2 (M_(2p-2) - M_2p) + M_2p: the gradient along the sphere, whose
    supremum is that of a Gaussian vector in r - 1 dimensions, and the variance at a point. Lewis
    sampling of Gaussian rows behaves like this. For p = 2 it is the edge of the Marchenko-Pastur
    law, 4 r for large r.

    Parameters
    ----------
    rank : int
        Number of dimensions r.
    p : float
        1 <= p < inf.

    Returns
    -------
    float
        V / M_p^2; about (pi/2) r for p = 1.

    Examples
    --------
    >>> round(flat_size(1000, 1) / 1000, 2), round(flat_size(1000, 2) / 1000, 2)
    (1.57, 3.99)
    """
    r = check_size(rank, name="rank")
    p = check_p(p)
    along = _moment_ratio(r, 2 * p - 2, p) if r > 1 else 0.0
    # M_(2p-2) - M_2p = M_(2p-2) (r - 1) / (r + 2p - 2), free of cancellation.
    along *= p * p * (r - 1) / (r + 2 * p - 2)
    return along + _moment_ratio(r, 2 * p, p)


def _moment_ratio(r: int, q: float, p: float) -> float:
    """M_q / M_p^2, infinite where it overflows."""
    logarithm = _log_moment(r, q) - 2 * _log_moment(r, p)
    return math.exp(logarithm) if logarithm < 709 else math.inf


def _log_moment(r: int, q: float) -> float:
    """log E|u|^q = log Gamma(r/2) Gamma((q+1)/2) / (sqrt(pi) Gamma((r+q)/2))."""
    gammas = math.lgamma(r / 2) + math.lgamma((q + 1) / 2) - math.lgamma((r + q) / 2)
    return gammas - 0.5 * math.log(math.pi)


def default_size(
    rank: int,
    p: float,
    eps: float,
    delta: float = 0.01,
    *,
    n: int | None = None,
    total_sensitivity: float | None = None,
    method: str = "lewis",
) -> int:
    """Rows to start from: the leading term over eps^2 plus the coupon collector's floor.

    The leading term is 2 r^max(1,p/2), or 1.25 times `flat_size` if that is larger; the result is
    at most n.

    Parameters
    ----------
    rank : int
        Rank r of the matrix.
    p : float
        Exponent of the norm, 1 <= p < inf.
    eps : float
        Wanted relative error of the p-th power, strictly between 0 and 1.
    delta : float
        Failure probability, strictly between 0 and 1. It enters the floor only.
    n : int, optional
        Number of rows of the matrix; the result never exceeds it.
    total_sensitivity : float, optional
        Sum S of the lp sensitivities. Needed for p > 2 with the methods ``"sensitivity"`` and
        ``"mixed"``, where S takes the place of r^(p/2) if it is smaller.
    method : str
        How rows will be chosen: ``"lewis"`` (default), ``"leverage"``, ``"root_leverage"``,
        ``"sensitivity"``, ``"sensitivity+leverage"``, ``"mixed"``, ``"recursive"``,
        ``"uniform"``, or ``"even_power"`` (the exact embedding for even p: `power_columns` takes
        the place of r).

    Returns
    -------
    int
        A number of rows, at least 1.

    Raises
    ------
    ArgumentError
        If a value is out of range, the method is unknown, or it needs an argument that is missing.

    Notes
    -----
    This is a starting size. For uniform sampling, and for plain sensitivities, no size below n is
    safe for every matrix; for p > 2 with sensitivities the theorem's exponent is 2 - 2/p, and the
    rule relies on the caller measuring the result and doubling.

    Examples
    --------
    >>> default_size(50, 1, 0.1)
    10426
    >>> default_size(199, 4, 0.25, n=19_900, total_sensitivity=773, method="sensitivity")
    19900
    """
    r = check_size(rank, name="rank")
    p = check_p(p)
    eps = check_fraction(eps, "eps")
    rows = None if n is None else check_size(n, name="n")
    if method not in _METHODS:
        raise argument_error(
            "method", repr(method), f"one of {', '.join(_METHODS)}", "Pass method='lewis'."
        )
    effective = r
    leading = _leading(r, p)
    if method == "even_power":
        effective = min(power_columns(r, p), 2**1000)  # still a double: any n is smaller
        leading = _leading(effective, 2.0)
    elif method in ("sensitivity", "mixed") and p > 2:
        if total_sensitivity is None:
            raise argument_error(
                "total_sensitivity",
                None,
                f"a positive number for method={method!r} with p > 2",
                "Estimate it with rnla.total_sensitivity(A, p).",
            )
        total = check_positive(total_sensitivity, "total_sensitivity")
        leading = min(leading, _LEADING_CONSTANT * total)
    size = leading / eps**2 + coupon_floor(effective, delta)
    if rows is not None and size >= rows:
        return rows
    if math.isinf(size):
        raise argument_error(
            "n", None, f"the number of rows, since the rule exceeds 1e308 at p={p:g}", "Pass n."
        )
    return max(1, math.ceil(size))


def _leading(rank: int, p: float) -> float:
    worst_case = _LEADING_CONSTANT * power(rank, max(1.0, p / 2))
    return max(worst_case, _FLAT_ROOM * flat_size(rank, p))


def power_columns(rank: int, p: float) -> int:
    """Number of monomials of degree p/2 in r variables: columns of the exact even power embedding.

    Parameters
    ----------
    rank : int
        Number of variables r.
    p : float
        An even integer, at least 2.

    Returns
    -------
    int
        The binomial coefficient of r + p/2 - 1 over p/2.

    Raises
    ------
    ArgumentError
        If p is not an even integer.

    Examples
    --------
    >>> power_columns(10, 4)
    55
    """
    r = check_size(rank, name="rank")
    p = check_p(p)
    if p % 2 != 0:
        raise argument_error(
            "p", repr(p), "an even integer for the power embedding", "Pass method='lewis' instead."
        )
    half = int(p) // 2
    return math.comb(r + half - 1, half)
