"""Checks that options of several solvers have in common."""

from __future__ import annotations

import numbers
from collections.abc import Iterable
from typing import Any

from ..._errors import ArgumentTypeError, argument_error, check_finite, check_whole

__all__ = ["check_lowering", "numbers_of", "whole_numbers_of"]


def numbers_of(values: object, name: str) -> tuple[float, ...]:
    """The values as a tuple of finite floats, or raise."""
    return tuple(check_finite(value, f"{name}[{n}]") for n, value in enumerate(_row(values, name)))


def whole_numbers_of(values: object, name: str) -> tuple[int, ...]:
    """The values as a tuple of integers of at least 0, or raise."""
    return tuple(check_whole(value, f"{name}[{n}]") for n, value in enumerate(_row(values, name)))


def check_lowering(value: object, name: str = "lower_order_final") -> None:
    """Raise unless the value is a bool or a number of steps."""
    if not isinstance(value, bool | numbers.Integral) or int(value) < 0:
        raise argument_error(
            name,
            repr(value),
            "True, False or the number of steps below which orders are lowered",
            f"Pass {name}=False to keep the order.",
        )


def _row(values: object, name: str) -> list[Any]:
    if not isinstance(values, Iterable) or isinstance(values, str | bytes):
        raise argument_error(
            name,
            repr(values),
            "a sequence of numbers",
            f"Pass {name}=(1.0,), say.",
            kind=ArgumentTypeError,
        )
    return list(values)
