"""What records of reweighted rows for a loss offer: weights multiply losses, not rows."""

from __future__ import annotations

from typing import Any

from ..._result import FloatArray, IntArray
from ...sampling import RowSample

__all__ = ["Coreset"]


class Coreset:
    """Base of records with a `sample` whose weights belong to losses that are no powers.

    There is no ``coreset @ A`` as for embeddings: w f(r) is not f of any multiple of r. Pass the
    rows and the weights to a solver.
    """

    sample: RowSample

    @property
    def indices(self) -> IntArray:
        """Numbers of the rows kept, increasing."""
        return self.sample.indices

    @property
    def weights(self) -> FloatArray:
        """What the loss of each kept row counts for."""
        return self.sample.weights

    @property
    def size(self) -> int:
        """Number of rows kept."""
        return self.sample.size

    def __len__(self) -> int:
        return self.sample.size

    def take(self, A: Any) -> Any:
        """The kept rows of A, or entries of b, without weights."""
        return self.sample.take(A)
