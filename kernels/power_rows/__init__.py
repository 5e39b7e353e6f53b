"""What Newton's method needs of |r|^p for every row: value, slope, square root of the curvature.

One read and one write of each vector, where array operations take a dozen of both. The power
itself, held^(p - 2) with held = max(|r|, floor), is NumPy's, which is vectorised.
"""

from __future__ import annotations

import threading
from functools import lru_cache
from typing import Any

import numpy as np

from ..dispatch import device_of

__all__ = ["guided_power_rows", "held_rows", "power_rows", "scaled_rows"]


_own = threading.local()


@lru_cache(maxsize=4)
def _ones(size: int) -> np.ndarray:
    ones = np.ones(size)
    ones.flags.writeable = False
    return ones


def held_rows(b: Any, z: Any, unit: float, floor: float) -> tuple[Any, Any]:
    """r = b / unit - z, and max(|r|, floor)."""
    device = device_of(b, z)
    if device is not None:
        from . import cuda

        return cuda.held_rows(device, b, z, unit, floor)
    from . import cpu

    r, held = np.empty_like(b), np.empty_like(b)
    cpu.held_rows(b, z, unit, floor, r, held)
    return r, held


def scaled_rows(B: Any, root: Any) -> Any:
    """diag(root) B for C-contiguous B, in memory of this thread that its next call writes over."""
    device = device_of(B, root)
    if device is not None:
        from . import cuda

        return cuda.scaled_rows(device, B, root)
    from . import cpu

    buffer = getattr(_own, "buffer", None)
    if buffer is None or buffer.size < B.size:
        buffer = _own.buffer = np.empty(B.size)
    out = buffer[: B.size].reshape(B.shape)
    cpu.scaled_rows(B, root, out)
    return out


def power_rows(r: Any, power: Any, w: Any, p: float, least: float = 0.0) -> tuple[Any, Any, Any]:
    """Sum of w r^2 power, weighted slopes p w r power, and sqrt(p (p - 1) w max(power, least))."""
    device = device_of(r, power, w)
    if device is not None:
        from . import cuda

        return cuda.power_rows(device, r, power, w, p, least)
    from . import cpu

    slope, root = np.empty_like(r), np.empty_like(r)
    value = cpu.power_rows(r, power, _ones(r.size) if w is None else w, p, least, slope, root)
    return value, slope, root


def guided_power_rows(
    r: Any,
    held: Any,
    power: Any,
    known: Any,
    bend: Any,
    w: Any,
    p: float,
    length: float,
) -> tuple[Any, Any, Any, Any, Any]:
    """The same for p < 2, with curvatures guided by the slopes that a step predicted.

    `known` (n, 2) are slopes and curvatures before the step; `bend` is the change of r for its full
    length. Returned as well are slopes and curvatures without weights, shape (n, 2), and the slopes
    predicted for the full length.
    """
    device = device_of(r, held, power, known, bend, w)
    if device is not None:
        from . import cuda

        return cuda.guided_power_rows(device, r, held, power, known, bend, w, p, length)
    from . import cpu

    slope, root, u = np.empty_like(r), np.empty_like(r), np.empty_like(r)
    kept = np.empty((r.size, 2))
    w = _ones(r.size) if w is None else w
    value = cpu.guided_power_rows(r, held, power, known, bend, w, p, length, slope, root, kept, u)
    return value, slope, root, kept, u
