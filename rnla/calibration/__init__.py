"""Self-calibration: unknown sensor gains and unknown signals from bilinear measurements.

Three models, y_l = D A_l x, y_l = D A_l x_l and y_l = D A x_l with D = diag(gains), become linear
in the reciprocal gains and the signals (Ling and Strohmer, arXiv 1611.04196); no lifting.
"""

from __future__ import annotations

from ._record import Calibration
from .affine import AffineCalibration, calibrate_affine
from .canonical_correlation import CanonicalCorrelation, canonical_correlation
from .correlation_spectrum import correlation_spectrum
from .cramer_rao import CramerRao, cramer_rao
from .elimination import Elimination, elimination
from .flags import SensorFlag, sensor_flags
from .gap import PredictedErrors, predicted_correlation, predicted_errors
from .identifiability import Identifiability, check_identifiable, identifiability
from .interferometer import InterferometerGains, gains_from_model
from .linear_least_squares import LinearLeastSquares, linear_least_squares
from .measurement_parts import measurement_parts
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
from .partitioned import PartitionedCalibration, calibrate_partitioned
from .plan import MeasurementPlan, plan
from .polish import Polished, gain_step, polish
from .problem import Problem
from .relative_error import relative_error
from .reweighting import Reweighted, reweighting
from .robust import RobustPolished, robust_polish, without_spikes
from .self_calibration import calibrate
from .simulate import Simulation, simulate
from .simulate_affine import AffineSimulation, simulate_affine
from .simulate_imaging import (
    MaskedFrames,
    phantom,
    simulate_coil_maps,
    simulate_masked_frames,
)
from .simulate_interferometer import InterferometerSimulation, simulate_interferometer
from .sparse_inputs import SparseCalibration, calibrate_sparse
from .spectral import Spectral, spectral

__all__ = [
    "AffineCalibration",
    "AffineSimulation",
    "Calibration",
    "CanonicalCorrelation",
    "CramerRao",
    "DenseOperators",
    "Elimination",
    "Identifiability",
    "InterferometerGains",
    "InterferometerSimulation",
    "LinearLeastSquares",
    "MaskedFourier",
    "MaskedFrames",
    "MeasurementPlan",
    "Operators",
    "PartialFourier",
    "PartialHadamard",
    "PartitionedCalibration",
    "Polished",
    "PredictedErrors",
    "Problem",
    "Reweighted",
    "RobustPolished",
    "SensorFlag",
    "Simulation",
    "SparseCalibration",
    "SparseOperators",
    "Spectral",
    "UserOperators",
    "as_operators",
    "calibrate",
    "calibrate_affine",
    "calibrate_partitioned",
    "calibrate_sparse",
    "canonical_correlation",
    "check_identifiable",
    "correlation_spectrum",
    "cramer_rao",
    "elimination",
    "gain_step",
    "gains_from_model",
    "identifiability",
    "linear_least_squares",
    "measurement_parts",
    "phantom",
    "plan",
    "polish",
    "predicted_correlation",
    "predicted_errors",
    "relative_error",
    "reweighting",
    "robust_polish",
    "sensor_flags",
    "simulate",
    "simulate_affine",
    "simulate_coil_maps",
    "simulate_interferometer",
    "simulate_masked_frames",
    "spectral",
    "without_spikes",
]
