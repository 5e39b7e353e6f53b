"""Counting bounds: can the gains and signals be determined from that many measurements at all?

There must be as many equations as unknowns less one, the scale: p m >= k + n - 1 for one signal and
p m >= k + p n - 1 for p signals, k the unknowns of the reciprocal gains (m without a basis). With
one map for all snapshots no more than n of them bring anything new, so n (m - n) >= k - 1 too.
Necessary for any data; for generic data also sufficient (SPEC T6). Cost O(1).
"""

from __future__ import annotations

from dataclasses import dataclass

from .._errors import argument_error, check_size
from ._models import check_model
from .problem import Problem

__all__ = ["Identifiability", "check_identifiable", "identifiability"]


@dataclass(frozen=True)
class Identifiability:
    """What counting equations and unknowns says.

    Attributes
    ----------
    identifiable : bool
        Whether the counts allow a unique solution up to scale.
    bound : str
        The bound, with the numbers put in.
    margin : int
        Equations less unknowns, the free scale counted: negative if not identifiable.
    smallest_p : int or None
        The fewest measurements that would do; None if no number would.
    """

    identifiable: bool
    bound: str
    margin: int
    smallest_p: int | None


def identifiability(model: str, *, m: int, n: int, p: int, k: int | None = None) -> Identifiability:
    """Compare the number of equations with the number of unknowns.

    Parameters
    ----------
    model : {"repeated", "diverse", "snapshots"}
        See `Problem`.
    m, n, p : int
        Sensors, unknowns of one signal, measurements.
    k : int, optional
        Columns of a basis of the reciprocal gains; without one the gains are free.

    Returns
    -------
    Identifiability

    Raises
    ------
    ArgumentError
        For an unknown model, or numbers below one.

    Notes
    -----
    p = 1 without a basis is refused even where the counts allow it: any gains fit such data.

    Examples
    --------
    >>> from rnla.calibration import identifiability
    >>> identifiability("repeated", m=32, n=66, p=3)
    Identifiability(identifiable=False, bound='p m >= m + n - 1: 96 < 97', margin=-1, smallest_p=4)
    """
    model = check_model(model)
    m, n, p = check_size(m, name="m"), check_size(n, name="n"), check_size(p, name="p")
    free = k is None
    gains = m if k is None else check_size(k, m, name="k")
    symbol = "m" if free else "k"
    least = 2 if free else 1
    smallest: int | None
    if model == "repeated":
        equations, unknowns = p * m, gains + n - 1
        bound = f"p m >= {symbol} + n - 1"
        smallest = max(least, -(-unknowns // m))
    else:
        equations, unknowns = p * m, gains + p * n - 1
        bound = f"p (m - n) >= {symbol} - 1"
        spare = m - n
        smallest = max(least, -(-(gains - 1) // spare)) if spare > 0 else None
        if model == "snapshots" and p > n and n * spare < gains - 1:
            equations, unknowns = n * spare, gains - 1
            bound = f"n (m - n) >= {symbol} - 1, as more than n snapshots bring nothing new"
        else:
            equations, unknowns = p * spare, gains - 1
        if model == "snapshots" and n * spare < gains - 1:
            smallest = None
    margin = equations - unknowns
    fulfilled = margin >= 0 and p >= least
    if margin >= 0 and p < least:
        bound = "p >= 2 without a basis of the reciprocal gains"
        return Identifiability(False, f"{bound}: 1 < 2", -1, smallest)
    relation = ">=" if fulfilled else "<"
    return Identifiability(
        fulfilled, f"{bound}: {equations} {relation} {unknowns}", margin, smallest
    )


def check_identifiable(problem: Problem) -> Identifiability:
    """The verdict for a problem, or an error that names the bound and the p that would do.

    Parameters
    ----------
    problem : Problem

    Returns
    -------
    Identifiability

    Raises
    ------
    ArgumentError
        If the counts rule out a unique solution.

    Notes
    -----
    Works on arrays in host memory.
    """
    k = None if problem.gain_basis is None else problem.k
    verdict = identifiability(problem.model, m=problem.m, n=problem.n, p=problem.p, k=k)
    if not verdict.identifiable:
        got = (
            f"p = {problem.p} measurements of m = {problem.m} sensors and n = {problem.n} "
            f"unknowns, not identifiable ({verdict.bound})"
        )
        expected = verdict.bound.partition(":")[0]
        if verdict.smallest_p is None:
            remedy = "No p would do: use fewer unknowns (n), or a basis of the reciprocal gains."
        else:
            remedy = f"Measure p = {verdict.smallest_p} times, or pass gain_basis with few columns."
        raise argument_error("Y", got, expected, remedy)
    return verdict
