"""What a step of a Lewis iteration does to the log-weights of the rows, in one read of each vector.

h_i is log ||a_i M|| at the current weights: log tau - log w = 2 h - (2/p) log w is how far they are
from the solution, and p h - log w where the fixed-point map leads. Array operations read and write
a dozen vectors for the same. Products and sums are rounded one by one, as array operations do.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from ..dispatch import device_of

__all__ = ["extremes", "steps"]


def extremes(h: Any, log_w: Any, p: float) -> tuple[float, float]:
    """Smallest and largest of 2 h - (2/p) log w; infinities if there is no row, NaN if one is."""
    device = device_of(h, log_w)
    if device is not None:
        from . import cuda

        return cuda.extremes(device, h, log_w, p)
    from . import cpu

    return cpu.extremes(h, log_w, 2.0 / p)


def steps(
    h: Any, log_w: Any, before: Any, p: float, kept: float, factor: float, divisor: float
) -> Any:
    """kept * before + factor * (p h - log w) / divisor; `before` is None with kept = 0."""
    device = device_of(h, log_w, before)
    if device is not None:
        from . import cuda

        return cuda.steps(device, h, log_w, before, p, kept, factor, divisor)
    from . import cpu

    out = np.empty_like(h)
    if before is None:
        cpu.first_steps(h, log_w, p, factor, divisor, out)
    else:
        cpu.steps(h, log_w, before, p, kept, factor, divisor, out)
    return out
