"""Smooth convex losses of one residual, with what Newton's method and its certificate need.

A loss f is a small frozen record: f, f', f'', and the convex conjugate f*(u) = sup_r (u r - f(r)),
which is infinite outside the closed interval `domain` of slopes. By Fenchel's duality

    sum_i w_i f(b_i - a_i x) >= u^T b - sum_i w_i f*(u_i / w_i)   for every u with A^T u = 0,

so any such u certifies a lower bound (Rockafellar, Convex Analysis, 1970, section 31). Elementwise,
a few nanoseconds a row.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Protocol

import numpy as np

from ..._errors import argument_error, check_p, check_positive
from ..._result import FloatArray

__all__ = ["Huber", "Logistic", "Loss", "Power"]

# Powers of |r| below this would leave the normal numbers, which slow arithmetic down a hundredfold.
_TINY = 1e-280


class Loss(Protocol):
    """A smooth convex function of one residual, not below 0."""

    @property
    def name(self) -> str:
        """What results and messages call it."""

    @property
    def degree(self) -> float | None:
        """p if f(t r) = t^p f(r) for all t > 0, else None."""

    @property
    def smoothness(self) -> float:
        """The largest curvature, infinite if there is none."""

    @property
    def guesses(self) -> bool:
        """Whether `expand` makes use of a guess of the slopes."""

    @property
    def domain(self) -> tuple[float, float]:
        """The closed interval of slopes, outside which the conjugate is infinite."""

    def value(self, r: FloatArray) -> FloatArray:
        """f(r), elementwise."""

    def expand(
        self, r: FloatArray, dual: FloatArray | None = None
    ) -> tuple[FloatArray, FloatArray, FloatArray]:
        """f(r), f'(r) and a curvature, elementwise.

        The curvature is f'' unless a guess of the slopes at the minimum, `dual`, suggests better.
        """

    def conjugate(self, u: FloatArray) -> FloatArray:
        """f*(u) for slopes inside `domain`, elementwise."""


@dataclass(frozen=True)
class Power:
    """|r|^p for 1 < p < inf.

    Curvature is that of |r| = `floor` where |r| is smaller. With a `dual` guess u and p < 2 the
    equation u |r|^(2-p) = p r is linearised in place of u = p |r|^(p-2) r, which is nearly a step:
    the curvature then lies between f'' and (3 - p) f'' / (p - 1) (Chan, Golub, Mulet, SISC 1999,
    for total variation).

    Examples
    --------
    >>> import numpy as np
    >>> value, slope, curvature = Power(3.0).expand(np.array([-2.0, 1.0]))
    >>> value, slope, curvature
    (array([8., 1.]), array([-12.,   3.]), array([12.,  6.]))
    """

    p: float
    floor: float = 0.0

    def __post_init__(self) -> None:
        if check_p(self.p) == 1.0:
            raise argument_error("p", "1", "p > 1", "Use quantile_regression for p = 1.")

    @property
    def name(self) -> str:
        """See `Loss`."""
        return f"power({self.p:g})"

    @property
    def degree(self) -> float | None:
        """See `Loss`."""
        return self.p

    @property
    def smoothness(self) -> float:
        """See `Loss`."""
        return 2.0 if self.p == 2.0 else math.inf

    @property
    def guesses(self) -> bool:
        """See `Loss`."""
        return self.p < 2.0

    @property
    def domain(self) -> tuple[float, float]:
        """See `Loss`."""
        return -math.inf, math.inf

    def value(self, r: FloatArray) -> FloatArray:
        """See `Loss`."""
        return _power(np.abs(r), self.p)

    def expand(
        self, r: FloatArray, dual: FloatArray | None = None
    ) -> tuple[FloatArray, FloatArray, FloatArray]:
        """See `Loss`."""
        p, floor = self.p, max(self.floor, 1e-150)
        size = np.abs(r)
        held = np.maximum(size, floor)
        curvature = _power(held, p - 2.0) * p  # of the parabola that touches f at r
        slope = curvature * r
        value = slope * r
        value /= p
        if p < 2.0 and size.size and float(size.min()) < floor:
            small = size < floor
            value[small] = _power(size[small], p)
        if p < 2.0 and dual is not None:
            held *= held
            held *= curvature
            ratio = dual * r
            ratio /= held
            np.clip(ratio, -1.0, 1.0, out=ratio)
            ratio *= p - 2.0
            ratio += 1.0
            curvature *= ratio
        else:
            curvature *= p - 1.0
        return value, slope, curvature

    def conjugate(self, u: FloatArray) -> FloatArray:
        """See `Loss`."""
        return (self.p - 1.0) * _power(np.abs(u) / self.p, self.p / (self.p - 1.0))


@dataclass(frozen=True)
class Huber:
    """r^2 / 2 for |r| <= threshold, threshold (|r| - threshold / 2) beyond (Huber 1964).

    With a `dual` guess u, u max(|r|, threshold) = threshold r is linearised, as for `Power`.

    Examples
    --------
    >>> import numpy as np
    >>> Huber(1.0).value(np.array([0.5, -3.0]))
    array([0.125, 2.5  ])
    """

    threshold: float = 1.345

    def __post_init__(self) -> None:
        check_positive(self.threshold, "threshold")

    @property
    def name(self) -> str:
        """See `Loss`."""
        return f"huber({self.threshold:g})"

    @property
    def degree(self) -> float | None:
        """See `Loss`."""
        return None

    @property
    def smoothness(self) -> float:
        """See `Loss`."""
        return 1.0

    @property
    def guesses(self) -> bool:
        """See `Loss`."""
        return True

    @property
    def domain(self) -> tuple[float, float]:
        """See `Loss`."""
        return -self.threshold, self.threshold

    def value(self, r: FloatArray) -> FloatArray:
        """See `Loss`."""
        slope = np.clip(r, -self.threshold, self.threshold)
        result: FloatArray = slope * (r - 0.5 * slope)
        return result

    def expand(
        self, r: FloatArray, dual: FloatArray | None = None
    ) -> tuple[FloatArray, FloatArray, FloatArray]:
        """See `Loss`."""
        slope = np.clip(r, -self.threshold, self.threshold)
        size = np.abs(r)
        value = slope * (r - 0.5 * slope)
        if dual is None:
            return value, slope, (size <= self.threshold).astype(np.float64)
        held = np.maximum(size, self.threshold)
        ratio = np.clip(dual * np.sign(r) / self.threshold, 0.0, 1.0)
        curvature = np.where(size > self.threshold, 1.0 - ratio, 1.0) * (self.threshold / held)
        return value, slope, curvature

    def conjugate(self, u: FloatArray) -> FloatArray:
        """See `Loss`."""
        result: FloatArray = 0.5 * u * u
        return result


@dataclass(frozen=True)
class Logistic:
    """log(1 + exp(-r)): for labels y = -1, 1 the loss of the margin r = y a x.

    With rows -y_i a_i and b = 0 the residual b_i - a_i x is that margin.

    Examples
    --------
    >>> import numpy as np
    >>> Logistic().value(np.array([0.0, 800.0, -800.0])).round(6)
    array([6.93147e-01, 0.00000e+00, 8.00000e+02])
    """

    @property
    def name(self) -> str:
        """See `Loss`."""
        return "logistic"

    @property
    def degree(self) -> float | None:
        """See `Loss`."""
        return None

    @property
    def smoothness(self) -> float:
        """See `Loss`."""
        return 0.25

    @property
    def guesses(self) -> bool:
        """See `Loss`."""
        return False

    @property
    def domain(self) -> tuple[float, float]:
        """See `Loss`."""
        return -1.0, 0.0

    def value(self, r: FloatArray) -> FloatArray:
        """See `Loss`."""
        small: FloatArray = np.exp(-np.minimum(np.abs(r), 600.0))
        return np.log1p(small) + np.maximum(-r, 0.0)

    def expand(
        self, r: FloatArray, dual: FloatArray | None = None
    ) -> tuple[FloatArray, FloatArray, FloatArray]:
        """See `Loss`."""
        small = np.exp(-np.minimum(np.abs(r), 600.0))
        near = 1.0 / (1.0 + small)  # of the two probabilities the larger
        far = small * near
        slope = -np.where(r > 0.0, far, near)
        return np.log1p(small) + np.maximum(-r, 0.0), slope, near * far

    def conjugate(self, u: FloatArray) -> FloatArray:
        """See `Loss`."""
        v = np.clip(-u, 0.0, 1.0)
        return _entropy(v) + _entropy(1.0 - v)


def _power(size: FloatArray, exponent: float) -> FloatArray:
    """size^exponent for size >= 0; what would be no normal number becomes 0."""
    if exponent == 0.0:
        return np.ones_like(size)
    if exponent == 1.0:
        return size
    if exponent == 2.0:
        square: FloatArray = size * size
        return square
    result: FloatArray = np.power(size, exponent)
    if exponent > 1.0:
        result[result < _TINY] = 0.0
    return result


def _entropy(v: FloatArray) -> FloatArray:
    """v log v, 0 at 0."""
    result: FloatArray = v * np.log(np.maximum(v, 1e-300))
    return result
