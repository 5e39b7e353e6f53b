"""Random signs, then the first n columns of the Walsh-Hadamard matrix: p m log2 m additions."""

from __future__ import annotations

import math

import numpy.typing as npt

from ..._errors import argument_error
from ...sketch import hadamard_transform
from ._base import Array
from ._signed import SignedColumns

__all__ = ["PartialHadamard"]


class PartialHadamard(SignedColumns):
    """A_l = H[:, :n] diag(signs_l), H[i, j] = (-1)^popcount(i & j) without normalisation.

    Parameters
    ----------
    m : int
        A power of two.
    signs : array_like, shape (p, n) or (n,)
        One row for each measurement; n is at most m. Real signs keep real data real.

    Examples
    --------
    >>> import numpy as np
    >>> from rnla.calibration import PartialHadamard
    >>> PartialHadamard(4, np.ones((1, 2))).apply(np.array([0.0, 1.0]))
    array([[ 1., -1.,  1., -1.]])
    """

    _complex = False

    def __init__(self, m: int, signs: npt.ArrayLike) -> None:
        super().__init__(m, signs)
        size = self.shape[1]
        if size & (size - 1):
            remedy = "Use PartialFourier for other lengths."
            raise argument_error("m", size, "a power of two", remedy)

    def _apply(self, X: Array) -> Array:
        result: Array = hadamard_transform(self._padded(X), axis=-1) * math.sqrt(self.shape[1])
        return result

    def _adjoint(self, U: Array) -> Array:
        return self._cut(hadamard_transform(U, axis=-1) * math.sqrt(self.shape[1]))
