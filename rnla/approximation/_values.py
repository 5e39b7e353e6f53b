"""Values of functions as they come from users: numbers, with nan where there is none."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from .._errors import ArgumentTypeError, argument_error
from ..tall._device import refuse_device

__all__ = ["LARGEST_VALUE", "as_numbers", "scalar"]

Array = npt.NDArray[Any]

LARGEST_VALUE = 1e140  # squares, times weights, must not overflow


def as_numbers(values: Any, name: str, expected: str, remedy: str) -> Array:
    """A float64 or complex128 array, or raise; masked values are missing, whatever lies beneath."""
    refuse_device(values, name, "a fit that works on the host")
    try:
        array = values if isinstance(values, np.ma.MaskedArray) else np.asarray(values)
        got = f"dtype {array.dtype}"
    except (TypeError, ValueError) as error:
        array, got = np.empty(0, dtype=object), f"{type(values).__name__} ({error})"
    if array.dtype.kind not in "fiubc":
        raise argument_error(name, got, expected, remedy, kind=ArgumentTypeError)
    numbers = array.astype(np.complex128 if array.dtype.kind == "c" else np.float64)
    return np.asarray(np.ma.filled(numbers, np.nan))


def scalar(value: Any) -> Any:
    """A plain number for an array without axes."""
    return value.item() if np.ndim(value) == 0 else value
