"""Rows of a .npy file, read where they lie: one pass reads the file once, in memory of one load.

Plain reads at offsets, not a memory map: mapped pages count as resident memory, and a mapped file
that is cut short ends the process. Whole rows in C order are read block by block in the threads
that work on them, so that a block goes from the page cache straight into a processor's cache, and
the system is told which strip comes next. Otherwise one reader thread loads ranges of rows, or in
Fortran order a range of each wanted column.
"""

from __future__ import annotations

import os
import pathlib
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import IO, Any

import numpy as np
import numpy.typing as npt

from .._result import FloatArray, IntArray
from ._file_errors import PathLike, as_damage, existing_file
from ._source import DenseSource, Header
from ._streamed import (
    FileStamp,
    StreamedSource,
    check_dimensions,
    check_dtype,
    column_numbers,
    float_dtype,
    read_at,
    read_into,
    runs,
    take_sorted,
)

__all__ = ["NpySource", "StoredArray"]

_EXPECTED = "an array written by numpy.save"
_SCRATCH = 2**21  # bytes of a piece from which columns or rows are picked
_AHEAD = 2**25  # bytes between the block read and the one that the system may fetch
_GAP = 2**14  # bytes between two wanted rows that are cheaper to read than to jump


@dataclass(frozen=True)
class StoredArray:
    """Where the entries of an array lie in a file: what the .npy header says."""

    shape: tuple[int, ...]
    dtype: np.dtype[Any]
    fortran: bool
    offset: int  # of the first entry, from the beginning of the file

    @classmethod
    def parse(cls, file: IO[bytes]) -> StoredArray:
        """Read a .npy header at the position of the file."""
        version = np.lib.format.read_magic(file)
        read = (
            np.lib.format.read_array_header_1_0
            if version == (1, 0)
            else np.lib.format.read_array_header_2_0
        )
        shape, fortran, dtype = read(file)
        if dtype.hasobject:
            raise ValueError("it holds pickled objects, which are never loaded")
        return cls(shape, dtype, fortran, file.tell())

    @property
    def nbytes(self) -> int:
        """Bytes of all entries."""
        return int(np.prod(self.shape, dtype=object)) * self.dtype.itemsize


class NpySource(StreamedSource):
    """A dense matrix in a .npy file, or in an uncompressed member of a .npz file.

    Parameters
    ----------
    path : str or path-like
    columns : sequence of str or int, optional
        Columns to take, in this order: numbers from 0, or x0, x1, ….
    stored : StoredArray, optional
        Where the array lies, if not at the beginning of the file.
    name : str
        How error messages call the matrix.
    """

    def __init__(
        self,
        path: PathLike,
        *,
        columns: Sequence[str | int] | None = None,
        stored: StoredArray | None = None,
        name: str = "A",
    ) -> None:
        file = existing_file(path, (".npy", ".npz"))
        self._stamp = FileStamp.of(file)
        if stored is None:
            with as_damage(file, _EXPECTED), open(file, "rb", buffering=0) as opened:
                stored = StoredArray.parse(opened)
                missing = stored.offset + stored.nbytes - self._stamp.size
                if missing > 0:
                    raise ValueError(f"it ends {missing} bytes too early")
        n, width = check_dimensions(stored.shape, name, f"{str(file)!r} with ")
        check_dtype(stored.dtype, name, f"{str(file)!r} with ")
        self._stored = replace(stored, shape=(n, width))
        self._columns, self.column_names = column_numbers(columns, width)
        d = width if self._columns is None else len(self._columns)
        header = Header.dense((n, d), float_dtype(stored.dtype))
        super().__init__(replace(header, streamed=True, unit_bytes=float(_SCRATCH)))
        # Positioned reads need no thread of their own; systems without them stream.
        self.streamed = stored.fortran or self._columns is not None or not hasattr(os, "preadv")
        self._descriptor: int | None = None
        self._opening = threading.Lock()

    def __getstate__(self) -> dict[str, Any]:
        return {**self.__dict__, "_descriptor": None, "_opening": None}

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__dict__.update(state)
        self._opening = threading.Lock()

    def __del__(self) -> None:
        self.close()

    def close(self) -> None:
        """Let go of the file."""
        descriptor = self.__dict__.get("_descriptor")
        if descriptor is not None:
            self._descriptor = None
            os.close(descriptor)

    def check(self) -> None:
        self._stamp.check()

    def read(self, start: int, stop: int) -> FloatArray:
        return np.ascontiguousarray(self.read_raw(start, stop), dtype=np.float64)

    def read_raw(self, start: int, stop: int) -> FloatArray:
        block = self._empty(stop - start)
        row_bytes = block.itemsize * block.shape[1]
        position = self._stored.offset + start * row_bytes
        path = pathlib.Path(self._stamp.path)
        with as_damage(path, _EXPECTED):
            with self._opening:
                if self._descriptor is None:
                    self._descriptor = os.open(path, os.O_RDONLY | getattr(os, "O_CLOEXEC", 0))
                descriptor = self._descriptor
            read_at(descriptor, block, position)
            if hasattr(os, "posix_fadvise"):
                ahead = position + _AHEAD
                os.posix_fadvise(descriptor, ahead, block.nbytes, os.POSIX_FADV_WILLNEED)
        return np.ascontiguousarray(block, dtype=self.dtype)

    @contextmanager
    def _opened(self) -> Iterator[IO[bytes]]:
        self._stamp.check()
        path = pathlib.Path(self._stamp.path)
        with as_damage(path, _EXPECTED), open(path, "rb", buffering=0) as file:
            yield file

    def load(self, start: int, stop: int) -> DenseSource:
        with self._opened() as file:
            if self._stored.fortran:
                return DenseSource(self._read_columns(file, start, stop))
            return DenseSource(self._read_rows(file, start, stop))

    def _empty(self, count: int, order: Any = "C") -> npt.NDArray[Any]:
        return np.empty((count, self.shape[1]), self._stored.dtype, order=order)

    def _seek(self, file: IO[bytes], entry: int) -> None:
        file.seek(self._stored.offset + entry * self._stored.dtype.itemsize)

    def _read_rows(self, file: IO[bytes], start: int, stop: int) -> npt.NDArray[Any]:
        out, width = self._empty(stop - start), self._stored.shape[1]
        self._seek(file, start * width)
        if self._columns is None:
            read_into(file, out)
            return out
        most = max(1, _SCRATCH // (width * self._stored.dtype.itemsize))
        scratch = np.empty((min(most, stop - start), width), self._stored.dtype)
        for first in range(0, stop - start, most):
            piece = scratch[: min(most, stop - start - first)]
            read_into(file, piece)
            np.take(piece, self._columns, axis=1, out=out[first : first + len(piece)])
        return out

    def _read_columns(self, file: IO[bytes], start: int, stop: int) -> npt.NDArray[Any]:
        out, n = self._empty(stop - start, "F"), self._stored.shape[0]
        for j, column in enumerate(self._columns or range(self.shape[1])):
            self._seek(file, column * n + start)
            read_into(file, out[:, j])
        return out

    def take(self, rows: IntArray) -> FloatArray:
        take = self._take_columns if self._stored.fortran else self._take_rows
        taken = take_sorted(rows, self.shape[0], take)
        return np.ascontiguousarray(taken, dtype=self.dtype)

    def _take_rows(self, rows: IntArray) -> npt.NDArray[Any]:
        out, width = self._empty(len(rows)), self._stored.shape[1]
        with self._opened() as file:
            for first, last, start, stop in _spans(rows, width * self._stored.dtype.itemsize):
                piece = np.empty((stop - start, width), self._stored.dtype)
                self._seek(file, start * width)
                read_into(file, piece)
                chosen = piece[rows[first:last] - start]
                out[first:last] = chosen if self._columns is None else chosen[:, self._columns]
        return out

    def _take_columns(self, rows: IntArray) -> npt.NDArray[Any]:
        out, n = self._empty(len(rows), "F"), self._stored.shape[0]
        spans = _spans(rows, self._stored.dtype.itemsize)
        with self._opened() as file:
            for j, column in enumerate(self._columns or range(self.shape[1])):
                for first, last, start, stop in spans:
                    piece = np.empty(stop - start, self._stored.dtype)
                    self._seek(file, column * n + start)
                    read_into(file, piece)
                    out[first:last, j] = piece[rows[first:last] - start]
        return out

    def identity(self) -> object:
        return "npy", self._stamp, self._stored, self._columns

    def where(self, row: int) -> str:
        return f"in {os.path.basename(self._stamp.path)!r}"


def _spans(rows: IntArray, row_bytes: int) -> list[tuple[int, int, int, int]]:
    """Runs of rows (first, last) with the range of the file (start, stop) that covers them."""
    gap, most = max(1, _GAP // max(row_bytes, 1)), max(1, _SCRATCH // max(row_bytes, 1))
    return [
        (first, last, int(rows[first]), int(rows[last - 1]) + 1)
        for first, last in runs(rows, gap, most)
    ]
