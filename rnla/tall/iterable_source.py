"""Rows that come in blocks from any iterable that can be walked again.

Opening walks once, to learn the number of rows, the dtype and the number of entries; every pass and
every `take` walks once more. Blocks may have any number of rows. Memory: the block at hand. Each
later walk is compared with the first: number and shapes of blocks, and their first and last rows,
so that a shuffled loader is found out rather than believed.
"""

from __future__ import annotations

import zlib
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import numpy.typing as npt
import scipy.sparse as sp

from .._errors import ArgumentTypeError, RnlaError, argument_error
from .._result import IntArray
from ._source import DenseSource, Header, Source, SparseSource, csr_block
from ._streamed import (
    StreamedSource,
    check_dimensions,
    check_dtype,
    column_numbers,
    float_dtype,
    take_sorted,
)

__all__ = ["IterableSource", "is_block"]

Blocks = Iterable[Any] | Callable[[], Iterable[Any]]

_EXPECTED = "row blocks: two-dimensional arrays, CSR arrays or DataFrames of numbers"


def is_block(value: Any) -> bool:
    """Whether a value is a row block rather than a row, a path or a number."""
    return getattr(value, "ndim", None) == 2 or hasattr(value, "to_pandas")


@dataclass(frozen=True)
class _Seen:
    """What the first walk noted of a block: its rows, entries and a checksum of its ends."""

    rows: int
    entries: int
    ends: int


class IterableSource(StreamedSource):
    """Row blocks from a list, a loader, or a function that returns a fresh iterator.

    Parameters
    ----------
    blocks : iterable, or callable without arguments that returns one
        Each walk must yield the same blocks in the same order.
    columns : sequence of str or int, optional
        Columns to take, in this order: numbers from 0, or x0, x1, …, or names of DataFrames.
    name : str
        How error messages call the matrix.
    """

    opening_passes = 1

    def __init__(
        self, blocks: Blocks, *, columns: Sequence[str | int] | None = None, name: str = "A"
    ) -> None:
        if isinstance(blocks, Iterator):
            raise argument_error(
                name,
                f"{type(blocks).__name__}, which can be walked only once",
                "an iterable that starts anew for each pass",
                f"Pass a function that returns a fresh iterator, for example {name}=make_blocks "
                "rather than make_blocks(); for rows that can be seen only once use "
                "rnla.OnlineEmbedding.",
                kind=ArgumentTypeError,
            )
        self._blocks, self._name = blocks, name
        self._width = -1
        self._labels: tuple[str, ...] | None = None
        self._chosen: list[int] | None = None
        self._columns = columns
        self.column_names: tuple[str, ...] | None = None
        self._sparse: bool | None = None
        self._stored_dtype = np.dtype(np.float64)
        self._seen: list[_Seen] = []
        self._walk: Iterator[Any] | None = None
        self._kept: tuple[int, Any] | None = None  # first row of a block, and the block
        super().__init__(self._first_walk())

    # Walks -------------------------------------------------------------------------------------

    def _start(self) -> Iterator[Any]:
        blocks = self._blocks() if callable(self._blocks) else self._blocks
        try:
            return iter(blocks)
        except TypeError as error:
            got = f"a function that returned {type(blocks).__name__}"
            remedy = "Return a list or an iterator of blocks."
            raise argument_error(self._name, got, _EXPECTED, remedy, kind=ArgumentTypeError) from (
                error
            )

    def _first_walk(self) -> Header:
        dtypes, pairs, largest, walk = set(), 0.0, 0.0, self._start()
        for number, value in enumerate(walk):
            if number == 0:
                self._width, self._labels = _width_and_names(value, self._name)
                self._chosen, self.column_names = column_numbers(
                    self._columns, self._width, self._labels
                )
                self._sparse = sp.issparse(value)
            block = self._matrix(value, number)
            dtypes.add(block.dtype)
            if self._sparse:
                per_row = np.diff(block.indptr).astype(np.float64)
                pairs += float(per_row @ per_row)
            largest = max(largest, float(_bytes(block)))
            self._seen.append(_note(block))
        _close(walk)
        if not self._seen:
            remedy = "Check that the function makes a fresh iterator each time."
            raise argument_error(self._name, "an iterable without blocks", _EXPECTED, remedy)
        self._stored_dtype = np.result_type(*dtypes)
        n = sum(seen.rows for seen in self._seen)
        d = self._width if self._chosen is None else len(self._chosen)
        if self._sparse:
            entries = float(sum(seen.entries for seen in self._seen))
            header = Header.sparse((n, d), self._stored_dtype, entries, pairs)
        else:
            header = Header.dense((n, d), float_dtype(self._stored_dtype))
        return replace(header, streamed=True, unit_bytes=2 * largest)

    def _again(self) -> Iterator[tuple[int, Any]]:
        """(first row, block) of a later walk, each compared with the first walk."""
        walk, start = self._start(), 0
        try:
            for number, seen in enumerate(self._seen):
                try:
                    value = next(walk)
                except StopIteration:
                    raise self._differs(f"{number} blocks", f"{len(self._seen)} blocks") from None
                block = self._matrix(value, number)
                if block.shape[0] != seen.rows:
                    raise self._differs(
                        f"block {number} with {block.shape[0]} rows", f"{seen.rows} rows"
                    )
                if _note(block) != seen:
                    raise self._differs(f"block {number} with other entries", "the same entries")
                yield start, block
                start += seen.rows
            if next(walk, None) is not None:
                count = len(self._seen)
                raise self._differs(f"more than {count} blocks", f"{count} blocks")
        finally:
            _close(walk)

    def _differs(self, got: str, expected: str) -> RnlaError:
        return argument_error(
            self._name,
            f"{got} in a later walk",
            f"{expected}, as in the first",
            "Yield the same blocks in the same order every time, without shuffling.",
        )

    def _matrix(self, value: Any, number: int) -> Any:
        """A block as a canonical CSR array or ndarray of the chosen columns."""
        what = f"block {number} with "
        if sp.issparse(value) != self._sparse:
            kinds = ("a dense", "a sparse") if self._sparse else ("a sparse", "a dense")
            raise argument_error(
                self._name,
                f"{kinds[0]} block {number} after {kinds[1]} one",
                "blocks of one kind",
                "Convert all of them to scipy.sparse.csr_array, or all to NumPy arrays.",
                kind=ArgumentTypeError,
            )
        if self._sparse:
            _, width = check_dimensions(value.shape, self._name, what)
            self._check_width(width, number)
            check_dtype(np.dtype(value.dtype), self._name, what)
            block = sp.csr_array(value)
            if not block.has_canonical_format:
                block = block.copy()
                block.sum_duplicates()
            if self._chosen is not None:
                block = block[:, self._chosen]
                block.sort_indices()
            return block.astype(float_dtype(block.dtype), copy=False)
        value = _as_frame(value)
        if hasattr(value, "columns"):
            array = _frame_values(value, self._labels, self._name, number)
        else:
            array = _array(value, self._name, number)
        _, width = check_dimensions(array.shape, self._name, what)
        self._check_width(width, number)
        check_dtype(array.dtype, self._name, what)
        return array if self._chosen is None else array[:, self._chosen]

    def _check_width(self, width: int, number: int) -> None:
        if width != self._width:
            raise argument_error(
                self._name,
                f"block {number} with {width} columns",
                f"{self._width} columns, as in block 0",
                "Give every block the same columns.",
            )

    # Reading -----------------------------------------------------------------------------------

    def load(self, start: int, stop: int) -> Source:
        # Pieces are copied as they come: a generator may fill its buffers again.
        if self._sparse:
            pieces = [_copied(block, a, b) for block, a, b in self._pieces(start, stop)]
            loaded: Source = SparseSource(_stacked(pieces, self.shape[1], self._stored_dtype))
        else:
            out = np.empty((stop - start, self.shape[1]), self._stored_dtype)
            filled = 0
            for block, a, b in self._pieces(start, stop):
                out[filled : filled + b - a] = block[a:b]
                filled += b - a
            loaded = DenseSource(out)
        if stop == self.shape[0]:
            self._finish()
        return loaded

    def _pieces(self, start: int, stop: int) -> Iterator[tuple[Any, int, int]]:
        """(block, a, b) whose rows a … b-1 make up rows start … stop-1."""
        if self._walk is None or self._kept is None or start < self._kept[0]:
            self.close()
            self._walk = self._again()
            self._kept = next(self._walk)
        while start < stop:
            first, block = self._kept
            if start < first + block.shape[0]:
                upto = min(stop, first + block.shape[0])
                yield block, start - first, upto - first
                start = upto
            else:
                del block
                self._kept = next(self._walk)

    def _finish(self) -> None:
        """Walk to the end: a further block would be an error, and generators may clean up."""
        assert self._walk is not None
        for _ in self._walk:
            pass
        self.close()

    def take(self, rows: IntArray) -> Any:
        taken = take_sorted(rows, self.shape[0], self._take)
        return taken if self._sparse else np.ascontiguousarray(taken, dtype=self.dtype)

    def _take(self, rows: IntArray) -> Any:
        pieces, walk = [], self._again()
        if rows.size:
            for first, block in walk:
                lower, upper = np.searchsorted(rows, [first, first + block.shape[0]])
                if upper > lower:
                    pieces.append(block[rows[lower:upper] - first])
                if upper == rows.size:
                    break
        _close(walk)
        if self._sparse:
            return _stacked(pieces, self.shape[1], self._stored_dtype)
        return np.concatenate(pieces) if pieces else np.empty((0, self.shape[1]))

    def where(self, row: int) -> str:
        first = 0
        for number, seen in enumerate(self._seen):
            if row < first + seen.rows:
                return f"row {row - first} of block {number}"
            first += seen.rows
        return ""

    def close(self) -> None:
        walk, self._walk, self._kept = self._walk, None, None
        if walk is not None:
            _close(walk)


def _close(walk: Iterator[Any]) -> None:
    if hasattr(walk, "close"):
        walk.close()


def _width_and_names(value: Any, name: str) -> tuple[int, tuple[str, ...] | None]:
    value = _as_frame(value)
    if hasattr(value, "columns"):
        names = tuple(str(label) for label in value.columns)
        return len(names), names
    shape = value.shape if sp.issparse(value) else _array(value, name, 0).shape
    return check_dimensions(shape, name, "block 0 with ")[1], None


def _array(value: Any, name: str, number: int) -> npt.NDArray[Any]:
    remedy = "Yield arrays; where a loader yields tuples, pick one: (batch[0] for batch in loader)."
    if isinstance(value, np.ma.MaskedArray | str | bytes | dict):
        got = f"block {number}, a {type(value).__name__}"
        raise argument_error(name, got, _EXPECTED, remedy, kind=ArgumentTypeError)
    try:
        return np.asarray(value)
    except (ValueError, TypeError, RuntimeError) as error:
        reason = " ".join(str(error).split())[:200]
        got = f"block {number}, a {type(value).__name__} ({reason})"
        raise argument_error(name, got, _EXPECTED, remedy, kind=ArgumentTypeError) from error


def _frame_values(
    frame: Any, labels: tuple[str, ...] | None, name: str, number: int
) -> npt.NDArray[Any]:
    """The numbers of a DataFrame; gaps become NaN, which the first pass reports."""
    found = tuple(str(label) for label in frame.columns)
    if found != labels:
        raise argument_error(
            name,
            f"block {number} with columns {', '.join(found[:8])}",
            f"{', '.join((labels or ())[:8])}, as in block 0",
            "Give every block the same columns in the same order.",
        )
    text = [str(key) for key in frame.columns if not _is_numeric(frame[key])]
    if text:
        got = f"block {number} with columns that hold no numbers: {', '.join(text[:8])}"
        remedy = "Encode or leave out those columns."
        raise argument_error(name, got, _EXPECTED, remedy, kind=ArgumentTypeError)
    array = np.asarray(frame)
    if array.dtype == object:  # mixed with booleans, or of a type that knows gaps
        array = frame.to_numpy(dtype=np.float64, na_value=np.nan)
    return array


def _is_numeric(series: Any) -> bool:
    from pandas.api.types import is_bool_dtype, is_complex_dtype, is_numeric_dtype

    real = is_numeric_dtype(series.dtype) and not is_complex_dtype(series.dtype)
    return bool(real or is_bool_dtype(series.dtype))


def _as_frame(value: Any) -> Any:
    """Tables of Arrow and Polars as pandas DataFrames, anything else as it is."""
    return value.to_pandas() if hasattr(value, "to_pandas") else value


def _note(block: Any) -> _Seen:
    ends = (block[:1], block[-1:]) if block.shape[0] else ()
    if sp.issparse(block):
        parts = [part for end in ends for part in (end.data, end.indices)]
        entries = int(block.nnz)
    else:
        parts, entries = list(ends), block.size
    checksum = 0
    for part in parts:
        checksum = zlib.crc32(np.ascontiguousarray(part).tobytes(), checksum)
    return _Seen(int(block.shape[0]), entries, checksum)


def _bytes(block: Any) -> int:
    if sp.issparse(block):
        return int(block.data.nbytes + block.indices.nbytes + block.indptr.nbytes)
    return int(block.nbytes)


def _copied(block: sp.csr_array, a: int, b: int) -> sp.csr_array:
    """Rows a … b-1 of a CSR array, sharing nothing with it."""
    first, last = block.indptr[a], block.indptr[b]
    return csr_block(
        block.data[first:last].copy(),
        block.indices[first:last].copy(),
        block.indptr[a : b + 1] - first,
        block.shape[1],
    )


def _stacked(pieces: Sequence[sp.csr_array], d: int, dtype: np.dtype[Any]) -> sp.csr_array:
    """The pieces one below the other."""
    entries = sum(piece.nnz for piece in pieces)
    index = np.dtype(np.int32 if max(entries, d) < 2**31 else np.int64)
    counts = [np.diff(piece.indptr) for piece in pieces]
    indptr = np.concatenate([[0], *counts]).cumsum().astype(index)
    empty: list[npt.NDArray[Any]] = [np.zeros(0, dtype)]
    data = np.concatenate(empty + [piece.data for piece in pieces]).astype(dtype, copy=False)
    indices = np.concatenate([piece.indices for piece in pieces] or [np.zeros(0)])
    return csr_block(data, indices.astype(index, copy=False), indptr, d)
