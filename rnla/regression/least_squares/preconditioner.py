"""Singular values and right singular vectors of a tall matrix, from a sketch, a Gram matrix or all
rows, and the change of variables z = V S^-1 C y that they give.

B V S^-1 has singular values near one, whatever the condition number of B (Rokhlin and Tygert, PNAS
2008). Singular values at the level of rounding are raised to it, so that the change of variables
can be applied in working precision (Epperly, Meier, Nakatsukasa, arXiv 2406.03468). C polishes:
it comes from the Gram matrix of B V S^-1 and leaves singular values that are one to rounding, a
Cholesky QR of the preconditioned matrix. Cost one singular value decomposition of d x d.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import scipy.linalg

from ..._result import FloatArray, Status
from ...tall import single_threaded_blas

__all__ = ["EPS", "Preconditioner", "Spectrum", "shortest"]

EPS = float(np.finfo(float).eps)
_CLEAR_GAP = 1e3  # as for pivots: below it the rank is a matter of choice
_FLOOR = 10.0  # in units of eps ||B||_F


@dataclass(frozen=True, eq=False)
class Spectrum:
    """Right singular vectors V (d, d) and singular values s (d,), decreasing, of B; its rank."""

    V: FloatArray
    s: FloatArray
    rank: int
    status: Status

    @classmethod
    def decide(cls, V: FloatArray, s: FloatArray, noise: float, rcond: float | None) -> Spectrum:
        """Drop what is below rcond s_1; by default what is below noise s_1 behind a clear gap."""
        d = s.size
        largest = float(s[0]) if d else 0.0
        cut = (noise if rcond is None else rcond) * largest
        rank = int(np.count_nonzero(s > cut))
        status = Status.OK
        if rank < d:
            status = Status.RANK_DEFICIENT
            clear = rank == 0 or s[rank] * _CLEAR_GAP <= s[rank - 1]
            if rcond is None and not clear:
                rank, status = int(np.count_nonzero(s)), Status.AMBIGUOUS_RANK
        return cls(V, s, rank, status)

    @property
    def norm(self) -> float:
        """||B||_F."""
        return float(np.linalg.norm(self.s))

    @property
    def condition(self) -> float:
        """Of what is kept."""
        return float(self.s[0] / self.s[self.rank - 1]) if self.rank else 1.0


@dataclass(frozen=True, eq=False)
class Preconditioner:
    """z = V_r S^-1 C y with B V_r S^-1 C well conditioned.

    Attributes
    ----------
    spectrum : Spectrum
    divisors : ndarray, shape (r,)
        S: singular values, raised to the level of rounding.
    polish : ndarray, shape (r, r), or None
        C, None for the identity.
    exact : bool
        Whether B V S^-1 C is orthonormal to a few digits, so that y = gradient is the solution.
    """

    spectrum: Spectrum
    divisors: FloatArray
    polish: FloatArray | None = None
    exact: bool = False

    @classmethod
    def of(cls, spectrum: Spectrum, *, exact: bool) -> Preconditioner:
        """Without a polish."""
        s = spectrum.s[: spectrum.rank]
        return cls(spectrum, np.maximum(s, _FLOOR * EPS * spectrum.norm), exact=exact)

    @property
    def basis(self) -> FloatArray:
        """V_r S^-1 C as one matrix."""
        return self.forward(np.eye(self.spectrum.rank))

    def forward(self, Y: FloatArray) -> FloatArray:
        """Z = V_r S^-1 C Y."""
        with single_threaded_blas():
            if self.polish is not None:
                Y = self.polish @ Y
            Z: FloatArray = self.spectrum.V[:, : self.spectrum.rank] @ (Y / self.divisors[:, None])
        return Z

    def adjoint(self, G: FloatArray) -> FloatArray:
        """C^T S^-1 V_r^T G."""
        with single_threaded_blas():
            Y = (self.spectrum.V[:, : self.spectrum.rank].T @ G) / self.divisors[:, None]
            if self.polish is not None:
                Y = self.polish.T @ Y
        return Y

    def polished(self, gram: FloatArray) -> Preconditioner:
        """With C from the Gram matrix of B V_r S^-1; eigenvalues that rounding made are left."""
        with single_threaded_blas():
            values, Q = np.linalg.eigh(gram)
            C = Q / np.sqrt(np.clip(values, 0.01, None))
        return replace(self, polish=C, exact=True)


def shortest(spectrum: Spectrum, scale: FloatArray, Z: FloatArray) -> FloatArray:
    """Of all Z' with B Z' = B Z the one whose x = D Z' is shortest.

    V_r^T D^-1 x = V_r^T Z is to be solved with the least norm, by QR of D^-1 V_r with its rows
    sorted, which keeps every row accurate however different the scales are.
    """
    r = spectrum.rank
    if r == len(scale) or r == 0:
        return Z if r else np.zeros_like(Z)
    with single_threaded_blas():
        W = spectrum.V[:, :r] / scale[:, None]
        order = np.argsort(-np.abs(W).max(axis=1), kind="stable")
        Q, T, pivots = scipy.linalg.qr(W[order], mode="economic", pivoting=True, check_finite=False)
        t = spectrum.V[:, :r].T @ Z
        y = scipy.linalg.solve_triangular(T, t[pivots], trans="T", check_finite=False)
        X = np.empty_like(Z)
        X[order] = Q @ y
    return np.where(W.any(axis=1), X.T / scale, 0.0).T
