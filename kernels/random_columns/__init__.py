"""Dense random columns of a sketch: normal, sign, Cauchy and symmetric p-stable entries.

Row i of the result is column `start + i` of the sketch, from the Philox words of (key, global
index, block): two normals (Box-Muller) or Cauchys (quantile transform) per block of four words, one
p-stable number (Chambers, Mallows, Stuck, JASA 1976), 128 signs. Every column is a loop of its own,
so its bits do not depend on the block it is computed in. Logarithm, sine and cosine are series that
the vector unit evaluates, within a few units in the last place; normals and Cauchys depend on no
mathematics library. About 3 ns a normal or Cauchy, 1 ns a sign, 60 ns a p-stable number.
"""

from __future__ import annotations

import numpy as np

__all__ = ["cauchy", "normal", "signs", "stable"]


def normal(key: int, start: int, count: int, rows: int) -> np.ndarray:
    """Standard normals (count, rows), those of `Stream.normal`."""
    from . import cpu

    out = np.empty((count, rows))
    cpu.normal(np.uint64(key), np.uint64(start), out)
    return out


def signs(key: int, start: int, count: int, rows: int) -> np.ndarray:
    """Signs (count, rows), -1.0 or 1.0; entry r is bit r mod 32 of word (r div 32) mod 4."""
    from . import cpu

    out = np.empty((count, rows))
    cpu.signs(np.uint64(key), np.uint64(start), out)
    return out


def cauchy(key: int, start: int, count: int, rows: int) -> np.ndarray:
    """Standard Cauchy numbers (count, rows)."""
    from . import cpu

    out = np.empty((count, rows))
    cpu.cauchy(np.uint64(key), np.uint64(start), out)
    return out


def stable(key: int, start: int, count: int, rows: int, p: float) -> np.ndarray:
    """Symmetric p-stable numbers (count, rows) with E exp(i t X) = exp(-|t|^p), 0 < p <= 2."""
    from . import cpu

    out = np.empty((count, rows))
    cpu.stable(np.uint64(key), np.uint64(start), float(p), out)
    return out
