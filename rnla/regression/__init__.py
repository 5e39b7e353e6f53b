"""Regression in the l_p norm: on a reweighted sample, and with labels that have to be asked for."""

from __future__ import annotations

from ._record import LpFit
from .active import ActiveFit, active_lp_regression
from .least_absolute_deviations import least_absolute_deviations

__all__ = ["ActiveFit", "LpFit", "active_lp_regression", "least_absolute_deviations"]
