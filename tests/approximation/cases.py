"""Functions with known best approximations: coefficients and squared errors by Gauss rules."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache

import numpy as np

from rnla.approximation import Gaussian, TensorBasis, Uniform


@dataclass(frozen=True)
class Case:
    """A function, a basis, the coefficients of its projection and the squared error left."""

    function: object
    basis: TensorBasis
    coefficients: np.ndarray
    squared_error: float

    @property
    def m(self):
        return self.basis.dimension


FUNCTIONS = {
    "bell": (Gaussian(), lambda x: np.exp(-((x - 1.0) ** 2) / 4.0)),
    "runge": (Uniform(), lambda x: 1.0 / (1.0 + 5.0 * x**2)),
    "absolute": (Uniform(), np.abs),
}


@cache
def case(name, m):
    measure, function = FUNCTIONS[name]
    if name == "bell":
        nodes, weights = measure.orthonormal_family().gauss(150)
    else:
        # Two halves, because of the kink.
        nodes, weights = Uniform(0.0, 1.0).orthonormal_family().gauss(300)
        nodes = np.concatenate([-nodes, nodes])
        weights = np.concatenate([weights, weights]) / 2.0
    basis = TensorBasis(measure, m - 1)
    values, features = function(nodes), basis.evaluate(nodes)
    coefficients = features.T @ (weights * values)
    squared_error = float(weights @ (values - features @ coefficients) ** 2)
    return Case(function, basis, coefficients, squared_error)
