"""Probability measures: where functions live and averages are taken."""

from __future__ import annotations

from ._base import Array, ClassicalMeasure, Measure, UnivariateMeasure, as_floats, check_points
from ._interval import Chebyshev, Jacobi, Uniform
from .discrete import Discrete, DiscreteLine
from .gamma import Exponential, Gamma
from .gaussian import Gaussian
from .product import Product

__all__ = [
    "Array",
    "Chebyshev",
    "ClassicalMeasure",
    "Discrete",
    "DiscreteLine",
    "Exponential",
    "Gamma",
    "Gaussian",
    "Jacobi",
    "Measure",
    "Product",
    "Uniform",
    "UnivariateMeasure",
    "as_floats",
    "check_points",
]
