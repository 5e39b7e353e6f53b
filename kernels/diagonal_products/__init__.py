"""What stands between the transforms of a self-calibration: products with diagonals, fused.

One pass over rows that fit in cache where NumPy makes a conjugate, a product and a sum. Vectors are
the rows of a grid, (rows, columns) arrays in C order; those called v have memory behind each row
that belongs to none, so that columns do not meet in the same lines of the cache. Real or complex,
32 or 64 bits; every sum in the order of the entries. 2 to 16 flops per number.
"""

from __future__ import annotations

from typing import Any

from ..dispatch import device_of

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


def multiply(a: Any, b: Any, v: Any) -> None:
    """v = a b for a, b (rows, columns)."""
    device = device_of(a, b, v)
    if device is not None:
        from . import cuda

        cuda.multiply(device, a, b, v)
        return
    from . import cpu

    cpu.multiply(a, b, v)


def multiply_strip(a: Any, x: Any, columns: int, first: int, last: int, v: Any) -> None:
    """Columns first to last of v = a x, for flat a and x (n,), with zeros behind n."""
    device = device_of(a, x, v)
    if device is not None:
        from . import cuda

        cuda.multiply_strip(device, a, x, columns, first, last, v)
        return
    from . import cpu

    cpu.multiply_strip(a, x, columns, first, last, v)


def set_product(a: Any, v: Any, out: Any) -> None:
    """out = conj(a) v for a, out (rows, columns)."""
    device = device_of(a, v, out)
    if device is not None:
        from . import cuda

        cuda.conjugate_product(device, a, v, out, False)
        return
    from . import cpu

    cpu.set_product(a, v, out)


def add_product(a: Any, v: Any, out: Any) -> None:
    """out += conj(a) v for a, out (rows, columns)."""
    device = device_of(a, v, out)
    if device is not None:
        from . import cuda

        cuda.conjugate_product(device, a, v, out, True)
        return
    from . import cpu

    cpu.add_product(a, v, out)


def add_strip(a: Any, v: Any, columns: int, first: int, last: int, out: Any) -> None:
    """out += conj(a) v in columns first to last, for flat a and out (n,)."""
    device = device_of(a, v, out)
    if device is not None:
        from . import cuda

        cuda.add_strip(device, a, v, columns, first, last, out)
        return
    from . import cpu

    cpu.add_strip(a, v, columns, first, last, out)


def twiddle(low: Any, high: Any, columns: int, v: Any, conjugate: bool) -> None:
    """v[i, j] times high[i, j // b] low[i, j % b], or its conjugate, for low (rows, b)."""
    device = device_of(low, high, v)
    if device is not None:
        from . import cuda

        cuda.twiddle(device, low, high, columns, v, conjugate)
        return
    from . import cpu

    cpu.twiddle(low, high, columns, v, conjugate)


def scale(power: Any, v: Any) -> None:
    """v *= power for real power (rows, columns)."""
    device = device_of(power, v)
    if device is not None:
        from . import cuda

        cuda.scale(device, power, v)
        return
    from . import cpu

    cpu.scale(power, v)


def als_residual(y: Any, d: Any, v: Any) -> None:
    """v = conj(d) (y - d v) for y, d (rows, columns)."""
    device = device_of(y, d, v)
    if device is not None:
        from . import cuda

        cuda.als_residual(device, y, d, v)
        return
    from . import cpu

    cpu.als_residual(y, d, v)


def add_gain_sums(y: Any, d: Any, v: Any, top: Any, below: Any) -> Any:
    """top += conj(v) y and below += |v|^2; returns sum |y - d v|^2."""
    device = device_of(y, d, v, top, below)
    if device is not None:
        from . import cuda

        return cuda.add_gain_sums(device, y, d, v, top, below)
    from . import cpu

    return cpu.add_gain_sums(y, d, v, top, below)


def transpose(a: Any, first: int, last: int, out: Any) -> None:
    """out[:, first:last] = a[first:last]^T, tile by tile."""
    device = device_of(a, out)
    if device is not None:
        from . import cuda

        cuda.transpose(device, a, first, last, out)
        return
    from . import cpu

    cpu.transpose(a, first, last, out)
