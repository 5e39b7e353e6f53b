"""Greedy removal of points while the Gram matrix stays close to the identity (SPEC A14).

Each step removes the point whose absence leaves ||G - I||_2 smallest. Without row a of A the matrix
(l G - a a*)/(l - 1) is a rank-one change, so with the eigenvectors of G its extreme eigenvalues are
roots of secular equations (Golub, SIAM Review 15, 1973). All candidates are bracketed together and
dropped as soon as their brackets show that another is better: O(l m) per refinement, O(m^3 + l m^2)
per step, instead of O(l m^3).
Haberstich, Nouy and Perrin, "Boosted optimal weighted least-squares" (s-BLS).
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import numpy.typing as npt

from ..._errors import ArgumentTypeError, argument_error, check_fraction, check_size
from ...tall import single_threaded_blas
from ._features import Basis, check_basis, feature_rows, spectrum
from ._record import Design

__all__ = ["greedy_design"]

Array = npt.NDArray[Any]
Vector = npt.NDArray[np.float64]

# Newton steps at most, and how narrow a bracket must be.
_STEPS = 40
_CLOSE = 1e-13


def greedy_design(
    basis: Basis, design: Design, *, delta: float = 0.9, size: int | None = None
) -> Design:
    """Thin out a stable design.

    Parameters
    ----------
    basis : Basis
        Orthonormal basis of the space, dimension m.
    design : Design
        Points to start from, with ||G - I||_2 <= delta: for example `repeated_dpp_design` with 4 m
        points, or a `boosted_design`.
    delta : float
        Points are removed as long as ||G - I||_2 <= delta.
    size : int, optional
        Fewest points to keep, at least m; m if not given.

    Returns
    -------
    Design
        The points kept, in their order, with the stability that they have; not unbiased.

    Raises
    ------
    ArgumentError, ArgumentTypeError
        If the design does not meet the event to begin with, size < m, or features are nan.

    Notes
    -----
    Deterministic. Weights stay; G is an average, so it follows the number of points by itself.

    Examples
    --------
    >>> from rnla.approximation import TensorBasis, Uniform, repeated_dpp_design
    >>> basis = TensorBasis(Uniform(), 4)
    >>> design = greedy_design(basis, repeated_dpp_design(basis, 20, rng=0))
    >>> design.size, design.stable(0.9, two_sided=True)
    (5, True)
    """
    m = check_basis(basis)
    if not isinstance(design, Design):
        raise argument_error(
            "design",
            type(design).__name__,
            "a Design",
            "Draw one, for example with repeated_dpp_design.",
            kind=ArgumentTypeError,
        )
    bound = check_fraction(delta, "delta")
    least = m if size is None else check_size(size, design.size)
    if least < m:
        raise argument_error("size", least, f"at least {m}", "Keep as many points as functions.")
    assert design.weights is not None
    rows = feature_rows(basis, design.points, design.weights, design.row_norms)
    low, high = spectrum(rows) if design.size >= m else (0.0, np.inf)
    if max(abs(low - 1.0), abs(high - 1.0)) > bound:
        raise argument_error(
            "design",
            f"eigenvalues from {low:.3g} to {high:.3g}",
            f"all within delta = {bound:g} of 1",
            "Start from more points, or raise delta.",
        )
    with single_threaded_blas():
        kept = removal(rows, bound, least)
    low, high = spectrum(rows[kept])
    return replace(
        design.take(kept),
        law=f"greedy {design.law}",
        dimension=m,
        delta=bound,
        lambda_min=low,
        lambda_max=high,
    )


def removal(rows: Array, bound: float, least: int) -> npt.NDArray[np.int64]:
    """Indices of the rows kept."""
    kept = np.arange(rows.shape[0])
    gram = rows.conj().T @ rows
    while kept.size > least:
        values, vectors = np.linalg.eigh(gram)
        squares = np.abs(rows[kept] @ vectors) ** 2
        place, distance = best_removal(values, squares, kept.size - 1)
        if distance > bound:
            break
        row = rows[kept[place]]
        kept = np.delete(kept, place)
        gram -= np.outer(row.conj(), row)
        if kept.size % 32 == 0:
            gram = rows[kept].conj().T @ rows[kept]
    return kept


def best_removal(values: Vector, squares: Vector, count: int) -> tuple[int, float]:
    """The candidate whose removal leaves the matrix nearest to count times I, and how near.

    `values` are the eigenvalues of A* A, row i of `squares` the squared components of candidate i
    along its eigenvectors; distances are divided by count.
    """
    if values.size == 1:
        distances = np.abs((values[0] - squares[:, 0]) / count - 1.0)
        return int(np.argmin(distances)), float(distances.min())
    ends = (_Fall.of_smallest(values, squares), _Fall.of_largest(values, squares))
    alive = np.arange(squares.shape[0])
    for _ in range(_STEPS):
        small, large = ends
        nearest = np.maximum(
            1.0 - (values[0] - small.low) / count, (values[-1] - large.high) / count - 1.0
        )
        farthest = np.maximum(
            1.0 - (values[0] - small.high) / count, (values[-1] - large.low) / count - 1.0
        )
        best = farthest.min()
        possible = nearest <= best
        if (farthest - nearest)[possible].max() < _CLOSE:
            break
        if not possible.all():
            alive = alive[possible]
            small.keep(possible)
            large.keep(possible)
        small.narrow()
        large.narrow()
    winner = int(np.argmin(farthest))
    return int(alive[winner]), float(farthest[winner])


class _Fall:
    """By how much an extreme eigenvalue falls: bracketed roots of convex functions F, one a row.

    F(x) = x (1 + sum_j s_j / (signed gap_j - x)) - c, where c is the squared component along the
    extreme eigenvector itself. Newton from the right and the chord from the left both keep their
    side of the root.
    """

    def __init__(self, gaps: Vector, others: Vector, own: Vector, high: Vector) -> None:
        self.gaps, self.others, self.own = gaps, others, own
        self.low, self.high = np.zeros(own.size), high

    @classmethod
    def of_smallest(cls, values: Vector, squares: Vector) -> _Fall:
        own, others = squares[:, 0], squares[:, 1:]
        # All other eigenvalues moved to the nearest one: a quadratic with a larger root.
        gap = values[1] - values[0]
        excess = others.sum(axis=1) + own - gap
        high = 0.5 * (excess + np.sqrt(excess**2 + 4.0 * own * gap))
        return cls(values[0] - values[1:], others, own, np.minimum(high, max(values[0], 0.0)))

    @classmethod
    def of_largest(cls, values: Vector, squares: Vector) -> _Fall:
        own, others = squares[:, -1], squares[:, :-1]
        # All other eigenvalues but the nearest dropped: again a quadratic with a larger root.
        gap = values[-1] - values[-2]
        total = gap + others[:, -1] + own
        root = np.sqrt(np.maximum(total**2 - 4.0 * own * gap, 0.0))
        high = np.divide(2.0 * own * gap, total + root, out=np.zeros_like(own), where=total > 0.0)
        return cls(values[-1] - values[:-1], others, own, high)

    def keep(self, rows: npt.NDArray[np.bool_]) -> None:
        self.others, self.own = self.others[rows], self.own[rows]
        self.low, self.high = self.low[rows], self.high[rows]

    def narrow(self) -> None:
        with np.errstate(divide="ignore", invalid="ignore"):
            inverse = 1.0 / (self.gaps - self.high[:, None])
            terms = self.others * inverse
            right = self.high * (1.0 + terms.sum(axis=1)) - self.own
            slope = 1.0 + ((terms * inverse) @ self.gaps)
            inverse = 1.0 / (self.gaps - self.low[:, None])
            left = self.low * (1.0 + (self.others * inverse).sum(axis=1)) - self.own
            newton = self.high - right / slope
            chord = self.low - left * (self.high - self.low) / (right - left)
        # Rounding, poles and flat stretches must not widen a bracket.
        usable = np.isfinite(chord) & (chord > self.low) & (chord <= self.high)
        low = np.where(usable, chord, self.low)
        low = np.where(right <= 0.0, self.high, low)
        usable = np.isfinite(newton) & (newton < self.high) & (newton >= low)
        self.low, self.high = low, np.where(usable, newton, self.high)
