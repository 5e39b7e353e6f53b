"""Nonzero eigenvalues and eigenvectors of a likelihood kernel, from whatever describes it.

A Hermitian matrix L costs one eigendecomposition, O(N^3). Of L = B B^* with B of shape (N, r) they
are the squared singular values and left singular vectors of B, O(N r^2): the dual representation of
Kulesza and Taskar (2012, section 3.3), whose r x r matrix B^* B is not formed here, because that
squares the condition number. A factor that is read in passes keeps r x r coefficients only.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import numpy.typing as npt
import scipy.linalg

from .._errors import ArgumentTypeError, argument_error
from .._result import IntArray
from ..basis import orthonormal_basis
from ..tall import TallMatrix, as_tall, rows, single_threaded_blas, within_range
from ..tall._device import to_host
from ._kernel import Matrix, as_matrix, check_hermitian, near_one, working_eps
from ._masses import Masses
from ._selection import squares

__all__ = ["Eigenvectors", "Spectrum", "candidates", "spectrum"]

Vector = npt.NDArray[np.float64]

_ORTHONORMAL = 1e-8  # largest deviation of V^* V from the identity that a given V may have
# Rows a_i M of a factor read in passes are orthonormal to eps times its condition number.
_PASSES_RCOND = 1e-8
# Of a factor read in passes: share of the rows that a draw may look at rather than make a pass.
_SHARE = 0.25


def candidates(total: float, k: int) -> int:
    """Proposals that are usually enough for k items with an envelope of this sum: their mean is
    total (1 + 1/2 + ... + 1/k)."""
    return math.ceil(total * (math.log(k) + 3.8))


@dataclass(frozen=True, eq=False)
class Eigenvectors:
    """Orthonormal columns V: the rows asked for, and at least their squared lengths.

    `envelope` draws rows in proportion to bounds of the squared lengths; `total` is their sum.
    """

    envelope: Masses
    total: float
    rows: Callable[[IntArray], Matrix]


@dataclass(frozen=True, eq=False)
class Spectrum:
    """Logarithms of the r nonzero eigenvalues, and the (N, r) eigenvectors."""

    log_values: Vector
    vectors: Matrix

    @property
    def rank(self) -> int:
        return self.log_values.size

    @property
    def size(self) -> int:
        """N, the number of items."""
        return int(self.vectors.shape[0])

    @property
    def passes(self) -> int:
        """Passes over the rows of a factor so far."""
        return 0

    @property
    def is_on_device(self) -> bool:
        """Whether rows of eigenvectors come from a GPU."""
        return False

    def select(self, kept: npt.NDArray[np.bool_]) -> Eigenvectors:
        """Those of the eigenvectors."""
        V = self.vectors[:, kept]
        return Eigenvectors(Masses(squares(V)), V.shape[1], V.__getitem__)

    def marginals(self, weights: Vector) -> Any:
        """Sum of weights_j |v_ij|^2 for every item, a row vector: one pass."""
        return squares(self.vectors * np.sqrt(weights))


@dataclass(frozen=True, eq=False)
class _TallSpectrum(Spectrum):
    """The same with eigenvectors A `vectors`, `vectors` of shape (d, r)."""

    A: TallMatrix
    spent: int  # passes over A before

    @property
    def size(self) -> int:
        return self.A.shape[0]

    @property
    def passes(self) -> int:
        return self.A.passes - self.spent

    @property
    def is_on_device(self) -> bool:
        return self.A.is_on_device

    @cached_property
    def _envelope(self) -> Masses:
        """Squared lengths in all eigenvectors: they bound those in some. One pass."""
        return Masses(rows.settle(self.A.row_norms(self.vectors) ** 2))

    def select(self, kept: npt.NDArray[np.bool_]) -> Eigenvectors:
        """Those of the eigenvectors; a pass for their own lengths if the bounds are too far off."""
        C = self.vectors[:, kept]

        def of_items(items: IntArray) -> Matrix:
            return self.A.product_of_taken(self.A.take(items), C)

        if candidates(self.rank, C.shape[1]) <= _SHARE * self.size:
            return Eigenvectors(self._envelope, self.rank, of_items)
        return Eigenvectors(Masses(self.A.row_norms(C) ** 2), C.shape[1], of_items)

    def marginals(self, weights: Vector) -> Any:
        if not self.rank:
            return 0.0 * self.A.row_norms() if self.A.is_on_device else np.zeros(self.size)
        return self.A.row_norms(self.vectors * np.sqrt(weights)) ** 2


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
    return _of_tall(as_tall(factor, require_tall=False).distributed())


def _of_kernel(L: Any) -> Spectrum:
    kernel, exponent = near_one(check_hermitian(L, "L"))
    values, vectors = np.linalg.eigh(kernel)
    top = float(np.abs(values).max())
    noise = kernel.shape[0] * working_eps(L) * top
    if values[0] < -10.0 * noise:
        raise argument_error(
            "L",
            f"the eigenvalue {values[0] / top:.6g} times the largest in size",
            "a positive semidefinite matrix",
            "Add a multiple of the identity, or pass factor=B for L = B B^T.",
        )
    kept = values > noise
    return Spectrum(np.log(values[kept]) + exponent * math.log(2.0), vectors[:, kept])


def _of_eigen(eigen: Any) -> Spectrum:
    expected = "eigenvalues of shape (r,) and orthonormal eigenvectors of shape (N, r)"
    remedy = "Pass eigen=np.linalg.eigh(L)."
    if not isinstance(eigen, tuple) or len(eigen) != 2:
        raise argument_error(
            "eigen", type(eigen).__name__, f"a pair: {expected}", remedy, kind=ArgumentTypeError
        )
    vectors = as_matrix(eigen[1], "eigen[1]")
    values = np.asarray(to_host(eigen[0]))
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
    B, exponent = near_one(B)
    Q, R = scipy.linalg.qr(B, mode="economic", check_finite=False)
    W, sigma, _ = scipy.linalg.svd(R, full_matrices=False, check_finite=False)
    kept = sigma > max(B.shape) * eps * sigma[0]
    log_values = 2.0 * (np.log(sigma[kept]) + exponent * math.log(2.0))
    return Spectrum(log_values, Q @ W[:, kept])


def _of_tall(A: TallMatrix) -> Spectrum:
    spent = A.passes
    scaled, units = within_range(A, together=True)
    basis = orthonormal_basis(scaled)
    if not basis.rank:
        return _TallSpectrum(np.empty(0), np.empty((A.shape[1], 0)), scaled, spent)
    with single_threaded_blas():
        W, sigma, _ = scipy.linalg.svd(basis.R, full_matrices=False, check_finite=False)
        kept = sigma > _PASSES_RCOND * sigma[0]
        log_values = 2.0 * np.log(sigma[kept])
        if units is not None:
            log_values -= 2.0 * np.log(units.min())
        return _TallSpectrum(log_values, basis.M @ W[:, kept], scaled, spent)
