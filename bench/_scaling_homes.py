"""Large files with Gaussian rows in every home that `as_tall` reads, written block by block.

Rows depend on the seed and their number alone, so every home of one shape holds the same matrix,
and neither the writer nor a reader of blocks ever holds more than one block.
"""

from __future__ import annotations

import contextlib
import pathlib
import shutil
import tempfile
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import scipy.sparse as sp

BLOCK = 2**14
PARQUET_FILES = 4


def block(number: int, d: int, dtype: Any = np.float64) -> np.ndarray:
    """Block `number` of BLOCK rows; its first rows if the matrix ends inside."""
    rng = np.random.default_rng([17, number])
    return rng.standard_normal((BLOCK, d), dtype=dtype)


def blocks(n: int, d: int, dtype: Any = np.float64) -> Iterator[np.ndarray]:
    """All rows, in order."""
    for start in range(0, n, BLOCK):
        yield block(start // BLOCK, d, dtype)[: n - start]


def matrix(n: int, d: int, dtype: Any = np.float64) -> np.ndarray:
    """The matrix in memory."""
    whole = np.empty((n, d), dtype)
    for start, part in zip(range(0, n, BLOCK), blocks(n, d, dtype), strict=True):
        whole[start : start + BLOCK] = part
    return whole


def sparse_matrix(n: int, d: int, per_row: int) -> sp.csr_array:
    """CSR with `per_row` entries in each row, one in each of so many equal ranges of columns."""
    rng = np.random.default_rng(17)
    step = d // per_row
    indices = np.empty((n, per_row), np.int32)
    for start in range(0, n, BLOCK):
        part = indices[start : start + BLOCK]
        part[:] = rng.integers(0, step, part.shape) + step * np.arange(per_row)
    data = rng.standard_normal(n * per_row)
    indptr = np.arange(0, n * per_row + 1, per_row, dtype=np.int32)
    return sp.csr_array((data, indices.ravel(), indptr), shape=(n, d))


@contextlib.contextmanager
def workplace(folder: pathlib.Path | None) -> Iterator[pathlib.Path]:
    """A new folder, below `folder` if given, which is gone afterwards whatever happens."""
    path = pathlib.Path(tempfile.mkdtemp(prefix="rnla-scaling-", dir=folder))
    try:
        yield path
    finally:
        shutil.rmtree(path, ignore_errors=True)


def _npy(folder: pathlib.Path, n: int, d: int, dtype: Any) -> str:
    path = folder / f"A-{np.dtype(dtype).name}.npy"
    header = {"descr": np.dtype(dtype).str, "fortran_order": False, "shape": (n, d)}
    with open(path, "wb") as file:
        np.lib.format.write_array_header_2_0(file, header)
        for part in blocks(n, d, dtype):
            file.write(part.data)
    return str(path)


def _table(part: np.ndarray) -> Any:
    import pyarrow as pa

    return pa.table({f"x{j}": part[:, j] for j in range(part.shape[1])})


def _parquet(folder: pathlib.Path, n: int, d: int, dtype: Any) -> str:
    import pyarrow.parquet as pq

    (folder / "parquet").mkdir()
    schema = _table(np.zeros((1, d), dtype)).schema
    rows = -(-n // (PARQUET_FILES * BLOCK)) * BLOCK
    source = blocks(n, d, dtype)
    for number in range(-(-n // rows)):
        path = folder / "parquet" / f"part-{number}.parquet"
        with pq.ParquetWriter(path, schema) as file:
            for _ in range(number * rows, min((number + 1) * rows, n), BLOCK):
                file.write_table(_table(next(source)))
    return str(folder / "parquet")


def _feather(folder: pathlib.Path, n: int, d: int, dtype: Any) -> str:
    import pyarrow as pa

    path = folder / "A.feather"
    schema = _table(np.zeros((1, d), dtype)).schema
    with pa.ipc.new_file(str(path), schema) as file:
        for part in blocks(n, d, dtype):
            file.write_table(_table(part))
    return str(path)


def _csv(folder: pathlib.Path, n: int, d: int, dtype: Any) -> str:
    import pyarrow.csv

    path = folder / "A.csv"
    schema = _table(np.zeros((1, d), dtype)).schema
    with pyarrow.csv.CSVWriter(str(path), schema) as file:
        for part in blocks(n, d, dtype):
            file.write_table(_table(np.round(part, 4)))
    return str(path)


def _zarr(name: str, **options: Any) -> Callable[..., str]:
    def write(folder: pathlib.Path, n: int, d: int, dtype: Any) -> str:
        import zarr

        path, chunks = folder / f"{name}.zarr", (min(n, BLOCK), d)
        array = zarr.create_array(path, shape=(n, d), chunks=chunks, dtype=dtype, **options)
        for start, part in zip(range(0, n, BLOCK), blocks(n, d, dtype), strict=True):
            array[start : start + len(part)] = part
        return str(path)

    return write


def _hdf5(name: str, chunked: bool) -> Callable[..., str]:
    def write(folder: pathlib.Path, n: int, d: int, dtype: Any) -> str:
        import h5py

        path = folder / f"{name}.h5"
        with h5py.File(path, "w") as file:
            chunks = (min(n, BLOCK), d) if chunked else None
            array = file.create_dataset("A", shape=(n, d), dtype=dtype, chunks=chunks)
            for start, part in zip(range(0, n, BLOCK), blocks(n, d, dtype), strict=True):
                array[start : start + len(part)] = part
        return f"{path}:/A"

    return write


#: Home -> write(folder, n, d, dtype), which returns what `as_tall` opens.
WRITERS: dict[str, Callable[..., str]] = {
    ".npy": _npy,
    "Parquet folder": _parquet,
    "Feather": _feather,
    "CSV": _csv,
    "Zarr": _zarr("default"),
    "Zarr uncompressed": _zarr("plain", compressors=None),
    "HDF5": _hdf5("contiguous", chunked=False),
    "HDF5 chunked": _hdf5("chunked", chunked=True),
}


def write_sparse(folder: pathlib.Path, n: int, d: int, per_row: int) -> str:
    """An uncompressed SciPy .npz file."""
    path = folder / "A.npz"
    sp.save_npz(path, sparse_matrix(n, d, per_row), compressed=False)
    return str(path)


def stored_bytes(path: str) -> int:
    """Bytes on disk of a file or folder, or of the file before a colon."""
    place = pathlib.Path(path.partition(":/")[0])
    files = place.rglob("*") if place.is_dir() else [place]
    return sum(file.stat().st_size for file in files if file.is_file())
