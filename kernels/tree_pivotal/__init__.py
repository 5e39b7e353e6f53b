"""Tree pivotal sampling: duels of ordered pivotal sampling, held in a balanced binary tree.

Positions lo ... hi-1 are split at (lo + hi) // 2; the survivors of the two halves duel, from the
leaves up (Shimizu, Cheng, Musco and Weare, arXiv 2310.04966). The duel between the halves uses the
number of the first position of the right half: each position but 0 is that for one duel. Masses are
integers in units of 2^-64, as in `ordered_pivotal`. O(n); on a GPU level by level.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from ..dispatch import device_of

__all__ = ["tree_pivotal"]


def tree_pivotal(steps: Any, uniforms: Any) -> tuple[Any, int, int]:
    """Run the whole tree over uint64 steps, which are probabilities below 1 in units of 2^-64, and
    float64 uniforms, both in leaf order.

    Returns the accepted positions in increasing order (int64), the position that is left at the
    root (-1 if none) and its mass; the caller settles that one.
    """
    device = device_of(steps, uniforms)
    if device is not None:
        from . import cuda

        return cuda.tree_pivotal(device, steps, uniforms)
    from . import cpu

    accepted = np.zeros(steps.size, dtype=np.bool_)
    standing, mass = cpu.tree_pivotal(steps, uniforms, accepted)
    return np.flatnonzero(accepted), int(standing), int(mass)
