"""Models, wrappers around models, and models known in closed form."""

from __future__ import annotations

from ._prepare import PreparedModel, prepare
from .analytic import Gaussian, GaussianMixture

__all__ = ["Gaussian", "GaussianMixture", "PreparedModel", "prepare"]
