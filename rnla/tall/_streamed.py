"""What all rows outside memory share: a header, changes noticed between passes, order of rows.

A source that reads a file checks it before each load: size and time of change must be those found
when the matrix was opened, because passes over different data add up to nothing.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import IO, Any

import numpy as np
import numpy.typing as npt

from .._errors import ArgumentTypeError, DamagedFileError, RnlaError, argument_error
from .._result import IntArray
from ._file_errors import PathLike, listed
from ._source import Block, Header, Source

__all__ = [
    "FileStamp",
    "StreamedSource",
    "check_dtype",
    "column_numbers",
    "float_dtype",
    "read_at",
    "read_into",
    "runs",
    "take_sorted",
]


class StreamedSource:
    """Base of sources that are read through `load`; `take` may ask for any rows."""

    streamed = True

    #: Walks over all rows that opening cost: one for an iterable, none for a file.
    opening_passes = 0

    def __init__(self, header: Header) -> None:
        self.shape = header.shape
        self.dtype = header.dtype
        self.is_sparse = header.is_sparse
        self.row_cost = header.row_cost
        self.entry_count = header.entry_count
        self.pair_count = header.pair_count
        self.unit_bytes = header.unit_bytes

    def load(self, start: int, stop: int) -> Source:
        raise NotImplementedError

    def check(self) -> None:
        """Raise if the rows are known to be others by now; `load` does, where it can."""

    def read(self, start: int, stop: int) -> Block:
        return self.load(start, stop).read(0, stop - start)

    def read_raw(self, start: int, stop: int) -> Block:
        return self.load(start, stop).read_raw(0, stop - start)

    def identity(self) -> object | None:
        """See `Engine`: stamps of the files, and what is taken from them."""
        return None

    def close(self) -> None:
        """Let go of files and of rows kept for the next load. Reading again is possible."""


@dataclass(frozen=True)
class FileStamp:
    """Size and time of change of a file, to notice when it is another one."""

    path: str
    size: int
    changed: int

    @classmethod
    def of(cls, path: PathLike) -> FileStamp:
        """The stamp of a file as it is now."""
        found = os.stat(path)
        return cls(os.path.abspath(path), found.st_size, found.st_mtime_ns)

    def check(self, where: str = "") -> None:
        """Raise if the file has vanished or changed since the stamp was taken."""
        place = f"{self.path!r}{where}"
        try:
            found = os.stat(self.path)
        except (FileNotFoundError, NotADirectoryError) as error:
            raise damage(f"{place}, which has vanished since the matrix was opened") from error
        except OSError as error:
            raise damage(f"{place}, which can no longer be read ({error.strerror})") from error
        if (found.st_size, found.st_mtime_ns) != (self.size, self.changed):
            raise damage(f"{place}, which has changed since the matrix was opened")


def damage(got: str) -> DamagedFileError:
    """The error for a file that is not what it was."""
    error = argument_error(
        "path",
        got,
        "the same content in every pass",
        "Put the file back or let its writer finish, then start again.",
        kind=DamagedFileError,
    )
    assert isinstance(error, DamagedFileError)
    return error


def read_into(file: IO[bytes], array: npt.NDArray[Any]) -> None:
    """Fill a contiguous array with the next bytes of a file; EOFError if there are too few."""
    if array.size == 0:
        return
    view = memoryview(_as_bytes(array))
    while len(view):
        count = file.readinto(view)  # type: ignore[attr-defined]
        if not count:
            raise EOFError(f"it ends {len(view)} bytes too early")
        view = view[count:]


def read_at(descriptor: int, array: npt.NDArray[Any], position: int) -> None:
    """Fill a contiguous array from a position of a file; EOFError if there are too few bytes."""
    view = memoryview(_as_bytes(array)) if array.size else memoryview(b"")
    while len(view):
        count = os.preadv(descriptor, [view], position)
        if not count:
            raise EOFError(f"it ends {len(view)} bytes too early")
        view, position = view[count:], position + count


def _as_bytes(array: npt.NDArray[Any]) -> Any:
    return array.view(np.uint8).reshape(-1)  # a memoryview alone refuses other byte orders


def runs(rows: IntArray, gap: int, most: int) -> list[tuple[int, int]]:
    """Cut increasing rows into runs (first, last) that one read each is worth.

    Rows of a run follow each other within `gap`, and a run spans at most `most` rows.
    """
    if rows.size == 0:
        return []
    cuts = np.flatnonzero((np.diff(rows) > gap) | (np.diff(rows // most) != 0)) + 1
    edges = [0, *cuts.tolist(), rows.size]
    return list(pairwise(edges))


def take_sorted(rows: IntArray, n: int, take: Callable[[IntArray], Any]) -> Any:
    """`take(rows)` for a `take` that wants increasing row numbers; IndexError if there is none."""
    rows = np.asarray(rows, dtype=np.int64)
    if rows.size and (rows.min() < -n or rows.max() >= n):
        raise IndexError(f"row {rows.min() if rows.min() < -n else rows.max()} of {n} rows")
    rows = np.where(rows < 0, rows + n, rows)
    if rows.size < 2 or bool(np.all(np.diff(rows) > 0)):
        return take(rows)
    sorted_rows, positions = np.unique(rows, return_inverse=True)
    return take(sorted_rows)[positions]


def float_dtype(dtype: np.dtype[Any]) -> np.dtype[Any]:
    """The dtype of rows handed back: float32 stays, everything else becomes float64."""
    return np.dtype(np.float32 if dtype == np.float32 else np.float64)


def check_dtype(dtype: np.dtype[Any], name: str, what: str = "") -> None:
    """Refuse entries that are not real numbers of at most eight bytes."""
    if dtype.kind in "fiub" and dtype.itemsize <= 8 and dtype != np.float16:
        return
    remedy = {
        "c": "Stack real and imaginary parts as separate rows or columns.",
        "O": "Convert to numbers first, for example with .astype(float).",
    }.get(dtype.kind, "Convert first, for example with .astype(np.float64).")
    expected = "float32, float64, integer or boolean entries"
    raise argument_error(name, f"{what}dtype {dtype}", expected, remedy, kind=ArgumentTypeError)


def check_dimensions(shape: Sequence[int], name: str, what: str = "") -> tuple[int, int]:
    """The shape of a matrix, or an error."""
    if len(shape) == 2:
        return int(shape[0]), int(shape[1])
    remedy = (
        "For one column use .reshape(-1, 1)."
        if len(shape) == 1
        else "Save or pass a two-dimensional array."
    )
    got = f"{what}{len(shape)} dimension(s), shape {tuple(shape)}"
    raise argument_error(name, got, "a two-dimensional array", remedy)


def column_numbers(
    columns: Sequence[str | int] | None, d: int, names: tuple[str, ...] | None = None
) -> tuple[list[int] | None, tuple[str, ...] | None]:
    """Positions and names of the chosen columns; without names they are called x0, x1, ….

    (None, names) if all are wanted.
    """
    if columns is None:
        return None, names
    if isinstance(columns, str):
        columns = [columns]
    positions: list[int] = []
    for column in columns:
        position = _column_number(column, d, names)
        if position in positions:
            raise _column_error(f"{column!r} twice", d, names)
        positions.append(position)
    if not positions:
        raise _column_error("none", d, names)
    return positions, tuple(names[j] if names else f"x{j}" for j in positions)


def _column_number(column: str | int, d: int, names: tuple[str, ...] | None) -> int:
    if names is not None and column in names:
        return names.index(str(column))
    text = str(column)
    if names is None and text[:1] == "x":
        text = text[1:]
    if text.isdecimal() and int(text) < d:
        return int(text)
    raise _column_error(repr(column), d, names)


def _column_error(got: str, d: int, names: tuple[str, ...] | None) -> RnlaError:
    known = listed(names) if names else f"x0 to x{d - 1}"
    return argument_error(
        "columns",
        got,
        f"names among {known}, or numbers from 0 to {d - 1}, none twice",
        "Check the spelling.",
    )
