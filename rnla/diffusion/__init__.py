"""Diffusion and flow models sampled by compiled plans.

On a prescribed grid a sampler is linear in the state, the model's outputs and the noise, so every
solver here compiles to a table of float64 coefficients, and one short executor runs them all.
Names load on first use.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

_EXPORTS = {
    "Comparison": "comparison",
    "compare": "comparison",
    "Grid": "grids",
    "make_grid": "grids",
    "BrownianNoise": "noise",
    "FixedNoise": "noise",
    "SeededNoise": "noise",
    "ZeroNoise": "noise",
    "Level": "plan",
    "Plan": "plan",
    "State": "execute",
    "Prediction": "prediction",
    "convert": "prediction",
    "Sample": "sampling",
    "sample": "sampling",
    "start_from_data": "start",
    "start_from_noise": "start",
    "trajectory": "sampling",
    "prepare": "models",
    "Gaussian": "models",
    "GaussianMixture": "models",
    "Counted": "models",
    "Empirical": "models",
    "Guided": "models",
    "LowRankGaussian": "models",
    "MeanShifted": "models",
    "Preconditioned": "models",
    "Recorded": "models",
    "Thresholded": "models",
    "Schedule": "schedules",
    "Flow": "schedules",
    "GeometricVE": "schedules",
    "MeanReverting": "schedules",
    "MeanRevertingTable": "schedules",
    "SubVP": "schedules",
    "Tabulated": "schedules",
    "Trig": "schedules",
    "VPCosine": "schedules",
    "VarianceExploding": "schedules",
    "VPLinear": "schedules",
    "Solver": "solvers",
    "get_solver": "solvers",
    "register": "solvers",
    "solver_aliases": "solvers",
    "solver_names": "solvers",
    "CompensationSearch": "compensation_search",
    "search_compensation": "compensation_search",
    "RatioRegression": "ratio_regression",
    "fit_ratios": "ratio_regression",
    "dynamic_compensation": "transforms.dynamic_compensation",
    "Candidate": "solver_space",
    "SolverSpace": "solver_space",
    "SolverSearch": "solver_search",
    "ScorePredictor": "score_predictor",
    "evolutionary_search": "solver_search",
    "predictor_search": "solver_search",
    "endpoint_score": "solver_scores",
    "energy_score": "solver_scores",
    "energy_distance": "solver_scores",
    "usf_preset": "usf_presets",
    "ModelStatistics": "model_statistics",
    "estimate_statistics": "estimate_statistics",
    "StabilityRegion": "stability",
    "stability_region": "stability",
    "dual_fast": "transforms.dual_fast",
    "heavy_ball": "transforms.heavy_ball",
    "learn_coefficients": "learned",
    "BestNoise": "boundary",
    "best_of": "boundary",
    "FlowMap": "flow_maps",
    "FlowMapSample": "flow_maps",
    "mean_flow_target": "flow_maps",
    "mean_velocity": "flow_maps",
    "sample_flow_map": "flow_maps",
    "JacobianEstimate": "jacobian",
    "jacobian_diagonal": "jacobian",
    "jacobian_trace": "jacobian",
    "bound_weight": "loss_weights",
    "loss_factor": "loss_weights",
    "sample_mean_reverting": "mean_reverting",
    "change_path": "path_change",
    "PrincipalComponents": "randomized_pca",
    "principal_components": "randomized_pca",
    "Teleported": "teleportation",
    "teleport": "teleportation",
    "TimeShift": "time_shift",
    "data_variance": "time_shift",
    "noise_variance": "time_shift",
}

if TYPE_CHECKING:
    from .boundary import BestNoise as BestNoise
    from .boundary import best_of as best_of
    from .comparison import Comparison as Comparison
    from .comparison import compare as compare
    from .compensation_search import CompensationSearch as CompensationSearch
    from .compensation_search import search_compensation as search_compensation
    from .estimate_statistics import estimate_statistics as estimate_statistics
    from .execute import State as State
    from .flow_maps import FlowMap as FlowMap
    from .flow_maps import FlowMapSample as FlowMapSample
    from .flow_maps import mean_flow_target as mean_flow_target
    from .flow_maps import mean_velocity as mean_velocity
    from .flow_maps import sample_flow_map as sample_flow_map
    from .grids import Grid as Grid
    from .grids import make_grid as make_grid
    from .jacobian import JacobianEstimate as JacobianEstimate
    from .jacobian import jacobian_diagonal as jacobian_diagonal
    from .jacobian import jacobian_trace as jacobian_trace
    from .learned import learn_coefficients as learn_coefficients
    from .loss_weights import bound_weight as bound_weight
    from .loss_weights import loss_factor as loss_factor
    from .mean_reverting import sample_mean_reverting as sample_mean_reverting
    from .model_statistics import ModelStatistics as ModelStatistics
    from .models import Counted as Counted
    from .models import Empirical as Empirical
    from .models import Gaussian as Gaussian
    from .models import GaussianMixture as GaussianMixture
    from .models import Guided as Guided
    from .models import LowRankGaussian as LowRankGaussian
    from .models import MeanShifted as MeanShifted
    from .models import Preconditioned as Preconditioned
    from .models import Recorded as Recorded
    from .models import Thresholded as Thresholded
    from .models import prepare as prepare
    from .noise import BrownianNoise as BrownianNoise
    from .noise import FixedNoise as FixedNoise
    from .noise import SeededNoise as SeededNoise
    from .noise import ZeroNoise as ZeroNoise
    from .path_change import change_path as change_path
    from .plan import Level as Level
    from .plan import Plan as Plan
    from .prediction import Prediction as Prediction
    from .prediction import convert as convert
    from .randomized_pca import PrincipalComponents as PrincipalComponents
    from .randomized_pca import principal_components as principal_components
    from .ratio_regression import RatioRegression as RatioRegression
    from .ratio_regression import fit_ratios as fit_ratios
    from .sampling import Sample as Sample
    from .sampling import sample as sample
    from .sampling import trajectory as trajectory
    from .schedules import Flow as Flow
    from .schedules import GeometricVE as GeometricVE
    from .schedules import MeanReverting as MeanReverting
    from .schedules import MeanRevertingTable as MeanRevertingTable
    from .schedules import Schedule as Schedule
    from .schedules import SubVP as SubVP
    from .schedules import Tabulated as Tabulated
    from .schedules import Trig as Trig
    from .schedules import VarianceExploding as VarianceExploding
    from .schedules import VPCosine as VPCosine
    from .schedules import VPLinear as VPLinear
    from .score_predictor import ScorePredictor as ScorePredictor
    from .solver_scores import endpoint_score as endpoint_score
    from .solver_scores import energy_distance as energy_distance
    from .solver_scores import energy_score as energy_score
    from .solver_search import SolverSearch as SolverSearch
    from .solver_search import evolutionary_search as evolutionary_search
    from .solver_search import predictor_search as predictor_search
    from .solver_space import Candidate as Candidate
    from .solver_space import SolverSpace as SolverSpace
    from .solvers import Solver as Solver
    from .solvers import get_solver as get_solver
    from .solvers import register as register
    from .solvers import solver_aliases as solver_aliases
    from .solvers import solver_names as solver_names
    from .stability import StabilityRegion as StabilityRegion
    from .stability import stability_region as stability_region
    from .start import start_from_data as start_from_data
    from .start import start_from_noise as start_from_noise
    from .teleportation import Teleported as Teleported
    from .teleportation import teleport as teleport
    from .time_shift import TimeShift as TimeShift
    from .time_shift import data_variance as data_variance
    from .time_shift import noise_variance as noise_variance
    from .transforms.dual_fast import dual_fast as dual_fast
    from .transforms.dynamic_compensation import dynamic_compensation as dynamic_compensation
    from .transforms.heavy_ball import heavy_ball as heavy_ball
    from .usf_presets import usf_preset as usf_preset

__all__ = sorted(_EXPORTS)
_ROOMS = ("adapters", "interpolants", "models", "schedules", "solvers", "transforms")


def __getattr__(name: str) -> Any:
    if name in _ROOMS:
        return importlib.import_module(f".{name}", __name__)
    if name not in _EXPORTS:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = getattr(importlib.import_module(f".{_EXPORTS[name]}", __name__), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *_EXPORTS, *_ROOMS})
