"""Whether measurements tie all sensors together, whatever their values: a closed gap for certain.

Sensors and unknowns of the signals are the nodes of a graph, joined where a value depends on both.
Each part of it has a common factor of its own, so that more than one part is ambiguous. The
canonical correlations of the parts differ if one is noisier, and the gap does not show it. Reach
from one sensor by products with the patterns of the operators, as many as the diameter.
"""

from __future__ import annotations

import numpy as np

from .operators import DenseOperators, Operators, SparseOperators
from .operators._base import Array
from .problem import Problem

__all__ = ["is_connected"]


def is_connected(problem: Problem, usable: Array) -> Array:
    """Whether the usable sensors hang together.

    Parameters
    ----------
    problem : Problem
    usable : ndarray of bool, shape (..., m)

    Returns
    -------
    ndarray of bool, shape (...)
        True where a `gain_basis` ties sensors together, and for operators whose zeros are not
        known.
    """
    pattern = _pattern(problem.operators)
    if problem.gain_basis is not None or (pattern is None and problem.repeated):
        return np.ones(problem.batch_shape, dtype=bool)
    links = (problem.data != 0) & usable[..., None, :]
    if problem.weights is not None:
        links &= problem.weights > 0
    if pattern is None and links.all():
        return np.ones(problem.batch_shape, dtype=bool)
    reached = np.cumsum(usable, axis=-1) * usable == 1  # the first one
    while True:
        values = links & reached[..., None, :]
        if pattern is None:
            again = np.broadcast_to(values.any(axis=-1, keepdims=True), values.shape)
        else:
            again = _through(pattern, values, problem.repeated)
        new = reached | (links & again).any(axis=-2)
        if (new == reached).all():
            return np.asarray((reached == usable).all(axis=-1))
        reached = new


def _pattern(operators: Operators) -> Operators | None:
    """Ones where an entry is not zero; None where none is, or is known to be."""
    if isinstance(operators, DenseOperators):
        nonzero = operators.A != 0
        return None if nonzero.all() else DenseOperators(nonzero.astype(np.float32))
    if isinstance(operators, SparseOperators):
        patterns = [(A != 0).astype(np.float32) for A in operators.matrices]
        return SparseOperators(patterns)
    return None


def _through(pattern: Operators, values: Array, repeated: bool) -> Array:
    """Values that depend on an unknown on which one of these depends."""
    unknowns = np.asarray(pattern.adjoint(values.astype(np.float32)) > 0)
    if repeated:
        unknowns = np.asarray(unknowns.any(axis=-2, keepdims=True))
    return np.asarray(pattern.apply(unknowns.astype(np.float32)) > 0)
