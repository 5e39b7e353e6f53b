"""The interpolant between two Gaussian mixtures in closed form: velocity, score, denoiser.

With independent ends x_t is the mixture of the interpolants of all pairs of components (k, l), and
b = Σ r_kl b_kl, s = Σ r_kl s_kl with responsibilities r_kl ∝ w_k w_l N(x; m_kl, C_kl), computed by
log-sum-exp (arXiv 2303.08797, appendix A). O(K L d³) once a time, O(K L d²) a sample.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from ..._errors import argument_error
from ..._result import FloatArray
from .fields import Fields
from .gaussian_pair import GaussianPair
from .interpolant import Interpolant

__all__ = ["MixturePair"]


class MixturePair:
    """Two Gaussian mixtures joined by an interpolant, with independent ends.

    Parameters
    ----------
    interpolant : Interpolant
    weights0, means0, covariances0 : array_like, shapes (K,), (K, d), (K, d, d)
    weights1, means1, covariances1 : array_like, shapes (L,), (L, d), (L, d, d)

    Examples
    --------
    >>> import numpy as np
    >>> pair = MixturePair(Interpolant(), [1.0], [[0.0]], [[[1.0]]],
    ...                    [0.5, 0.5], [[-1.0], [1.0]], [[[0.1]], [[0.1]]])
    >>> pair.velocity(np.array([[0.0]]), 0.5)
    array([[0.]])
    """

    def __init__(
        self,
        interpolant: Interpolant,
        weights0: npt.ArrayLike,
        means0: npt.ArrayLike,
        covariances0: npt.ArrayLike,
        weights1: npt.ArrayLike,
        means1: npt.ArrayLike,
        covariances1: npt.ArrayLike,
    ) -> None:
        self.interpolant = interpolant
        first = _mixture(weights0, means0, covariances0, "0")
        second = _mixture(weights1, means1, covariances1, "1")
        self.log_weights = np.add.outer(np.log(first[0]), np.log(second[0])).ravel()
        self.pairs = [
            GaussianPair(interpolant, m0, C0, m1, C1)
            for m0, C0 in zip(*first[1:], strict=True)
            for m1, C1 in zip(*second[1:], strict=True)
        ]

    def responsibilities(self, x: FloatArray, t: float) -> FloatArray:
        """Probabilities of the K L pairs given x_t, shape (B, K L), the pair (k, l) at k L + l."""
        logs = np.stack([_log_density(pair, x, t) for pair in self.pairs], axis=1)
        logs += self.log_weights
        logs -= logs.max(axis=1, keepdims=True)
        weights = np.exp(logs)
        return np.asarray(weights / weights.sum(axis=1, keepdims=True))

    def velocity(self, x: FloatArray, t: float) -> FloatArray:
        """b(x, t)."""
        return self._average(x, t, "velocity")

    def path_velocity(self, x: FloatArray, t: float) -> FloatArray:
        """v(x, t)."""
        return self._average(x, t, "path_velocity")

    def score(self, x: FloatArray, t: float) -> FloatArray:
        """s(x, t)."""
        return self._average(x, t, "score")

    def denoiser(self, x: FloatArray, t: float) -> FloatArray:
        """η(x, t)."""
        return self._average(x, t, "denoiser")

    def log_density(self, x: FloatArray, t: float) -> FloatArray:
        """log ρ_t(x), shape (B,)."""
        logs = np.stack([_log_density(pair, x, t) for pair in self.pairs], axis=1)
        return np.asarray(np.logaddexp.reduce(logs + self.log_weights, axis=1))

    def fields(self) -> Fields:
        """b and η as `Fields`."""
        return Fields(self.interpolant, velocity=self.velocity, denoiser=self.denoiser)

    def _average(self, x: FloatArray, t: float, name: str) -> FloatArray:
        r = self.responsibilities(x, t)
        parts: list[Any] = [getattr(pair, name)(x, t) for pair in self.pairs]
        return np.asarray(sum(r[:, [k]] * part for k, part in enumerate(parts)))


def _log_density(pair: GaussianPair, x: FloatArray, t: float) -> FloatArray:
    L = np.linalg.cholesky(pair.covariance(t))
    white = np.linalg.solve(L, (x - pair.mean(t)).T)
    constant = np.log(np.diag(L)).sum() + 0.5 * len(L) * np.log(2.0 * np.pi)
    return np.asarray(-0.5 * (white**2).sum(axis=0) - constant)


def _mixture(
    weights: npt.ArrayLike, means: npt.ArrayLike, covariances: npt.ArrayLike, end: str
) -> tuple[FloatArray, FloatArray, FloatArray]:
    w = np.asarray(weights, dtype=np.float64)
    m = np.asarray(means, dtype=np.float64)
    C = np.asarray(covariances, dtype=np.float64)
    if w.ndim != 1 or m.ndim != 2 or len(m) != len(w) or C.shape != (*m.shape, m.shape[1]):
        raise argument_error(
            f"means{end}",
            f"shapes {w.shape}, {m.shape}, {C.shape} of weights, means and covariances",
            "(K,), (K, d) and (K, d, d)",
            "Give every component a weight, a mean and a covariance.",
        )
    if not (np.all(w > 0) and np.isclose(w.sum(), 1.0)):
        raise argument_error(
            f"weights{end}", w.tolist(), "positive weights of sum 1", "Divide them by their sum."
        )
    return w, m, C
