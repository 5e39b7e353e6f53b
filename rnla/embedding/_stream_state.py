"""The state of an `OnlineEmbedding`: finished parts and one live part, all immutable.

A part is a range of consecutive rows with the sample of them and a summary of all of them: the
running Gram matrix of merge and reduce (p = 2), or the scoring state of one-pass sampling. Merging
streams only collects parts; they are put together in the order of their rows whenever a result is
asked for, so the order of merging cannot matter.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TypeAlias

import numpy as np
import scipy.sparse as sp

from .._result import FloatArray
from ..scores import OnlineScores
from ..tall import TallMatrix
from ._measured import ratios_by_factor, ratios_by_gram
from ._merged import scaled
from ._node import Node, joined
from ._one_pass import OnePass, follow, within_bound
from ._stream_options import Plan
from ._tree import Tree, collapse, grow, tree_gram

__all__ = [
    "Live",
    "Part",
    "Summary",
    "advance",
    "begin",
    "folded",
    "freeze",
    "measured",
    "united",
]

Live: TypeAlias = Tree | OnePass
Summary: TypeAlias = FloatArray | OnlineScores | None


@dataclass(frozen=True, eq=False)
class Part:
    """Rows ``start ... stop - 1``; `summary` is None once a later part has taken it over."""

    start: int
    stop: int
    node: Node
    steps: int
    summary: Summary


def begin(plan: Plan, start: int, parts: Sequence[Part]) -> tuple[Live, tuple[Part, ...]]:
    """An empty live part for rows from `start`, and the finished parts without what it takes over.

    One-pass sampling scores rows against all rows known so far, those of merged streams too.
    """
    if plan.online:
        scores = folded(parts)
        if scores is None:
            scores = OnlineScores(plan.score_p, plan.columns)
        return OnePass(start, start, scores), tuple(replace(part, summary=None) for part in parts)
    gram = np.zeros((plan.columns, plan.columns)) if plan.p == 2.0 else None
    return Tree(start, start, gram=gram), tuple(parts)


def advance(plan: Plan, live: Live, block: TallMatrix) -> Live:
    """The live part after the rows of a block."""
    if isinstance(live, OnePass):
        return follow(live, block, plan.size / plan.columns, plan.most, plan.thin)
    return grow(live, block, plan.size, plan.leaf, plan.thin)


def freeze(plan: Plan, live: Live) -> Part:
    """The live part, finished; it has at least one row."""
    if isinstance(live, OnePass):
        node = joined(live.kept) if live.kept else _empty(plan)
        return Part(live.start, live.stop, node, live.thinnings, live.scores)
    level, node = collapse(live, plan.size, plan.thin)
    return Part(live.start, live.stop, node, level, tree_gram(live))


def united(plan: Plan, parts: Sequence[Part]) -> tuple[Node, int]:
    """One sample of all rows, from parts in the order of their rows, and its thinnings."""
    if plan.online:
        steps = max(part.steps for part in parts)
        node = joined([part.node for part in parts])
        if plan.most is None or node.size <= plan.most:
            return node, steps
        return within_bound(node, plan.most, plan.thin), steps + 1
    nodes = [(part.steps, part.node) for part in parts]
    while len(nodes) > 1:
        pairs = zip(nodes[::2], nodes[1::2], strict=False)
        halved = [
            (max(left[0], right[0]) + 1, plan.thin(joined([left[1], right[1]]), plan.size))
            for left, right in pairs
        ]
        nodes = halved + nodes[2 * len(halved) :]
    return nodes[0][1], nodes[0][0]


def folded(parts: Sequence[Part]) -> OnlineScores | None:
    """The scoring state for all rows of the parts, a copy; None if no part has one."""
    states = [part.summary for part in parts if isinstance(part.summary, OnlineScores)]
    if not states:
        return None
    whole = states[0].copy()
    for state in states[1:]:
        whole.merge(state)
    return whole


def measured(
    plan: Plan, parts: Sequence[Part], scores: OnlineScores | None, node: Node
) -> tuple[float, float] | None:
    """Extreme ratios of a sample to all rows for p = 2, else None."""
    if plan.p != 2.0:
        return None
    with np.errstate(over="ignore"):
        matrix = scaled(node.rows, node.probabilities**-0.5)
    if scores is not None:
        return ratios_by_factor(scores.R, matrix, plan.seed)
    grams = [part.summary for part in parts if isinstance(part.summary, np.ndarray)]
    return ratios_by_gram(np.sum(grams, axis=0), matrix)


def _empty(plan: Plan) -> Node:
    shape, dtype = (0, plan.columns), np.dtype(plan.dtype)
    rows = sp.csr_array(shape, dtype=dtype) if plan.is_sparse else np.zeros(shape, dtype)
    return Node(rows, np.zeros(0, dtype=np.int64), np.zeros(0))
