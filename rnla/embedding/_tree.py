"""The state of merge and reduce (see merge_reduce.py): immutable, so a failed step changes nothing.

Leaves are counted from the first row of the stream, never from a block, so that the tree and every
number in it are the same for all ways of cutting the rows into blocks.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from .._result import FloatArray
from ..tall import TallMatrix, as_tall, single_threaded_blas
from ._node import Node, Thinning, gathered, joined

__all__ = ["Tree", "collapse", "grow", "tree_gram"]

# Squares of entries outside of this range need care that a running sum does not take.
_SMALLEST, _LARGEST = 1e-140, 1e140


@dataclass(frozen=True, eq=False)
class Tree:
    """Rows ``start ... stop - 1``: those that wait for a full leaf, and the nodes by level."""

    start: int
    stop: int
    waiting: tuple[Node, ...] = ()
    stack: tuple[tuple[int, Node], ...] = ()
    leaves: int = 0
    gram: FloatArray | None = None

    @property
    def held(self) -> int:
        """Rows in memory."""
        return sum(node.size for node in (*self.waiting, *(node for _, node in self.stack)))


def grow(tree: Tree, block: TallMatrix, size: int, leaf: int, thin: Thinning) -> Tree:
    """The tree with the rows of a block, copied, behind those that it has."""
    first = 0
    while first < block.shape[0]:
        last = min(block.shape[0], first + leaf - (tree.stop - tree.start) % leaf)
        count = last - first
        indices = np.arange(tree.stop, tree.stop + count, dtype=np.int64)
        node = Node(block.take(np.arange(first, last)), indices, np.ones(count))
        tree = replace(tree, stop=tree.stop + count, waiting=gathered(tree.waiting, node))
        if (tree.stop - tree.start) % leaf == 0:
            tree = _with_leaf(tree, size, thin)
        first = last
    return tree


def collapse(tree: Tree, size: int, thin: Thinning) -> tuple[int, Node]:
    """One node for all rows, and its level; the tree has at least one row."""
    stack = list(tree.stack)
    if tree.waiting:
        stack.append((1, thin(joined(tree.waiting), size)))
    level, node = stack.pop()
    while stack:
        higher, older = stack.pop()
        level, node = max(level, higher) + 1, thin(joined([older, node]), size)
    return level, node


def tree_gram(tree: Tree) -> FloatArray | None:
    """A^T A of all rows, if the tree keeps it."""
    if tree.gram is None or not tree.waiting:
        return tree.gram
    return tree.gram + _gram(joined(tree.waiting))


def _with_leaf(tree: Tree, size: int, thin: Thinning) -> Tree:
    """Close a leaf; two nodes of one level merge, as a binary counter carries."""
    leaf = joined(tree.waiting)
    stack = [*tree.stack, (1, thin(leaf, size))]
    while len(stack) > 1 and stack[-1][0] == stack[-2][0]:
        level, newer = stack.pop()
        _, older = stack.pop()
        stack.append((level + 1, thin(joined([older, newer]), size)))
    return replace(
        tree,
        waiting=(),
        stack=tuple(stack),
        leaves=tree.leaves + 1,
        gram=None if tree.gram is None else tree.gram + _gram(leaf),
    )


def _gram(node: Node) -> FloatArray:
    """A^T A of the rows without weights; nan if squares could leave the range of float64."""
    tall = as_tall(node.rows, require_tall=False)
    largest = tall.scan().column_max
    largest = largest[largest > 0.0]
    if largest.size and not _SMALLEST < largest.min() <= largest.max() < _LARGEST:
        return np.full((tall.shape[1],) * 2, np.nan)
    with single_threaded_blas():
        return tall.gram()
