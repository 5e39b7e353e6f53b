"""Labels of two classes as signs: {0, 1}, {-1, 1}, booleans or any two values, in any home."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np

from .._errors import argument_error
from .._result import FloatArray
from ..tall import rows
from ..tall._device import on_device
from ._input import at_home

__all__ = ["Labels", "check_labels"]

_MOST = 4  # different values that are carried along: one more than a message shows
# A single class is understood if its name says which of the two it is.
_POSITIVE, _NEGATIVE = (1.0, True), (-1.0, 0.0, False)
_EXPECTED = "labels of two classes: 0 and 1, -1 and 1, booleans, or any two values"


@dataclass(frozen=True, eq=False)
class Labels:
    """One sign per row.

    Attributes
    ----------
    signs : row vector, shape (n,)
        -1.0 or 1.0.
    classes : tuple
        The values that stand for -1 and for 1, as they were given; None for one that is absent.
    """

    signs: Any
    classes: tuple[Any, Any]

    @property
    def single(self) -> bool:
        """Whether all rows have the same label."""
        return None in self.classes


def check_labels(y: Any, n: int, *, name: str = "y", device: bool = False) -> Labels:
    """Return the labels of n rows as signs; the larger of two values is the positive class.

    Raises
    ------
    ArgumentError
        For a wrong length, missing labels, more than two classes, or a single class of which
        nobody can say whether it is the positive one.
    """
    array = at_home(y, name, device)
    if array.ndim != 1 or array.shape[0] != n:
        remedy = f"Pass a one-dimensional {name} with one label per row of A."
        raise argument_error(name, f"shape {array.shape}", f"{n} labels", remedy)
    values = rows.fold(_some_values, _more_values, array)
    if any(value is None or value != value for value in values):
        raise argument_error(name, "missing labels", _EXPECTED, "Drop those rows first.")
    if len(values) > 2:
        shown = ", ".join(repr(value) for value in values[:3])
        got = f"at least {len(values)} different values: {shown}, ..."
        remedy = "Fit one class against the rest, for example with y == the class."
        raise argument_error(name, got, _EXPECTED, remedy)
    classes: tuple[Any, Any]
    if len(values) == 2:
        classes = values[0], values[1]
    elif values[0] in _POSITIVE:
        classes = None, values[0]
    elif values[0] in _NEGATIVE:
        classes = values[0], None
    else:
        remedy = "Two classes are needed; check how the rows were selected."
        raise argument_error(name, f"only {values[0]!r}", _EXPECTED, remedy)
    signs = rows.each(partial(_signs, classes[1]), array)
    return Labels(rows.aligned(signs), classes)


def _some_values(start: int, y: Any) -> list[Any]:
    """The smallest few of the different values, as Python objects."""
    array = y if on_device(y) else np.asarray(y)
    if array.dtype.kind == "O":
        found = set(array.tolist())
        if any(value is None or value != value for value in found):
            return [None]
        return _sorted(found)
    return list(np.unique(array)[:_MOST].tolist())


def _more_values(left: list[Any], right: list[Any]) -> list[Any]:
    if None in left or None in right:
        return [None]
    return _sorted({*left, *right})


def _sorted(values: set[Any]) -> list[Any]:
    try:
        return sorted(values)[:_MOST]
    except TypeError:
        return sorted(values, key=repr)[:_MOST]


def _signs(positive: Any, y: Any) -> FloatArray:
    array = y if on_device(y) else np.asarray(y)
    if positive is None:
        return np.full_like(array, -1.0, dtype=np.float64)
    return np.where(array == positive, 1.0, -1.0)
