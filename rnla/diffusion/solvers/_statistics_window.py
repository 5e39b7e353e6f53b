"""Integrals of a model's statistics around one step of DPM-Solver-v3, by the trapezoidal rule.

All are taken from the start s of the step, so nothing can overflow: with L, S the integrals of l
and s from lambda_s, E = e^(L + S) and B the integral of e^(-S) b, what is asked for is L and S and
B at any point, and over the step the integrals of E B and of E (lambda - lambda_s)^k / k!. The
nodes are the levels of the table and the points themselves, where l, s and b are interpolated
linearly: the trapezoid of a part of a cell. Cost: O(levels of the table in the window) arrays.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from ..._errors import argument_error
from ..model_statistics import ModelStatistics

__all__ = ["Window"]

Array = npt.NDArray[np.float64]


class Window:
    """The statistics on an interval of lambda, integrated from `origin`.

    Parameters
    ----------
    statistics : ModelStatistics
    origin : float
        lambda at the start of the step.
    points : sequence of float
        Other points: the end of the step and earlier levels.

    Raises
    ------
    ArgumentError
        If a point lies outside the table.
    """

    def __init__(self, statistics: ModelStatistics, origin: float, points: Sequence[float]) -> None:
        table = statistics.half_log_snr
        ends = min(origin, *points), max(origin, *points)
        slack = 1e-9 * (1.0 + abs(table[0]) + abs(table[-1]))
        if not (table[0] - slack <= ends[0] and ends[1] <= table[-1] + slack):
            raise argument_error(
                "statistics",
                f"levels from {table[0]:.6g} to {table[-1]:.6g} for a grid with half log-SNR "
                f"{ends[0]:.6g} to {ends[1]:.6g}",
                "a table that covers the grid",
                "Estimate the statistics on the range of the grid.",
            )
        inside = table[(table > ends[0]) & (table < ends[1])]
        self._nodes = np.unique(np.concatenate([inside, [origin], np.asarray(points)]))
        self._axes = len(statistics.shape)
        self._zero = int(np.searchsorted(self._nodes, origin))
        l = _interpolated(self._nodes, table, statistics.l)
        self.l_at_origin = l[self._zero]
        self._L = self._integral(l)
        self._S = self._integral(_interpolated(self._nodes, table, statistics.s))
        b = _interpolated(self._nodes, table, statistics.b)
        self._B = self._integral(np.exp(-self._S) * b)
        self._E = np.exp(self._L + self._S)

    def at(self, point: float) -> tuple[Array, Array, Array]:
        """L, S and B at a point."""
        n = int(np.searchsorted(self._nodes, point))
        return self._L[n], self._S[n], self._B[n]

    def moments(self, stop: float, count: int) -> tuple[Array, ...]:
        """Integrals of E (lambda - lambda_s)^k / k! from the origin to `stop`, k below `count`."""
        n = int(np.searchsorted(self._nodes, stop))
        steps = self._columns(self._nodes - self._nodes[self._zero])
        return tuple(
            self._integral(self._E * steps**k / math.factorial(k))[n] for k in range(count)
        )

    def drift(self, stop: float) -> Array:
        """The integral of E B from the origin to `stop`."""
        result: Array = self._integral(self._E * self._B)[int(np.searchsorted(self._nodes, stop))]
        return result

    def _integral(self, values: Array) -> Array:
        """Cumulative trapezoids, 0 at the origin."""
        widths = self._columns(np.diff(self._nodes))
        sums = np.cumsum(0.5 * widths * (values[1:] + values[:-1]), axis=0)
        sums = np.concatenate([np.zeros((1, *values.shape[1:])), sums])
        integral: Array = sums - sums[self._zero]
        return integral

    def _columns(self, values: Array) -> Array:
        return values.reshape(-1, *(1,) * self._axes)


def _interpolated(points: Array, table: Array, curve: Array) -> Array:
    """Values of a curve at points, linear between the levels of the table."""
    right = np.clip(np.searchsorted(table, points), 1, table.size - 1)
    share = (points - table[right - 1]) / (table[right] - table[right - 1])
    share = np.clip(share, 0.0, 1.0).reshape(-1, *(1,) * (curve.ndim - 1))
    values: Array = (1.0 - share) * curve[right - 1] + share * curve[right]
    return values
