"""Memory budgets as users write them: 2**30, "1GiB", "500 MB"."""

from __future__ import annotations

import math
import numbers
import re

from .._errors import ArgumentTypeError, argument_error

__all__ = ["parse_memory"]

_UNITS = {"": 1, "b": 1} | {
    prefix + suffix: base**power
    for base, suffix in ((1000, "b"), (1024, "ib"))
    for power, prefix in enumerate("kmgtp", start=1)
}
_EXPECTED = "a number of bytes, or text such as '1GiB' or '500MB'"
_REMEDY = "Pass memory='1GiB'."


def parse_memory(memory: object, *, name: str = "memory") -> int | None:
    """Return a memory budget in bytes, or None for None.

    Parameters
    ----------
    memory : int, float, str or None
        Bytes, or a number with a unit: B, kB, MB, GB, TB, PB (powers of 1000) or KiB, MiB, GiB,
        TiB, PiB (powers of 1024), in any case.
    name : str
        How error messages call the argument.

    Returns
    -------
    int or None

    Raises
    ------
    ArgumentError, ArgumentTypeError
        If it is not a positive number of bytes.

    Examples
    --------
    >>> parse_memory("1GiB"), parse_memory("500 MB"), parse_memory(1e6)
    (1073741824, 500000000, 1000000)
    """
    if memory is None:
        return None
    if isinstance(memory, str):
        match = re.fullmatch(r"\s*([0-9]*\.?[0-9]+(?:e[0-9]+)?)\s*([a-z]*)\s*", memory.lower())
        if match is None:
            raise argument_error(name, repr(memory), _EXPECTED, _REMEDY)
        if match[2] not in _UNITS:
            units = "B, kB, MB, GB, TB, KiB, MiB, GiB or TiB"
            got = f"{memory!r}, whose unit is unknown"
            raise argument_error(name, got, f"{_EXPECTED}, with {units}", _REMEDY)
        size = float(match[1]) * _UNITS[match[2]]
    elif not isinstance(memory, bool) and isinstance(memory, numbers.Real):
        size = float(memory)
    else:
        got = f"{memory!r} ({type(memory).__name__})"
        raise argument_error(name, got, _EXPECTED, _REMEDY, kind=ArgumentTypeError)
    if not (math.isfinite(size) and size >= 1):
        raise argument_error(name, repr(memory), f"{_EXPECTED}, at least one byte", _REMEDY)
    return int(size)
