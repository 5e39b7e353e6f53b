"""Launches of running sums (see the contract beside this file)."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..dispatch import Launch, blocks
from . import BLOCK

LANES = 32  # blocks of entries that a warp does at once, as in cuda.cu


def running_sums(device: Any, values: Any) -> Any:
    values = device.contiguous(values, np.float64)
    sums = device.empty(values.shape, np.float64)
    if values.size:
        arguments = values, np.int64(values.size), np.int64(BLOCK), sums
        grid = blocks(-(-values.size // (LANES * BLOCK)))
        device.run(Launch("running_sums", "running_sums", grid, (LANES, 1, 1), arguments))
    return sums
