"""Read a matrix from a file: .npy, .npz (dense or SciPy sparse), .csv, .parquet, .feather.

Whatever cannot be read as what its name says is a `DamagedFileError`. Pickles are never loaded. A
.npy file is mapped, not copied; the others are read whole, in one read of the file.
"""

from __future__ import annotations

import os
import pathlib
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import scipy.sparse as sp

from .._errors import argument_error
from ._file_errors import PathLike, as_damage, existing_file, find_column
from ._table_paths import TABLE_SUFFIXES
from ._tables import read_table
from .convert import as_tall
from .table_source import open_table
from .write import write_columns, write_sample

__all__ = [
    "SUFFIXES",
    "NamedMatrix",
    "WeightedRows",
    "read_matrix",
    "read_sample",
    "write_columns",
    "write_sample",
]

#: File types that `read_matrix` reads.
SUFFIXES = (".npy", ".npz", *TABLE_SUFFIXES)


@dataclass(frozen=True, eq=False)
class NamedMatrix:
    """A matrix and what its columns are called.

    Attributes
    ----------
    matrix : ndarray or scipy.sparse.csr_array, shape (n, d)
    column_names : tuple of str
        Names from the file; ``"x0"``, ``"x1"``, … where a file has none.
    """

    matrix: Any
    column_names: tuple[str, ...]


@dataclass(frozen=True, eq=False)
class WeightedRows:
    """Row numbers, increasing, and one weight each: what a sample file says."""

    indices: npt.NDArray[np.int64]
    weights: npt.NDArray[np.float64]


def read_matrix(path: PathLike, *, columns: Sequence[str | int] | None = None) -> NamedMatrix:
    """Read a matrix from a file.

    Parameters
    ----------
    path : str or path-like
        A .npy file (mapped into memory), a .npz file made by ``scipy.sparse.save_npz`` or holding
        one array, a .csv file whose first line names the columns, or a .parquet, .feather or .arrow
        file.
    columns : sequence of str or int, optional
        Which columns to take, in this order: names, or numbers from 0. All by default.

    Returns
    -------
    NamedMatrix
        Sparse files stay sparse; .npy and .npz keep their dtype; tables become float64, or float32
        if all their columns are. Columns stored as categories become sparse 0/1 columns.

    Raises
    ------
    FileNotFoundError
        If there is no such file.
    DamagedFileError
        If the file is cut short, holds pickled objects, or is not what its suffix says.
    ArgumentError, ArgumentTypeError
        If the suffix is unknown, a column is missing, holds text or misses values, or the array is
        not a real matrix.
    MissingPackageError
        If the package that reads this type is not installed.

    Examples
    --------
    >>> import numpy as np, pathlib, tempfile
    >>> folder = pathlib.Path(tempfile.mkdtemp())
    >>> np.save(folder / "a.npy", np.arange(6.0).reshape(3, 2))
    >>> read_matrix(folder / "a.npy", columns=[1]).matrix
    array([[1.],
           [3.],
           [5.]])
    """
    file = existing_file(path, SUFFIXES)
    suffix = file.suffix.lower()
    if suffix in TABLE_SUFFIXES:
        source, names = open_table(file, columns=columns)
        n = source.shape[0]
        matrix = source.load(0, n).read_raw(0, n)
        source.close()
        return NamedMatrix(matrix, names)
    matrix = _load_npy(file) if suffix == ".npy" else _load_npz(file)
    as_tall(matrix, name="matrix", require_tall=False)  # refuses what no matrix is, at no cost
    if sp.issparse(matrix):
        matrix = sp.csr_array(matrix)
    names = tuple(f"x{j}" for j in range(matrix.shape[1]))
    if columns is None:
        return NamedMatrix(matrix, names)
    picked = [find_column(column, names) for column in columns]
    return NamedMatrix(matrix[:, picked], tuple(names[j] for j in picked))


def read_sample(path: PathLike) -> WeightedRows:
    """Read row numbers and weights from a file of `write_sample` or `RowSample.save`.

    Parameters
    ----------
    path : str or path-like
        A .csv or .parquet file with columns ``row`` and ``weight``, or a .npz file with arrays
        ``row`` and ``weight``, or ``indices`` and ``weights``.

    Returns
    -------
    WeightedRows

    Raises
    ------
    FileNotFoundError, DamagedFileError, ArgumentError, MissingPackageError
        As `read_matrix`.
    """
    file = existing_file(path, _SAMPLE_SUFFIXES)
    if file.suffix.lower() == ".npz":
        with as_damage(file, "an .npz archive"), open(file, "rb") as opened:
            archive = np.load(opened, allow_pickle=False)
            if not isinstance(archive, np.lib.npyio.NpzFile):
                raise ValueError("a bare array, the type that is called .npy")
            arrays = {name: archive[name] for name in archive.files if name in _SAMPLE_ARRAYS}
    else:
        frame = read_table(file)
        arrays = {name: frame[name].to_numpy() for name in frame.columns if name in _SAMPLE_ARRAYS}
    for row, weight in (("row", "weight"), ("indices", "weights")):
        if row in arrays and weight in arrays:
            return _weighted_rows(arrays[row], arrays[weight])
    raise argument_error(
        "sample",
        f"{os.fspath(path)!r} without them",
        "columns 'row' and 'weight'",
        "Pass a file that `rnla embed --out` wrote.",
    )


_SAMPLE_SUFFIXES = (".npz", ".csv", ".parquet")
_SAMPLE_ARRAYS = ("row", "weight", "indices", "weights")


def _weighted_rows(rows: npt.NDArray[Any], weights: npt.NDArray[Any]) -> WeightedRows:
    expected = "non-negative row numbers, none twice, and one finite non-negative weight each"
    remedy = "Pass a file that `rnla embed --out` wrote."
    for name, array, kinds in (("row", rows, "iu"), ("weight", weights, "iuf")):
        if array.ndim != 1 or array.dtype.kind not in kinds:
            got = f"column '{name}' of dtype {array.dtype}"
            raise argument_error("sample", got, expected, remedy)
    if rows.size != weights.size or not rows.size:
        got = f"{rows.size} row numbers and {weights.size} weights"
        raise argument_error("sample", got, expected, remedy)
    order = np.argsort(rows, kind="stable")
    indices = rows[order].astype(np.int64)
    if indices[0] < 0 or np.any(np.diff(indices) == 0):
        raise argument_error("sample", "a negative or repeated row number", expected, remedy)
    values = weights[order].astype(np.float64)
    if not np.all(np.isfinite(values) & (values >= 0)):
        raise argument_error("sample", "a negative or non-finite weight", expected, remedy)
    return WeightedRows(indices, values)


def _load_npy(file: pathlib.Path) -> npt.NDArray[Any]:
    with as_damage(file, "an array written by numpy.save"):
        loaded = np.load(file, mmap_mode="r", allow_pickle=False)
        if not isinstance(loaded, np.ndarray):
            loaded.close()
            raise ValueError("a zip archive, the type that is called .npz")
        return loaded


def _load_npz(file: pathlib.Path) -> Any:
    expected = "an archive written by scipy.sparse.save_npz, or by numpy.savez with one array"
    # Opened here, because numpy.load does not close a file that turns out to be damaged.
    with as_damage(file, expected), open(file, "rb") as opened:
        archive = np.load(opened, allow_pickle=False)
        if not isinstance(archive, np.lib.npyio.NpzFile):
            raise ValueError("a bare array, the type that is called .npy")
        names = archive.files
        if len(names) == 1:
            array: npt.NDArray[Any] = archive[names[0]]
            return array
        if "format" in names and "shape" in names:
            matrix = sp.load_npz(file)
            if hasattr(matrix, "check_format"):
                # Kernels trust column numbers, so a file that points outside must stop here.
                matrix.check_format(full_check=True)
            return matrix
    raise argument_error(
        "path",
        f"{str(file)!r} with {len(names)} arrays ({', '.join(names[:8])})",
        "one array, or a sparse matrix",
        "Save the matrix alone: numpy.save('matrix.npy', A).",
    )
