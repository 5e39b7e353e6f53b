"""Keys of the priority race, and the rows that are ahead in it.

The ratio u / s of a row's uniform number (that of `philox.uniform_range`) and its score is rounded
once, with an exponent that never runs out: scores may span 600 decades. A key is an int64 whose
order is that of the ratios: exponent times 2^52 plus fraction. It is the same on every machine, for
nothing but a division is rounded.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from ..dispatch import device_of

__all__ = ["NEVER", "priority_keys", "ratio_of", "smallest"]

NEVER = np.iinfo(np.int64).max  # the key of a row without a score
_FRACTION = 52


def priority_keys(key: int, start: int, scores: Any) -> Any:
    """Keys (int64) of the rows start, start + 1, … with these finite, non-negative scores."""
    device = device_of(scores)
    if device is not None:
        from . import cuda

        return cuda.priority_keys(device, key, start, scores)
    from . import cpu

    keys = np.empty(scores.size, dtype=np.int64)
    scores = np.ascontiguousarray(scores, dtype=np.float64)
    cpu.priority_keys(np.uint64(key), np.uint64(start), scores, keys)
    return keys


def smallest(keys: Any, count: int) -> Any:
    """Positions (int64, ascending) of all keys that are not larger than the one that has `count`
    keys before it in order; NEVER is no key. At least 1 + `count` of them, if there are as many."""
    device = device_of(keys)
    if device is not None:
        from . import cuda

        return cuda.smallest(device, keys, count)
    last = NEVER - 1
    if keys.size > count:
        last = min(last, int(np.partition(keys, count)[count]))
    return np.flatnonzero(keys <= last)


def ratio_of(key: int) -> tuple[float, int]:
    """The ratio that a key stands for, as a number from 1 to 2 and a power of two."""
    exponent = key >> _FRACTION
    return 1.0 + (key - (exponent << _FRACTION)) * 2.0**-_FRACTION, exponent
