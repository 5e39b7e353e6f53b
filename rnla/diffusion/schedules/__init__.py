"""Noise schedules: alpha, sigma and the half log-SNR as functions of time."""

from __future__ import annotations

from ._base import Schedule
from .flow import Flow
from .mean_reverting import MeanReverting
from .mean_reverting_table import MeanRevertingTable
from .sub_vp import SubVP
from .tabulated import Tabulated
from .trig import Trig
from .variance_exploding import GeometricVE, VarianceExploding
from .vp_cosine import VPCosine
from .vp_linear import VPLinear

__all__ = [
    "Flow",
    "GeometricVE",
    "MeanReverting",
    "MeanRevertingTable",
    "Schedule",
    "SubVP",
    "Tabulated",
    "Trig",
    "VPCosine",
    "VPLinear",
    "VarianceExploding",
]
