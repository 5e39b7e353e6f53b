"""`calibrate_affine`: gains and offsets of sensors that watch signals of a known subspace.

y_t = d o (U c_t + b) is linear in s = 1/d, b and c_t: Q_t (s o y_t - b) = 0 for the projector Q_t
off the range of U at the sensors read (Balzano and Nowak, IPSN 2007; SPEC A11). The quadratic form
in (s, b) has the identifiable part of b eliminated, is scaled by the power of each sensor and gives
s by its smallest eigenvector. Then alternating least squares, for errors in the readings rather
than in the equations. O(p m^2 + m^3), with missing values O(p (m^2 n + n^3) + m^3).
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np

from .._errors import argument_error, check_positive, check_size
from .._result import FloatArray, Status
from ._ambiguity import is_ambiguous
from ._connectivity import is_connected
from .identifiability import identifiability
from .operators._base import check_entries, refuse_device
from .problem import Problem

__all__ = ["AffineCalibration", "calibrate_affine"]


@dataclass(frozen=True, eq=False)
class AffineCalibration:
    """Gains and offsets of sensors.

    Attributes
    ----------
    gains : ndarray, shape (m,)
        d with mean |d| = 1 and a positive mean; zero for dead sensors.
    offsets : ndarray, shape (m,)
        The part of b orthogonal to the range of U, both at the sensors that are not flagged, in
        units of the signal. The rest of b cannot be told from the signals and is in them.
    signal : ndarray, shape (p, n)
        c_t, coefficients of the columns of U.
    noise : float
        Standard deviation of the readings about the fit.
    sigma : ndarray, shape (2,)
        The two leading canonical correlations between centred readings and the subspace.
    gap : float
        sigma_1 - sigma_2.
    flags : ndarray of bool, shape (m,)
        Sensors with no variation or fewer than two readings: gain zero.
    iterations : int
        Sweeps of alternating least squares.
    status : Status
    """

    gains: FloatArray
    offsets: FloatArray
    signal: FloatArray
    noise: float
    sigma: FloatArray
    gap: float
    flags: FloatArray
    iterations: int
    status: Status

    def correct(self, Y: Any) -> FloatArray:
        """Readings turned into signals, y / d - b; nan at dead sensors. Shape of Y."""
        refuse_device(Y, "Y")
        safe = np.where(self.flags, 1.0, self.gains)
        corrected: FloatArray = np.asarray(Y) / safe - self.offsets
        return np.where(self.flags, np.nan, corrected)


def calibrate_affine(
    Y: Any,
    basis: Any,
    *,
    weights: Any = None,
    tol: float = 1e-10,
    max_iter: int = 100,
) -> AffineCalibration:
    """Find gains d and offsets b of y_t = d o (U c_t + b) + noise.

    Parameters
    ----------
    Y : array_like, shape (p, m)
        Readings, real or complex; nan where missing.
    basis : array_like, shape (m, n)
        U: the signals lie in the span of its columns, independent and n < m.
    weights : array_like, broadcastable to Y, optional
        Reciprocal variances, 0 for missing.
    tol : float
        Stop when a sweep changes the fitted readings by less, relative to their size.
    max_iter : int
        Sweeps of alternating least squares at most.

    Returns
    -------
    AffineCalibration

    Raises
    ------
    ArgumentError, ArgumentTypeError
        For shapes that do not fit, dependent columns, or fewer readings than unknowns: offsets cost
        one reading, so that (p - 1) (m - n) >= m - 1.

    See Also
    --------
    plan : how many readings; model "snapshots", one more for the offsets.

    Notes
    -----
    The common factor is free: (d, b, c) and (d/a, a b, a c) are the same readings. Exact without
    noise. If the gap is below max(3 (1 - sigma_1), 1e-3), gains are not determined, and the status
    says so: a subspace that is nearly closed under multiplication by some profile, say. So it does
    where sensors share no unknowns with the others.

    Works on arrays in host memory: convert CuPy arrays with ``cupy.asnumpy`` first.

    References
    ----------
    L. Balzano and R. Nowak, Blind calibration of sensor networks, IPSN 2007.

    Examples
    --------
    >>> from rnla.calibration import calibrate_affine, relative_error, simulate_affine
    >>> net = simulate_affine(m=32, n=8, p=64, rng=0)
    >>> found = calibrate_affine(net.Y, net.basis)
    >>> bool(relative_error(found.gains, net.gains) < 1e-12)
    True
    """
    U = _checked_basis(basis)
    m, n = U.shape
    problem = Problem(Y, U, model="snapshots", weights=weights)
    if problem.batch_shape:
        got = f"shape {np.shape(Y)}"
        raise argument_error("Y", got, "shape (p, m)", "Calibrate one network at a time.")
    tol = check_positive(tol, "tol")
    max_iter = check_size(max_iter, name="max_iter")
    _check_count(m, n, problem.p)
    y, scale = problem.data, float(problem.scale.item())
    w = np.ones(y.shape) if problem.weights is None else problem.weights.astype(np.float64)
    w = w / w.max()
    total = w.sum(axis=0)
    mean = (w * y).sum(axis=0) / np.maximum(total, np.finfo(np.float64).tiny)
    centred = np.where(w > 0.0, y - mean, 0.0)
    power = (w * np.abs(centred) ** 2).sum(axis=0)
    dead = (np.count_nonzero(w, axis=0) < 2) | (power <= 1e-24 * power.max())
    if dead.all():
        remedy = "Gains show only in how readings vary."
        raise argument_error("Y", "readings that never vary", "some that vary", remedy)
    w = np.where(dead, 0.0, w)
    alive = int(np.count_nonzero(~dead))
    freedom = int(np.count_nonzero(w)) - (2 * alive - n + problem.p * n - 1)
    if freedom < 0:
        got = f"{np.count_nonzero(w)} readings left of {alive} sensors, not identifiable"
        expected = f"at least {np.count_nonzero(w) - freedom}, the number of unknowns"
        raise argument_error("Y", got, expected, "Measure more, or with more sensors.")
    s, b, sigma = _linear_start(centred, w, np.where(dead, 1.0, power), dead, U)
    d = np.where(dead | (s == 0.0), 0.0, 1.0 / np.where(s == 0.0, 1.0, s))
    d, b, c, sweeps, converged = _alternate(y, w, U, d, b + s * mean, tol, max_iter)
    residual = w * np.abs(y - d * (c @ U.T + b)) ** 2
    noise = scale * math.sqrt(float(residual.sum()) / max(freedom, 1))
    turn = d.sum()
    factor = np.abs(d[~dead]).mean() * (turn / abs(turn) if abs(turn) > 0.0 else 1.0)
    gap = float(sigma[0] - sigma[1])
    status = Status.OK if converged else Status.NOT_CONVERGED
    apart = not is_connected(problem, ~dead)
    if apart or is_ambiguous(float(sigma[0]), gap):
        status = Status.AMBIGUOUS
    size = scale * factor
    return AffineCalibration(
        d / factor, b * size, c * size, noise, sigma, gap, dead, sweeps, status
    )


def _checked_basis(basis: Any) -> FloatArray:
    """The basis, checked. Its columns are kept: signals are coefficients of them."""
    U: FloatArray = check_entries(basis, "basis")
    if U.ndim != 2 or not 0 < U.shape[1] < U.shape[0]:
        remedy = "One row for each sensor, fewer columns than sensors."
        raise argument_error("basis", f"shape {U.shape}", "shape (m, n) with n < m", remedy)
    if np.linalg.matrix_rank(U) < U.shape[1]:
        remedy = "Drop redundant columns."
        raise argument_error("basis", "dependent columns", "independent columns", remedy)
    return U


def _check_count(m: int, n: int, p: int) -> None:
    needed = identifiability("snapshots", m=m, n=n, p=max(p - 1, 1))
    if p < 2 or not needed.identifiable:
        expected = "(p - 1) (m - n) >= m - 1, offsets taking one reading"
        remedy = "No number of readings would do: use fewer columns."
        if needed.smallest_p is not None:
            remedy = f"Take {needed.smallest_p + 1} readings."
        raise argument_error("Y", f"{p} readings of {m} sensors, n = {n}", expected, remedy)


def _linear_start(
    y: FloatArray, w: FloatArray, power: FloatArray, dead: FloatArray, U: FloatArray
) -> tuple[FloatArray, FloatArray, FloatArray]:
    """s by the smallest eigenvector of its form, offsets eliminated; b; sigma_1 and sigma_2."""
    form, mixed, offsets = _forms(y, w, U)
    eliminated = np.zeros_like(form)
    if mixed is not None:
        eliminated = np.linalg.pinv(offsets, rcond=1e-10, hermitian=True) @ mixed.conj().T
        form = form - mixed @ eliminated
    root = np.sqrt(power)
    scaled = form / np.outer(root, root)
    scaled[dead] = 0.0
    scaled[:, dead] = 0.0
    scaled[dead, dead] = 1.0
    values, vectors = np.linalg.eigh(0.5 * (scaled + scaled.conj().T))
    sigma = np.sqrt(np.clip(1.0 - values[:2], 0.0, 1.0))
    s = np.where(dead, 0.0, vectors[:, 0] / root)
    return s, eliminated @ s, sigma


def _forms(
    y: FloatArray, w: FloatArray, U: FloatArray
) -> tuple[FloatArray, FloatArray | None, FloatArray]:
    """Sums over t of Y* Q_t Y, Y* Q_t and Q_t with Y = diag(y_t); the second None if it is zero."""
    m = U.shape[0]
    if (w == w[:1]).all():
        Q = _off_range(w[0], U)
        form: FloatArray = Q * (y.conj().T @ y)
        return form, None, len(y) * Q
    dtype = np.result_type(y, U)
    form, mixed = np.zeros((m, m), dtype=dtype), np.zeros((m, m), dtype=dtype)
    offsets = np.zeros((m, m), dtype=dtype)
    for values, row in zip(y, w, strict=True):
        Q = _off_range(row, U)
        half = values.conj()[:, None] * Q
        form += half * values
        mixed += half
        offsets += Q
    return form, mixed, offsets


def _off_range(w: FloatArray, U: FloatArray) -> FloatArray:
    """W - W U (U* W U)^+ U* W: zero at sensors of weight zero."""
    root = np.sqrt(w)
    left, values, _ = np.linalg.svd(root[:, None] * U, full_matrices=False)
    left = left[:, values > 1e-12 * values.max(initial=0.0)]
    Q: FloatArray = root[:, None] * (np.eye(len(w)) - left @ left.conj().T) * root
    return Q


def _alternate(
    y: FloatArray,
    w: FloatArray,
    U: FloatArray,
    d: FloatArray,
    b: FloatArray,
    tol: float,
    max_iter: int,
) -> tuple[FloatArray, FloatArray, FloatArray, int, bool]:
    """Alternate between the signals and (gain, offset) of each sensor, from d and b."""
    Q, R = np.linalg.qr(U)
    alive = np.asarray(w.any(axis=0))
    coefficients = np.linalg.pinv(np.where(alive[:, None], Q, 0.0))
    b = np.where(alive, b - Q @ (coefficients @ b), 0.0)
    total = np.maximum(w.sum(axis=0), np.finfo(np.float64).tiny)
    old: FloatArray | None = None
    for sweep in range(1, max_iter + 1):
        c = _signals(y - d * b, w, d, Q)
        x = c @ Q.T
        mean_x, mean_y = (w * x).sum(axis=0) / total, (w * y).sum(axis=0) / total
        dx = x - mean_x
        below = (w * np.abs(dx) ** 2).sum(axis=0)
        top = (w * dx.conj() * (y - mean_y)).sum(axis=0)
        d = np.where(below > 0.0, top / np.where(below > 0.0, below, 1.0), 0.0)
        b = np.where(d != 0.0, mean_y / np.where(d != 0.0, d, 1.0) - mean_x, 0.0)
        inside = coefficients @ b
        b, c = np.where(alive, b - Q @ inside, 0.0), c + inside
        fitted = np.sqrt(w) * d * (c @ Q.T + b)
        if old is not None and np.linalg.norm(fitted - old) <= tol * np.linalg.norm(fitted):
            return d, b, np.linalg.solve(R, c.T).T, sweep, True
        old = fitted
    return d, b, np.linalg.solve(R, c.T).T, max_iter, False


def _signals(z: FloatArray, w: FloatArray, d: FloatArray, Q: FloatArray) -> FloatArray:
    """Least-squares coefficients of every reading, shape (p, n)."""
    if (w == w[:1]).all():
        root = np.sqrt(w[0])
        solution = np.linalg.lstsq((root * d)[:, None] * Q, (root * z).T, rcond=None)[0]
        c: FloatArray = solution.T
        return c
    root = np.sqrt(w)
    factors = (root * d)[:, :, None] * Q
    return np.asarray((np.linalg.pinv(factors) @ (root * z)[..., None])[..., 0])
