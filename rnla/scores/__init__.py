"""Row scores: one n-vector each, with the decisions behind it."""

from __future__ import annotations

from ._lewis_record import LewisWeights
from ._record import Scores
from .leverage import leverage_scores
from .lewis import lewis_weights
from .online import OnlineScores, online_scores
from .ridge_leverage import ridge_leverage_scores
from .root_leverage import root_leverage_scores

__all__ = [
    "LewisWeights",
    "OnlineScores",
    "Scores",
    "leverage_scores",
    "lewis_weights",
    "online_scores",
    "ridge_leverage_scores",
    "root_leverage_scores",
]
