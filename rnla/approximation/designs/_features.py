"""What designs and fits need of a basis: the weighted feature matrix and its Gram spectrum.

Row i of A is sqrt(w_i) phi(x_i), formed as sqrt(w_i k_i) times phi(x_i)/sqrt(k_i), so that no large
feature is ever needed (SPEC A0 step 4). Extreme eigenvalues of G = A* A / n come from the singular
values of the triangular factor, never from G.
"""

from __future__ import annotations

from typing import Any, Protocol

import numpy as np
import numpy.typing as npt

from ..._errors import argument_error
from ...random import Stream
from ...tall import single_threaded_blas

__all__ = [
    "Basis",
    "certify",
    "check_basis",
    "feature_rows",
    "normalised_features",
    "purpose_stream",
    "spectrum",
]

Array = npt.NDArray[Any]
Vector = npt.NDArray[np.float64]


class Basis(Protocol):
    """An orthonormal basis of a space of functions in L2(mu)."""

    @property
    def dimension(self) -> int: ...

    @property
    def measure(self) -> Any: ...

    def evaluate(self, x: Any) -> Array: ...

    def evaluate_normalised(self, x: Any) -> Array: ...

    def christoffel(self, x: Any) -> Vector: ...

    def induced_sample(self, n: int, *, rng: Any = None, first: int = 0) -> Vector: ...

    def integrals(self) -> Array: ...


def check_basis(basis: Any) -> int:
    """The dimension of what has the methods of a basis, or raise."""
    needed = ("dimension", "evaluate", "evaluate_normalised", "christoffel", "induced_sample")
    missing = [name for name in needed if not hasattr(basis, name)]
    if missing:
        raise argument_error(
            "basis",
            f"{type(basis).__name__} without {', '.join(missing)}",
            "an orthonormal basis such as rnla.approximation.TensorBasis",
            "Build one from a measure and an index set.",
        )
    return int(basis.dimension)


def normalised_features(basis: Basis, points: Vector) -> Array:
    """phi(x)/sqrt(k(x)), shape (n, m), every row of norm 1; raises where features are nan."""
    rows = np.asarray(basis.evaluate_normalised(points))
    bad = ~np.isfinite(rows).all(axis=1)
    if bad.any():
        i = int(np.flatnonzero(bad)[0])
        raise argument_error(
            "basis",
            f"features that are nan or inf at the point {points[i].tolist()}",
            "finite features everywhere on the support of the measure",
            "Check the basis functions there, or use a basis that fits the measure.",
        )
    return rows


def feature_rows(basis: Basis, points: Vector, weights: Vector, norms: Vector | None) -> Array:
    """The rows sqrt(w) phi(x), shape (n, m)."""
    if norms is None:
        norms = np.sqrt(weights * basis.christoffel(points))
    if not np.isfinite(norms).all():
        i = int(np.flatnonzero(~np.isfinite(norms))[0])
        raise argument_error(
            "basis",
            f"weighted features that are nan or too large at the point {points[i].tolist()}",
            "finite features",
            "Use weights m/k, as the designs do, or leave that point out.",
        )
    # Where all functions vanish there is no direction to normalise.
    live = norms > 0.0
    features = normalised_features(basis, points[live])
    rows: Array = np.zeros((len(points), basis.dimension), dtype=features.dtype)
    rows[live] = norms[live, None] * features
    return rows


def spectrum(rows: Array) -> tuple[float, float]:
    """Smallest and largest eigenvalue of A* A / n, for n >= m rows."""
    n = rows.shape[0]
    with single_threaded_blas():
        triangle = np.linalg.qr(rows / np.sqrt(n), mode="r")
        values = np.linalg.svd(triangle, compute_uv=False)
    return float(values[-1] ** 2), float(values[0] ** 2)


def certify(basis: Basis, points: Vector, weights: Vector, norms: Vector) -> dict[str, Any]:
    """The arrays and the stability of a design, as keywords of `Design`."""
    low, high = spectrum(feature_rows(basis, points, weights, norms))
    return {
        "points": points,
        "weights": weights,
        "row_norms": norms,
        "dimension": basis.dimension,
        "lambda_min": low,
        "lambda_max": high,
    }


def purpose_stream(seed: int, purpose: str, draw: int) -> Stream:
    """The random numbers of one draw: a function of (seed, purpose, draw) only."""
    return Stream(seed, f"{purpose}/{draw}")
