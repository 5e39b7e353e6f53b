"""Randomized numerical linear algebra that a practitioner can trust.

`rnla.lp_subspace_embedding(A, p)` picks and reweights the few rows of a tall matrix that preserve
||Ax||_p for every x, and certifies the choice. Names load on first use, so importing is cheap.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

__version__ = "0.1.0"

_EXPORTS = {
    "Certificate": "certify",
    "certify_embedding": "certify",
    "Embedding": "embedding",
    "OnlineEmbedding": "embedding",
    "StreamEmbedding": "embedding",
    "lp_subspace_embedding": "embedding",
    "LeastSquaresFit": "regression",
    "QuantileFit": "regression",
    "RidgePath": "regression",
    "LpFit": "regression",
    "lp_regression": "regression",
    "ActiveFit": "regression",
    "active_lp_regression": "regression",
    "lstsq": "regression",
    "quantile_regression": "regression",
    "ridge": "regression",
    "RowSample": "sampling",
    "sample_rows": "sampling",
    "sampling_probabilities": "sampling",
    "LewisWeights": "scores",
    "Scores": "scores",
    "Sensitivities": "scores",
    "leverage_scores": "scores",
    "lewis_weights": "scores",
    "lp_sensitivities": "scores",
    "max_sensitivity": "scores",
    "ridge_leverage_scores": "scores",
    "root_leverage_scores": "scores",
    "total_sensitivity": "scores",
    "HuberFit": "regression",
    "LogisticCoreset": "regression",
    "LogisticFit": "regression",
    "MuComplexity": "regression",
    "huber_regression": "regression",
    "logistic_coreset": "regression",
    "logistic_regression": "regression",
    "mu_complexity": "regression",
    "WeightedFit": "approximation",
    "approximate": "approximation",
    "weighted_least_squares": "approximation",
    "Calibration": "calibration",
    "calibrate": "calibration",
    "TallMatrix": "tall",
    "as_tall": "tall",
    "resolve_seed": "random",
    "Status": "_result",
    "ArgumentError": "_errors",
    "ArgumentTypeError": "_errors",
    "ConvergenceError": "_errors",
    "DamagedFileError": "_errors",
    "MissingPackageError": "_errors",
    "RnlaError": "_errors",
}
_MODULES = [
    "approximation",
    "bounds",
    "calibration",
    "diffusion",
    "dpp",
    "plotting",
    "random",
    "sketch",
    "sklearn",
]

if TYPE_CHECKING:
    from . import approximation as approximation
    from . import bounds as bounds
    from . import calibration as calibration
    from . import diffusion as diffusion
    from . import dpp as dpp
    from . import plotting as plotting
    from . import random as random
    from . import sketch as sketch
    from . import sklearn as sklearn
    from ._errors import ArgumentError as ArgumentError
    from ._errors import ArgumentTypeError as ArgumentTypeError
    from ._errors import ConvergenceError as ConvergenceError
    from ._errors import DamagedFileError as DamagedFileError
    from ._errors import MissingPackageError as MissingPackageError
    from ._errors import RnlaError as RnlaError
    from ._result import Status as Status
    from .approximation import WeightedFit as WeightedFit
    from .approximation import approximate as approximate
    from .approximation import weighted_least_squares as weighted_least_squares
    from .calibration import Calibration as Calibration
    from .calibration import calibrate as calibrate
    from .certify import Certificate as Certificate
    from .certify import certify_embedding as certify_embedding
    from .embedding import Embedding as Embedding
    from .embedding import OnlineEmbedding as OnlineEmbedding
    from .embedding import StreamEmbedding as StreamEmbedding
    from .embedding import lp_subspace_embedding as lp_subspace_embedding
    from .random import resolve_seed as resolve_seed
    from .regression import ActiveFit as ActiveFit
    from .regression import HuberFit as HuberFit
    from .regression import LeastSquaresFit as LeastSquaresFit
    from .regression import LogisticCoreset as LogisticCoreset
    from .regression import LogisticFit as LogisticFit
    from .regression import LpFit as LpFit
    from .regression import MuComplexity as MuComplexity
    from .regression import QuantileFit as QuantileFit
    from .regression import RidgePath as RidgePath
    from .regression import active_lp_regression as active_lp_regression
    from .regression import huber_regression as huber_regression
    from .regression import logistic_coreset as logistic_coreset
    from .regression import logistic_regression as logistic_regression
    from .regression import lp_regression as lp_regression
    from .regression import lstsq as lstsq
    from .regression import mu_complexity as mu_complexity
    from .regression import quantile_regression as quantile_regression
    from .regression import ridge as ridge
    from .sampling import RowSample as RowSample
    from .sampling import sample_rows as sample_rows
    from .sampling import sampling_probabilities as sampling_probabilities
    from .scores import LewisWeights as LewisWeights
    from .scores import Scores as Scores
    from .scores import Sensitivities as Sensitivities
    from .scores import leverage_scores as leverage_scores
    from .scores import lewis_weights as lewis_weights
    from .scores import lp_sensitivities as lp_sensitivities
    from .scores import max_sensitivity as max_sensitivity
    from .scores import ridge_leverage_scores as ridge_leverage_scores
    from .scores import root_leverage_scores as root_leverage_scores
    from .scores import total_sensitivity as total_sensitivity
    from .tall import TallMatrix as TallMatrix
    from .tall import as_tall as as_tall

__all__ = sorted([*_EXPORTS, *_MODULES, "__version__"])


def __getattr__(name: str) -> Any:
    if name in _MODULES:
        return importlib.import_module(f".{name}", __name__)
    if name in _EXPORTS:
        return getattr(importlib.import_module(f".{_EXPORTS[name]}", __name__), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    return __all__
