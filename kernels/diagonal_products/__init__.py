"""What stands between the transforms of a self-calibration: products with diagonals, fused.

One pass over vectors that fit in cache where NumPy makes a conjugate, a product and a sum. Real or
complex, 32 or 64 bits; every sum in the order of the entries. 2 to 8 flops per number.
"""

from __future__ import annotations

import numpy as np

__all__ = ["add_product", "als_cost", "als_residual", "multiply_padded", "squares"]


def multiply_padded(a: np.ndarray, b: np.ndarray, out: np.ndarray) -> None:
    """out[:n] = a b and zeros behind, for contiguous a, b of n entries and out of m >= n."""
    from . import cpu

    cpu.multiply_padded(a, b, out)


def add_product(a: np.ndarray, v: np.ndarray, out: np.ndarray) -> None:
    """out += conj(a) v, all (n,)."""
    from . import cpu

    cpu.add_product(a, v, out)


def squares(a: np.ndarray, weights: np.ndarray | None, out: np.ndarray) -> None:
    """out += weights |a|^2, all (n,); no weights are ones."""
    from . import cpu

    if weights is None:
        cpu.squares(a, out)
    else:
        cpu.weighted_squares(a, weights, out)


def als_cost(y: np.ndarray, v: np.ndarray, d: np.ndarray) -> float:
    """sum |y - d v|^2, all (m,)."""
    from . import cpu

    return cpu.als_cost(y, v, d)


def als_residual(y: np.ndarray, v: np.ndarray, d: np.ndarray) -> None:
    """v = conj(d) (y - d v), all (m,)."""
    from . import cpu

    cpu.als_residual(y, v, d)
