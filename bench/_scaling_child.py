"""One computation in a process of its own, so that its memory and its threads are its alone.

    python -m bench._scaling_child '{"work": "leverage", "path": "A.npy", "memory": "1GiB"}'

prints one line of JSON: seconds, passes, resident memory (after imports; after the same work on few
rows, which compiles and starts threads; at the highest) and, if asked, the rate of a matrix product
on all cores measured right after the work.
"""

from __future__ import annotations

import importlib
import json
import os
import pathlib
import subprocess
import sys
import time
from functools import partial
from typing import Any

import numpy as np

ROOT = pathlib.Path(__file__).resolve().parents[1]
_EMBEDDING_ROWS = 2000


def run_child(**task: Any) -> dict[str, Any]:
    """What a fresh process measures for `task`; raises with its last words if it fails."""
    done = subprocess.run(
        [sys.executable, "-m", "bench._scaling_child", json.dumps(task)],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        raise RuntimeError(f"{task} failed:\n{done.stderr[-3000:]}")
    result: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return result


def gemm_rate(size: int = 1500, repeats: int = 5) -> float:
    """Flops per second of a square float64 matrix product on all cores, the best of a few."""
    from bench._harness import seconds

    square = np.random.default_rng(0).standard_normal((size, size))
    best = min(seconds(lambda: square @ square, 1, warm_up=0) for _ in range(repeats))
    return 2.0 * size**3 / best


def resident(field: str) -> int:
    """VmRSS or VmHWM of this process in bytes."""
    text = pathlib.Path("/proc/self/status").read_text()
    return next(1024 * int(s.split()[1]) for s in text.splitlines() if s.startswith(field))


def _work(name: str, A: Any, options: dict[str, Any]) -> Any:
    import rnla

    if name == "leverage":
        return rnla.leverage_scores(A, rng=0, **options)
    size = min(_EMBEDDING_ROWS, A.shape[0] // 2)
    certify = name == "certified embedding"
    return rnla.lp_subspace_embedding(A, 1, size=size, certify=certify, rng=0)


def _open(task: dict[str, Any]) -> Any:
    import rnla
    from bench._scaling_homes import blocks

    if "path" in task:
        return rnla.as_tall(task["path"], memory=task["memory"])
    return rnla.as_tall(partial(blocks, *task["generate"]), memory=task["memory"])


def main() -> None:
    task = json.loads(sys.argv[1])
    import rnla
    from bench import _scaling_homes

    options = task.get("options", {})
    for module in task.get("modules", ()):
        importlib.import_module(module)
    imported = resident("VmRSS")
    d = task["columns"]
    small = _scaling_homes.block(0, d)
    if task.get("per_row"):
        small = _scaling_homes.sparse_matrix(4096, d, task["per_row"])
    _work(task["work"], rnla.as_tall(small[:4096]), options)
    del small
    baseline, before = resident("VmRSS"), resident("VmHWM")
    pathlib.Path("/proc/self/clear_refs").write_text("5")  # the peak counts from here
    start = time.perf_counter()
    tall = _open(task)
    result = _work(task["work"], tall, options)
    seconds = time.perf_counter() - start
    peak = resident("VmHWM")
    found = {
        "seconds": seconds,
        "passes": tall.passes,
        "path": getattr(result, "path", None),
        "status": result.status.name,
        "imports bytes": imported,
        "baseline bytes": baseline,
        "growth bytes": max(0, peak - baseline),
        "peak bytes": max(peak, before),
        "threads": int(os.environ.get("RNLA_THREADS", "0")) or os.cpu_count(),
    }
    if task.get("gemm"):
        found["gemm flops/s"] = gemm_rate()
    print(json.dumps(found))


if __name__ == "__main__":
    main()
