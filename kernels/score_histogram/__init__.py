"""Histograms of positive scores by ranges of their bit patterns, with exact sums.

The bit pattern of a positive float64 read as an integer is its key, in the order of the numbers.
Windows are disjoint, ascending ranges of keys, cut into bins of 2^shift keys; per bin the rows are
counted, and upper and lower halves (26 bits) of their fractions added up. All are integers: any
split of the rows, or order of atomic additions, gives the same histogram.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from ..dispatch import device_of

__all__ = ["fill", "inside"]


def fill(firsts: Any, lasts: Any, shifts: Any, scores: Any) -> Any:
    """Counts and sums of upper and lower halves, int64 (3, bins), of the bins of all windows.

    Windows are NumPy arrays of int64: first and last keys, shifts. Scores (n,) are float64.
    """
    ends = np.zeros(len(firsts) + 1, dtype=np.int64)
    np.cumsum((lasts >> shifts) - (firsts >> shifts) + 1, out=ends[1:])
    windows = np.stack([firsts, lasts, shifts, ends[:-1] - (firsts >> shifts)])
    device = device_of(scores)
    if device is not None:
        from . import cuda

        return cuda.fill(device, windows, int(ends[-1]), scores)
    from . import cpu

    out = np.zeros((3, ends[-1]), dtype=np.int64)
    cpu.fill(windows, np.ascontiguousarray(scores, dtype=np.float64).view(np.int64), out)
    return out


def inside(firsts: Any, lasts: Any, scores: Any) -> Any:
    """The keys (int64), in order of the rows, that lie in any window."""
    windows = np.stack([firsts, lasts])
    device = device_of(scores)
    if device is not None:
        from . import cuda

        return cuda.inside(device, windows, scores)
    from . import cpu

    keys = np.ascontiguousarray(scores, dtype=np.float64).view(np.int64)
    return keys[cpu.inside(windows, keys)]
