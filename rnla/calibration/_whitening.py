"""Orthonormal coordinates for the signals: W_l^{1/2} A_l = Q_l R_l.

Free where A_l^* A_l = c I and all weights are equal; otherwise a QR factorisation of explicit
matrices (an SVD where columns are dependent), p m n^2 once, with Q in the place of A; sparse
matrices stay as they are, with Cholesky factors of their Gram matrices; above 2^24 entries, or
where weights differ within a batch that large, conjugate gradients within each projection.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from ._conjugate_gradient import conjugate_gradient
from ._sketched_qr import is_tall, sketched_qr
from .operators import DenseOperators, Operators, SparseOperators
from .operators._base import Array
from .problem import Problem

__all__ = ["FactoredWhitening", "Whitening", "is_scaled", "orthonormal", "whiten"]

_DENSE_ENTRIES = 2**24
_WORST_CONDITION = 1e8  # of a Gram matrix: beyond, its inverse spoils the projections


class Whitening:
    """Projections onto the range of the weighted operators, and signals from data.

    Attributes
    ----------
    rank_deficient : ndarray of bool, shape (...)
        Whether some direction of the signal cannot be seen; the smallest signal is returned then.
    products : int
        Products with all operators spent so far (a pair of A and A^* counts two).
    """

    def __init__(self, problem: Problem) -> None:
        self.problem = problem
        self.products = 0
        self.rank_deficient: Array = np.zeros(problem.batch_shape, dtype=bool)
        weights = problem.weights
        self.root_weights = None if weights is None else np.sqrt(weights)

    def rooted(self, u: Array) -> Array:
        """Values times the roots of their weights."""
        return u if self.root_weights is None else u * self.root_weights

    def project(self, u: Array) -> Array:
        """Orthogonal projection of weighted data (..., p, m) onto all W^{1/2} A x."""
        raise NotImplementedError

    def signal(self, u: Array) -> Array:
        """The signal x whose W^{1/2} A x is nearest to u."""
        raise NotImplementedError


class FactoredWhitening(Whitening):
    """Q as operators with Q^* Q = I, one R^{-1} for each signal (None: a multiple of I)."""

    def __init__(self, problem: Problem, Q: Operators, inverse: Array | None, unit: float) -> None:
        super().__init__(problem)
        self.Q, self.inverse, self.unit = Q, inverse, unit

    def synthesis(self, t: Array) -> Array:
        """Q t, shape (..., p, m)."""
        self.products += 1
        if self.unit != 1.0:
            t = t * self.unit
        return self.Q.apply(t[..., None, :] if self.problem.repeated else t)

    def analysis(self, u: Array) -> Array:
        """Q^* u, of the shape of the signal."""
        self.products += 1
        t = self.Q.adjoint(u)
        if self.problem.repeated:
            t = t.sum(axis=-2)
        return t if self.unit == 1.0 else t * self.unit

    def coordinates_to_signal(self, t: Array) -> Array:
        """R^{-1} t."""
        if self.inverse is None:
            return t * self.unit
        return np.asarray((self.inverse @ t[..., None])[..., 0])

    def coordinates_adjoint(self, x: Array) -> Array:
        """R^{-*} x, the adjoint of `coordinates_to_signal`."""
        if self.inverse is None:
            return x * self.unit
        return np.asarray((self.inverse.conj().swapaxes(-1, -2) @ x[..., None])[..., 0])

    def project(self, u: Array) -> Array:
        """See `Whitening`."""
        return self.synthesis(self.analysis(u))

    def signal(self, u: Array) -> Array:
        """See `Whitening`."""
        return self.coordinates_to_signal(self.analysis(u))


class _Cholesky(FactoredWhitening):
    """Sparse operators stay sparse: Q = W^{1/2} A R^{-1} is applied in two steps."""

    def __init__(self, problem: Problem, inverse: Array) -> None:
        super().__init__(problem, problem.operators, inverse, 1.0)
        self.back = inverse.conj().swapaxes(-1, -2)

    def synthesis(self, t: Array) -> Array:
        """See `FactoredWhitening`."""
        self.products += 1
        return self.rooted(self.problem.synthesis(self.coordinates_to_signal(t)))

    def analysis(self, u: Array) -> Array:
        """See `FactoredWhitening`."""
        self.products += 1
        t = self.problem.analysis(self.rooted(u))
        return np.asarray((self.back @ t[..., None])[..., 0])


class _Iterative(Whitening):
    """Least squares in every projection."""

    def __init__(self, problem: Problem) -> None:
        super().__init__(problem)
        self.tol = 16.0 * float(np.finfo(problem.real_dtype).eps)

    def signal(self, u: Array) -> Array:
        """See `Whitening`."""
        problem = self.problem
        b = problem.analysis(self.rooted(u))
        x, products = conjugate_gradient(
            problem.gram,
            b,
            np.zeros_like(b),
            axes=1,
            tol=self.tol,
            max_iter=10 * problem.n,
        )
        self.products += 2 * products + 1
        return x

    def project(self, u: Array) -> Array:
        """See `Whitening`."""
        self.products += 1
        return self.rooted(self.problem.synthesis(self.signal(u)))


def is_scaled(whitening: Whitening) -> bool:
    """Whether Q is a multiple of the operators of the problem, without weights."""
    if not isinstance(whitening, FactoredWhitening) or whitening.root_weights is not None:
        return False
    return whitening.inverse is None and whitening.Q is whitening.problem.operators


def whiten(problem: Problem) -> Whitening:
    """The cheapest of the ways above."""
    operators = problem.operators
    gram = operators.scalar_gram
    if problem.weights is None and gram is not None:
        unit = 1.0 / math.sqrt(gram * (problem.p if problem.repeated else 1))
        return FactoredWhitening(problem, operators, None, unit)
    maps, m, n = operators.shape
    if isinstance(operators, SparseOperators):
        return _sparse(problem, operators)
    entries = maps * m * n
    if problem.weights is not None:
        entries = math.prod(problem.batch_shape) * problem.p * m * n
    given = problem.weights is None and isinstance(operators, DenseOperators)
    if not given and entries > _DENSE_ENTRIES:
        return _Iterative(problem)
    return _factor(problem, operators.dense())


def _sparse(problem: Problem, operators: SparseOperators) -> Whitening:
    """Cholesky factors of Gram matrices where these are small and well conditioned."""
    p, n = problem.p, problem.n
    count = 1 if problem.repeated or (problem.weights is None and operators.shared) else p
    if problem.batch_shape and problem.weights is not None:
        return _Iterative(problem)
    if count * n * n > _DENSE_ENTRIES:
        return _Iterative(problem)
    gram = np.zeros((count, n, n), dtype=operators.dtype)
    for index in range(p if count > 1 or problem.repeated else 1):
        A = operators.matrices[0 if operators.shared else index]
        if problem.weights is None:
            product = A.conj().T @ A
        else:
            product = A.conj().T @ (A * problem.weights[index][:, None])
        gram[0 if count == 1 else index] += product.toarray()
    try:
        inverse = np.linalg.inv(np.linalg.cholesky(gram)).conj().swapaxes(-1, -2)
    except np.linalg.LinAlgError:
        return _Iterative(problem)
    scaled = np.linalg.norm(gram, axis=(-2, -1)) * np.linalg.norm(inverse, axis=(-2, -1)) ** 2
    if (scaled > _WORST_CONDITION).any():
        return _Iterative(problem)
    return _Cholesky(problem, inverse[0] if problem.repeated else inverse)


def _factor(problem: Problem, A: Array) -> Whitening:
    p, m, n = problem.p, problem.m, problem.n
    shared = problem.weights is None and A.ndim == 3
    known = problem.factors if shared else {}
    if problem.repeated in known:
        return _with_factors(problem, *known[problem.repeated])
    if problem.weights is not None:
        A = np.sqrt(problem.weights)[..., None] * A
    stack = A.reshape(*A.shape[:-3], p * m, n) if problem.repeated else A
    Q, inverse, deficient = orthonormal(stack)
    if problem.repeated:
        Q = Q.reshape(*Q.shape[:-2], p, m, Q.shape[-1])
    else:
        deficient = deficient.any(axis=-1)
    known[problem.repeated] = DenseOperators(Q), inverse, deficient
    return _with_factors(problem, *known[problem.repeated])


def _with_factors(
    problem: Problem, Q: Operators, inverse: Array, deficient: Array
) -> FactoredWhitening:
    result = FactoredWhitening(problem, Q, inverse, 1.0)
    result.rank_deficient = np.broadcast_to(deficient, problem.batch_shape)
    return result


def orthonormal(stack: Array) -> tuple[Array, Array, Any]:
    """Orthonormal columns, the map from their coordinates to the signal, where rank is missing."""
    rows, n = stack.shape[-2:]
    eps = float(np.finfo(stack.dtype).eps)
    if stack.ndim == 2 and is_tall(rows, n):
        factors = sketched_qr(stack)
        if factors is not None:
            return *factors, np.zeros((), dtype=bool)
    if rows >= n:
        Q, R = np.linalg.qr(stack)
        pivots = np.abs(np.diagonal(R, axis1=-2, axis2=-1))
        if (pivots.min(axis=-1) > 100 * n * eps * pivots.max(axis=-1)).all():
            return Q, np.linalg.inv(R), np.zeros(stack.shape[:-2], dtype=bool)
    U, values, V = np.linalg.svd(stack, full_matrices=False)
    limit = 10 * max(rows, n) * eps * values.max(axis=-1, keepdims=True)
    kept = values > limit
    inverse = np.where(kept, 1.0 / np.where(kept, values, 1.0), 0.0)
    back = V.conj().swapaxes(-1, -2) * inverse[..., None, :]
    return U * kept[..., None, :], back, np.asarray(kept.sum(axis=-1) < n)
