"""Write results so that an interrupted write leaves the old file whole.

Everything goes to a new file in the same folder, reaches the disk, and takes the old name in one
step (`os.replace`). Tables keep every bit of a float64: text is the shortest that reads back equal.
"""

from __future__ import annotations

import os
import pathlib
import secrets
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any, BinaryIO

import numpy as np
import numpy.typing as npt
import scipy.sparse as sp

from .._errors import argument_error, import_optional
from ._file_errors import PathLike

__all__ = ["atomic_file", "check_output", "write_columns", "write_sample"]

_RESERVED = ("row", "weight")


@contextmanager
def atomic_file(path: PathLike) -> Iterator[BinaryIO]:
    """Open a file for writing that replaces `path` only when the block ends without an error."""
    # A link stays a link: what it points to is replaced.
    target = pathlib.Path(os.path.realpath(path))
    temporary = target.with_name(f".{target.name}.{secrets.token_hex(6)}.part")
    try:
        with open(temporary, "xb") as file:
            yield file
            file.flush()
            os.fsync(file.fileno())
        if target.exists():
            os.chmod(temporary, target.stat().st_mode & 0o777)
        os.replace(temporary, target)
    except BaseException as error:
        temporary.unlink(missing_ok=True)
        if type(error) is OSError and error.errno is not None:  # a full disk, a quota, a limit
            raise OSError(
                error.errno,
                f"path: got {str(target)!r}, which cannot be written ({error.strerror or error}); "
                "expected room for the new file. What stood there is unchanged: make room, or "
                "choose another folder",
            ) from error
        raise


def check_output(
    path: PathLike,
    *,
    suffixes: Sequence[str] = (".csv", ".parquet", ".npz"),
    column_names: Sequence[str] = (),
    sparse: bool = False,
    name: str = "out",
) -> pathlib.Path:
    """Raise now if writing to `path` could not work later, after the computation.

    Parameters
    ----------
    path : str or path-like
        Where results are to go.
    suffixes : sequence of str
        File types that are possible.
    column_names : sequence of str
        Names that must not collide with ``row`` and ``weight``.
    sparse : bool
        Whether the rows are sparse; only .npz keeps them so.
    name : str
        How messages call the argument.

    Returns
    -------
    pathlib.Path
    """
    file = pathlib.Path(path)
    suffix = file.suffix.lower()
    if suffix not in suffixes:
        expected = f"a file name that ends in {', '.join(suffixes)}"
        raise argument_error(name, repr(str(file)), expected, "Change the ending.")
    if not file.parent.is_dir():
        raise argument_error(
            name, repr(str(file)), "a file in an existing folder", f"Create {file.parent} first."
        )
    if file.is_dir():
        raise argument_error(name, f"the folder {str(file)!r}", "a file name", "Add a file name.")
    if sparse and suffix != ".npz":
        remedy = "Choose a name that ends in .npz: a table would store every zero."
        raise argument_error(name, f"{suffix} for sparse rows", ".npz", remedy)
    clash = [column for column in column_names if column in _RESERVED]
    if clash and suffix != ".npz":
        remedy = "Rename the column, or choose a name that ends in .npz."
        expected = "no columns called 'row' or 'weight', since the sample adds them"
        raise argument_error(name, f"a matrix with column {clash[0]!r}", expected, remedy)
    if suffix == ".csv":
        import_optional("pandas", extra="io", purpose=f"to write {file.name!r}")
    if suffix == ".parquet":
        import_optional("pyarrow", extra="io", purpose=f"to write {file.name!r}")
    return file


def write_sample(
    path: PathLike,
    rows: Any,
    *,
    indices: npt.ArrayLike,
    weights: npt.ArrayLike,
    column_names: Sequence[str] | None = None,
) -> None:
    """Write sampled rows with their row numbers and weights.

    Parameters
    ----------
    path : str or path-like
        A .csv or .parquet file gets columns ``row``, ``weight`` and then the matrix columns. A .npz
        file gets arrays ``row``, ``weight`` and ``column_names``, and the matrix as ``matrix``, or
        for sparse rows in the layout of ``scipy.sparse.save_npz``, so that ``load_npz`` reads it.
    rows : ndarray or scipy.sparse array, shape (size, d)
        The rows as they stand in the matrix, not multiplied by anything: whoever fits a model with
        observation weights needs them so. For ||Ax||_p multiply row i by ``weight[i]**(1/p)``.
    indices : array_like of int, shape (size,)
        Row numbers in the matrix, counted from 0.
    weights : array_like of float, shape (size,)
        What each row counts for in a sum of p-th powers.
    column_names : sequence of str, optional
        ``"x0"``, ``"x1"``, … by default.

    Raises
    ------
    ArgumentError
        If the suffix, the folder or a column name is unsuitable, or lengths differ.
    MissingPackageError
        If the package that writes this type is not installed.

    Notes
    -----
    The file appears whole or not at all; what stood there before stays until then.
    """
    d = rows.shape[1]
    names = [f"x{j}" for j in range(d)] if column_names is None else list(column_names)
    row, weight = np.asarray(indices, dtype=np.int64), np.asarray(weights, dtype=np.float64)
    if not (row.shape == weight.shape == (rows.shape[0],)) or len(names) != d:
        raise argument_error(
            "indices",
            f"{row.shape} row numbers, {weight.shape} weights and {len(names)} names for rows of "
            f"shape {rows.shape}",
            "one row number and one weight per row, one name per column",
            "Pass the arrays of one sample.",
        )
    file = check_output(path, column_names=names, sparse=sp.issparse(rows), name="path")
    if file.suffix.lower() == ".npz":
        arrays = {"row": row, "weight": weight, "column_names": np.array(names, dtype=np.str_)}
        with atomic_file(file) as out:
            np.savez(out, allow_pickle=False, **arrays, **_matrix_arrays(rows))
        return
    table = {"row": row, "weight": weight}
    table |= {name: np.asarray(rows[:, j]) for j, name in enumerate(names)}
    _write_table(file, table)


def write_columns(path: PathLike, columns: Mapping[str, npt.NDArray[Any]]) -> None:
    """Write equally long columns to a .csv, .parquet or .npz file, whole or not at all."""
    file = check_output(path, name="path")
    if file.suffix.lower() == ".npz":
        with atomic_file(file) as out:
            np.savez(out, allow_pickle=False, **columns)
        return
    _write_table(file, columns)


def _matrix_arrays(rows: Any) -> dict[str, Any]:
    if not sp.issparse(rows):
        return {"matrix": np.asarray(rows)}
    csr = sp.csr_array(rows)
    return {
        "format": np.array(b"csr"),
        "_is_array": np.array(True),
        "shape": np.array(csr.shape),
        "data": csr.data,
        "indices": csr.indices,
        "indptr": csr.indptr,
    }


def _write_table(file: pathlib.Path, columns: Mapping[str, npt.NDArray[Any]]) -> None:
    if file.suffix.lower() == ".parquet":
        pyarrow = import_optional("pyarrow", extra="io", purpose=f"to write {file.name!r}")
        parquet = import_optional("pyarrow.parquet", extra="io", purpose="to write Parquet")
        table = pyarrow.table(dict(columns))
        with atomic_file(file) as out:
            parquet.write_table(table, out)
        return
    pandas = import_optional("pandas", extra="io", purpose=f"to write {file.name!r}")
    with atomic_file(file) as out:
        pandas.DataFrame(dict(columns)).to_csv(out, index=False)
