"""Launches of products with diagonals (see the contract beside this file)."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..dispatch import Launch, blocks, in_place, of_types

THREADS = 256


def _real(array: Any) -> Any:
    return np.empty(0, array.dtype).real.dtype


def _numbers(array: Any) -> tuple[Any, Any]:
    """The array as real numbers, and how many there are for each element."""
    return array.view(_real(array)), np.int32(2 if array.dtype.kind == "c" else 1)


def _given(device: Any, array: Any, like: Any) -> tuple[Any, Any]:
    """An argument in the precision of another."""
    kind = np.result_type(_real(like), np.complex64) if array.dtype.kind == "c" else _real(like)
    return _numbers(device.contiguous(array, kind))


def _kept(array: Any, name: str) -> tuple[Any, Any]:
    return _numbers(in_place(array, name, array.dtype))


def _run(device: Any, function: str, work: int, arguments: tuple[Any, ...], like: Any) -> None:
    if work:
        numbers = tuple(np.int64(one) if isinstance(one, int) else one for one in arguments)
        types = of_types(Real=_real(like))
        grid = blocks(work, THREADS)
        device.run(Launch("diagonal_products", function, grid, (THREADS, 1, 1), numbers, types))


def multiply(device: Any, a: Any, b: Any, v: Any) -> None:
    rows, columns = a.shape
    head = (*_given(device, a, v), *_given(device, b, v), rows, columns, v.shape[1])
    _run(device, "multiply", rows * columns, (*head, *_kept(v, "v")), v)


def multiply_strip(
    device: Any, a: Any, x: Any, columns: int, first: int, last: int, v: Any
) -> None:
    rows, wide = v.shape
    head = (*_given(device, a, v), *_given(device, x, v), x.shape[0], columns, first, last)
    arguments = (*head, rows, wide, *_kept(v, "v"))
    _run(device, "multiply_strip", rows * (last - first), arguments, v)


def conjugate_product(device: Any, a: Any, v: Any, out: Any, more: bool) -> None:
    rows, columns = out.shape
    left = (*_given(device, a, out), a.shape[1], *_given(device, v, out), v.shape[1])
    arguments = (*left, rows, columns, np.int32(more), *_kept(out, "out"))
    _run(device, "conjugate_product", rows * columns, arguments, out)


def add_strip(device: Any, a: Any, v: Any, columns: int, first: int, last: int, out: Any) -> None:
    rows, wide = v.shape
    head = (*_given(device, a, out), *_given(device, v, out), rows, wide, columns, first, last)
    arguments = (*head, out.shape[0], *_kept(out, "out"))
    _run(device, "add_strip", rows * (last - first), arguments, out)


def twiddle(device: Any, low: Any, high: Any, columns: int, v: Any, conjugate: bool) -> None:
    rows, wide = v.shape
    tables = (_given(device, low, v)[0], low.shape[1], _given(device, high, v)[0], high.shape[1])
    arguments = (*tables, rows, columns, wide, np.int32(conjugate), _kept(v, "v")[0])
    _run(device, "twiddle", rows * columns, arguments, v)


def scale(device: Any, power: Any, v: Any) -> None:
    rows, columns = power.shape
    arguments = (_given(device, power, v)[0], rows, columns, v.shape[1], *_kept(v, "v"))
    _run(device, "scale", rows * columns, arguments, v)


def als_residual(device: Any, y: Any, d: Any, v: Any) -> None:
    rows, columns = y.shape
    values, parts = _kept(v, "v")
    left = (_given(device, y, v)[0], _given(device, d, v)[0], parts)
    _run(device, "als_residual", rows * columns, (*left, rows, columns, v.shape[1], values), v)


def add_gain_sums(device: Any, y: Any, d: Any, v: Any, top: Any, below: Any) -> Any:
    rows, columns = y.shape
    out = device.zeros((), np.float64)
    if not rows * columns:
        return out
    (above, parts), (under, _) = _kept(top, "top"), _kept(below, "below")
    warps = blocks(rows * columns, THREADS)[0] * (THREADS // 32)
    sums = device.empty(warps, np.float64)
    left = (*(_given(device, one, top)[0] for one in (y, d, v)), parts)
    arguments = (*left, rows, columns, v.shape[1], above, under, sums)
    _run(device, "add_gain_sums", rows * columns, arguments, top)
    one = (32, 1, 1)
    total = (sums, np.int64(warps), out)
    types = of_types(Real=_real(top))
    device.run(Launch("diagonal_products", "sum_of_sums", (1, 1, 1), one, total, types))
    return out


def transpose(device: Any, a: Any, first: int, last: int, out: Any) -> None:
    columns = a.shape[1]
    values, parts = _given(device, a, out)
    arguments = (values, parts, columns, first, last, out.shape[1], _kept(out, "out")[0])
    _run(device, "transpose", columns * (last - first), arguments, out)
