"""What the ordered designs share: who is left at the end, and the record of the rows kept."""

from __future__ import annotations

from typing import Any

import numpy as np

from ._steps import UNIT
from .row_sample import RowSample

__all__ = ["finish", "settle"]


def settle(accepted: Any, standing: int, mass: int, uniform: float) -> Any:
    """The accepted rows, and the last row standing with its residual probability.

    `uniform` belongs to the first row of the order, whose number was not needed in any duel.
    """
    keep = standing >= 0 and uniform * UNIT < mass
    return np.append(accepted, np.int64(standing)) if keep else accepted


def finish(q: Any, drawn: Any, design: str, seed: int, p: float | None) -> RowSample:
    """Sorted record of the rows drawn and the certain ones."""
    keep = q == 1.0
    keep[drawn] = True
    rows = np.flatnonzero(keep)
    return RowSample(rows, 1.0 / q[rows], q[rows], design=design, seed=seed, n=q.size, p=p)
