"""`as_tall`: accept what users have, refuse what would be silently wrong."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import Any

import numpy as np
import scipy.sparse as sp

from .._errors import ArgumentTypeError, RnlaError, argument_error
from ._device import array_module, of_device, on_device
from ._engine import Engine, LocalEngine
from ._file_errors import PathLike
from ._source import DenseSource, Source, SparseSource
from .checkpoint import with_checkpoint
from .dask_collections import open_dask
from .device_engine import DeviceEngine
from .device_source import taken_over
from .device_stream import StreamEngine, gpu_number, on_gpu
from .loaded import LoadedSource, fits
from .matrix import TallMatrix
from .memory import parse_memory
from .open import open_source
from .progress import with_progress

__all__ = ["as_tall"]

_EXPECTED = (
    "a real two-dimensional array or SciPy sparse matrix, a Dask collection, a path, an open Zarr "
    "or HDF5 array, or row blocks that can be walked again"
)

_IN_MEMORY = "a matrix in memory"


def as_tall(
    A: Any,
    *,
    columns: Sequence[str | int] | None = None,
    memory: int | str | None = None,
    device: str | None = None,
    dask: bool = False,
    one_hot: Sequence[str | int] = (),
    drop: str | None = None,
    checkpoint: PathLike | None = None,
    progress: bool = False,
    name: str = "A",
    require_tall: bool = True,
) -> TallMatrix:
    """Wrap a matrix, wherever its rows live, so that it can be read in passes.

    Parameters
    ----------
    A : array_like, sparse array, Dask or GPU array, path, open dataset, iterable, or TallMatrix
        ==========================  ==============================================================
        home                        what may be passed, shape (n, d)
        ==========================  ==============================================================
        memory                      any array of real numbers, of any order, read-only too; CSR as
                                    it is, CSC and COO converted to CSR once
        arrays in files             path of a ``.npy`` or ``.npz`` file, ``"x.zarr/array"``,
                                    ``"x.h5:/dataset"``, an open Zarr or HDF5 array, a glob or
                                    folder of .npy files
        tables in files             path, glob, folder or list of Parquet, Feather or CSV files
        generated                   a list or other iterable of row blocks that can be walked
                                    again, or a function that returns a fresh iterator
        Dask                        ``dask.array`` or ``dask.dataframe``, on whatever scheduler is
                                    active
        GPU                         CuPy array, or CuPy sparse matrix; a PyTorch tensor, through
                                    DLPack where it is on a GPU (see :doc:`/gpu`)
        ==========================  ==============================================================

        A TallMatrix is returned unchanged, but for a checkpoint or progress.
    columns : sequence of str or int, optional
        For files and blocks: which columns to take, in this order; names, or numbers from 0.
    memory : int or str, optional
        Budget for files and blocks, such as ``"1GiB"``, for all that a computation holds: the rows
        themselves if they fit, and are then read once, else groups of rows that are read ahead, and
        eight numbers for each row. By default rows are kept if they take a quarter of the
        machine's memory at most. With `device` a budget of the GPU's memory, for any rows of the
        host: see Notes.
    device : {None, "cuda", "cuda:0", "cuda:1", ...}
        Compute on this GPU, which has to be CuPy's current one. Rows of the host, of files and
        blocks are copied there: once if they fit, else in every pass (see Notes). By default rows
        are visited where they are, and nothing is copied.
    dask : bool
        For files: let Dask read them, on whatever scheduler is active, a range of rows in each
        task. Workers must see the same paths. `memory` then bounds a chunk to an eighth of it.
    one_hot : sequence of str or int
        For tables: columns of categories that become sparse columns of zeros and ones.
    drop : {None, "first"}
        For tables: leave out the first value of each column of categories.
    checkpoint : path-like, optional
        Folder in which the results of finished passes are kept until you delete it, so that the
        same calls, made again after the process was killed, go on from there; see :doc:`/data`.
    progress : bool
        Show the rows of passes that take long.
    name : str
        How error messages call the argument.
    require_tall : bool
        Refuse n < d.

    Returns
    -------
    TallMatrix
        ``column_names`` has the names if the home has any.

    Raises
    ------
    ArgumentTypeError
        For complex, object, masked or non-numeric data.
    ArgumentError
        For a wrong number of dimensions, an empty matrix, n < d, missing columns or values, text,
        or a budget that is too small. NaN and infinities are found by the first pass, not here.
    DamagedFileError, FileNotFoundError, MissingPackageError
        If a file cannot be read. During a pass as well, if a file has vanished or changed.

    Notes
    -----
    No pass is spent on arrays, array files, Parquet and Feather files without categories, and dense
    Dask arrays with known chunks. CSV files, categories and blocks are walked once to be counted,
    sparse Dask arrays and Dask data frames computed once. No dense data are copied. A matrix
    without canonical CSR form costs O(nnz).

    Whatever the home, results have the same bits: see :doc:`/data`. On a GPU they agree to
    rounding, and discrete choices are the same: see :doc:`/gpu`.

    With `device` rows are kept on the GPU if they, and eight numbers for each, take half of its
    free memory at most, or half of `memory` if that is given. Otherwise each pass copies them in
    blocks, through page-locked buffers, while it works on the block before; the blocks, what a
    pass makes of them and eight numbers a row stay within `memory`, or within the GPU's memory.
    ``repr`` says which of the two it is.

    Examples
    --------
    >>> import numpy as np, rnla
    >>> tall = rnla.as_tall(np.eye(4, 2))
    >>> tall.shape, tall.passes
    ((4, 2), 0)
    >>> blocks = [np.ones((3, 2)), np.zeros((5, 2))]
    >>> rnla.as_tall(blocks).row_norms(p=1.0)
    array([2., 2., 2., 0., 0., 0., 0., 0.])
    """
    limit = parse_memory(memory)
    given = {
        "columns": columns,
        "memory": memory,
        "device": device,
        "dask": dask or None,
        "one_hot": one_hot or None,
        "drop": drop,
    }
    if isinstance(A, TallMatrix):
        _refuse_options(given, name, "a TallMatrix")
        return _for_long_runs(A, checkpoint, progress)
    engine, names, spent = _open(A, name, limit, given)
    n, d = engine.header.shape
    if n == 0 or d == 0:
        remedy = "Pass a matrix with rows and columns."
        raise argument_error(name, f"shape {(n, d)}", "at least one row and one column", remedy)
    if require_tall and n < d:
        raise argument_error(
            name,
            f"shape {(n, d)}",
            "at least as many rows as columns (n >= d)",
            f"Row sampling cannot help here: keep every row, or pass {name}.T if the long side is "
            "the columns.",
        )
    tall = TallMatrix(engine, name=name, column_names=names)
    tall.passes = spent
    return _for_long_runs(tall, checkpoint, progress)


def _for_long_runs(tall: TallMatrix, checkpoint: PathLike | None, progress: bool) -> TallMatrix:
    if checkpoint is not None:
        tall = tall.through(partial(with_checkpoint, directory=checkpoint))
    return tall.through(with_progress) if progress else tall


def _open(
    A: Any, name: str, limit: int | None, given: dict[str, Any]
) -> tuple[Engine, tuple[str, ...] | None, int]:
    """An engine, names of columns, and the passes over the rows that opening took."""
    device = given.pop("device")
    if device is not None:
        gpu_number(device)
    A = taken_over(A, name)
    if on_device(A):
        _refuse_options(given, name, of_device(A))
        return _on_device(A, name), None, 0
    dask_engine = open_dask(A, name)
    if dask_engine is not None:
        if device is not None:
            raise _no_dask_on_device(device, name)
        _refuse_options(given, name, "a Dask collection")
        return dask_engine, dask_engine.column_names, 0
    if device is not None and given["dask"]:
        raise _no_dask_on_device(device, name)
    opened = open_source(
        A,
        columns=given["columns"],
        memory=limit if device is None else None,
        name=name,
        one_hot=given["one_hot"] or (),
        drop=given["drop"],
    )
    names: tuple[str, ...] | None = None
    source: Source
    if opened is None:
        _refuse_options(given if device is None else {**given, "memory": None}, name, _IN_MEMORY)
        source = _sparse(A, name) if sp.issparse(A) else _dense(A, name)
        if device is None:
            return LocalEngine(source), None, 0
    else:
        source, names = opened
    spent = getattr(source, "opening_passes", 0)
    if given["dask"]:
        from .dask_files import spread

        return spread(source, limit, name), names, spent
    if device is not None and 0 not in source.shape:
        return _copied_to_device(source, limit, name, names, spent)
    if source.streamed and 0 not in source.shape and fits(source, limit):
        return LocalEngine(LoadedSource(source)), names, spent + 1
    return LocalEngine(source, memory=limit), names, spent


def _copied_to_device(
    source: Source, limit: int | None, name: str, names: tuple[str, ...] | None, spent: int
) -> tuple[Engine, tuple[str, ...] | None, int]:
    """Rows on a GPU, or on their way there in every pass: from the host's memory if they fit it."""
    engine, walks = on_gpu(source, memory=limit, name=name)
    if isinstance(engine, StreamEngine) and source.streamed and fits(source, None):
        engine, walks = StreamEngine(LoadedSource(source), memory=limit, name=name), 1
    return engine, names, spent + walks


def _no_dask_on_device(device: str, name: str) -> RnlaError:
    return argument_error(
        "device",
        f"{device!r} for rows that Dask reads",
        "None, since their chunks are visited where they are",
        f"Put the chunks on GPUs with {name}.map_blocks(cupy.asarray), or let Dask out.",
    )


def _refuse_options(given: dict[str, Any], name: str, what: str) -> None:
    for option, value in given.items():
        if value is not None:
            raise argument_error(
                option,
                f"{value!r} for {what}",
                "nothing: it is for files and blocks of rows",
                f"Leave {option} out, or change {name} before it is passed.",
            )


def _check_dtype(dtype: np.dtype[Any], name: str) -> None:
    if dtype.kind == "c":
        remedy = "Stack real and imaginary parts as separate rows or columns."
    elif dtype.kind == "O":
        remedy = f"Convert first, for example {name} = {name}.astype(float)."
    elif dtype.kind in "fiub" and dtype.itemsize <= 8 and dtype != np.float16:
        return
    else:
        remedy = f"Convert first, for example {name} = {name}.astype(np.float64)."
    expected = "float32, float64, integer or boolean entries"
    raise argument_error(name, f"dtype {dtype}", expected, remedy, kind=ArgumentTypeError)


def _dimension_error(name: str, ndim: int, shape: object) -> RnlaError:
    remedy = (
        f"For one column use {name}.reshape(-1, 1)."
        if ndim == 1
        else "Pass a two-dimensional array."
    )
    return argument_error(name, f"{ndim} dimension(s), shape {shape}", _EXPECTED, remedy)


def _dense(A: Any, name: str) -> DenseSource:
    if isinstance(A, np.ma.MaskedArray):
        remedy = "Fill or drop the masked entries first."
        raise argument_error(name, "a masked array", _EXPECTED, remedy, kind=ArgumentTypeError)
    try:
        array = np.asarray(A)
    except ValueError as error:
        remedy = "Make every row the same length."
        raise argument_error(name, f"{type(A).__name__} ({error})", _EXPECTED, remedy) from error
    except TypeError as error:
        remedy = "Copy it to the host first, for example with .get() or .cpu().numpy()."
        raise argument_error(
            name, f"{type(A).__name__} ({error})", _EXPECTED, remedy, kind=ArgumentTypeError
        ) from error
    if array.ndim != 2:
        raise _dimension_error(name, array.ndim, array.shape)
    _check_dtype(array.dtype, name)
    return DenseSource(array)


def _on_device(A: Any, name: str) -> DeviceEngine:
    if A.ndim != 2:
        raise _dimension_error(name, A.ndim, A.shape)
    _check_dtype(np.dtype(A.dtype), name)
    current = array_module(A).cuda.Device().id
    if A.device.id != current:
        raise argument_error(
            name,
            f"{of_device(A)} while GPU {current} is the current one",
            "an array on the current GPU, where n-vectors are made",
            f"Call inside of `with cupy.cuda.Device({A.device.id}):`.",
        )
    return DeviceEngine(A, name=name)


def _sparse(A: Any, name: str) -> SparseSource:
    if A.ndim != 2:
        raise _dimension_error(name, A.ndim, A.shape)
    _check_dtype(np.dtype(A.dtype), name)
    csr = sp.csr_array(A)
    if not csr.has_canonical_format:
        csr = csr.copy()
        csr.sum_duplicates()
    if csr.dtype not in (np.float32, np.float64):
        csr = csr.astype(np.float64)
    return SparseSource(csr)
