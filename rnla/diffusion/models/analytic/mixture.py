"""Mixtures of Gaussians: the denoiser by responsibilities, computed as a log-sum-exp."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from ...._errors import argument_error
from ._components import Components, Model

__all__ = ["GaussianMixture"]


class GaussianMixture(Model):
    """Data from K Gaussians.

    Parameters
    ----------
    weights : array_like, shape (K,)
        Positive; normalised here.
    means : array_like, shape (K, …)
        The shape of a sample follows the first axis; it has d entries.
    deviations : array_like, shape (K,), optional
        Standard deviations of isotropic components, 0 allowed.
    covariances : array_like, shape (K, d, d), optional
        Give either these or `deviations`.

    Raises
    ------
    ArgumentError
        If the shapes do not fit.

    Examples
    --------
    >>> from rnla.diffusion import VPLinear
    >>> model = GaussianMixture([1.0, 1.0], [[-1.0], [1.0]], deviations=[0.1, 0.1])
    >>> model(np.array([[0.0]]), VPLinear().level(0.5)).tolist()
    [[0.0]]
    """

    def __init__(
        self,
        weights: npt.ArrayLike,
        means: npt.ArrayLike,
        *,
        deviations: npt.ArrayLike | None = None,
        covariances: npt.ArrayLike | None = None,
    ) -> None:
        shares = np.array(weights, dtype=np.float64)
        centers = np.array(means, dtype=np.float64)
        count = shares.size
        if shares.ndim != 1 or not count or not (shares > 0.0).all():
            raise argument_error(
                "weights", f"{weights!r}", "K positive numbers", "Pass [0.5, 0.5], say."
            )
        if centers.ndim < 2 or centers.shape[0] != count:
            raise argument_error(
                "means",
                f"shape {centers.shape}",
                f"shape ({count}, …), one mean per weight",
                "Stack the means along the first axis.",
            )
        self.shape = centers.shape[1:]
        centers = centers.reshape(count, -1)
        d = centers.shape[1]
        if (deviations is None) == (covariances is None):
            raise argument_error(
                "deviations",
                "both or neither of deviations and covariances",
                "one of them",
                "Pass deviations= for isotropic components.",
            )
        if covariances is None:
            spread = np.array(deviations, dtype=np.float64)
            _check_shape("deviations", spread, (count,))
            vectors, values, tails = np.zeros((count, d, 0)), np.zeros((count, 0)), spread**2
        else:
            matrices = np.array(covariances, dtype=np.float64)
            _check_shape("covariances", matrices, (count, d, d))
            values, vectors = np.linalg.eigh(matrices)
            values, tails = np.maximum(values, 0.0), np.zeros(count)
        self._components = Components(
            np.log(shares / shares.sum()), centers, vectors, values, tails
        )


def _check_shape(name: str, array: npt.NDArray[np.float64], shape: tuple[int, ...]) -> None:
    if array.shape != shape:
        raise argument_error(
            name, f"shape {array.shape}", f"shape {shape}", "Pass one per component."
        )
