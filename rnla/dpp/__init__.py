"""Determinantal point processes and volume sampling on finite ground sets."""

from __future__ import annotations

from ._record import DppSample
from .projection_dpp import projection_dpp

__all__ = ["DppSample", "projection_dpp"]
