"""Nonzero eigenvalues and eigenvectors of a likelihood kernel, from whatever describes it.

A Hermitian matrix L costs one eigendecomposition, O(N^3). Of L = B B^* with B of shape (N, r) they
are the left singular vectors and squared singular values of B, O(N r^2): the dual representation of
Kulesza and Taskar (2012, section 3.3), whose r x r matrix B^* B is not formed here, because that
squares the condition number.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import scipy.linalg

from .._errors import ArgumentTypeError, argument_error
from ..basis import orthonormal_basis
from ..tall import TallMatrix, as_tall, single_threaded_blas
from ._kernel import Matrix, as_matrix, check_hermitian, working_eps

__all__ = ["Spectrum", "spectrum"]

_ORTHONORMAL = 1e-8  # largest deviation of V^* V from the identity that a given V may have


@dataclass(frozen=True, eq=False)
class Spectrum:
    """Logarithms of the r nonzero eigenvalues, and the (N, r) eigenvectors."""

    log_values: npt.NDArray[np.float64]
    vectors: Matrix
    passes: int = 0

    @property
    def rank(self) -> int:
        return self.log_values.size

    @property
    def size(self) -> int:
        """N, the number of items."""
        return int(self.vectors.shape[0])


def spectrum(L: Any, factor: Any, eigen: Any = None) -> Spectrum:
    """The spectrum of the one kernel that is given, or raise."""
    given = [name for name, x in (("L", L), ("factor", factor), ("eigen", eigen)) if x is not None]
    if len(given) != 1:
        got = " and ".join(given) or "no kernel"
        expected = "exactly one of L, factor and eigen"
        raise argument_error("L", got, expected, "Pass L= or factor= only.", kind=ArgumentTypeError)
    with single_threaded_blas():
        if L is not None:
            return _of_kernel(L)
        if eigen is not None:
            return _of_eigen(eigen)
        if isinstance(factor, (np.ndarray, list, tuple)):
            return _of_dense(as_matrix(factor, "factor"), working_eps(factor))
    A = as_tall(factor, require_tall=False)
    if A.shape[0] <= A.shape[1]:
        return _of_dense(as_matrix(A.matmul(np.eye(A.shape[1])), "factor"), working_eps(A))
    return _of_tall(A)


def _of_kernel(L: Any) -> Spectrum:
    kernel = check_hermitian(L, "L")
    values, vectors = np.linalg.eigh(kernel)
    top = float(np.abs(values).max())
    noise = kernel.shape[0] * working_eps(L) * top
    if values[0] < -10.0 * noise:
        raise argument_error(
            "L",
            f"the eigenvalue {values[0]:.6g} beside {values[-1]:.6g}",
            "a positive semidefinite matrix",
            "Add a multiple of the identity, or pass factor=B for L = B B^T.",
        )
    kept = values > noise
    return Spectrum(np.log(values[kept]), vectors[:, kept])


def _of_eigen(eigen: Any) -> Spectrum:
    expected = "eigenvalues of shape (r,) and orthonormal eigenvectors of shape (N, r)"
    remedy = "Pass eigen=np.linalg.eigh(L)."
    if not isinstance(eigen, tuple) or len(eigen) != 2:
        raise argument_error(
            "eigen", type(eigen).__name__, f"a pair: {expected}", remedy, kind=ArgumentTypeError
        )
    values = np.asarray(eigen[0])
    vectors = as_matrix(eigen[1], "eigen[1]")
    if values.dtype.kind not in "fiu" or values.shape != vectors.shape[1:]:
        got = f"dtype {values.dtype}, shapes {values.shape} and {vectors.shape}"
        raise argument_error("eigen", got, expected, remedy)
    noise = vectors.shape[0] * working_eps(values) * float(np.nanmax(np.abs(values)))
    bad = np.flatnonzero(~(np.isfinite(values) & (values >= -10.0 * noise)))
    if bad.size:
        got = f"eigen[0][{bad[0]}] = {values[bad[0]]}"
        raise argument_error("eigen", got, "finite eigenvalues that are not negative", remedy)
    distance = float(np.abs(vectors.conj().T @ vectors - np.eye(values.size)).max())
    if distance > _ORTHONORMAL:
        got = f"columns that are orthonormal to {distance:.1e} only"
        raise argument_error("eigen", got, expected, "Orthonormalise them with np.linalg.qr.")
    # Positive means positive here: eigenvalues that are known exactly may span any range.
    kept = values > 0.0
    return Spectrum(np.log(values[kept].astype(np.float64)), vectors[:, kept])


def _of_dense(B: Matrix, eps: float) -> Spectrum:
    """Thin QR first: the singular value decomposition is then one of an r x r matrix."""
    Q, R = scipy.linalg.qr(B, mode="economic", check_finite=False)
    W, sigma, _ = scipy.linalg.svd(R, full_matrices=False, check_finite=False)
    return _kept(Q, W, sigma, max(B.shape) * eps)


def _of_tall(A: TallMatrix) -> Spectrum:
    start = A.passes
    basis = orthonormal_basis(A)
    Q = np.asarray(A.matmul(basis.M))
    C = A.rmatmul(Q).T  # A = Q C
    with single_threaded_blas():
        W, sigma, _ = scipy.linalg.svd(C, full_matrices=False, check_finite=False)
        return _kept(Q, W, sigma, 0.0, passes=A.passes - start)


def _kept(Q: Matrix, W: Matrix, sigma: Matrix, noise: float, passes: int = 0) -> Spectrum:
    kept = sigma > noise * (sigma[0] if sigma.size else 0.0)
    return Spectrum(2.0 * np.log(sigma[kept]), Q @ W[:, kept], passes)
