"""Self-calibration: unknown sensor gains and unknown signals from bilinear measurements.

Three models, y_l = D A_l x, y_l = D A_l x_l and y_l = D A x_l with D = diag(gains), become linear
in the reciprocal gains and the signals (Ling and Strohmer, arXiv 1611.04196); no lifting.
"""

from __future__ import annotations

from .affine import AffineCalibration, calibrate_affine
from .canonical_correlation import CanonicalCorrelation, canonical_correlation
from .gap import PredictedErrors, predicted_correlation, predicted_errors
from .identifiability import Identifiability, check_identifiable, identifiability
from .interferometer import InterferometerGains, gains_from_model
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
from .simulate_affine import AffineSimulation, simulate_affine
from .simulate_interferometer import InterferometerSimulation, simulate_interferometer

__all__ = [
    "AffineCalibration",
    "AffineSimulation",
    "CanonicalCorrelation",
    "DenseOperators",
    "Identifiability",
    "InterferometerGains",
    "InterferometerSimulation",
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
    "calibrate_affine",
    "canonical_correlation",
    "check_identifiable",
    "gains_from_model",
    "identifiability",
    "plan",
    "predicted_correlation",
    "predicted_errors",
    "relative_error",
    "simulate",
    "simulate_affine",
    "simulate_interferometer",
]
