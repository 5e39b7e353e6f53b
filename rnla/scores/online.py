"""Online scores: each row against the rows before it, in one pass with d x d memory.

Online leverage is min(1, a_i^T (A_{i-1}^T A_{i-1})^+ a_i), and 1 for a row outside the span of its
predecessors (Cohen, Musco, Pachocki, APPROX 2016); online lp Lewis weights replace the Gram matrix
by sum_j w_j^(1-2/p) a_j a_j^T (Yasuda, PhD thesis, CMU-CS-24-110, Definition 6.6.1). They sum to
O(d log kappa), dominate the offline weights for p <= 2 and are one-sided Lewis weights for every p
(Lemmas 6.6.4-6.6.6), so rows may be kept or dropped for good as they arrive. The state is a
triangular factor to which rows are appended by Givens rotations; about 4 d^2 flops a row.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
import scipy.linalg

from .._errors import ArgumentTypeError, argument_error, check_p, check_positive, check_size
from .._result import FloatArray, IntArray, Status
from ..kernels import qr_append
from ..tall import TallMatrix, as_tall, single_threaded_blas
from ._record import Scores

__all__ = ["OnlineScores", "online_scores"]

_LARGEST_EXPONENT = 2**28
_CHUNK_ELEMENTS = 2**18


class OnlineScores:
    """Online leverage scores (p = 2) or online lp Lewis weights of rows that arrive in blocks.

    Parameters
    ----------
    p : float
        The norm, 1 <= p < inf.
    d : int
        Number of columns.
    ridge : float, default 0
        Start from ridge * I instead of from nothing: scores of A stacked under sqrt(ridge) I, whose
        sum is at most log2 det(I + M / ridge), M being the final sum of w_j^(1-2/p) a_j a_j^T.

    Attributes
    ----------
    p, d, ridge
        As given.
    rows : int
        Rows seen so far.
    total : float
        Sum of their scores: times an oversampling factor, the expected number of rows to keep.

    Raises
    ------
    ArgumentError, ArgumentTypeError
        For p < 1, d < 1 or a negative ridge.

    Notes
    -----
    Memory O(d^2). The scores do not depend on how rows are cut into blocks, and not at all (to the
    last bit) on column scales that are powers of two. Rows may grow or shrink without bound: every
    row of the factor has its own binary exponent. Within one row, entries may differ by 1e±300 in
    units of the first entry of their columns.

    A row is outside the span if its residual exceeds 1e-12 of what was subtracted to get it. A row
    that rounding alone tells apart from much larger earlier rows may be scored too high, up to 1:
    the harmless side.

    Examples
    --------
    >>> import numpy as np
    >>> from rnla.scores import OnlineScores
    >>> online = OnlineScores(2.0, 2)
    >>> online.update(np.array([[1.0, 0.0], [1.0, 0.0], [0.0, 1.0]]))
    array([1., 1., 1.])
    >>> online.update(np.array([[1.0, 0.0], [3.0, 0.5]])).round(6)
    array([0.5, 1. ])
    >>> online.rows, online.rank
    (5, 2)
    """

    def __init__(self, p: float, d: int, *, ridge: float = 0.0) -> None:
        self.p = check_p(p)
        self.d = check_size(d, name="d")
        self.ridge = check_positive(ridge, "ridge", allow_zero=True)
        self.rows = 0
        self.total = 0.0
        self._triangle = np.eye(self.d) * np.sqrt(self.ridge)
        self._row_exponents = np.zeros(self.d, dtype=np.int64)
        self._column_exponents = np.full(
            self.d, 0 if self.ridge > 0.0 else qr_append.UNSEEN, dtype=np.int64
        )

    def __repr__(self) -> str:
        return (
            f"OnlineScores(p={self.p:g}, d={self.d}, rows={self.rows}, rank={self.rank}, "
            f"total={self.total:.4g})"
        )

    @property
    def rank(self) -> int:
        """Dimension of the span of the rows so far."""
        return int(np.count_nonzero(np.diag(self._triangle)))

    @property
    def R(self) -> FloatArray:
        """The factor, R^T R = ridge I + sum_j w_j^(1-2/p) a_j a_j^T; 0 or inf outside float64."""
        seen = np.where(
            self._column_exponents == qr_append.UNSEEN, np.int64(0), self._column_exponents
        )
        exponents = self._row_exponents[:, None] + seen
        with np.errstate(over="ignore", under="ignore"):
            shift = np.clip(exponents, -(2**15), 2**15).astype(np.int32)
            factor: FloatArray = np.ldexp(self._triangle, shift)
        return factor

    def update(self, block: Any, *, exponents: npt.ArrayLike | None = None) -> FloatArray:
        """Score the rows of a block in order, and take them into the state.

        Parameters
        ----------
        block : array_like or sparse matrix, shape (rows, d)
            Real and finite, any number of rows; not modified. Sparse rows are expanded chunk by
            chunk.
        exponents : array_like of int, shape (rows,), optional
            Row i stands for ``block[i] * 2**exponents[i]``: for streams that leave the range of
            float64. Between -2**28 and 2**28.

        Returns
        -------
        ndarray, shape (rows,)
            The scores, in [0, 1]; 0 for a zero row. float32 for a float32 block.

        Raises
        ------
        ArgumentError, ArgumentTypeError
            For NaN or infinite entries, a wrong number of columns, or exponents that are not
            integers. The state is then as before.
        """
        tall = as_tall(block, name="block", require_tall=False)
        if tall.shape[1] != self.d:
            raise argument_error(
                "block",
                f"{tall.shape[1]} columns",
                f"{self.d} columns",
                "Every block of one stream has the same columns.",
            )
        powers = _check_exponents(exponents, tall.shape[0])
        tall.scan()
        return self._append(tall, powers).astype(tall.dtype, copy=False)

    def _append(self, tall: TallMatrix, powers: IntArray) -> FloatArray:
        scores = np.empty(tall.shape[0])
        step = max(1, _CHUNK_ELEMENTS // self.d)
        for start, rows in tall.blocks():
            for first in range(0, rows.shape[0], step):
                part = rows[first : first + step]
                dense = part if isinstance(part, np.ndarray) else part.toarray()
                span = slice(start + first, start + first + dense.shape[0])
                scores[span] = qr_append.qr_append(
                    np.ascontiguousarray(dense, dtype=np.float64),
                    powers[span],
                    self.p,
                    self._triangle,
                    self._row_exponents,
                    self._column_exponents,
                )
        self.rows += scores.size
        self.total += float(scores.sum())
        return scores

    def _condition(self) -> float:
        """Condition number of R after scaling its columns to equal length."""
        kept = np.flatnonzero(np.diag(self._triangle))
        if not kept.size:
            return 1.0
        shift = np.clip(self._row_exponents[kept] - self._row_exponents[kept].max(), -(2**15), 0)
        R = np.ldexp(self._triangle[np.ix_(kept, kept)], shift[:, None].astype(np.int32))
        with single_threaded_blas(), np.errstate(divide="ignore", over="ignore"):
            singular = scipy.linalg.svdvals(R / np.linalg.norm(R, axis=0))
            return float(np.float64(singular[0]) / singular[-1])


def online_scores(A: Any, p: float = 2.0, *, ridge: float = 0.0) -> Scores:
    """Online leverage scores (p = 2) or online lp Lewis weights, rows in their given order.

    Parameters
    ----------
    A : array_like, sparse matrix or TallMatrix, shape (n, d)
        Real, any n. Sparse rows are expanded chunk by chunk. Not modified.
    p : float, default 2
        The norm, 1 <= p < inf.
    ridge : float, default 0
        See `OnlineScores`.

    Returns
    -------
    Scores
        ``np.asarray(result)`` is the n-vector. Row i depends on rows 0 ... i only.

    Raises
    ------
    ArgumentError, ArgumentTypeError
        For NaN or infinite entries, or a matrix that `as_tall` refuses.

    Notes
    -----
    One pass, and one before it that looks for NaN; about 4 n d^2 flops, one thread, O(d^2) memory.
    For p <= 2 the scores are at least the offline ones; they sum to O(d log kappa) where those sum
    to the rank, which is the price of deciding at once.

    References
    ----------
    Cohen, Musco and Pachocki, *Online row sampling*, APPROX 2016. Yasuda, PhD thesis,
    CMU-CS-24-110, 2024, section 6.6.

    Examples
    --------
    >>> import numpy as np
    >>> from rnla.scores import leverage_scores, online_scores
    >>> A = np.random.default_rng(0).standard_normal((1000, 5))
    >>> online, offline = np.asarray(online_scores(A)), np.asarray(leverage_scores(A))
    >>> bool((online >= offline).all()), round(float(offline.sum())), round(float(online.sum()))
    (True, 5, 38)
    """
    tall = as_tall(A, require_tall=False)
    before = tall.passes
    n, d = tall.shape
    state = OnlineScores(p, d, ridge=ridge)
    tall.scan()
    values = state._append(tall, np.zeros(n, dtype=np.int64))
    return Scores(
        values=values.astype(tall.dtype, copy=False),
        kind="online leverage" if state.p == 2.0 else "online lewis",
        p=state.p,
        rank=state.rank,
        condition=state._condition(),
        gap=np.inf,
        path="qr_append",
        passes=tall.passes - before,
        seed=0,
        status=Status.OK if state.rank == d else Status.RANK_DEFICIENT,
        diagnostics={"sum": state.total},
    )


def _check_exponents(exponents: npt.ArrayLike | None, rows: int) -> IntArray:
    if exponents is None:
        return np.zeros(rows, dtype=np.int64)
    array = np.asarray(exponents)
    expected = f"{rows} integers between -2**28 and 2**28, one per row"
    if array.dtype.kind not in "iu":
        raise argument_error(
            "exponents",
            f"dtype {array.dtype}",
            expected,
            "Split a row with np.frexp: the exponent is an integer.",
            kind=ArgumentTypeError,
        )
    if array.shape != (rows,) or (rows and np.abs(array).max() > _LARGEST_EXPONENT):
        got = f"shape {array.shape}" if array.shape != (rows,) else "a larger exponent"
        raise argument_error("exponents", got, expected, "Pass one exponent per row of the block.")
    return np.ascontiguousarray(array, dtype=np.int64)
