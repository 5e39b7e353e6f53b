"""What the tiers are given: a matrix, a sample of its rows, and what several tiers need of it."""

from __future__ import annotations

from functools import cached_property
from typing import Any

import numpy as np

from .._errors import ArgumentTypeError, argument_error
from .._result import FloatArray
from ..basis import Basis
from ..tall import TallMatrix
from ._power_sums import distortion_ratios
from ._row_vectors import at, largest_others
from ._rows import HeldRows
from ._sums import SampleLike, sampled_rows
from ._whole import Whole

__all__ = ["Problem", "check_sample"]


_OTHERS = 40  # rows not sampled from which a search starts


class Problem:
    """A sample of the rows of a matrix; rows with weight zero are left out.

    `others` are the rows of largest leverage that were not sampled. If a `search` is to come, they
    are read together with the sampled ones, since either may take a reading of a whole file.
    """

    search = False

    def __init__(self, whole: Whole, sample: SampleLike) -> None:
        self.whole, self.A, self.p = whole, whole.A, whole.p
        self.sample = check_sample(whole.A, sample, "sample")
        positive = np.asarray(self.sample.weights) > 0
        self.indices = np.asarray(self.sample.indices)[positive]
        self.weights = np.asarray(self.sample.weights, dtype=np.float64)[positive]

    @property
    def probabilities(self) -> FloatArray:
        """Expected counts of the kept rows; one over the weights if the sample does not say."""
        stated = getattr(self.sample, "probabilities", None)
        if stated is None:
            return np.asarray(1.0 / self.weights)
        return np.asarray(stated, dtype=np.float64)[np.asarray(self.sample.weights) > 0]

    @property
    def repeats(self) -> bool:
        """Whether rows may have been drawn more than once."""
        return "replacement" in str(getattr(self.sample, "design", ""))

    @property
    def basis(self) -> Basis:
        return self.whole.basis

    @property
    def rank(self) -> int:
        return self.whole.rank

    @property
    def transform(self) -> Any:
        return self.whole.transform

    @property
    def leverage(self) -> Any:
        """Leverage scores of all rows, a row vector."""
        return self.whole.leverage

    @cached_property
    def kept_leverage(self) -> FloatArray:
        """Leverage scores of the sampled rows."""
        return at(self.whole.leverage, self.indices)

    @cached_property
    def _taken(self) -> tuple[Any, Any]:
        """Sampled rows and, for a search, others, as they are, in float64, dense or CSR."""
        others = np.empty(0, dtype=np.int64)
        if self.search:
            others = largest_others(self.leverage, self.indices, _OTHERS)
        both = np.sort(np.concatenate([self.indices, others]))
        rows = sampled_rows(self.A, both)
        if not others.size:
            return rows, rows[:0]
        return rows[np.searchsorted(both, self.indices)], rows[np.searchsorted(both, others)]

    @property
    def plain_rows(self) -> Any:
        """The sampled rows as they are, in float64, dense or CSR."""
        return self._taken[0]

    @property
    def others(self) -> Any:
        """The heaviest of the other rows, with scaled columns."""
        return self.whole.scaled(self._taken[1])

    @cached_property
    def rows(self) -> Any:
        """The sampled rows with scaled columns, without weights."""
        return self.whole.scaled(self.plain_rows)

    @cached_property
    def held(self) -> HeldRows:
        """The sampled rows with their weights, ready for a search."""
        return self.whole.hold(self.rows, self.weights)

    def ratios(self, X: FloatArray, plain: FloatArray | None = None) -> FloatArray:
        """||S A x||_p^p / ||A x||_p^p for the columns of X, then `plain`, on all rows: one pass."""
        return distortion_ratios(self.A, self.plain_rows, self.weights, X, self.p, plain=plain)


def check_sample(A: TallMatrix, sample: Any, name: str) -> SampleLike:
    """Return the sample if it fits the matrix and keeps anything, or raise."""
    expected = "a RowSample of the rows of A"
    if not all(hasattr(sample, field) for field in ("indices", "weights", "n")):
        remedy = "Draw one with rnla.sampling.sample_rows, or pass embedding.sample."
        raise argument_error(name, type(sample).__name__, expected, remedy, kind=ArgumentTypeError)
    if sample.n != A.shape[0]:
        raise argument_error(
            name,
            f"a sample of {sample.n} rows",
            f"a sample of the {A.shape[0]} rows of A",
            "Pass the matrix that the sample was drawn from.",
        )
    weights = np.asarray(sample.weights)
    if not np.all(np.isfinite(weights) & (weights >= 0)):
        raise argument_error(
            name,
            "negative or non-finite weights",
            "weights that are finite and not negative",
            "A weight is one over an inclusion probability.",
        )
    if not np.any(weights > 0):
        raise argument_error(
            name,
            "no row with positive weight",
            "at least one",
            "Draw a larger sample: an empty one preserves nothing.",
        )
    checked: SampleLike = sample
    return checked
