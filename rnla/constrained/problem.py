"""The constrained l_p problem min ||A x||_p^p subject to g^T x = 1, prepared once per matrix.

One row's sensitivity (g = a_i), a step of the distortion ascent (g a gradient) and the reference
solutions of tests are all this problem. The algorithm depends on p: a closed form for p = 2, Newton
for other 1 < p < inf, a primal-dual interior point or a linear program for p = 1, a linear program
for p = inf. All return a point, a value, and a dual certificate that anyone can re-check.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import numpy as np
import numpy.typing as npt

from .._errors import ArgumentTypeError, argument_error, check_fraction, check_p, check_size
from .._result import FloatArray, Status
from ..tall import as_tall
from ._norms import Solution, power, relative_gap
from ._range import RowSpace, row_space
from .interior_point import interior_point
from .linear_program import linear_program
from .newton import newton
from .quadratic import quadratic

__all__ = ["ConstrainedMinimum", "ConstrainedProblem", "minimise_lp_norm"]

_METHODS = ("auto", "quadratic", "newton", "interior_point", "linear_program")
_OUTSIDE = 1e-10  # relative size of the part of g outside the row space that counts as real


@dataclass(frozen=True)
class ConstrainedMinimum:
    """The minimum of ||A x||_p subject to g^T x = 1, with its certificate.

    Attributes
    ----------
    x : ndarray, shape (d,)
        The minimiser, zero outside the pivot columns if A is rank-deficient.
    y : ndarray, shape (n,)
        A x.
    norm, norm_lower : float
        ||A x||_p, and a lower bound on the minimum: 1 / ||multiplier||_p'.
    multiplier : ndarray, shape (n,)
        u with A^T u = g. By Hoelder 1 = g^T x = u^T A x <= ||u||_p' ||A x||_p for every feasible x.
    p : float
    iterations : int
    method : str
        Algorithm that produced the result; ``"null_space"`` if g is outside the row space of A.
    status : Status
        OK, or NOT_CONVERGED if the gap is above the tolerance.
    """

    x: FloatArray
    y: FloatArray
    norm: float
    norm_lower: float
    multiplier: FloatArray
    p: float
    iterations: int
    method: str
    status: Status

    @property
    def value(self) -> float:
        """||A x||_p^p (||A x||_inf for p = inf); infinity where that overflows."""
        return power(self.norm, self.p)

    @property
    def dual(self) -> float:
        """Lower bound on the minimum, in the units of `value`."""
        return power(self.norm_lower, self.p)

    @property
    def gap(self) -> float:
        """1 - dual / value, computed without cancellation."""
        return relative_gap(self.norm, self.norm_lower, self.p)


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

    def __init__(self, A: Any, p: float, *, rcond: float | None = None) -> None:
        self.p = check_p(p, allow_infinite=True)
        if rcond is not None:
            rcond = check_fraction(rcond, "rcond")
        self._space = row_space(as_tall(A, require_tall=False), rcond=rcond)
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
        found = self._run(method, h, start, tol, max_iter)
        if (
            method == "interior_point"
            and relative_gap(found.norm, found.lower, p) > tol
            and self.shape[0] <= 5000
        ):
            exact = linear_program(space.range, h, p)
            if exact.norm < found.norm:
                found = replace(found, z=exact.z, norm=exact.norm)
            if exact.lower > found.lower:
                found = replace(found, u=exact.u, lower=exact.lower)
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
