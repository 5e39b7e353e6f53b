"""Calibration by the smallest singular vector of K (SPEC A4; Ling and Strohmer, arXiv 1611.04196).

min ||K z|| over ||z|| = 1, z = (s; x), of data with unit mean square. Small problems: SVD of the
triangular factor of K (never the eigenvectors of K^* K, whose error is the root of the rounding
error). Others: linear least squares fed with its own answer, which is inverse iteration and shrinks
the error by (s_1/s_2)^2 a pass, s_i the smallest singular values. A weak sensor has a small column
in K and passes for the solution: the canonical correlation does not have that defect.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from .._errors import argument_error, check_positive, check_size
from ._equilibration import Equilibration
from ._threads import with_few_threads
from .linear_least_squares import Reference, linear_least_squares
from .operators._base import Array
from .problem import Problem

__all__ = ["Spectral", "spectral"]

SOLVERS = ("auto", "dense", "refed")
_DENSE_ENTRIES = 2**22


@dataclass(frozen=True, eq=False)
class Spectral:
    """The smallest singular vector of K.

    Attributes
    ----------
    inverse_gains : ndarray, shape (..., m)
        s up to a factor; zero at sensors that took no part.
    signal : ndarray, shape (..., n) or (..., p, n)
        With these s, in units of `Problem.scale`.
    singular_value : ndarray, shape (...)
        ||K z|| / ||z||.
    converged : ndarray of bool, shape (...)
    passes : int
        Least-squares problems solved; 0 for the dense solver.
    iterations : int
        Of LSQR, all passes together.
    solver : {"dense", "refed"}
    """

    inverse_gains: Array
    signal: Array
    singular_value: Array
    converged: Array
    passes: int
    iterations: int
    solver: str


@with_few_threads
def spectral(
    problem: Problem,
    *,
    solver: str = "auto",
    reference: Reference = None,
    tol: float = 1e-12,
    max_passes: int = 50,
    max_iter: int = 10_000,
) -> Spectral:
    """Reciprocal gains and signals from the smallest singular vector of K.

    Parameters
    ----------
    problem : Problem
    solver : {"auto", "dense", "refed"}
        "auto" is "dense" up to 4 million entries of K.
    reference : optional
        Where "refed" starts, as in `linear_least_squares`.
    tol : float
        "refed" ends where the sine of the angle between two passes is below the root of `tol`.
    max_passes : int
    max_iter : int
        Of LSQR in each pass.

    Returns
    -------
    Spectral

    Raises
    ------
    ArgumentError
        For unknown options.

    Notes
    -----
    Works on arrays in host memory.

    Examples
    --------
    >>> import numpy as np
    >>> from rnla.calibration import Problem, spectral
    >>> rng = np.random.default_rng(0)
    >>> A, x, d = rng.standard_normal((4, 16, 8)), rng.standard_normal(8), 1 + rng.random(16)
    >>> found = spectral(Problem(d * (A @ x), A))
    >>> bool(found.singular_value < 1e-14)
    True
    """
    if solver not in SOLVERS:
        remedy = "auto chooses by size."
        raise argument_error("solver", repr(solver), f"one of {', '.join(SOLVERS)}", remedy)
    tol = check_positive(tol, "tol")
    passes = check_size(max_passes, name="max_passes")
    entries = problem.p * problem.m * (problem.k + problem.signal_size)
    if solver == "dense" or (solver == "auto" and entries <= _DENSE_ENTRIES):
        return _dense(problem)
    return _refed(problem, reference, tol, passes, max_iter)


def _refed(
    problem: Problem, reference: Reference, tol: float, max_passes: int, max_iter: int
) -> Spectral:
    iterations = count = 0
    old: Array | None = None
    while True:
        count += 1
        found = linear_least_squares(problem, reference=reference, max_iter=max_iter)
        iterations += found.iterations
        z = _unit(problem, found.inverse_gains, found.signal)
        reference = (found.inverse_gains, found.signal)
        steady = np.zeros(problem.batch_shape, dtype=bool)
        if old is not None:
            cosine = np.abs((old.conj() * z).sum(axis=-1))
            steady = np.asarray(1.0 - cosine <= tol)
        old = z
        if steady.all() or count >= max_passes:
            break
    return Spectral(
        found.inverse_gains,
        found.signal,
        found.residual,
        steady & found.converged,
        count,
        iterations,
        "refed",
    )


def _unit(problem: Problem, s: Array, x: Array) -> Array:
    z = np.concatenate([s, x.reshape(*problem.batch_shape, -1)], axis=-1)
    return np.asarray(z / np.linalg.norm(z, axis=-1, keepdims=True))


def _dense(problem: Problem) -> Spectral:
    system = Equilibration(problem)
    weighted = system.problem
    batch, size = problem.batch_shape, problem.signal_size
    s = np.zeros((*batch, problem.m), dtype=problem.dtype)
    x = np.zeros((*batch, size), dtype=problem.dtype)
    value = np.zeros(batch, dtype=problem.real_dtype)
    for place in np.ndindex(batch):
        one = weighted.select(place) if batch else weighted
        used = np.flatnonzero(system.usable[place])
        K, basis = _matrix(one, used)
        values, vectors = np.linalg.svd(np.linalg.qr(K, mode="r"))[1:]
        z = vectors[-1].conj()
        value[place] = values[-1] if len(values) == len(z) else 0.0
        gains = z[: len(z) - size]
        s[place][used] = gains if basis is None else basis @ gains
        x[place] = z[len(z) - size :]
    shape = (*batch, *problem.signal_shape)
    converged = np.ones(batch, dtype=bool)
    return Spectral(s, x.reshape(shape), value, converged, 0, 0, "dense")


def _matrix(problem: Problem, used: Array) -> tuple[Array, Array | None]:
    """W^{1/2} K of one problem without the columns of unused sensors."""
    p, m, n = problem.p, problem.m, problem.n
    root = 1.0 if problem.weights is None else np.sqrt(problem.weights)
    columns = np.eye(m, dtype=problem.dtype)[:, used]
    basis = None
    if problem.gain_basis is not None:
        basis = problem.gain_basis[used]
        columns = columns @ basis
    left = (problem.data * root)[..., None] * columns
    A = np.broadcast_to(problem.operators.dense(), (p, m, n)) * np.reshape(
        root, (*np.shape(root), 1)
    )
    K = np.zeros((p, m, left.shape[-1] + problem.signal_size), dtype=problem.dtype)
    K[..., : left.shape[-1]] = left
    for index in range(p):
        start = left.shape[-1] + (0 if problem.repeated else index * n)
        K[index, :, start : start + n] = -A[index]
    return K.reshape(p * m, math.prod(K.shape[2:])), basis
