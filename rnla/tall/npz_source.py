"""Rows of a sparse matrix that scipy.sparse.save_npz wrote, read where they lie.

Held in memory: where each row begins (8 bytes a row, 4 if the file has 32-bit numbers). Members
that are not compressed are read at offsets; compressed ones are unpacked in order by two streams,
one of values and one of column numbers, and `take` unpacks up to the last row it wants. A pass
reads the file once. CSR only: the other formats keep a row in many places.
"""

from __future__ import annotations

import os
import pathlib
import zipfile
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from typing import IO, Any

import numpy as np
import numpy.typing as npt
import scipy.sparse as sp

from .._errors import argument_error
from .._result import IntArray
from ._file_errors import PathLike, as_damage, existing_file
from ._source import Header, Source, SparseSource, csr_block
from ._streamed import (
    FileStamp,
    StreamedSource,
    check_dimensions,
    check_dtype,
    column_numbers,
    float_dtype,
    read_into,
    runs,
    take_sorted,
)
from .npy_source import NpySource, StoredArray

__all__ = ["NpzSource", "open_npz"]

_EXPECTED = "an archive written by scipy.sparse.save_npz"
_PIECE = 2**18  # entries that opening and unpacking look at together
_GAP = 2**11  # entries between two wanted rows that are cheaper to read than to jump


class NpzSource(StreamedSource):
    """A CSR matrix in an .npz file. Choosing columns walks once over the column numbers.

    Parameters
    ----------
    path : str or path-like
    columns : sequence of str or int, optional
        Columns to take, in this order: numbers from 0, or x0, x1, ….
    name : str
        How error messages call the matrix.
    """

    def __init__(
        self, path: PathLike, *, columns: Sequence[str | int] | None = None, name: str = "A"
    ) -> None:
        file = existing_file(path, (".npz",))
        self._file, self._stamp, self._name = file, FileStamp.of(file), name
        self._streams: _Streams | None = None
        with as_damage(file, _EXPECTED):
            self._members = {key: _Member(file, f"{key}.npy") for key in ("data", "indices")}
            n, width, indptr = _skeleton(file, name)
            lengths = {key: member.array.shape for key, member in self._members.items()}
            if lengths["data"] != (indptr[-1],) or lengths["indices"] != (indptr[-1],):
                raise ValueError(f"{lengths} entries, where indptr says {indptr[-1]}")
            if self._members["indices"].array.dtype.kind not in "iu":
                raise ValueError("indices that are not integers")
        dtype = self._members["data"].array.dtype
        check_dtype(dtype, name, f"{str(file)!r} with ")
        self._indptr, self._width = indptr, width
        self._dtype = float_dtype(dtype)
        self._index = np.dtype(np.int32 if width < 2**31 else np.int64)
        self._target: npt.NDArray[np.int64] | None = None
        chosen, self.column_names = column_numbers(columns, width)
        counts = np.diff(indptr)
        if chosen is not None:
            self._target = np.full(width, -1)
            self._target[chosen] = np.arange(len(chosen))
            counts = self._count_chosen()
        per_row = counts.astype(np.float64)
        d = width if chosen is None else len(chosen)
        header = Header.sparse((n, d), self._dtype, float(counts.sum()), float(per_row @ per_row))
        held = float(indptr.nbytes) + 2**20
        super().__init__(replace(header, streamed=True, unit_bytes=held))

    # Reading -----------------------------------------------------------------------------------

    def check(self) -> None:
        self._stamp.check()

    def load(self, start: int, stop: int) -> SparseSource:
        first, last = int(self._indptr[start]), int(self._indptr[stop])
        with self._damage(start, stop):
            entries = self._entries(first, last)
        block = self._rows(*entries, self._indptr[start : stop + 1], start)
        if stop == self.shape[0]:
            self.close()
        return SparseSource(block)

    @contextmanager
    def _damage(self, start: int, stop: int) -> Iterator[None]:
        self._stamp.check(f", rows {start} to {stop - 1}")
        with as_damage(self._file, f"{_EXPECTED}, whole in rows {start} to {stop - 1}"):
            yield

    def _entries(self, first: int, last: int) -> tuple[npt.NDArray[Any], npt.NDArray[Any]]:
        """Values and column numbers of entries first … last-1, for a pass."""
        if all(member.offset is not None for member in self._members.values()):
            data, indices = (member.read(first, last) for member in self._members.values())
            return data, indices
        if self._streams is None or self._streams.position > first:
            self.close()
            self._streams = _Streams(self._file, self._members)
        return self._streams.read(first, last)

    def _rows(
        self,
        data: npt.NDArray[Any],
        indices: npt.NDArray[Any],
        indptr: npt.NDArray[Any],
        start: int,
    ) -> sp.csr_array:
        """A canonical CSR array of rows that follow each other from row `start` of the file."""
        indptr = indptr - indptr[0]
        wide = self._index if indptr[-1] < 2**31 else np.dtype(np.int64)
        columns = self._width
        with as_damage(self._file, f"column numbers from 0 to {self._width - 1}"):
            if indices.size and not (indices.min() >= 0 and indices.max() < self._width):
                row = self._row_of(indices, indptr) + start
                raise ValueError(f"row {row} has a column number outside of the matrix")
        if self._target is not None:
            indices = self._target[indices]
            kept = indices >= 0
            indptr = np.concatenate([[0], np.cumsum(kept)])[indptr]
            data, indices, columns = data[kept], indices[kept], self.shape[1]
        data = data.astype(self._dtype, copy=False)
        block = csr_block(
            data, indices.astype(wide, copy=False), indptr.astype(wide, copy=False), columns
        )
        # Canonical is: column numbers rise within every row. One comparison finds out.
        if np.any(_not_rising(block, np.less_equal)):
            self._sort(block, start)
        return block

    def _sort(self, block: sp.csr_array, start: int) -> None:
        block.has_sorted_indices = False
        block.sort_indices()
        equal = np.flatnonzero(_not_rising(block, np.equal))
        if equal.size:
            row = int(np.searchsorted(block.indptr, equal[0], side="right")) - 1 + start
            raise argument_error(
                self._name,
                f"{str(self._file)!r}, whose row {row} has the same column twice",
                "one entry for each row and column",
                "Load it, call .sum_duplicates() and save it again.",
            )

    def _row_of(self, indices: npt.NDArray[Any], indptr: npt.NDArray[Any]) -> int:
        outside = np.flatnonzero((indices < 0) | (indices >= self._width))[0]
        return int(np.searchsorted(indptr, outside, side="right")) - 1

    def _count_chosen(self) -> IntArray:
        """Entries of each row in the chosen columns."""
        assert self._target is not None
        n = self._indptr.size - 1
        counts = np.zeros(n, dtype=np.int64)
        member = self._members["indices"]
        with as_damage(self._file, _EXPECTED), member.stream(self._file) as stream:
            for start, stop in _row_ranges(self._indptr, _PIECE):
                first, last = int(self._indptr[start]), int(self._indptr[stop])
                indices = np.empty(last - first, member.array.dtype)
                read_into(stream, indices)
                if indices.size and not (indices.min() >= 0 and indices.max() < self._width):
                    row = self._row_of(indices, self._indptr[start : stop + 1] - first) + start
                    raise ValueError(f"row {row} has a column number outside of the matrix")
                before = np.concatenate([[0], np.cumsum(self._target[indices] >= 0)])
                counts[start:stop] = np.diff(before[self._indptr[start : stop + 1] - first])
        return counts

    # Single rows -------------------------------------------------------------------------------

    def take(self, rows: IntArray) -> sp.csr_array:
        return take_sorted(rows, self.shape[0], self._take)

    def _take(self, rows: IntArray) -> sp.csr_array:
        if rows.size == 0:
            return sp.csr_array((0, self.shape[1]), dtype=self._dtype)
        stored = all(member.offset is not None for member in self._members.values())
        parts = []
        with ExitStack() as stack:
            stack.enter_context(self._damage(int(rows[0]), int(rows[-1]) + 1))
            streams = None if stored else stack.enter_context(_Streams(self._file, self._members))
            mean = max(1, int(self._indptr[-1]) // max(self.shape[0], 1))
            for a, b in runs(rows, max(1, _GAP // mean), max(1, _PIECE // mean)):
                start, stop = int(rows[a]), int(rows[b - 1]) + 1
                first, last = int(self._indptr[start]), int(self._indptr[stop])
                if streams is None:
                    data, indices = (m.read(first, last) for m in self._members.values())
                else:
                    data, indices = streams.read(first, last)
                piece = self._rows(data, indices, self._indptr[start : stop + 1], start)
                parts.append(piece[rows[a:b] - start])
        return sp.csr_array(sp.vstack(parts, format="csr", dtype=self._dtype))

    def identity(self) -> object:
        return "npz", self._stamp, self._target

    def where(self, row: int) -> str:
        return f"in {os.path.basename(self._stamp.path)!r}"

    def close(self) -> None:
        if self._streams is not None:
            self._streams.close()
            self._streams = None

    def __del__(self) -> None:
        if getattr(self, "_streams", None) is not None:
            self.close()


class _Member:
    """One array of the archive; `offset` is where its entries lie, None if it is compressed."""

    def __init__(self, file: pathlib.Path, key: str) -> None:
        self._file, self._key = file, key
        with zipfile.ZipFile(file) as archive:
            info = archive.getinfo(key)
            with archive.open(info) as stream:
                self.array = StoredArray.parse(stream)
        self.offset: int | None = None
        if info.compress_type == zipfile.ZIP_STORED:
            with open(file, "rb") as raw:
                raw.seek(info.header_offset)
                local = raw.read(30)
                if len(local) < 30 or local[:4] != b"PK\x03\x04":
                    raise zipfile.BadZipFile(f"{key} is not where the archive says")
                extra = int.from_bytes(local[26:28], "little") + int.from_bytes(
                    local[28:], "little"
                )
            self.offset = info.header_offset + 30 + extra + self.array.offset
            if info.file_size < self.array.offset + self.array.nbytes:
                raise EOFError(f"{key} is shorter than its header says")

    def stored(self) -> StoredArray:
        """The array with its place in the file rather than in the member."""
        assert self.offset is not None
        return replace(self.array, offset=self.offset)

    def read(self, first: int, last: int) -> npt.NDArray[Any]:
        """Entries first … last-1 of a member that is not compressed."""
        assert self.offset is not None
        out = np.empty(last - first, self.array.dtype)
        with open(self._file, "rb", buffering=0) as file:
            file.seek(self.offset + first * self.array.dtype.itemsize)
            read_into(file, out)
        return out

    @contextmanager
    def stream(self, file: pathlib.Path) -> Iterator[IO[bytes]]:
        """The entries from the first on, unpacked."""
        with zipfile.ZipFile(file) as archive, archive.open(self._key) as stream:
            StoredArray.parse(stream)
            yield stream


class _Streams:
    """Values and column numbers of a compressed archive, unpacked side by side."""

    def __init__(self, file: pathlib.Path, members: dict[str, _Member]) -> None:
        self.position = 0
        self._members = members
        with ExitStack() as stack:
            self._files = [stack.enter_context(m.stream(file)) for m in members.values()]
            self._stack = stack.pop_all()

    def read(self, first: int, last: int) -> tuple[npt.NDArray[Any], npt.NDArray[Any]]:
        """Entries first … last-1; `first` is not below the last `last`."""
        for start in range(self.position, first, _PIECE):
            self._next(min(_PIECE, first - start))
        data, indices = self._next(last - first)
        self.position = last
        return data, indices

    def _next(self, count: int) -> list[npt.NDArray[Any]]:
        arrays = [np.empty(count, member.array.dtype) for member in self._members.values()]
        for file, array in zip(self._files, arrays, strict=True):
            read_into(file, array)
        return arrays

    def close(self) -> None:
        self._stack.close()

    def __enter__(self) -> _Streams:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def _skeleton(file: pathlib.Path, name: str) -> tuple[int, int, npt.NDArray[Any]]:
    """Rows, columns, and where each row begins."""
    with open(file, "rb") as opened:
        archive = np.load(opened, allow_pickle=False)
        shape = archive["shape"]
        n, width = check_dimensions(shape.tolist(), name, f"{str(file)!r} with ")
        indptr = archive["indptr"]
    if indptr.ndim != 1 or indptr.dtype.kind not in "iu":
        raise ValueError("indptr is not a vector of integers")
    if indptr.size != n + 1:
        raise ValueError(f"indptr of length {indptr.size} for {n} rows")
    if indptr[0] != 0 or np.any(indptr[1:] < indptr[:-1]):
        raise ValueError("indptr does not rise from 0")
    return n, width, indptr


def _not_rising(block: sp.csr_array, compare: Any) -> npt.NDArray[np.bool_]:
    """Whether an entry's column compares so with the one before, False between two rows."""
    found: npt.NDArray[np.bool_] = compare(block.indices[1:], block.indices[:-1])
    starts = block.indptr[(block.indptr > 0) & (block.indptr < block.indices.size)]
    found[starts - 1] = False
    return found


def _row_ranges(indptr: npt.NDArray[Any], most: int) -> Iterator[tuple[int, int]]:
    """Ranges of rows with about `most` entries each."""
    n, start = indptr.size - 1, 0
    while start < n:
        stop = int(np.searchsorted(indptr, indptr[start] + most, side="right")) - 1
        stop = min(n, max(stop, start + 1))
        yield start, stop
        start = stop


def open_npz(
    path: PathLike,
    *,
    columns: Sequence[str | int] | None = None,
    memory: int | None = None,
    name: str = "A",
) -> Source:
    """Open any .npz file with one matrix: out of core if it can be, else in memory.

    Out of core are CSR matrices, and dense arrays that are not compressed. Other sparse formats and
    compressed dense arrays are converted in memory, if three times their size fits the budget.

    Parameters
    ----------
    path : str or path-like
    columns : sequence of str or int, optional
    memory : int, optional
        Budget in bytes; None for no limit.
    name : str
        How error messages call the matrix.

    Returns
    -------
    Source
    """
    file = existing_file(path, (".npz",))
    expected = "an archive written by scipy.sparse.save_npz, or by numpy.savez with one array"
    with as_damage(file, expected), open(file, "rb") as opened:
        archive = np.load(opened, allow_pickle=False)
        if not isinstance(archive, np.lib.npyio.NpzFile):
            raise ValueError("a bare array, the type that is called .npy")
        keys = archive.files
        kind = _text(archive["format"]) if {"format", "shape"} <= set(keys) else None
        with zipfile.ZipFile(opened) as members:
            size = sum(info.file_size for info in members.infolist())
    if kind == "csr":
        return NpzSource(file, columns=columns, name=name)
    if kind is None:
        if len(keys) != 1:
            raise argument_error(
                name,
                f"{str(file)!r} with {len(keys)} arrays ({', '.join(keys[:8])})",
                "one array, or a sparse matrix",
                "Save the matrix alone: numpy.save('matrix.npy', A).",
            )
        with as_damage(file, expected):
            member = _Member(file, f"{keys[0]}.npy")
        if member.offset is not None:
            return NpySource(file, columns=columns, stored=member.stored(), name=name)
    if memory is not None and 3 * size > memory:
        what = f"a {kind.upper()} matrix" if kind else "a compressed dense array"
        remedy = (
            "Convert it to CSR and save it again: "
            "scipy.sparse.save_npz(path, A.tocsr(), compressed=False)."
            if kind
            else "Save it with numpy.save as a .npy file."
        )
        raise argument_error(
            name,
            f"{what} in {str(file)!r} and memory={memory:,} bytes",
            f"rows that can be read in order, or {3 * size:,} bytes to convert them",
            remedy,
        )
    return _in_memory(file, kind, columns, expected, name)


def _in_memory(
    file: pathlib.Path,
    kind: str | None,
    columns: Sequence[str | int] | None,
    expected: str,
    name: str,
) -> Source:
    from .convert import _dense, _sparse
    from .files import read_matrix

    matrix = read_matrix(file).matrix
    chosen, _ = column_numbers(columns, matrix.shape[1])
    if chosen is not None:
        matrix = matrix[:, chosen]
    return _sparse(matrix, name) if sp.issparse(matrix) else _dense(matrix, name)


def _text(value: npt.NDArray[Any]) -> str:
    item = value.item()
    return item.decode() if isinstance(item, bytes) else str(item)
