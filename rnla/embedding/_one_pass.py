"""One pass, decided at once: keep a row with probability min(1, c w), w its online score (A15b).

The decision about a row depends on the rows before it and is final (Cohen, Musco, Pachocki, APPROX
2016, for leverage; Yasuda, PhD thesis, CMU-CS-24-110, section 6.6, for Lewis weights). About c
sum_i w_i rows are kept, and the online scores sum to O(d log kappa), kappa being the ratio of the
largest to the smallest singular value that the stream ever had: a stream that grows geometrically
keeps every row. `most` bounds that: when more rows are held, all are thinned to half of it by
the scores they have with their present weights. About 4 d^2 flops a row, O(d^2) memory and the
rows kept.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from ..random import Stream
from ..sampling._rows import ROW_PURPOSE, TINY
from ..scores import OnlineScores
from ..tall import TallMatrix
from ._node import Node, Thinning, gathered, joined

__all__ = ["OnePass", "follow", "within_bound"]


@dataclass(frozen=True, eq=False)
class OnePass:
    """Rows ``start ... stop - 1``: their scoring state, the rows kept, thinnings of these."""

    start: int
    stop: int
    scores: OnlineScores
    kept: tuple[Node, ...] = ()
    thinnings: int = 0

    @property
    def held(self) -> int:
        """Rows in memory."""
        return sum(node.size for node in self.kept)


def follow(
    state: OnePass, block: TallMatrix, rate: float, most: int | None, thin: Thinning
) -> OnePass:
    """The state after the rows of a block, of which those kept are copied."""
    scores = state.scores.copy()
    values = np.asarray(scores.update(block), dtype=np.float64)
    q = np.minimum(1.0, rate * values)
    stop = state.stop + q.size
    uniforms = Stream(thin.seed, ROW_PURPOSE).uniform(range(state.stop, stop))
    chosen = np.flatnonzero((uniforms < q) & (q >= TINY))
    kept, thinnings = state.kept, state.thinnings
    while chosen.size:
        # Up to the row that is one too many, wherever blocks end.
        held = sum(node.size for node in kept)
        room = chosen.size if most is None else most + 1 - held
        now, chosen = chosen[:room], chosen[room:]
        kept = gathered(kept, Node(block.take(now), state.stop + now, q[now]))
        if most is not None and held + now.size > most:
            kept, thinnings = (within_bound(joined(kept), most, thin),), thinnings + 1
    return replace(state, stop=stop, scores=scores, kept=kept, thinnings=thinnings)


def within_bound(node: Node, most: int, thin: Thinning) -> Node:
    """The node, or about half of `most` of its rows if it has more."""
    while node.size > most:
        node = thin(node, most // 2)
    return node
