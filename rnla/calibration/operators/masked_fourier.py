"""A mask on the image, then its unitary DFT: blind deconvolution with coded masks.

Circular convolution of a masked image with an unknown kernel f is, in the Fourier domain,
diag(sqrt(m) F f) F diag(mask): the model with gains sqrt(m) F f and A_l = F diag(mask_l), m = n.
p m log m for a product.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import numpy.typing as npt
import scipy.fft

from ..._errors import argument_error
from ._base import Array, Operators, check_entries
from .fourier import fft_workers

__all__ = ["MaskedFourier"]


class MaskedFourier(Operators):
    """A_l = F diag(mask_l) on images, F the unitary DFT over all axes of the image.

    Parameters
    ----------
    masks : array_like, shape (p, ...)
        One mask for each measurement. m = n = number of pixels; images are raveled in C order.

    Examples
    --------
    >>> import numpy as np
    >>> from rnla.calibration import MaskedFourier
    >>> MaskedFourier(np.ones((3, 4, 4))).shape
    (3, 16, 16)
    """

    def __init__(self, masks: npt.ArrayLike) -> None:
        array = check_entries(masks, "masks")
        if array.ndim < 2:
            remedy = "One mask for each measurement along the first axis."
            raise argument_error("masks", f"shape {array.shape}", "shape (p, *image)", remedy)
        self.masks = array
        self.image_shape = array.shape[1:]
        self.diagonals = array.reshape(len(array), -1)
        size = math.prod(self.image_shape)
        self.shape = (array.shape[0], size, size)
        self.transform_shape, self.transform_factor = self.image_shape, 1.0 / math.sqrt(size)
        real = array.real.dtype
        self.dtype = np.result_type(real, np.complex64)
        unit = np.all(np.abs(np.abs(array) - 1.0) <= 4.0 * np.finfo(real).eps)
        self.scalar_gram = 1.0 if unit else None
        self._axes = tuple(range(-len(self.image_shape), 0))

    def astype(self, dtype: npt.DTypeLike) -> MaskedFourier:
        """See `Operators`."""
        single = np.dtype(dtype) in (np.float32, np.complex64)
        kind: Any = np.float32 if single else np.float64
        if self.masks.dtype.kind == "c":
            kind = np.result_type(kind, np.complex64)
        return MaskedFourier(self.masks.astype(kind))

    def _images(self, X: Array) -> Array:
        return X.reshape(*X.shape[:-1], *self.image_shape)

    def _apply(self, X: Array) -> Array:
        images = self._images(X) * self.masks
        workers = fft_workers(images.size)
        out = scipy.fft.fftn(images, axes=self._axes, norm="ortho", workers=workers)
        return self._raveled(out)

    def _adjoint(self, U: Array) -> Array:
        images = self._images(U)
        back = scipy.fft.ifftn(images, axes=self._axes, norm="ortho", workers=fft_workers(U.size))
        return self._raveled(back * self.masks.conj())

    def _raveled(self, images: Array) -> Array:
        return images.reshape(*images.shape[: -len(self.image_shape)], self.shape[1])
