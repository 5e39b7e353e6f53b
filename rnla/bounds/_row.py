"""One row of the sample-size table: a formula, the exponents it holds for, and where it is proved.

A formula is an ordinary function decorated with `row`; the decorator checks the arguments, so that
every body below is the published expression and nothing else, and files it in `ROWS`.
"""

from __future__ import annotations

import functools
import inspect
import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, ParamSpec

from .._errors import argument_error, check_fraction, check_p, check_positive, check_size

__all__ = ["ROWS", "BoundRow", "PRange", "logarithm", "power", "row"]

_Parameters = ParamSpec("_Parameters")


@dataclass(frozen=True)
class PRange:
    """An interval of exponents, optionally without the even integers."""

    low: float
    high: float
    low_closed: bool = False
    high_closed: bool = False
    without_even: bool = False

    def __contains__(self, p: object) -> bool:
        if not isinstance(p, (int, float)) or not self.low <= p <= self.high:
            return False
        if (p == self.low and not self.low_closed) or (p == self.high and not self.high_closed):
            return False
        return not (self.without_even and float(p) % 2.0 == 0.0)

    def __str__(self) -> str:
        if self.low == self.high:
            return f"{self.low:g}"
        left = "[" if self.low_closed else "("
        right = "]" if self.high_closed else ")"
        text = f"{left}{self.low:g}, {self.high:g}{right}"
        return text + " without even integers" if self.without_even else text


@dataclass(frozen=True)
class BoundRow:
    """One published bound: what it bounds, for which p, who proved it, and the formula.

    Attributes
    ----------
    number : int
        Number of the row in the table of the theory page; two rows share 21 and 22.
    name : str
        The sampling method (upper bounds) or the class of methods (lower bounds).
    size : str
        The published expression; S is the total sensitivity, log x means max(1, ln x).
    kind : str
        ``"upper"`` (this many rows suffice) or ``"lower"`` (no fewer can do for every matrix).
    p_range : PRange
        Exponents for which it is stated.
    source : str
        The publication and theorem.
    evidence : str
        How the statement was read: its full text, its abstract only, or without peer review.
    hidden : str
        What the number leaves out. ``"nothing"`` means that the constant is explicit.
    counts : str
        What is counted: rows kept, labels read or groups kept.
    function : callable
        The formula. It returns a float and takes the names listed in `needs`.
    needs : tuple of str
        Names of the arguments without a default.
    """

    number: int
    name: str
    size: str
    kind: str
    p_range: PRange
    source: str
    evidence: str
    hidden: str
    counts: str
    function: Callable[..., float]
    needs: tuple[str, ...]


ROWS: list[BoundRow] = []

# Every formula takes its arguments from this list, so that they are described once.
_DESCRIPTIONS = {
    "p": ("float", "Exponent of the norm, {p_range}."),
    "d": ("int", "Number of columns (the rank, if it is smaller)."),
    "total_sensitivity": ("float", "Sum S of the lp sensitivities."),
    "weight_sum": ("float", "Sum of the one-sided weights."),
    "eps": ("float", "Relative error of the p-th power, strictly between 0 and 1."),
    "n": ("int", "Number of rows of the matrix."),
    "delta": ("float", "Failure probability, strictly between 0 and 1."),
    "gamma": ("float", "One-sided quality of the weights, 0 < gamma <= 1; 1 for exact weights."),
    "online_condition": ("float", "Online condition number, at least 1."),
    "logs": ("bool", "False leaves the logarithms out, to compare methods by their rates."),
}


def _document(entry: BoundRow, remark: str) -> str:
    where = f"{'p =' if entry.p_range.low == entry.p_range.high else 'p in'} {entry.p_range}"
    lines = [f"Row {entry.number}: {entry.name}.", ""]
    lines += [f"``{entry.size}`` {entry.counts} ({entry.kind} bound), {where}."]
    lines += ["", remark, ""] if remark else [""]
    lines += ["Parameters", "----------"]
    for name, parameter in inspect.signature(entry.function).parameters.items():
        kind, text = _DESCRIPTIONS[name]
        optional = "" if parameter.default is inspect.Parameter.empty else ", optional"
        lines += [f"{name} : {kind}{optional}", f"    {text.format(p_range=where)}"]
    lines += ["", "Returns", "-------", "float"]
    lines += [f"    Number of {entry.counts}, before rounding up. Hidden: {entry.hidden}."]
    lines += ["", "Raises", "------", "ArgumentError", "    If a value is out of range."]
    lines += ["", "Notes", "-----", f"Source: {entry.source}. Read: {entry.evidence}."]
    return "\n".join(lines)


def _checked(name: str, value: Any, p_range: PRange, number: int) -> Any:
    if name == "p":
        p = check_p(value, minimum=0.0)
        if p not in p_range:
            raise argument_error(
                "p",
                repr(value),
                f"an exponent in {p_range}, where row {number} is proved",
                "rnla.bounds.records(p, d, eps) lists the rows that hold for your p.",
            )
        return p
    if name in ("eps", "delta"):
        return check_fraction(value, name)
    if name in ("d", "n"):
        return check_size(value, name=name)
    if name == "gamma":
        gamma = check_positive(value, name)
        if gamma > 1.0:
            raise argument_error(
                name, repr(value), "a number with 0 < gamma <= 1", "Pass gamma=1 for exact weights."
            )
        return gamma
    if name == "online_condition":
        condition = check_positive(value, name)
        if condition < 1.0:
            raise argument_error(
                name, repr(value), "a condition number, at least 1", "Pass 1 if it is unknown."
            )
        return condition
    return value if name == "logs" else check_positive(value, name)


def row(
    number: int,
    size: str,
    p_range: PRange,
    *,
    source: str,
    kind: str = "upper",
    evidence: str = "full text",
    hidden: str = "constant",
    counts: str = "rows",
) -> Callable[[Callable[_Parameters, float]], Callable[_Parameters, float]]:
    """Check the arguments of a formula by name, document it, and add it to `ROWS`.

    The first line of the formula's docstring is the name of the row, the rest are remarks.
    """

    def decorate(formula: Callable[_Parameters, float]) -> Callable[_Parameters, float]:
        signature = inspect.signature(formula)

        @functools.wraps(formula)
        def checked(*args: _Parameters.args, **kwargs: _Parameters.kwargs) -> float:
            bound = signature.bind(*args, **kwargs)
            bound.apply_defaults()
            for argument, value in bound.arguments.items():
                bound.arguments[argument] = _checked(argument, value, p_range, number)
            return float(formula(*bound.args, **bound.kwargs))

        name, _, remark = inspect.cleandoc(formula.__doc__ or "").partition("\n\n")
        needs = tuple(
            argument
            for argument, parameter in signature.parameters.items()
            if parameter.default is inspect.Parameter.empty
        )
        entry = BoundRow(
            number=number,
            name=name.rstrip("."),
            size=size,
            kind=kind,
            p_range=p_range,
            source=source,
            evidence=evidence,
            hidden=hidden,
            counts=counts,
            function=checked,
            needs=needs,
        )
        checked.__doc__ = _document(entry, remark)
        ROWS.append(entry)
        return checked

    return decorate


def logarithm(logs: bool) -> Callable[[float], float]:
    """Return x -> max(1, ln x), or x -> 1 when only the polynomial part is wanted.

    The floor of 1 is the usual reading of log inside O(.): without it d = 1 would need no rows.
    """
    if logs:
        return lambda x: max(1.0, math.log(x))
    return lambda x: 1.0


def power(base: float, exponent: float) -> float:
    """Return base**exponent, inf where it leaves the double range."""
    try:
        return math.pow(base, exponent)
    except OverflowError:
        return math.inf
