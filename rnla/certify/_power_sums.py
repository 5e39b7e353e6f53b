"""||A x||_p^p for a few x in one pass, and the ratio to ||S A x||_p^p that everything is about.

A sum is kept as m 2^e, whatever the size of p-th powers (SPEC K4). Terms are taken relative to a
power of two near the largest, which is exact, so sums of strips are put together by exact shifts,
in twice the working precision, and come out the same for any order, chunks and workers. Cost: the
product, and one p-th power per row and x.
"""

from __future__ import annotations

from functools import partial
from typing import Any

import numpy as np

from .._errors import argument_error
from .._result import FloatArray
from ..tall import TallMatrix
from ..tall._device import beside
from ..tall._reduction import ADD, Reduction
from ..tall.extended import Extended
from ._sums import absolute_power, column_scale

__all__ = ["distortion_ratios"]

_NOTHING = -(2.0**40)  # the exponent of an empty sum
_SHIFT = 2200.0  # more than all bits of a number


def distortion_ratios(
    A: TallMatrix,
    rows: Any,
    weights: FloatArray,
    X: FloatArray,
    p: float,
    *,
    plain: FloatArray | None = None,
) -> FloatArray:
    """||S A x||_p^p / ||A x||_p^p for every column x of X, from all rows of A: one pass.

    `rows` are those kept. Products are formed in extended precision: at the x that matter, A x is
    often the small result of a long cancellation. Those with the columns of `plain`, which follow,
    are not.

    Raises
    ------
    ArgumentError
        If A x = 0 for one of them.
    """
    exact = Extended.prepare(X, np.zeros_like(X), column_scale(A))
    kept, kept_exponent = _held_sums(rows, weights, exact, plain, p)
    all_rows, exponent = _all_sums(A, exact, plain, p)
    if not np.all(all_rows > 0.0):
        raise argument_error(
            "x",
            "a vector with A x = 0",
            "a vector outside the null space of A",
            "The ratio is not defined there; pass the matrix that the sample was drawn from.",
        )
    with np.errstate(over="ignore", under="ignore"):
        shift = np.clip(kept_exponent - exponent, -3000, 3000).astype(np.int64)
        ratios: FloatArray = np.ldexp(kept / all_rows, shift)
    return ratios


def _all_sums(A: TallMatrix, exact: Extended, plain: FloatArray | None, p: float) -> FloatArray:
    """Mantissas and exponents, (2, k), of the sums over all rows for `exact`, then `plain`."""
    k = exact.high.shape[1] + (0 if plain is None else plain.shape[1])
    reduction = Reduction(partial(_lift, p), _merge, _finish, _merge)
    return A.fold(partial(_visit, exact, plain, p), (2, k), reduction=reduction)


def _held_sums(
    rows: Any, weights: FloatArray, exact: Extended, plain: FloatArray | None, p: float
) -> FloatArray:
    """The same for rows in memory, each counted as its weight says."""
    y = _product(exact, plain, rows)
    state = np.zeros((2, y.shape[1]))
    _add(state, y, weights, p)
    return _finish(_lift(p, state))


def _product(exact: Extended, plain: FloatArray | None, block: Any) -> FloatArray:
    Y = exact.product(block)
    return Y if plain is None else np.hstack([Y, block @ beside(block, plain)])


def _visit(
    exact: Extended,
    plain: FloatArray | None,
    p: float,
    block: Any,
    start: int,
    out: FloatArray,
) -> None:
    _add(out, _product(exact, plain, block), None, p)


def _add(out: FloatArray, y: FloatArray, weights: FloatArray | None, p: float) -> None:
    """Add |y|^p to (units, sums): a unit is a power of two above all terms so far, or zero."""
    unit, total = out
    if not len(y):
        return
    top = np.abs(y).max(axis=0)
    exponent = np.minimum(np.frexp(top)[1], 1023)
    above = np.where(top > 0.0, np.ldexp(np.ones_like(top), exponent), 0.0)
    new = np.maximum(unit, above)
    safe = np.where(new > 0.0, new, 1.0)
    power = absolute_power(y / safe, p)
    total *= (unit / safe) ** p
    total += power.sum(axis=0) if weights is None else weights @ power
    unit[:] = new


def _lift(p: float, out: FloatArray) -> tuple[FloatArray, Any]:
    """(exponents, a pair of sums) of (units, sums)."""
    unit, total = out
    power = p * (np.frexp(unit)[1] - 1.0)  # log2 of the sum's unit, a whole number if p is one
    exponent = np.floor(power)
    mantissa = total * np.exp2(power - exponent)
    return np.where(total > 0.0, exponent, _NOTHING), ADD.lift(mantissa)


def _merge(left: tuple[FloatArray, Any], right: tuple[FloatArray, Any]) -> tuple[FloatArray, Any]:
    exponent = np.maximum(left[0], right[0])
    return exponent, ADD.merge(*(_shifted(pair, e - exponent) for e, pair in (left, right)))


def _shifted(pair: Any, by: FloatArray) -> Any:
    shift = np.maximum(by, -_SHIFT).astype(np.int64)
    return tuple(None if part is None else np.ldexp(part, shift) for part in pair)


def _finish(state: tuple[FloatArray, Any]) -> FloatArray:
    exponent, pair = state
    mantissa, more = np.frexp(ADD.finish(pair))
    return np.vstack([mantissa, np.where(mantissa > 0.0, exponent + more, 0.0)])
