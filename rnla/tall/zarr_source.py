"""Rows of a Zarr array, read in rows of chunks: one pass unpacks every chunk once.

A chunk that is not there means the fill value in Zarr, so a chunk lost between passes would turn
into zeros in silence. On a local disk the size and time of change of every chunk file are therefore
noted on opening (16 bytes a chunk) and compared before each read. In shards, the chunks inside are
what is read.
"""

from __future__ import annotations

import os
import pathlib
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import numpy as np
import numpy.typing as npt

from .._errors import ArgumentTypeError, DamagedFileError, argument_error, import_optional
from ._chunked import ChunkedSource
from ._file_errors import PathLike, listed
from ._streamed import damage

__all__ = ["ZarrSource", "is_zarr_object", "is_zarr_path"]

_METADATA = ("zarr.json", ".zarray", ".zgroup")


def is_zarr_object(value: Any) -> bool:
    """Whether a value is an array or group of zarr, without importing it."""
    return any(t.__module__.partition(".")[0] == "zarr" for t in type(value).__mro__)


def is_zarr_path(path: PathLike) -> bool:
    """Whether a path names a Zarr store or something inside one."""
    path = pathlib.Path(path)
    named = any(part.lower().endswith(".zarr") for part in path.parts)
    return named or any((path / key).is_file() for key in _METADATA)


class ZarrSource(ChunkedSource):
    """A two-dimensional Zarr array.

    Parameters
    ----------
    where : str, path-like, zarr.Array or zarr.Group
        A group must hold one array; ``"x.zarr/name"`` is a member of a group.
    columns : sequence of str or int, optional
        Columns to take, in this order: numbers from 0, or x0, x1, ….
    name : str
        How error messages call the matrix.
    """

    def __init__(
        self, where: Any, *, columns: Sequence[str | int] | None = None, name: str = "A"
    ) -> None:
        array = _array_of(where, name)
        self._array = array
        self._folder = _local_folder(array)
        self._title = str(self._folder or "a Zarr array")
        self._grid = tuple(array.shards or array.chunks)  # what one file holds
        super().__init__(
            array.shape,
            np.dtype(array.dtype),
            array.chunks[0] if array.chunks else 1,
            columns=columns,
            copies=2.0,  # the result of zarr, and what its codecs work on
            name=name,
            what=repr(self._title),
        )
        self._stamps = self._read_stamps(0, self.shape[0])

    def _read_range(self, start: int, stop: int) -> npt.NDArray[Any]:
        if stop == start:
            return np.empty((0, self._right - self._left), self._stored_dtype)
        self._check_chunks(start, stop)
        place = f"{self._title!r}, whose {self._chunk_text(start)}, cannot be read"
        with _as_damage(place):
            rows: npt.NDArray[Any] = np.asarray(self._array[start:stop, self._left : self._right])
        return rows

    # Changes -----------------------------------------------------------------------------------

    def _files(self, row: int) -> Iterator[str]:
        """Names of the files that hold the row of the grid in which `row` lies."""
        metadata = self._array.metadata
        for column in range(-(-int(self._array.shape[1]) // self._grid[1])):
            yield metadata.encode_chunk_key((row // self._grid[0], column))

    def _read_stamps(self, start: int, stop: int) -> npt.NDArray[np.int64] | None:
        """(size, time of change) of the files with rows start … stop-1; (-1, -1) if not there."""
        if self._folder is None:
            return None
        first = start - start % self._grid[0]
        stamps = [
            [_stamp(self._folder / key) for key in self._files(row)]
            for row in range(first, stop, self._grid[0])
        ]
        return np.array(stamps, dtype=np.int64)

    def _check_chunks(self, start: int, stop: int) -> None:
        if self._stamps is None or self._folder is None:
            return
        now = self._read_stamps(start, stop)
        first = start // self._grid[0]
        then = self._stamps[first : first + len(now if now is not None else ())]
        changed = np.argwhere(np.any(then != now, axis=2))
        if not self._folder.is_dir():
            raise damage(f"{self._title!r}, which has vanished since the matrix was opened")
        if changed.size and now is not None:
            row, column = changed[0].tolist()
            key = list(self._files((first + row) * self._grid[0]))[column]
            verb = "vanished" if now[row, column, 0] < 0 else "changed"
            place = f"{self._title!r}, whose chunk file {key!r}"
            raise damage(f"{place} has {verb} since the matrix was opened")

    def identity(self) -> object | None:
        if self._stamps is None:
            return None
        stored = (str(self._folder), self._stamps, repr(self._array.fill_value))
        return "zarr", *stored, self._left, self._right, self._pick

    def where(self, row: int) -> str:
        return f"in {_short(self._title)!r}, {self._chunk_text(row)}"


def _short(path: str) -> str:
    """The path from the store on."""
    parts = pathlib.Path(path).parts
    stores = [j for j, part in enumerate(parts) if part.lower().endswith(".zarr")]
    return "/".join(parts[stores[-1] if stores else -1 :])


def _stamp(path: pathlib.Path) -> tuple[int, int]:
    try:
        found = os.stat(path)
    except OSError:
        return -1, -1
    return found.st_size, found.st_mtime_ns


def _local_folder(array: Any) -> pathlib.Path | None:
    """The folder of an array on a local disk."""
    root = getattr(array.store, "root", None)
    if type(array.store).__name__ != "LocalStore" or root is None:
        return None
    return pathlib.Path(os.path.abspath(root)) / str(array.path)


def _array_of(where: Any, name: str) -> Any:
    """The array meant by a path, an array or a group with one array."""
    zarr = import_optional("zarr", extra="io", purpose="to read Zarr arrays")
    if isinstance(where, str | os.PathLike):
        if not os.path.exists(where):
            raise FileNotFoundError(
                f"path: got {os.fspath(where)!r}, which does not exist; expected a Zarr array or "
                "group. Check the spelling."
            )
        with _as_damage(f"{os.fspath(where)!r}, which cannot be read"):
            where = zarr.open(os.fspath(where), mode="r")
    if isinstance(where, zarr.Array):
        return where
    if not isinstance(where, zarr.Group):
        got = type(where).__name__
        remedy = "Open it with zarr.open(…, mode='r')."
        raise argument_error(name, got, "a Zarr array", remedy, kind=ArgumentTypeError)
    with _as_damage(f"group {str(where.store_path)!r}, which cannot be read"):
        members = dict(where.members(max_depth=None))
    arrays = [key for key, item in members.items() if isinstance(item, zarr.Array)]
    if len(arrays) == 1:
        return members[arrays[0]]
    remedy = f"Pass 'x.zarr/name'; there are {listed(arrays)}." if arrays else "Check the path."
    got = f"a Zarr group with {len(arrays)} arrays"
    raise argument_error(name, got, "one array", remedy)


@contextmanager
def _as_damage(got: str) -> Iterator[None]:
    """Turn what Zarr and its codecs raise over stored bytes into a `DamagedFileError`."""
    try:
        yield
    except (OSError, RuntimeError, ValueError, KeyError, TypeError, EOFError) as error:
        if isinstance(error, PermissionError):
            raise
        reason = " ".join(str(error).split()) or type(error).__name__
        raise argument_error(
            "path",
            f"{got} ({reason[:200]})",
            "a Zarr array or group",
            "Copy or write it again.",
            kind=DamagedFileError,
        ) from error
