"""Launches of the recurrences (see the contract beside this file)."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..dispatch import Launch, blocks

THREADS = 256


def _run(device: Any, function: str, x: Any, a: Any, b: Any, dtypes: tuple[Any, ...]) -> Any:
    count, degree = x.shape[0], b.shape[0] - 1
    outs = tuple(device.empty((count, degree + 1), dtype) for dtype in dtypes)
    if count:
        x, a, b = (device.contiguous(array, np.float64) for array in (x, a, b))
        arguments = (x, a, b, np.int64(count), np.int64(degree), *outs)
        grid = blocks(count, THREADS)
        device.run(Launch("three_term", function, grid, (THREADS, 1, 1), arguments))
    return outs


def evaluate(device: Any, x: Any, a: Any, b: Any) -> Any:
    return _run(device, "evaluate", x, a, b, (np.float64,))[0]


def evaluate_scaled(device: Any, x: Any, a: Any, b: Any) -> tuple[Any, Any]:
    return _run(device, "evaluate_scaled", x, a, b, (np.float64, np.int64))


def derivatives(device: Any, x: Any, a: Any, b: Any) -> tuple[Any, Any]:
    return _run(device, "derivatives", x, a, b, (np.float64, np.float64))
