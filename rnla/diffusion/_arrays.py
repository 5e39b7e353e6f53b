"""The few things done to states, for NumPy, CuPy and PyTorch arrays alike.

An array says by its type where it lives; PyTorch and CuPy are never imported, only found among the
modules already loaded. Coefficients meet an array as Python floats, which keep its dtype.
"""

from __future__ import annotations

import sys
from typing import Any

import numpy as np
import numpy.typing as npt

from .._errors import ArgumentTypeError, argument_error

__all__ = [
    "add_to",
    "all_finite",
    "as_state",
    "cast",
    "dtype_name",
    "empty",
    "in_dtype_of",
    "library",
    "namespace",
    "on_host",
    "taken",
]

_FLOATING = ("float64", "float32", "float16", "bfloat16")


def library(x: Any) -> str:
    """First part of the module name of an array's type, such as ``"torch"``."""
    return type(x).__module__.partition(".")[0]


def namespace(x: Any) -> Any:
    """The module whose functions take `x`: its array-API namespace, or its library."""
    method = getattr(x, "__array_namespace__", None)
    return method() if method is not None else sys.modules[library(x)]


def dtype_name(x: Any) -> str:
    """Such as ``"float32"``, in every library."""
    return str(x.dtype).rpartition(".")[2]


def as_state(x: Any, *, name: str = "x") -> Any:
    """`x` itself if it is an array of floats with a batch axis, a float64 array if it is a list."""
    if isinstance(x, (list, tuple, int, float)):
        try:
            x = np.asarray(x, dtype=np.float64)
        except (TypeError, ValueError):
            raise argument_error(
                name,
                f"a {type(x).__name__} that makes no array of numbers",
                "samples of one shape, all numbers",
                "Pass an array, or lists of equal lengths.",
                kind=ArgumentTypeError,
            ) from None
    if not (hasattr(x, "shape") and hasattr(x, "dtype")):
        raise argument_error(
            name,
            type(x).__name__,
            "an array of floats, one sample per row of its first axis",
            "Pass a NumPy or CuPy array or a PyTorch tensor.",
            kind=ArgumentTypeError,
        )
    if dtype_name(x) not in _FLOATING:
        raise argument_error(
            name,
            f"dtype {dtype_name(x)}",
            "one of " + ", ".join(_FLOATING),
            "Convert it, to float32 say.",
            kind=ArgumentTypeError,
        )
    if len(x.shape) == 0 or 0 in tuple(x.shape):
        raise argument_error(
            name,
            f"shape {tuple(x.shape)}",
            "at least one sample",
            "Pass shape (batch, …); x[None] makes a batch of one.",
        )
    return x


def cast(values: Any, like: Any) -> Any:
    """A host array in the library, dtype and place of `like`."""
    values = np.asarray(values)
    if library(like) == "torch":
        return sys.modules["torch"].as_tensor(values, device=like.device).to(like.dtype)
    if isinstance(like, np.ndarray):
        return values.astype(like.dtype, copy=False)
    xp = namespace(like)
    device: Any = like.device
    if library(like) == "cupy":
        with device:
            return xp.asarray(values, dtype=like.dtype)
    return xp.asarray(values, dtype=like.dtype, device=device)


def empty(shape: tuple[int, ...], like: Any) -> Any:
    """An array of that shape, of whatever content, in the library, dtype and place of `like`."""
    if library(like) == "torch":
        return like.new_empty(shape)
    if library(like) == "cupy":
        with like.device:
            return namespace(like).empty(shape, dtype=like.dtype)
    return np.empty(shape, dtype=like.dtype)


def in_dtype_of(like: Any, x: Any) -> Any:
    """`x`, of the same library, in the dtype of `like`."""
    return x.to(like.dtype) if library(like) == "torch" else x.astype(like.dtype)


def taken(x: Any, index: npt.NDArray[np.int64]) -> Any:
    """The samples of those numbers, which come from the host."""
    if library(x) == "cupy":
        with x.device:
            return x[namespace(x).asarray(index)]
    return x[index]


def add_to(total: Any, coefficient: float, array: Any) -> Any:
    """``total + coefficient * array``, written into `total`, which nobody else holds."""
    if library(total) == "torch":
        return total.add_(array, alpha=coefficient)
    total += coefficient * array
    return total


def on_host(x: Any) -> npt.NDArray[Any]:
    """A copy of an array in host memory; bfloat16 becomes float32, which NumPy has."""
    if library(x) == "torch":
        x = x.detach().cpu()
        return np.array((x.float() if dtype_name(x) == "bfloat16" else x).numpy())
    if library(x) == "cupy":
        return np.asarray(x.get())
    return np.array(x)


def all_finite(x: Any) -> bool:
    """Whether no entry is NaN or infinite: one reduction, one number brought to the host."""
    xp = namespace(x)
    with np.errstate(all="ignore"):
        # A sum is finite only if all its terms are, and costs a fraction of asking each of them.
        if bool(xp.isfinite(xp.sum(x))):
            return True
    return bool(xp.all(xp.isfinite(x)))  # the sum of a large half-precision array may overflow
