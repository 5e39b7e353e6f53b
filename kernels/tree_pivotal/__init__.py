"""Tree pivotal sampling: duels of ordered pivotal sampling, held in a balanced binary tree.

Positions lo ... hi-1 are split at (lo + hi) // 2; the survivors of the two halves duel, from the
leaves up (Shimizu, Cheng, Musco and Weare, arXiv 2310.04966). The duel between the halves uses the
number of the first position of the right half: each position but 0 is that for one duel. O(n).
"""

from __future__ import annotations

import numpy as np

__all__ = ["tree_pivotal"]


def tree_pivotal(probabilities: np.ndarray, uniforms: np.ndarray) -> tuple[np.ndarray, int, float]:
    """Run the whole tree over float64 probabilities in [0, 1) and uniforms, both in leaf order.

    Returns the accepted positions in increasing order of acceptance (int64), the position that is
    left at the root (-1 if none) and its mass; the caller settles that one.
    """
    from . import cpu

    accepted = np.empty(probabilities.size + 1, dtype=np.int64)
    count, standing, mass = cpu.tree_pivotal(probabilities, uniforms, accepted)
    return accepted[:count].copy(), int(standing), float(mass)
