"""The options of an `OnlineEmbedding`, checked, and what they mean once a row has been seen."""

from __future__ import annotations

import math
import numbers
from dataclasses import dataclass, fields
from typing import Any

from .._errors import ArgumentTypeError, argument_error, check_fraction, check_p, check_size
from ..bounds import default_size
from ..tall import TallMatrix
from ._node import Thinning

__all__ = ["METHODS", "Options", "Plan"]

# Which scores thin the rows in memory.
METHODS = {
    "merge_and_reduce": "lewis",
    "online_lewis": "lewis",
    "online_leverage": "leverage",
    "uniform": "uniform",
}
_LARGEST_LEWIS_P = 20.0
# Scoring small leaves costs more for its calls than for its arithmetic.
_LEAF_IN_SAMPLES = 4
_LEAF_ELEMENTS = 2**18
_MOST_IN_SAMPLES = 32
_LARGEST_ROW = 2**62


@dataclass(frozen=True)
class Plan:
    """What all parts of one embedding have in common; `most` is None without a bound."""

    p: float
    method: str
    size: int
    leaf: int
    most: int | None
    seed: int
    columns: int
    dtype: str
    is_sparse: bool

    @property
    def online(self) -> bool:
        return self.method.startswith("online")

    @property
    def thin(self) -> Thinning:
        return Thinning(self.p, METHODS[self.method], self.seed)

    @property
    def score_p(self) -> float:
        """The norm of the online scores."""
        return self.p if self.method == "online_lewis" else 2.0

    @property
    def kind(self) -> str:
        return _kind(self.columns, self.dtype, self.is_sparse)

    def check(self, block: TallMatrix) -> None:
        """Raise if the block is of another kind than those before."""
        got = _kind(block.shape[1], str(block.dtype), block.is_sparse)
        if got != self.kind:
            remedy = "Convert the blocks to one kind before they enter the stream."
            raise argument_error("block", got, f"{self.kind}, like the blocks before", remedy)


@dataclass(frozen=True)
class Options:
    """What was asked for; None where the default follows from the first block."""

    p: float
    method: str
    size: int | None
    eps: float | None
    delta: float
    leaf: int | None
    max_size: float | None
    first_row: int
    seed: int

    @classmethod
    def checked(
        cls,
        p: Any,
        method: Any,
        size: Any,
        eps: Any,
        delta: Any,
        leaf: Any,
        max_size: Any,
        first_row: Any,
        seed: int,
    ) -> Options:
        """The options, or an error that names the one that is wrong."""
        p = check_p(p)
        if method != "auto" and method not in METHODS:
            expected = f"one of auto, {', '.join(METHODS)}"
            raise argument_error("method", repr(method), expected, "Use 'auto' if unsure.")
        method = "merge_and_reduce" if method == "auto" else method
        if METHODS[method] == "lewis" and p > _LARGEST_LEWIS_P:
            remedy = "Use method='online_leverage' for larger p."
            raise argument_error("p", repr(p), f"p up to {_LARGEST_LEWIS_P:g} here", remedy)
        if (size is None) == (eps is None):
            got = "neither" if size is None else "both size and eps"
            remedy = "Pass size= for a number of rows, or eps= to have it chosen."
            raise argument_error("size", got, "one of size and eps", remedy)
        if eps is not None and method == "uniform":
            remedy = "Pass size=: no number of uniform rows is enough for every matrix."
            raise argument_error("eps", repr(eps), "no eps with method='uniform'", remedy)
        online = method.startswith("online")
        if online and leaf is not None:
            remedy = "Leave it out: every row is decided on when it arrives."
            raise argument_error("leaf", leaf, f"no leaf with method={method!r}", remedy)
        if not online and max_size is not None:
            remedy = "Leave it out: size and leaf bound the memory."
            expected = f"no max_size with method={method!r}"
            raise argument_error("max_size", max_size, expected, remedy)
        if max_size is not None and max_size != math.inf:
            max_size = check_size(max_size, name="max_size")
        options = cls(
            p=p,
            method=method,
            size=None if size is None else check_size(size),
            eps=None if eps is None else check_fraction(eps, "eps"),
            delta=check_fraction(delta, "delta"),
            leaf=None if leaf is None else check_size(leaf, name="leaf"),
            max_size=max_size,
            first_row=_check_first_row(first_row),
            seed=seed,
        )
        if options.size is not None:
            options._limits(options.size, 1)
        return options

    def plan(self, block: TallMatrix) -> Plan:
        """What the options mean for the kind of rows in this block."""
        columns = block.shape[1]
        size = self.size
        if size is None:
            assert self.eps is not None
            size = default_size(columns, self.p, self.eps, self.delta)
        if size < columns:
            expected = f"at least the number of columns, {columns}"
            remedy = "Fewer rows cannot keep the column space."
            raise argument_error("size", size, expected, remedy)
        leaf, most = self._limits(size, columns)
        return Plan(
            p=self.p,
            method=self.method,
            size=size,
            leaf=leaf,
            most=most,
            seed=self.seed,
            columns=columns,
            dtype=str(block.dtype),
            is_sparse=block.is_sparse,
        )

    def check_same(self, other: Options) -> None:
        """Raise if streams with these options cannot be merged."""
        for option in fields(self):
            mine, its = getattr(self, option.name), getattr(other, option.name)
            if mine != its and option.name != "first_row":
                remedy = "Give all streams that will be merged the same options and the same rng=."
                got, expected = f"{option.name} = {its!r}", f"{option.name} = {mine!r}"
                raise argument_error("other", got, expected, remedy)

    def _limits(self, size: int, columns: int) -> tuple[int, int | None]:
        """Rows in a leaf, and the most that an online method holds."""
        leaf = self.leaf
        if leaf is None:
            leaf = max(_LEAF_IN_SAMPLES * size, _LEAF_ELEMENTS // columns)
        if leaf < size:
            remedy = "Leave it out, or raise it."
            raise argument_error("leaf", leaf, f"at least size = {size}", remedy)
        most = _MOST_IN_SAMPLES * size if self.max_size is None else self.max_size
        if most < 2 * size:
            expected = f"at least 2 * size = {2 * size}"
            raise argument_error("max_size", most, expected, "Leave it out, or raise it.")
        return leaf, None if most == math.inf else int(most)


def _kind(columns: int, dtype: str, is_sparse: bool) -> str:
    return f"{columns} columns, {dtype}, {'sparse' if is_sparse else 'dense'}"


def _check_first_row(value: object) -> int:
    expected = f"an integer from 0 to {_LARGEST_ROW}"
    remedy = "Pass the number that the first row of this stream has in the whole matrix."
    if isinstance(value, bool) or not isinstance(value, numbers.Integral):
        raise argument_error("first_row", repr(value), expected, remedy, kind=ArgumentTypeError)
    number = int(value)
    if not 0 <= number <= _LARGEST_ROW:
        raise argument_error("first_row", number, expected, remedy)
    return number
