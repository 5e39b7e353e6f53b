"""Reciprocal exponential sketch: a CountSketch of rows divided by E_i^(1/p), for every p >= 1.

With independent exponentials E_i, max_i |x_i| / E_i^(1/p) is distributed as ||x||_p / E^(1/p)
(max-stability), so one large row carries the lp norm and a CountSketch keeps it visible: Woodruff
and Zhang (COLT 2013), distortion O((d log d)^(1/p)) for p <= 2 after an l2 to lp conversion, and
for p > 2 with O(n^(1 - 2/p) log n) rows (Andoni, 2017). Cost nnz(A) and n logarithms.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np

from .._errors import check_p
from ..random import RNGLike, Stream, resolve_seed
from ._operator import Distribution
from ._sparse import Entries, SparseOperator, uniform_entries

__all__ = ["ReciprocalExponential", "ReciprocalExponentialOperator"]

_PURPOSE = "sketch.reciprocal_exponential"


@dataclass(frozen=True)
class ReciprocalExponential(Distribution):
    """The distribution of reciprocal exponential sketches.

    Parameters
    ----------
    s, n : int
        Rows and columns of S.
    p : float
        Exponent of the norm, 1 <= p < inf.

    Examples
    --------
    >>> import numpy as np
    >>> S = ReciprocalExponential(100, 500, p=3).draw(rng=0)
    >>> x = np.arange(500.0)
    >>> bool(0.4 < S.estimate(S @ x) / np.linalg.norm(x, 3) < 2.5)
    True
    """

    p: float = 1.0

    def __post_init__(self) -> None:
        super().__post_init__()
        object.__setattr__(self, "p", check_p(self.p))

    def draw(self, rng: RNGLike = None) -> ReciprocalExponentialOperator:
        """Draw an operator; see `Distribution.draw`."""
        return ReciprocalExponentialOperator(self, resolve_seed(rng))


@dataclass(frozen=True)
class ReciprocalExponentialOperator(SparseOperator):
    """A drawn reciprocal exponential sketch."""

    distribution: ReciprocalExponential
    seed: int

    def entries(self, start: int, stop: int) -> Entries:
        """See `SparseOperator`."""
        from ..kernels import count_sketch

        stream = Stream(self.seed, _PURPOSE)
        places, signs = count_sketch.columns(stream.key, start, stop - start, self.shape[0])
        exponentials = -np.log(stream.uniform(range(start, stop), draw=1))
        return uniform_entries(places, signs * exponentials ** (-1.0 / self.distribution.p))

    def estimate(self, sketched: Any) -> Any:
        """||x||_p of every column x, from ``S @ x``, within a small factor: the largest entry over
        its median. Average the logarithms of several draws for more."""
        scale = math.log(2.0) ** (1.0 / self.distribution.p)
        return np.abs(sketched).max(axis=0) * scale
