"""Row scores: one n-vector each, with the decisions behind it."""

from __future__ import annotations

from ._lewis_record import LewisWeights
from ._record import Scores
from ._sensitivity_record import Sensitivities
from .leverage import leverage_scores
from .lewis import lewis_weights
from .max_sensitivity import MaxSensitivity, max_sensitivity
from .online import OnlineScores
from .online_whole import online_scores
from .ridge_leverage import ridge_leverage_scores
from .root_leverage import root_leverage_scores
from .sensitivities import lp_sensitivities
from .total_sensitivity import TotalSensitivity, total_sensitivity

__all__ = [
    "LewisWeights",
    "MaxSensitivity",
    "OnlineScores",
    "Scores",
    "Sensitivities",
    "TotalSensitivity",
    "leverage_scores",
    "lewis_weights",
    "lp_sensitivities",
    "max_sensitivity",
    "online_scores",
    "ridge_leverage_scores",
    "root_leverage_scores",
    "total_sensitivity",
]
