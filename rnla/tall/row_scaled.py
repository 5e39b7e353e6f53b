"""diag(s) A: every row times a number of its own, wherever the rows live.

The factors are a row vector and reach every visit of a pass beside the rows; nothing of size n d is
copied or stored. Cost: one product per entry and pass.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import partial
from typing import Any

import numpy as np

from .._result import FloatArray, IntArray
from ._device import beside, on_device
from ._engine import Engine, Visit, Wrap
from ._reduction import ADD, Reduction
from ._source import Block, Header
from .blocks import scaled
from .device_source import in_memory
from .rows import at, host

__all__ = ["RowScaledEngine"]


class RowScaledEngine:
    """An engine for diag(factors) A, given one for A and a row vector."""

    def __init__(self, engine: Engine, factors: Any, wrap: tuple[Wrap, ...] = ()) -> None:
        self._engine, self._factors, self._wrap = engine, factors, wrap
        self.is_distributed, self.is_on_device = engine.is_distributed, engine.is_on_device
        header: Any = engine.header
        for one in wrap:
            header = Header.of(one(header))
        self.header: Header = header

    def run(
        self,
        visit: Visit,
        *,
        rows: Sequence[Any] = (),
        shape: tuple[int, ...] | None = None,
        reduction: Reduction = ADD,
        width: int | None = None,
        raw: bool = False,
        gather: bool = True,
    ) -> tuple[FloatArray | None, Any]:
        """See `Engine`."""
        return self._engine.run(
            partial(_visit_scaled, visit, self._wrap),
            rows=(self._factors, *rows),
            shape=shape,
            reduction=reduction,
            width=width,
            raw=raw,
            gather=gather,
        )

    def lazy(self, visit: Visit, *, rows: Sequence[Any] = (), width: int = 0) -> Any:
        """See `Engine`."""
        visit = partial(_visit_scaled, visit, self._wrap)
        return self._engine.lazy(visit, rows=(self._factors, *rows), width=width)

    def blocks(self) -> Iterator[tuple[int, Block]]:
        """See `Engine`."""
        factors = host(self._factors)
        for start, block in self._engine.blocks():
            here = factors[start : start + block.shape[0]]
            yield start, _viewed(scaled(block, here, None), self._wrap)

    def take(self, rows: IntArray) -> Any:
        """See `Engine`."""
        taken = self._engine.take(rows)
        if on_device(taken):
            scaled_rows = scaled(taken, self._factors[beside(taken, rows)], None)
            return _viewed(scaled_rows.astype(taken.dtype), self._wrap)
        factors = at(self._factors, rows)
        if isinstance(taken, np.ndarray):
            return _viewed((taken * factors[:, None]).astype(taken.dtype, copy=False), self._wrap)
        taken = taken.copy()
        taken.data = (taken.data * np.repeat(factors, np.diff(taken.indptr))).astype(taken.dtype)
        return _viewed(taken, self._wrap)

    def view(self, wrap: Wrap) -> RowScaledEngine:
        """See `Engine`."""
        return RowScaledEngine(self._engine, self._factors, (*self._wrap, wrap))

    def where(self, row: int) -> str:
        """See `Engine`."""
        return self._engine.where(row)

    def identity(self) -> object | None:
        """See `Engine`: the factors are data that only reading can tell."""
        return None


def _visit_scaled(
    visit: Visit,
    wrap: tuple[Wrap, ...],
    block: Block,
    start: int,
    out: FloatArray,
    factors: FloatArray,
    *slices: FloatArray,
) -> FloatArray | None:
    return visit(_viewed(scaled(block, factors, None), wrap), start, out, *slices)


def _viewed(block: Block, wrap: tuple[Wrap, ...]) -> Block:
    for one in wrap:
        block = one(in_memory(block)).read(0, block.shape[0])
    return block
