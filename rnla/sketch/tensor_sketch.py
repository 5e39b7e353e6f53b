"""TensorSketch: a CountSketch of Kronecker products not formed (Pham and Pagh, KDD 2013).

The row of column (i_1, …, i_q) is h_1(i_1) + … + h_q(i_q) mod s, its sign the product of q signs,
so the sketch of a product is the circular convolution of CountSketches of the factors. For
Khatri-Rao products and polynomial features; (2 + 3^q) d^2 / (eps^2 delta) rows embed d columns
(Avron, Nguyen, Woodruff, NeurIPS 2014). Cost nnz of the factors + q s log s per column; on
explicit rows it is a CountSketch of their product space.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from .._errors import argument_error, check_size
from .._result import FloatArray
from ..random import RNGLike, Stream, resolve_seed
from ..tall.rows import host
from . import _apply
from ._operator import Distribution
from ._sparse import Entries, SparseOperator, uniform_entries

__all__ = ["TensorSketch", "TensorSketchOperator"]

_PURPOSE = "sketch.tensor_sketch"


@dataclass(frozen=True)
class TensorSketch(Distribution):
    """The distribution of TensorSketches.

    Parameters
    ----------
    s : int
        Rows of S.
    n : int or tuple of int
        Sizes of the factors, two or more; S then has their product as number of columns, the last
        factor's index running fastest, as in `numpy.kron`.

    Examples
    --------
    >>> import numpy as np
    >>> S = TensorSketch(32, (6, 5)).draw(rng=0)
    >>> x, y = np.arange(6.0), np.ones(5)
    >>> bool(np.allclose(S.kron(x, y), S @ np.kron(x, y)))
    True
    """

    n: Any
    sizes: tuple[int, ...] = field(init=False)

    def __post_init__(self) -> None:
        sizes = tuple(self.n) if isinstance(self.n, (tuple, list)) else ()
        if len(sizes) < 2:
            raise argument_error(
                "n",
                repr(self.n),
                "a tuple of two or more sizes",
                "Pass n=(n1, n2), or use CountSketch for a single factor.",
            )
        object.__setattr__(self, "sizes", tuple(check_size(m, name="n") for m in sizes))
        object.__setattr__(self, "n", math.prod(self.sizes))
        super().__post_init__()

    def draw(self, rng: RNGLike = None) -> TensorSketchOperator:
        """Draw an operator; see `Distribution.draw`."""
        return TensorSketchOperator(self, resolve_seed(rng))


@dataclass(frozen=True)
class TensorSketchOperator(SparseOperator):
    """A drawn TensorSketch."""

    distribution: TensorSketch
    seed: int

    def entries(self, start: int, stop: int) -> Entries:
        """See `SparseOperator`."""
        sizes, s = self.distribution.sizes, self.shape[0]
        places = np.zeros(stop - start, dtype=np.int64)
        signs = np.ones(stop - start)
        left = np.arange(start, stop)
        for mode in reversed(range(len(sizes))):
            left, index = np.divmod(left, sizes[mode])
            first = int(index.min()) if index.size else 0
            _, place, sign = self._factor(mode).entries(first, int(index.max(initial=first)) + 1)
            places += place[index - first]
            signs *= sign[index - first]
        return uniform_entries(places % s, signs)

    def khatri_rao(self, *factors: Any) -> FloatArray:
        """S times the column-wise Kronecker product of the factors, without forming it.

        Parameters
        ----------
        *factors : array_like or scipy.sparse matrix, shape (n_k, d)
            One per size of the distribution, real.

        Returns
        -------
        ndarray, shape (s, d)
        """
        sizes, s = self.distribution.sizes, self.shape[0]
        if len(factors) != len(sizes):
            raise argument_error(
                "factors", f"{len(factors)} factors", f"{len(sizes)} factors", "Pass one per size."
            )
        from scipy.fft import irfft, rfft

        product: Any = 1.0
        for mode, factor in enumerate(factors):
            sketched = _apply.left(self._factor(mode), factor)
            product = product * rfft(np.asarray(host(sketched), dtype=np.float64), axis=0)
        result: FloatArray = irfft(product, n=s, axis=0)
        return result

    def kron(self, *vectors: Any) -> FloatArray:
        """S times the Kronecker product of vectors (n_k,): shape (s,)."""
        return self.khatri_rao(*(np.reshape(vector, (-1, 1)) for vector in vectors))[:, 0]

    def polynomial_features(self, X: Any) -> FloatArray:
        """Sketched features whose inner products approximate (x . y)^q, for all factors equal.

        Parameters
        ----------
        X : array_like or scipy.sparse matrix, shape (m, n_1)
            Points as rows.

        Returns
        -------
        ndarray, shape (m, s)
        """
        return self.khatri_rao(*[X.T] * len(self.distribution.sizes)).T

    def _factor(self, mode: int) -> _Factor:
        return _Factor(self, mode)


@dataclass(frozen=True)
class _Factor(SparseOperator):
    """The CountSketch of one factor."""

    parent: TensorSketchOperator
    mode: int

    @property
    def shape(self) -> tuple[int, int]:
        return self.parent.distribution.s, self.parent.distribution.sizes[self.mode]

    def entries(self, start: int, stop: int) -> Entries:
        from ..kernels import count_sketch

        key = Stream(self.parent.seed, _PURPOSE).key
        drawn = count_sketch.columns(key, start, stop - start, self.shape[0], self.mode)
        return uniform_entries(*drawn)
