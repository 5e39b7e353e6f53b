"""Regression in the l_p norm: on a reweighted sample, and with labels that have to be asked for."""

from __future__ import annotations

from ._record import LpFit
from .active import ActiveFit, active_lp_regression
from .coresets.logistic_coreset import LogisticCoreset, logistic_coreset
from .coresets.lp_coreset import CoresetFit
from .coresets.m_estimator_coreset import MEstimatorCoreset, m_estimator_coreset
from .huber_regression import HuberFit, huber_regression
from .least_squares.ridge_path import RidgePath
from .logistic_regression import LogisticFit, logistic_regression
from .lp_regression import lp_regression
from .lstsq import LeastSquaresFit, lstsq
from .mu_complexity import MuComplexity, mu_complexity
from .quantile_regression import QuantileFit, quantile_regression
from .ridge import ridge
from .smooth.losses import Huber, Logistic, Power

__all__ = [
    "ActiveFit",
    "CoresetFit",
    "Huber",
    "HuberFit",
    "LeastSquaresFit",
    "Logistic",
    "LogisticCoreset",
    "LogisticFit",
    "LpFit",
    "MEstimatorCoreset",
    "MuComplexity",
    "Power",
    "QuantileFit",
    "RidgePath",
    "active_lp_regression",
    "huber_regression",
    "logistic_coreset",
    "logistic_regression",
    "lp_regression",
    "lstsq",
    "m_estimator_coreset",
    "mu_complexity",
    "quantile_regression",
    "ridge",
]
