"""Launch of the addition of pairs (see the contract beside this file)."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..dispatch import Launch, blocks, in_place

THREADS = 256


def add_to_pair(device: Any, total: Any, error: Any, term: Any) -> None:
    in_place(total, "total")
    in_place(error, "error")
    if total.size:
        arguments = total, error, device.contiguous(term, np.float64), np.int64(total.size)
        grid = blocks(total.size, THREADS)
        device.run(Launch("two_sum", "add_to_pair", grid, (THREADS, 1, 1), arguments))
