"""Features of a kernel by Nyström's method: the span of its sections at landmark points.

With K the kernel matrix of the landmarks, features are kernel(x, landmarks) V D^(-1/2) for the
eigenvectors V of K whose eigenvalues D are not rounding. They span a space of functions of the
kernel's Hilbert space in which these features are orthonormal; `NumericalBasis` makes them
orthonormal for a measure. O(M^3) work for M landmarks, once; O(M r) at a point.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import numpy.typing as npt

from .._errors import ArgumentTypeError, argument_error, check_fraction
from ..tall import single_threaded_blas
from .measures import Array, check_points
from .measures._base import refuse_device

__all__ = ["NystromFeatures"]

Kernel = Callable[[Array, Array], npt.ArrayLike]


class NystromFeatures:
    """The Nyström features of a kernel, a function of points.

    Parameters
    ----------
    kernel : callable
        Takes points (n, d) and (k, d) and returns the n x k values of a symmetric positive
        semidefinite kernel.
    landmarks : array_like, shape (M, d), or (M,) for d = 1
        Points whose kernel sections span the space.
    rcond : float, default 1e-10
        Eigenvalues of the kernel matrix below rcond times the largest are dropped.

    Attributes
    ----------
    landmarks : ndarray, shape (M, d)
    rank : int
        Number r of features.

    Raises
    ------
    ArgumentError, ArgumentTypeError
        If kernel values are not finite, or the matrix is not symmetric positive semidefinite.

    Examples
    --------
    >>> import numpy as np
    >>> from rnla.approximation import NumericalBasis, NystromFeatures, Uniform
    >>> features = NystromFeatures(lambda x, z: np.exp(-np.abs(x - z.T)), np.linspace(-1, 1, 6))
    >>> NumericalBasis(features, Uniform(), rng=0).dimension
    6
    """

    def __init__(self, kernel: Kernel, landmarks: npt.ArrayLike, *, rcond: float = 1e-10) -> None:
        if not callable(kernel):
            raise argument_error(
                "kernel",
                type(kernel).__name__,
                "a function of two sets of points",
                "Pass for instance lambda x, z: np.exp(-np.abs(x - z.T)).",
                kind=ArgumentTypeError,
            )
        rcond = check_fraction(rcond, "rcond")
        refuse_device(landmarks, "landmarks")
        width = np.shape(landmarks)[1] if np.ndim(landmarks) == 2 else 1
        self.landmarks = check_points(landmarks, width, name="landmarks")
        self.landmarks.flags.writeable = False
        self._kernel = kernel
        matrix = self._matrix(self.landmarks)
        expected = "a symmetric positive semidefinite kernel"
        remedy = "Check kernel(x, z) against kernel(z, x)."
        size = np.abs(matrix).max()
        if np.abs(matrix - matrix.T).max() > 1e-8 * size:
            raise argument_error("kernel", "a matrix that is not symmetric", expected, remedy)
        with single_threaded_blas():
            values, vectors = np.linalg.eigh(0.5 * (matrix + matrix.T))
        if values[-1] <= 0.0 or values[0] < -1e-8 * values[-1]:
            raise argument_error("kernel", f"the eigenvalue {values[0]:.3g}", expected, remedy)
        kept = values > rcond * values[-1]
        self.rank = int(kept.sum())
        self._map: Array = vectors[:, kept][:, ::-1] / np.sqrt(values[kept][::-1])

    def __repr__(self) -> str:
        return f"NystromFeatures({len(self.landmarks)} landmarks, rank {self.rank})"

    def _matrix(self, points: Array) -> Array:
        shape = (points.shape[0], self.landmarks.shape[0])
        values = self._kernel(points, self.landmarks)
        refuse_device(values, "kernel")
        matrix = np.asarray(values, dtype=np.float64)
        if matrix.shape != shape or not np.isfinite(matrix).all():
            got = f"shape {matrix.shape}" if matrix.shape != shape else "nan or inf"
            raise argument_error(
                "kernel", got, f"finite values of shape {shape}", "Return one for each pair."
            )
        return matrix

    def __call__(self, x: npt.ArrayLike) -> Array:
        """Features at points x (n, d), shape (n, rank)."""
        points = check_points(x, self.landmarks.shape[1])
        features: Array = self._matrix(points) @ self._map
        return features
