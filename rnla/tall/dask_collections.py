"""Dask collections as rows: which are accepted, how many rows a chunk has, what it costs to know.

A dense dask.array with known chunk sizes is used as it is and nothing is computed. Sparse chunks
(entries have to be counted) and unknown chunk sizes cost one computation of every chunk,
whose result is remembered.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from uuid import uuid4

import numpy as np
import scipy.sparse as sp

from .._errors import ArgumentTypeError, argument_error, import_optional
from .._result import IntArray
from ._dask_tasks import Reader, count
from ._device import on_device
from ._source import Header

if TYPE_CHECKING:
    from .dask_engine import DaskEngine

__all__ = ["DaskRows", "futures_of", "homes_of", "open_dask", "task_specification"]

_EXPECTED = "a dask.array or dask.dataframe"


@dataclass(frozen=True)
class DaskRows:
    """Chunks of whole rows: their keys, the collection they belong to, and where each begins."""

    collection: Any  # a Delayed of the first chunk, whose graph has all chunks
    keys: tuple[Any, ...]
    edges: tuple[int, ...]
    header: Header
    futures: tuple[Any, ...]  # of a cluster that holds chunks, else None for each
    unit: str = "chunk"
    column_names: tuple[str, ...] | None = None

    def number(self, row: int) -> int:
        """The chunk that holds a row."""
        return int(np.searchsorted(self.edges, row, side="right")) - 1

    def homes(self) -> Sequence[str]:
        """The worker that holds each chunk of a persisted collection; empty if not known."""
        return homes_of(self.futures)

    def _delayed(self, number: int) -> Any:
        (layer,) = self.collection.__dask_layers__()
        return _delayed(self.keys[number], self.collection.dask, layer)

    def chunks(self) -> Iterator[tuple[int, Any]]:
        """Number and content of each chunk that has rows, computed when asked for."""
        for number in range(len(self.keys)):
            if self.edges[number] < self.edges[number + 1]:
                yield number, self._delayed(number).compute()

    def take(self, reader: Reader, rows: IntArray) -> Sequence[Any]:
        """Increasing rows, by chunk."""
        numbers = np.searchsorted(self.edges, rows, side="right") - 1
        pieces = np.split(rows, np.flatnonzero(np.diff(numbers)) + 1)
        wanted = {
            number: (number, piece - self.edges[number])
            for number, piece in zip(np.unique(numbers).tolist(), pieces, strict=True)
        }
        return _on_chunks(self.collection, self.keys, reader.take, wanted)


def _on_chunks(
    collection: Any,
    keys: Sequence[Any],
    function: Callable[..., Any],
    arguments: Mapping[int, tuple[Any, ...]],
) -> Sequence[Any]:
    """``function(chunk, *arguments)`` for some chunks, by number; the results come here."""
    dask = import_optional("dask", extra="dask", purpose="to read chunks")
    graphs = import_optional("dask.highlevelgraph", extra="dask", purpose="to read chunks")
    specification = task_specification()
    name = f"rnla-{function.__name__}-{uuid4().hex}"
    tasks = {
        (name, number): specification.Task(
            (name, number), function, specification.TaskRef(keys[number]), *own
        )
        for number, own in arguments.items()
    }
    graph = graphs.HighLevelGraph.from_collections(name, tasks, dependencies=[collection])
    wanted = [_delayed(key, graph, name) for key in tasks]
    found: Sequence[Any] = dask.compute(*wanted, traverse=False)
    return found


def _delayed(key: Any, graph: Any, layer: str) -> Any:
    delayed = import_optional("dask.delayed", extra="dask", purpose="to read chunks")
    return delayed.Delayed(key, graph, layer=layer)


def task_specification() -> Any:
    """The module with Task, TaskRef and List, which older versions of Dask keep under a bar."""
    try:
        return import_optional("dask.task_spec", extra="dask", purpose="to run a pass")
    except ImportError:
        return import_optional("dask._task_spec", extra="dask", purpose="to run a pass")


def open_dask(A: Any, name: str) -> DaskEngine | None:
    """An engine for a Dask collection of rows; None if A is no Dask collection.

    Raises
    ------
    ArgumentTypeError
        For complex, object or masked chunks and for collections that are no tables.
    ArgumentError
        For a wrong number of dimensions.
    """
    if type(A).__module__.partition(".")[0] != "dask":
        return None
    from .dask_device import DaskDeviceEngine
    from .dask_engine import DaskEngine

    arrays = import_optional("dask.array", extra="dask", purpose="to read the chunks")
    if isinstance(A, arrays.Array):
        rows = _array_rows(A, name)
        return DaskDeviceEngine(rows) if on_device(A._meta) else DaskEngine(rows)
    if type(A).__module__.startswith("dask.dataframe"):
        frames = import_optional("dask.dataframe", extra="dask", purpose="to read the partitions")
        if isinstance(A, frames.DataFrame):
            return DaskEngine(_table_rows(A, name))
        if isinstance(A, frames.Series):
            remedy = f"For one column use {name}.to_frame()."
            raise argument_error(name, "a dask.dataframe.Series", _EXPECTED, remedy)
    raise argument_error(
        name,
        f"a Dask {type(A).__name__}",
        _EXPECTED,
        "Make one of it, for example with dask.array.from_delayed.",
        kind=ArgumentTypeError,
    )


def _array_rows(A: Any, name: str) -> DaskRows:
    from .convert import _check_dtype, _dimension_error
    from .dask_device import count as count_on_device

    if A.ndim != 2:
        raise _dimension_error(name, A.ndim, A.shape)
    is_sparse = _check_kind(A._meta, name)
    _check_dtype(np.dtype(A.dtype), name)
    if np.isnan(A.shape[1]):
        remedy = "Call compute_chunk_sizes() on it first."
        raise argument_error(name, "an unknown number of columns", _EXPECTED, remedy)
    if A.numblocks[1] > 1:
        A = A.rechunk({1: -1})
    chunks = list(A.to_delayed().ravel())
    dtype = np.dtype(np.float32 if A.dtype == np.float32 else np.float64)
    keys = [chunk.key for chunk in chunks]
    sizes, entries, pairs = A.chunks[0], 0.0, 0.0
    if is_sparse or np.isnan(sizes).any():
        of_each = dict.fromkeys(range(len(keys)), (is_sparse,))
        count_one = count_on_device if on_device(A._meta) else count
        counts = _on_chunks(chunks[0], keys, count_one, of_each)
        sizes = [size for size, _, _ in counts]
        entries, pairs = sum(c[1] for c in counts), sum(c[2] for c in counts)
    kind = (A.shape[1], dtype, is_sparse)
    return _with_header(
        chunks[0],
        keys,
        sizes,
        kind,
        (entries, pairs),
        futures=futures_of(A, [chunk.key for chunk in chunks]),
    )


def _table_rows(A: Any, name: str) -> DaskRows:
    """One pass over the partitions, see `dask_table`; their matrices are a layer of tasks."""
    from .dask_table import check_columns, make_plan, survey

    graphs = import_optional("dask.highlevelgraph", extra="dask", purpose="to read the partitions")
    check_columns(A._meta, name)
    partitions = list(A.to_delayed())
    keys = [partition.key for partition in partitions]
    surveys = _on_chunks(partitions[0], keys, survey, dict.fromkeys(range(len(keys)), ()))
    plan = make_plan(A._meta, surveys, name)
    layer = f"rnla-rows-{uuid4().hex}"
    specification = task_specification()
    tasks = {
        (layer, i): specification.Task(
            (layer, i), plan.matrix, specification.TaskRef(partition.key)
        )
        for i, partition in enumerate(partitions)
    }
    graph = graphs.HighLevelGraph.from_collections(layer, tasks, dependencies=partitions[:1])
    return _with_header(
        _delayed((layer, 0), graph, layer),
        tuple(tasks),
        [s.rows for s in surveys],
        (len(plan.names), plan.dtype, plan.is_sparse),
        (sum(s.entries for s in surveys), sum(s.pairs for s in surveys)),
        futures=futures_of(A, [partition.key for partition in partitions]),
        unit="partition",
        column_names=plan.names,
    )


def homes_of(futures: Sequence[Any]) -> list[str]:
    """The worker that holds each future's result; empty for None, or if not known."""
    present = [future for future in futures if future is not None]
    if not present or present[0].client.status != "running":
        return [""] * len(futures)
    holders = present[0].client.who_has(present)
    return [
        "" if future is None else min(holders.get(future.key, ()), default="") for future in futures
    ]


def futures_of(A: Any, keys: Sequence[Any]) -> tuple[Any, ...]:
    """The future of each key that a cluster holds, else None."""
    distributed = sys.modules.get("distributed")  # without it there are none
    found = {} if distributed is None else {f.key: f for f in distributed.futures_of(A)}
    return tuple(found.get(key) for key in keys)


def _with_header(
    collection: Any,
    keys: Sequence[Any],
    sizes: Sequence[float],
    kind: tuple[int, np.dtype[Any], bool],
    entries_and_pairs: tuple[float, float],
    **names: Any,
) -> DaskRows:
    edges = np.concatenate([[0], np.cumsum(np.asarray(sizes, dtype=np.int64))]).tolist()
    d, dtype, is_sparse = kind
    shape = (edges[-1], int(d))
    if is_sparse:
        header = Header.sparse(shape, dtype, *entries_and_pairs)
    else:
        header = Header.dense(shape, dtype)
    return DaskRows(collection, tuple(keys), tuple(edges), header, **names)


def _check_kind(meta: Any, name: str) -> bool:
    """Whether chunks are sparse; refuse masked ones and unknown kinds."""
    if on_device(meta):
        return hasattr(meta, "tocsr")
    if sp.issparse(meta):
        return True
    if type(meta) is np.ndarray or isinstance(meta, np.memmap | np.matrix):
        return False
    kind = f"{type(meta).__module__.partition('.')[0]}.{type(meta).__name__}"
    remedy = "Convert them with map_blocks to NumPy arrays or SciPy csr_array."
    if isinstance(meta, np.ma.MaskedArray):
        remedy = "Fill or drop the masked entries first, with dask.array.ma.filled."
    raise argument_error(
        name,
        f"chunks of type {kind}",
        "chunks that are arrays or sparse matrices of NumPy, SciPy or CuPy",
        remedy,
        kind=ArgumentTypeError,
    )
