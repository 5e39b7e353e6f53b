"""The main job: choose and reweight few rows of a tall matrix, and say how good the choice is."""

from __future__ import annotations

from .embedding import lp_subspace_embedding
from .result import Attempt, Embedding

__all__ = ["Attempt", "Embedding", "lp_subspace_embedding"]
