"""How fast is a GPU with the CUDA kernels, beside its own limits and beside CuPy alone?

Each kernel is first compared with plain float64 formulas, or with its tested twin on the CPU, on a
small input, then timed on a large one: bytes that have to be moved over the time as a share of the
copy bandwidth measured in the same run, flops as a share of the rate of a double matrix product.
Then whole problems: leverage scores against cuSOLVER's QR and normal equations, Lewis weights,
determinantal samples, rows streamed from the host. Needs CuPy and a GPU; under ten minutes. Writes
gpu.json and gpu.png.

    python -m bench.gpu [--quick]
"""

from __future__ import annotations

import statistics
import sys
import time
from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np

from bench import _gpu_problems
from bench._gpu_kernels import KERNELS, Work
from bench._gpu_twins import TWINS
from bench._harness import COLOURS, new_figure, run_benchmark, save_figure

QUICK = 16  # times fewer rows


def device_seconds(cp: Any, function: Callable[[], Any], repeats: int = 7) -> float:
    """Median time of a call that begins and ends with nothing left to do on the device."""
    times = []
    for turn in range(repeats + 2):
        cp.cuda.Device().synchronize()
        start = time.perf_counter()
        function()
        cp.cuda.Device().synchronize()
        if turn >= 2:  # the first compiles, the second touches memory
            times.append(time.perf_counter() - start)
    return statistics.median(times)


def limits(cp: Any, quick: bool) -> list[dict[str, Any]]:
    """Copy bandwidth and matrix-product rates of this device, now."""
    pair = [cp.ones(2**24 if quick else 2**28) for _ in range(2)]
    copy = device_seconds(cp, lambda: cp.copyto(*pair))
    properties = cp.cuda.runtime.getDeviceProperties(cp.cuda.Device().id)
    found: dict[str, Any] = {
        "device": properties["name"].decode(),
        "copy, GB/s": 2e-9 * pair[0].nbytes / copy,
    }
    pair.clear()
    side = 1024 if quick else 8192
    for dtype in (np.float64, np.float32):
        square = cp.ones((side, side), dtype=dtype)
        product = device_seconds(cp, lambda square=square: square @ square)
        found[f"matrix product {np.dtype(dtype).name}, GFlop/s"] = 2e-9 * side**3 / product
    return [found]


def error(work: Work, cp: Any) -> float:
    """Largest difference from what is expected on a small input, over its largest entry."""
    arrays = work.make(cp, work.small)
    host = {name: cp.asnumpy(array) for name, array in arrays.items()}
    found, expected = _several(work.run(arrays)), _several(work.expected(host))
    worst = 0.0 if len(found) == len(expected) else float("inf")
    for ours, right in zip(found, expected, strict=False):
        ours = cp.asnumpy(ours)
        if ours.shape != right.shape:
            return float("inf")
        largest = float(np.abs(right).max(initial=0.0))
        worst = max(worst, float(np.abs(ours - right).max(initial=0.0)) / (largest or 1.0))
    return worst


def _several(results: Any) -> tuple[Any, ...]:
    return tuple(results) if isinstance(results, tuple) else (results,)


def sweeps(rows: int, columns: int) -> int:
    """Times that the Walsh-Hadamard transform goes over memory; each reads and writes it."""
    from rnla.kernels.fwht.cuda import TILE, WIDTH

    most = (TILE // min(columns, WIDTH)).bit_length() - 1
    return -(-(rows.bit_length() - 1) // most)


def kernels(cp: Any, rates: dict[str, Any], quick: bool) -> list[dict[str, Any]]:
    """One row a kernel."""
    found = []
    for work in (*KERNELS, *TWINS):
        wrong = error(work, cp)
        if not wrong <= work.tolerance:
            sys.exit(f"{work.name}: error {wrong:g}, tolerance {work.tolerance:g}")
        arrays = work.make(cp, work.rows // QUICK if quick else work.rows)
        spent = device_seconds(cp, lambda work=work, arrays=arrays: work.run(arrays))
        gigabytes, gigaflops = 1e-9 * work.bytes(arrays), 1e-9 * work.flops(arrays)
        row = {
            "kernel": work.name,
            "ms": 1e3 * spent,
            "GB/s": gigabytes / spent,
            "of copy": gigabytes / spent / rates["copy, GB/s"],
            "GFlop/s": gigaflops / spent,
            "of product": gigaflops / spent / rates["matrix product float64, GFlop/s"],
            "error": wrong,
            "target": work.target or None,
        }
        if "x" in arrays:
            row["sweeps as copies / time"] = sweeps(*arrays["x"].shape) * row["of copy"]
        others = {
            name: device_seconds(cp, function) / spent
            for name, function in work.baselines(cp, arrays).items()
        }
        found.append(row | {"times ours": others})
        del arrays
        cp.get_default_memory_pool().free_all_blocks()
    return found


def picture(results: dict[str, list[dict[str, Any]]]) -> None:
    """Shares of the limits, and what else takes."""
    rows = results["kernels"]
    figure, axes = new_figure(1, 2, figsize=(11.5, 0.32 * len(rows) + 1.5))
    left, right = axes[0]
    places = np.arange(len(rows))
    for shift, key, colour in ((-0.2, "of copy", COLOURS[1]), (0.2, "of product", COLOURS[0])):
        left.barh(places + shift, [row[key] for row in rows], 0.4, color=colour, label=key)
    left.set_yticks(places, [row["kernel"] for row in rows])
    left.set_xlabel("share of copy bandwidth, of matrix-product rate")
    left.invert_yaxis()
    left.legend()
    names = sorted({name for row in rows for name in row["times ours"]})
    for name, colour in zip(names, COLOURS * 2, strict=False):
        with_it = [
            (row["times ours"][name], i) for i, row in enumerate(rows) if name in row["times ours"]
        ]
        right.plot(*zip(*with_it, strict=True), "o", color=colour, label=name)
    right.axvline(1.0, color="0.5")
    right.set_xscale("log")
    right.set_yticks(places, [""] * len(rows))
    right.invert_yaxis()
    right.set_xlabel("time over ours")
    right.legend()
    save_figure(figure, "gpu")


def main() -> None:
    """Measure, print, write."""
    try:
        import cupy as cp
    except ImportError:
        sys.exit("bench.gpu needs CuPy: pip install 'rnla[cuda]'")
    if not cp.is_available():
        sys.exit("bench.gpu needs a GPU; CuPy finds none")
    rates: dict[str, Any] = {}

    def measure_limits(quick: bool) -> list[dict[str, Any]]:
        found = limits(cp, quick)
        rates.update(found[0])
        return found

    run_benchmark(
        "gpu",
        __doc__ or "",
        {
            "limits": measure_limits,
            "kernels": lambda quick: kernels(cp, rates, quick),
            "leverage": partial(_gpu_problems.leverage, cp, device_seconds, rates),
            "lewis": partial(_gpu_problems.lewis, cp, device_seconds),
            "determinantal": partial(_gpu_problems.determinantal, cp, device_seconds),
            "streamed": partial(_gpu_problems.streamed, cp, device_seconds),
        },
        picture,
    )


if __name__ == "__main__":
    main()
