"""min ||B z||_2 subject to h^T z = 1, in closed form: z = G^{-1} h / (h^T G^{-1} h), G = B^T B.

Also the starting point of the iterations for other p. Cost one Gram matrix and two products.
"""

from __future__ import annotations

from .._result import FloatArray
from ._norms import Solution, lp_norm
from ._range import Range
from ._spd import spd_solver

__all__ = ["quadratic"]


def quadratic(B: Range, h: FloatArray, *, gram: FloatArray | None = None) -> Solution:
    """Return the exact minimiser, its multiplier u = B G^{-1} h, and the bound 1 / ||u||_2."""
    c = spd_solver(B.gram() if gram is None else gram)(h)
    z = c / (h @ c)
    u = B.image(c)
    u = u + B.image(h - B.adjoint(u))
    return Solution(z, u, lp_norm(B.image(z), 2.0), 1.0 / lp_norm(u, 2.0), 1)
