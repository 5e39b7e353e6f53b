"""What a cluster spends beside arithmetic: counters for a run, and constants of the machine.

`Counter` counts tasks, graphs, run times and bytes of everything between `reset` and `read`.
`constants` measures what the model in `_scaling_model` needs: seconds for an empty task, seconds
for a pass over parts without work (per pass and per part), latency and bandwidth between workers.
"""

from __future__ import annotations

import contextlib
import pathlib
import statistics
import time
from collections.abc import Iterator
from typing import Any

import numpy as np
from distributed.diagnostics.plugin import SchedulerPlugin

from rnla.tall._dask_pass import Pass

EMPTY_TASKS = 3000


class Counter(SchedulerPlugin):
    """Counts what the scheduler sees; lives in the process of the scheduler, which is this one."""

    name = "rnla-counter"

    def __init__(self) -> None:
        self.tasks = self.graphs = 0
        self.busy = 0.0
        self._wire = 0
        self.jobs: list[Any] = []

    def update_graph(self, scheduler: Any, *_: Any, **__: Any) -> None:
        self.graphs += 1

    def transition(self, key: Any, start: str, finish: str, *_: Any, **options: Any) -> None:
        if start == "processing" and finish == "memory":
            self.tasks += 1
            for one in options.get("startstops") or ():
                if one["action"] == "compute":
                    self.busy += one["stop"] - one["start"]

    def reset(self, client: Any) -> None:
        """Begin to count."""
        client.run(_sent)
        self.tasks = self.graphs = 0
        self.busy, self._wire = 0.0, _loopback()
        self.jobs.clear()

    def read(self, client: Any) -> dict[str, float]:
        """Counts since `reset`."""
        found = {
            "tasks": self.tasks,
            "graphs": self.graphs,
            "busy seconds": self.busy,
            "bytes on the wire": _loopback() - self._wire,
            "folds": sum(job.shape is not None for job in self.jobs),
            "state words": sum(_state_words(job) for job in self.jobs),
            "result words": sum(int(np.prod(job.shape or 0)) for job in self.jobs),
            "job bytes": sum(job.size for job in self.jobs),
        }
        entries = [entry for log in client.run(_sent).values() for entry in log]
        found["bytes moved"] = sum(total for total, _ in entries)
        found["objects"] = sum(objects for _, objects in entries)
        return found


def _sent(dask_worker: Any) -> list[tuple[int, int]]:
    """(bytes, objects) of everything this worker has sent since the last call."""
    log = [(entry["total"], len(entry["keys"])) for entry in dask_worker.transfer_outgoing_log]
    dask_worker.transfer_outgoing_log.clear()
    return log


def _state_words(job: Any) -> int:
    """Words of what a worker sends up: sums, for one, have a second word for their error."""
    if job.shape is None:
        return 0
    one, other = (job.reduction.lift(np.zeros(job.shape)) for _ in range(2))
    return _words(job.reduction.merge(one, other))


def _words(state: Any) -> int:
    if isinstance(state, np.ndarray):
        return state.size
    return sum(map(_words, state)) if isinstance(state, tuple | list) else 0


@contextlib.contextmanager
def counted_passes(counter: Counter) -> Iterator[None]:
    """Tell the counter of every pass that is begun."""
    plain = Pass.__init__

    def watched(self: Pass, rows: Any, parts: Any, job: Any, *others: Any) -> None:
        counter.jobs.append(job)
        plain(self, rows, parts, job, *others)

    Pass.__init__ = watched  # type: ignore[method-assign]
    try:
        yield
    finally:
        Pass.__init__ = plain  # type: ignore[method-assign]


def _loopback() -> int:
    """Bytes the loopback device has received; 0 where that is not known."""
    try:
        lines = pathlib.Path("/proc/net/dev").read_text().splitlines()
    except OSError:
        return 0
    found = [line for line in lines if line.strip().startswith("lo:")]
    return int(found[0].split(":")[1].split()[0]) if found else 0


def constants(client: Any, counter: Counter, quick: bool) -> dict[str, float | None]:
    """See the module docstring."""
    per_pass, per_part = pass_overhead(client, counter, (4, 32) if quick else (8, 64, 256, 1024))
    latency, bandwidth = network(client, 2**22 if quick else 2**26)
    return {
        "seconds per empty task": empty_task(client, 100 if quick else EMPTY_TASKS),
        "seconds per pass": per_pass,
        "seconds per part": per_part,
        "latency": latency,
        "bytes per second": bandwidth,
    }


def empty_task(client: Any, count: int) -> float:
    """Seconds a task costs that does nothing, in a large graph."""
    import distributed

    times = []
    for _ in range(3):
        start = time.perf_counter()
        distributed.wait(client.map(_nothing, range(count), pure=False))
        times.append(time.perf_counter() - start)
    return min(times) / count


def _nothing(*_: Any) -> None:
    pass


def pass_overhead(client: Any, counter: Counter, sizes: tuple[int, ...]) -> tuple[float, float]:
    """Seconds per pass and per part of a pass, apart from the run time of its tasks.

    Parts are strips of zeros that take no memory, visited without looking at them.
    """
    import dask
    import dask.array as da
    import distributed

    import rnla
    from bench._scaling_workers import strip_rows

    d = 64
    rows, workers = strip_rows(d), len(client.scheduler_info()["workers"])
    make = dask.delayed(_zeros, pure=False)
    times = []
    for parts in sizes:
        chunks = [da.from_delayed(make(rows, d), (rows, d), np.float64) for _ in range(parts)]
        array = da.concatenate(chunks).persist()
        distributed.wait(array)
        engine = rnla.as_tall(array)._engine
        several = []
        for _ in range(4):
            counter.reset(client)
            start = time.perf_counter()
            engine.run(_look_away, shape=(d, d), raw=True)
            taken = time.perf_counter() - start
            several.append(taken - counter.read(client)["busy seconds"] / workers)
        times.append(statistics.median(several[1:]))
        del array, chunks, engine
    # Relative errors count alike for few and many parts.
    weights = 1.0 / np.array(times)
    columns = np.stack([np.ones(len(sizes)), np.array(sizes, float)], axis=1)
    a, b = np.linalg.lstsq(columns * weights[:, None], np.ones(len(sizes)), rcond=None)[0]
    return max(float(a), 0.0), max(float(b), 0.0)


def _zeros(rows: int, d: int) -> np.ndarray:
    return np.broadcast_to(np.zeros(1), (rows, d))


def _look_away(block: Any, start: int, out: np.ndarray) -> None:
    pass


def network(client: Any, size: int) -> tuple[float | None, float | None]:
    """Seconds to begin, and bytes per second, of a transfer between two workers."""
    homes = list(client.scheduler_info()["workers"])
    if len(homes) < 2:
        return None, None
    few, many = (_transfer(client, homes, bytes_) for bytes_ in (8, size))
    return few, size / max(many - few, 1e-9)


def _transfer(client: Any, homes: list[str], size: int) -> float:
    """Seconds by which a task waits longer if its argument is elsewhere."""
    import distributed

    waits: dict[str, list[float]] = {home: [] for home in homes[:2]}
    for _ in range(10):
        for home, several in waits.items():
            there = client.submit(np.ones, size // 8, workers=[homes[0]], pure=False)
            distributed.wait(there)
            start = time.perf_counter()
            client.submit(len, there, workers=[home], pure=False).result()
            several.append(time.perf_counter() - start)
            del there
    here, elsewhere = (statistics.median(several) for several in waits.values())
    return max(elsewhere - here, 1e-6)
