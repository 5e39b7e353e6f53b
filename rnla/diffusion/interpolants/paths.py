"""Ingredients of a stochastic interpolant x_t = α x0 + β x1 + γ z: a path and a latent scale.

A path gives α and β with α(0) = β(1) = 1 and α(1) = β(0) = 0; a latent scale gives γ ≥ 0, zero at
both ends. Choices of Albergo, Boffi and Vanden-Eijnden, "Stochastic interpolants: a unifying
framework for flows and diffusions" (arXiv 2303.08797), section 4. Here t = 1 is data. γ of
square-root type has no derivative at the ends, so the product γγ̇ is a method of its own and never
formed from its factors. O(1) work.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np

from ..._errors import check_positive

__all__ = [
    "Constant",
    "EncodingDecoding",
    "LatentScale",
    "Linear",
    "NoLatent",
    "Path",
    "Product",
    "RootProduct",
    "SigmoidDifference",
    "SineSquared",
    "Trigonometric",
]


class Path(Protocol):
    """α and β and their derivatives, each a function of times in [0, 1]."""

    def alpha(self, t: Any) -> Any:
        """Weight of x0."""

    def beta(self, t: Any) -> Any:
        """Weight of x1."""

    def alpha_dot(self, t: Any) -> Any:
        """Derivative of α."""

    def beta_dot(self, t: Any) -> Any:
        """Derivative of β."""


class LatentScale(Protocol):
    """γ, its derivative and the product of the two."""

    def gamma(self, t: Any) -> Any:
        """Weight of the latent z."""

    def gamma_dot(self, t: Any) -> Any:
        """Derivative of γ, which may be infinite at the ends."""

    def product(self, t: Any) -> Any:
        """γγ̇, half the derivative of γ²; finite everywhere."""


@dataclass(frozen=True)
class Linear:
    """α = 1 - t, β = t.

    Examples
    --------
    >>> Linear().beta(0.25)
    0.25
    """

    def alpha(self, t: Any) -> Any:
        """1 - t."""
        return 1.0 - t

    def beta(self, t: Any) -> Any:
        """The time itself."""
        return 1.0 * t

    def alpha_dot(self, t: Any) -> Any:
        """-1."""
        return 0.0 * t - 1.0

    def beta_dot(self, t: Any) -> Any:
        """1."""
        return 0.0 * t + 1.0


@dataclass(frozen=True)
class Trigonometric:
    """α = cos(πt/2), β = sin(πt/2): keeps the variance of ends of equal variance."""

    def alpha(self, t: Any) -> Any:
        """cos(πt/2)."""
        return np.cos(0.5 * np.pi * t)

    def beta(self, t: Any) -> Any:
        """sin(πt/2)."""
        return np.sin(0.5 * np.pi * t)

    def alpha_dot(self, t: Any) -> Any:
        """-(π/2) sin(πt/2)."""
        return -0.5 * np.pi * np.sin(0.5 * np.pi * t)

    def beta_dot(self, t: Any) -> Any:
        """(π/2) cos(πt/2)."""
        return 0.5 * np.pi * np.cos(0.5 * np.pi * t)


@dataclass(frozen=True)
class EncodingDecoding:
    """α = cos²(πt) before t = ½ and β = cos²(πt) after it: x_½ is pure noise.

    To be used with `SineSquared`, which is one there.
    """

    def alpha(self, t: Any) -> Any:
        """cos²(πt) on the first half."""
        return np.where(np.less(t, 0.5), np.cos(np.pi * t) ** 2, 0.0)

    def beta(self, t: Any) -> Any:
        """cos²(πt) on the second half."""
        return np.where(np.greater(t, 0.5), np.cos(np.pi * t) ** 2, 0.0)

    def alpha_dot(self, t: Any) -> Any:
        """-π sin(2πt) on the first half."""
        return np.where(np.less(t, 0.5), -np.pi * np.sin(2.0 * np.pi * t), 0.0)

    def beta_dot(self, t: Any) -> Any:
        """-π sin(2πt) on the second half."""
        return np.where(np.greater(t, 0.5), -np.pi * np.sin(2.0 * np.pi * t), 0.0)


@dataclass(frozen=True)
class Constant:
    """α = 0, β = 1: the path of the mirror interpolant, which starts and ends at the data."""

    def alpha(self, t: Any) -> Any:
        """0."""
        return 0.0 * t

    def beta(self, t: Any) -> Any:
        """1."""
        return 0.0 * t + 1.0

    def alpha_dot(self, t: Any) -> Any:
        """0."""
        return 0.0 * t

    def beta_dot(self, t: Any) -> Any:
        """0."""
        return 0.0 * t


@dataclass(frozen=True)
class RootProduct:
    """γ = √(a t (1 - t)), a Brownian bridge of variance a.

    Parameters
    ----------
    a : float, default 1
        Positive.

    Examples
    --------
    >>> RootProduct(2.0).product(0.0), RootProduct(1.0).gamma(0.5)
    (1.0, 0.5)
    """

    a: float = 1.0

    def __post_init__(self) -> None:
        check_positive(self.a, "a")

    def gamma(self, t: Any) -> Any:
        """√(a t (1 - t))."""
        return _plain(np.sqrt(self.a * t * (1.0 - t)))

    def gamma_dot(self, t: Any) -> Any:
        """a (1 - 2t) / (2γ), infinite at the ends."""
        with np.errstate(divide="ignore"):
            return _plain(np.divide(self.product(t), self.gamma(t)))

    def product(self, t: Any) -> Any:
        """a (1 - 2t) / 2."""
        return 0.5 * self.a * (1.0 - 2.0 * t)


@dataclass(frozen=True)
class Product:
    """γ = t (1 - t)."""

    def gamma(self, t: Any) -> Any:
        """t (1 - t)."""
        return t * (1.0 - t)

    def gamma_dot(self, t: Any) -> Any:
        """1 - 2t."""
        return 1.0 - 2.0 * t

    def product(self, t: Any) -> Any:
        """t (1 - t) (1 - 2t)."""
        return t * (1.0 - t) * (1.0 - 2.0 * t)


@dataclass(frozen=True)
class SineSquared:
    """γ = sin²(πt)."""

    def gamma(self, t: Any) -> Any:
        """sin²(πt)."""
        return np.sin(np.pi * t) ** 2

    def gamma_dot(self, t: Any) -> Any:
        """π sin(2πt)."""
        return np.pi * np.sin(2.0 * np.pi * t)

    def product(self, t: Any) -> Any:
        """π sin²(πt) sin(2πt)."""
        return self.gamma(t) * self.gamma_dot(t)


@dataclass(frozen=True)
class SigmoidDifference:
    """γ = S(f(t - ½) + 1) - S(f(t - ½) - 1), less its value at the ends; S the logistic function.

    Our reading of the paper's difference of sigmoids: flat in the middle, steep near the ends.

    Parameters
    ----------
    steepness : float, default 10
        f.
    """

    steepness: float = 10.0

    def __post_init__(self) -> None:
        check_positive(self.steepness, "steepness")

    def _bump(self, t: Any) -> Any:
        u = self.steepness * (t - 0.5)
        return _logistic(u + 1.0) - _logistic(u - 1.0)

    def gamma(self, t: Any) -> Any:
        """The bump, zero at both ends."""
        return self._bump(t) - self._bump(0.0)

    def gamma_dot(self, t: Any) -> Any:
        """Derivative, by S' = S (1 - S)."""
        u = self.steepness * (t - 0.5)
        first, second = _logistic(u + 1.0), _logistic(u - 1.0)
        return self.steepness * (first * (1.0 - first) - second * (1.0 - second))

    def product(self, t: Any) -> Any:
        """γγ̇."""
        return self.gamma(t) * self.gamma_dot(t)


@dataclass(frozen=True)
class NoLatent:
    """γ = 0: a deterministic interpolant, which has a velocity but no score."""

    def gamma(self, t: Any) -> Any:
        """0."""
        return 0.0 * t

    def gamma_dot(self, t: Any) -> Any:
        """0."""
        return 0.0 * t

    def product(self, t: Any) -> Any:
        """0."""
        return 0.0 * t


def _logistic(u: Any) -> Any:
    return 1.0 / (1.0 + np.exp(-u))


def _plain(value: Any) -> Any:
    """A Python float where a scalar came in, so that states keep their dtype."""
    return float(value) if np.ndim(value) == 0 else value
