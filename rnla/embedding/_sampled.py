"""What embeddings add to a sample: ``embedding @ A``, the rows reweighted for their norm."""

from __future__ import annotations

from typing import Any

from ..sampling.sampled import Sampled

__all__ = ["SampledForNorm"]


class SampledForNorm(Sampled):
    """Base of records with a `sample`, drawn for the norm `p`."""

    p: float

    def __matmul__(self, A: Any) -> Any:
        return self.sample.reweight(A, self.p)
