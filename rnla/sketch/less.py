"""LESS, leverage score sparsified embedding: more entries in the columns of more important rows.

Column i has s t l_i / sum(l) entries on average, in distinct rows with random signs, for leverage
scores l and t entries per row of S (t = rank by default). A few entries for every row of A, and
many for the few that matter, embed as well as a dense sketch: Derezinski, Liao, Dobriban, Mahoney
(COLT 2021); Chenakkod, Derezinski, Dong, Rudelson (STOC 2024), who show O(d / eps^2) rows for
independent columns, as here. Cost s t
multiply-adds per column of A and one number drawn per row: most columns are empty.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from .._errors import argument_error, check_positive
from .._result import FloatArray
from ..random import RNGLike, Stream, resolve_seed
from ..tall._device import on_host
from ._operator import Distribution
from ._sparse import Entries, SparseOperator

__all__ = ["LESS", "LESSOperator"]

_PURPOSE = "sketch.less"


@dataclass(frozen=True, eq=False)
class LESS(Distribution):
    """The distribution of leverage score sparsified embeddings.

    Parameters
    ----------
    s, n : int
        Rows and columns of S.
    scores : array_like, shape (n,)
        Leverage scores or upper bounds on them, up to a factor: non-negative, not all zero. A row
        with score zero is never used, so it must be zero. Ones, with `row_nnz`, give the uniform
        variant.
    row_nnz : float, optional
        Expected entries per row of S; the sum of the scores, which is the rank, by default.

    Examples
    --------
    >>> import numpy as np, rnla
    >>> A = np.random.default_rng(0).standard_normal((1000, 5))
    >>> S = LESS(60, 1000, scores=rnla.leverage_scores(A).values).draw(rng=0)
    >>> bool(S.tosparse().nnz < 1000)
    True
    """

    scores: FloatArray = field(default_factory=lambda: np.zeros(0))
    row_nnz: float | None = None

    def __post_init__(self) -> None:
        super().__post_init__()
        scores = np.array(on_host(self.scores, "scores", "a draw of columns"), dtype=np.float64)
        scores.flags.writeable = False
        good = scores.shape == (self.n,) and bool(np.all(np.isfinite(scores) & (scores >= 0.0)))
        if not good or not scores.max() > 0.0:
            raise argument_error(
                "scores",
                f"an array of shape {scores.shape}"
                + (
                    " with entries that are negative, not finite or all zero" if scores.size else ""
                ),
                f"{self.n} non-negative numbers, not all zero",
                "Pass rnla.leverage_scores(A).values, or np.ones(n) and a row_nnz.",
            )
        object.__setattr__(self, "scores", scores)
        if self.row_nnz is not None:
            object.__setattr__(self, "row_nnz", check_positive(self.row_nnz, "row_nnz"))

    @property
    def expected_nnz(self) -> FloatArray:
        """Expected entries of every column, at most s."""
        total = float(self.scores.sum())
        per_row = total if self.row_nnz is None else self.row_nnz
        expected: FloatArray = np.minimum(self.scores * (self.s * per_row / total), float(self.s))
        return expected

    def draw(self, rng: RNGLike = None) -> LESSOperator:
        """Draw an operator; see `Distribution.draw`."""
        return LESSOperator(self, resolve_seed(rng), self.expected_nnz)


@dataclass(frozen=True, eq=False)
class LESSOperator(SparseOperator):
    """A drawn LESS embedding; holds one number per column.

    The number of entries of a column is its expectation, rounded up or down at random; they are
    +-1/sqrt(expectation), so that E[S^T S] = I.
    """

    distribution: LESS
    seed: int
    expected_nnz: FloatArray

    def entries(self, start: int, stop: int) -> Entries:
        """See `SparseOperator`."""
        from ..kernels import sparse_sign

        stream = Stream(self.seed, _PURPOSE)
        expected = self.expected_nnz[start:stop]
        whole = np.floor(expected)
        up = stream.uniform(range(start, stop), draw=1) < expected - whole
        counts = whole.astype(np.int64) + up
        indptr = np.concatenate([[0], np.cumsum(counts)])
        places, values = sparse_sign.ragged_columns(stream.key, start, self.shape[0], indptr)
        with np.errstate(divide="ignore"):
            values *= np.repeat(1.0 / np.sqrt(expected), counts)
        return indptr, places, values
