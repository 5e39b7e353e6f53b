"""Products a_i M in about one and a half times the working precision, at three times the price.

If M orthonormalises an ill-conditioned A, a_i M is the small result of a long cancellation, and
rounding its terms costs accuracy in proportion to the condition number. Here rows and coefficients
are cut into leading bits and the rest, A = A1 + A2 and M = M1 + M2, such that A1 M1 adds up exactly
(Ozaki, Ogita, Oishi, Rump, Numer. Algorithms 2012), and A M = A1 M1 + (A1 M2 + A2 M): rounding
enters the second term only, which is small. The error is about 2^-76 ||a_i|| ||m_k|| sqrt(d), with
2^-53 in place of 2^-76 otherwise.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from .._result import FloatArray
from ._device import array_module, beside, is_sparse_rows, on_device
from ._source import Block, csr_block
from .device_source import csr_rows

__all__ = ["Extended", "leading_bits", "significand_bits"]


def significand_bits(d: int) -> int:
    """Bits per factor for which d products add up exactly in 53 bits."""
    return (53 - math.ceil(math.log2(max(d, 1)))) // 2


def leading_bits(X: FloatArray, terms: int, axis: int) -> FloatArray:
    """X cut to its leading bits relative to the largest entry along `axis`; the rest is exact."""
    exponent = np.frexp(np.abs(X).max(axis=axis, keepdims=True, initial=0.0))[1]
    anchor = np.ldexp(1.5, 52 + exponent - significand_bits(terms))
    leading: FloatArray = (X + anchor) - anchor
    return leading


@dataclass(frozen=True, eq=False)
class Extended:
    """Coefficients prepared for extended products: D a power of two per column, all parts scaled.

    The first columns of M are multiplied plainly, the last `high.shape[1]` in extended precision.
    """

    column_scale: FloatArray  # (d,)
    plain: FloatArray  # (d, r - m), for unscaled rows
    high: FloatArray  # (d, m): leading bits of M / D
    rest: FloatArray  # (2 d, m): the remaining bits, then all of M / D
    bits: int

    @classmethod
    def prepare(cls, M: FloatArray, low: FloatArray, column_scale: FloatArray) -> Extended:
        """Cut M + low, where `low` extends the last columns; D as `column_scale`."""
        d, m = low.shape
        scaled = M[:, M.shape[1] - m :] / column_scale[:, None]
        high = leading_bits(scaled, d, axis=0)
        remaining = (scaled - high) + low / column_scale[:, None]
        rest = np.vstack([remaining, scaled])
        return cls(column_scale, M[:, : M.shape[1] - m], high, rest, significand_bits(d))

    def product(self, block: Block) -> FloatArray:
        """Rows a_i (M + low) as a dense array."""
        d, first = self.high.shape[0], self.plain.shape[1]
        shape = block.shape[0], first + self.high.shape[1]
        Y: FloatArray = array_module(block).empty(shape, dtype=np.float64)
        scale, high, rest = (beside(block, x) for x in (self.column_scale, self.high, self.rest))
        if first:
            Y[:, :first] = block @ beside(block, self.plain)
        if not is_sparse_rows(block):
            from ..kernels.split_rows import split_dense

            parts = split_dense(block, scale, self.bits)
            Y[:, first:] = parts[:, :d] @ high
            Y[:, first:] += parts @ rest
        else:
            from ..kernels.split_rows import split_csr

            leading, trailing = split_csr(block.data, block.indices, block.indptr, scale, self.bits)
            A1, A2 = _like(block, leading), _like(block, trailing)
            Y[:, first:] = A1 @ high
            Y[:, first:] += A1 @ rest[:d] + A2 @ rest[d:]
        return Y


def _like(block: Block, data: FloatArray) -> Block:
    """CSR rows with other values in the same places."""
    if on_device(block):
        return csr_rows(type(block), (data, block.indices, block.indptr), block.shape)
    return csr_block(data, block.indices, block.indptr, block.shape[1])
