"""`lstsq`: least squares at the cost of a few passes, as accurate as Householder QR.

A preconditioner comes from the Gram matrix if that is accurate enough, else from a sketch, polished
by the Gram matrix of the preconditioned rows; refinement with fresh residuals then reaches a small
backward error (Epperly, Meier, Nakatsukasa, "Fast randomized least-squares solvers can be just as
accurate and stable as classical direct solvers", arXiv 2406.03468; Rokhlin and Tygert, PNAS 2008).
Cost 3 to 6 passes and n d^2 to 3 n d^2 flops at the speed of matrix products.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from .._errors import argument_error, check_positive, check_size
from .._result import FloatArray, Status
from ..random import RNGLike, resolve_seed
from ..tall import as_tall, rows
from ..tall._device import stays_on_device, to_host
from ._input import check_columns, check_weights
from .least_squares.backward_error import forward_error
from .least_squares.operator import OperatorLeastSquares
from .least_squares.preconditioner import EPS, Preconditioner, shortest
from .least_squares.refinement import Refined, refine
from .least_squares.rows import LeastSquares, TallLeastSquares
from .least_squares.spectra import (
    from_gram,
    from_rows,
    from_sketch,
    is_in_range,
    looks_ill_conditioned,
)

__all__ = ["LeastSquaresFit", "lstsq"]

METHODS = ("auto", "sketch", "direct")

_SMALL = 2**16  # entries: LAPACK takes milliseconds
_DENSE = 2**27  # entries of a dense copy, 1 GiB
_STRIP = 2**14  # rows, more than whose sums are added in pairs of numbers
_FINEST = EPS / 8.0  # relative backward error of Householder QR, or so
_FINE = 64.0 * EPS  # what counts as reached where no tolerance was set


@dataclass(frozen=True, eq=False)
class LeastSquaresFit:
    """The minimiser of sum_i w_i (a_i x - b_i)^2 + ridge ||x||^2, and how far it may be off.

    Attributes
    ----------
    x : ndarray, shape (d,) or (d, k)
        Coefficients, a column per right-hand side; of minimum norm if A is rank-deficient. float32
        if A is.
    residual_norm : float or ndarray, shape (k,)
        ||diag(w)^(1/2) (A x - b)||.
    backward_error : float or ndarray, shape (k,)
        Estimated Frobenius norm of the smallest change of the rows, weighted, with columns at equal
        size and the ridge appended, for which x is the exact minimiser, relative to their norm.
    forward_error : float or ndarray, shape (k,)
        Bound on ||x - x*|| / ||x|| in the same columns, to first order:
        kappa e (1 + kappa ||r|| / (||A|| ||x||)) / (1 - kappa e), with e twice the backward error
        plus eps and kappa the condition number; infinite if kappa e >= 1.
    rank : int
        Numerical rank.
    condition : float
        Estimated condition number of the part of A that is kept, columns at equal size.
    iterations : int
        Refinement steps and inner iterations.
    passes : int
        Passes over A; for an operator, products with blocks of vectors.
    method : str
        "gram", "sketch" or "direct".
    reason : str
        Why.
    status : Status
        OK, RANK_DEFICIENT, AMBIGUOUS_RANK (nothing was dropped), ROUNDING_LIMITED or NOT_CONVERGED.
    seed : int or None
        Passing it as ``rng=`` repeats the result; None if nothing was drawn.
    """

    x: FloatArray
    residual_norm: Any
    backward_error: Any
    forward_error: Any
    rank: int
    condition: float
    iterations: int
    passes: int
    method: str
    reason: str
    status: Status
    seed: int | None = None


def lstsq(
    A: Any,
    b: Any,
    *,
    weights: Any = None,
    ridge: float = 0.0,
    x0: npt.ArrayLike | None = None,
    method: str = "auto",
    tol: float | None = None,
    rcond: float | None = None,
    max_iter: int = 200,
    rng: RNGLike = None,
) -> LeastSquaresFit:
    """Least squares for tall matrices, backward stable, in a few passes.

    Parameters
    ----------
    A : anything `rnla.as_tall` takes, or scipy.sparse.linalg.LinearOperator, shape (n, d)
        Real. Not modified.
    b : array_like, Dask or CuPy array, shape (n,) or (n, k)
        Right-hand sides.
    weights : array_like, Dask or CuPy array, shape (n,), optional
        Non-negative; a row with weight 2 counts as two rows.
    ridge : float
        Penalty on ||x||^2.
    x0 : array_like, shape (d,) or (d, k), optional
        Where to start, instead of the solution of the sketched problem.
    method : {"auto", "sketch", "direct"}
        See the table in Notes.
    tol : float, optional
        Relative backward error at which refinement stops. By default it stops at eps / 8, or when a
        step no longer halves the error.
    rcond : float, optional
        Singular values below rcond times the largest are dropped, columns at equal size. By
        default those are dropped that rounding of the data and of sums explains,
        eps (10 + sqrt(d)) and more with n, if the next one is 1000 times larger; otherwise none
        are, and the status is AMBIGUOUS_RANK.
    max_iter : int
        Largest number of refinement steps and inner iterations.
    rng : None, int, numpy Generator or SeedSequence
        Seed of the sketch.

    Returns
    -------
    LeastSquaresFit

    Raises
    ------
    ArgumentError, ArgumentTypeError
        For complex or non-finite data, shapes that do not match, weights that are negative or all
        zero, options out of range, and matrices that would need a dense copy of more than 1 GiB.

    Notes
    -----
    Decision table of ``method="auto"``; the first line that applies:

    =============================================  =========  ======  ==========================
    when                                           method     passes  flops
    =============================================  =========  ======  ==========================
    n d at most 65536, or n at most 4 d            direct     2-4     2 n d^2 and a dense copy
    eps d / lambda_min(G) below 1e-3 (kappa below  gram       2-4     n d^2
    about 10^5), G = A^T A at equal column norms
    otherwise                                      sketch     3-6     3 n d^2, after those of G
                                                                      unless the first 4 d rows
                                                                      tell
    more than 256 columns, sparse rows that are    sketch,    20-40   4 nnz(A) a pass
    cheap to multiply, or an operator              iterated
    =============================================  =========  ======  ==========================

    "direct" is Householder QR followed by the singular values of R; of rows on a GPU only up to
    65536 entries. "sketch" takes 8 d sparse
    signs; the Gram matrix of the preconditioned rows then makes every refinement step one pass.
    Where that matrix would cost more than it saves, conjugate gradients run inside each step.
    Memory beyond A: O(d^2) and a block per thread, one number per row for weights; for an operator
    groups of columns of A up to 64 MiB, d products for the sketch and two for each iteration.

    The backward error is that of Householder QR, within 10 times in tests for condition numbers
    from 1 to 10^15 and residuals from 10^-15 to 1. The estimate is Karlson and Walden's, within a
    factor sqrt(2) of the true one for exact singular values; see `docs/least_squares`.

    Runs on a GPU: with CuPy ``A``, ``b`` and ``weights``, ``x`` is a CuPy array. At most 65,536
    entries of ``A`` are brought to LAPACK on the host; more with ``method="direct"``, or fewer rows
    than columns, raise an error.

    Examples
    --------
    >>> import numpy as np, rnla
    >>> generator = np.random.default_rng(0)
    >>> A = np.vander(np.linspace(0.0, 1.0, 20_000), 12)  # condition number 10^8
    >>> b = A @ np.ones(12) + 1e-3 * generator.standard_normal(20_000)
    >>> fit = rnla.lstsq(A, b, rng=0)
    >>> fit.method, fit.rank, fit.backward_error < 1e-15
    ('sketch', 12, True)
    """
    if method not in METHODS:
        expected = f"one of {', '.join(METHODS)}"
        raise argument_error("method", repr(method), expected, "Pass method='auto'.")
    ridge = check_positive(ridge, "ridge", allow_zero=True)
    if tol is not None:
        tol = check_positive(tol, "tol", allow_zero=True)
    if rcond is not None:
        rcond = check_positive(rcond, "rcond", allow_zero=True)
    max_iter = check_size(max_iter, name="max_iter")
    problem, vector = _open(A, b, weights, ridge)
    start = None if x0 is None else _start(x0, problem, vector)
    seed: int | None = None
    found: tuple[Preconditioner, FloatArray] | None = None
    there = isinstance(problem, TallLeastSquares) and problem.A.is_on_device
    chosen, reason = _direct(problem.n, problem.d, method, there)
    if chosen == "direct":
        problem = _rows_at_hand(problem)
        found = from_rows(problem, rcond)
    elif method == "sketch":
        reason = "a sketch was asked for"
    elif not isinstance(problem, TallLeastSquares):
        reason = "A is known by its products only"
    elif looks_ill_conditioned(problem):
        chosen, reason = "sketch", "the first rows are too ill conditioned for a Gram matrix"
    else:
        found = from_gram(problem, rcond)
        chosen = "sketch" if found is None else "gram"
        reason = f"the Gram matrix is {'too ill' if found is None else 'well'} conditioned"
    if found is None:
        seed = resolve_seed(rng)
        found = _sketched(problem, rcond, seed)
    preconditioner, Z = found
    spectrum = preconditioner.spectrum
    if start is not None:
        Z = problem.variables(start)
    Z, known = shortest(spectrum, problem.scale, Z), None
    if spectrum.rank and not preconditioner.exact and _prefers_polish(problem):
        assert isinstance(problem, TallLeastSquares)
        gram, known = problem.gram_and_residual(preconditioner.basis, Z)
        preconditioner = preconditioner.polished(gram)
    finest = _FINEST if tol is None else tol
    refined = refine(problem, preconditioner, Z, tol=finest, max_iter=max_iter, known=known)
    size = np.linalg.norm(refined.Z, axis=0)
    forward = forward_error(
        spectrum.condition, refined.backward, spectrum.norm, refined.extended, size
    )
    x = problem.coefficients(refined.Z)
    with np.errstate(over="ignore"):  # float32 may be too narrow
        x = x.astype(problem.dtype)
    shaped = _shaper(vector)
    return LeastSquaresFit(
        rows.beside(b, x[:, 0] if vector else x),
        shaped(refined.residual / problem.column_units / problem.row_unit),
        shaped(refined.backward),
        shaped(forward),
        spectrum.rank,
        spectrum.condition,
        refined.iterations,
        problem.passes,
        chosen,
        reason,
        _status(refined, spectrum.status, tol, rcond is not None, max_iter),
        seed,
    )


def _open(A: Any, b: Any, weights: Any, ridge: float) -> tuple[LeastSquares, bool]:
    """The problem, and whether b is a vector."""
    from scipy.sparse.linalg import LinearOperator

    is_operator = isinstance(A, LinearOperator)
    if not is_operator:
        A = as_tall(A, require_tall=False)
    n = A.shape[0]
    there = not is_operator and A.is_on_device
    A = A.distributed() if there else A
    target = check_columns(b, "b", n, device=there)
    w = None if weights is None else check_weights(weights, n, device=there)
    stays = not is_operator and A.distributed().is_distributed
    if not (stays and (w is None or rows.is_here(w) == rows.is_here(target))):
        target, w = rows.host(target), None if w is None else rows.host(w)
    kind = OperatorLeastSquares if is_operator else TallLeastSquares
    return kind(A, target, w, ridge), len(target.shape) == 1


def _start(x0: Any, problem: LeastSquares, vector: bool) -> FloatArray:
    X = np.asarray(to_host(x0))
    shape = (problem.d,) if vector else (problem.d, problem.k)
    expected = f"finite numbers of shape {shape}"
    remedy = "Pass the x of an earlier fit, or leave x0 out."
    if X.shape != shape or X.dtype.kind not in "fiub":
        raise argument_error("x0", f"shape {X.shape}, dtype {X.dtype}", expected, remedy)
    if not np.all(np.isfinite(X)):
        raise argument_error("x0", "NaN or infinity", expected, remedy)
    return X.astype(np.float64).reshape(problem.d, -1)


def _direct(n: int, d: int, method: str, there: bool = False) -> tuple[str, str]:
    """Whether to take LAPACK, and why; few rows only are brought here from a GPU."""
    if there and n * d > _SMALL:
        if method == "direct" or n < d:
            raise stays_on_device("A", "rows on a GPU", "a factorisation of all of them by LAPACK")
        return "sketch", ""
    if method == "direct":
        reason = "LAPACK was asked for"
    elif n <= 4 * d and (method == "auto" or n < d):
        reason = f"{n} rows are not many more than {d} columns, so LAPACK costs no more"
    elif n * d <= _SMALL and method == "auto":
        reason = f"{n} x {d} is small enough for LAPACK"
    else:
        return "sketch", ""
    if n * d > _DENSE:
        raise argument_error(
            "A",
            f"shape {(n, d)}",
            f"at most {_DENSE} entries where LAPACK needs them as a dense array, or n > 4 d",
            "Use scipy.sparse.linalg.lsmr for a large sparse matrix that is nearly square.",
        )
    return "direct", reason


def _rows_at_hand(problem: LeastSquares) -> TallLeastSquares:
    if isinstance(problem, OperatorLeastSquares):
        return problem.as_dense()
    assert isinstance(problem, TallLeastSquares)
    return problem


def _sketched(
    problem: LeastSquares, rcond: float | None, seed: int
) -> tuple[Preconditioner, FloatArray]:
    """Preconditioner and first solution from a sketch, a rougher one if it will be polished."""
    size = max(8 * problem.d, 64)
    nnz = 4 if _prefers_polish(problem) else 8
    C, c = problem.sketch(seed, size, nnz)
    if not is_in_range(C) and isinstance(problem, TallLeastSquares):
        problem.tame()
        C, c = problem.sketch(seed, size, nnz)
    return from_sketch(problem, C, c, rcond, min(problem.n, _STRIP) * nnz / size)


def _prefers_polish(problem: LeastSquares) -> bool:
    return isinstance(problem, TallLeastSquares) and problem.prefers_polish()


def _status(refined: Refined, rank: Status, tol: float | None, cut: bool, max_iter: int) -> Status:
    """`cut`: the user said which directions to drop, so that the error of it is no surprise."""
    fine = bool(np.all(refined.backward <= (_FINE if tol is None else tol)))
    if not fine and refined.iterations >= max_iter:
        return Status.NOT_CONVERGED
    if rank is not Status.OK and (fine or cut):
        return rank
    return Status.OK if fine else Status.ROUNDING_LIMITED


def _shaper(vector: bool) -> Callable[[FloatArray], Any]:
    return (lambda values: float(values[0])) if vector else (lambda values: values)
