"""Self-calibration: unknown sensor gains and unknown signals from bilinear measurements.

Three models, y_l = D A_l x, y_l = D A_l x_l and y_l = D A x_l with D = diag(gains), become linear
in the reciprocal gains and the signals (Ling and Strohmer, arXiv 1611.04196); no lifting.
"""

from __future__ import annotations

from .gap import PredictedErrors, predicted_correlation, predicted_errors
from .identifiability import Identifiability, check_identifiable, identifiability
from .operators import (
    DenseOperators,
    MaskedFourier,
    Operators,
    PartialFourier,
    PartialHadamard,
    SparseOperators,
    UserOperators,
    as_operators,
)
from .plan import MeasurementPlan, plan
from .problem import Problem
from .relative_error import relative_error
from .simulate import Simulation, simulate

__all__ = [
    "DenseOperators",
    "Identifiability",
    "MaskedFourier",
    "MeasurementPlan",
    "Operators",
    "PartialFourier",
    "PartialHadamard",
    "PredictedErrors",
    "Problem",
    "Simulation",
    "SparseOperators",
    "UserOperators",
    "as_operators",
    "check_identifiable",
    "identifiability",
    "plan",
    "predicted_correlation",
    "predicted_errors",
    "relative_error",
    "simulate",
]
