"""Rows that a stream has kept so far, and the step that thins them.

Every row has one random number for its whole life and stays while that is below the product of its
probabilities. What a step does to a row may depend on which other rows are left, never on the row's
own number beyond its being there: so 1 / probability stays an unbiased weight, and different rows
stay uncorrelated, however often and whenever rows are thinned.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import scipy.sparse as sp

from .._result import FloatArray, IntArray
from ..random import Stream
from ..sampling import sampling_probabilities
from ..sampling._rows import ROW_PURPOSE, TINY
from ..scores import leverage_scores, lewis_weights
from ..tall import as_tall, within_range
from ._merged import scaled

__all__ = ["SCORES", "Node", "Thinning", "gathered", "joined", "stacked"]

# Scores within 1 per mille are more than sampling can tell apart.
_LEWIS_TOLERANCE = 1e-3


@dataclass(frozen=True, eq=False)
class Node:
    """Rows in stream order, their numbers, and the probability with which each came this far."""

    rows: Any
    indices: IntArray
    probabilities: FloatArray

    @property
    def size(self) -> int:
        return int(self.indices.size)


def joined(nodes: Sequence[Node]) -> Node:
    """One node of the rows of all, in order."""
    if len(nodes) == 1:
        return nodes[0]
    return Node(
        stacked([node.rows for node in nodes]),
        np.concatenate([node.indices for node in nodes]),
        np.concatenate([node.probabilities for node in nodes]),
    )


def stacked(rows: Sequence[Any]) -> Any:
    """Dense or CSR rows of all, one below the other."""
    if len(rows) == 1:
        return rows[0]
    return sp.csr_array(sp.vstack(rows, format="csr")) if sp.issparse(rows[0]) else np.vstack(rows)


def gathered(parts: tuple[Node, ...], node: Node) -> tuple[Node, ...]:
    """Append a node; a row is copied log2(rows) times at most, however small the nodes are."""
    last = [node]
    while parts and parts[-1].size <= sum(part.size for part in last):
        last.insert(0, parts[-1])
        parts = parts[:-1]
    return (*parts, joined(last))


@dataclass(frozen=True)
class Thinning:
    """Keep about a given number of rows, by scores of the rows as they are weighted now."""

    p: float
    scores: str
    seed: int

    def __call__(self, node: Node, size: int) -> Node:
        if node.size <= size:
            return node
        weighted = scaled(_in_range(node.rows), node.probabilities ** (-1.0 / self.p))
        scores = SCORES[self.scores](weighted, self.p, self.seed)
        q = node.probabilities * sampling_probabilities(scores, size)
        uniforms = Stream(self.seed, ROW_PURPOSE).uniform(node.indices)
        keep = np.flatnonzero((uniforms < q) & (q >= TINY))
        return Node(node.rows[keep], node.indices[keep], q[keep])


def _in_range(rows: Any) -> Any:
    """The rows with extreme columns in other units: scores stay, weights cannot overflow."""
    units = within_range(as_tall(rows, require_tall=False))[1]
    if units is None:
        return rows
    return sp.csr_array(rows @ sp.diags_array(units)) if sp.issparse(rows) else rows * units


def _lewis(rows: Any, p: float, seed: int) -> FloatArray:
    return np.asarray(lewis_weights(rows, p, tol=_LEWIS_TOLERANCE, rng=seed))


def _leverage(rows: Any, p: float, seed: int) -> FloatArray:
    return np.asarray(leverage_scores(rows, rng=seed))


def _uniform(rows: Any, p: float, seed: int) -> FloatArray:
    return np.ones(rows.shape[0])


SCORES: dict[str, Callable[[Any, float, int], FloatArray]] = {
    "lewis": _lewis,
    "leverage": _leverage,
    "uniform": _uniform,
}
