"""Add a float64 array to an unevaluated pair of arrays, in place (Knuth, TAOCP 2, 4.2.2).

One read and one write of the pair, where array operations take eight and as many temporaries.
"""

from __future__ import annotations

from typing import Any

from ..dispatch import device_of

__all__ = ["add_to_pair"]


def add_to_pair(total: Any, error: Any, term: Any) -> None:
    """total + error += term, of equal shapes and C-contiguous; `total` stays the rounded sum."""
    device = device_of(total, error, term)
    if device is not None:
        from . import cuda

        cuda.add_to_pair(device, total, error, term)
        return
    from . import cpu

    cpu.add_to_pair(total.reshape(-1), error.reshape(-1), term.reshape(-1))
