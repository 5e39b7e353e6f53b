"""Fast Walsh-Hadamard transform of the columns of a matrix.

H[i, j] = (-1)^popcount(i & j) / sqrt(n): symmetric, orthogonal, its own inverse. The textbook's
log2(n) levels are done in cache-sized tiles, so main memory is swept once for the first 2^16
numbers' worth of levels and once more for every five levels beyond: three times for 2^20 x 64.
Cost n log2(n) additions per column.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from .._errors import argument_error
from .._result import FloatArray
from ..tall._device import array_module, on_device
from . import _threads

__all__ = ["hadamard_transform"]

_TILE = 2**16  # numbers of a tile that lies in one piece: half a megabyte
_STRIDED_LEVELS = 5
_STRIDED_WIDTH = 1024  # numbers per row of a tile whose rows lie apart: shorter pieces read slowly
_STRIPS_PER_TASK = 4
_NARROW, _GROUP = 8, 64  # arrays narrower than 8 numbers are treated in groups of 64 rows


def hadamard_transform(A: Any, *, axis: int = 0, out: FloatArray | None = None) -> Any:
    """Transform A along one axis by the orthogonal Walsh-Hadamard matrix in natural order.

    Parameters
    ----------
    A : array_like or CuPy array
        Real or complex, on a GPU a real vector or matrix; the length of `axis` must be a power of
        two. Not modified.
    axis : int
        Axis along which to transform.
    out : ndarray of float64, optional
        C-contiguous, of A's shape: where to put the transform of a real A along axis 0. May be A.

    Returns
    -------
    ndarray
        Of A's shape; float32 and complex64 are kept, the arithmetic is in float64.

    Raises
    ------
    ArgumentError
        If the length is not a power of two.

    Notes
    -----
    Fastest along axis 0 of C-ordered arrays; others are copied. n log2(n) additions per column.

    Runs on a GPU: for a CuPy ``A`` the result is a CuPy array.

    Examples
    --------
    >>> import numpy as np
    >>> x = np.array([4.0, 2.0, 0.0, 2.0])
    >>> hadamard_transform(x)
    array([4., 0., 2., 2.])
    >>> bool((hadamard_transform(hadamard_transform(x)) == x).all())
    True
    """
    if on_device(A):
        return _on_device(A, axis)
    A = np.asarray(A)
    if out is not None:
        _check_out(A, axis, out)
    if A.dtype.kind == "c":
        parts = [hadamard_transform(part, axis=axis) for part in (A.real, A.imag)]
        result = np.empty(A.shape, dtype=np.result_type(A.dtype, np.complex64))
        result.real, result.imag = parts
        return result
    n = _check_order(A.shape, axis)
    moved = np.moveaxis(A, axis, 0)
    flat = moved.reshape(n, -1)
    result = np.empty(flat.shape) if out is None else out.reshape(flat.shape)
    if result.size:
        _transform(flat, result)
    if out is not None:
        return out
    dtype = np.float32 if A.dtype == np.float32 else np.float64
    return np.moveaxis(result.reshape(moved.shape), 0, axis).astype(dtype, copy=False)


def _check_order(shape: tuple[int, ...], axis: int) -> int:
    n = int(shape[axis]) if shape else 0
    if n < 1 or n & (n - 1):
        raise argument_error(
            "A",
            f"{n} entries along axis {axis}",
            "a power of two",
            "Append zeros; rnla.sketch.SubsampledHadamard does so by itself.",
        )
    return n


def _on_device(A: Any, axis: int) -> Any:
    """The transform of a real vector or matrix on a GPU, along one axis, as a new array."""
    from ..kernels import fwht

    n = _check_order(A.shape, axis)
    if A.ndim > 2 or A.dtype.kind == "c":
        raise argument_error(
            "A", f"dtype {A.dtype}, shape {A.shape}", "a real vector or matrix", "Do it in parts."
        )
    single = A.dtype == np.float32
    turned = A.T if axis % A.ndim else A
    result = turned.astype(np.float64) * (1.0 / np.sqrt(n))
    result = array_module(A).ascontiguousarray(result.reshape(n, -1))
    fwht.transform(result)
    result = result.reshape(turned.shape)
    result = result.T if axis % A.ndim else result
    return result.astype(np.float32) if single else result


def _check_out(A: FloatArray, axis: int, out: FloatArray) -> None:
    fits = isinstance(out, np.ndarray) and out.dtype == np.float64 and out.shape == A.shape
    if not fits or not out.flags.c_contiguous or A.dtype.kind == "c" or axis != 0:
        raise argument_error(
            "out",
            f"{type(out).__name__} of shape {np.shape(out)}",
            f"a C-contiguous float64 array of shape {A.shape}, for a real A and axis 0",
            "Leave it out to get a new array.",
        )


def _transform(A: FloatArray, out: FloatArray) -> None:
    """out = H A / sqrt(n) for C-contiguous out."""
    from ..kernels import fwht

    n, d = out.shape
    group = min(_GROUP, n) if d < _NARROW else 1
    x = out.reshape(n // group, group * d)
    rows, width = x.shape
    tile = 1
    while 2 * tile <= rows and 2 * tile * width <= _TILE:
        tile *= 2
    scale = 1.0 / np.sqrt(n)

    def first(start: int) -> None:
        here = slice(start, start + tile)
        rows_here = slice(start * group, (start + tile) * group)
        np.multiply(A[rows_here], scale, out=out[rows_here])
        if group > 1:
            for one in out[rows_here].reshape(tile, group, d):
                fwht.transform(one)
        fwht.transform(x[here])

    _threads.each(first, range(0, rows, tile))
    done, left = tile, (rows // tile).bit_length() - 1
    while left:
        levels = -(-left // -(-left // _STRIDED_LEVELS))  # equal shares of at most five
        _strided(x, done, 1 << levels)
        done, left = done << levels, left - levels


def _strided(x: FloatArray, stride: int, count: int) -> None:
    """Transform over `count` rows that are `stride` rows apart, everywhere."""
    from ..kernels import fwht

    rows, width = x.shape
    apart = x.reshape(rows // (stride * count), count, stride * width)
    strip = min(_STRIDED_WIDTH, apart.shape[2])
    step = strip * _STRIPS_PER_TASK
    tasks = [(g, c) for g in range(len(apart)) for c in range(0, apart.shape[2], step)]

    def task(place: tuple[int, int]) -> None:
        g, begin = place
        end = min(begin + step, apart.shape[2])
        buffer = np.empty((count, strip))
        for first in range(begin, end, strip):
            used = buffer if first + strip <= end else np.empty((count, end - first))
            fwht.transform_strided(apart[g], first, used)

    _threads.each(task, tasks)
