"""Reference measures nu = mu / w of a design: draws keyed by index, and their weights (SPEC 1.1).

"christoffel": w = m/k, so that every weighted feature row has norm sqrt(m), the least possible.
"mixed": half the points from mu, w = 1 / (1/2 + k / (2m)) <= 2.   "plain": nu = mu, w = 1.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from ...dpp._reference import REFERENCES, check_reference
from ...random import Stream
from ._features import Basis

__all__ = ["REFERENCES", "check_reference", "reference_points", "reference_weights"]

Vector = npt.NDArray[np.float64]


def christoffel_points(basis: Basis, stream: Stream, index: range) -> Vector:
    """Points of nu_m = (k/m) mu, shape (len(index), d): point i depends on (stream, i) only."""
    points = basis.induced_sample(len(index), rng=stream.key, first=index.start)
    return np.asarray(points, dtype=np.float64).reshape(len(index), -1)


def reference_points(basis: Basis, stream: Stream, index: range, reference: str) -> Vector:
    """Points of the reference measure, shape (len(index), d), keyed by index."""
    if reference == "christoffel":
        return christoffel_points(basis, stream, index)
    key = Stream(stream.seed, stream.purpose + "/plain").key
    drawn = basis.measure.sample(len(index), rng=key, first=index.start)
    plain = np.asarray(drawn, dtype=np.float64).reshape(len(index), -1)
    if reference == "plain":
        return plain
    coin = Stream(stream.seed, stream.purpose + "/coin").uniform(index)
    points = christoffel_points(basis, stream, index)
    return np.where((coin < 0.5)[:, None], plain, points)


def reference_weights(basis: Basis, points: Vector, reference: str) -> tuple[Vector, Vector]:
    """Weights w = dmu/dnu and row norms sqrt(w k), both shape (n,)."""
    m, n = basis.dimension, len(points)
    if reference == "plain":
        return np.ones(n), np.sqrt(np.asarray(basis.christoffel(points), dtype=np.float64))
    # k may overflow far out, where w = m/k is zero to all purposes, and vanish under "mixed".
    with np.errstate(over="ignore", divide="ignore"):
        k = np.asarray(basis.christoffel(points), dtype=np.float64)
        if reference == "christoffel":
            return m / k, np.full(n, np.sqrt(m))
        return 1.0 / (0.5 + 0.5 * k / m), 1.0 / np.sqrt(0.5 / k + 0.5 / m)
