"""What every record around a `RowSample` offers: the sample's rows, weights and size as its own."""

from __future__ import annotations

from .._result import FloatArray, IntArray
from .row_sample import RowSample

__all__ = ["Sampled"]


class Sampled:
    """Base of records with a `sample`."""

    sample: RowSample

    @property
    def indices(self) -> IntArray:
        """Numbers of the rows kept, increasing."""
        return self.sample.indices

    @property
    def weights(self) -> FloatArray:
        """What each kept row counts for in a sum of p-th powers, or of losses."""
        return self.sample.weights

    @property
    def size(self) -> int:
        """Number of rows kept."""
        return self.sample.size

    def __len__(self) -> int:
        return self.sample.size
