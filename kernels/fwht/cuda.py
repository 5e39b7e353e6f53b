"""Launches of the Walsh-Hadamard kernels (see the contract beside this file)."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..dispatch import Launch, blocks, in_place

THREADS = 256
TILE = 4096  # numbers in shared memory
WIDTH = 8  # columns of a tile whose rows lie apart: 64 bytes


def transform(device: Any, x: Any) -> None:
    """As few sweeps as there is shared memory for, each of an equal share of the levels."""
    rows, d = in_place(x, "x").shape
    done, left = 0, rows.bit_length() - 1
    while x.size and left:
        inner = d << done
        tile = min(inner, WIDTH)
        most = (TILE // tile).bit_length() - 1
        levels = -(-left // -(-left // most))
        groups = rows >> (done + levels)
        arguments = x, np.int64(groups), np.int32(levels), np.int64(inner), np.int32(tile)
        grid = blocks(groups * -(-inner // tile))
        shared = 8 * (tile << levels)
        device.run(Launch("fwht", "levels", grid, (THREADS, 1, 1), arguments, (), shared))
        done, left = done + levels, left - levels


def add_signed_rows(device: Any, x: Any, offset: int, chosen: Any, scale: float, out: Any) -> None:
    rows, d = x.shape
    in_place(out, "out")
    if not out.size:
        return
    x, chosen = device.contiguous(x, np.float64), device.contiguous(chosen, np.int64)
    arguments = (
        *(x, np.int64(rows), np.int64(d), np.int64(offset), chosen, np.int64(chosen.shape[0])),
        *(np.float64(scale), out),
    )
    grid = blocks(out.size, THREADS)
    device.run(Launch("fwht", "add_signed_rows", grid, (THREADS, 1, 1), arguments))
