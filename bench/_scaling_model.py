"""From one and two workers to ten thousand: words moved and time of an algorithm, predicted.

What `_scaling_workers` measured at its smallest size (passes, graphs, tasks per chunk, words of
states and jobs, run time of tasks per row) and the constants of the machine (seconds per graph and
per task, a straight line through passes without work; latency, bandwidth) go into

    time  = graphs a + tasks b + busy n / k + c
            + levels (latency + 8 states) + log2(k) (latency + job)
    words = (k - 1) (states + jobs) + results + m d

for k workers. b is paid by one scheduler, one task after another, and not hidden behind arithmetic,
so this is a pessimistic model. Levels are those of the tree of fan-in 8 between workers, c is the
algebra between passes, what remains, if anything, of the time measured at the smallest size, where
the number of iterations comes from too. The model's own check is to predict the larger sizes, and
two workers from one. It knows nothing of stragglers, shared links, or a scheduler that slows down
under many workers.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

from bench._harness import print_table
from bench._scaling_workers import ARRAY, chunk_rows, strip_rows

EFFICIENCY = 0.8
WORKERS = (1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 1000, 2000, 5000, 10_000)
SHOWN = (16, 1000, 10_000)
STRONG = (10**9, 10**12)
WEAK = (10**6, 10**7, 10**8)  # rows for each worker
CHUNKS = {"64 MiB chunks": 2.0**26, "4 GiB chunks": 2.0**32}
_FAN_IN = 8
_DEFAULT_LINK = (1e-3, 1e9)  # if only one worker was measured

Record = dict[str, Any]


@dataclass(frozen=True)
class Model:
    """One algorithm with d columns; see the module docstring."""

    algorithm: str
    d: int
    m: int
    passes: float
    graphs: float
    tasks_fixed: float
    tasks_per_chunk: float
    folds: float
    state_words: float
    result_words: float
    job_words: float
    busy_per_row: float
    per_graph: float
    per_task: float
    latency: float
    bytes_per_second: float
    message_bytes: float  # of the scheduler, for each task
    between: float = 0.0

    def tasks(self, chunks: float, k: int) -> float:
        """Tasks of all passes; beyond one worker every fold merges on and between workers."""
        return self.tasks_fixed + self.tasks_per_chunk * chunks + self.folds * (k - 1) * 8 / 7

    def words(self, k: int) -> float:
        """Words that workers send to each other and to the client."""
        down_and_up = (k - 1) * (self.state_words + self.job_words)
        return down_and_up + self.result_words + self.m * self.d

    def bound(self, k: int) -> float:
        """T d^2 k + m d of A16."""
        return self.passes * self.d**2 * k + self.m * self.d

    def parts(self, n: float, k: int, chunks: float) -> dict[str, float]:
        """Seconds by what they are spent on."""
        busiest = math.ceil(chunks / k) / chunks if chunks else 1.0 / k
        levels, copies = max(math.ceil(math.log(k, _FAN_IN)), 1), math.ceil(math.log2(max(k, 2)))
        state = 8.0 * self.state_words / self.bytes_per_second
        job = 8.0 * self.job_words / self.bytes_per_second
        # One level and one copy are part of a measured pass.
        tree = (levels - 1) * (self.folds * self.latency + _FAN_IN * state)
        tree += (copies - 1) * (self.passes * self.latency + job)
        return {
            "rows": self.busy_per_row * n * busiest,
            "scheduler": self.graphs * self.per_graph + self.tasks(chunks, k) * self.per_task,
            "messages": tree,
            "between passes": self.between,
        }

    def seconds(self, n: float, k: int, chunks: float) -> float:
        """All of them."""
        return sum(self.parts(n, k, chunks).values())


def calibrate(measured: Record, workers: int, algorithm: str, d: int) -> Model:
    """A model from the two smallest sizes on `workers` workers, its time from the smallest."""
    first, second = runs(measured, workers, algorithm, d)[:2]
    constants = measured["constants"]
    own, both = constants[str(workers)], constants.get("2", {})
    latency, bandwidth = both.get("latency"), both.get("bytes per second")
    slope = (second["tasks"] - first["tasks"]) / (second["chunks"] - first["chunks"])
    model = Model(
        algorithm=algorithm,
        d=d,
        m=first["m"],
        passes=first["passes"],
        graphs=first["graphs"],
        tasks_fixed=first["tasks"]
        - slope * first["chunks"]
        - first["folds"] * (workers - 1) * 8 / 7,
        tasks_per_chunk=slope,
        folds=first["folds"],
        state_words=first["state words"],
        result_words=first["result words"],
        job_words=first["job bytes"] / 8,
        busy_per_row=first["busy seconds"] / first["n"],
        per_graph=own["seconds per pass"],
        per_task=own["seconds per part"] * 7 / 8,  # a part and its share of the tree
        latency=latency or _DEFAULT_LINK[0],
        bytes_per_second=bandwidth or _DEFAULT_LINK[1],
        message_bytes=max(first["bytes on the wire"] - first["bytes moved"], 0) / first["tasks"],
    )
    rest = first["seconds"] - model.seconds(first["n"], workers, first["chunks"])
    return Model(**{**model.__dict__, "between": max(rest, 0.0)})


def runs(measured: Record, workers: int, algorithm: str, d: int) -> list[Record]:
    """Measured runs on persisted arrays, smallest first."""
    found = [
        row
        for row in measured["rows"]
        if (row["home"], row["workers"], row["algorithm"], row["d"])
        == (ARRAY, workers, algorithm, d)
    ]
    return sorted(found, key=lambda row: row["n"])


def check(measured: Record) -> list[Record]:
    """The model against runs it was not made from."""
    rows = []
    cases = dict.fromkeys((row["algorithm"], row["d"]) for row in measured["rows"])
    for algorithm, d in cases:
        for made_from, workers in ((1, 1), (2, 2), (1, 2)):
            model = calibrate(measured, made_from, algorithm, d)
            for run in runs(measured, workers, algorithm, d)[made_from == workers :]:
                seconds = model.seconds(run["n"], workers, run["chunks"])
                predicted = 8 * model.words(workers) / 1e6
                rows.append(
                    {
                        "algorithm": algorithm,
                        "n": run["n"],
                        "d": d,
                        "workers": workers,
                        "made from": f"{made_from} worker{'s' * (made_from > 1)}",
                        "seconds": run["seconds"],
                        "predicted": seconds,
                        "error": seconds / run["seconds"] - 1.0,
                        "tasks": run["tasks"],
                        "tasks predicted": model.tasks(run["chunks"], workers),
                        "MB moved": run["MB moved"],
                        "MB predicted": predicted,
                        "MB error": predicted / run["MB moved"] - 1.0,
                    }
                )
    return rows


def chunk_count(n: float, k: int, d: int, size: float) -> int:
    """Chunks of whole strips of at most about `size` bytes, as many for each worker."""
    for_each = math.ceil(8.0 * d * n / k / size)
    return max(1, min(k * for_each, math.ceil(n / strip_rows(d))))


def scale(model: Model) -> list[Record]:
    """Strong and weak scaling over WORKERS."""
    rows = []
    cases = [("strong", n) for n in STRONG] + [("weak", n) for n in WEAK]
    for policy, size in CHUNKS.items():
        for kind, given in cases:
            alone = model.seconds(given, 1, chunk_count(given, 1, model.d, size))
            for k in WORKERS:
                n = given if kind == "strong" else given * k
                chunks = chunk_count(n, k, model.d, size)
                spent = model.parts(n, k, chunks)
                seconds = sum(spent.values())
                rows.append(
                    {
                        "algorithm": model.algorithm,
                        "scaling": kind,
                        "rows" if kind == "strong" else "rows per worker": given,
                        "n": n,
                        "d": model.d,
                        "workers": k,
                        "chunking": policy,
                        "chunks": chunks,
                        "tasks": model.tasks(chunks, k),
                        "seconds": seconds,
                        "seconds per pass": seconds / model.passes,
                        "efficiency": alone / seconds / (k if kind == "strong" else 1),
                        "scheduler share": spent["scheduler"] / seconds,
                        "message share": spent["messages"] / seconds,
                        "words": model.words(k),
                        "words by A16": model.bound(k),
                        "words over A16": model.words(k) / model.bound(k),
                        "words of messages": model.tasks(chunks, k) * model.message_bytes / 8,
                        # Chunks for which all tasks cost a tenth of the arithmetic.
                        "GB per chunk": 80.0 * model.d * model.tasks_per_chunk * model.per_task
                        * k / model.busy_per_row / 1e9,
                        "GB per worker": 8.0 * model.d * n / k / 1e9,
                    }
                )  # fmt: skip
    return rows


def weak_efficiency(rows: list[Record], measured: Record, models: list[Model]) -> list[Record]:
    """Predicted at 16 workers, for check 32; with the measured one at 2 workers where there is."""
    found = []
    for row in rows:
        if row["scaling"] != "weak" or row["workers"] != 16:
            continue
        efficiency = row["efficiency"]
        found.append(
            {
                "algorithm": row["algorithm"],
                "rows per worker": row["rows per worker"],
                "d": row["d"],
                "chunking": row["chunking"],
                "workers": 16,
                "efficiency": efficiency,
                "target": EFFICIENCY,
                "met": "yes" if efficiency >= EFFICIENCY else "no",
                "source": "predicted",
            }
        )
    for model in models:
        one = {r["n"]: r for r in runs(measured, 1, model.algorithm, model.d)}
        for run in runs(measured, 2, model.algorithm, model.d):
            if run["n"] / 2 in one:
                found.append(
                    {
                        "algorithm": model.algorithm,
                        "rows per worker": run["n"] // 2,
                        "d": model.d,
                        "chunking": f"{chunk_rows(run['n'], model.d) * model.d * 8 / 2**20:.0f} MiB"
                        " chunks",
                        "workers": 2,
                        "efficiency": one[run["n"] / 2]["seconds"] / run["seconds"],
                        "source": "measured",
                    }
                )
    return found


def predict(measured: Record, quick: bool) -> Record:
    """All of it; the picture unless `quick`."""
    d = max(row["d"] for row in measured["rows"])
    names = dict.fromkeys(row["algorithm"] for row in measured["rows"])
    models = [calibrate(measured, 2, name, d) for name in names]
    checked = check(measured)
    scales = [row for model in models for row in scale(model)]
    weak = weak_efficiency(scales, measured, models)
    print_table(checked)
    shown = ("algorithm", "scaling", "n", "workers", "chunking", "chunks", "seconds per pass",
             "efficiency", "scheduler share", "GB per chunk", "GB per worker")  # fmt: skip
    some = [row for row in scales if row["workers"] in SHOWN and row["n"] >= 10**10]
    print_table([{key: row[key] for key in shown} for row in some])
    print_table(weak)
    content = {
        "rows": weak,
        "check": checked,
        "largest": [r for r in scales if r.get("rows") == STRONG[-1] and r["workers"] in SHOWN],
        "scales": scales,
        "models": [model.__dict__ for model in models],
    }
    if not quick:
        from bench._scaling_picture import picture

        picture(content, measured)
    return content
