"""The task graph of one pass: a task per part, a tree of fan-in 8, row values where the rows are.

Small arguments (a d x d matrix, say) are one task, which every part's task refers to, so they enter
the graph once and reach each worker once. Row vectors that are here are cut, and each part's piece
travels with its task; those in a Dask array with the same chunks do not move.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import count
from operator import itemgetter
from typing import Any
from uuid import uuid4

import numpy as np

from .._errors import import_optional
from .._result import FloatArray
from ._dask_tasks import Job, Part, head, merge, total, visit_part
from ._engine import Visit
from .dask_collections import DaskRows, task_specification
from .rows import is_distributed

__all__ = ["Pass"]

_FAN_IN = 8


class Pass:
    """The graph of one pass."""

    def __init__(self, rows: DaskRows, parts: list[Part], job: Job, vectors: Sequence[Any]) -> None:
        self._parts, self._job = parts, job
        token = uuid4().hex
        self._name = f"rnla-{_name_of(job.visit)}-{token}"
        self._layer: dict[Any, Any] = {}
        self._specification = task_specification()
        self._dependencies = [rows.collection]
        job_key = f"rnla-job-{token}"
        self._add(job_key, _same, job)
        slices = [self._slices(vector) for vector in vectors]
        both = job.shape is not None and job.width is not None
        part_name = f"rnla-part-{token}" if both else self._name
        tail = (0,) if job.width else ()
        heads = f"rnla-head-{token}"
        states = []
        for i, part in enumerate(parts):
            key = (part_name, i) if both else (part_name, i, *tail)
            more = []
            for number, size in part.more:
                whole = size == rows.edges[number + 1] - rows.edges[number]
                more.append(self._ref(rows.keys[number] if whole else (heads, number)))
                if not whole:
                    self._add((heads, number), head, self._ref(rows.keys[number]), size)
            size = rows.edges[part.chunk + 1] - rows.edges[part.chunk]
            chunk = self._ref(rows.keys[part.chunk])
            own = self._list([pieces[i] for pieces in slices])
            self._add(key, visit_part, self._ref(job_key), part, size, chunk, self._list(more), own)
            if both:
                self._add((self._name, i, *tail), itemgetter(1), self._ref(key))
                self._add((f"rnla-state-{token}", i), itemgetter(0), self._ref(key))
                key = (f"rnla-state-{token}", i)
            states.append(self._ref(key))
        self._total = f"rnla-total-{token}"
        if job.shape is not None:
            self._add_tree(states, job_key, f"rnla-merge-{token}", rows.homes())

    def _add(self, key: Any, function: Callable[..., Any], *arguments: Any) -> None:
        self._layer[key] = self._specification.Task(key, function, *arguments)

    def _ref(self, key: Any) -> Any:
        return self._specification.TaskRef(key)

    def _list(self, items: Sequence[Any]) -> Any:
        return self._specification.List(*items)

    def _slices(self, vector: Any) -> list[Any]:
        """The part of a row vector that belongs to each part: an array, or the key of one."""
        if not is_distributed(vector):
            array = np.asarray(vector)
            return [array[part.start : part.stop] for part in self._parts]
        sizes = tuple(part.stop - part.start for part in self._parts)
        columns = vector.shape[1:]
        if vector.chunks != (sizes, *((k,) for k in columns)):
            vector = vector.rechunk((sizes, *columns))
        self._dependencies.append(vector)
        return [self._ref((vector.name, i, *(0 for _ in columns))) for i in range(len(sizes))]

    def _add_tree(
        self, states: Sequence[Any], job_key: str, name: str, homes: Sequence[str]
    ) -> None:
        """Merge the states of each worker first, where this is known, so that one leaves it."""
        by_home: dict[str, list[Any]] = {}
        for part, state in zip(self._parts, states, strict=True):
            by_home.setdefault(homes[part.chunk], []).append(state)

        def shrink(states: Sequence[Any], most: int) -> Sequence[Any]:
            while len(states) > most:
                merged = []
                for i in range(0, len(states), _FAN_IN):
                    some, key = states[i : i + _FAN_IN], (name, next(numbers))
                    self._add(key, merge, self._ref(job_key), self._list(some))
                    merged.append(self._ref(key))
                states = merged
            return states

        numbers = count()
        if len(by_home) > 1:
            states = [shrink(group, 1)[0] for group in by_home.values()]
        self._add(self._total, total, self._ref(job_key), self._list(shrink(states, _FAN_IN)))

    def _graph(self) -> Any:
        graphs = import_optional("dask.highlevelgraph", extra="dask", purpose="to run a pass")
        return graphs.HighLevelGraph.from_collections(
            self._name, self._layer, dependencies=self._dependencies
        )

    def _delayed(self, key: Any, graph: Any) -> Any:
        delayed = import_optional("dask.delayed", extra="dask", purpose="to run a pass")
        return delayed.Delayed(key, graph, layer=self._name)

    def values(self, graph: Any = None) -> Any:
        """Row values as a Dask array whose chunks are the parts."""
        arrays = import_optional("dask.array", extra="dask", purpose="to keep row vectors")
        sizes = tuple(part.stop - part.start for part in self._parts)
        chunks = (sizes, (self._job.width,)) if self._job.width else (sizes,)
        graph = self._graph() if graph is None else graph
        return arrays.Array(graph, self._name, chunks, dtype=np.dtype(np.float64))

    def gathered(self) -> tuple[FloatArray | None, FloatArray | None]:
        """Compute; row values come here."""
        dask = import_optional("dask", extra="dask", purpose="to run a pass")
        graph, width = self._graph(), self._job.width
        wanted = []
        if width is not None:
            tail = (0,) if width else ()
            wanted = [self._delayed((self._name, i, *tail), graph) for i in range(len(self._parts))]
        if self._job.shape is not None:
            wanted.append(self._delayed(self._total, graph))
        with _quiet(dask):
            found = list(dask.compute(*wanted, traverse=False))
        reduced = found.pop() if self._job.shape is not None else None
        if width is None:
            return reduced, None
        values = np.empty((self._parts[-1].stop, width) if width else self._parts[-1].stop)
        for part in reversed(self._parts):
            values[part.start : part.stop] = found.pop()
        return reduced, values

    def kept(self) -> tuple[FloatArray | None, Any]:
        """Compute; row values stay where they are."""
        dask = import_optional("dask", extra="dask", purpose="to run a pass")
        if self._job.width is None:
            return self.gathered()
        graph = self._graph()
        with _quiet(dask):
            if self._job.shape is None:
                return None, dask.persist(self.values(graph), traverse=False)[0]
            values, reduced = dask.persist(
                self.values(graph), self._delayed(self._total, graph), traverse=False
            )
            return reduced.compute(), values


def _quiet(dask: Any) -> Any:
    """Row vectors that are here have to be sent; Dask would advise against it."""
    return dask.config.set({"distributed.admin.large-graph-warning-threshold": "1000 PB"})


def _same(job: Job) -> Job:
    return job


def _name_of(visit: Visit) -> str:
    """What the dashboard calls a pass."""
    inner = getattr(visit, "func", visit)
    return str(getattr(inner, "__name__", "visit")).strip("_<>").replace("_", "-") or "visit"
