"""The main job: choose and reweight few rows of a tall matrix, and say how good the choice is."""

from __future__ import annotations

from .embedding import lp_subspace_embedding
from .merge_reduce import MergedSample, MergeReduce, merge_and_reduce
from .result import Attempt, Embedding

__all__ = [
    "Attempt",
    "Embedding",
    "MergeReduce",
    "MergedSample",
    "lp_subspace_embedding",
    "merge_and_reduce",
]
