"""Sketch-preconditioned Cholesky QR: rank, pivots and a preconditioner from a small sketch.

A sparse sign sketch of 4 d rows keeps the geometry of the columns within a constant factor, so the
column-pivoted QR of the sketch shows the numerical rank, and its triangular factor leaves B R^-1
with a condition number of a few units, whatever that of B (Rokhlin and Tygert, PNAS 2008; followed
by Cholesky: Balabanov, arXiv 2210.09953; Melnichenko et al., arXiv 2311.08316). One Cholesky step
on B R^-1 makes it orthonormal to rounding; a second one runs in the rare case that the first was
not well conditioned. Cost (8 + 3 d) n d flops and two passes.
"""

from __future__ import annotations

from ..tall import single_threaded_blas
from ._factor import Factor, cholesky_step, is_well_conditioned, pivoted
from ._operand import Operand
from .extended import columns_to_extend, extended_step

__all__ = ["preconditioned", "sketched"]

_ENOUGH = 1e3  # condition number of B M below which one Cholesky step is enough
_MOST_STEPS = 4


def sketched(B: Operand, rank: int | None, rcond: float, seed: int) -> Factor:
    """Factor an operand of any condition number: two passes, rarely more."""
    C = B.sketch(seed)
    with single_threaded_blas():
        factor = pivoted(C, rank, rcond)
        m = columns_to_extend(factor)
    return extended_step(B, factor, m) if m else preconditioned(B, factor)


def preconditioned(B: Operand, factor: Factor) -> Factor:
    """Make B M orthonormal by Cholesky steps, one pass each; one is enough if cond(B M) is low."""
    if factor.pivots.size == 0:
        return factor
    for _ in range(_MOST_STEPS):
        G = B.gram(factor.M)
        with single_threaded_blas():
            factor = cholesky_step(factor, G)
            if is_well_conditioned(G, _ENOUGH):
                break
    return factor
