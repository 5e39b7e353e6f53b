"""What the ordered designs share: who is left at the end, and the record of the rows kept."""

from __future__ import annotations

from typing import Any

import numpy as np

from .._result import IntArray
from ..tall import rows
from ..tall._device import beside
from ._steps import UNIT
from .row_sample import RowSample

__all__ = ["finish", "settle", "there"]


def there(x: Any, order: IntArray | None) -> Any:
    """The row vector in this order, where it is."""
    return x if order is None else x[beside(x, order)]


def settle(accepted: IntArray, standing: int, mass: int, uniform: float) -> IntArray:
    """The accepted rows, and the last row standing with its residual probability.

    `uniform` belongs to the first row of the order, whose number was not needed in any duel.
    """
    keep = standing >= 0 and uniform * UNIT < mass
    return np.append(accepted, np.int64(standing)) if keep else accepted


def finish(
    q: Any, drawn: IntArray, order: IntArray | None, design: str, seed: int, p: float | None
) -> RowSample:
    """Sorted record of the rows at the places drawn, and of the certain ones."""
    certain = rows.host(np.flatnonzero(q == 1.0))
    kept = np.sort(np.concatenate([certain, drawn if order is None else order[drawn]]))
    chances = rows.at(q, kept)
    return RowSample(kept, 1.0 / chances, chances, design=design, seed=seed, n=q.shape[0], p=p)
