"""Online scores: each row against the rows before it, in one pass with d x d memory.

Online leverage is min(1, a_i^T (A_{i-1}^T A_{i-1})^+ a_i), and 1 for a row outside the span of its
predecessors (Cohen, Musco, Pachocki, APPROX 2016); online lp Lewis weights replace the Gram matrix
by sum_j w_j^(1-2/p) a_j a_j^T (Yasuda, PhD thesis, CMU-CS-24-110, Definition 6.6.1). They sum to
O(d log kappa), dominate the offline weights for p <= 2 and are one-sided Lewis weights for every p
(Lemmas 6.6.4-6.6.6), so rows may be kept or dropped for good as they arrive. The state is a
triangular factor to which rows are appended by Givens rotations; about 4 d^2 flops a row.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import numpy.typing as npt
import scipy.linalg

from .._errors import ArgumentTypeError, argument_error, check_p, check_positive, check_size
from .._result import FloatArray, IntArray
from ..kernels import qr_append
from ..tall import TallMatrix, as_tall, single_threaded_blas

__all__ = ["OnlineScores"]

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

    def copy(self) -> OnlineScores:
        """An independent copy of the state: O(d^2)."""
        return OnlineScores.from_arrays(
            self.p, self.to_arrays(), rows=self.rows, total=self.total, ridge=self.ridge
        )

    def merge(self, other: OnlineScores) -> None:
        """Take in the state of a stream of other rows: M of both is the sum of the two.

        Rows scored before or after keep scores that are one-sided Lewis weights of the union, since
        each was scored against a part of the final M (Yasuda, Lemma 6.6.6). Ridges add.

        Parameters
        ----------
        other : OnlineScores
            With the same p and d; not modified.

        Raises
        ------
        ArgumentError
            If p or d differ.

        Notes
        -----
        O(d^3) flops: the rows of the other factor are appended.

        Examples
        --------
        >>> import numpy as np
        >>> from rnla.scores import OnlineScores
        >>> one, two = OnlineScores(2.0, 1), OnlineScores(2.0, 1)
        >>> one.update([[1.0]]), two.update([[1.0], [1.0]])
        (array([1.]), array([1., 1.]))
        >>> one.merge(two)
        >>> one.update([[1.0]]).round(6), one.rows
        (array([0.333333]), 4)
        """
        if (other.p, other.d) != (self.p, self.d):
            raise argument_error(
                "other",
                f"p = {other.p:g} and {other.d} columns",
                f"p = {self.p:g} and {self.d} columns",
                "Only states of one norm and one set of columns can be added.",
            )
        kept = np.flatnonzero(np.diag(other._triangle))
        # The other factor in its own column units; the kernel is told ours relative to them.
        units = other._column_exponents
        units = np.where(units == qr_append.UNSEEN, np.int64(0), units)
        unseen = self._column_exponents == qr_append.UNSEEN
        columns = np.where(unseen, qr_append.UNSEEN, self._column_exponents - units)
        qr_append.qr_append(
            np.ascontiguousarray(other._triangle[kept]),
            np.ascontiguousarray(other._row_exponents[kept]),
            2.0,
            self._triangle,
            self._row_exponents,
            columns,
        )
        unseen = columns == qr_append.UNSEEN
        self._column_exponents = np.where(unseen, qr_append.UNSEEN, columns + units)
        self.rows += other.rows
        self.total += other.total
        self.ridge += other.ridge

    def to_arrays(self) -> dict[str, npt.NDArray[Any]]:
        """Copies of the arrays of the state, for saving; `from_arrays` takes them.

        R = triangle * 2**(row_exponents[:, None] + column_exponents), where a column exponent of
        -2**63 means that the column had no entry other than zero.
        """
        return {
            "triangle": self._triangle.copy(),
            "row_exponents": self._row_exponents.copy(),
            "column_exponents": self._column_exponents.copy(),
        }

    @classmethod
    def from_arrays(
        cls,
        p: float,
        arrays: Mapping[str, npt.NDArray[Any]],
        *,
        rows: int,
        total: float,
        ridge: float = 0.0,
    ) -> OnlineScores:
        """The state that `to_arrays` described.

        Raises
        ------
        ArgumentError
            If the arrays do not make a state.
        """
        triangle = np.array(arrays["triangle"], dtype=np.float64)
        state = cls(p, len(triangle), ridge=ridge)
        exponents = [
            np.array(arrays[name], dtype=np.int64) for name in ("row_exponents", "column_exponents")
        ]
        shapes = [array.shape for array in (triangle, *exponents)]
        sound = np.isfinite(triangle).all() and not np.tril(triangle, -1).any()
        if shapes != [(state.d, state.d), (state.d,), (state.d,)] or not sound:
            raise argument_error(
                "arrays",
                f"shapes {shapes}",
                "a finite upper triangle (d, d) and two vectors of exponents",
                "Pass what to_arrays returned.",
            )
        state._triangle = triangle
        state._row_exponents, state._column_exponents = exponents
        state.rows, state.total = rows, total
        return state

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
        # Row after row: a pairwise sum would depend on how the rows were cut into blocks.
        self.total = float(np.add.accumulate(np.append(self.total, scores))[-1])
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
