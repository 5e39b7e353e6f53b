"""A row sample as a sketching operator: row k of S holds w_k^(1/p) in the column of the k-th row.

What `rnla.RowSample` keeps and how much it counts, with every verb of the other sketches: adjoint,
blocks, `TallMatrix.sketch`, LinearOperator. Cost: the rows kept.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from .._errors import ArgumentTypeError, argument_error
from .._result import FloatArray, IntArray
from ._sparse import Entries, SparseOperator

__all__ = ["RowSampling"]


class RowSampling(SparseOperator):
    """The operator of a row sample: ``RowSampling(sample) @ A`` is ``sample @ A``, made dense.

    Parameters
    ----------
    sample : RowSample
    p : float, optional
        Exponent of the norm; the sample's own by default.

    Attributes
    ----------
    shape : tuple of int
        (number of rows kept, n).
    distribution : RowSample
        The sample.
    seed : int

    Examples
    --------
    >>> import numpy as np, rnla
    >>> sample = rnla.sample_rows(np.ones(100), 20, p=2, rng=0)
    >>> A = np.random.default_rng(0).standard_normal((100, 3))
    >>> bool(np.allclose(RowSampling(sample) @ A, sample @ A))
    True
    """

    def __init__(self, sample: Any, *, p: float | None = None) -> None:
        if not all(hasattr(sample, name) for name in ("indices", "scale", "n", "seed")):
            raise argument_error(
                "sample",
                type(sample).__name__,
                "a RowSample",
                "Draw one with rnla.sample_rows, or pass embedding.sample.",
                kind=ArgumentTypeError,
            )
        self.distribution = sample
        self.seed = int(sample.seed)
        self._indices: IntArray = sample.indices
        self._factors: FloatArray = sample.scale(p)

    def __repr__(self) -> str:
        return f"RowSampling({self.distribution!r})"

    @property
    def shape(self) -> tuple[int, int]:
        """(number of rows kept, n)."""
        return int(self._indices.size), int(self.distribution.n)

    def entries(self, start: int, stop: int) -> Entries:
        """See `SparseOperator`."""
        bounds = np.searchsorted(self._indices, np.arange(start, stop + 1))
        first, last = int(bounds[0]), int(bounds[-1])
        return bounds - first, np.arange(first, last), self._factors[first:last]
