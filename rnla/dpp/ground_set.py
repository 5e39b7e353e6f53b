"""The rows of a matrix as a ground set: leverage once, then only the rows that are asked for.

Every law of this room depends on the column space alone, so a row stands for its coordinates
u_i = s_i a_i M in an orthonormal basis, s_i^2 its weight: sum u_i u_i^T = I, ||u_i||^2 = tau_i.
Cost: the passes of `leverage_scores`, 16 n bytes, and d r flops for each row taken.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np

from .._errors import ArgumentTypeError, argument_error
from .._result import FloatArray, IntArray, Status
from ..basis import Basis, orthonormal_basis
from ..sampling._checks import check_scores
from ..tall import TallMatrix, as_tall, rows, within_range
from ..tall._device import beside
from ._masses import Masses

__all__ = ["GroundSet", "ground_set", "prepared"]


@dataclass(frozen=True, eq=False)
class GroundSet:
    """Rows, a basis of their column space and their leverage scores: see `ground_set`.

    Attributes
    ----------
    A : TallMatrix, shape (n, d)
    basis : Basis
    leverage : row vector, shape (n,)
        Scores tau_i of the weighted rows: the probability that `projection_dpp` draws row i. A Dask
        array for rows in a Dask collection, a CuPy array for rows on a GPU.
    factors : row vector, shape (n,), or None
        Square roots of the weights, up to a common factor.
    passes : int
        Passes over the rows that were spent.
    ridge : float
        In the units of A. With a ridge sum u_i u_i^T + ridge M^T M = I, and tau_i is a ridge
        leverage score.
    """

    A: TallMatrix
    basis: Basis
    leverage: Any
    factors: Any
    passes: int
    ridge: float = 0.0

    def __repr__(self) -> str:
        return f"GroundSet({self.n} rows, rank={self.rank}, passes={self.passes})"

    @property
    def n(self) -> int:
        """Number of rows."""
        return self.A.shape[0]

    @property
    def rank(self) -> int:
        """Dimension r of the column space."""
        return self.basis.rank

    @property
    def status(self) -> Status:
        """The decision about the rank."""
        return self.basis.status

    @cached_property
    def _masses(self) -> Masses:
        return Masses(self.leverage)

    def propose(self, points: FloatArray) -> tuple[IntArray, FloatArray]:
        """Rows with probability tau_i / r, one for each uniform point, and their scores."""
        return self._masses.draw(points)

    def leverage_of(self, indices: IntArray) -> FloatArray:
        """tau_i of some rows, in the shape of `indices`."""
        return self._masses.at(indices)

    @property
    def ridge_root(self) -> FloatArray | None:
        """A matrix whose Gram matrix is what the ridge adds to sum u_i u_i^T."""
        return math.sqrt(self.ridge) * self.basis.M if self.ridge else None

    def features(self, indices: IntArray) -> FloatArray:
        """u_i, shape (len(indices), r)."""
        return self.features_of(self.A.take(indices), indices)

    def features_of_draws(self, drawn: IntArray) -> Any:
        """u_i of the rows of k draws, `drawn` (k, count): on a GPU an array (k, count, r) from one
        product, else a list of k arrays."""
        if self.A.is_on_device:
            flat = drawn.ravel()
            return self.features(flat).reshape(*drawn.shape, self.rank)
        union, places = np.unique(drawn, return_inverse=True)
        taken = self.A.take(union)
        # One product per draw: what a draw computes must not depend on its company.
        return [
            self.features_of(taken[own], rows_of_draw)
            for own, rows_of_draw in zip(places.reshape(drawn.shape), drawn, strict=True)
        ]

    def features_of(self, taken: Any, indices: IntArray) -> FloatArray:
        """u_i of rows that were taken before."""
        U = self.A.product_of_taken(taken, self.basis.M, low=self.basis.low)
        if self.factors is None:
            return U
        factors = rows.at(self.factors, indices)[:, None]
        scaled: FloatArray = U * beside(U, factors)
        return scaled


def ground_set(A: Any, *, weights: Any = None) -> GroundSet:
    """Spend the leverage pass once, for any number of calls that draw from the same rows.

    Parameters
    ----------
    A : array_like, scipy.sparse array, Dask or CuPy array, files or TallMatrix, shape (n, d)
        Features of the n points of the ground set, one row each.
    weights : array_like, Dask or CuPy array, shape (n,), optional
        Mass mu_i of each point: row i counts as sqrt(mu_i) a_i. A common factor does not matter.

    Returns
    -------
    GroundSet
        To be passed to `projection_dpp` and `volume_sample` in place of A.

    Raises
    ------
    ArgumentError, ArgumentTypeError
        For unusable input, NaN or infinite entries, or a matrix of zeros.

    Notes
    -----
    Draws are those that A itself gives under the same seed. Two to four passes and 16 n bytes; of a
    Dask collection the scores stay with its rows, and every draw takes one round of tasks to the
    scores and one to the rows. A is not copied: it must not change in the meantime.

    Runs on a GPU: for a CuPy ``A`` the leverage scores are a CuPy array.

    Examples
    --------
    >>> import numpy as np
    >>> from rnla.dpp import ground_set, projection_dpp, volume_sample
    >>> A = np.vander(np.linspace(-1.0, 1.0, 2001), 5)
    >>> ground = ground_set(A)
    >>> samples = [projection_dpp(ground, rng=seed) for seed in range(3)]
    >>> samples[0].passes, volume_sample(ground, 20, rng=0).passes
    (0, 0)
    >>> bool((samples[2].indices == projection_dpp(A, rng=2).indices).all())
    True
    """
    return _ground_set(A, weights, 0.0)


def prepared(A: Any, weights: Any, *, ridge: float = 0.0) -> tuple[GroundSet, int]:
    """The ground set that A is or has, and the passes that were spent for this call."""
    if isinstance(A, GroundSet):
        for name, given in (("weights", weights is not None), ("ridge", ridge > 0.0)):
            if given:
                got = f"{name} with a ground set, which has its own"
                remedy = (
                    "Pass the matrix itself." if name == "ridge" else "Give them to ground_set."
                )
                raise argument_error(name, got, f"no {name}", remedy)
        return A, 0
    ground = _ground_set(A, weights, ridge)
    return ground, ground.passes


def _ground_set(A: Any, weights: Any, ridge: float) -> GroundSet:
    tall = as_tall(A, require_tall=False).distributed()
    before = tall.passes
    factors = None if weights is None else _factors(weights, tall)
    tall, units = within_range(tall, together=ridge > 0.0, with_gram=factors is None)
    if ridge and units is not None:
        ridge = _ridge_in_units(ridge, float(units[0]))
    # The basis has nothing to do with the seed of a draw: a ground set serves many of them.
    basis = orthonormal_basis(tall, row_scale=factors, ridge=ridge)
    if basis.rank == 0:
        raise argument_error(
            "A",
            "numerical rank 0",
            "a matrix with a row that is not zero",
            "Pass features that span something.",
        )
    leverage = rows.settle(rows.float64(basis.leverage(tall, factors)))
    return GroundSet(tall, basis, leverage, factors, tall.passes - before, ridge)


def _factors(weights: Any, tall: TallMatrix) -> Any:
    n, there = tall.shape[0], tall.is_on_device
    w = check_scores(weights, "weights", keep=tall.is_distributed, device=there)
    if there and rows.is_here(w):
        raise argument_error(
            "weights",
            "a NumPy array, with rows on a GPU",
            "a CuPy array, one number per row",
            "Pass cupy.asarray(weights): nothing is copied silently.",
            kind=ArgumentTypeError,
        )
    if w.shape[0] != n:
        raise argument_error(
            "weights",
            f"{w.shape[0]} numbers",
            f"one per row of A, {n}",
            "Pass the weight of every row.",
        )
    top = rows.largest(w)
    if not top > 0.0:
        remedy = "Leave weights out for equal weights."
        raise argument_error("weights", "zeros only", "a positive weight", remedy)
    return rows.settle(np.sqrt(w / top))


def _ridge_in_units(ridge: float, unit: float) -> float:
    scaled = ridge * unit * unit
    if not math.isfinite(scaled):
        raise argument_error(
            "ridge",
            f"{ridge:g}, which is infinite beside the squares of the entries of A",
            "a ridge comparable to the squared singular values of A",
            "Rescale A by a power of two.",
        )
    return scaled
