"""Subsampled randomized cosine transform: S = sqrt(n / s) R C D with the orthogonal DCT-II C.

As the Hadamard transform, for any n and with entries up to sqrt(2) larger (Avron, Maymounkov,
Toledo, SISC 2010). In a pass over blocks the cosines of a
block are those of the first block turned by one angle per row: two products with fixed tables,
4 n s d flops. With the whole matrix in memory and s beyond 4 log2(n), SciPy's DCT is faster,
O(n log n) per column and one copy of A; the results agree to rounding error.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property, lru_cache
from typing import Any

import numpy as np

from .._errors import argument_error
from .._result import FloatArray, IntArray
from ..random import RNGLike, Stream, resolve_seed
from ..tall._device import array_module, beside, is_sparse_rows
from ._choice import distinct
from ._operator import Distribution, Operator

__all__ = ["SubsampledCosine", "SubsampledCosineOperator"]

_SIGNS = "sketch.subsampled_cosine.signs"
_ROWS = "sketch.subsampled_cosine.rows"
_PIECE = 2**18


@dataclass(frozen=True)
class SubsampledCosine(Distribution):
    """The distribution of subsampled randomized cosine transforms.

    Parameters
    ----------
    s, n : int
        Rows and columns of S, s at most n.

    Examples
    --------
    >>> import numpy as np
    >>> S = SubsampledCosine(100, 100).draw(rng=0)  # all rows: orthogonal
    >>> bool(np.allclose(S.toarray() @ S.toarray().T, np.eye(100)))
    True
    """

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.s > self.n:
            raise argument_error(
                "s", self.s, f"at most n = {self.n} rows", "Use fewer rows; n keep A exactly."
            )

    def draw(self, rng: RNGLike = None) -> SubsampledCosineOperator:
        """Draw an operator; see `Distribution.draw`."""
        return SubsampledCosineOperator(self, resolve_seed(rng))


@dataclass(frozen=True)
class SubsampledCosineOperator(Operator):
    """A drawn subsampled randomized cosine transform."""

    distribution: SubsampledCosine
    seed: int

    @cached_property
    def chosen(self) -> IntArray:
        """Frequencies that S keeps, (s,)."""
        return distinct(Stream(self.seed, _ROWS), *self.shape)

    @cached_property
    def _scale(self) -> FloatArray:
        """Largest entry of each row: sqrt(2/s), or sqrt(1/s) at frequency 0."""
        scale: FloatArray = np.where(self.chosen == 0, 1.0, np.sqrt(2.0)) / np.sqrt(self.shape[0])
        return scale

    def signs(self, start: int, stop: int, *, like: Any = None) -> FloatArray:
        """Diagonal entries start … stop-1 of D, on the GPU of `like`, if that is an array there."""
        return Stream(self.seed, _SIGNS).signs(range(start, stop), like=like)

    def block(self, start: int, stop: int) -> FloatArray:
        """Columns start … stop-1 of S as a dense (s, stop - start) array."""
        self._check_columns(start, stop)
        angles = _angles(self.chosen[:, None], 2 * np.arange(start, stop) + 1, self.shape[1])
        entries: FloatArray = np.cos(angles) * self._scale[:, None] * self.signs(start, stop)
        return entries

    def __matmul__(self, A: Any) -> Any:
        s, n = self.shape
        whole = isinstance(A, np.ndarray) and A.dtype in (np.float64, np.float32) and A.ndim == 2
        if not whole or A.shape[0] != n or s <= 4 * np.log2(2 * n) or not A.shape[1]:
            return super().__matmul__(A)
        return self._by_transform(A)

    def _by_transform(self, A: FloatArray) -> FloatArray:
        """S @ A by SciPy's DCT, a few columns at a time."""
        from scipy.fft import dct

        from ..tall import thread_count

        s, n = self.shape
        signs = self.signs(0, n)[:, None]
        result = np.empty((s, A.shape[1]), dtype=A.dtype)
        for first in range(0, A.shape[1], 8):
            part = A[:, first : first + 8].astype(np.float64) * signs
            # Transforms along the last axis read memory in order.
            turned = dct(part.T, type=2, norm="ortho", axis=1, workers=thread_count())
            result[:, first : first + 8] = turned[:, self.chosen].T * np.sqrt(n / s)
        return result

    def _pieces(self, start: int, stop: int) -> list[tuple[int, int]]:
        step = max(16, _PIECE // self.shape[0])
        return [(first, min(first + step, stop)) for first in range(start, stop, step)]

    def _turn(self, first: int) -> tuple[FloatArray, FloatArray]:
        """Cosine and sine of the angle by which a piece at `first` differs from one at zero."""
        angles = _angles(self.chosen, 2 * first, self.shape[1])
        return self._scale * np.cos(angles), self._scale * np.sin(angles)

    def _add(self, start: int, block: Any, out: FloatArray) -> None:
        like = block.data if is_sparse_rows(block) else block
        tables = _Tables(self, like)
        for first, last in self._pieces(start, start + block.shape[0]):
            cosines, sines = tables.of(last - first)
            rows = block[first - start : last - start]
            signs = self.signs(first, last, like=like)[:, None]
            if is_sparse_rows(rows):
                rows = rows.T
                even, odd = (rows @ (cosines.T * signs)).T, (rows @ (sines.T * signs)).T
            else:
                rows = rows * signs
                even, odd = cosines @ rows, sines @ rows
            cosine, sine = (beside(like, x) for x in self._turn(first))
            out += cosine[:, None] * even - sine[:, None] * odd

    def _transposed(self, start: int, stop: int, Y: FloatArray) -> FloatArray:
        tables = _Tables(self, Y)
        parts = [array_module(Y).zeros((0, Y.shape[1]), dtype=np.float64)]
        for first, last in self._pieces(start, stop):
            cosines, sines = tables.of(last - first)
            cosine, sine = (beside(Y, x) for x in self._turn(first))
            rows = cosines.T @ (cosine[:, None] * Y) - sines.T @ (sine[:, None] * Y)
            parts.append(rows * self.signs(first, last, like=Y)[:, None])
        return np.concatenate(parts)


class _Tables:
    """The tables of pieces, where an array is, copied there once."""

    def __init__(self, S: SubsampledCosineOperator, like: Any) -> None:
        self._S, self._like = S, like
        self._count, self._kept = -1, (np.zeros(0), np.zeros(0))

    def of(self, count: int) -> tuple[FloatArray, FloatArray]:
        if count != self._count:
            cosines, sines = _tables(self._S, count)
            self._count, self._kept = (
                count,
                (beside(self._like, cosines), beside(self._like, sines)),
            )
        return self._kept


def _angles(frequency: Any, position: Any, n: int) -> FloatArray:
    """pi * frequency * position / (2 n), reduced exactly; frequency and n below 2^30."""
    turns = (np.asarray(frequency, dtype=np.int64) * position) % (4 * n)
    angles: FloatArray = turns * (np.pi / (2 * n))
    return angles


@lru_cache(maxsize=8)
def _tables(S: SubsampledCosineOperator, count: int) -> tuple[FloatArray, FloatArray]:
    """Cosines and sines of the chosen frequencies at rows 0 … count-1, (s, count) each."""
    angles = _angles(S.chosen[:, None], 2 * np.arange(count) + 1, S.shape[1])
    return np.cos(angles), np.sin(angles)
