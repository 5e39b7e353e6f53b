"""The practical default: how many rows to start from, before the result is measured.

The published bounds leave their constants open, and their logarithms alone exceed n at everyday
sizes. The rule below takes their leading term with the constant 2 and adds the coupon collector's
floor r (ln r + ln 1/delta), without which some direction may receive no row at all. The constant
is an observation on pilot runs, not a theorem: callers measure the result and double the size.
O(1).
"""

from __future__ import annotations

import math

from .._errors import argument_error, check_fraction, check_p, check_positive, check_size
from ._row import power

__all__ = ["coupon_floor", "default_size", "power_columns"]

_LEADING_CONSTANT = 2.0
_METHODS = (
    "lewis",
    "leverage",
    "root_leverage",
    "sensitivity",
    "sensitivity+leverage",
    "mixed",
    "even_power",
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
    """Rows to start from: 2 r^max(1,p/2)/eps^2 plus the coupon collector's floor, at most n.

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
        ``"sensitivity"``, ``"sensitivity+leverage"``, ``"mixed"``, ``"uniform"``, or
        ``"even_power"`` (the exact embedding for even p: `power_columns` takes the place of r).

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
    leading = power(r, max(1.0, p / 2))
    if method == "even_power":
        effective = min(power_columns(r, p), 2**1000)  # still a double: any n is smaller
        leading = float(effective)
    elif method in ("sensitivity", "mixed") and p > 2:
        if total_sensitivity is None:
            raise argument_error(
                "total_sensitivity",
                None,
                f"a positive number for method={method!r} with p > 2",
                "Estimate it with rnla.total_sensitivity(A, p).",
            )
        leading = min(leading, check_positive(total_sensitivity, "total_sensitivity"))
    size = _LEADING_CONSTANT * leading / eps**2 + coupon_floor(effective, delta)
    if rows is not None and size >= rows:
        return rows
    if math.isinf(size):
        raise argument_error(
            "n", None, f"the number of rows, since the rule exceeds 1e308 at p={p:g}", "Pass n."
        )
    return max(1, math.ceil(size))


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
