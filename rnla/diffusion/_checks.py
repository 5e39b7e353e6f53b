"""What is asked of arguments that are records, and of arrays that a caller's function returns."""

from __future__ import annotations

from typing import Any

from .._errors import ArgumentTypeError, argument_error
from ._arrays import all_finite, dtype_name, library

__all__ = ["check_instance", "check_output"]


def check_instance(value: object, kind: type, name: str, *, example: str) -> None:
    """Raise unless the value is of the class that an argument asks for."""
    if not isinstance(value, kind):
        raise argument_error(
            name,
            type(value).__name__,
            f"a {kind.__name__}",
            f"Pass {example}, say.",
            kind=ArgumentTypeError,
        )


def check_output(output: Any, x: Any, *, name: str, where: str) -> None:
    """Raise unless `output` is an array of the library, shape and dtype of `x`, without NaN.

    Parameters
    ----------
    output : object
    x : array
        The state that the function was shown.
    name : str
        Of the function, as the caller knows it.
    where : str
        Step and level, for the message: "at step 3, time 0.5".
    """
    if library(output) != library(x) or not hasattr(output, "shape"):
        raise argument_error(
            name,
            f"{type(output).__name__} {where}",
            f"an array like the state, which is {type(x).__name__}",
            "Return such an array.",
            kind=ArgumentTypeError,
        )
    if tuple(output.shape) != tuple(x.shape):
        raise argument_error(
            name,
            f"shape {tuple(output.shape)} {where}",
            f"the shape of the state, {tuple(x.shape)}",
            "Return one number for each entry of the state; a learned variance is dropped.",
        )
    if dtype_name(output) != dtype_name(x):
        raise argument_error(
            name,
            f"dtype {dtype_name(output)} {where}",
            f"the dtype of the state, {dtype_name(x)}",
            "Convert one to the other; the state decides the precision of the sampler.",
            kind=ArgumentTypeError,
        )
    if not all_finite(output):
        raise argument_error(
            name,
            f"nan or inf {where}",
            "finite numbers",
            "Check the function there; guidance that is too strong and float16 overflow are "
            "common causes.",
        )
