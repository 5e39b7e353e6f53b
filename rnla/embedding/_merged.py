"""What merge and reduce leaves of a stream."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import scipy.sparse as sp

from .._errors import argument_error
from .._result import FloatArray, Status
from ..sampling import RowSample
from ._sampled import SampledForNorm

__all__ = ["MergedSample", "reweighted", "scaled"]


@dataclass(frozen=True, eq=False)
class MergedSample(SampledForNorm):
    """What is left of a stream: the rows kept, and what each counts for.

    Attributes
    ----------
    sample : RowSample
        Row numbers in the stream, weights (products along the tree) and probabilities.
    rows : ndarray or csr_array, shape (size, d)
        The rows kept, without weights, in the kind and dtype of the stream.
    p : float
        The norm.
    method : str
        How rows were scored.
    leaves, levels : int
        Number of leaves, and of the thinnings that the oldest rows have been through.
    status : Status
        OK, or EXACT if no row had to be dropped.
    """

    sample: RowSample
    rows: Any
    p: float
    method: str
    leaves: int
    levels: int
    status: Status

    @property
    def matrix(self) -> Any:
        """The rows times weight^(1/p): ||matrix x||_p stands for ||A x||_p.

        Raises
        ------
        ArgumentError
            If an entry leaves the range of the dtype.
        """
        return reweighted(self.rows, self.sample)


def reweighted(rows: Any, sample: RowSample) -> Any:
    """Rows times weight^(1/p) in their own dtype, or an error if that has no room for them."""
    with np.errstate(over="ignore"):
        matrix = scaled(rows, sample.scale()).astype(rows.dtype, copy=False)
    entries = matrix.data if sp.issparse(matrix) else matrix
    if not np.isfinite(entries).all():
        raise argument_error(
            "matrix",
            f"entries times weights above {np.finfo(entries.dtype).max:.3g}",
            "rows that leave room for weights",
            "Use rows and weights as they are, or divide the columns by a power of two.",
        )
    return matrix


def scaled(rows: Any, factors: FloatArray) -> Any:
    """Rows times factors in float64, dense or CSR."""
    if not sp.issparse(rows):
        return rows * factors[:, None]
    scaled = rows.astype(np.float64)
    scaled.data *= np.repeat(factors, np.diff(scaled.indptr))
    return scaled
