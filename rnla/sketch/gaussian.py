"""Gaussian sketch: independent normal entries of variance 1/s, the yardstick of all sketches.

S Q is Gaussian for every orthonormal Q, so every subspace of dimension d is embedded alike:
singular values in 1 +- (sqrt(d) + t) / sqrt(s) but for probability 2 exp(-t^2 / 2) (Davidson and
Szarek, 2001). Cost n s normals, about 3 ns each, and 2 nnz(A) s flops.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from .._result import FloatArray
from ..random import RNGLike, Stream, resolve_seed
from ._dense import DenseOperator
from ._operator import Distribution

__all__ = ["Gaussian", "GaussianOperator"]

_PURPOSE = "sketch.gaussian"


@dataclass(frozen=True)
class Gaussian(Distribution):
    """The distribution of Gaussian sketches.

    Parameters
    ----------
    s, n : int
        Rows and columns of S; entries are independent N(0, 1/s).

    Examples
    --------
    >>> import numpy as np
    >>> S = Gaussian(200, 1000).draw(rng=0)
    >>> x = np.ones(1000)
    >>> bool(abs(np.linalg.norm(S @ x) / np.linalg.norm(x) - 1) < 0.25)
    True
    """

    def draw(self, rng: RNGLike = None) -> GaussianOperator:
        """Draw an operator; see `Distribution.draw`."""
        return GaussianOperator(self, resolve_seed(rng))


@dataclass(frozen=True)
class GaussianOperator(DenseOperator):
    """A drawn Gaussian sketch."""

    distribution: Gaussian
    seed: int

    def rows_of_transpose(self, start: int, stop: int, like: Any = None) -> FloatArray:
        """See `DenseOperator`."""
        from ..kernels import random_columns

        s, _ = self.shape
        key = Stream(self.seed, _PURPOSE).key
        normals: FloatArray = random_columns.normal(key, start, stop - start, s, like=like)
        normals *= 1.0 / np.sqrt(s)
        return normals
