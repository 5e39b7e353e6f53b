"""Stochastic interpolants: flows and diffusions between any two laws, and Schrödinger bridges.

Albergo, Boffi and Vanden-Eijnden (arXiv 2303.08797). Here t = 0 is where one starts and t = 1 is
data.
"""

from __future__ import annotations

from .divergence_bound import best_epsilon, divergence_bound
from .fields import Fields
from .gaussian_pair import GaussianPair
from .interpolant import Interpolant, diffusive, mirror, one_sided
from .losses import objective
from .mixture_pair import MixturePair
from .paths import (
    Constant,
    EncodingDecoding,
    Linear,
    NoLatent,
    Product,
    RootProduct,
    SigmoidDifference,
    SineSquared,
    Trigonometric,
)
from .scales import FlowScales, ScheduleScales
from .schrodinger_bridge import (
    BridgePath,
    entropic_cross_covariance,
    recover_bridge,
    schrodinger_bridge,
)
from .solve import InterpolantSample, inner_times, solve_ode, solve_sde

__all__ = [
    "BridgePath",
    "Constant",
    "EncodingDecoding",
    "Fields",
    "FlowScales",
    "GaussianPair",
    "Interpolant",
    "InterpolantSample",
    "Linear",
    "MixturePair",
    "NoLatent",
    "Product",
    "RootProduct",
    "ScheduleScales",
    "SigmoidDifference",
    "SineSquared",
    "Trigonometric",
    "best_epsilon",
    "diffusive",
    "divergence_bound",
    "entropic_cross_covariance",
    "inner_times",
    "mirror",
    "objective",
    "one_sided",
    "recover_bridge",
    "schrodinger_bridge",
    "solve_ode",
    "solve_sde",
]
