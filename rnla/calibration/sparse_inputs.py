"""`calibrate_sparse`: unknown gains and sparse unknown signals by l1 minimisation (SPEC A12).

min sum_l ||x_l||_1 subject to s o y_l = A_l x_l and w* s = 1, a convex problem in the reciprocal
gains s and the signals (Gribonval, Chardon and Daudet 2012; Wang and Chi 2016). Signals that fit
are x_l = Phi_l t + (part that A_l does not see) with s = N t, so ADMM needs one k x k factorisation
and O(p n (k + m)) an iteration, k <= m the dimension of the reciprocal gains that fit any signals.
A feasible dual point bounds the smallest norm from below.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from .._errors import argument_error, check_positive, check_size
from .._result import FloatArray, Status
from ._sparse_fits import Fits, fits, lower_bound, smallest
from .operators import as_operators
from .operators._base import check_entries
from .problem import Problem

__all__ = ["SparseCalibration", "calibrate_sparse"]


@dataclass(frozen=True, eq=False)
class SparseCalibration:
    """Gains and sparse signals.

    Attributes
    ----------
    gains : ndarray, shape (m,)
        d with mean |d| = 1 and a positive mean; zero where s is not determined.
    inverse_gains : ndarray, shape (m,)
        s = 1 / d.
    signal : ndarray, shape (p, n)
        x_l.
    norm : float
        Sum of the moduli of x, with w* s = 1.
    lower_bound : float
        Of that sum over all answers: a feasible point of the dual.
    relative_gap : float
        (norm - lower_bound) / norm.
    support : int
        Entries of x that the iteration left different from zero.
    polished : bool
        Whether the answer is the exact one with this support, as it is without noise if the
        iteration found the support.
    iterations : int
    status : Status
    """

    gains: FloatArray
    inverse_gains: FloatArray
    signal: FloatArray
    norm: float
    lower_bound: float
    relative_gap: float
    support: int
    polished: bool
    iterations: int
    status: Status


def calibrate_sparse(
    Y: Any,
    operators: Any,
    *,
    model: str = "diverse",
    w: Any = None,
    tol: float = 1e-6,
    max_iter: int = 5000,
) -> SparseCalibration:
    """Find gains and sparse signals of y_l = D A_l x_l where counting alone would not allow it.

    Parameters
    ----------
    Y : array_like, shape (p, m)
        Measurements, complete.
    operators : Operators, or what `as_operators` takes
        A_l from n unknowns to m sensors; made dense. n = m (deconvolution) and n > m are allowed.
    model : {"diverse", "snapshots"}
        One operator each, or one for all.
    w : array_like, shape (m,), optional
        The scale is fixed by w* s = 1: s nearly orthogonal to w is not found. Ones over m by
        default, right for phases around zero; a guess of s, or a unit vector for a reference
        sensor, in other cases.
    tol : float
        Of the primal and dual residuals of ADMM, relative; the relative gap to the lower bound must
        come below 1000 times this.
    max_iter : int
        Iterations at most.

    Returns
    -------
    SparseCalibration

    Raises
    ------
    ArgumentError, ArgumentTypeError
        For shapes that do not fit, missing values, model "repeated", w that no s that fits meets.

    Notes
    -----
    O(p m n min(m, n)) once; memory O(p m n). For n >= m with full rank any data can be met, and
    noise is borne; for n < m the data must be exact, s lying in the null space of stacked
    (I - P_l) diag(y_l). Without noise the support found is polished by least squares on it. The
    solution is the truth only if there are enough measurements: up to logarithms as many as the
    square of the number of non-zeros, by theory for convolutions (Cosse 2017); see
    ``bench/calibration_experiments.py`` for what was measured. A relative gap near zero proves the
    smallest norm, not the truth; a support so large that it leaves gains and signals undetermined
    gives the status AMBIGUOUS.

    Works on arrays in host memory: convert CuPy arrays with ``cupy.asnumpy`` first.

    References
    ----------
    R. Gribonval, G. Chardon and L. Daudet, Blind calibration for compressed sensing by convex
    optimization, ICASSP 2012. L. Wang and Y. Chi, Blind deconvolution from multiple sparse inputs,
    IEEE Signal Processing Letters 23 (2016). A. Cosse, From blind deconvolution to blind
    super-resolution through convex programming, SPIE 2017, DOI 10.1117/12.2272836.

    Examples
    --------
    >>> from rnla.calibration import calibrate_sparse, relative_error, simulate
    >>> data = simulate("diverse", m=32, n=32, p=12, nonzeros=2, gains="mild", rng=0)
    >>> found = calibrate_sparse(data.Y, data.operators)
    >>> bool(relative_error(found.gains, data.gains) < 1e-10), found.support
    (True, 24)
    """
    if model == "repeated":
        remedy = "One sparse signal through many operators needs no l1 norm: use rnla.calibrate."
        raise argument_error("model", repr(model), "'diverse' or 'snapshots'", remedy)
    maps = as_operators(operators)
    problem = Problem(Y, maps, model=model)
    if problem.batch_shape or problem.weights is not None:
        got = "missing values" if problem.weights is not None else f"shape {np.shape(Y)}"
        raise argument_error("Y", got, "complete data of shape (p, m)", "Drop such measurements.")
    tol = check_positive(tol, "tol")
    max_iter = check_size(max_iter, name="max_iter")
    columns = maps.apply(np.eye(problem.n, dtype=problem.dtype)[:, None, :])
    A = np.moveaxis(np.broadcast_to(columns, (problem.n, problem.p, problem.m)), 0, -1)
    unit = float(np.abs(A).max())
    if unit == 0.0:
        remedy = "Nothing is measured through them."
        raise argument_error("operators", "zeros", "an entry that is not zero", remedy)
    A = A / unit
    system = fits(problem.data, A, _scale_vector(w, problem.m))
    sparse, t, x, u, iterations, converged = smallest(system, tol, max_iter)
    lower = lower_bound(system, u)
    support = int(np.count_nonzero(sparse))
    exact = _on_support(problem.data, A, system, sparse != 0.0)
    if exact is not None:
        t, x = exact
    status = Status.OK if converged or exact is not None else Status.NOT_CONVERGED
    if support + problem.m - 1 > problem.p * problem.m:
        status = Status.AMBIGUOUS
    s = system.basis @ t
    small = np.abs(s) <= 1e-12 * np.abs(s).max()
    d = np.where(small, 0.0, 1.0 / np.where(small, 1.0, s))
    total = d.sum()
    factor = np.abs(d).mean() * (total / abs(total) if abs(total) > 0.0 else 1.0)
    norm, lower = float(np.abs(x).sum()) / unit, lower / unit
    return SparseCalibration(
        d / factor,
        s * factor,
        x * factor * (float(problem.scale.item()) / unit),
        norm,
        lower,
        (norm - lower) / norm,
        support,
        exact is not None,
        iterations,
        status,
    )


def _scale_vector(w: Any, m: int) -> FloatArray:
    if w is None:
        return np.full(m, 1.0 / m)
    array: FloatArray = check_entries(w, "w")
    if array.shape != (m,) or not array.any():
        remedy = "Pass a guess of the reciprocal gains, or a unit vector."
        got = f"shape {array.shape}" if array.shape != (m,) else "zeros"
        raise argument_error("w", got, f"a finite vector of length {m}, not zero", remedy)
    array = array / np.abs(array).max()
    return array / np.vdot(array, array).real


def _on_support(
    Y: FloatArray, A: FloatArray, system: Fits, support: FloatArray
) -> tuple[FloatArray, FloatArray] | None:
    """The t and x that vanish off the support and fit exactly, if there is just one such pair."""
    m, k = system.basis.shape
    rows = []
    for y, operator, columns in zip(Y, A, support, strict=True):
        if np.count_nonzero(columns) >= m:
            return None
        Q = np.linalg.qr(operator[:, columns])[0]
        fitting = y[:, None] * system.basis
        rows.append(fitting - Q @ (Q.conj().T @ fitting))
    stacked = np.vstack(rows)
    _, values, right = np.linalg.svd(np.linalg.qr(stacked, mode="r"))
    t = right[-1].conj()
    scale = np.vdot(system.q, t)
    if len(values) < k or (k > 1 and values[-2] <= 1e-6 * values[0]):
        return None
    size = float(np.linalg.norm(fitting))
    if values[-1] > 1e-10 * size or abs(scale) < 1e-8 * np.linalg.norm(system.q):
        return None
    t = t / scale
    x = np.zeros(support.shape, dtype=np.result_type(A, t))
    for row, y, operator, columns in zip(x, Y, A, support, strict=True):
        row[columns] = np.linalg.lstsq(operator[:, columns], y * (system.basis @ t), rcond=None)[0]
    return t, x
