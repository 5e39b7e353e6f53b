"""Explicit small matrices in the place of products with all operators.

One signal: C = sum_l diag(conj y_l) Q_l (m x n), formed for the price of one product, replaces
every later one and is p times smaller. Different signals: sum_l diag(conj y_l) Q_l Q_l^* diag(y_l)
(m x m), where that is smaller than the operators; for snapshots through one map an entrywise
product of two matrices.
"""

from __future__ import annotations

import numpy as np

from ..kernels import lanczos_pairs
from ._whitening import FactoredWhitening, Whitening
from .operators import DenseOperators
from .operators._base import Array
from .problem import Problem

__all__ = ["cross_adjoint", "cross_matrix", "matvec", "normal_matrix"]

_ENTRIES = 2**24


def _explicit(whitening: Whitening) -> Array | None:
    if not isinstance(whitening, FactoredWhitening) or not isinstance(whitening.Q, DenseOperators):
        return None
    return whitening.Q.A if whitening.unit == 1.0 else None


def cross_matrix(problem: Problem, whitening: Whitening, y: Array) -> Array | None:
    """C, shape (..., m, r), of weighted data y for one signal; None for implicit operators."""
    Q = _explicit(whitening)
    if Q is None or not problem.repeated:
        return None
    batch, (p, m, r) = y.shape[:-2], Q.shape[-3:]
    if int(np.prod(batch)) * m * r > _ENTRIES:
        return None
    whitening.products += 1
    if Q.ndim > 3 or not batch:
        return np.asarray((y.conj().swapaxes(-1, -2)[..., None, :] @ Q.swapaxes(-2, -3))[..., 0, :])
    # One matrix product a sensor, with all problems of the batch.
    sensors = np.ascontiguousarray(y.conj().reshape(-1, p, m).transpose(2, 0, 1))
    C = sensors @ np.ascontiguousarray(Q.transpose(1, 0, 2))
    return np.ascontiguousarray(C.transpose(1, 0, 2)).reshape(*batch, m, r)


def cross_adjoint(C: Array, s: Array) -> Array:
    """C^* s, without a conjugated copy of C."""
    return np.asarray((s.conj()[..., None, :] @ C)[..., 0, :].conj())


def matvec(A: Array, x: Array) -> Array:
    """A x for matrices and vectors of a batch."""
    return np.asarray((A @ x[..., None])[..., 0])


def normal_matrix(problem: Problem, whitening: Whitening, y: Array, scale: Array) -> Array | None:
    """diag(scale) times the m x m matrix for different signals times diag(scale).

    None where the operators are smaller.
    """
    Q = _explicit(whitening)
    if Q is None or problem.repeated or Q.ndim > 3:
        return None
    maps, m, r = Q.shape
    if m > 2 * problem.p * r or int(np.prod(y.shape[:-2])) * m * m > _ENTRIES:
        return None
    if maps * m * m > _ENTRIES:
        return None
    whitening.products += 2
    projections = Q @ Q.conj().swapaxes(-1, -2)
    if maps == 1:
        z = y * scale[..., None, :]
        return np.asarray((z.conj().swapaxes(-1, -2) @ z) * projections[0])
    whole = np.ascontiguousarray(np.broadcast_to(scale, y[..., 0, :].shape)).reshape(-1, m)
    rows = np.ascontiguousarray(y).reshape(-1, problem.p, m)
    sums: Array = lanczos_pairs.hermitian_sums(rows, projections, whole)
    return sums.reshape(*y.shape[:-2], m, m)
