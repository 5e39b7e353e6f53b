"""Distribution, operator, application: the three steps of every sketch.

A distribution is plain data (shape and parameters). Drawing it with a seed gives an operator. The
operator applies any block of itself alone, so one pass over row blocks, in any order and on any
number of workers, adds up to S @ A. The bits of S depend on (seed, purpose, global row) only.
"""

from __future__ import annotations

from typing import Any, Protocol

from .._result import FloatArray
from ..random import RNGLike

__all__ = ["Distribution", "Operator"]


class Operator(Protocol):
    """A drawn s x n sketch."""

    @property
    def shape(self) -> tuple[int, int]:
        """(s, n)."""

    def apply_block(self, start: int, block: Any, *, out: FloatArray | None = None) -> FloatArray:
        """S[:, start : start + len(block)] @ block, dense, added to `out` if given."""


class Distribution(Protocol):
    """What to draw."""

    def draw(self, rng: RNGLike = None) -> Operator:
        """An operator of this distribution."""
