"""Record of a recursive sample: the composed rows and how their number fell."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from .row_sample import RowSample

__all__ = ["RecursiveSample"]


@dataclass(frozen=True, eq=False)
class RecursiveSample:
    """Result of `root_leverage_recursion` and `flattening_recursion`.

    Attributes
    ----------
    sample : RowSample
        Rows of the original matrix, weights multiplied over the rounds.
    sizes : tuple of int
        Row counts: the original one, then after each round (with repeats counted as copies).
    retries : int
        Rounds that were drawn again because they lost rank or did not shrink.
    oversampling : float
        Factor between scores and probabilities; nan where there is none.
    """

    sample: RowSample
    sizes: tuple[int, ...]
    retries: int
    oversampling: float

    @property
    def rounds(self) -> int:
        """Number of rounds that were kept."""
        return len(self.sizes) - 1

    def __matmul__(self, A: Any) -> Any:
        return self.sample @ A
