"""Growing downward-closed index sets by estimated coefficients (SPEC A15).

Exploration: every function alpha of the space has had T_alpha draws of |phi_alpha|^2 dmu, so that
all points together, with weights N / sum T_alpha |phi_alpha(x)|^2, serve the present space, and a
larger space only adds draws (Migliorati, SIAM J. Sci. Comput. 41, 2019; Arras, Bachmayr and Cohen,
arXiv 1805.10801). Candidates are the reduced margin and the reduced margin beyond it; each has the
coefficient that a regression with it added would give, shrunk towards what its neighbours suggest.
Bulk chasing takes the best (Cohen, DeVore and Nochetto; Doerfler). O(N m (m + c)) for c candidates.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable
from typing import Any

import numpy as np
import numpy.typing as npt
from scipy.linalg import solve_triangular

from ..random import Stream
from ..tall import single_threaded_blas
from .index_sets import IntArray, reduced_margin
from .tensor_basis import TensorBasis

__all__ = ["Exploration", "covers", "starting_set"]

Array = npt.NDArray[Any]
Vector = npt.NDArray[np.float64]

DRAWS = 2  # of each function
_BULK = 0.6  # share of the energy of the candidates to take at once
_GROWTH = (0.1, 0.5)  # of the dimension: at least, at most
_CANDIDATES = 4  # times the dimension: at most, and at least _FEW
_FEW = 200
_DECAY = 0.1  # of squared coefficients from one function to the next, at a guess


def starting_set(limits: list[int | None]) -> IntArray:
    """The constant, and the first function in each coordinate."""
    d = len(limits)
    rows = [np.zeros(d, dtype=np.int64)]
    for l, limit in enumerate(limits):
        if limit is None or limit >= 1:
            rows.append(np.eye(d, dtype=np.int64)[l])
    return np.array(rows)


def covers(basis: Any) -> bool:
    """Whether the space contains the constants, so that no point is left without weight."""
    return isinstance(basis, TensorBasis) and bool(
        all(family.starts_with_one for family in basis.families)
        and (basis.indices.sum(axis=1) == 0).any()
    )


class Exploration:
    """Points and values so far, the fit to them, and the functions that the fit asks for.

    Parameters
    ----------
    basis : TensorBasis
        To start with; the order of its functions is kept, new ones come behind.
    evaluate : callable
        Values at points.
    seed : int
    """

    def __init__(self, basis: TensorBasis, evaluate: Callable[[Vector], Array], seed: int) -> None:
        self.basis = basis
        self._evaluate = evaluate
        limits = [family.max_degree for family in basis.families]
        most = np.iinfo(np.int64).max
        self._highest = np.array([most if limit is None else limit for limit in limits])
        self._stream = Stream(seed, "approximate/exploration")
        # Where all functions of the space vanish, nothing would ever be seen of f.
        self.covers = covers(basis)
        self.draws_each = DRAWS if self.covers else DRAWS + 1
        self._drawn = self._plain = 0
        self._draws = np.zeros(basis.dimension)
        self._uniform = 0.0  # draws of mu itself
        self._points: Vector = np.empty((0, len(basis.families)))
        self._values: Array = np.empty((0, 0))
        self.squared_error: Vector = np.full(1, math.inf)
        self.squared_norm: Vector = np.full(1, math.nan)
        self.lambda_min = 0.0

    def grow(self, new: IntArray) -> None:
        """Add functions."""
        indices = np.concatenate([self.basis.indices, new])
        self.basis = TensorBasis(self.basis.measure, indices, families=self.basis.families)
        self._draws = np.concatenate([self._draws, np.zeros(len(new))])

    def draw(self) -> None:
        """Evaluate at points of the functions that had too few."""
        wanted = np.flatnonzero(self._draws < DRAWS)
        self._draw(np.repeat(wanted, DRAWS))

    def _draw(self, functions: IntArray) -> None:
        if not functions.size:
            return
        index = range(self._drawn, self._drawn + functions.size)
        points = np.empty((functions.size, len(self.basis.families)))
        for l, family in enumerate(self.basis.families):
            u = self._stream.uniform(index, block=l + 1)
            points[:, l] = family.induced_quantile(u, self.basis.indices[functions, l])
        self._drawn += functions.size
        if not self.covers:
            more = functions.size // DRAWS
            drawn = self.basis.measure.sample(more, rng=self._stream.key, first=self._plain)
            points = np.concatenate([points, drawn.reshape(more, -1)])
            self._plain += more
            self._uniform += more
        values = self._evaluate(points)
        self._draws += np.bincount(functions, minlength=self._draws.size)
        self._append(points, values)

    def add_design(self, points: Vector, values: Array) -> None:
        """Take in a volume design for the space."""
        n, m = len(points), self.basis.dimension
        plain = 0.0 if self.covers else 0.5 * (n - m)
        self._draws += (n - plain) / m
        self._uniform += plain
        self._append(points, values)

    def _append(self, points: Vector, values: Array) -> None:
        table = values.reshape(len(points), -1)
        good = np.isfinite(table).all(axis=1)
        old = self._values if self._values.size else np.empty((0, table.shape[1]))
        self._points = np.concatenate([self._points, points[good]])
        self._values = np.concatenate([old, table[good]])

    def fit(self) -> bool:
        """Fit to all points; False if too many evaluations failed for that."""
        m, n = self.basis.dimension, len(self._points)
        if n < m + 2:
            return False
        # Over sqrt(k): features may overflow where their weighted rows are moderate.
        features = self.basis.evaluate_normalised(self._points)
        k = self.basis.christoffel(self._points)
        shares = features**2 @ self._draws
        with np.errstate(divide="ignore"):
            lengths = np.sqrt(n / (shares + self._uniform / k))[:, None]
        roots = np.sqrt(n / (k * shares + self._uniform))[:, None]
        rows, targets = lengths * features, roots * self._values
        with single_threaded_blas():
            Q, R = np.linalg.qr(rows)
            singular = np.linalg.svd(R, compute_uv=False)
            self.lambda_min = float(singular[-1] ** 2 / n)
            if singular[-1] <= singular[0] * 1e-10:
                return False
            inner = Q.T @ targets
            residuals = targets - Q @ inner
            coefficients = np.linalg.solve(R, inner)
            spread = (solve_triangular(R, np.eye(m)) ** 2).sum(axis=1)
        self._frame, self._residuals, self._roots, self._lengths = Q, residuals, roots, lengths
        energies = np.abs(coefficients) ** 2
        # Of the space, not of the fit: the design of the certificate will be another.
        self.squared_error = (np.abs(residuals) ** 2).sum(axis=0) / (n - m)
        self.squared_norm = energies.sum(axis=0) + self.squared_error
        # What is noise in a coefficient must not make its neighbours look promising.
        noise = spread[:, None] * self.squared_error
        self._energies = np.where(energies > 4.0 * noise, energies - noise, 0.0)
        return True

    def repair(self) -> None:
        """One more draw of each function, because evaluations failed or the fit was unstable."""
        self._draw(np.arange(self.basis.dimension))

    # --- the choice of functions -----------------------------------------------------------------

    def choose(self, scale: Vector) -> IntArray:
        """Functions to add, such that every leading part keeps the set downward closed.

        `scale`, shape (k,), makes the outputs comparable.
        """
        m = self.basis.dimension
        known = {
            bytes(row): float(energy)
            for row, energy in zip(self.basis.indices, self._energies @ scale, strict=True)
        }
        floor = 1e-4 * float(self.squared_error @ scale) / m + 1e-300
        budget = max(_FEW, _CANDIDATES * m)
        members, chosen = self.basis.indices, dict[bytes, float]()
        for number in itertools.count():
            if number >= 2 and len(chosen) >= max(8, m // 4):
                break
            level = reduced_margin(members)
            level = level[(level <= self._highest).all(axis=1)]
            guesses = np.array([_guess(row, known, floor) for row in level])
            room = budget - len(chosen)
            kept = np.sort(np.argsort(-guesses, kind="stable")[: max(room, 0)])
            level, guesses, trimmed = level[kept], guesses[kept], len(kept) < len(level)
            if not len(level):
                break
            scores = self._scores(level, guesses, scale)
            for row, score in zip(level, scores, strict=True):
                known[bytes(row)] = chosen[bytes(row)] = float(score)
            if trimmed:
                break
            members = np.concatenate([members, level])
        least = max(1, math.ceil(_GROWTH[0] * m))
        most = max(2, math.floor(_GROWTH[1] * m))
        return _bulk(chosen, len(self.basis.families), least, most)

    def _weighted(self, level: IntArray) -> Vector:
        """Weighted rows of other functions at all points."""
        measure, families, m = self.basis.measure, self.basis.families, self.basis.dimension
        near = self._roots[:, 0] > 0.0
        rows = np.empty((near.size, len(level)))
        features = TensorBasis(measure, level, families=families).evaluate(self._points[near])
        rows[near] = self._roots[near] * features
        if not near.all():
            # Where k overflows: relative to the functions of the space.
            indices = np.concatenate([self.basis.indices, level])
            both = TensorBasis(measure, indices, families=families)
            features = both.evaluate_normalised(self._points[~near])
            shares = np.linalg.norm(features[:, :m], axis=1, keepdims=True)
            rows[~near] = self._lengths[~near] * (features[:, m:] / shares)
        return rows

    def _scores(self, level: IntArray, guesses: Vector, scale: Vector) -> Vector:
        """Expected squares of coefficients, from the regression and from the guess."""
        rows = self._weighted(level)
        with single_threaded_blas():
            rows -= self._frame @ (self._frame.T @ rows)
            lengths = (rows**2).sum(axis=0)
            products = np.abs(rows.T @ self._residuals) ** 2
        # Functions that look like those of the space at these points cannot be judged.
        lengths = np.where(lengths > 1e-6 * len(rows), lengths, np.nan)
        found = np.nan_to_num((products / lengths[:, None] ** 2) @ scale)
        noise = (self.squared_error @ scale) / lengths
        noise = np.where(np.isnan(noise), np.inf, noise)
        trust = guesses / (guesses + noise)
        expected = trust**2 * found + guesses * (1.0 - trust)
        with np.errstate(invalid="ignore"):
            # Larger than the largest of so many that are noise.
            clear = found - 2.0 * math.log(len(level) + 1.0) * noise
        scores: Vector = np.fmax(expected, clear)
        return scores


def _guess(row: IntArray, known: dict[bytes, float], floor: float) -> float:
    """The geometric mean over the coordinates of what the next lower functions had.

    Two steps down count as well as one, because of functions that are even or odd; but not down to
    the constant, whose coefficient says nothing about the others.
    """
    logarithms = []
    for l in np.flatnonzero(row):
        below = row.copy()
        below[l] -= 1
        energy = known.get(bytes(below), 0.0) if below.any() else 0.0
        if row[l] > 1:
            below[l] -= 1
            if below.any():
                energy = max(energy, known.get(bytes(below), 0.0))
        logarithms.append(math.log(max(energy, floor)))
    return _DECAY * math.exp(sum(logarithms) / len(logarithms))


def _bulk(scores: dict[bytes, float], d: int, least: int, most: int) -> IntArray:
    """Candidates of the highest mean score, each after those below it."""
    unit = np.eye(d, dtype=np.int64)

    def needed(key: bytes, taken: dict[bytes, None]) -> list[bytes]:
        """The candidates below and the candidate itself, in an order that can be added."""
        order: dict[bytes, None] = {}

        def visit(entry: bytes) -> None:
            if entry in taken or entry in order or entry not in scores:
                return
            row = np.frombuffer(entry, dtype=np.int64)
            for l in np.flatnonzero(row):
                visit(bytes(row - unit[l]))
            order[entry] = None

        visit(key)
        return list(order)

    chains = {key: needed(key, {}) for key in scores}
    value = {key: float(np.mean([scores[k] for k in chain])) for key, chain in chains.items()}
    goal, captured = _BULK * sum(scores.values()), 0.0
    taken: dict[bytes, None] = {}
    for key in sorted(scores, key=lambda key: -value[key]):
        if len(taken) >= most or (captured >= goal and len(taken) >= least):
            break
        for entry in needed(key, taken):
            taken[entry] = None
            captured += scores[entry]
    rows = [np.frombuffer(key, dtype=np.int64) for key in taken]
    return np.array(rows, dtype=np.int64).reshape(-1, d)
