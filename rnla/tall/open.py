"""`open_source`: from a path, an open dataset or an iterable to rows that are read in passes.

Packages that read a format are imported when such a file is opened, not before.
"""

from __future__ import annotations

import glob
import os
import pathlib
from collections.abc import Callable, Iterable, Sequence
from typing import Any

import numpy as np
import scipy.sparse as sp

from .._errors import argument_error
from ._file_errors import listed
from ._source import Source
from ._table_paths import TABLE_SUFFIXES
from .hdf5_source import Hdf5Source, is_hdf5_object, is_hdf5_path
from .iterable_source import IterableSource, is_block
from .memory import parse_memory
from .npy_source import NpySource
from .npz_source import open_npz
from .stacked_source import StackedSource
from .zarr_source import ZarrSource, is_zarr_object, is_zarr_path

__all__ = ["ARRAY_SUFFIXES", "TABLE_SUFFIXES", "open_source"]

ARRAY_SUFFIXES = (".npy", ".npz", ".zarr", ".h5", ".hdf5")

Opened = tuple[Source, tuple[str, ...] | None]


def open_source(
    obj: Any,
    *,
    columns: Sequence[str | int] | None = None,
    memory: int | str | None = None,
    name: str = "A",
    **table_options: Any,
) -> Opened | None:
    """Open rows that live outside NumPy and SciPy arrays.

    Parameters
    ----------
    obj : object
        A path: ``.npy``, ``.npz``, ``"x.zarr"``, ``"x.zarr/array"``, ``"file.h5"``,
        ``"file.h5:/dataset"``; tables ``.parquet``, ``.feather``, ``.arrow``, ``.ipc``, ``.csv``; a
        folder or glob of tables or of .npy files; a list of such paths. Or an open Zarr or HDF5
        array; or an iterable of row blocks that can be walked again, or a function that returns
        one.
    columns : sequence of str or int, optional
        Columns to take, in this order: names, or numbers from 0. Columns without names are called
        x0, x1, ….
    memory : int or str, optional
        Budget; only decides here whether what cannot be read in order may be converted in memory.
    name : str
        How error messages call the matrix.
    **table_options
        Passed to the reader of tables; refused for anything else.

    Returns
    -------
    tuple of (Source, tuple of str or None), or None
        The rows, and column names if there are any; None if `obj` is none of these.

    Raises
    ------
    FileNotFoundError
        If nothing lies at a path.
    DamagedFileError
        If a file is not what its name says.
    ArgumentError, ArgumentTypeError
        If there is no matrix of real numbers in it, or a column is missing.
    MissingPackageError
        If the package that reads this type is not installed.
    """
    opener = _opener(obj, name)
    if opener is None:
        return None
    if opener is _open_tables:
        return _open_tables(obj, columns, name, table_options)
    for option, value in table_options.items():
        if value is not None and value != () and value != []:
            remedy = f"Leave {option} out."
            raise argument_error(option, f"{value!r} for rows that are no table", "nothing", remedy)
    source: Any = opener(obj, columns=columns, memory=parse_memory(memory), name=name)
    return source, getattr(source, "column_names", None)


def _opener(obj: Any, name: str) -> Callable[..., Any] | None:
    """The function that opens such an object, or None."""
    if isinstance(obj, str | os.PathLike):
        return _path_opener(os.fspath(obj), name)
    if is_hdf5_object(obj):
        return _open_hdf5
    if is_zarr_object(obj):
        return _open_zarr
    if isinstance(obj, list | tuple):
        if obj and all(isinstance(item, str | os.PathLike) for item in obj):
            return _list_opener([os.fspath(item) for item in obj], name)
        return _open_iterable if obj and is_block(obj[0]) else None
    if _is_array(obj) or isinstance(obj, dict | set | frozenset | bytes | bytearray):
        return None
    return _open_iterable if callable(obj) or isinstance(obj, Iterable) else None


def _is_array(obj: Any) -> bool:
    """Whether NumPy or SciPy, or an adapter of another package, knows what to do with it."""
    known = isinstance(obj, np.ndarray | np.generic) or sp.issparse(obj)
    foreign = ("__array__", "__array_interface__", "__dataframe__", "__dask_graph__", "shape")
    return known or any(hasattr(obj, attribute) for attribute in foreign)


def _path_opener(path: str | bytes, name: str) -> Callable[..., Any]:
    if isinstance(path, bytes):
        raise argument_error(name, "a path in bytes", "text", "Use os.fsdecode(path).")
    if "://" in path:
        remedy = "Open it with zarr, h5py or dask and pass the array, or copy it to a disk."
        raise argument_error(name, repr(path), "a path on this machine", remedy)
    suffix = pathlib.Path(path).suffix.lower()
    if is_hdf5_path(path):
        return _open_hdf5
    if is_zarr_path(path):
        return _open_zarr
    if suffix in TABLE_SUFFIXES:
        return _open_tables
    if os.path.isdir(path):
        inside = [str(file) for file in sorted(pathlib.Path(path).iterdir()) if file.is_file()]
        npy = bool(inside) and all(file.lower().endswith(".npy") for file in inside)
        return _open_stacked if npy else _open_tables
    if glob.has_magic(path) and not os.path.exists(path):
        return _open_stacked if suffix == ".npy" else _open_tables
    if suffix in (".npy", ".npz"):
        return _open_npy if suffix == ".npy" else _open_npz
    raise argument_error(
        name,
        repr(path),
        f"a folder, or a file that ends in {', '.join([*ARRAY_SUFFIXES, *TABLE_SUFFIXES])}",
        "Convert or rename the file.",
    )


def _list_opener(paths: list[str], name: str) -> Callable[..., Any]:
    suffixes = sorted({pathlib.Path(path).suffix.lower() for path in paths})
    if suffixes == [".npy"]:
        return _open_stacked
    if len(paths) == 1:
        return lambda obj, **options: _path_opener(paths[0], name)(paths[0], **options)
    if all(suffix in TABLE_SUFFIXES for suffix in suffixes):
        return _open_tables
    raise argument_error(
        name,
        f"{len(paths)} files of type {listed(suffixes)}",
        "several .npy files, or several tables of one type",
        "Convert them to one type, or pass a function that yields their rows in blocks.",
    )


def _open_npy(path: Any, *, columns: Any, memory: int | None, name: str) -> Source:
    return NpySource(path, columns=columns, name=name)


def _open_npz(path: Any, *, columns: Any, memory: int | None, name: str) -> Source:
    return open_npz(path, columns=columns, memory=memory, name=name)


def _open_zarr(where: Any, *, columns: Any, memory: int | None, name: str) -> Source:
    return ZarrSource(where, columns=columns, name=name)


def _open_hdf5(where: Any, *, columns: Any, memory: int | None, name: str) -> Source:
    return Hdf5Source(where, columns=columns, name=name)


def _open_iterable(blocks: Any, *, columns: Any, memory: int | None, name: str) -> Source:
    return IterableSource(blocks, columns=columns, name=name)


def _open_stacked(paths: Any, *, columns: Any, memory: int | None, name: str) -> Source:
    files = _expanded(paths)
    return StackedSource([NpySource(file, columns=columns, name=name) for file in files], name=name)


def _expanded(paths: Any) -> list[str]:
    """The files of a list, folder or glob; the two last in the order of their names."""
    if isinstance(paths, list | tuple):
        return [os.fspath(path) for path in paths]
    path = os.fspath(paths)
    pattern = os.path.join(glob.escape(path), "*.npy") if os.path.isdir(path) else path
    files = sorted(glob.glob(pattern))
    if not files:
        raise FileNotFoundError(f"path: got {path!r}; expected .npy files. There are none.")
    return files


def _open_tables(
    paths: Any, columns: Sequence[str | int] | None, name: str, options: dict[str, Any]
) -> Opened:
    from .table_source import open_table

    source, names = open_table(paths, columns=columns, **options)
    return source, tuple(names)
