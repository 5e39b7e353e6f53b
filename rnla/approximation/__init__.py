"""Weighted least-squares approximation of functions whose evaluations are dear.

Measures say where a function lives; index sets and `TensorBasis` make a space of functions that is
orthonormal for a measure; designs pick the points at which to evaluate.
"""

from __future__ import annotations

from .family import OrthonormalFamily
from .index_sets import (
    anisotropic,
    as_index_set,
    hyperbolic_cross,
    is_downward_closed,
    tensor_product,
    total_degree,
)
from .measures import (
    Chebyshev,
    Exponential,
    Gamma,
    Gaussian,
    Jacobi,
    Measure,
    Product,
    Uniform,
    UnivariateMeasure,
)
from .orthogonal_polynomials import OrthogonalPolynomials
from .tensor_basis import TensorBasis

__all__ = [
    "Chebyshev",
    "Exponential",
    "Gamma",
    "Gaussian",
    "Jacobi",
    "Measure",
    "OrthogonalPolynomials",
    "OrthonormalFamily",
    "Product",
    "TensorBasis",
    "Uniform",
    "UnivariateMeasure",
    "anisotropic",
    "as_index_set",
    "hyperbolic_cross",
    "is_downward_closed",
    "tensor_product",
    "total_degree",
]
