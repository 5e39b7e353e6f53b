"""The pass engine for rows in the memory of a GPU: few large blocks, row vectors that stay there.

Visits are those of every home; their primitives go by the type of the block: kernels of
`rnla.kernels`, and CuPy's own products. One accumulator serves all blocks of a pass and comes to
the host at its end, d x d or s x d numbers. A block in float64 takes a thirty-second of the GPU's
memory at most, and so does a product of its rows; nothing else of size n d is made.
"""

from __future__ import annotations

import copy
from collections.abc import Generator, Iterator, Sequence
from contextlib import closing
from typing import Any, Self

import numpy as np

from .._errors import ArgumentTypeError, argument_error
from .._result import FloatArray, IntArray
from . import _visits
from ._device import array_module, of_device, on_device, stays_on_device
from ._engine import Visit, Wrap
from ._reduction import ADD, Reduction
from ._source import Block, Header
from .device_source import DeviceDense, DeviceSparse

__all__ = ["DeviceEngine", "block_rows"]

_SHARE = 32  # of the memory, for the rows of a block in float64
_UNIT = 1024  # rows of a block are a multiple


def block_rows(header: Header, memory: float) -> int:
    """Rows of a block on a GPU of which so many bytes may be used."""
    n, d = header.shape
    cost = 8.0 * max(d, 2.0 * header.entry_count / max(n, 1))
    return max(_UNIT, int(memory / _SHARE / cost) // _UNIT * _UNIT)


class DeviceEngine:
    """Rows of a CuPy array or sparse matrix."""

    is_distributed = True
    is_on_device = True

    def __init__(self, A: Any, *, name: str = "A", memory: int | None = None) -> None:
        self._rows, self._name, self._what = A, name, of_device(A)
        self._xp, self._device, self._memory = array_module(A), A.device, memory
        with self._device:
            self._source: Any = DeviceSparse.of(A) if hasattr(A, "tocsr") else DeviceDense(A)
        self.header = Header.of(self._source)

    @property
    def place(self) -> str:
        """Where the rows are, in words."""
        return f"on GPU {self._device.id}"

    def _block_rows(self) -> int:
        """Rows of a block: a function of the GPU, or of the budget that was given, of the width and
        of the number of entries alone."""
        memory = self._device.mem_info[1]
        return block_rows(self.header, memory if self._memory is None else self._memory)

    def _blocks(self, raw: bool) -> Generator[tuple[int, Block], None, None]:
        """(start, block) over all rows, in order; a block is used before the next is asked for."""
        n, step = self.header.shape[0], self._block_rows()
        read = self._source.read_raw if raw else self._source.read
        for start in range(0, n, step):
            yield start, read(start, min(start + step, n))

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
        """See `Engine`. Values per row are a CuPy array; who wants them on the host must say so."""
        if width is not None and gather:
            raise stays_on_device(self._name, self._what, "one number per row")
        n, xp = self.header.shape[0], self._xp
        vectors = [self._vector(vector) for vector in rows]
        raw = raw or _visits.takes_single_precision(visit)
        with self._device, closing(self._blocks(raw)) as blocks:
            out = xp.zeros(0 if shape is None else shape, dtype=np.float64)
            values = None
            if width is not None:
                values = xp.empty((n, width) if width else n, dtype=np.float64)
            for start, block in blocks:
                here = slice(start, start + block.shape[0])
                found = visit(block, start, out, *(vector[here] for vector in vectors))
                if values is not None:
                    values[here] = found
            total = None if shape is None else reduction.finish(reduction.lift(out.get()))
        return total, values

    def _vector(self, vector: Any) -> Any:
        """A row vector, which has to be where the rows are."""
        if on_device(vector):
            return vector
        raise argument_error(
            "row vector",
            f"{type(vector).__name__} beside {self._what}",
            "a CuPy array on the same GPU",
            "Convert it with cupy.asarray.",
            kind=ArgumentTypeError,
        )

    def lazy(self, visit: Visit, *, rows: Sequence[Any] = (), width: int = 0) -> Any:
        """See `Engine`: rows on a device are visited at once."""
        return self.run(visit, rows=rows, width=width, gather=False)[1]

    def blocks(self) -> Iterator[tuple[int, Block]]:
        """See `Engine`: never; whoever reads blocks computes on the host."""
        raise stays_on_device(self._name, self._what, "reading rows block by block")

    def take(self, rows: IntArray) -> Any:
        """See `Engine`: rows on the device."""
        n = self.header.shape[0]
        rows = np.asarray(rows, dtype=np.int64)
        if rows.size and (rows.min() < -n or rows.max() >= n):  # CuPy would not notice
            raise IndexError(f"row {rows.min() if rows.min() < -n else rows.max()} of {n} rows")
        with self._device:
            return self._taken(np.where(rows < 0, rows + n, rows))

    def _taken(self, rows: IntArray) -> Any:
        return self._source.take(rows)

    def view(self, wrap: Wrap) -> Self:
        """See `Engine`."""
        other = copy.copy(self)
        other._source = wrap(self._source)
        other.header = Header.of(other._source)
        return other

    def where(self, row: int) -> str:
        """See `Engine`."""
        return self._source.where(row) or self._what

    def identity(self) -> object | None:
        """See `Engine`: only the rows can tell."""
        return None
