"""Random signs, then the first n columns of the unnormalised DFT: p m log m for a product."""

from __future__ import annotations

import numpy.typing as npt
import scipy.fft

from ._base import Array
from ._signed import SignedColumns

__all__ = ["PartialFourier", "fft_workers"]

_PARALLEL = 2**18  # numbers: below this a second thread costs more than it saves


def fft_workers(size: int) -> int:
    """Threads for a transform of that many numbers in all, in the convention of `scipy.fft`."""
    return -1 if size >= _PARALLEL else 1


class PartialFourier(SignedColumns):
    """A_l = F[:, :n] diag(signs_l), F the m-point DFT without normalisation.

    Parameters
    ----------
    m : int
        Length of the transform.
    signs : array_like, shape (p, n) or (n,)
        One row for each measurement; n is at most m. Usually +1 and -1; entries of modulus one
        make A_l^* A_l = m I. float32 signs give complex64 products.

    Examples
    --------
    >>> import numpy as np
    >>> from rnla.calibration import PartialFourier
    >>> operators = PartialFourier(8, np.ones((2, 3)))
    >>> operators.apply(np.array([1.0, 0.0, 0.0])).real
    array([[1., 1., 1., 1., 1., 1., 1., 1.],
           [1., 1., 1., 1., 1., 1., 1., 1.]])
    """

    def __init__(self, m: int, signs: npt.ArrayLike) -> None:
        super().__init__(m, signs)
        self.diagonals = self.signs
        self.transform_shape = (self.shape[1],)

    def _apply(self, X: Array) -> Array:
        padded = self._padded(X)
        workers = fft_workers(padded.size)
        result: Array = scipy.fft.fft(padded, axis=-1, overwrite_x=True, workers=workers)
        return result

    def _adjoint(self, U: Array) -> Array:
        back = scipy.fft.ifft(U, axis=-1, norm="forward", workers=fft_workers(U.size))
        return self._cut(back)
