"""Projection DPP of a tensor basis, coordinate by coordinate (SPEC A4).

The density of the next point is phi* M phi with M = I - Q* Q. Orthonormality integrates the later
coordinates out: the marginal of the first is phi_1* M_1 phi_1 with M_1 the sums of M over pairs of
indices with equal tails. Once x_1 is drawn, indices with equal tails merge: their columns of Q are
added up with weights phi_1(x_1), and the next coordinate follows in the same way, so that the work
shrinks from one coordinate to the next. On the line points are drawn by rejection, with at most
p + 1 tries on average. O(m i) for point i and the first merge, about 2 m^3 flops in all for d = 2.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from ..._errors import ConvergenceError, argument_error
from ...dpp._selection import Selection
from ...random import RNGLike, Stream, resolve_seed
from ...tall import single_threaded_blas
from ._features import certify, check_basis, normalised_features, purpose_stream
from ._record import Design
from ._reference import reference_weights

__all__ = ["tensor_dpp_design"]

Array = npt.NDArray[Any]
Vector = npt.NDArray[np.float64]
IntVector = npt.NDArray[np.int64]

# Proposals on the line, in multiples of the largest mean number.
_CAP = 10_000
# Candidates on the line made at a time for each degree: at most this many, fewer for few points.
_STOCK = 256


def tensor_dpp_design(basis: Any, *, rng: RNGLike = None, draw: int = 0) -> Design:
    """Draw the projection DPP of a tensor basis without rejecting points.

    Parameters
    ----------
    basis : TensorBasis
        Tensor basis of a product measure, dimension m.
    rng : None, int, numpy.random.Generator or numpy.random.SeedSequence
        Seed; see `rnla.resolve_seed`.
    draw : int
        Number of the draw under this seed: draws of different numbers are independent.

    Returns
    -------
    Design
        m points with weights m/k, of the same law as `projection_dpp_design`.

    Raises
    ------
    ArgumentError, ArgumentTypeError
        If the basis is not a tensor basis, or features are nan.

    Notes
    -----
    No whole point is ever rejected, only candidates on the line; `projection_dpp_design` needs
    m H_m proposals on average. But there proposals are tested many at a time by matrix products,
    and here points come one by one, and every coordinate's merge reads all that is left of Q: the
    time grows with the number of coordinates. `projection_dpp_design` was faster in all spaces that
    ``bench/designs.py`` measures, and is what "auto" takes.

    Works on arrays in host memory.

    Examples
    --------
    >>> from rnla.approximation import TensorBasis, Uniform
    >>> design = tensor_dpp_design(TensorBasis(Uniform(), 4), rng=0)
    >>> design.size, design.proposals
    (5, 5)
    """
    check_basis(basis)
    seed = resolve_seed(rng)
    points, proposals = draw_points(basis, purpose_stream(seed, "tensor-dpp", draw))
    weights, norms = reference_weights(basis, points, "christoffel")
    return Design(
        **certify(basis, points, weights, norms),
        law="projection-dpp",
        seed=seed,
        draw=draw,
        proposals=proposals,
        unbiased=True,
    )


def draw_points(basis: Any, stream: Stream) -> tuple[Vector, int]:
    """The points in the order of drawing, and their number."""
    if not (hasattr(basis, "families") and hasattr(basis, "indices")):
        raise argument_error(
            "basis",
            type(basis).__name__,
            "a TensorBasis of a product measure",
            "Use projection_dpp_design, or method='rejection'.",
        )
    m, d = basis.dimension, len(basis.families)
    # Equal tails side by side, before and after every merge.
    order = np.lexsort(basis.indices.T)
    levels = _levels(basis.indices[order])
    stock = min(_STOCK, 8 + 2 * m)
    lines = [
        _Line(family, level.width, stock, Stream(stream.seed, f"{stream.purpose}/{l}"))
        for l, (family, level) in enumerate(zip(basis.families, levels, strict=True))
    ]
    kept = Selection(m)
    start = levels[0].gram(kept.basis, np.ones(m))
    points = np.empty((m, d))
    with single_threaded_blas():
        for i in range(m):
            matrix, columns, masses = start, kept.basis, np.ones(m)
            for l, (level, line) in enumerate(zip(levels, lines, strict=True)):
                if l:
                    matrix = level.gram(columns, masses)
                points[i, l], values = line.draw(matrix)
                if l + 1 < d:
                    columns, masses = level.merge(columns, masses, values)
            features = normalised_features(basis, points[i : i + 1])[0, order]
            v = kept.append(kept.residuals(features))
            start = start + levels[0].gram(v[None], np.zeros(m))
    return points, m


class _Level:
    """Indices with the coordinates before l merged away, those with equal tails side by side."""

    def __init__(self, degrees: IntVector, tails: IntVector) -> None:
        self.degrees, self.tails = degrees, tails
        self.width = int(degrees.max()) + 1
        self._starts = np.flatnonzero(np.diff(tails, prepend=-1))
        self._cells = tails * self.width + degrees

    def gram(self, columns: Vector, masses: Vector) -> Vector:
        """M_l = diag(masses) - columns* columns, summed over equal tails."""
        size = self._starts.size * self.width
        padded = columns
        if self._cells.size < size:
            padded = np.zeros((columns.shape[0], size))
            padded[:, self._cells] = columns
        stacked = padded.reshape(-1, self.width)
        matrix: Vector = -(stacked.T @ stacked)
        diagonal = np.bincount(self.degrees, masses, minlength=self.width)
        matrix[np.diag_indices(self.width)] += diagonal
        return matrix

    def merge(self, columns: Vector, masses: Vector, values: Vector) -> tuple[Vector, Vector]:
        """Columns and masses of the next level, given the values of the functions at x_l."""
        factors = values[self.degrees]
        masses = np.add.reduceat(masses * factors**2, self._starts)
        # Only proportions count; without this d small factors could underflow.
        scale = 1.0 / max(float(masses.max()), np.finfo(np.float64).tiny)
        columns = np.add.reduceat(columns * (np.sqrt(scale) * factors), self._starts, axis=1)
        return columns, scale * masses


def _levels(indices: IntVector) -> list[_Level]:
    levels = []
    for _ in range(indices.shape[1]):
        rest = indices[:, 1:]
        fresh = np.append(True, (np.diff(rest, axis=0) != 0).any(axis=1))
        levels.append(_Level(indices[:, 0], np.cumsum(fresh) - 1))
        indices = rest[fresh]
    return levels


class _Line:
    """Draws of densities phi* M phi of one coordinate, from candidates that are made in advance."""

    def __init__(self, family: Any, width: int, stock: int, stream: Stream) -> None:
        self._family, self._width, self._stock, self._stream = family, width, stock, stream
        self._coins = Stream(stream.seed, stream.purpose + "/accept")
        self._made = self._tossed = 0
        self._next = np.full(width, stock)

    def _restock(self) -> None:
        """The next candidates of law phi_s^2 dmu for every s, keyed by s and their number."""
        index = range(self._made, self._made + self._stock)
        u = np.concatenate([self._stream.uniform(index, block=s) for s in range(self._width)])
        degrees = np.repeat(np.arange(self._width), self._stock)
        self._points = self._family.induced_quantile(u, degrees)
        self._values = self._family.evaluate_normalised(self._points, self._width - 1)
        self._made += self._stock
        self._next[:] = 0

    def _toss(self) -> tuple[float, float]:
        place = self._tossed % self._stock
        if not place:
            index = range(self._tossed, self._tossed + self._stock)
            self._pairs = [self._coins.uniform(index, draw=draw) for draw in (0, 1)]
        self._tossed += 1
        return float(self._pairs[0][place]), float(self._pairs[1][place])

    def draw(self, matrix: Vector) -> tuple[float, Vector]:
        """A point of density phi* M phi, and the functions there over their length."""
        # Two envelopes phi* D phi with D diagonal, D - M positive semidefinite.
        envelope = np.abs(matrix).sum(axis=1)
        total = envelope.sum()
        if total > 2.0 * np.trace(matrix):
            largest = float(np.linalg.eigvalsh(matrix)[-1])
            if largest * self._width < total:
                envelope = np.full(self._width, largest)
        cumulative = np.cumsum(envelope)
        for _ in range(_CAP * self._width):
            pick, coin = self._toss()
            s = int(cumulative.searchsorted(pick * cumulative[-1], side="right"))
            s = min(s, self._width - 1)
            if self._next[s] == self._stock:
                # Unused candidates of other degrees are as good as new ones: all are replaced.
                self._restock()
            row = s * self._stock + self._next[s]
            self._next[s] += 1
            values = self._values[row]
            if coin * (values * values @ envelope) < values @ matrix @ values:
                return float(self._points[row]), values
        raise ConvergenceError(
            f"basis: got no point in {_CAP * self._width} proposals on the line; expected one in "
            f"{self._width}. Check that the functions are independent."
        )
