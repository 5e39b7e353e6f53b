"""Singular values of weighted and centred rows, and the pass that leaves out each row in turn.

The right singular vectors come from the small factor of an orthonormal basis, in d x d algebra; the
left ones are never stored, but formed block by block as a_i P. See `ridge` for the formulas.
"""

from __future__ import annotations

import dataclasses
import math
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np
import numpy.typing as npt
import scipy.linalg

from ..._result import FloatArray
from ...basis import Basis
from ...tall import TallMatrix, single_threaded_blas
from ...tall._device import beside, on_device
from ...tall.extended import Extended
from .ridge_data import Weights

__all__ = ["Spectrum"]

_PIECE = 2**16  # errors at all penalties of some rows
_PIECE_ON_DEVICE = 2**24
_ROUNDING = 1e-14  # times the rank: leverage that close to one is one
# The default grid, relative to squares of singular values: from no shrinkage to nothing left.
_FIRST, _LAST, _LEAST, _PER_DECADE = 1e-4, 1e2, 1e-12, 4


@dataclass(frozen=True, eq=False)
class Spectrum:
    """Singular value decomposition U S V^T of the weighted and centred rows; U_i = a_i P Y."""

    P: FloatArray | Extended
    Y: FloatArray | None
    s: FloatArray  # (r,), positive
    V: FloatArray  # (d, r)
    c: FloatArray  # (r, k)
    centre: FloatArray  # (d,), the weighted means of the columns
    intercept: bool

    @classmethod
    def of(
        cls, tall: TallMatrix, basis: Basis, weighted: Weights, z: Any, intercept: bool
    ) -> Spectrum:
        product: FloatArray | Extended = basis.M
        if basis.low is not None:
            scale = np.ldexp(1.0, -np.frexp(tall.scan().column_max)[1])
            product = Extended.prepare(basis.M, basis.low, scale)
        if basis.path == "gram":
            scaled = z if weighted.values is None else z * weighted.values[:, None]
            R, c = basis.R, basis.M.T @ tall.rmatmul(scaled)
        else:  # R from the triangular factors carries rounding times the condition number
            visit = partial(_project, product)
            d, k = tall.shape[1], z.shape[1]
            both = tall.fold(visit, (basis.rank, d + k), rows=_present(z, weighted.roots))
            R, c = both[:, :d], both[:, d:]
        with single_threaded_blas():
            centre = np.zeros(R.shape[1] - intercept)
            if intercept:
                constant = R[:, -1] / np.abs(R[:, -1]).max()
                constant = constant / np.linalg.norm(constant)
                R = R[:, :-1]
                along = constant @ R
                centre = along / math.sqrt(weighted.total)
                R = R - np.outer(constant, along)
            X, s, V = _svd(R)
            r = min(basis.rank - intercept, int(np.count_nonzero(s)))
            X, s, V = X[:, :r], s[:r], V[:, :r]
            c = X.T @ c
        if isinstance(product, Extended):
            return cls(product, X, s, V, c, centre, intercept)
        return cls(product @ X, None, s, V, c, centre, intercept)

    def default_roots(self) -> FloatArray:
        """Square roots of the default penalties."""
        if not self.s.size:
            return np.ones(1)
        first, last = self.s[-1] / self.s[0], 1.0
        low = math.log10(max(first**2, _LEAST) * _FIRST)
        high = math.log10(last * _LAST)
        count = math.ceil(_PER_DECADE * (high - low)) + 1
        grid: FloatArray = self.s[0] * np.logspace(low / 2, high / 2, count)
        return grid

    def solutions(self, roots: FloatArray) -> FloatArray:
        """V (S^2 + alpha)^-1 S c for every penalty: (m, d, k)."""
        (r, k), m = self.c.shape, roots.size
        s = self.s[:, None]
        shrunk = self.c[:, :, None] / (s + roots / s * roots)[:, None, :]
        X = self.V @ shrunk.reshape(r, k * m)
        return np.ascontiguousarray(X.reshape(-1, k, m).transpose(2, 0, 1))

    def degrees_of_freedom(self, roots: FloatArray) -> FloatArray:
        """Sum of s^2 / (s^2 + alpha)."""
        shares: FloatArray = (1.0 / (1.0 + (roots / self.s[:, None]) ** 2)).sum(axis=0)
        return shares

    def leave_one_out(
        self, tall: TallMatrix, weighted: Weights, z: Any, roots: FloatArray
    ) -> FloatArray:
        """Sums over rows of w l, w v l^2 and w v l, v being left out with error l: (3, k, m)."""
        zero = roots <= 1e-150 * self.s.min(initial=1.0)
        shrink = 1.0 / (1.0 + (self.s[:, None] / np.where(zero, 1.0, roots)) ** 2)
        if zero.any():  # the limit, up to a factor that cancels
            shrink[:, zero] = (self.s[-1:] / self.s)[:, None] ** 2
        curve = _Curve(
            self.P,
            self.Y,
            self.c,
            shrink,
            zero,
            1.0 / weighted.total if self.intercept else 0.0,
            weighted.copy,
            _ROUNDING * (self.s.size + 1),
        )
        shape = (3, self.c.shape[1], roots.size)
        return tall.fold(partial(_add_errors, curve), shape, rows=_present(z, weighted.values))


def _svd(R: FloatArray) -> tuple[FloatArray, FloatArray, FloatArray]:
    """U, s, V with R = U diag(s) V^T, every singular value accurate in units of its own column.

    One-sided Jacobi after pivoting (Drmac and Veselic, SIMAX 2008), since penalties may lie between
    the sizes of columns that are many powers of ten apart.
    """
    if 0 in R.shape:
        return np.zeros((R.shape[0], 0)), np.zeros(0), np.zeros((R.shape[1], 0))
    wide = R.shape[0] < R.shape[1]
    X = np.asfortranarray(R.T if wide else R)
    k = X.shape[1]
    values, U, V, work, _, _ = scipy.linalg.lapack.dgejsv(X, joba=2)
    s = values * (work[0] / work[1])
    return (V, s, U[:, :k]) if wide else (U[:, :k], s, V)


def _present(z: Any, weights: Any) -> tuple[Any, ...]:
    return (z,) if weights is None else (z, weights)


def _times(block: Any, P: FloatArray | Extended) -> FloatArray:
    product: FloatArray = P.product(block) if isinstance(P, Extended) else block @ beside(block, P)
    return product


def _project(
    P: FloatArray | Extended,
    block: Any,
    start: int,
    out: FloatArray,
    z: FloatArray,
    root: FloatArray | None = None,
) -> None:
    """Q^T [A z] with Q = diag(root) A P."""
    Q, d = _times(block, P), block.shape[1]
    if root is not None:
        Q *= (root * root)[:, None]
    out[:, :d] += (block.T @ Q).T
    out[:, d:] += Q.T @ z


@dataclass(frozen=True, eq=False)
class _Curve:
    """What a pass over the rows needs for their leave-one-out errors at all penalties."""

    P: FloatArray | Extended
    Y: FloatArray | None
    c: FloatArray  # (r, k)
    shrink: FloatArray  # (r, m): alpha / (s^2 + alpha)
    zero: npt.NDArray[np.bool_]  # (m,)
    share: float  # leverage of the intercept per unit of weight
    copy: float  # the most weight that is left out at once
    rounding: float


def _add_errors(
    curve: _Curve,
    block: Any,
    start: int,
    out: FloatArray,
    z: FloatArray,
    w: FloatArray | None = None,
) -> None:
    """Add the sums of `Spectrum.leave_one_out` over a block."""
    U = _times(block, curve.P)
    if curve.Y is not None:
        U = U @ beside(block, curve.Y)
    step = max(64, (_PIECE_ON_DEVICE if on_device(block) else _PIECE) // curve.zero.size)
    c, shrink, zero = (beside(block, x) for x in (curve.c, curve.shrink, curve.zero))
    curve = dataclasses.replace(curve, c=c, shrink=shrink, zero=zero)
    for first in range(0, len(U), step):
        here = slice(first, first + step)
        _add_piece(curve, U[here], z[here], None if w is None else w[here], out)


def _add_piece(
    curve: _Curve, U: FloatArray, z: FloatArray, w: FloatArray | None, out: FloatArray
) -> None:
    """The same for some rows, few enough that their errors at all penalties stay in the cache."""
    shares: Any = curve.share
    part: Any = 1.0
    if w is not None:
        root = np.sqrt(w)[:, None]
        U, z = U * root, z * root
        shares = w * curve.share
        part = np.minimum(1.0, curve.copy / np.where(w > 0.0, w, 1.0))  # of the row, left out
    squares = U * U
    outside = 1.0 - squares.sum(axis=1) - shares
    rest = z - U @ curve.c
    alone = outside <= curve.rounding
    outside[alone], rest[alone] = 0.0, 0.0
    below = squares @ curve.shrink
    limit = (alone & (part == 1.0))[:, None]
    if curve.zero.any():
        below[:, curve.zero] *= alone[:, None]
    below += outside[:, None]
    if w is not None:
        below *= part[:, None]
        below += 1.0 - part[:, None]
    for k in range(curve.c.shape[1]):
        error = U @ (curve.shrink * curve.c[:, k : k + 1])
        if curve.zero.any():
            error[:, curve.zero] *= limit
        error += rest[:, k : k + 1]
        error /= below
        np.multiply(error, error, out=error)
        total = error.sum(axis=0)
        out[0, k] += total
        if w is None:
            out[1, k] += np.einsum("im,im->m", error, error)
            out[2, k] += total
        else:
            out[1, k] += np.einsum("i,im,im->m", part, error, error)
            out[2, k] += (w * part) @ error
