"""What records of reweighted rows for a loss offer: weights multiply losses, not rows."""

from __future__ import annotations

from typing import Any

from ...sampling.sampled import Sampled

__all__ = ["Coreset"]


class Coreset(Sampled):
    """Base of records with a `sample` whose weights belong to losses that are no powers.

    There is no ``coreset @ A`` as for embeddings: w f(r) is not f of any multiple of r. Pass the
    rows and the weights to a solver.
    """

    def take(self, A: Any) -> Any:
        """The kept rows of A, or entries of b, without weights."""
        return self.sample.take(A)
