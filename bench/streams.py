"""How fast does an embedding of a stream take rows, and does its memory stay constant (check 40)?

Gaussian rows whose scale wanders, made block by block outside of the clock, go once through every
method of `OnlineEmbedding`, in one process. Growing numbers of rows show rate and memory; what all
rows would take stands beside it. Writes bench/results/streams.json and streams.png. About ten
minutes; --quick for less than one.

    python -m bench.streams [--quick] [--rows N]
"""

from __future__ import annotations

import argparse
import math
import time
from collections.abc import Iterator
from typing import Any

import numpy as np

from bench._harness import (
    COLOURS,
    new_figure,
    peak_bytes,
    print_table,
    save_figure,
    seconds,
    write_results,
)
from rnla.embedding import OnlineEmbedding

COLUMNS = 10
SIZE = 500
BLOCK = 20_000
CONTESTANTS = (
    ("online_lewis", 1.0),
    ("online_lewis", 2.0),
    ("merge_and_reduce", 1.0),
    ("merge_and_reduce", 2.0),
    ("uniform", 1.0),
)


def blocks(rows: int) -> Iterator[np.ndarray]:
    """Blocks of together `rows` rows; scales differ by block, so kappa is not 1."""
    for start in range(0, rows, BLOCK):
        generator = np.random.default_rng([7, start])
        count = min(BLOCK, rows - start)
        yield generator.standard_normal((count, COLUMNS)) * math.exp(generator.normal())


def run(method: str, p: float, rows: int) -> dict[str, Any]:
    """One stream of so many rows: a record."""
    stream = OnlineEmbedding(p, size=SIZE, method=method, rng=0)
    busy = 0.0

    def feed() -> None:
        nonlocal busy
        for block in blocks(rows):
            start = time.perf_counter()
            stream.partial_fit(block)
            busy += time.perf_counter() - start

    growth = peak_bytes(feed)
    kept = stream.result()
    asking = seconds(stream.result, 3)
    return {
        "method": method,
        "p": p,
        "d": COLUMNS,
        "rows": rows,
        "seconds": busy,
        "rows per second": rows / busy,
        "memory growth MiB": None if growth is None else growth / 2**20,
        "all rows MiB": rows * COLUMNS * 8 / 2**20,
        "held": kept.held,
        "kept": kept.size,
        "steps": kept.steps,
        "score total": kept.score_total,
        "distortion": kept.distortion,
        "result seconds": asking,
    }


def picture(records: list[dict[str, Any]]) -> None:
    """Rate, memory and rows held against the number of rows."""
    figure, axes = new_figure(1, 3)
    panels = (
        ("rows per second", "rows a second, one process"),
        ("memory growth MiB", "growth of memory, MiB"),
        ("held", "rows held"),
    )
    for (key, label), ax in zip(panels, axes[0], strict=True):
        for (method, p), colour in zip(CONTESTANTS, COLOURS, strict=False):
            mine = [r for r in records if (r["method"], r["p"]) == (method, p)]
            values = [math.nan if r[key] is None else max(r[key], 1e-3) for r in mine]
            ax.loglog(
                [r["rows"] for r in mine], values, "o-", color=colour, label=f"{method}, {p:g}"
            )
        ax.set(xlabel="rows", ylabel=label)
    sizes = sorted({r["rows"] for r in records})
    everything = [n * COLUMNS * 8 / 2**20 for n in sizes]
    axes[0, 1].loglog(sizes, everything, "--", color="#888888", label="all rows")
    axes[0, 1].legend(fontsize=7)
    axes[0, 0].legend(fontsize=7, title="method, p", title_fontsize=7)
    axes[0, 0].set_ylim(bottom=1e4)
    save_figure(figure, "streams")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    parser.add_argument("--quick", action="store_true", help="at most 100,000 rows")
    parser.add_argument("--rows", type=int, default=10_000_000, help="largest number of rows")
    arguments = parser.parse_args()
    largest = 100_000 if arguments.quick else arguments.rows
    sizes = [n for n in (10_000, 100_000, 1_000_000, 10_000_000) if n < largest] + [largest]
    for method, p in CONTESTANTS:
        run(method, p, 3 * BLOCK)  # compiles, and touches memory once
    records: list[dict[str, Any]] = []
    for method, p in CONTESTANTS:
        batch = [run(method, p, rows) for rows in sizes]
        print_table(batch)
        records += batch
    write_results("streams", {"columns": COLUMNS, "size": SIZE, "block": BLOCK, "rows": records})
    picture(records)


if __name__ == "__main__":
    main()
