"""The task graph of one pass: a task per part, a tree of fan-in 8, row values where the rows are.

Small arguments (a d x d matrix, say) are one task, which every part's task refers to, so they enter
the graph once and reach each worker once. Row vectors that are here are cut, and each part's piece
travels with its task; those in a Dask array with the same chunks do not move.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence
from contextlib import nullcontext
from functools import partial
from itertools import count
from operator import itemgetter
from typing import Any
from uuid import uuid4

import numpy as np

from .._errors import import_optional
from .._result import FloatArray
from ._dask_progress import watched
from ._dask_tasks import Job, Part, head, merge, total, visit_part
from ._engine import Visit
from .dask_collections import DaskRows, futures_of, homes_of, task_specification
from .rows import is_distributed

__all__ = ["Pass"]

_FAN_IN = 8
# Chunks have been optimized once. Again, under the same keys, would mislead the scheduler; pins
# would be lost.
_AS_IT_IS = {"traverse": False, "optimize_graph": False}


class Pass:
    """The graph of one pass."""

    def __init__(
        self,
        rows: DaskRows,
        parts: list[Part],
        job: Job,
        vectors: Sequence[Any],
        earlier: Any = None,
    ) -> None:
        self._parts, self._job = parts, job
        # One prefix for all tasks: Dask learns from the first, which takes no time, that it is not
        # worth while to move a chunk in order to start a part earlier.
        self._name = name = f"rnla-{_name_of(job.visit)}-{uuid4().hex}"
        self._layer: dict[Any, Any] = {}
        self._specification = task_specification()
        self._dependencies = [rows.collection]
        self._job_key = (name, "job")
        self._add(self._job_key, _same, job)
        slices = [self._slices(vector) for vector in vectors]
        both = job.shape is not None and job.width is not None
        states: list[tuple[str, Any]] = []
        homes = self._homes(rows, earlier)
        self._pins: dict[Any, list[str]] = {}
        for i, part in enumerate(parts):
            value_key = self._value_key(i)
            key = (name, "part", i) if both or job.width is None else value_key
            job_ref, more = self._ref(self._job_key), []
            for number, size in part.more:
                whole, head_key = self._ref(rows.keys[number]), (name, "head", number)
                if size == rows.edges[number + 1] - rows.edges[number]:
                    more.append(whole)
                else:
                    self._add(head_key, head, job_ref, whole, number, size)
                    more.append(self._ref(head_key))
            size = rows.edges[part.chunk + 1] - rows.edges[part.chunk]
            chunk = self._ref(rows.keys[part.chunk])
            own = self._list([pieces[i] for pieces in slices])
            self._add(key, visit_part, job_ref, part, size, chunk, self._list(more), own)
            if homes[i]:
                self._pins[key] = [homes[i]]
            if both:
                self._add(value_key, itemgetter(1), self._ref(key))
                self._add((name, "state", i), itemgetter(0), self._ref(key))
                key = (name, "state", i)
            states.append((homes[i], self._ref(key)))
        if job.shape is not None:
            self._add_tree(states)

    def _homes(self, rows: DaskRows, earlier: Any) -> list[str]:
        """The worker of each part: where its chunk is, or else what a pass before left there."""
        homes = rows.homes()
        if any(homes) or earlier is None:
            return [homes[part.chunk] for part in self._parts]
        tail = (0,) * (earlier.ndim - 1)
        keys = [(earlier.name, i, *tail) for i in range(len(self._parts))]
        return homes_of(futures_of(earlier, keys))

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
        dask = import_optional("dask", extra="dask", purpose="to run a pass")
        (vector,) = dask.optimize(vector, traverse=False)
        self._dependencies.append(vector)
        return [self._ref((vector.name, i, *(0 for _ in columns))) for i in range(len(sizes))]

    def _add_tree(self, states: Sequence[tuple[str, Any]]) -> None:
        """Merge the states of each worker first, where this is known, so that one leaves it."""
        by_home: dict[str, list[Any]] = {}
        for home, state in states:
            by_home.setdefault(home, []).append(state)
        numbers = count()

        def shrink(states: list[Any], most: int) -> list[Any]:
            while len(states) > most:
                merged = []
                for i in range(0, len(states), _FAN_IN):
                    some, key = states[i : i + _FAN_IN], (self._name, "merge", next(numbers))
                    self._add(key, merge, self._ref(self._job_key), self._list(some))
                    merged.append(self._ref(key))
                states = merged
            return states

        groups = list(by_home.values())
        last = [shrink(group, 1)[0] for group in groups] if len(groups) > 1 else groups[0]
        last = self._list(shrink(last, _FAN_IN))
        self._add((self._name, "total"), total, self._ref(self._job_key), last)

    def _value_key(self, i: int) -> tuple[Any, ...]:
        return (self._name, i, 0) if self._job.width else (self._name, i)

    def _graph(self) -> Any:
        dask = import_optional("dask", extra="dask", purpose="to run a pass")
        graphs = import_optional("dask.highlevelgraph", extra="dask", purpose="to run a pass")
        # Parts run where their chunks are unless that worker is gone.
        pinned = {"workers": partial(_pin, self._pins), "allow_other_workers": True}
        with dask.annotate(**(pinned if self._pins else {})):
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
        return arrays.Array(graph, self._name, chunks, meta=self._job.reader.nothing(len(chunks)))

    def gathered(self) -> tuple[FloatArray | None, FloatArray | None]:
        """Compute; row values come here."""
        dask = import_optional("dask", extra="dask", purpose="to run a pass")
        graph, width = self._graph(), self._job.width
        wanted = []
        if width is not None:
            wanted = [self._delayed(self._value_key(i), graph) for i in range(len(self._parts))]
        if self._job.shape is not None:
            wanted.append(self._delayed((self._name, "total"), graph))
        with _quiet(dask):
            found = list(dask.compute(*watched(wanted), **_AS_IT_IS))
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
                return None, watched(dask.persist(self.values(graph), **_AS_IT_IS))[0]
            values, reduced = dask.persist(
                self.values(graph), self._delayed((self._name, "total"), graph), **_AS_IT_IS
            )
            watched([values])
            return reduced.compute(), values


def _quiet(dask: Any) -> Any:
    """Row vectors that are here have to be sent, of which Dask would warn."""
    if (
        "distributed" not in sys.modules
    ):  # if imported inside, it would lose its defaults afterwards
        return nullcontext()
    return dask.config.set({"distributed.admin.large-graph-warning-threshold": "1000 PB"})


def _pin(pins: dict[Any, list[str]], key: Any) -> list[str]:
    return pins.get(key, [])


def _same(job: Job) -> Job:
    return job


def _name_of(visit: Visit) -> str:
    """What the dashboard calls a pass."""
    inner = getattr(visit, "func", visit)
    return str(getattr(inner, "__name__", "visit")).strip("_<>").replace("_", "-") or "visit"
