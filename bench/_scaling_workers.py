"""What Dask costs on one and two worker processes: time, passes, tasks, and bytes that move.

Leverage scores, Lewis weights (p = 1, tol 1e-3) and an l1 embedding of fixed size, on a persisted
Dask array with chunks of whole strips and on a .npy file that the workers read, taking turns with
the same call on an array in memory with as many threads. Workers have one thread. Bytes moved are
those that workers sent to each other and to the client by Dask's own log (arrays, pickled
functions), as in the tests; bytes on the wire are all bytes of the loopback device, messages of the
scheduler included. Busy seconds are the run times of tasks.
"""

from __future__ import annotations

import contextlib
import logging
import os
import pathlib
import statistics
import time
from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

import numpy as np

import rnla
from bench import _scaling_homes
from bench._harness import COLOURS, new_figure, print_table, save_figure
from bench._scaling_homes import workplace
from bench._scaling_network import Counter, constants, counted_passes

RATIO = 1.3
PER_OBJECT = 512  # bytes of pickled functions and objects beside their arrays
SAMPLE = 1000
CHUNK_BYTES = 2**26
ARRAY, FILE = "dask array", ".npy, dask=True"


def embedded_rows(A: Any) -> Any:
    """The sampled rows of an l1 embedding, here."""
    return rnla.lp_subspace_embedding(A, 1, size=SAMPLE, certify=False, rng=0).sample @ A


Call = Callable[[Any], Any]
ALGORITHMS: dict[str, Call] = {
    "leverage": lambda A: rnla.leverage_scores(A, rng=0).values,
    "Lewis": lambda A: rnla.lewis_weights(A, 1, tol=1e-3, rng=0).values,
    "embedding": lambda A: embedded_rows(A),
}
FULL = ((10**6, 64), (2 * 10**6, 64), (4 * 10**6, 64))
LARGE = 3 * 10**6  # rows above which only the leverage scores are computed, to save half an hour
QUICK = ((2**15, 64), (2**16, 64))


def measure(quick: bool, folder: pathlib.Path | None) -> dict[str, Any]:
    """All runs and the constants of the model; the picture unless `quick`."""
    rows: list[dict[str, Any]] = []
    measured: dict[str, Any] = {}
    for workers in (1, 2):
        with cluster(workers) as (client, counter):
            for n, d in QUICK if quick else FULL:
                rows += one_size(client, counter, workers, (n, d), 1 if quick else 3)
            if not quick:
                rows += one_file(client, counter, workers, FULL[0], folder)
            measured[str(workers)] = constants(client, counter, quick)
    print_table([{key: row[key] for key in SHOWN} for row in rows])
    print_table([{"workers": k, **values} for k, values in measured.items()])
    if not quick:
        picture(rows)
    return {"rows": rows, "constants": measured}


SHOWN = (
    "algorithm", "home", "n", "d", "workers", "chunks", "passes", "tasks", "seconds",
    "seconds in memory", "ratio", "target", "met",
    "MB moved", "MB allowed", "moved met",
)  # fmt: skip


@contextlib.contextmanager
def cluster(workers: int) -> Iterator[tuple[Any, Counter]]:
    """Worker processes with one thread each, gone afterwards; its client is the default one."""
    import dask
    import distributed

    quiet = {"distributed.worker.daemon": True, "distributed.admin.log-length": 1_000_000}
    with (
        dask.config.set(quiet),
        distributed.LocalCluster(
            n_workers=workers,
            threads_per_worker=1,
            dashboard_address=None,
            memory_limit=None,
            silence_logs=logging.CRITICAL,
        ) as local,
        distributed.Client(local) as client,
    ):
        counter = Counter()
        local.scheduler.add_plugin(counter)
        with counted_passes(counter):
            yield client, counter


def strip_rows(d: int) -> int:
    """Rows of a strip, in whole numbers of which chunks are cut."""
    from rnla.tall._cut import BLOCKS_PER_STRIP, block_rows

    return block_rows(float(d)) * BLOCKS_PER_STRIP


def chunk_rows(n: int, d: int) -> int:
    """Rows of a chunk: whole strips of about CHUNK_BYTES, or less if there would be only a few."""
    strip = strip_rows(d)
    return strip * max(1, min(CHUNK_BYTES // (8 * d * strip), n // (8 * strip)))


def rows_of(start: int, stop: int, d: int) -> np.ndarray:
    """The rows start … stop-1 of the matrix that every home holds, made where they are needed."""
    size = _scaling_homes.BLOCK
    first = start // size
    parts = [_scaling_homes.block(i, d) for i in range(first, -(-stop // size))]
    return np.ascontiguousarray(np.concatenate(parts)[start - first * size : stop - first * size])


def persisted(client: Any, n: int, d: int) -> Any:
    """The matrix as a Dask array, of which each worker holds a range of chunks, all alike."""
    import dask
    import dask.array as da
    import distributed

    step, homes = chunk_rows(n, d), list(client.scheduler_info()["workers"])
    make = dask.delayed(rows_of, pure=False)
    pieces = []
    for start in range(0, n, step):
        stop = min(start + step, n)
        pieces.append(da.from_delayed(make(start, stop, d), (stop - start, d), np.float64))
    ranges = []
    for home, some in zip(homes, np.array_split(np.arange(len(pieces)), len(homes)), strict=True):
        own = da.concatenate([pieces[i] for i in some])
        ranges.append(client.persist(own, workers=[home], allow_other_workers=False))
    distributed.wait(ranges)
    array = client.persist(da.concatenate(ranges))
    distributed.wait(array)
    return array


def finished(result: Any) -> Any:
    """Wait for values that are still on their way to workers."""
    import distributed

    if hasattr(result, "__dask_graph__"):
        distributed.wait(result)
    return result


@contextlib.contextmanager
def threads(count: int) -> Iterator[None]:
    """Threads for passes in this process."""
    before = os.environ.get("RNLA_THREADS")
    os.environ["RNLA_THREADS"] = str(count)
    try:
        yield
    finally:
        del os.environ["RNLA_THREADS"]
        if before is not None:
            os.environ["RNLA_THREADS"] = before


def one_size(
    client: Any, counter: Counter, workers: int, size: tuple[int, int], repeats: int
) -> list[dict[str, Any]]:
    """Every algorithm on a persisted array and in memory."""
    array = persisted(client, *size)
    return _compare(client, counter, workers, size, lambda: rnla.as_tall(array), ARRAY, repeats)


def one_file(
    client: Any, counter: Counter, workers: int, size: tuple[int, int], folder: pathlib.Path | None
) -> list[dict[str, Any]]:
    """Every algorithm on a .npy file that the workers read in every pass."""
    with workplace(folder) as place:
        path = _scaling_homes.WRITERS[".npy"](place, *size, np.float64)
        opened = partial(rnla.as_tall, path, dask=True)
        return _compare(client, counter, workers, size, opened, FILE, 3)


def _compare(
    client: Any,
    counter: Counter,
    workers: int,
    size: tuple[int, int],
    opened: Callable[[], rnla.TallMatrix],
    home: str,
    repeats: int,
) -> list[dict[str, Any]]:
    """Dask on `workers` processes and `workers` threads on an array in memory, taking turns."""
    A = _scaling_homes.matrix(*size)
    rows = []
    for name, call in ALGORITHMS.items():
        if (name == "Lewis" and repeats == 1) or (name != "leverage" and size[0] > LARGE):
            continue
        inside, outside, counted = list[float](), list[float](), list[dict[str, float]]()
        for _ in range(1 + repeats):
            with threads(workers):
                start = time.perf_counter()
                call(A)
                inside.append(time.perf_counter() - start)
            counter.reset(client)
            start = time.perf_counter()
            tall = opened()
            result = finished(call(tall))
            outside.append(time.perf_counter() - start)
            counted.append({"passes": tall.passes, **counter.read(client)})
            chunks = len(tall._engine._parts)
            del result, tall
        middle = {key: statistics.median(one[key] for one in counted[1:]) for key in counted[0]}
        seconds = statistics.median(outside[1:]), statistics.median(inside[1:])
        rows.append(record(name, home, (*size, workers, chunks), seconds, middle))
    return rows


def record(
    name: str,
    home: str,
    size: tuple[int, int, int, int],
    seconds: tuple[float, float],
    counted: dict[str, float],
) -> dict[str, Any]:
    """One line of the table."""
    n, d, workers, chunks = size
    m = SAMPLE if name == "embedding" else 0
    words = counted["passes"] * d * d * workers + m * d
    allowed = 16 * words + PER_OBJECT * counted["objects"]
    ratio = seconds[0] / seconds[1]
    judged = workers == 2
    return {
        "algorithm": name,
        "home": home,
        "n": n,
        "d": d,
        "m": m,
        "workers": workers,
        "chunks": chunks,
        "seconds": seconds[0],
        "seconds in memory": seconds[1],  # with as many threads as there are workers
        "ratio": ratio,
        "target": RATIO if judged else None,
        "met": ("yes" if ratio <= RATIO else "no") if judged else None,
        **counted,
        "GB read": counted["passes"] * n * d * 8 / 1e9,
        "MB moved": counted["bytes moved"] / 1e6,
        "MB allowed": allowed / 1e6,
        "MB by A16": 8 * words / 1e6,
        "moved met": "yes" if counted["bytes moved"] <= allowed else "no",
    }


def picture(rows: list[dict[str, Any]]) -> None:
    """Time against n, and bytes moved against what A16 allows."""
    figure, axes = new_figure(1, 4, figsize=(18, 4))
    arrays = [r for r in rows if r["home"] == ARRAY]
    for ax, name in zip(axes.flat, ALGORITHMS, strict=False):
        own = [r for r in arrays if r["algorithm"] == name and r["d"] == 64]
        for workers, colour in ((1, COLOURS[0]), (2, COLOURS[1])):
            some = [r for r in own if r["workers"] == workers]
            sizes = [r["n"] for r in some]
            label = f"Dask, {workers} process{'es' * (workers > 1)}"
            ax.loglog(sizes, [r["seconds"] for r in some], "o-", color=colour, label=label)
            ax.loglog(
                sizes,
                [r["seconds in memory"] for r in some],
                "s--",
                color=colour,
                label=f"in memory, {workers} thread{'s' * (workers > 1)}",
            )
        ax.set_title(f"{name}, d = 64", fontsize=10)
        ax.set_xlabel("rows")
        ax.set_ylabel("seconds")
        ax.legend(fontsize=7)
    ax = axes.flat[3]
    labels = [f"{r['algorithm']}, {r['workers']} w., {r['n']:.0e} x {r['d']}" for r in arrays]
    ax.barh(labels, [r["MB moved"] / r["MB allowed"] for r in arrays], color=COLOURS[2])
    ax.axvline(1.0, color=COLOURS[0])
    ax.set_title("bytes moved / 16 (T d² k + m d) + 512 per object", fontsize=9)
    ax.tick_params(axis="y", labelsize=5)
    save_figure(figure, "scaling_workers")
