"""The main job: choose and reweight few rows of a tall matrix, and say how good the choice is."""

from __future__ import annotations

from .embedding import lp_subspace_embedding
from .merge_reduce import MergedSample, MergeReduce, merge_and_reduce
from .online import OnlineEmbedding
from .result import Attempt, Embedding
from .stream_result import StreamEmbedding

__all__ = [
    "Attempt",
    "Embedding",
    "MergeReduce",
    "MergedSample",
    "OnlineEmbedding",
    "StreamEmbedding",
    "lp_subspace_embedding",
    "merge_and_reduce",
]
