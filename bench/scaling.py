"""How far does it scale? Files larger than memory, worker processes, and a model of many more.

out_of_core  leverage scores of a file of 8 GB with a budget of 1 GiB: share of the matrix-product
             rate (target 1/2), peak memory (2 GB); files over memory at 4e6 x 64 (.npy: 1.5)
memory       peak memory for a matrix four times the budget, in every home (budget + 300 MB)
workers      Dask on 1 and 2 processes beside threads: time (1.3), passes, tasks, bytes moved
model        words moved and time for 1 to 10,000 workers and up to 10^12 rows, predicted from what
             `workers` measured

Each part prints tables and writes bench/results/scaling_<part>.json and .png; `model` reads what
`workers` wrote. All of it takes about 40 minutes on two cores and needs 15 GB on disk; --quick runs
small sizes in a minute and writes nothing.

    python -m bench.scaling [out_of_core|memory|workers|model|all] [--quick] [--folder DIR]
"""

from __future__ import annotations

import argparse
import json
import pathlib
from typing import Any

from bench._harness import results_path, write_results

PARTS = ("out_of_core", "memory", "workers", "model")


def measure(
    part: str, quick: bool, folder: pathlib.Path | None, measured: dict[str, Any] | None
) -> dict[str, Any]:
    """The results of one part; `measured` are those of `workers` if they are at hand."""
    if part == "out_of_core":
        from bench import _scaling_disk

        return _scaling_disk.measure(quick, folder)
    if part == "memory":
        from bench import _scaling_memory

        return _scaling_memory.measure(quick, folder)
    from bench import _scaling_workers

    if part == "workers":
        return _scaling_workers.measure(quick, folder)
    from bench import _scaling_model

    if measured is None:
        stored = results_path("scaling_workers.json")
        if not quick and not stored.exists():
            raise SystemExit("model needs the results of: python -m bench.scaling workers")
        if quick:
            measured = _scaling_workers.measure(quick, folder)
        else:
            measured = json.loads(stored.read_text())
    return _scaling_model.predict(measured, quick)


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__.splitlines()[0],
        epilog="\n".join(__doc__.splitlines()[2:12]),
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("part", nargs="?", default="all", choices=(*PARTS, "all"))
    parser.add_argument("--quick", action="store_true", help="small sizes, nothing written")
    parser.add_argument("--folder", type=pathlib.Path, help="where large files go for a while")
    options = parser.parse_args()
    measured = None
    for part in PARTS if options.part == "all" else (options.part,):
        print(f"{part}\n", flush=True)
        results = measure(part, options.quick, options.folder, measured)
        if part == "workers":
            measured = results
        if not options.quick:
            write_results(f"scaling_{part}", results)


if __name__ == "__main__":
    main()
