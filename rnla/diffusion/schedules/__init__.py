"""Noise schedules: alpha, sigma and the half log-SNR as functions of time."""

from __future__ import annotations

from ._base import Schedule
from .vp_linear import VPLinear

__all__ = ["Schedule", "VPLinear"]
