"""Anderson's extrapolation of fixed-point iterations, for every problem of a batch at once.

From the last differences of d and of g(d) - d, the combination with the smallest residual; for
linear g it is what GMRES makes of power iteration (Anderson, 1965; Walker and Ni, 2011). It may
overshoot: the caller keeps the plain step where the candidate is worse. 4 k m multiply-adds.
"""

from __future__ import annotations

import numpy as np

from .operators._base import Array

__all__ = ["Anderson"]

_RIDGE = 1e-10  # of the mean square of the differences


class Anderson:
    """The last `depth` differences of an iteration d <- g(d).

    Parameters
    ----------
    depth : int
    real : bool
        Combine complex vectors with real factors, for iterations that are not complex linear.
    """

    def __init__(self, depth: int = 5, *, real: bool = False) -> None:
        self.depth, self.real = depth, real
        self._last: tuple[Array, Array] | None = None
        self._residuals: list[Array] = []
        self._values: list[Array] = []

    def propose(self, d: Array, g: Array) -> Array:
        """A better argument than g = g(d), shape (..., m)."""
        residual = g - d
        if self._last is not None:
            self._residuals.append(residual - self._last[0])
            self._values.append(g - self._last[1])
            del self._residuals[: -self.depth], self._values[: -self.depth]
        self._last = residual, g
        if not self._residuals:
            return g
        F = np.stack(self._residuals, axis=-2)
        gram = F.conj() @ F.swapaxes(-1, -2)
        right = F.conj() @ residual[..., None]
        if self.real:
            gram, right = gram.real, right.real
        diagonal = np.einsum("...ii->...i", gram).real.mean(axis=-1)[..., None, None]
        limits = np.finfo(F.real.dtype)
        ridge = max(_RIDGE, 16.0 * float(limits.eps))
        gram = gram + (ridge * diagonal + limits.tiny) * np.eye(
            gram.shape[-1], dtype=gram.real.dtype
        )
        with np.errstate(over="ignore", invalid="ignore"):
            factors = np.linalg.solve(gram, right)
            change = (factors.swapaxes(-1, -2) @ np.stack(self._values, axis=-2))[..., 0, :]
        return np.asarray(np.where(np.isfinite(change), g - change, g))

    def forget(self, mask: Array) -> None:
        """Drop the differences of some problems."""
        for one in (*self._residuals, *self._values):
            one[mask] = 0.0
