"""Weighted least-squares approximation of functions whose evaluations are dear.

Measures say where a function lives; index sets and `TensorBasis` make a space of functions that is
orthonormal for a measure; designs pick the points at which to evaluate.
"""

from __future__ import annotations

from .approximate import approximate
from .b_splines import BSplines
from .designs import (
    Design,
    boosted_design,
    classical_dpp_design,
    conditioned_design,
    continuous_volume_design,
    determinantal_rejection_design,
    greedy_design,
    iid_design,
    nested_design,
    projection_dpp_design,
    repeated_dpp_design,
    tensor_dpp_design,
    volume_design,
)
from .family import OrthonormalFamily
from .fourier import Fourier
from .index_sets import (
    anisotropic,
    as_index_set,
    hyperbolic_cross,
    is_downward_closed,
    reduced_margin,
    tensor_product,
    total_degree,
)
from .kernel_projection import KernelProjection, kernel_projection
from .measures import (
    Chebyshev,
    Discrete,
    Exponential,
    Gamma,
    Gaussian,
    Jacobi,
    Measure,
    Product,
    Uniform,
    UnivariateMeasure,
)
from .numerical import NumericalBasis
from .nystrom import NystromFeatures
from .orthogonal_polynomials import OrthogonalPolynomials
from .piecewise import Haar, PiecewiseLegendre
from .sobol import SobolIndices, sobol_indices
from .surrogate import Failure, Round, Surrogate
from .tensor_basis import TensorBasis
from .weighted_fit import WeightedFit
from .weighted_least_squares import weighted_least_squares

__all__ = [
    "BSplines",
    "Chebyshev",
    "Design",
    "Discrete",
    "Exponential",
    "Failure",
    "Fourier",
    "Gamma",
    "Gaussian",
    "Haar",
    "Jacobi",
    "KernelProjection",
    "Measure",
    "NumericalBasis",
    "NystromFeatures",
    "OrthogonalPolynomials",
    "OrthonormalFamily",
    "PiecewiseLegendre",
    "Product",
    "Round",
    "SobolIndices",
    "Surrogate",
    "TensorBasis",
    "Uniform",
    "UnivariateMeasure",
    "WeightedFit",
    "anisotropic",
    "approximate",
    "as_index_set",
    "boosted_design",
    "classical_dpp_design",
    "conditioned_design",
    "continuous_volume_design",
    "determinantal_rejection_design",
    "greedy_design",
    "hyperbolic_cross",
    "iid_design",
    "is_downward_closed",
    "kernel_projection",
    "nested_design",
    "projection_dpp_design",
    "reduced_margin",
    "repeated_dpp_design",
    "sobol_indices",
    "tensor_dpp_design",
    "tensor_product",
    "total_degree",
    "volume_design",
    "weighted_least_squares",
]
