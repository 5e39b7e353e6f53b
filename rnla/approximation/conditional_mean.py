"""Conditional means E[f | x_u] of a function of independent coordinates, from its coefficients.

The functions phi_alpha with the same degrees in u collapse onto one function of x_u; what is left
of each is the product of the means of its other factors. Of a single coordinate this is the main
effect plus the mean. O(m d) work and one evaluation in the smaller basis.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from .measures import Product
from .tensor_basis import TensorBasis

__all__ = ["conditional_mean"]

Array = npt.NDArray[Any]


def conditional_mean(
    basis: TensorBasis, coefficients: Array, coordinates: tuple[int, ...], x: Any
) -> Array:
    """E[f | x_u] at points x (n, |u|) of the coordinates u, in the order given."""
    u = list(coordinates)
    factors = np.ones(basis.dimension)
    for l, family in enumerate(basis.families):
        if l not in u:
            factors *= family.integrals(basis.degrees[l])[basis.indices[:, l]]
    live = factors != 0.0
    if not live.any():
        live[0] = True  # the conditional mean is 0; a basis has at least one function
    degrees, place = np.unique(basis.indices[live][:, u], axis=0, return_inverse=True)
    table = np.zeros((degrees.shape[0], *coefficients.shape[1:]), dtype=coefficients.dtype)
    np.add.at(table, place.ravel(), (coefficients[live].T * factors[live]).T)
    smaller = TensorBasis(
        Product([basis.families[l].measure for l in u]),
        degrees,
        families=[basis.families[l] for l in u],
    )
    values: Array = smaller.evaluate(x) @ table
    return values
