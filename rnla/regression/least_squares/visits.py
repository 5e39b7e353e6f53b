"""What each pass of least squares does with one block: see `TallMatrix.fold`.

Both products with a block are formed while it is in the cache. One right-hand side is a vector
throughout, since products of a matrix and a vector are faster than those of thin matrices; dense
rows then have a kernel of their own, which reads them once.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from ..._result import FloatArray
from ...tall import blocks
from ...tall._device import beside

__all__ = ["gram", "gram_and_residual", "normal", "residual", "sketch"]


def _thin(Y: FloatArray) -> FloatArray:
    """One column as a vector."""
    return Y[:, 0] if Y.ndim == 2 and Y.shape[1] == 1 else Y


def _target(b: FloatArray, units: FloatArray) -> FloatArray:
    target: FloatArray = _thin(b) * beside(b, units)
    return target


def _scaled(Y: FloatArray, scale: FloatArray | None) -> FloatArray:
    """Rows of Y times the entries of scale."""
    if scale is None:
        return Y
    result: FloatArray = Y * (scale if Y.ndim == 1 else scale[:, None])
    return result


def _residual_product(
    block: FloatArray, x: FloatArray, target: FloatArray, scale: FloatArray | None
) -> FloatArray:
    from ...kernels.residual_product import add_residual_product

    out = np.zeros(len(x) + 1)
    add_residual_product(block, x, target, scale, out)
    return out


def residual(
    X: FloatArray,
    units: FloatArray,
    block: Any,
    start: int,
    out: FloatArray,
    b: FloatArray,
    scale: FloatArray | None = None,
) -> None:
    """Rows 0 … d-1 of `out`: A^T s^2 (b - A X); row d: the squares of s (b - A X)."""
    r = _target(b, units)
    if r.ndim == 1 and isinstance(block, np.ndarray):
        column = out[:, 0]
        column += _residual_product(block, X[:, 0], r, scale)
        return
    r -= block @ beside(block, _thin(X))
    r = _scaled(r, scale)
    if r.ndim == 1:
        out[-1] += r @ r
        out[:-1, 0] += block.T @ _scaled(r, scale)
    else:
        out[-1] += np.einsum("ij,ij->j", r, r)
        out[:-1] += block.T @ _scaled(r, scale)


def normal(
    X: FloatArray, block: Any, start: int, out: FloatArray, scale: FloatArray | None = None
) -> None:
    """A^T s^2 A X."""
    if X.shape[1] == 1 and isinstance(block, np.ndarray):
        out[:, 0] -= _residual_product(block, X[:, 0], np.zeros(len(block)), scale)[:-1]
        return
    Y = block @ beside(block, _thin(X))
    Y = block.T @ (Y if scale is None else _scaled(Y, scale**2))
    out += Y.reshape(out.shape)


def gram(
    units: FloatArray,
    block: Any,
    start: int,
    out: FloatArray,
    b: FloatArray,
    scale: FloatArray | None = None,
) -> None:
    """Rows 0 … d-1 of `out`: A^T s^2 A, the others: b^T s^2 A."""
    d = block.shape[1]
    target = _target(b, units)
    if scale is not None:
        target = _scaled(target, scale**2)
    with np.errstate(over="ignore", invalid="ignore"):  # the caller looks
        blocks.add_gram(block, None, scale, out[:d])
        out[d:] += (block.T @ target).T


def gram_and_residual(
    M: FloatArray,
    X: FloatArray,
    units: FloatArray,
    block: Any,
    start: int,
    out: FloatArray,
    b: FloatArray,
    scale: FloatArray | None = None,
) -> None:
    """(s A M)^T (s A M) (r, r) and `residual` (d + 1, k), one after the other in `out`."""
    r = M.shape[1]
    blocks.add_gram(block, M, scale, out[: r * r].reshape(r, r))
    residual(X, units, block, start, out[r * r :].reshape(-1, X.shape[1]), b, scale)


def sketch(
    S: Any,
    d: int,
    units: FloatArray,
    block: Any,
    start: int,
    out: FloatArray,
    b: FloatArray,
    scale: FloatArray | None = None,
) -> None:
    """S s A (size, d) and S s b (size, k), one after the other in `out`."""
    size = S.shape[0]
    target = _scaled(_target(b, units), scale).reshape(len(b), -1)
    with np.errstate(over="ignore", invalid="ignore"):  # the caller looks
        rows = blocks.scaled(block, scale, None)
        S.apply_block(start, rows, out=out[: size * d].reshape(size, d))
        S.apply_block(start, target, out=out[size * d :].reshape(size, -1))
