"""Mixtures of Gaussians along a path: what every distribution known in closed form is made of.

Component k is N(m_k, U_k diag(v_k) U_k^T + tail_k P_k) with orthonormal columns U_k and P_k the
projector off them. Noised to a level it is N(alpha m_k, alpha^2 C_k + sigma^2 I), its inverse and
determinant come by eigenvalues (Woodbury's identity, matrix-determinant lemma), and Bayes' rule
gives the mean of x0 given x. O(K d r) work per sample.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from ...._errors import argument_error, check_size
from ....random import RNGLike, Stream, resolve_seed
from ..._arrays import cast, namespace
from ...plan import Level

__all__ = ["Components", "Model"]

Array = npt.NDArray[np.float64]

# Largest number of entries of one (samples, components, d) block of differences.
_BLOCK = 1 << 20


@dataclass(frozen=True, eq=False)
class Components:
    """Components of a mixture.

    Attributes
    ----------
    log_weights : ndarray, shape (K,)
    means : ndarray, shape (K, d)
    vectors : ndarray, shape (K, d, r)
        Orthonormal columns; r may be 0.
    values : ndarray, shape (K, r)
        Variances along them.
    tails : ndarray, shape (K,)
        Variance in all other directions.
    """

    log_weights: Array
    means: Array
    vectors: Array
    values: Array
    tails: Array

    def denoise(self, x: Any, level: Level) -> Any:
        """E[x0 | x], shape (batch, d)."""
        xp = namespace(x)
        count, d = self.means.shape
        rows = max(1, _BLOCK // (count * d))
        blocks = [self._denoise(x[i : i + rows], level) for i in range(0, x.shape[0], rows)]
        return blocks[0] if len(blocks) == 1 else xp.concatenate(blocks, axis=0)

    def responsibilities(self, x: Any, level: Level) -> Any:
        """Probability of each component given x, shape (batch, K)."""
        return self._parts(x, level)[0]

    def log_density(self, x: Any, level: Level) -> Any:
        """Log-density of x at the level, shape (batch,)."""
        return self._parts(x, level)[1]

    def covariance(self, x: Any, level: Level) -> Any:
        """Cov[x0 | x], shape (batch, d, d)."""
        xp = namespace(x)
        weights, means = self._means(x, level)
        noise = level.sigma**2
        # Within a component: alpha C_k' V_k^{-1} has the gains, and sigma^2 / alpha of it is left.
        left, tail_left = (gain * (noise / level.alpha) for gain in self._gains(level))
        scaled = self.vectors * (left - tail_left[:, None])[:, None, :]
        within = scaled @ self.vectors.transpose(0, 2, 1)
        within = within + tail_left[:, None, None] * np.eye(self.means.shape[1])
        off = means - (weights[:, :, None] * means).sum(axis=1)[:, None, :]
        between = xp.einsum("bk,bkd,bke->bde", weights, off, off)
        return xp.einsum("bk,kde->bde", weights, cast(within, x)) + between

    def draw(self, count: int, seed: int) -> Array:
        """Examples of the data, shape (count, d)."""
        stream = Stream(seed, "diffusion data")
        d, rank = self.vectors.shape[1:]
        shares = np.cumsum(np.exp(self.log_weights))
        chosen = np.searchsorted(shares, shares[-1] * stream.uniform(range(count)))
        normal = stream.normal(range(count), d + rank, draw=1)
        vectors = self.vectors[chosen]
        rest = normal[:, rank:]
        along = np.einsum("bd,bdr->br", rest, vectors)
        rest = rest - np.einsum("br,bdr->bd", along, vectors)
        scaled = np.sqrt(self.values[chosen]) * normal[:, :rank]
        spread = np.einsum("br,bdr->bd", scaled, vectors)
        drawn: Array = self.means[chosen] + spread + np.sqrt(self.tails[chosen])[:, None] * rest
        return drawn

    def _denoise(self, x: Any, level: Level) -> Any:
        weights, means = self._means(x, level)
        return (weights[:, :, None] * means).sum(axis=1)

    def _means(self, x: Any, level: Level) -> tuple[Any, Any]:
        """Responsibilities, and E[x0 | x, k] for every component, shape (batch, K, d)."""
        xp = namespace(x)
        weights, _, along, rest = self._parts(x, level)
        gain, tail_gain = self._gains(level)
        parts = cast(tail_gain, x)[None, :, None] * rest
        if self.values.shape[1]:
            shrunk = cast(gain, x)[None] * along
            parts = parts + xp.einsum("bkr,kdr->bkd", shrunk, cast(self.vectors, x))
        return weights, cast(self.means, x)[None] + parts

    def _gains(self, level: Level) -> tuple[Array, Array]:
        """alpha v / (alpha^2 v + sigma^2) for the values and the tails."""
        alpha, noise = level.alpha, level.sigma**2
        if noise == 0.0:  # all is known
            return np.full_like(self.values, 1 / alpha), np.full_like(self.tails, 1 / alpha)
        return (
            alpha * self.values / (alpha**2 * self.values + noise),
            alpha * self.tails / (alpha**2 * self.tails + noise),
        )

    def _parts(self, x: Any, level: Level) -> tuple[Any, Any, Any, Any]:
        """Responsibilities, log-density, and x - alpha m_k along U_k and off it."""
        xp = namespace(x)
        d, rank = self.vectors.shape[1:]
        alpha, noise = level.alpha, level.sigma**2
        rest = x[:, None, :] - cast(alpha * self.means, x)[None]
        spread = alpha**2 * self.values + noise
        tail = alpha**2 * self.tails + noise
        along: Any = None
        energy = 0.0
        if rank:
            vectors = cast(self.vectors, x)
            along = xp.einsum("bkd,kdr->bkr", rest, vectors)
            rest = rest - xp.einsum("bkr,kdr->bkd", along, vectors)
            energy = (along * along * cast(1.0 / spread, x)[None]).sum(axis=2)
        if rank < d:
            energy = energy + (rest * rest).sum(axis=2) * cast(1.0 / tail, x)[None]
        constant = self.log_weights - 0.5 * (
            np.log(spread).sum(axis=1)
            + ((d - rank) * np.log(tail) if rank < d else 0.0)
            + d * math.log(2.0 * math.pi)
        )
        logs = cast(constant, x)[None] - 0.5 * energy
        largest = xp.amax(logs, axis=1)
        weights = xp.exp(logs - largest[:, None])
        total = weights.sum(axis=1)
        return weights / total[:, None], largest + xp.log(total), along, rest


class Model:
    """A distribution of data whose denoiser is exact: a model without a network.

    Call it with a state and a `Level`, or hand it to `sample`, which does.
    """

    prediction = "x0"
    takes_level = True

    shape: tuple[int, ...]
    _components: Components

    def __call__(self, x: Any, level: Level) -> Any:
        return self.denoise(x, level)

    def denoise(self, x: Any, level: Level) -> Any:
        """E[x0 | x], like `x`, shape (batch, …)."""
        return self._components.denoise(self._flat(x), level).reshape(x.shape)

    def eps(self, x: Any, level: Level) -> Any:
        """E[eps | x], like `x`."""
        return (x - level.alpha * self.denoise(x, level)) * (1.0 / level.sigma)

    def score(self, x: Any, level: Level) -> Any:
        """Gradient of the log-density of the noised distribution at `x`."""
        return (-1.0 / level.sigma) * self.eps(x, level)

    def log_density(self, x: Any, level: Level) -> Any:
        """Log-density of the noised distribution at `x`, shape (batch,)."""
        return self._components.log_density(self._flat(x), level)

    def responsibilities(self, x: Any, level: Level) -> Any:
        """Probability of each component given `x`, shape (batch, K)."""
        return self._components.responsibilities(self._flat(x), level)

    def posterior_covariance(self, x: Any, level: Level) -> Any:
        """Cov[x0 | x] with the entries of a sample in a row, shape (batch, d, d)."""
        return self._components.covariance(self._flat(x), level)

    def draw(self, count: int, *, rng: RNGLike = None) -> Array:
        """Examples of the data, shape (count, …)."""
        drawn = self._components.draw(check_size(count, name="count"), resolve_seed(rng))
        return drawn.reshape((count, *self.shape))

    def _flat(self, x: Any) -> Any:
        """Samples in rows, of as many entries as the data have."""
        count = math.prod(self.shape)
        if len(x.shape) == 0 or math.prod(x.shape[1:]) != count:
            raise argument_error(
                "x",
                f"shape {tuple(x.shape)}",
                f"samples of shape {self.shape}, which the data of {type(self).__name__} have",
                "Pass shape (batch, …) with the shape of the data.",
            )
        return x.reshape((x.shape[0], count))
