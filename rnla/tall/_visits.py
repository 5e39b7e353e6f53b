"""What each pass does with one block: functions that a task can take along to another process.

The signature is (what the pass was given, block, start, out, slices of row vectors): see
`TallMatrix.fold`. Without a row scale its slice is missing.
"""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np

from .._result import FloatArray
from . import blocks, sparse_extended
from ._device import beside
from ._source import Block

if TYPE_CHECKING:
    from .matrix import SketchOperator

__all__ = [
    "gram",
    "gram_of_pairs",
    "matmul",
    "norms",
    "norms_of_pairs",
    "quadratic",
    "rmatmul",
    "scan",
    "scan_and_gram",
    "sketch",
    "takes_single_precision",
    "whole",
]


def scan(block: Block, start: int, out: FloatArray) -> FloatArray:
    return blocks.max_columns_and_rows(block, out)


def scan_and_gram(block: Block, start: int, out: FloatArray) -> FloatArray:
    with np.errstate(over="ignore", invalid="ignore"):  # what the scan is to find out
        blocks.add_gram(block, None, None, out[1:])
    return blocks.max_columns_and_rows(block, out[0])


def gram(
    M: blocks.Coefficients,
    block: Block,
    start: int,
    out: FloatArray,
    row_scale: FloatArray | None = None,
) -> None:
    blocks.add_gram(block, M, row_scale, out)


def gram_of_pairs(
    column_scale: FloatArray,
    block: Block,
    start: int,
    out: FloatArray,
    row_scale: FloatArray | None = None,
) -> None:
    weight = None if row_scale is None else row_scale**2
    sparse_extended.add_gram(block, column_scale, weight, out)


def norms(
    M: blocks.Coefficients, p: float, block: Block, start: int, out: FloatArray
) -> FloatArray:
    return blocks.norms(block, M, p)


def norms_of_pairs(
    column_scale: FloatArray, P: FloatArray, block: Block, start: int, out: FloatArray
) -> FloatArray:
    return sparse_extended.quadratic_norms(block, column_scale, P)


def quadratic(P: FloatArray, block: Block, start: int, out: FloatArray) -> FloatArray:
    return blocks.quadratic(block, P)


def matmul(X: FloatArray, block: Block, start: int, out: FloatArray) -> FloatArray:
    product: FloatArray = block @ beside(block, X)
    return product


def rmatmul(block: Block, start: int, out: FloatArray, Y: FloatArray) -> None:
    out += block.T @ Y


def sketch(
    S: SketchOperator,
    column_scale: FloatArray | None,
    block: Block,
    start: int,
    out: FloatArray,
    row_scale: FloatArray | None = None,
) -> None:
    S.apply_block(start, blocks.scaled(block, row_scale, column_scale), out=out)


def whole(block: Block, start: int, out: FloatArray) -> None:
    """All rows side by side, of a small matrix: shape (n, d)."""
    out[start : start + block.shape[0]] = block.toarray() if hasattr(block, "toarray") else block


#: Visits that compute in float64 from float32 rows of a GPU as they are, without a copy of them.
_SINGLE = frozenset({scan, scan_and_gram, gram, norms, matmul, rmatmul, sketch, whole})


def takes_single_precision(visit: Any) -> bool:
    """Whether a visit may be given float32 rows on a GPU."""
    return (visit.func if isinstance(visit, partial) else visit) in _SINGLE
