"""Gaussian data with a covariance of low rank, or low rank and an isotropic rest.

C = U diag(v) U^T + tail (I - U U^T) with orthonormal columns U: inverses and flows act on d r
numbers instead of d^2, so this is the form for images. O(d r) work per sample.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from ...._errors import argument_error, check_positive
from ._components import Components
from .gaussian import Gaussian

__all__ = ["LowRankGaussian"]


class LowRankGaussian(Gaussian):
    """Normally distributed data whose covariance is known by its leading eigenpairs.

    Parameters
    ----------
    mean : array_like, shape (d,) or the shape of one sample
    vectors : array_like, shape (d, r)
        Orthonormal columns; r may be 0.
    values : array_like, shape (r,)
        Variances along them, at least 0.
    tail : float, default 0
        Variance in all other directions.

    Raises
    ------
    ArgumentError
        If the shapes do not fit, the columns are not orthonormal, or a variance is negative.

    Examples
    --------
    >>> import numpy as np
    >>> from rnla.diffusion import VPLinear
    >>> start, stop = VPLinear().levels([1.0, 0.2])
    >>> x = np.array([[1.0, -2.0, 0.5]])
    >>> low = LowRankGaussian(np.zeros(3), np.eye(3)[:, :1], [2.0], tail=0.5)
    >>> full = Gaussian(np.zeros(3), np.diag([2.0, 0.5, 0.5]))
    >>> bool(np.allclose(low.flow(x, start, stop), full.flow(x, start, stop)))
    True
    """

    def __init__(
        self,
        mean: npt.ArrayLike,
        vectors: npt.ArrayLike,
        values: npt.ArrayLike,
        *,
        tail: float = 0.0,
    ) -> None:
        center = np.array(mean, dtype=np.float64)
        U = np.array(vectors, dtype=np.float64)
        v = np.array(values, dtype=np.float64)
        d = center.size
        if U.ndim != 2 or U.shape[0] != d or v.shape != (U.shape[1],):
            raise argument_error(
                "vectors",
                f"shape {U.shape}, with values of shape {v.shape}",
                f"shape ({d}, r), and r values",
                "Give every eigenvector a column and a value.",
            )
        if np.abs(U.T @ U - np.eye(U.shape[1])).max(initial=0.0) > 1e-6:
            raise argument_error(
                "vectors",
                "columns that are not orthonormal",
                "orthonormal columns",
                "Take those of numpy.linalg.eigh, or orthonormalise them by numpy.linalg.qr.",
            )
        if not (v >= 0.0).all():
            raise argument_error(
                "values", f"{float(np.min(v)):.6g}", "variances of at least 0", "Clip them at 0."
            )
        tail = check_positive(tail, "tail", allow_zero=True)
        self.shape = center.shape
        self._components = Components(
            np.zeros(1), center.reshape(1, d), U[None], v[None], np.array([tail])
        )
