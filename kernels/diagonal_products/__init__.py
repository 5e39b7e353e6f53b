"""What stands between the transforms of a self-calibration: products with diagonals, fused.

One pass over rows that fit in cache where NumPy makes a conjugate, a product and a sum. Vectors are
the rows of a grid, (rows, columns) arrays in C order; those called v have memory behind each row
that belongs to none, so that columns do not meet in the same lines of the cache. Real or complex,
32 or 64 bits; every sum in the order of the entries. 2 to 16 flops per number.
"""

from __future__ import annotations

import numpy as np

__all__ = [
    "add_gain_sums",
    "add_product",
    "add_strip",
    "als_residual",
    "multiply",
    "multiply_strip",
    "scale",
    "set_product",
    "transpose",
    "twiddle",
]


def multiply(a: np.ndarray, b: np.ndarray, v: np.ndarray) -> None:
    """v = a b for a, b (rows, columns)."""
    from . import cpu

    cpu.multiply(a, b, v)


def multiply_strip(
    a: np.ndarray, x: np.ndarray, columns: int, first: int, last: int, v: np.ndarray
) -> None:
    """Columns first to last of v = a x, for flat a and x (n,), with zeros behind n."""
    from . import cpu

    cpu.multiply_strip(a, x, columns, first, last, v)


def set_product(a: np.ndarray, v: np.ndarray, out: np.ndarray) -> None:
    """out = conj(a) v for a, out (rows, columns)."""
    from . import cpu

    cpu.set_product(a, v, out)


def add_product(a: np.ndarray, v: np.ndarray, out: np.ndarray) -> None:
    """out += conj(a) v for a, out (rows, columns)."""
    from . import cpu

    cpu.add_product(a, v, out)


def add_strip(
    a: np.ndarray, v: np.ndarray, columns: int, first: int, last: int, out: np.ndarray
) -> None:
    """out += conj(a) v in columns first to last, for flat a and out (n,)."""
    from . import cpu

    cpu.add_strip(a, v, columns, first, last, out)


def twiddle(
    low: np.ndarray, high: np.ndarray, columns: int, v: np.ndarray, conjugate: bool
) -> None:
    """v[i, j] times high[i, j // b] low[i, j % b], or its conjugate, for low (rows, b)."""
    from . import cpu

    cpu.twiddle(low, high, columns, v, conjugate)


def scale(power: np.ndarray, v: np.ndarray) -> None:
    """v *= power for real power (rows, columns)."""
    from . import cpu

    cpu.scale(power, v)


def als_residual(y: np.ndarray, d: np.ndarray, v: np.ndarray) -> None:
    """v = conj(d) (y - d v) for y, d (rows, columns)."""
    from . import cpu

    cpu.als_residual(y, d, v)


def add_gain_sums(
    y: np.ndarray, d: np.ndarray, v: np.ndarray, top: np.ndarray, below: np.ndarray
) -> float:
    """top += conj(v) y and below += |v|^2; returns sum |y - d v|^2."""
    from . import cpu

    return cpu.add_gain_sums(y, d, v, top, below)


def transpose(a: np.ndarray, first: int, last: int, out: np.ndarray) -> None:
    """out[:, first:last] = a[first:last]^T, tile by tile."""
    from . import cpu

    cpu.transpose(a, first, last, out)
