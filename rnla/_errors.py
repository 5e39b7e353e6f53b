"""Error types and the one form every message takes.

A message names the argument, says what came, what was expected and what to do about it:

    ``eps: got 1.5; expected a number strictly between 0 and 1. Pass eps=0.1 for ten per cent.``
"""

from __future__ import annotations

import importlib
import math
import numbers
from collections.abc import Iterable
from typing import Any

__all__ = [
    "ArgumentError",
    "ArgumentTypeError",
    "ConvergenceError",
    "DamagedFileError",
    "MissingPackageError",
    "RnlaError",
    "argument_error",
    "check_choice",
    "check_finite",
    "check_fraction",
    "check_p",
    "check_positive",
    "check_size",
    "check_whole",
    "import_optional",
]


class RnlaError(Exception):
    """Base of every error that rnla raises on purpose."""


class ArgumentError(RnlaError, ValueError):
    """An argument has an unusable value."""


class ArgumentTypeError(RnlaError, TypeError):
    """An argument has an unusable type."""


class DamagedFileError(RnlaError, OSError):
    """A file cannot be read as what its name says it is."""


class MissingPackageError(RnlaError, ImportError):
    """An optional package is needed and not installed; the message names the extra."""


class ConvergenceError(RnlaError, RuntimeError):
    """A computation stopped before its tolerance was met; `result` holds what it has."""

    def __init__(self, message: str, result: Any = None) -> None:
        super().__init__(message)
        self.result = result


def argument_error(
    name: str, got: object, expected: str, remedy: str, *, kind: type[RnlaError] = ArgumentError
) -> RnlaError:
    """Build (not raise) the error for one argument, in the house form."""
    return kind(f"{name}: got {got}; expected {expected}. {remedy}")


def _real(value: object, name: str, expected: str, remedy: str) -> float:
    if isinstance(value, bool) or not isinstance(value, numbers.Real):
        raise argument_error(
            name, f"{value!r} ({type(value).__name__})", expected, remedy, kind=ArgumentTypeError
        )
    number = float(value)
    if math.isnan(number):
        raise argument_error(name, "nan", expected, remedy)
    return number


def check_p(
    p: object, *, name: str = "p", allow_infinite: bool = False, minimum: float = 1.0
) -> float:
    """Return the norm exponent as a float, or raise."""
    upper = "inf" if allow_infinite else "a finite number"
    expected = f"a real number with {minimum:g} <= {name} up to {upper}"
    remedy = "Pass p=2 for least squares or p=1 for least absolute deviations."
    number = _real(p, name, expected, remedy)
    if number < minimum or (math.isinf(number) and not allow_infinite):
        raise argument_error(name, repr(p), expected, remedy)
    return number


def check_fraction(value: object, name: str) -> float:
    """Return a number of the open interval (0, 1), or raise."""
    expected = "a number strictly between 0 and 1"
    remedy = f"Pass {name}=0.1 for ten per cent."
    number = _real(value, name, expected, remedy)
    if not 0.0 < number < 1.0:
        raise argument_error(name, repr(value), expected, remedy)
    return number


def check_finite(value: object, name: str) -> float:
    """Return a finite number, or raise."""
    expected, remedy = "a finite number", f"Pass a finite {name}."
    number = _real(value, name, expected, remedy)
    if math.isinf(number):
        raise argument_error(name, repr(value), expected, remedy)
    return number


def check_positive(value: object, name: str, *, allow_zero: bool = False) -> float:
    """Return a finite positive (or non-negative) number, or raise."""
    expected = "a finite number that is " + ("not negative" if allow_zero else "positive")
    remedy = f"Pass a {'non-negative' if allow_zero else 'positive'} {name}."
    number = _real(value, name, expected, remedy)
    if math.isinf(number) or number < 0.0 or (number == 0.0 and not allow_zero):
        raise argument_error(name, repr(value), expected, remedy)
    return number


def check_choice(value: object, name: str, choices: Iterable[object]) -> None:
    """Raise unless the value is one of the names or numbers allowed."""
    allowed = tuple(choices)
    known = isinstance(value, str | numbers.Integral) and not isinstance(value, bool)
    if not known or value not in allowed:
        expected = "one of " + ", ".join(map(repr, allowed))
        raise argument_error(name, repr(value), expected, f"Pass {name}={allowed[0]!r}, say.")


def check_whole(value: object, name: str, *, example: int = 0) -> int:
    """Return an integer of at least 0, or raise."""
    expected, remedy = "an integer of at least 0", f"Pass {name}={example}, say."
    if isinstance(value, bool) or not isinstance(value, numbers.Integral):
        raise argument_error(
            name, f"{value!r} ({type(value).__name__})", expected, remedy, kind=ArgumentTypeError
        )
    if value < 0:
        raise argument_error(name, value, expected, remedy)
    return int(value)


def check_size(size: object, n: int | None = None, *, name: str = "size") -> int:
    """Return a count between 1 and `n` as an int, or raise."""
    expected = "an integer of at least 1" + ("" if n is None else f" and at most {n}")
    remedy = f"Pass {name} within that range" + (
        "." if n is None else ", or use all rows without sampling."
    )
    if isinstance(size, bool) or not isinstance(size, numbers.Integral):
        raise argument_error(
            name, f"{size!r} ({type(size).__name__})", expected, remedy, kind=ArgumentTypeError
        )
    count = int(size)
    if count < 1 or (n is not None and count > n):
        raise argument_error(name, repr(count), expected, remedy)
    return count


def import_optional(module: str, *, extra: str, purpose: str) -> Any:
    """Import a module of an optional package, or raise naming the extra that installs it."""
    try:
        return importlib.import_module(module)
    except ModuleNotFoundError as error:
        package = module.partition(".")[0]
        if error.name is None or error.name.partition(".")[0] != package:
            raise  # the package is there, and something it needs is not: its own message says more
        raise MissingPackageError(
            f"{package}: got no such package; expected it, {purpose}. "
            f'Install it with: pip install "rnla[{extra}]"',
            name=package,
        ) from error
