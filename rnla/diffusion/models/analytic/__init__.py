"""Distributions whose denoiser is known in closed form: models without a network."""

from __future__ import annotations

from .empirical import Empirical
from .gaussian import Gaussian
from .low_rank import LowRankGaussian
from .mixture import GaussianMixture

__all__ = ["Empirical", "Gaussian", "GaussianMixture", "LowRankGaussian"]
