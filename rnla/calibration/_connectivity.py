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

__all__ = ["first_of", "is_connected", "links_of", "pattern_of", "unknowns_of", "values_of"]


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
    pattern = pattern_of(problem.operators)
    if problem.gain_basis is not None or (pattern is None and problem.repeated):
        return np.ones(problem.batch_shape, dtype=bool)
    links = links_of(problem) & usable[..., None, :]
    if pattern is None and links.all():
        return np.ones(problem.batch_shape, dtype=bool)
    reached = first_of(usable)
    while True:
        unknowns = unknowns_of(pattern, links & reached[..., None, :], problem.repeated)
        new = reached | (links & values_of(pattern, unknowns)).any(axis=-2)
        if (new == reached).all():
            return np.asarray((reached == usable).all(axis=-1))
        reached = new


def first_of(usable: Array) -> Array:
    """The first usable sensor."""
    return np.asarray(np.cumsum(usable, axis=-1) * usable == 1)


def links_of(problem: Problem) -> Array:
    """Values that count and are not zero, shape (..., p, m)."""
    links = np.asarray(problem.data != 0)
    return links if problem.weights is None else np.asarray(links & (problem.weights > 0))


def pattern_of(operators: Operators) -> Operators | None:
    """Ones where an entry is not zero; None where none is, or is known to be."""
    if isinstance(operators, DenseOperators):
        nonzero = operators.A != 0
        return None if nonzero.all() else DenseOperators(nonzero.astype(np.float32))
    if isinstance(operators, SparseOperators):
        patterns = [(A != 0).astype(np.float32) for A in operators.matrices]
        return SparseOperators(patterns)
    return None


def unknowns_of(pattern: Operators | None, values: Array, repeated: bool) -> Array:
    """Unknowns on which one of these values depends: (..., p or 1, n), (..., 1) for all or none."""
    unknowns = np.asarray(values.any(axis=-1, keepdims=True))
    if pattern is not None:
        unknowns = np.asarray(pattern.adjoint(values.astype(np.float32)) > 0)
    return np.asarray(unknowns.any(axis=-2, keepdims=True)) if repeated else unknowns


def values_of(pattern: Operators | None, unknowns: Array) -> Array:
    """Values that depend on one of these unknowns, broadcastable to (..., p, m)."""
    if pattern is None:
        return np.asarray(unknowns.any(axis=-1, keepdims=True))
    return np.asarray(pattern.apply(unknowns.astype(np.float32)) > 0)
