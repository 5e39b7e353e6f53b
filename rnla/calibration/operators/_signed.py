"""What maps share that are "signs, then the first columns of a transform of length m"."""

from __future__ import annotations

from typing import Any, Self

import numpy as np
import numpy.typing as npt

from ..._errors import argument_error, check_size
from ._base import Array, Operators, check_entries

__all__ = ["SignedColumns"]


class SignedColumns(Operators):
    """A_l = T[:, :n] diag(signs_l) with T T^* = m I, so that A_l^* A_l = m I."""

    def __init__(self, m: int, signs: npt.ArrayLike) -> None:
        size = check_size(m, name="m")
        array = check_entries(signs, "signs")
        if array.ndim == 1:
            array = array[None]
        if array.ndim != 2 or array.shape[1] > size:
            expected = f"shape (n,) or (p, n) with n at most m = {size}"
            remedy = "One row of signs for each measurement."
            raise argument_error("signs", f"shape {np.shape(signs)}", expected, remedy)
        self.signs = array
        self.shape = (array.shape[0], size, array.shape[1])
        real = array.real.dtype
        self.dtype = np.result_type(real, np.complex64) if self._complex else array.dtype
        unit = bool(np.all(np.abs(np.abs(array) - 1.0) <= 4.0 * np.finfo(real).eps))
        self.scalar_gram = float(size) if unit else None

    _complex = True

    def astype(self, dtype: npt.DTypeLike) -> Self:
        """See `Operators`."""
        single = np.dtype(dtype) in (np.float32, np.complex64)
        kind: Any = np.float32 if single else np.float64
        if self.signs.dtype.kind == "c":
            kind = np.result_type(kind, np.complex64)
        return type(self)(self.shape[1], self.signs.astype(kind))

    def _padded(self, X: Array) -> Array:
        m, n = self.shape[1:]
        signed = X * self.signs
        padded = np.zeros((*signed.shape[:-1], m), dtype=np.result_type(signed.dtype, self.dtype))
        padded[..., :n] = signed
        return padded

    def _cut(self, U: Array) -> Array:
        result: Array = U[..., : self.shape[2]] * self.signs.conj()
        return result
