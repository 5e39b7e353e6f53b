"""Row scores: one n-vector each, with the decisions behind it."""

from __future__ import annotations

from ._record import Scores
from .leverage import leverage_scores

__all__ = ["Scores", "leverage_scores"]
