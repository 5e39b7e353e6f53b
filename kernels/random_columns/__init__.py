"""Dense random columns of a sketch: normal, sign, Cauchy and symmetric p-stable entries.

Row i of the result is column `start + i` of the sketch, from the Philox words of (key, global
index, block): two normals (Box-Muller) or Cauchys (quantile transform) per block of four words, one
p-stable number (Chambers, Mallows, Stuck, JASA 1976), 128 signs. Every column is a loop of its own,
so its bits do not depend on the block it is computed in. Logarithm, sine and cosine are series that
the vector unit evaluates, within a few units in the last place; normals and Cauchys depend on no
mathematics library. About 3 ns a normal or Cauchy, 1 ns a sign, 60 ns a p-stable number.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from ..dispatch import device_of

__all__ = ["cauchy", "normal", "signs", "stable"]


def normal(key: int, start: int, count: int, rows: int, like: Any = None) -> Any:
    """Standard normals (count, rows), those of `Stream.normal`, where `like` is."""
    return _drawn("normal", like, key, start, count, rows)


def signs(key: int, start: int, count: int, rows: int, like: Any = None) -> Any:
    """Signs (count, rows), -1.0 or 1.0; entry r is bit r mod 32 of word (r div 32) mod 4."""
    return _drawn("signs", like, key, start, count, rows)


def cauchy(key: int, start: int, count: int, rows: int, like: Any = None) -> Any:
    """Standard Cauchy numbers (count, rows)."""
    return _drawn("cauchy", like, key, start, count, rows)


def stable(key: int, start: int, count: int, rows: int, p: float, like: Any = None) -> Any:
    """Symmetric p-stable numbers (count, rows) with E exp(i t X) = exp(-|t|^p), 0 < p <= 2."""
    return _drawn("stable", like, key, start, count, rows, float(p))


def _drawn(
    function: str, like: Any, key: int, start: int, count: int, rows: int, *numbers: float
) -> Any:
    device = device_of(like)
    if device is not None:
        from . import cuda

        return cuda.draw(device, function, key, start, count, rows, *numbers)
    from . import cpu

    out = np.empty((count, rows))
    getattr(cpu, function)(np.uint64(key), np.uint64(start), *numbers, out)
    return out
