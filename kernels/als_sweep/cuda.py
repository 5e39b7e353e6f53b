"""Launches of sweeps (see the contract beside this file)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from ..dispatch import Launch, blocks, in_place

if TYPE_CHECKING:
    from . import Sums

THREADS = 128
GROUP = 8  # as in cuda.cu


def _numbers(array: Any) -> Any:
    return array.view(np.float64)


def _parts(array: Any) -> int:
    return 2 if array.dtype.kind == "c" else 1


def _given(device: Any, array: Any, like: Any) -> Any:
    return _numbers(device.contiguous(array, like.dtype))


def signal_step(device: Any, squares: Any, d: Any, b: Any, active: Any, t: Any) -> Any:
    (count, m), (signals, n), parts = d.shape, b.shape[1:], _parts(b)
    good = device.zeros(count, np.int32)
    if not count:
        return good
    in_place(t, "t", b.dtype)
    arguments = (
        *(device.contiguous(squares, np.float64), np.int64(squares.shape[0] > 1)),
        *(_given(device, d, b), _given(device, b, b), device.contiguous(active, np.int32)),
        *(np.int64(one) for one in (count, m, signals, squares.shape[1], n)),
        *(np.int32(parts), _numbers(t), good),
    )
    shared = 8 * (parts * n * (n + 1) // 2 + n + GROUP * parts * n)
    block = (THREADS, 1, 1)
    device.run(Launch("als_sweep", "signal_step", blocks(count), block, arguments, (), shared))
    return good


def gain_sums(device: Any, y: Any, d: Any, v: Any, active: Any, before: Sums) -> Sums:
    count, p, m = y.shape
    types = (y.dtype, np.float64, y.dtype, np.float64, np.float64)
    after = [device.empty(one.shape, kind) for one, kind in zip(before, types, strict=True)]
    if count:
        old = (device.contiguous(one, kind) for one, kind in zip(before, types, strict=True))
        arguments = (
            *(_given(device, one, y) for one in (y, d, v)),
            device.contiguous(active, np.int32),
            *(np.int64(count), np.int64(p), np.int64(m), np.int32(_parts(y))),
            *(_numbers(one) for one in old),
            *(_numbers(one) for one in after),
        )
        grid, block = blocks(count, THREADS // 32), (THREADS, 1, 1)
        device.run(Launch("als_sweep", "gain_sums", grid, block, arguments))
    return type(before)(*after)
