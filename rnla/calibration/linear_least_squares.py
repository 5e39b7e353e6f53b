"""Calibration by one linear least-squares problem (SPEC A3; Ling and Strohmer, arXiv 1611.04196).

Minimises ||K z||^2 + |w^* z - c|^2 over z = (s; x) by LSQR, w given: the mean reciprocal gain, one
reference sensor, or a guess of z. The direction of the minimiser is (K^* K)^{-1} w whatever the
size of w and c: one step of inverse power iteration from w. It is good if w correlates with the
truth by much more than the ratio of the two smallest singular values of K, and poor for random
phases in noise; kept as the baseline of the paper and for gains known to be near one another. Two
products with every A_l an iteration of LSQR.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
from scipy.sparse.linalg import LinearOperator, lsqr

from .._errors import argument_error, check_positive, check_size
from ._equilibration import Equilibration
from ._threads import with_few_threads
from ._whitening import FactoredWhitening
from .operators._base import Array
from .problem import Problem

__all__ = ["LinearLeastSquares", "linear_least_squares"]

Reference = Any


@dataclass(frozen=True, eq=False)
class LinearLeastSquares:
    """The minimiser of ||K z||^2 + |w^* z - c|^2.

    Attributes
    ----------
    inverse_gains : ndarray, shape (..., m)
        s up to a factor; zero at sensors that took no part.
    signal : ndarray, shape (..., n) or (..., p, n)
        With these s, in units of `Problem.scale`.
    correlation : ndarray, shape (...)
        |<w, z>| / (||w|| ||z||): the method needs it to be well above the ratio of the two smallest
        singular values of K.
    residual : ndarray, shape (...)
        ||K z|| / ||z||.
    converged : ndarray of bool, shape (...)
    iterations : int
        Of LSQR, the largest of the batch.
    """

    inverse_gains: Array
    signal: Array
    correlation: Array
    residual: Array
    converged: Array
    iterations: int


@with_few_threads
def linear_least_squares(
    problem: Problem,
    *,
    reference: Reference = None,
    row_norm: float = 1.0,
    equilibrate: bool = True,
    tol: float = 1e-13,
    max_iter: int = 10_000,
) -> LinearLeastSquares:
    """Reciprocal gains and signals by linear least squares with one linear constraint.

    Parameters
    ----------
    problem : Problem
    reference : None, int, array_like of shape (..., m), or a pair of arrays, optional
        w: the mean of the reciprocal gains (None), that of one sensor, a guess of all of them, or
        guesses of the reciprocal gains and of the signal (in units of `Problem.scale`).
    row_norm : float
        Norm of the row w^* relative to that of K. It does not change the direction of the answer.
    equilibrate : bool
        False leaves the columns of K as they are, which takes several times as many iterations.
    tol : float
        atol and btol of LSQR.
    max_iter : int

    Returns
    -------
    LinearLeastSquares

    Raises
    ------
    ArgumentError
        For a reference of the wrong shape, or one at sensors without data.

    Notes
    -----
    Works on arrays in host memory.

    Examples
    --------
    >>> import numpy as np
    >>> from rnla.calibration import Problem, linear_least_squares
    >>> rng = np.random.default_rng(0)
    >>> A, x, d = rng.standard_normal((4, 16, 8)), rng.standard_normal(8), 1 + rng.random(16)
    >>> found = linear_least_squares(Problem(d * (A @ x), A))
    >>> ratio = found.inverse_gains * d
    >>> bool(np.ptp(ratio) < 1e-10 * abs(ratio[0]))
    True
    """
    tol, row_norm = check_positive(tol, "tol"), check_positive(row_norm, "row_norm")
    steps = check_size(max_iter, name="max_iter")
    system = _System(Equilibration(problem), equilibrate=equilibrate)
    w = system.pack(*_reference(reference, system.equilibration))
    norm = np.linalg.norm(w, axis=-1, keepdims=True)
    if not (norm > 0).all():
        remedy = "Choose a sensor with data, or another guess."
        raise argument_error("reference", "a row of zeros", "a row that is not zero", remedy)
    row = w * (row_norm * system.norm / norm)
    batch = problem.batch_shape
    z = np.empty((*batch, system.size), dtype=problem.dtype)
    converged = np.empty(batch, dtype=bool)
    iterations = 0
    for place in np.ndindex(batch):
        z[place], converged[place], used = system.solve(place, row[place], tol, steps)
        iterations = max(iterations, used)
    s, x = system.unpack(z)
    residual = system.residual(s, x)
    top, size = _correlation(reference, system.equilibration, s, x)
    return LinearLeastSquares(s, x, top, residual / size, converged, iterations)


class _System:
    """K, in equilibrated coordinates or in its own, with one more row."""

    def __init__(self, equilibration: Equilibration, *, equilibrate: bool) -> None:
        self.equilibration = equilibration
        problem = self.problem = equilibration.problem
        self.whitening = equilibration.whitening
        factored = isinstance(self.whitening, FactoredWhitening)
        self.factored: FactoredWhitening | None = None
        if equilibrate and isinstance(self.whitening, FactoredWhitening):
            self.factored = self.whitening
        self.equilibrate = equilibrate
        self.gains = problem.k
        self.size = problem.k + problem.signal_size
        # A common unit for the signal where no factor is at hand: the mean square of the columns.
        self.unit = 1.0
        if equilibrate and not factored:
            self.unit = _column_unit(problem)
        self.norm = np.sqrt(2.0) if equilibrate else self._norm()

    def _norm(self) -> Any:
        problem = self.problem
        return np.sqrt(problem.gamma().max(axis=-1) + 1.0 / _column_unit(problem) ** 2)[..., None]

    def gain_part(self, u: Array) -> Array:
        """s from its coordinates."""
        if self.equilibrate:
            return self.equilibration.inverse_gains(u)
        basis = self.problem.gain_basis
        return u if basis is None else np.asarray((basis @ u[..., None])[..., 0])

    def gain_adjoint(self, s: Array) -> Array:
        """The adjoint of `gain_part`."""
        if self.equilibrate:
            return self.equilibration.coordinates(s)
        basis = self.problem.gain_basis
        return s if basis is None else np.asarray((basis.conj().T @ s[..., None])[..., 0])

    def synthesis(self, t: Array) -> Array:
        """W^{1/2} A x of the coordinates of the signal."""
        if self.factored is not None:
            return self.factored.synthesis(t)
        return np.asarray(self.whitening.rooted(self.problem.synthesis(t)) * self.unit)

    def analysis(self, r: Array) -> Array:
        """The adjoint of `synthesis`."""
        if self.factored is not None:
            return self.factored.analysis(r)
        return np.asarray(self.problem.analysis(self.whitening.rooted(r)) * self.unit)

    def pack(self, s: Array, x: Array) -> Array:
        """The row w^* of (s; x) in coordinates."""
        batch = self.problem.batch_shape
        u = np.broadcast_to(self.gain_adjoint(s), (*batch, self.gains))
        if self.factored is not None:
            t = self.factored.coordinates_adjoint(x)
        else:
            t = x * self.unit
        t = np.broadcast_to(t, (*batch, *self.problem.signal_shape))
        return np.concatenate([u, t.reshape(*batch, -1)], axis=-1)

    def unpack(self, z: Array) -> tuple[Array, Array]:
        """s and x of coordinates."""
        problem = self.problem
        t = z[..., self.gains :].reshape(*problem.batch_shape, *problem.signal_shape)
        s = self.gain_part(z[..., : self.gains])
        if self.factored is not None:
            return s, self.factored.coordinates_to_signal(t)
        return s, t * self.unit

    def residual(self, s: Array, x: Array) -> Array:
        """||K z||."""
        r = self.whitening.rooted(self.problem.residual(s, x))
        return np.asarray(np.sqrt((np.abs(r) ** 2).sum(axis=(-2, -1))))

    def solve(
        self, place: tuple[int, ...], row: Array, tol: float, max_iter: int
    ) -> tuple[Array, bool, int]:
        """LSQR for one problem of the batch."""
        problem = self.problem
        one = self if not place else self._single(place)
        data = one.whitening.rooted(one.problem.data)
        rows = problem.p * problem.m
        shape = problem.signal_shape

        def forward(z: Array) -> Array:
            z = np.ravel(z)
            r = data * one.gain_part(z[: self.gains])
            r = r - one.synthesis(z[self.gains :].reshape(shape))
            return np.asarray(np.concatenate([r.ravel(), [np.vdot(row, z)]]))

        def backward(r: Array) -> Array:
            r = np.ravel(r)
            block = r[:rows].reshape(problem.p, problem.m)
            u = one.gain_adjoint((data.conj() * block).sum(axis=-2))
            t = -one.analysis(block)
            return np.asarray(np.concatenate([u, t.ravel()]) + row * r[rows])

        operator = LinearOperator(
            (rows + 1, self.size), matvec=forward, rmatvec=backward, dtype=problem.dtype
        )
        b = np.zeros(rows + 1, dtype=problem.dtype)
        b[rows] = np.linalg.norm(row)
        z, reason, iterations = lsqr(
            operator, b, atol=tol, btol=tol, conlim=0.0, iter_lim=max_iter
        )[:3]
        finite = bool(np.isfinite(z).all())
        return np.asarray(z), reason != 7 and finite, int(iterations)

    def _single(self, place: tuple[int, ...]) -> _System:
        return _System(Equilibration(self.problem.select(place)), equilibrate=self.equilibrate)


def _column_unit(problem: Problem) -> float:
    """One over the root mean square norm of the columns of W^{1/2} A, from a product with ones."""
    probe = np.ones((*problem.batch_shape, *problem.signal_shape), dtype=problem.real_dtype)
    signs = 1.0 - 2.0 * (np.arange(probe.size).reshape(probe.shape) % 3 % 2)
    image = problem.weighted(np.abs(problem.synthesis(signs.astype(problem.real_dtype))) ** 2)
    mean = float(image.sum()) / signs.size
    return 1.0 / np.sqrt(mean) if mean > 0 else 1.0


def _reference(reference: Reference, system: Equilibration) -> tuple[Array, Array]:
    """w as reciprocal gains and signal."""
    problem = system.problem
    zero = np.zeros(problem.signal_shape, dtype=problem.dtype)
    if reference is None:
        return np.ones(problem.m, dtype=problem.dtype) * system.usable, zero
    if isinstance(reference, tuple) and len(reference) == 2:
        s, x = (np.asarray(part) for part in reference)
        if x.shape[-len(zero.shape) :] != zero.shape:
            remedy = "Pass the pair (reciprocal gains, signal)."
            expected = f"a signal of shape {zero.shape}"
            raise argument_error("reference", f"a signal of shape {x.shape}", expected, remedy)
    elif isinstance(reference, (int, np.integer)) and not isinstance(reference, bool):
        if not 0 <= reference < problem.m:
            expected = f"an integer of 0 to {problem.m - 1}"
            remedy = "Pass the number of a sensor, counted from 0."
            raise argument_error("reference", reference, expected, remedy)
        s, x = np.zeros(problem.m), zero
        s[reference] = 1.0
    else:
        s, x = np.asarray(reference), zero
    if s.ndim == 0 or s.shape[-1] != problem.m:
        remedy = "Pass None, a sensor, reciprocal gains, or reciprocal gains and a signal."
        raise argument_error("reference", f"shape {s.shape}", f"shape ({problem.m},)", remedy)
    return s.astype(problem.dtype) * system.usable, x.astype(problem.dtype)


def _correlation(
    reference: Reference, system: Equilibration, s: Array, x: Array
) -> tuple[Array, Array]:
    """|<w, z>| / (||w|| ||z||), and ||z||."""
    problem = system.problem

    def flat(gains: npt.ArrayLike, signal: npt.ArrayLike) -> Array:
        batch = problem.batch_shape
        one = np.broadcast_to(gains, (*batch, problem.m))
        two = np.broadcast_to(signal, (*batch, *problem.signal_shape)).reshape(*batch, -1)
        return np.concatenate([one, two], axis=-1)

    w, z = flat(*_reference(reference, system)), flat(s, x)
    size = np.linalg.norm(z, axis=-1)
    product = np.linalg.norm(w, axis=-1) * size
    size = np.where(size > 0, size, 1)
    top = np.abs((w.conj() * z).sum(axis=-1))
    return np.asarray(top / np.where(product > 0, product, 1)), np.asarray(size)
