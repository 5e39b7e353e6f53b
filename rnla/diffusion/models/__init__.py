"""Models, wrappers around models, and models known in closed form."""

from __future__ import annotations

from ._prepare import PreparedModel, prepare
from .analytic import Empirical, Gaussian, GaussianMixture, LowRankGaussian
from .guidance import Guided
from .mean_shift import MeanShifted
from .preconditioning import Preconditioned
from .recording import Counted, Recorded
from .thresholding import Thresholded

__all__ = [
    "Counted",
    "Empirical",
    "Gaussian",
    "GaussianMixture",
    "Guided",
    "LowRankGaussian",
    "MeanShifted",
    "Preconditioned",
    "PreparedModel",
    "Recorded",
    "Thresholded",
    "prepare",
]
