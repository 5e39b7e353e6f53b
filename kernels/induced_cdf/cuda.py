"""Launch of the closed-form distribution functions (see the contract beside this file)."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..dispatch import Launch, blocks

THREADS = 256


def induced_cdf(
    device: Any,
    t: Any,
    log_flux: Any,
    base: Any,
    degrees: Any,
    a: Any,
    b: Any,
    eigenvalues: Any,
) -> tuple[Any, Any]:
    points = [device.contiguous(x, np.float64) for x in (t, log_flux, base)]
    degrees = device.contiguous(degrees, np.int64)
    coefficients = [device.contiguous(x, np.float64) for x in (a, b, eigenvalues)]
    count = t.shape[0]
    cdf, log_square = device.empty(count, np.float64), device.empty(count, np.float64)
    if count:
        arguments = (*points, degrees, *coefficients, np.int64(count), cdf, log_square)
        grid, block = blocks(count, THREADS), (THREADS, 1, 1)
        device.run(Launch("induced_cdf", "induced_cdf", grid, block, arguments))
    return cdf, log_square
