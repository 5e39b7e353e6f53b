"""Where rows are cut, the same for every home: blocks that fit a cache, strips of blocks."""

from __future__ import annotations

from typing import NamedTuple

from ._source import Header

__all__ = ["BLOCKS_PER_STRIP", "Cut", "block_rows"]

_BLOCK_ELEMENTS = 2**16  # 512 KiB of float64: fits a private level-2 cache with its product
BLOCKS_PER_STRIP = 16
_PAIRS_PER_ENTRY = 8  # products of two entries of a sparse row in a strip, per entry of A^T A


def block_rows(row_cost: float) -> int:
    """Rows of a block whose rows cost `row_cost` elements: a power of two from 64 to 65536."""
    wanted = max(64, min(65536, int(_BLOCK_ELEMENTS / max(row_cost, 1.0))))
    return 1 << (wanted.bit_length() - 1)


class Cut(NamedTuple):
    """Rows of a block and of a strip: a function of the shape and the number of entries alone."""

    block: int
    strip: int

    @classmethod
    def of(cls, header: Header) -> Cut:
        """Strips have 16 blocks, or so many more that a d x d accumulator is worth its making."""
        n, d = header.shape
        block = block_rows(header.row_cost)
        strip = BLOCKS_PER_STRIP * block
        pairs = header.pair_count / max(n, 1)  # in a row
        while header.is_sparse and strip < n and strip * pairs < _PAIRS_PER_ENTRY * d * d:
            strip *= 2
        return cls(block, strip)
