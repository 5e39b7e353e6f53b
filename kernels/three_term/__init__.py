"""Orthonormal polynomials at many points by their three-term recurrence.

x phi_j = b_{j+1} phi_{j+1} + a_j phi_j + b_j phi_{j-1}, phi_0 = 1, in orthonormal scaling. The
scaled form carries a power of two beside every value and cannot overflow, however far outside the
zone of oscillation a point lies. 5 flops per value.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from ..dispatch import device_of

__all__ = ["derivatives", "evaluate", "evaluate_scaled"]


def evaluate(x: Any, a: Any, b: Any) -> Any:
    """Values phi_0 … phi_p at x (n,), as (n, p + 1); a (p,) and b (p + 1,), b[0] unused."""
    device = device_of(x, a, b)
    if device is not None:
        from . import cuda

        return cuda.evaluate(device, x, a, b)
    from . import cpu

    out = np.empty((x.size, b.size))
    cpu.evaluate(x, a, b, out)
    return out


def evaluate_scaled(x: Any, a: Any, b: Any) -> tuple[Any, Any]:
    """Mantissas (n, p + 1) of moderate size and int64 exponents: phi = mantissa * 2**exponent."""
    device = device_of(x, a, b)
    if device is not None:
        from . import cuda

        return cuda.evaluate_scaled(device, x, a, b)
    from . import cpu

    out = np.empty((x.size, b.size))
    exponents = np.empty((x.size, b.size), dtype=np.int64)
    cpu.evaluate_scaled(x, a, b, out, exponents)
    return out, exponents


def derivatives(x: Any, a: Any, b: Any) -> tuple[Any, Any]:
    """Values and first derivatives, each (n, p + 1)."""
    device = device_of(x, a, b)
    if device is not None:
        from . import cuda

        return cuda.derivatives(device, x, a, b)
    from . import cpu

    out = np.empty((x.size, b.size))
    slopes = np.empty((x.size, b.size))
    cpu.derivatives(x, a, b, out, slopes)
    return out, slopes
