"""Files as Dask chunks: every task opens the files where it runs and reads its own rows.

Only a description of the files travels (paths, sizes, row groups, columns), so the workers must see
the same paths. Chunks are whole strips of about 128 MB, so no row moves between workers, and a lost
worker's chunks are read again. Cost: no reading until a pass; each pass reads every file once.
"""

from __future__ import annotations

import pickle
from dataclasses import replace
from itertools import pairwise
from typing import Any
from uuid import uuid4

from .._errors import argument_error, import_optional
from ._cut import Cut
from ._file_rows import FileRows
from ._source import Header, Source
from .dask_collections import DaskRows, task_specification
from .dask_engine import DaskEngine
from .iterable_source import IterableSource

__all__ = ["spread"]

_CHUNK_BYTES = 2**27


def spread(source: Any, memory: int | None, name: str) -> DaskEngine:
    """An engine whose chunks are ranges of rows of files."""
    if isinstance(source, IterableSource):
        raise argument_error(
            "dask",
            f"True, with {name} an iterable of blocks",
            "files, of which every worker can read a part",
            "Write the blocks to a file, or make a dask.array of them.",
        )
    graphs = import_optional("dask.highlevelgraph", extra="dask", purpose="to read files")
    delayed = import_optional("dask.delayed", extra="dask", purpose="to read files on workers")
    source.close()  # open files cannot travel; they are opened again when they are read
    description = pickle.dumps(source)
    n = source.shape[0]
    edges = [*range(0, n, _rows_of_a_chunk(source, memory)), n]
    layer, key = f"rnla-files-{uuid4().hex}", f"rnla-source-{uuid4().hex}"
    specification = task_specification()
    tasks: dict[Any, Any] = {key: specification.DataNode(key, description)}
    for i, (start, stop) in enumerate(pairwise(edges)):
        reference = specification.TaskRef(key)
        tasks[layer, i] = specification.Task((layer, i), FileRows, reference, start, stop)
    graph = graphs.HighLevelGraph.from_collections(layer, tasks, dependencies=())
    keys = tuple((layer, i) for i in range(len(edges) - 1))
    return DaskEngine(
        DaskRows(
            delayed.Delayed(keys[0], graph, layer=layer),
            keys,
            tuple(edges),
            replace(Header.of(source), streamed=False, unit_bytes=0.0),
            (None,) * len(keys),
        )
    )


def _rows_of_a_chunk(source: Source, memory: int | None) -> int:
    strip = Cut.of(Header.of(source)).strip
    size = _CHUNK_BYTES if memory is None else min(_CHUNK_BYTES, memory / 8)
    per_entry = source.dtype.itemsize + (8 if source.is_sparse else 0)
    per_row = max(source.entry_count / source.shape[0] * per_entry, 1.0)
    return strip * max(1, int(size / (strip * per_row)))
