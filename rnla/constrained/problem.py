"""The constrained l_p problem min ||A x||_p^p subject to g^T x = 1, prepared once per matrix.

One row's sensitivity (g = a_i), a step of the distortion ascent (g a gradient) and the reference
solutions of tests are all this problem. The algorithm depends on p: a closed form for p = 2, Newton
for other 1 < p < inf, a primal-dual interior point or a linear program for p = 1, a linear program
for p = inf. All return a point, a value, and a dual certificate that anyone can re-check.
"""

from __future__ import annotations

import math
from contextlib import nullcontext
from dataclasses import replace
from functools import cached_property
from typing import Any

import numpy as np
import numpy.typing as npt

from .._errors import ArgumentTypeError, argument_error, check_fraction, check_p, check_size
from .._result import FloatArray, Status
from ..tall import as_tall, single_threaded_blas
from ._norms import Solution, relative_gap
from ._range import RowSpace, row_space
from ._records import ConstrainedMinima, ConstrainedMinimum
from .batch_newton import batch_newton
from .interior_point import interior_point
from .linear_program import linear_program
from .newton import newton
from .quadratic import quadratic

__all__ = ["ConstrainedMinima", "ConstrainedMinimum", "ConstrainedProblem", "minimise_lp_norm"]

_METHODS = ("auto", "quadratic", "newton", "interior_point", "linear_program")
_SMALL = 5000  # rows up to which a linear program finishes what an interior point could not
_OUTSIDE = 1e-10  # relative size of the part of g outside the row space that counts as real


class ConstrainedProblem:
    """min ||A x||_p^p subject to g^T x = 1 for many g and one A.

    Parameters
    ----------
    A : array_like or sparse matrix, shape (n, d)
        Any n and d. Read in two passes; a dense A is held as one n x rank float64 array.
    p : float
        From 1 to inf.
    rcond : float, optional
        Relative pivot size below which columns count as dependent; default max(n, d) * 2.2e-16.
    rank : int, optional
        Numerical rank, if it was decided elsewhere.

    Notes
    -----
    Preparation costs 3 n d^2 flops; `minimise` says what each g costs.

    Examples
    --------
    >>> import numpy as np
    >>> from rnla.constrained import ConstrainedProblem
    >>> A = np.vstack([np.eye(2), [[1.0, 1.0]]])
    >>> problem = ConstrainedProblem(A, 1.0)
    >>> round(problem.minimise(A[2]).value, 8)
    2.0
    """

    def __init__(
        self, A: Any, p: float, *, rcond: float | None = None, rank: int | None = None
    ) -> None:
        self.p = check_p(p, allow_infinite=True)
        if rcond is not None:
            rcond = check_fraction(rcond, "rcond")
        tall = as_tall(A, require_tall=False)
        if rank is not None:
            rank = check_size(rank, min(tall.shape), name="rank")
        self._space = row_space(tall, rcond=rcond, rank=rank)
        self.shape = self._space.shape

    @classmethod
    def _from_space(cls, space: RowSpace, p: float) -> ConstrainedProblem:
        problem = cls.__new__(cls)
        problem.p, problem._space, problem.shape = p, space, space.shape
        return problem

    def with_p(self, p: float) -> ConstrainedProblem:
        """Return the problem for the same matrix and another p, without a new factorization."""
        return self._from_space(self._space, check_p(p, allow_infinite=True))

    @property
    def rank(self) -> int:
        """Numerical rank of A."""
        return self._space.rank

    @cached_property
    def _gram(self) -> FloatArray:
        return self._space.range.gram()

    def minimise(
        self,
        g: npt.ArrayLike,
        *,
        x0: npt.ArrayLike | None = None,
        tol: float = 1e-10,
        max_iter: int | None = None,
        method: str = "auto",
        in_row_space: bool = False,
    ) -> ConstrainedMinimum:
        """Minimise for one g.

        Parameters
        ----------
        g : array_like, shape (d,)
            Not zero.
        x0 : array_like, shape (d,), optional
            Start of the iteration; used if g^T x0 > 0, ignored by methods that do not iterate on x.
        tol : float
            Relative duality gap of the p-th powers at which to stop.
        max_iter : int, optional
            Default 200 Newton or 150 interior-point iterations.
        method : str
            ``"auto"``: p = 2 quadratic; p = inf linear_program; p = 1 interior_point, and
            linear_program if that stops above `tol` and n <= 5000; else newton.
        in_row_space : bool
            Promise that g is a combination of rows of A; without it a part of g outside the
            numerical row space above 1e-10 of g gives the answer 0 with a null-space witness.

        Returns
        -------
        ConstrainedMinimum

        Raises
        ------
        ArgumentError, ArgumentTypeError
            If g or x0 has a wrong shape, dtype or entries that are not finite, if g is zero (no x
            is feasible), or if the method does not suit p.

        Notes
        -----
        10 to 50 iterations of n r^2 flops for p = 1, 3 to 20 for other p up to 10. No pass over A.
        Measured for dense n = 20,000, d = 20 on two cores: 2 to 10 ms for p > 1, 10 to 60 ms for
        p = 1, where smooth columns (polynomials, time series) are the slow ones.
        """
        g = _vector(g, "g", self.shape[1])
        check_fraction(tol, "tol")
        if max_iter is not None:
            max_iter = check_size(max_iter, name="max_iter")
        method = self._resolve(method)
        space, p = self._space, self.p
        size = float(np.max(np.abs(g * space.scale)))
        if size == 0.0:
            raise argument_error(
                "g", "all zeros", "a nonzero vector", "No x satisfies 0 = 1: skip this constraint."
            )
        # Everything below sees a g of size one in scaled columns; `unit` is a power of two.
        unit = math.ldexp(1.0, math.frexp(size)[1])
        h, outside = space.coordinates(g / unit)
        lost = np.max(np.abs(outside), initial=0.0) > _OUTSIDE and not in_row_space
        if lost or not np.any(h):
            return self._outside(outside, unit)
        start = self._start(x0, h)
        with single_threaded_blas():
            found = self._solve(method, h, start, tol, max_iter)
        met = relative_gap(found.norm, found.lower, p) <= tol
        return ConstrainedMinimum(
            x=space.lift(found.z) / unit,
            y=space.expand(space.range.image(found.z)) / unit,
            norm=found.norm / unit,
            norm_lower=min(found.lower, found.norm) / unit,
            multiplier=space.expand(found.u) * unit,
            p=p,
            iterations=found.iterations,
            method=method,
            status=Status.OK if met else Status.NOT_CONVERGED,
        )

    def minimise_many(
        self,
        G: npt.ArrayLike,
        *,
        weights: FloatArray | None = None,
        tol: float = 1e-10,
        quick: bool = False,
    ) -> ConstrainedMinima:
        """Minimise for every row g of G, each a combination of rows of A.

        Parameters
        ----------
        G : array_like, shape (k, d)
            No zero rows. Parts outside the row space of A are ignored.
        weights : ndarray, shape (n,), optional
            Non-negative; the start for g is the minimiser of sum_i weights_i (a_i x)^2. With Lewis
            weights w, weights = w^(1 - 2/p) gives starts whose gap is about 0.1 at p = 1.5 and 3.
        tol : float
            Relative duality gap of the p-th powers at which to stop.
        quick : bool
            Only evaluate the starts and their multipliers: 4 n r flops for each g.

        Returns
        -------
        ConstrainedMinima

        Raises
        ------
        ArgumentError, ArgumentTypeError
            If G has a wrong shape, dtype, zero rows or entries that are not finite.

        Notes
        -----
        For 1.2 <= p <= 8 all g advance together, 0.1 to 0.5 ms each for dense n = 1000, d = 8 on
        one core; otherwise one by one. Memory O(n k) in groups of at most 4 million entries.
        """
        G = _matrix(G, self.shape[1])
        check_fraction(tol, "tol")
        k = len(G)
        size = np.max(np.abs(G * self._space.scale), axis=1, initial=0.0)
        if np.any(size == 0.0):
            raise argument_error(
                "G",
                f"zeros in row {int(np.argmin(size))}",
                "nonzero rows",
                "No x satisfies 0 = 1: skip this constraint.",
            )
        units = np.ldexp(1.0, np.frexp(size)[1])
        H = self._space.coordinates(G / units[:, None])[0]
        x, norm, lower = np.zeros((k, self.shape[1])), np.full(k, np.inf), np.zeros(k)
        group = max(1, 4_000_000 // max(self.shape[0], 1))
        for first in range(0, k, group):
            part = slice(first, min(first + group, k))
            large = self.shape[0] * (part.stop - first) * max(self.rank, 1) > 50_000_000
            with nullcontext() if large else single_threaded_blas():
                Z, norm[part], lower[part] = self._many(H[:, part], weights, tol, quick)
            for j in range(Z.shape[1]):
                x[first + j] = self._space.lift(Z[:, j])
        lower = np.minimum(lower, norm)
        found = ConstrainedMinima(
            x / units[:, None], norm / units, lower / units, self.p, Status.OK
        )
        return found if np.all(found.gap <= tol) else replace(found, status=Status.NOT_CONVERGED)

    def _many(
        self, H: FloatArray, weights: FloatArray | None, tol: float, quick: bool
    ) -> tuple[FloatArray, FloatArray, FloatArray]:
        B, p, k = self._space.range, self.p, H.shape[1]
        Z, norm, lower = np.zeros_like(H), np.full(k, np.inf), np.zeros(k)
        batched = 1.2 <= p <= 8.0 and p != 2.0
        if quick or batched:
            kept = self._space.kept
            form = weights if weights is None or kept is None else weights[kept]
            together = batch_newton(B, H, p, weights=form, tol=tol, max_iter=1 if quick else 20)
            Z, norm, lower = together.Z, together.norm, together.lower
        if quick:
            return Z, norm, lower
        method = self._resolve("auto")
        for j in range(k):
            if relative_gap(norm[j], lower[j], p) > tol:
                start = Z[:, j] if np.isfinite(norm[j]) else None
                single = self._solve(method, H[:, j], start, tol, None)
                if single.norm < norm[j]:
                    Z[:, j], norm[j] = single.z, single.norm
                lower[j] = max(lower[j], single.lower)
        return Z, norm, lower

    def _resolve(self, method: str) -> str:
        suits = {
            "quadratic": self.p == 2.0,
            "newton": 1.0 < self.p < math.inf,
            "interior_point": self.p == 1.0,
            "linear_program": self.p in (1.0, math.inf),
        }
        if method == "auto":
            return next(name for name in ("quadratic", "newton", *suits) if suits[name])
        if method not in suits or not suits[method]:
            fitting = [name for name in suits if suits[name]]
            raise argument_error(
                "method",
                repr(method),
                f"one of {['auto', *fitting]} for p = {self.p:g}",
                'Pass method="auto".',
            )
        return method

    def _solve(
        self, method: str, h: FloatArray, start: FloatArray | None, tol: float, limit: int | None
    ) -> Solution:
        """Run the method; finish an interior point that rounding stopped by a linear program."""
        found = self._run(method, h, start, tol, limit)
        gap = relative_gap(found.norm, found.lower, self.p)
        if method == "interior_point" and gap > tol and self.shape[0] <= _SMALL:
            exact = linear_program(self._space.range, h, self.p)
            if exact.norm < found.norm:
                found = replace(found, z=exact.z, norm=exact.norm)
            if exact.lower > found.lower:
                found = replace(found, u=exact.u, lower=exact.lower)
        return found

    def _run(
        self, method: str, h: FloatArray, start: FloatArray | None, tol: float, limit: int | None
    ) -> Solution:
        B = self._space.range
        if method == "quadratic":
            return quadratic(B, h, gram=self._gram)
        if method == "newton":
            return newton(B, h, self.p, start=start, tol=tol, max_iter=limit or 200)
        if method == "interior_point":
            return interior_point(B, h, start=start, tol=tol, max_iter=limit or 150)
        return linear_program(B, h, self.p)

    def _start(self, x0: npt.ArrayLike | None, h: FloatArray) -> FloatArray | None:
        if x0 is None:
            return None
        z = self._space.lower(_vector(x0, "x0", self.shape[1]))
        height = float(h @ z)
        usable = height > 1e-12 * float(np.linalg.norm(h) * np.linalg.norm(z))
        return z / height if usable else None

    def _outside(self, outside: FloatArray, unit: float) -> ConstrainedMinimum:
        zero = np.zeros(self.shape[0])
        x = self._space.null_vector(outside) / unit
        return ConstrainedMinimum(x, zero, 0.0, 0.0, zero, self.p, 0, "null_space", Status.OK)


def minimise_lp_norm(
    A: Any,
    g: npt.ArrayLike,
    p: float,
    *,
    x0: npt.ArrayLike | None = None,
    tol: float = 1e-10,
    max_iter: int | None = None,
    method: str = "auto",
) -> ConstrainedMinimum:
    """Minimise ||A x||_p^p subject to g^T x = 1.

    Parameters
    ----------
    A : array_like or sparse matrix, shape (n, d)
    g : array_like, shape (d,)
    p : float
        From 1 to inf.
    x0, tol, max_iter, method
        See `ConstrainedProblem.minimise`, which also serves many g for one A.

    Returns
    -------
    ConstrainedMinimum

    Raises
    ------
    ArgumentError, ArgumentTypeError
        For unusable A, g, p, tol or method.

    Notes
    -----
    Two passes over A, then as `ConstrainedProblem.minimise`. 1 / value is the l_p sensitivity of g.

    Examples
    --------
    >>> import numpy as np
    >>> from rnla.constrained import minimise_lp_norm
    >>> A = np.vstack([np.eye(2), [[1.0, 1.0]]])
    >>> found = minimise_lp_norm(A, A[0], 4.0)
    >>> round(found.value, 6), found.gap < 1e-10
    (1.125, True)
    """
    return ConstrainedProblem(A, p).minimise(g, x0=x0, tol=tol, max_iter=max_iter, method=method)


def _matrix(G: npt.ArrayLike, d: int) -> FloatArray:
    array = np.asarray(G)
    if array.ndim != 2 or array.shape[1] != d:
        raise argument_error(
            "G", f"shape {array.shape}", f"shape (k, {d})", "Pass one g per row, as G[None, :]."
        )
    return _vector(array.ravel(), "G", array.size).reshape(array.shape)


def _vector(v: npt.ArrayLike, name: str, d: int) -> FloatArray:
    array = np.asarray(v)
    if array.dtype.kind not in "fiub":
        raise argument_error(
            name,
            f"dtype {array.dtype}",
            "real numbers",
            f"Convert {name} to float64.",
            kind=ArgumentTypeError,
        )
    if array.shape != (d,):
        raise argument_error(
            name, f"shape {array.shape}", f"shape ({d},)", "It has one entry per column of A."
        )
    array = array.astype(np.float64)
    if not np.all(np.isfinite(array)):
        raise argument_error(name, "NaN or infinity", "finite entries", f"Clean {name} first.")
    return array
