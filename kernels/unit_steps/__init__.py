"""Probabilities as steps around a circle of 2^64 points, and which of them pass zero.

Probabilities in units of 2^-64 are laid end to end; a step that passes zero contains the next unit
of probability. Sums modulo 2^64 are associative: any split into chunks, blocks or workers gives the
same rows. One read of the numbers, and one of the steps.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from ..dispatch import device_of

__all__ = ["crossings", "unit_steps"]


def unit_steps(x: Any, exponent: int = 64) -> tuple[Any, int, int]:
    """Numbers in units of 2^-exponent (uint64), 0 where that is 2^64 or more; the sum of these
    integers; and the number of the first that is largest (0 if there is none)."""
    # Two factors, for a power of two may be out of range where its product with x is not.
    factors = math.ldexp(1.0, exponent // 2), math.ldexp(1.0, exponent - exponent // 2)
    device = device_of(x)
    if device is not None:
        from . import cuda

        return cuda.unit_steps(device, x, *factors)
    from . import cpu

    steps = np.empty(x.size, dtype=np.uint64)
    x = np.ascontiguousarray(x, dtype=np.float64)
    low, high, largest = cpu.unit_steps(x, *factors, steps)
    return steps, int(low) + (int(high) << 32), int(largest)


def crossings(steps: Any, position: int = 0) -> tuple[Any, int]:
    """Numbers (int64, ascending) of the uint64 steps that pass zero when taken one after the other
    from `position`, and where they end: from there the next chunk goes on."""
    device = device_of(steps)
    if device is not None:
        from . import cuda

        return cuda.crossings(device, steps, position)
    from . import cpu

    out = np.empty(steps.size, dtype=np.int64)
    count, position = cpu.crossings(steps, np.uint64(position), out)
    return out[:count].copy(), int(position)
