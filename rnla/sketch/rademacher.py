"""Rademacher sketch: independent entries +-1/sqrt(s) (Achlioptas, JCSS 2003).

Embeds like a Gaussian sketch, a little better on average vectors, and a sign is drawn three times
as fast as a normal. Cost 2 nnz(A) s flops.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from .._result import FloatArray
from ..random import RNGLike, Stream, resolve_seed
from ._dense import DenseOperator
from ._operator import Distribution

__all__ = ["Rademacher", "RademacherOperator"]

_PURPOSE = "sketch.rademacher"


@dataclass(frozen=True)
class Rademacher(Distribution):
    """The distribution of dense sign sketches.

    Parameters
    ----------
    s, n : int
        Rows and columns of S; entries are independent, +-1/sqrt(s).

    Examples
    --------
    >>> S = Rademacher(4, 1000).draw(rng=0)
    >>> S.block(17, 19).round(1).shape
    (4, 2)
    """

    def draw(self, rng: RNGLike = None) -> RademacherOperator:
        """Draw an operator; see `Distribution.draw`."""
        return RademacherOperator(self, resolve_seed(rng))


@dataclass(frozen=True)
class RademacherOperator(DenseOperator):
    """A drawn dense sign sketch."""

    distribution: Rademacher
    seed: int

    def rows_of_transpose(self, start: int, stop: int, like: Any = None) -> FloatArray:
        """See `DenseOperator`."""
        from ..kernels import random_columns

        s, _ = self.shape
        key = Stream(self.seed, _PURPOSE).key
        signs: FloatArray = random_columns.signs(key, start, stop - start, s, like=like)
        signs *= 1.0 / np.sqrt(s)
        return signs
