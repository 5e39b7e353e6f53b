"""Signals of small l1 norm in the affine space of those that fit (SPEC A12).

Signals that fit are x_l = Phi_l t + (part that A_l does not see) with reciprocal gains s = N t, so
ADMM (Boyd et al., 2011) needs one k x k factorisation, p m n min(m, n) flops to begin with, and
O(p n (k + m)) an iteration. A feasible dual point bounds the smallest norm from below.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from .._errors import argument_error
from .._result import FloatArray

__all__ = ["Fits", "fits", "lower_bound", "smallest"]

_RELAXATION = 1.6
_CHECK = 10  # iterations between tests of convergence
_RANK = 1e-10
_GAP = 1e3  # relative gap that counts as closed, in units of tol


@dataclass(frozen=True, eq=False)
class Fits:
    """x_l = Phi_l t + (I - P_l) r_l, s = basis t, q* t = 1."""

    phi: FloatArray  # (p, n, k)
    row_projectors: FloatArray | None  # (p, n, n), None if every A_l sees the whole signal
    basis: FloatArray  # (m, k)
    q: FloatArray
    inverse: FloatArray  # of sum_l Phi_l* Phi_l
    inverse_q: FloatArray
    q_inverse_q: float

    def seen(self, x: FloatArray) -> FloatArray:
        """The part of x_l in the row space of A_l."""
        if self.row_projectors is None:
            return x
        return np.asarray((self.row_projectors @ x[..., None])[..., 0])

    def combine(self, t: FloatArray) -> FloatArray:
        """Phi_l t for all l, shape (p, n)."""
        return np.asarray(self.phi @ t)

    def match(self, x: FloatArray) -> FloatArray:
        """sum_l Phi_l* x_l, shape (k,)."""
        return np.asarray(np.einsum("lnk,ln->k", self.phi.conj(), x))

    def project(self, v: FloatArray) -> tuple[FloatArray, FloatArray]:
        """The (t, x) of the affine space whose x is nearest to v."""
        t = self.inverse @ self.match(v)
        t = t + self.inverse_q * ((1.0 - np.vdot(self.q, t)) / self.q_inverse_q)
        return t, v - self.seen(v) + self.combine(t)


def fits(Y: FloatArray, A: FloatArray, w: FloatArray) -> Fits:
    """Eliminate the constraints: which s fit any signals, and the signals that they give."""
    p, m, n = A.shape
    left, values, right = np.linalg.svd(A, full_matrices=False)
    keep = values > _RANK * values[:, :1]
    inverse = np.where(keep, 1.0 / np.where(keep, values, 1.0), 0.0)
    left = left * keep[:, None, :]
    basis = np.eye(m, dtype=np.result_type(Y, A))
    if (keep.sum(axis=1) < m).any():
        off = np.eye(m) - left @ left.conj().swapaxes(1, 2)
        rows = (off * Y[:, None, :]).reshape(p * m, m)
        _, singular, vectors = np.linalg.svd(np.linalg.qr(rows, mode="r"))
        basis = vectors[singular <= _RANK * singular.max()].conj().T
    q = basis.conj().T @ w
    if basis.shape[1] == 0 or np.linalg.norm(q) <= _RANK * np.linalg.norm(w):
        expected = "reciprocal gains that fit the data and are not orthogonal to w"
        remedy = "With n < m the data must be exact; else use rnla.calibrate, or another w."
        raise argument_error("Y", "no such gains", expected, remedy)
    back = right.conj().swapaxes(1, 2) * inverse[:, None, :]
    phi = back @ (left.conj().swapaxes(1, 2) @ (Y[:, :, None] * basis))
    rows_seen = None
    if (keep.sum(axis=1) < n).any():
        seen = right * keep[:, :, None]
        rows_seen = seen.conj().swapaxes(1, 2) @ seen
    gram = np.einsum("lni,lnj->ij", phi.conj(), phi)
    gram_inverse = np.linalg.pinv(gram, rcond=1e-14, hermitian=True)
    inverse_q = gram_inverse @ q
    return Fits(
        phi, rows_seen, basis, q, gram_inverse, inverse_q, float(np.vdot(q, inverse_q).real)
    )


def _shrink(x: FloatArray, threshold: float) -> FloatArray:
    """Complex soft threshold."""
    size = np.abs(x)
    return np.asarray(x * (np.maximum(size - threshold, 0.0) / np.where(size > 0.0, size, 1.0)))


def smallest(
    system: Fits, tol: float, max_iter: int
) -> tuple[FloatArray, FloatArray, FloatArray, FloatArray, int, bool]:
    """Sparse x; t and x that fit; dual point; iterations; convergence. Penalties are balanced."""
    t, fitted = system.project(np.zeros(system.phi.shape[:2], dtype=system.phi.dtype))
    size = float(np.abs(fitted).mean())
    threshold = size if size > 0.0 else 1.0
    x, u = fitted, np.zeros_like(fitted)
    for iteration in range(1, max_iter + 1):
        t, fitted = system.project(x - u)
        mixed = _RELAXATION * fitted + (1.0 - _RELAXATION) * x
        old, x = x, _shrink(mixed + u, threshold)
        u = u + mixed - x
        if iteration % _CHECK == 0:
            primal = float(np.linalg.norm(fitted - x) / np.linalg.norm(fitted))
            dual = float(np.linalg.norm(x - old) / max(float(np.linalg.norm(u)), 1e-300))
            if max(primal, dual) <= tol:
                wanted = (1.0 - _GAP * tol) * float(np.abs(fitted).sum())
                if lower_bound(system, u / threshold) >= wanted:
                    return x, t, fitted, u / threshold, iteration, True
            if iteration <= max_iter // 2 and max(primal, dual) > 5.0 * min(primal, dual):
                factor = 0.5 if primal > dual else 2.0
                threshold, u = threshold * factor, u * factor
    return x, t, fitted, u / threshold, max_iter, False


def lower_bound(system: Fits, dual: FloatArray) -> float:
    """Re nu of a feasible dual point near this one: sum_l Phi_l* lambda_l = nu q, |lambda| <= 1."""
    point = system.seen(dual)
    match = system.match(point)
    nu = np.vdot(system.inverse_q, match) / system.q_inverse_q
    point = point - system.combine(system.inverse @ (match - nu * system.q))
    return max(0.0, float(np.real(nu)) / max(1.0, float(np.abs(point).max())))
