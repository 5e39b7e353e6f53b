"""What a kernel must be: a finite square matrix, Hermitian where the algorithm needs it."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import numpy.typing as npt

from .._errors import ArgumentTypeError, RnlaError, argument_error
from ..tall._device import refuse_device

__all__ = [
    "Matrix",
    "as_matrix",
    "beyond_rank",
    "check_hermitian",
    "check_square",
    "is_hermitian",
    "near_one",
    "working_eps",
]

Matrix = npt.NDArray[Any]


def as_matrix(values: object, name: str) -> Matrix:
    """A finite two-dimensional float64 or complex128 array, or raise."""
    expected = "a two-dimensional array of finite real or complex numbers"
    refuse_device(values, name, "its eigenvectors or factors")
    if isinstance(values, np.ma.MaskedArray):
        remedy = "Fill or drop the masked entries first."
        raise argument_error(name, "a masked array", expected, remedy, kind=ArgumentTypeError)
    try:
        array: Matrix = np.asarray(values)
    except (TypeError, ValueError) as error:
        raise argument_error(
            name,
            f"{type(values).__name__} ({error})",
            expected,
            "Pass a NumPy array.",
            kind=ArgumentTypeError,
        ) from error
    if array.dtype.kind not in "fiubc":
        remedy = f"Convert first, for example np.asarray({name}, dtype=float)."
        raise argument_error(name, f"dtype {array.dtype}", expected, remedy, kind=ArgumentTypeError)
    if array.ndim != 2 or 0 in array.shape:
        remedy = "Pass one row and one column at least."
        raise argument_error(name, f"shape {array.shape}", expected, remedy)
    array = array.astype(np.complex128 if array.dtype.kind == "c" else np.float64, copy=False)
    if not np.isfinite(array).all():
        i, j = (int(place[0]) for place in np.nonzero(~np.isfinite(array)))
        raise argument_error(
            name, f"{name}[{i}, {j}] = {array[i, j]}", expected, "Remove or impute such entries."
        )
    return array


def check_square(values: object, name: str) -> Matrix:
    """A finite square matrix, or raise."""
    array = as_matrix(values, name)
    if array.shape[0] != array.shape[1]:
        remedy = f"Pass factor={name} if the kernel is its product with its own transpose."
        raise argument_error(name, f"shape {array.shape}", "a square matrix", remedy)
    return array


def working_eps(values: object) -> float:
    """Rounding unit of the numbers as they came: float32 kernels are exact to float32 only."""
    dtype = getattr(values, "dtype", None)
    single = dtype in (np.float32, np.complex64, np.float16)
    return float(np.finfo(np.float32 if single else np.float64).eps)


def is_hermitian(array: Matrix, eps: float) -> bool:
    """Whether the matrix equals its conjugate transpose up to sqrt(eps) of its largest entry."""
    top = float(np.abs(array).max())
    distance = float(np.abs(array - array.conj().T).max())
    return distance <= math.sqrt(eps) * top


def check_hermitian(values: object, name: str) -> Matrix:
    """A finite Hermitian matrix, rounding removed, or raise."""
    array = check_square(values, name)
    if not is_hermitian(array, working_eps(values)):
        i, j = np.unravel_index(int(np.abs(array - array.conj().T).argmax()), array.shape)
        raise argument_error(
            name,
            f"{name}[{i}, {j}] = {array[i, j]} and {name}[{j}, {i}] = {array[j, i]}",
            "a symmetric or complex Hermitian matrix",
            "Use dpp_lu for the marginal kernel of a DPP that is not Hermitian.",
        )
    return 0.5 * array + 0.5 * array.conj().T


def near_one(array: Matrix) -> tuple[Matrix, int]:
    """The matrix over the power of two that is next to its largest entry, and the exponent.

    A law that ignores common factors is that of the scaled matrix, whose squares and eigenvalues
    stay in range.
    """
    top = max(float(np.abs(array.real).max()), float(np.abs(array.imag).max()))
    exponent = math.frexp(top)[1]
    if not np.iscomplexobj(array):
        return np.ldexp(array, -exponent), exponent
    scaled: Matrix = np.ldexp(array.real, -exponent) + 1j * np.ldexp(array.imag, -exponent)
    return scaled, exponent


def beyond_rank(k: int, rank: int) -> RnlaError:
    """The error for sets of more items than the rank; to be raised."""
    add = "add a small multiple of the identity to L"
    return argument_error(
        "k",
        f"{k} for a kernel of numerical rank {rank}",
        "a k of at most the rank: larger sets have determinant zero",
        f"Pass k={rank} or less, or {add}." if rank else "A" + add[1:] + ".",
    )
