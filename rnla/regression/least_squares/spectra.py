"""Three ways to the singular values of diag(s) A D and a first solution: Gram, sketch, all rows.

Each equilibrates the columns by powers of two, D, and sets it in the problem.
"""

from __future__ import annotations

import math
from contextlib import nullcontext

import numpy as np
import scipy.linalg

from ..._result import FloatArray, Status
from ...tall import single_threaded_blas
from .preconditioner import EPS, Preconditioner, Spectrum
from .rows import LeastSquares, TallLeastSquares, power_of_two

__all__ = ["from_gram", "from_rows", "from_sketch", "is_in_range", "looks_ill_conditioned"]

_USABLE = 1e-3  # largest departure from orthonormality after a Cholesky step on a Gram matrix
_SURE = 0.1  # condition numbers of a few rows and of all differ by a few units
_ONE_THREAD = 2**22  # numbers below which BLAS threads gain little, and lose much on a busy machine
_SMALL, _LARGE = 1e-100, 1e100  # sizes whose squares stay within range


def is_in_range(C: FloatArray) -> bool:
    """Whether all entries are finite, and all columns zero or of a size that can be squared."""
    size = np.abs(C).max(axis=0, initial=0.0)
    return bool(np.all((size == 0.0) | ((size > _SMALL) & (size < _LARGE))))


def noise_level(problem: LeastSquares, terms: float) -> float:
    """Singular values below this multiple of the largest may be rounding.

    A dependent column carries (10 + sqrt(d)) eps of its data, as in `rnla.basis`, and a sum of
    `terms` products eps sqrt(terms / 2) of arithmetic.
    """
    d = problem.d
    return problem.data_eps * (10.0 + math.sqrt(d)) + EPS * (math.sqrt(d) + math.sqrt(terms / 2.0))


def looks_ill_conditioned(problem: TallLeastSquares) -> bool:
    """Whether the first 4 d rows, of full rank, show that `from_gram` would be a wasted pass.

    The wrong guess costs time and no accuracy. Rows of lower rank show nothing: rows may be sorted,
    and columns zero at first. The same rows are read for every home, so that its results are equal.
    """
    d = problem.d
    if problem.A.is_sparse:
        return False
    first = problem.first_rows(4 * d)
    size = np.abs(first).max(axis=0, initial=0.0)
    if not is_in_range(first) or not np.all(size > 0.0):
        return False
    first *= power_of_two(size)
    with single_threaded_blas() if first.size < _ONE_THREAD else nullcontext():
        s = np.linalg.svd(scipy.linalg.qr(first, mode="r", check_finite=False)[0][:d])[1]
    relative = float(s[-1] / s[0])
    return noise_level(problem, 1.0) < relative < _SURE * math.sqrt(EPS * d / _USABLE)


def from_gram(
    problem: TallLeastSquares, rcond: float | None
) -> tuple[Preconditioner, FloatArray] | None:
    """From G = A^T A, if that leaves an accurate preconditioner: one pass, n d (d + 2 k) flops.

    None if a column is zero or a product left the floating-point range, or if the condition number
    is above about 10^5: a Cholesky factor of G is off by eps d / lambda_min(G) at equal norms.
    """
    G, c = problem.gram()
    square = np.diag(G)
    if not (np.all(np.isfinite(G)) and np.all((square > _SMALL**2) & (square < _LARGE**2))):
        return None
    scale = power_of_two(np.sqrt(square))
    E = problem.ridge_root
    with single_threaded_blas():
        B = (G + np.diag(E**2)) * scale * scale[:, None]
        values, V = np.linalg.eigh(B)
        noise = noise_level(problem, 1.0) if rcond is None else rcond
        smallest = float(values[0])
        if smallest <= max(EPS * problem.d / _USABLE, (4.0 * noise) ** 2 * float(values[-1])):
            return None
    problem.scale = scale
    spectrum = Spectrum(V[:, ::-1], np.sqrt(values[::-1]), problem.d, Status.OK)
    preconditioner = Preconditioner.of(spectrum, exact=True)
    return preconditioner, preconditioner.forward(preconditioner.adjoint(scale[:, None] * c))


def from_sketch(
    problem: LeastSquares, C: FloatArray, c: FloatArray, rcond: float | None, terms: float
) -> tuple[Preconditioner, FloatArray]:
    """From a sketch C of A and c of b, whose sums have so many terms; with its solution."""
    spectrum, solution = _solve(problem, C, c, rcond, terms)
    return Preconditioner.of(spectrum, exact=False), solution


def from_rows(problem: TallLeastSquares, rcond: float | None) -> tuple[Preconditioner, FloatArray]:
    """From all rows, by Householder QR: one pass, 2 n d^2 flops, 3 n (d + k) doubles."""
    A, b = problem.gathered()
    if not is_in_range(A):
        problem.tame()
        A, b = problem.gathered()
    spectrum, solution = _solve(problem, A, b, rcond, 1.0)
    return Preconditioner.of(spectrum, exact=True), solution


def _solve(
    problem: LeastSquares, C: FloatArray, c: FloatArray, rcond: float | None, terms: float
) -> tuple[Spectrum, FloatArray]:
    """Singular values of [C D; E] and its least-squares solution, by QR; sets D.

    `C` is overwritten.
    """
    d = problem.d
    size = np.maximum(np.abs(C).max(axis=0, initial=0.0), problem.ridge_root)
    problem.scale = power_of_two(size)
    C *= problem.scale
    if np.any(problem.ridge_root > 0):
        C = np.vstack([C, np.diag(problem.ridge_root * problem.scale)])
        c = np.vstack([c, np.zeros((d, c.shape[1]))])
    both = np.hstack([C, c])
    with single_threaded_blas() if both.size < _ONE_THREAD else nullcontext():
        both = scipy.linalg.qr(both, mode="r", overwrite_a=True, check_finite=False)[0]
    R, Qc = both[:d, :d], both[:d, d:]
    with single_threaded_blas():
        U, s, Vt = scipy.linalg.svd(R, check_finite=False)
    values = np.zeros(d)
    values[: s.size] = s
    spectrum = Spectrum.decide(
        np.ascontiguousarray(Vt.T), values, noise_level(problem, terms), rcond
    )
    r = spectrum.rank
    spectrum.V[size == 0.0, :r] = 0.0  # columns of zeros get no coefficient at all
    t = (U[:, :r].T @ Qc) / np.maximum(values[:r], EPS * spectrum.norm)[:, None]
    return spectrum, spectrum.V[:, :r] @ t
