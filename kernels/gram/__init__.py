"""Gram matrix of scaled dense rows, sum over i of s_i^2 a_i a_i^T.

On the CPU BLAS's symmetric product of a block that stays in cache. On a GPU a fused kernel, so that
float32 rows are summed in float64 with no copy: fixed runs of rows, added up in order, whatever the
GPU. n d^2 flops.
"""

from __future__ import annotations

from typing import Any

from ..dispatch import device_of

__all__ = ["add_gram"]


def add_gram(block: Any, row_scale: Any, out: Any) -> None:
    """Add the Gram matrix of diag(row_scale) block to `out` (d, d) float64; row_scale or None."""
    device = device_of(block, row_scale, out)
    if device is not None:
        from . import cuda

        cuda.add_gram(device, block, row_scale, out)
        return
    from . import cpu

    cpu.add_gram(block, row_scale, out)
