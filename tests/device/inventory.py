"""Every public name of the rooms that compute with rows, and whether it runs on a GPU.

`ON_DEVICE` and `REFUSED` hold a call each: a function and its arguments, of which NumPy arrays and
CSR matrices are brought to a GPU. `NO_ARRAYS` says why a name has nothing to bring. The page on
GPUs and the docstrings are checked against these tables, and so is what the functions do.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import scipy.sparse as sp

from rnla import (
    approximation,
    as_tall,
    calibration,
    certify,
    dpp,
    embedding,
    regression,
    sampling,
    scores,
    sketch,
)
from rnla.approximation import TensorBasis, Uniform, total_degree

__all__ = ["NO_ARRAYS", "ON_DEVICE", "REFUSED", "ROOMS", "Call"]

ROOMS = (
    *("scores", "sampling", "sketch", "embedding", "certify"),
    *("regression", "dpp", "approximation", "calibration"),
)


@dataclass(frozen=True)
class Call:
    """A function and what it is called with, small enough to run everywhere.

    `stays` names arguments that belong on the host, even if the others are on a GPU; `named` those
    that messages call something else.
    """

    function: Callable[..., Any]
    arguments: dict[str, Any]
    stays: tuple[str, ...] = ()
    named: tuple[tuple[str, str], ...] = ()

    @property
    def arrays(self) -> tuple[str, ...]:
        """Arguments that can be on a GPU."""
        return tuple(
            name
            for name, value in self.arguments.items()
            if (isinstance(value, np.ndarray) or sp.issparse(value)) and name not in self.stays
        )

    def __call__(self, put: Callable[[Any], Any], *names: str) -> Any:
        """The result with the arguments of these names, or all, brought there by `put`."""
        chosen = names or self.arrays
        return self.function(
            **{name: put(v) if name in chosen else v for name, v in self.arguments.items()}
        )


def _normal(*shape: int) -> Any:
    return np.random.default_rng(0).standard_normal(shape)


N = 60
A = _normal(N, 3)
B = A @ np.array([1.0, -1.0, 0.5]) + np.cos(np.arange(float(N)))
SIGNS = np.where(np.arange(N) % 3 == 0, 1.0, -1.0)
W = 1.0 + np.arange(N) % 2
SCORES = 1.0 + np.arange(N) % 5
Q = SCORES / SCORES.sum() * 12.0
SAMPLE = sampling.sample_rows(SCORES, 30, p=1, rng=0)
OTHER = sampling.sample_rows(SCORES, 30, p=1, rng=1)
SQUARE = 0.5 * np.eye(4)
LINE = TensorBasis(Uniform(), 3)
X = np.linspace(-0.9, 0.9, 12)
DESIGN = approximation.iid_design(LINE, 12, rng=0)
INDICES = total_degree(2, 2)
# Gains, signal and measurements of a calibration, and its data as they are passed on.
MAPS = _normal(4, 12, 5)
GAINS, SIGNAL = 1.0 + 0.1 * _normal(12), 1.0 + _normal(5)
Y = GAINS * (MAPS @ SIGNAL)
PROBLEM = calibration.Problem(Y, MAPS)
PICTURE = np.ones((4, 4)) + 0.1 * np.ones((4, 4))


def _at(function: Callable[..., Any], **arguments: Any) -> Call:
    return Call(function, arguments)


def _sketch(kind: Any, *, n: int = N, **options: Any) -> Call:
    def apply(A: Any, Y: Any) -> Any:
        S = kind(16, n, **options).draw(rng=0)
        return S @ A, S.T @ Y

    return _at(apply, A=A, Y=_normal(16, 2))


ON_DEVICE: dict[str, Call] = {
    "scores.leverage_scores": _at(scores.leverage_scores, A=A, rng=0),
    "scores.ridge_leverage_scores": _at(scores.ridge_leverage_scores, A=A, ridge=1.0, rng=0),
    "scores.root_leverage_scores": _at(scores.root_leverage_scores, A=A, p=1, rng=0),
    "scores.lewis_weights": _at(scores.lewis_weights, A=A, p=1, rng=0),
    "sampling.sampling_probabilities": _at(sampling.sampling_probabilities, scores=SCORES, size=9),
    "sampling.sample_rows": _at(
        sampling.sample_rows, probabilities_or_scores=SCORES, size=9, rng=0
    ),
    "sampling.poisson_sample": _at(sampling.poisson_sample, probabilities=Q, rng=0),
    "sampling.systematic_sample": _at(sampling.systematic_sample, probabilities=Q, rng=0),
    "sampling.ordered_pivotal_sample": _at(sampling.ordered_pivotal_sample, probabilities=Q, rng=0),
    "sampling.tree_pivotal_sample": _at(sampling.tree_pivotal_sample, probabilities=Q, rng=0),
    "sampling.priority_sample": _at(sampling.priority_sample, scores=SCORES, size=9, rng=0),
    "sampling.with_replacement_sample": _at(
        sampling.with_replacement_sample, scores=SCORES, size=9, rng=0
    ),
    "sampling.RowSample": _at(lambda A: (SAMPLE @ A, SAMPLE.take(A)), A=A),
    "sketch.hadamard_transform": _at(sketch.hadamard_transform, A=_normal(16, 3)),
    "sketch.CountSketch": _sketch(sketch.CountSketch),
    "sketch.SparseSign": _sketch(sketch.SparseSign),
    "sketch.LESS": _sketch(sketch.LESS, scores=SCORES),
    "sketch.Gaussian": _sketch(sketch.Gaussian),
    "sketch.Rademacher": _sketch(sketch.Rademacher),
    "sketch.Cauchy": _sketch(sketch.Cauchy),
    "sketch.PStable": _sketch(sketch.PStable, p=1.5),
    "sketch.ReciprocalExponential": _sketch(sketch.ReciprocalExponential, p=3),
    "sketch.SubsampledHadamard": _sketch(sketch.SubsampledHadamard),
    "sketch.SubsampledCosine": _sketch(sketch.SubsampledCosine),
    "sketch.TensorSketch": _at(lambda A: sketch.TensorSketch(16, n=(12, 5)).draw(rng=0) @ A, A=A),
    "sketch.RowSampling": _at(lambda A: sketch.RowSampling(SAMPLE) @ A, A=A),
    "embedding.lp_subspace_embedding": _at(
        embedding.lp_subspace_embedding, A=A, p=1, size=30, rng=0
    ),
    "certify.certify_embedding": _at(
        certify.certify_embedding, A=A, sample=SAMPLE, p=1, starts=2, rng=0
    ),
    "certify.split_test": _at(
        certify.split_test, A=A, first=SAMPLE, second=OTHER, p=1, starts=2, rng=0
    ),
    "regression.ridge": _at(regression.ridge, A=A, b=B, weights=W, rng=0),
    "regression.lstsq": _at(regression.lstsq, A=A, b=B, weights=W, rng=0),
    "regression.huber_regression": _at(
        regression.huber_regression, A=A, b=B, threshold=1.0, weights=W
    ),
    "regression.logistic_regression": _at(regression.logistic_regression, A=A, y=SIGNS, weights=W),
    "regression.lp_regression": _at(regression.lp_regression, A=A, b=B, p=1.5, weights=W),
    "regression.Huber": _at(lambda r: regression.Huber(1.0).expand(r), r=B),
    "regression.Logistic": _at(lambda r: regression.Logistic().expand(r), r=B),
    "regression.Power": _at(lambda r: regression.Power(3.0).expand(r), r=B),
    "dpp.ground_set": _at(
        lambda A, weights: dpp.ground_set(A, weights=weights).leverage, A=A, weights=W
    ),
    "dpp.projection_dpp": _at(dpp.projection_dpp, A=A, weights=W, draws=2, rng=0),
    "dpp.volume_sample": _at(dpp.volume_sample, A=A, size=5, weights=W, draws=2, rng=0),
    # Arrays of the host have their singular vectors taken, a matrix of passes has not.
    "dpp.k_dpp": _at(lambda factor: dpp.k_dpp(factor=as_tall(factor), k=2, rng=0), factor=A),
    "dpp.l_ensemble": _at(lambda factor: dpp.l_ensemble(factor=as_tall(factor), rng=0), factor=A),
    "dpp.k_dpp_inclusion_probabilities": _at(dpp.k_dpp_inclusion_probabilities, factor=A, k=2),
    "dpp.marginal_kernel": _at(dpp.marginal_kernel, factor=A),
    "approximation.TensorBasis": _at(lambda x: (LINE.evaluate(x), LINE.christoffel(x)), x=X),
    "approximation.OrthogonalPolynomials": _at(
        lambda x: approximation.OrthogonalPolynomials(Uniform()).evaluate(x, 3), x=X
    ),
    "approximation.WeightedFit": _at(
        lambda x: approximation.weighted_least_squares(LINE, DESIGN, X)(x), x=X
    ),
    "approximation.Surrogate": _at(
        lambda x: approximation.approximate(lambda x: np.sin(x[:, 0]), Uniform(), budget=12, rng=0)(
            x
        ),
        x=X,
    ),
}

REFUSED: dict[str, Call] = {
    "scores.lp_sensitivities": _at(scores.lp_sensitivities, A=A, p=1, method="bounds"),
    "scores.max_sensitivity": _at(scores.max_sensitivity, A=A, p=1, solves=3, rng=0),
    "scores.total_sensitivity": _at(scores.total_sensitivity, A=A, p=1, solves=3, rng=0),
    "scores.online_scores": _at(scores.online_scores, A=A),
    "scores.OnlineScores": _at(lambda block: scores.OnlineScores(2.0, 3).update(block), block=A),
    "sampling.flattening_recursion": _at(
        sampling.flattening_recursion, sensitivities=SCORES / 100.0, size=9, rng=0
    ),
    "sampling.root_leverage_recursion": _at(
        sampling.root_leverage_recursion,
        A=A,
        p=1,
        leverage=lambda A: scores.leverage_scores(A).values,
        rng=0,
    ),
    "sampling.spatial_order": _at(sampling.spatial_order, coordinates=A),
    "embedding.merge_and_reduce": _at(
        lambda A: embedding.merge_and_reduce([A], 1, size=20, rng=0), A=A
    ),
    "embedding.MergeReduce": _at(lambda A: embedding.MergeReduce(1, size=20, rng=0).update(A), A=A),
    "embedding.OnlineEmbedding": _at(
        lambda A: embedding.OnlineEmbedding(1, size=20, rng=0).partial_fit(A), A=A
    ),
    "regression.quantile_regression": _at(
        regression.quantile_regression, A=A, b=B, q=0.5, weights=W
    ),
    "regression.mu_complexity": _at(regression.mu_complexity, A=A, y=SIGNS, weights=W),
    "regression.logistic_coreset": _at(
        regression.logistic_coreset, A=A, y=SIGNS, weights=W, mu=2.0, size=40, rng=0
    ),
    "regression.m_estimator_coreset": _at(
        regression.m_estimator_coreset, A=A, b=B, weights=W, size=40, rng=0
    ),
    "regression.active_lp_regression": _at(
        regression.active_lp_regression, A=A, query=lambda i: B[i], weights=W, size=40, rng=0
    ),
    "dpp.dpp_lu": _at(dpp.dpp_lu, K=SQUARE, rng=0),
    "dpp.likelihood_kernel": _at(dpp.likelihood_kernel, K=SQUARE),
    "dpp.mcmc_k_dpp": _at(dpp.mcmc_k_dpp, L=SQUARE, k=2, rng=0),
    "dpp.greedy_elimination": _at(dpp.greedy_elimination, A=A, size=9, whiten=True),
    # A fit or a design works on records of the host; what can be on a GPU are points and values.
    "approximation.weighted_least_squares": _at(
        approximation.weighted_least_squares, basis=LINE, design=DESIGN, values=X
    ),
    "approximation.as_index_set": _at(approximation.as_index_set, indices=INDICES),
    "approximation.anisotropic": _at(approximation.anisotropic, weights=np.ones(2), level=2.0),
    "approximation.is_downward_closed": _at(approximation.is_downward_closed, indices=INDICES),
    "approximation.reduced_margin": _at(approximation.reduced_margin, indices=INDICES),
    "approximation.sobol_indices": _at(
        approximation.sobol_indices, basis=LINE, coefficients=np.ones(4)
    ),
    "approximation.kernel_projection": _at(
        approximation.kernel_projection,
        kernel=lambda x, y: LINE.evaluate(x) @ LINE.evaluate(y).T,
        functions=lambda x: LINE.evaluate(x)[:, :2],
        points=X[:, None],
        values=X,
    ),
    "approximation.NystromFeatures": _at(
        approximation.NystromFeatures,
        kernel=lambda x, y: np.exp(-((x - y.T) ** 2)),
        landmarks=X[:, None],
    ),
    "approximation.continuous_volume_design": _at(
        approximation.continuous_volume_design,
        basis=LINE,
        eigenvalues=np.ones(4),
        n=3,
        rng=0,
    ),
    "approximation.NumericalBasis": _at(
        lambda x: approximation.NumericalBasis(
            lambda x: np.hstack([np.ones_like(x), x]), Uniform(), size=200, rng=0
        ).evaluate(x),
        x=X,
    ),
    "approximation.BSplines": _at(
        lambda breaks: approximation.BSplines(Uniform(), breaks), breaks=np.linspace(-0.5, 0.5, 4)
    ),
    "approximation.Fourier": _at(
        lambda x: approximation.Fourier(Uniform(0.0, 1.0)).evaluate(x, 3), x=np.abs(X)
    ),
    "approximation.Haar": _at(lambda x: approximation.Haar(Uniform()).evaluate(x, 3), x=X),
    "approximation.PiecewiseLegendre": _at(
        lambda x: approximation.PiecewiseLegendre(Uniform(), 4).evaluate(x, 3), x=X
    ),
    "approximation.Discrete": _at(approximation.Discrete, points=X, weights=np.ones(12)),
    **{
        f"approximation.{kind.__name__}": _at(kind(*given).pdf, x=x)
        for kind, given, x in (
            (approximation.Uniform, (), X),
            (approximation.Chebyshev, (), X),
            (approximation.Jacobi, (1.0, 1.0), X),
            (approximation.Gaussian, (), X),
            (approximation.Gamma, (2.0,), X),
            (approximation.Exponential, (), X),
        )
    },
    "approximation.Product": _at(
        lambda x: approximation.Product([Uniform(), Uniform()]).contains(x), x=A[:, :2].copy()
    ),
    # A calibration runs on the host; its kernels have CUDA twins.
    "calibration.Problem": _at(
        calibration.Problem,
        Y=Y,
        operators=MAPS,
        weights=np.ones(12),
        gain_basis=np.ones((12, 1)),
    ),
    "calibration.calibrate": _at(
        calibration.calibrate, Y=Y, operators=MAPS, weights=np.ones(12), gain_basis=np.eye(12, 3)
    ),
    "calibration.calibrate_affine": _at(
        calibration.calibrate_affine, Y=_normal(9, 6), basis=_normal(6, 2), weights=np.ones(6)
    ),
    "calibration.calibrate_sparse": _at(
        calibration.calibrate_sparse, Y=Y, operators=MAPS, max_iter=20
    ),
    "calibration.calibrate_partitioned": _at(
        lambda Y, A: calibration.calibrate_partitioned([(Y, A)], max_iter=50), Y=Y, A=MAPS
    ),
    "calibration.measurement_parts": _at(
        calibration.measurement_parts, Y=Y, operators=MAPS, weights=np.ones((4, 12)), count=2
    ),
    "calibration.canonical_correlation": _at(
        calibration.canonical_correlation, problem=PROBLEM, start=np.ones(12)
    ),
    "calibration.cramer_rao": _at(
        calibration.cramer_rao, problem=PROBLEM, gains=GAINS, signal=SIGNAL, noise=0.1
    ),
    "calibration.polish": _at(
        calibration.polish, problem=PROBLEM, gains=GAINS, signal=SIGNAL, max_sweeps=2
    ),
    "calibration.robust_polish": _at(
        calibration.robust_polish, problem=PROBLEM, gains=GAINS, signal=SIGNAL, rounds=2
    ),
    "calibration.gain_step": _at(calibration.gain_step, problem=PROBLEM, signal=SIGNAL),
    "calibration.gains_from_model": _at(
        calibration.gains_from_model,
        V=PICTURE,
        M=np.ones((4, 4)),
        weights=np.ones((4, 4)),
        flagged=np.zeros(4, dtype=bool),
        start=np.ones(4),
    ),
    "calibration.relative_error": _at(calibration.relative_error, estimate=GAINS, truth=GAINS),
    "calibration.predicted_errors": _at(
        calibration.predicted_errors, model="repeated", m=12, n=4, p=5, snr=10.0, gains=GAINS
    ),
    "calibration.plan": _at(
        calibration.plan, model="repeated", m=12, n=4, snr=10.0, target_error=0.1, gains=GAINS
    ),
    "calibration.simulate": _at(
        calibration.simulate, model="repeated", m=12, n=4, p=5, gains=GAINS, rng=0
    ),
    "calibration.as_operators": _at(calibration.as_operators, operators=MAPS),
    "calibration.DenseOperators": _at(calibration.DenseOperators, A=MAPS),
    "calibration.PartialFourier": _at(
        lambda signs: calibration.PartialFourier(12, signs), signs=np.ones((4, 5))
    ),
    "calibration.PartialHadamard": _at(
        lambda signs: calibration.PartialHadamard(16, signs), signs=np.ones((4, 5))
    ),
    "calibration.MaskedFourier": _at(calibration.MaskedFourier, masks=np.ones((4, 3, 3))),
    "calibration.SparseOperators": _at(
        calibration.SparseOperators, matrices=sp.csr_array(np.eye(4))
    ),
    "calibration.Operators": _at(
        lambda X: calibration.DenseOperators(MAPS).apply(X), X=_normal(4, 5)
    ),
}

_RECORD = "a record of results, made by a function of this table"
_PROBLEM = "takes a Problem, whose arrays are on the host"
_BASIS = "takes a basis and designs, and draws on the host"
_NUMBERS = "takes numbers alone"
_CALLS = "calls a function with points of the host"
_LAW = "a base class, or a distribution that is given by numbers"

NO_ARRAYS: dict[str, str] = {
    f"{room}.{name}": why
    for why, rooms in {
        _RECORD: {
            "scores": "LewisWeights MaxSensitivity Scores Sensitivities TotalSensitivity",
            "sampling": "RecursiveSample merge_samples",
            "sketch": "SketchSize",
            "embedding": "Attempt Embedding MergedSample StreamEmbedding",
            "certify": "Certificate SplitTest TierResult Witnesses",
            "regression": """ActiveFit CoresetFit HuberFit LeastSquaresFit LogisticCoreset
                LogisticFit LpFit MEstimatorCoreset MuComplexity QuantileFit RidgePath""",
            "dpp": "DppSample GreedyElimination GroundSet",
            "approximation": "Design Failure KernelProjection Round SobolIndices",
            "calibration": """AffineCalibration AffineSimulation Calibration CanonicalCorrelation
                CramerRao Elimination Identifiability InterferometerGains InterferometerSimulation
                LinearLeastSquares MaskedFrames MeasurementPlan PartitionedCalibration Polished
                PredictedErrors Reweighted RobustPolished SensorFlag Simulation SparseCalibration
                Spectral""",
        },
        _LAW: {
            "sketch": "Adjoint Distribution Operator SparseSignOperator",
            "approximation": "Measure OrthonormalFamily UnivariateMeasure",
        },
        _CALLS: {"approximation": "approximate"},
        _NUMBERS: {
            "sketch": "estimate_size size_for",
            "dpp": "exchange_steps",
            "approximation": "hyperbolic_cross tensor_product total_degree",
            "calibration": """identifiability phantom predicted_correlation simulate_affine
                simulate_coil_maps simulate_interferometer simulate_masked_frames""",
        },
        _BASIS: {
            "approximation": """boosted_design classical_dpp_design conditioned_design
                determinantal_rejection_design greedy_design iid_design nested_design
                projection_dpp_design repeated_dpp_design tensor_dpp_design volume_design""",
        },
        _PROBLEM: {
            "calibration": """UserOperators check_identifiable correlation_spectrum elimination
                linear_least_squares reweighting sensor_flags spectral without_spikes""",
        },
    }.items()
    for room, names in rooms.items()
    for name in names.split()
}
NO_ARRAYS["sampling.DESIGNS"] = "a list of names"
