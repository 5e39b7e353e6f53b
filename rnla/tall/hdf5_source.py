"""Rows of an HDF5 dataset, read by h5py in rows of chunks: one pass unpacks every chunk once.

A file named by its path is opened for each load and closed after it, so that no lock is held
between passes. A dataset that is not chunked is read in the ranges asked for.
"""

from __future__ import annotations

import os
import pathlib
import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import numpy as np
import numpy.typing as npt

from .._errors import DamagedFileError, argument_error, import_optional
from ._chunked import ChunkedSource
from ._file_errors import PathLike, as_damage, existing_file, listed
from ._streamed import FileStamp, damage

__all__ = ["SUFFIXES", "Hdf5Source", "is_hdf5_object", "is_hdf5_path"]

SUFFIXES = (".h5", ".hdf5", ".hdf", ".he5")
_PATH = re.compile(r"(?P<file>.*\.(?:h5|hdf5|hdf|he5))(?::(?P<dataset>.*))?", re.I | re.S)
_RANGE = 2**21  # bytes that one read of a dataset without chunks asks for


def is_hdf5_path(text: str) -> bool:
    """Whether text names an HDF5 file, or a dataset in one as ``"file.h5:/path"``."""
    return _PATH.fullmatch(text) is not None


def is_hdf5_object(value: Any) -> bool:
    """Whether a value is a dataset, group or file of h5py, without importing it."""
    return any(t.__module__.partition(".")[0] == "h5py" for t in type(value).__mro__)


def _package() -> Any:
    return import_optional("h5py", extra="io", purpose="to read HDF5")


class Hdf5Source(ChunkedSource):
    """A two-dimensional dataset.

    Parameters
    ----------
    where : str, path-like, or h5py.Dataset, h5py.Group or h5py.File
        ``"file.h5:/path/to/dataset"``; a file or group with one dataset needs no dataset name.
    columns : sequence of str or int, optional
        Columns to take, in this order: numbers from 0, or x0, x1, ….
    name : str
        How error messages call the matrix.
    """

    def __init__(
        self, where: Any, *, columns: Sequence[str | int] | None = None, name: str = "A"
    ) -> None:
        h5py = _package()
        self._object: Any = None
        self._stamp: FileStamp | None = None
        if isinstance(where, str | os.PathLike):
            match = _PATH.fullmatch(os.fspath(where))
            assert match is not None
            self._file = existing_file(match["file"], SUFFIXES)
            self._stamp = FileStamp.of(self._file)
            with self._opened_file() as opened:
                self._path = _dataset_of(opened, match["dataset"], h5py, name).name
        else:
            dataset = _dataset_of(where, None, h5py, name)
            self._object, self._path = dataset, dataset.name
            self._file = pathlib.Path(os.fsdecode(dataset.file.filename))
            if dataset.file.mode == "r" and self._file.is_file():
                self._stamp = FileStamp.of(self._file)
        self._what = f"dataset {self._path!r} of {str(self._file)!r}"
        with self._dataset() as dataset:
            shape, dtype, chunks = dataset.shape or (), dataset.dtype, dataset.chunks
            self._is_virtual = bool(dataset.is_virtual)
            if self._is_virtual:
                _check_parts(dataset, self._file)
        self._reads_parts = chunks is None
        width = max(1, int(np.prod(shape[1:], dtype=object)) * dtype.itemsize)
        rows = chunks[0] if chunks else max(1, _RANGE // width)
        super().__init__(
            shape, dtype, rows, columns=columns, copies=1.0, name=name, what=self._what
        )

    @contextmanager
    def _opened_file(self) -> Iterator[Any]:
        # Opening fails with OSError for files that are cut short or nothing of the kind.
        with as_damage(self._file, "an HDF5 file"):
            opened = _package().File(self._file, "r")
        with opened:
            yield opened

    @contextmanager
    def _dataset(self) -> Iterator[Any]:
        if self._object is not None:
            if not self._object:
                raise damage(f"{self._what}, which has been closed since the matrix was opened")
            yield self._object
            return
        with self._opened_file() as opened:
            if self._path not in opened:
                raise damage(f"{self._what}, which has vanished since the matrix was opened")
            yield opened[self._path]

    def check(self) -> None:
        if self._stamp is not None:
            self._stamp.check()

    def _read_range(self, start: int, stop: int) -> npt.NDArray[Any]:
        out = np.empty((stop - start, self._right - self._left), self._stored_dtype)
        with self._dataset() as dataset:
            try:
                if out.size:
                    dataset.read_direct(out, np.s_[start:stop, self._left : self._right])
            except (OSError, RuntimeError, KeyError, ValueError, TypeError) as error:
                reason = " ".join(str(error).split())
                raise argument_error(
                    "path",
                    f"{self._what}, whose rows {start} to {stop - 1} cannot be read ({reason})",
                    "a file that h5py can read",
                    "Copy or write the file again.",
                    kind=DamagedFileError,
                ) from error
        return out

    def identity(self) -> object | None:
        if self._stamp is None or self._is_virtual:
            return None
        return "hdf5", self._stamp, self._path, self._left, self._right, self._pick

    def where(self, row: int) -> str:
        place = f"in {self._path!r} of {self._file.name!r}"
        if self._reads_parts:
            return place
        return f"{place}, {self._chunk_text(row)}"


def _dataset_of(where: Any, path: str | None, h5py: Any, name: str) -> Any:
    """The dataset called so, or the only one of a file or group."""
    if isinstance(where, h5py.Dataset):
        return where
    found: list[str] = []
    where.visititems(
        lambda key, item: found.append(key) if isinstance(item, h5py.Dataset) else None
    )
    file = repr(where.file.filename)
    if path:
        item = where.get(path)
        if isinstance(item, h5py.Dataset):
            return item
        if item is not None:
            return _dataset_of(item, None, h5py, name)
        got = f"{path!r}, which is not in {file}"
    elif len(found) == 1:
        return where[found[0]]
    else:
        got = f"{file} with {len(found)} datasets"
    remedy = f"Pass 'file.h5:/name'; there are {listed(found)}." if found else "Check the file."
    raise argument_error(name, got, "the name of a dataset", remedy)


def _check_parts(dataset: Any, file: PathLike) -> None:
    """Refuse a virtual dataset whose parts are not there: HDF5 would read zeros instead."""
    folder = pathlib.Path(file).parent
    for part in dataset.virtual_sources():
        key = part.file_name
        here = key == "." or "%" in key  # a pattern names any number of files
        if not (here or (folder / key).exists() or os.path.exists(key)):
            raise argument_error(
                "path",
                f"{str(file)!r}, whose part {key!r} does not exist",
                "all files of a virtual dataset",
                "Put the file back.",
                kind=DamagedFileError,
            )
