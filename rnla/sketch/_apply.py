"""S @ A, S.T @ Y and A @ S.T for every kind of operand.

Everything comes down to two verbs of an operator, S[:, block] @ block and rows of S.T @ Y, and a
pass of `TallMatrix` over row blocks. Complex operands are pairs of real ones side by side. Cost:
one pass; beyond operand and result, the blocks in work.
"""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any, cast

import numpy as np
import scipy.sparse as sp

from .._errors import argument_error
from .._result import FloatArray
from ..tall import TallMatrix, as_tall
from ..tall._device import array_module, beside, on_device
from . import _threads

if TYPE_CHECKING:
    from ._operator import Adjoint, Operator

__all__ = ["left", "right", "transposed"]

_PIECE = 2**17  # numbers of a result that one task computes
_PIECE_ON_DEVICE = 2**25


def left(S: Operator, A: Any) -> Any:
    """S @ A."""
    if isinstance(A, (np.ndarray, list, tuple, int, float)):
        return _dense(A, S.shape[1], partial(_sketch_real, S))
    if on_device(A):
        if A.ndim == 1:
            return left(S, A[:, None])[:, 0]
        return beside(A, _sketch_real(S, A))
    if sp.issparse(A):
        _check_rows(A.shape[0], S.shape[1])
        if A.dtype.kind == "c":
            return _as_complex(_sketch_real(S, A.real), _sketch_real(S, A.imag), A.dtype)
    return _sketch_real(S, A)


def transposed(S: Operator, Y: Any) -> Any:
    """S.T @ Y; sparse Y becomes dense, it has only s rows."""
    if hasattr(Y, "toarray"):
        Y = Y.toarray()
    if on_device(Y):
        return _transposed_on_device(S, Y)
    return _dense(Y, S.shape[0], partial(_transposed_real, S))


def right(S: Operator | Adjoint, A: Any) -> Any:
    """A @ S.T, a few rows of A at a time, or all at once if they are few."""
    if isinstance(A, TallMatrix):
        _check_columns(A.shape[1], S.shape[1])
        rows: FloatArray = A.each(partial(_right_visit, S), width=S.shape[0])
        return rows.astype(A.dtype, copy=False)
    if on_device(A):
        return S @ A if A.ndim == 1 else (S @ A.T).T
    if not sp.issparse(A):
        A = np.asarray(A)
        if A.ndim == 1:
            return S @ A
    if A.ndim != 2:
        raise _dimensions(A.ndim, A.shape)
    _check_columns(A.shape[1], S.shape[1])
    step = max(64, _PIECE // max(S.shape))
    if A.shape[0] <= step:
        return (S @ A.T).T
    if sp.issparse(A):
        A = sp.csr_array(A)
    pieces = _threads.each(
        lambda start: (S @ A[start : start + step].T).T, range(0, A.shape[0], step)
    )
    return np.concatenate(pieces)


def _right_visit(S: Operator | Adjoint, block: Any, start: int, out: FloatArray) -> FloatArray:
    product: FloatArray = S @ block.T
    return product.T


# --- real parts ----------------------------------------------------------------------------------


def _dense(A: Any, rows: int, product: Any) -> Any:
    """product(A) for real two-dimensional A, extended to vectors and complex numbers."""
    A = np.asarray(A)
    if A.ndim not in (1, 2):
        raise _dimensions(A.ndim, A.shape)
    _check_rows(A.shape[0], rows)
    if A.ndim == 1:
        return _dense(A[:, None], rows, product)[:, 0]
    if A.dtype.kind != "c":
        return product(A)
    if A.dtype not in (np.complex64, np.complex128):
        A = A.astype(np.complex128)
    real = np.float32 if A.dtype == np.complex64 else np.float64
    if A.flags.c_contiguous:
        side_by_side = product(A.view(real))
        return np.ascontiguousarray(side_by_side).view(A.dtype)
    return _as_complex(product(A.real), product(A.imag), A.dtype)


def _as_complex(real: FloatArray, imaginary: FloatArray, dtype: Any) -> Any:
    result = np.empty(real.shape, dtype=np.result_type(dtype, np.complex64))
    result.real, result.imag = real, imaginary
    return result


def _sketch_real(S: Operator, A: Any) -> Any:
    shape = getattr(A, "shape", None)
    if shape is not None and len(shape) == 2 and shape[1] == 0:
        return np.zeros((S.shape[0], 0))
    tall = as_tall(A, require_tall=False)
    _check_rows(tall.shape[0], S.shape[1])
    return tall.sketch(S).astype(tall.dtype, copy=False)


def _transposed_real(S: Operator, Y: Any) -> Any:
    dtype = np.float32 if Y.dtype == np.float32 else np.float64
    Y = np.ascontiguousarray(Y, dtype=np.float64)
    n, k = S.shape[1], Y.shape[1]
    result = np.empty((n, k), dtype=dtype)
    step = 1 << max(6, (_PIECE // max(k, 1)).bit_length() - 1)  # pieces of powers of two

    def fill(start: int) -> None:
        stop = min(start + step, n)
        result[start:stop] = S.transposed_block(start, stop, Y)

    _threads.each(fill, range(0, n, step))
    return cast(FloatArray, result)


def _transposed_on_device(S: Operator, Y: Any) -> Any:
    """S.T @ Y for a vector or matrix on a GPU, a quarter of a gigabyte of it at a time."""
    if Y.ndim == 1:
        return _transposed_on_device(S, Y[:, None])[:, 0]
    _check_rows(Y.shape[0], S.shape[0])
    xp, n, k = array_module(Y), S.shape[1], Y.shape[1]
    single = Y.dtype == np.float32
    result = xp.empty((n, k), dtype=np.float32 if single else np.float64)
    step = max(64, _PIECE_ON_DEVICE // max(k, 1))
    for start in range(0, n, step):
        stop = min(start + step, n)
        result[start:stop] = S.transposed_block(start, stop, Y)
    return result


# --- errors --------------------------------------------------------------------------------------


def _dimensions(ndim: int, shape: Any) -> Exception:
    return argument_error(
        "A", f"{ndim} dimension(s), shape {shape}", "a vector or a matrix", "Reshape it first."
    )


def _check_rows(got: int, expected: int) -> None:
    if got != expected:
        raise argument_error(
            "A",
            f"{got} rows",
            f"{expected} rows, what the operator acts on",
            f"Draw the operator with n = {got}.",
        )


def _check_columns(got: int, expected: int) -> None:
    if got != expected:
        raise argument_error(
            "A",
            f"{got} columns",
            f"{expected} columns, what the operator acts on from the right",
            f"Draw the operator with n = {got}, or transpose one of them.",
        )
