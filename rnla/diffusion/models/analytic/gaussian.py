"""Gaussian data N(mu, C): denoiser, score and the exact flow of the probability-flow ODE.

The covariance at every level has the eigenvectors of C, so the flow from level s to level t only
rescales along them, by sqrt((alpha_t^2 v + sigma_t^2) / (alpha_s^2 v + sigma_s^2)).
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from ...._errors import argument_error
from ..._arrays import cast, namespace
from ...plan import Level
from ._components import Components, Model

__all__ = ["Gaussian"]


class Gaussian(Model):
    """Normally distributed data.

    Parameters
    ----------
    mean : array_like, shape (d,) or the shape of one sample
    covariance : array_like, shape (d, d)
        Symmetric, with eigenvalues of at least 0.

    Raises
    ------
    ArgumentError
        If the shapes do not fit, or the covariance is not one.

    Examples
    --------
    >>> import numpy as np
    >>> from rnla.diffusion import VPLinear
    >>> start, stop = VPLinear().levels([1.0, 1e-3])
    >>> model = Gaussian(np.zeros(2), np.eye(2))
    >>> model.flow(np.array([[1.0, -2.0]]), start, stop).round(12).tolist()
    [[1.0, -2.0]]
    """

    def __init__(self, mean: npt.ArrayLike, covariance: npt.ArrayLike) -> None:
        center = np.array(mean, dtype=np.float64)
        matrix = np.array(covariance, dtype=np.float64)
        d = center.size
        if matrix.shape != (d, d) or not np.allclose(matrix, matrix.T, rtol=1e-10, atol=0.0):
            raise argument_error(
                "covariance",
                f"shape {matrix.shape}" + ("" if matrix.shape != (d, d) else ", not symmetric"),
                f"a symmetric matrix of shape {(d, d)}",
                "Pass np.cov of the flattened data.",
            )
        values, vectors = np.linalg.eigh(0.5 * (matrix + matrix.T))
        if values[0] < -1e-12 * max(values[-1], 0.0) or values[-1] < 0.0:
            raise argument_error(
                "covariance",
                f"smallest eigenvalue {values[0]:.6g}",
                "eigenvalues of at least 0",
                "Pass a covariance matrix.",
            )
        self.shape = center.shape
        self._components = Components(
            np.zeros(1),
            center.reshape(1, d),
            vectors[None],
            np.maximum(values, 0.0)[None],
            np.zeros(1),
        )

    def flow(self, x: Any, start: Level, stop: Level) -> Any:
        """The exact state at `stop` of the probability-flow ODE through `x` at `start`."""
        xp = namespace(x)
        parts = self._components
        mean, vectors = cast(parts.means[0], x), cast(parts.vectors[0], x)
        rest = self._flat(x) - start.alpha * mean
        along = xp.matmul(rest, vectors)
        rest = rest - xp.matmul(along, vectors.T)
        scale = cast(_stretch(parts.values[0], start, stop), x)
        tail = float(_stretch(parts.tails, start, stop)[0])
        moved = stop.alpha * mean + xp.matmul(scale * along, vectors.T)
        if parts.vectors.shape[2] < parts.vectors.shape[1]:
            moved = moved + tail * rest
        return moved.reshape(x.shape)


def _stretch(values: Any, start: Level, stop: Level) -> Any:
    before = start.alpha**2 * values + start.sigma**2
    return np.sqrt((stop.alpha**2 * values + stop.sigma**2) / before)
