"""Products of large problems, one measurement at a time.

Where A_l is a diagonal and then a Fourier transform, each measurement passes through one grid that
stays in cache between diagonal, transform and diagonal, and no array of the size of Y is made: p
transforms of length m a product, and little else. Threads share the columns and then the rows of
the grid. Data are kept once more, in the order in which the transform in two halves leaves them.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import Any, TypeVar, cast

import numpy as np

from ..kernels import diagonal_products
from ._split_transform import SplitTransform, grid_shape
from .operators._base import Array
from .problem import Problem

__all__ = ["Successive", "successive"]

F = TypeVar("F", bound=Callable[..., Any])
_LARGE = 2**17  # numbers in Y: below, one call for all measurements is faster


def successive(problem: Problem) -> Successive | None:
    """The products of a problem, or None where they are not meant for it."""
    operators = problem.operators
    shape = operators.transform_shape
    if shape is None or problem.batch_shape or problem.p * problem.m < _LARGE:
        return None
    if operators.dtype.kind != "c" or operators.dtype != problem.dtype or grid_shape(shape) is None:
        return None
    known = problem.factors.get(Successive)
    if not isinstance(known, Successive) or known.given is not problem.data:
        known = problem.factors[Successive] = Successive(problem)
    return known


def _alone(method: F) -> F:
    """One call at a time: calls share the grid, and several threads may share a problem."""

    @wraps(method)
    def locked(self: Any, *args: Any) -> Any:
        with self.split.lock:
            return method(self, *args)

    return cast(F, locked)


class Successive:
    """Products with y_l, A_l and A_l^* of one large problem, weights left out.

    Vectors with a number for each sensor are in the order of `SplitTransform.arranged`.
    """

    def __init__(self, problem: Problem) -> None:
        # Without the problem itself, which keeps this object.
        self.given, self.repeated = problem.data, problem.repeated
        self.dtype, self.real_dtype = problem.dtype, problem.real_dtype
        self.p, self.m, self.signal_shape = problem.p, problem.m, problem.signal_shape
        operators = problem.operators
        assert operators.diagonals is not None
        assert operators.transform_shape is not None
        self.split = SplitTransform(operators.transform_shape, problem.dtype)
        rows, columns = self.split.rows, self.split.columns
        data = np.ascontiguousarray(problem.data)
        self.data = self.split.arranged(data).reshape(problem.p, rows, columns)
        factor = operators.real_dtype.type(operators.transform_factor)
        diagonals: Any = operators.diagonals if factor == 1 else operators.diagonals * factor
        self.diagonals = np.ascontiguousarray(diagonals)
        self.shared = operators.shared

    # -- products ------------------------------------------------------------------------------

    @_alone
    def analysis(self, s: Array) -> Array:
        """A_l^* (y_l o s), summed over l for one signal."""
        t, rows = self._signals(), self.split.by_rows(s)
        for index in range(self.p):
            self._back(index, rows, t)
        return t

    @_alone
    def cross(self, t: Array) -> Array:
        """sum_l conj(y_l) o A_l t_l."""
        out = np.empty(self.m, dtype=self.dtype)
        for index in range(self.p):
            self._forth(index, t, self.split.by_rows(out))
        return out

    @_alone
    def product(self, s: Array) -> Array:
        """sum_l conj(y_l) o A_l t_l with t_l from `analysis`."""
        if self.repeated:
            return self.cross(self.analysis(s))
        t, rows = self._signals(), self.split.by_rows(s)
        out = np.empty(self.m, dtype=self.dtype)
        for index in range(self.p):
            self._back(index, rows, t)
            self._forth(index, t, self.split.by_rows(out))
        return out

    @_alone
    def normal(self, t: Array, power: Array) -> Array:
        """A_l^* (power o A_l t_l), summed over l for one signal, for real power (m,)."""
        out, split, factors = self._signals(), self.split, self.split.by_rows(power)

        def middle(first: int, last: int) -> None:
            v = split.rows_forth(first, last)
            diagonal_products.scale(factors[first:last], v)
            split.rows_back(first, last)

        for index in range(self.p):
            self._there_and_back(index, t, middle, out)
        return out

    @_alone
    def gradient(self, t: Array, d: Array) -> Array:
        """A_l^* (conj(d) o (y_l - d o A_l t_l)), summed over l for one signal."""
        out, split, gains = self._signals(), self.split, self.split.by_rows(d)
        for index in range(self.p):
            y = self.data[index]

            def middle(first: int, last: int, y: Array = y) -> None:
                v = split.rows_forth(first, last)
                diagonal_products.als_residual(y[first:last], gains[first:last], v)
                split.rows_back(first, last)

            self._there_and_back(index, t, middle, out)
        return out

    @_alone
    def gain_sums(self, t: Array, d: Array) -> tuple[Array, Array, float]:
        """sum_l conj(v_l) o y_l, sum_l |v_l|^2 and sum |y - d v|^2 for v_l = A_l t_l."""
        split, m, p = self.split, self.m, self.p
        top = np.zeros(m, dtype=self.dtype)
        below = np.zeros(m, dtype=self.real_dtype)
        costs = np.zeros((p, split.rows))
        gains, above, under = (split.by_rows(one) for one in (d, top, below))
        for index in range(p):
            y, cost = self.data[index], costs[index]

            def end(first: int, last: int, y: Array = y, cost: Array = cost) -> None:
                v = split.rows_forth(first, last)
                own, parts = gains[first:last], (above[first:last], under[first:last])
                cost[first] = diagonal_products.add_gain_sums(y[first:last], own, v, *parts)

            self._begin(index, t)
            split.each_rows(end)
        return top, below, float(costs.sum())

    # -- one measurement -----------------------------------------------------------------------

    def _signals(self) -> Array:
        return np.zeros(self.signal_shape, dtype=self.dtype)

    def _diagonal(self, index: int) -> Array:
        return np.asarray(self.diagonals[0 if self.shared else index])

    def _of(self, index: int, t: Array) -> Array:
        return t if self.repeated else t[index]

    def _begin(self, index: int, t: Array) -> None:
        """The diagonal of A_l and the first half of its transform."""
        split, diagonal = self.split, self._diagonal(index)
        x = np.ascontiguousarray(self._of(index, t))

        def visit(first: int, last: int) -> None:
            diagonal_products.multiply_strip(diagonal, x, split.columns, first, last, split.grid)
            split.columns_forth(first, last)

        split.each_columns(visit)

    def _finish(self, index: int, out: Array) -> None:
        """The adjoint, added to the signal."""
        split, diagonal, x = self.split, self._diagonal(index), self._of(index, out)

        def visit(first: int, last: int) -> None:
            split.columns_back(first, last)
            diagonal_products.add_strip(diagonal, split.grid, split.columns, first, last, x)

        split.each_columns(visit)

    def _forth(self, index: int, t: Array, out: Array) -> None:
        """out += conj(y_l) o A_l t_l, or = for the first."""
        split, y = self.split, self.data[index]
        take = diagonal_products.add_product if index else diagonal_products.set_product

        def visit(first: int, last: int) -> None:
            v = split.rows_forth(first, last)
            take(y[first:last], v, out[first:last])

        self._begin(index, t)
        split.each_rows(visit)

    def _back(self, index: int, s: Array, out: Array) -> None:
        """A_l^* (y_l o s), added to the signal."""
        split, y = self.split, self.data[index]

        def visit(first: int, last: int) -> None:
            diagonal_products.multiply(y[first:last], s[first:last], split.grid[first:last])
            split.rows_back(first, last)

        split.each_rows(visit)
        self._finish(index, out)

    def _there_and_back(self, index: int, t: Array, middle: Any, out: Array) -> None:
        self._begin(index, t)
        self.split.each_rows(middle)
        self._finish(index, out)
