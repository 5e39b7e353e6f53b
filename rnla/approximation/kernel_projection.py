"""Projection on a space of functions in the norm that a kernel and some points can see (SPEC 1.4).

For functions b_1 ... b_d that are orthonormal in the kernel's Hilbert space H, ||v||_x is the norm
in H of the projection of v on the span of the sections kappa(x_i, .), which the values v(x_i)
determine. The fit minimises ||u - v||_x: an oblique projection of H on the space, whose norm, and
that of its complement, is mu = lambda_min^(-1/2) for the smallest eigenvalue of
G = B* kappa(x, x)^+ B. So its error in H is at most mu times that of the best approximation, for
certain and for every u; no smaller factor would do. O(n^3 + n^2 d).
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from .._errors import argument_error, check_fraction
from ..tall import single_threaded_blas
from .measures import as_floats
from .measures._base import refuse_device

__all__ = ["KernelProjection", "kernel_projection"]

Vector = npt.NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class KernelProjection:
    """The fit in the norm that the points see, and how far that norm can be trusted.

    Parameters
    ----------
    coefficients : ndarray, shape (d,) or (d, r), or None
        Coefficients of the fit in the functions given; None without values.
    eigenvalues : ndarray, shape (d,)
        Those of G, increasing, in [0, 1]: 1 is a function that the points determine.
    rank : int
        Numerical rank of the kernel matrix.
    """

    coefficients: Vector | None
    eigenvalues: Vector
    rank: int

    @property
    def mu(self) -> float:
        """Error in H over that of the best approximation, at most; inf without enough points."""
        smallest = float(self.eigenvalues[0])
        return 1.0 / math.sqrt(smallest) if smallest > 0.0 else math.inf


def kernel_projection(
    kernel: Callable[[Any, Any], npt.ArrayLike],
    functions: Callable[[Any], npt.ArrayLike],
    points: npt.ArrayLike,
    values: npt.ArrayLike | None = None,
    *,
    rcond: float = 1e-12,
) -> KernelProjection:
    """Fit values at points by functions of a reproducing kernel Hilbert space, with a certificate.

    Parameters
    ----------
    kernel : callable
        Takes points (n, d) twice and returns the n x n values of the kernel of H.
    functions : callable
        Takes points (n, d) and returns (n, dim) values of functions that are orthonormal in H.
    points : array_like, shape (n, d) or (n,)
        Where the values are known.
    values : array_like, shape (n,) or (n, r), optional
        Values of one function or r functions; without them only the certificate is computed.
    rcond : float
        Eigenvalues of the kernel matrix below rcond times the largest count as zero.

    Returns
    -------
    KernelProjection

    Raises
    ------
    ArgumentError
        If shapes disagree, numbers are not finite, or G has an eigenvalue above 1: the functions
        are then not orthonormal in the space of this kernel.

    Notes
    -----
    For every u in H the error of the fit in the norm of H is at most `mu` times the smallest one.
    That holds for these points whatever they are, drawn or chosen, and more points only lower mu.

    Works on arrays in host memory: convert CuPy arrays with ``cupy.asnumpy`` first.

    Examples
    --------
    >>> import numpy as np
    >>> from rnla.approximation import TensorBasis, Uniform
    >>> basis, sigma = TensorBasis(Uniform(), 19), 0.5 ** np.arange(20.0)
    >>> kernel = lambda x, z: (basis.evaluate(x) * sigma) @ basis.evaluate(z).T
    >>> functions = lambda x: basis.evaluate(x)[:, :3] * np.sqrt(sigma[:3])
    >>> fit = kernel_projection(kernel, functions, np.linspace(-1, 1, 8))
    >>> bool(1.0 <= fit.mu < 1.1)
    True
    """
    rcond = check_fraction(rcond, "rcond")
    refuse_device(values, "values")
    expected, remedy = "finite numbers, shape (n, d) or (n,)", "Pass one point per row."
    x = as_floats(points, "points", expected, remedy)
    x = x[:, None] if x.ndim == 1 else x
    if x.ndim != 2 or 0 in x.shape:
        raise argument_error("points", f"shape {x.shape}", expected, remedy)
    n = x.shape[0]
    matrix = _matrix(kernel(x, x), "kernel", n, n)
    B = _matrix(functions(x), "functions", n, None)
    with single_threaded_blas():
        weights, vectors = np.linalg.eigh(0.5 * (matrix + matrix.T))
        kept = weights > rcond * max(float(weights[-1]), 0.0)
        rotation = vectors[:, kept] / np.sqrt(weights[kept])
        seen = rotation.T @ B
        left, singular, right = np.linalg.svd(seen, full_matrices=False)
    eigenvalues = np.zeros(B.shape[1])
    eigenvalues[: singular.size] = singular**2
    eigenvalues = eigenvalues[::-1]
    if eigenvalues[-1] > 1.0 + 1e-6:
        raise argument_error(
            "functions",
            f"an eigenvalue {eigenvalues[-1]:.6g} of their Gram matrix at the points",
            "at most 1, as for functions that are orthonormal in the space of the kernel",
            "Divide by their norms in that space, sqrt(sigma_j) phi_j for eigenfunctions phi_j.",
        )
    coefficients = None
    if values is not None:
        expected, remedy = f"finite values at the {n} points", "Drop the others."
        y = as_floats(values, "values", expected, remedy)
        if y.ndim not in (1, 2) or y.shape[0] != n:
            raise argument_error("values", f"shape {y.shape}", expected, remedy)
        # The solution of least norm where the points do not see a function.
        large = singular > math.sqrt(rcond) * max(float(singular.max(initial=0.0)), 1e-300)
        target = left[:, large].T @ (rotation.T @ y)
        coefficients = right[large].T @ (target.T / singular[large]).T
    return KernelProjection(coefficients, np.clip(eigenvalues, 0.0, 1.0), int(kept.sum()))


def _matrix(values: npt.ArrayLike, name: str, n: int, columns: int | None) -> Vector:
    refuse_device(values, name)
    matrix = np.asarray(values, dtype=np.float64)
    fits = matrix.ndim == 2 and matrix.shape[0] == n and columns in (None, matrix.shape[1])
    if not fits or not np.isfinite(matrix).all():
        width = "any number" if columns is None else str(columns)
        raise argument_error(
            name,
            f"shape {matrix.shape}" if not fits else "nan or inf",
            f"finite values, {n} rows and {width} of columns",
            "Return one row for each point.",
        )
    return matrix
