"""Products of large problems, one measurement at a time.

Where A_l is a diagonal and then a transform in place, a measurement passes through a single buffer
that stays in cache between diagonal, transform and diagonal, and no array of the size of Y is
made: p transforms of length m a product, and little else. Measurements are spread over threads;
each waits for the one before it to add its share, so that sums do not depend on their number.
"""

from __future__ import annotations

import queue
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import numpy as np

from ..kernels import diagonal_products
from ..tall import single_threaded_blas, thread_count
from .operators._base import Array
from .problem import Problem

__all__ = ["Successive", "successive"]

_LARGE = 2**17  # numbers in Y: below, one call for all measurements is faster

Turn = Callable[[], None]


def successive(problem: Problem) -> Successive | None:
    """The products of a problem, or None where they are not meant for it."""
    operators = problem.operators
    if operators.diagonals is None or problem.batch_shape:
        return None
    complex_ = operators.dtype.kind == "c" and operators.dtype == problem.dtype
    return Successive(problem) if complex_ and problem.p * problem.m >= _LARGE else None


class Successive:
    """Products with y_l, A_l and A_l^* of one large problem, weights left out."""

    def __init__(self, problem: Problem) -> None:
        self.problem, self.operators = problem, problem.operators
        self.data = np.ascontiguousarray(problem.data)
        assert self.operators.diagonals is not None
        self.diagonals = np.ascontiguousarray(self.operators.diagonals)
        workers = min(thread_count(), problem.p)
        self._pool = ThreadPoolExecutor(workers)
        self._buffers: queue.SimpleQueue[Array] = queue.SimpleQueue()
        for _ in range(workers):
            self._buffers.put(np.empty(problem.m, dtype=problem.dtype))

    # -- products ------------------------------------------------------------------------------

    def analysis(self, s: Array) -> Array:
        """A_l^* (y_l o s), summed over l for one signal."""
        t, s = self._signals(), np.ascontiguousarray(s)

        def visit(index: int, buffer: Array, turn: Turn) -> None:
            diagonal_products.multiply_padded(self.data[index], s, buffer)
            self._back(index, buffer, t, turn)

        self._each(visit)
        return t

    def cross(self, t: Array) -> Array:
        """sum_l conj(y_l) o A_l t_l."""
        out = np.zeros(self.problem.m, dtype=self.problem.dtype)

        def visit(index: int, buffer: Array, turn: Turn) -> None:
            image = self._forth(index, t, buffer)
            turn()
            diagonal_products.add_product(self.data[index], image, out)

        self._each(visit)
        return out

    def product(self, s: Array) -> Array:
        """sum_l conj(y_l) o A_l t_l with t_l from `analysis`."""
        if self.problem.repeated:
            return self.cross(self.analysis(s))
        out = np.zeros(self.problem.m, dtype=self.problem.dtype)
        t, s = self._signals(), np.ascontiguousarray(s)

        def visit(index: int, buffer: Array, turn: Turn) -> None:
            diagonal_products.multiply_padded(self.data[index], s, buffer)
            self._back(index, buffer, t, lambda: None)
            image = self._forth(index, t, buffer)
            turn()
            diagonal_products.add_product(self.data[index], image, out)

        self._each(visit)
        return out

    def normal(self, t: Array, power: Array) -> Array:
        """A_l^* (power o A_l t_l), summed over l for one signal; real `power` (m,) or (p, m)."""
        out = self._signals()

        def visit(index: int, buffer: Array, turn: Turn) -> None:
            image = self._forth(index, t, buffer)
            image *= power if power.ndim == 1 else power[index]
            self._back(index, image, out, turn)

        self._each(visit)
        return out

    def gradient(self, t: Array, d: Array) -> Array:
        """A_l^* (conj(d) o (y_l - d o A_l t_l)), summed over l for one signal."""
        out = self._signals()

        def visit(index: int, buffer: Array, turn: Turn) -> None:
            image = self._forth(index, t, buffer)
            diagonal_products.als_residual(self.data[index], image, d)
            self._back(index, image, out, turn)

        self._each(visit)
        return out

    def gain_sums(self, t: Array, d: Array) -> tuple[Array, Array, float]:
        """sum_l conj(v_l) o y_l, sum_l |v_l|^2 and sum |y - d v|^2 for v_l = A_l t_l."""
        m, p = self.problem.m, self.problem.p
        top = np.zeros(m, dtype=self.problem.dtype)
        below = np.zeros(m, dtype=self.problem.real_dtype)
        costs = np.zeros(p)

        def visit(index: int, buffer: Array, turn: Turn) -> None:
            v = self._forth(index, t, buffer)
            costs[index] = diagonal_products.als_cost(self.data[index], v, d)
            turn()
            diagonal_products.add_product(v, self.data[index], top)
            diagonal_products.squares(v, None, below)

        self._each(visit)
        return top, below, float(costs.sum())

    # -- one measurement -----------------------------------------------------------------------

    def _signals(self) -> Array:
        return np.zeros(self.problem.signal_shape, dtype=self.problem.dtype)

    def _map(self, index: int) -> int:
        return 0 if self.operators.shared else index

    def _forth(self, index: int, t: Array, buffer: Array) -> Array:
        x = t if self.problem.repeated else t[index]
        diagonal = self.diagonals[self._map(index)]
        diagonal_products.multiply_padded(diagonal, np.ascontiguousarray(x), buffer)
        return self.operators.transform(buffer)

    def _back(self, index: int, values: Array, out: Array, turn: Turn) -> None:
        image = self.operators.transform_adjoint(values)[: self.problem.n]
        turn()
        target = out if self.problem.repeated else out[index]
        if not self.problem.repeated:
            target[:] = 0
        diagonal_products.add_product(self.diagonals[self._map(index)], image, target)

    def _each(self, visit: Callable[[int, Array, Turn], None]) -> None:
        count = self.problem.p
        turns = [threading.Event() for _ in range(count + 1)]
        turns[0].set()

        def run(index: int) -> None:
            buffer = self._buffers.get()
            try:
                visit(index, buffer, lambda: (turns[index].wait(), None)[1])
            finally:
                self._buffers.put(buffer)
                turns[index].wait()
                turns[index + 1].set()

        with single_threaded_blas():
            for done in [self._pool.submit(run, index) for index in range(count)]:
                done.result()
