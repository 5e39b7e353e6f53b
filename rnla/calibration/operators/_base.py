"""`Operators`: p linear maps A_1, …, A_p from C^n to C^m, known by their products.

Arrays carry unknowns and measurements along the last axis, the number of the map along the last
but one, and any number of independent problems in front. One map that serves all p measurements
(snapshots through one instrument) has ``shape[0] == 1`` and broadcasts.
"""

from __future__ import annotations

import abc
from typing import Any

import numpy as np
import numpy.typing as npt

from ..._errors import ArgumentTypeError, argument_error
from ...tall._device import refuse_device as _refuse_device

__all__ = ["Array", "Operators", "check_entries", "refuse_device", "working_dtype"]

Array = npt.NDArray[Any]


class Operators(abc.ABC):
    """A stack of p linear maps from n unknowns to m measurements.

    Attributes
    ----------
    shape : tuple of int
        (p, m, n).
    dtype : dtype
        float32, float64, complex64 or complex128: of the products with real numbers of the same
        precision.
    scalar_gram : float or None
        c where A_l^* A_l = c I for every l, None where that is not so or not known.
    diagonals : ndarray, shape (p, n), or None
        Where A_l x is a Fourier transform of the product of x with this row, with zeros behind.
    transform_shape : tuple of int, or None
        Then the shape of what is transformed over all of its axes, without normalisation.
    transform_factor : float
        And what the transform is multiplied by.
    """

    shape: tuple[int, int, int]
    dtype: np.dtype[Any]
    scalar_gram: float | None = None
    diagonals: Array | None = None
    transform_shape: tuple[int, ...] | None = None
    transform_factor: float = 1.0

    def __repr__(self) -> str:
        p, m, n = self.shape
        return f"{type(self).__name__}(p={p}, m={m}, n={n}, dtype={self.dtype})"

    @property
    def shared(self) -> bool:
        """Whether one map serves every measurement."""
        return self.shape[0] == 1

    def apply(self, X: npt.ArrayLike) -> Array:
        """A_l x_l for every l.

        Parameters
        ----------
        X : array_like, shape (n,) or (..., q, n)
            q = 1 gives every map the same vector; q = p each its own. A single map takes any q.

        Returns
        -------
        ndarray, shape (..., p, m)
        """
        p, _, n = self.shape
        return self._apply(self._checked(X, n, (1, p), "X"))

    def adjoint(self, U: npt.ArrayLike) -> Array:
        """A_l^* u_l for every l, not summed.

        Parameters
        ----------
        U : array_like, shape (m,) or (..., q, m)

        Returns
        -------
        ndarray, shape (..., p, n)
        """
        p, m, _ = self.shape
        return self._adjoint(self._checked(U, m, (1, p), "U"))

    def dense(self) -> Array:
        """All maps as one array, shape (p, m, n): n products."""
        p, m, n = self.shape
        columns = np.empty((n, p, m), dtype=self.dtype)
        step = max(1, 2**22 // (p * m))
        for start in range(0, n, step):
            stop = min(start + step, n)
            unit = np.zeros((stop - start, 1, n), dtype=self.real_dtype)
            unit[np.arange(stop - start), 0, np.arange(start, stop)] = 1.0
            columns[start:stop] = self.apply(unit)
        return np.ascontiguousarray(columns.transpose(1, 2, 0))

    @property
    def real_dtype(self) -> np.dtype[Any]:
        """The real type of the same precision."""
        return np.empty(0, dtype=self.dtype).real.dtype

    @abc.abstractmethod
    def astype(self, dtype: npt.DTypeLike) -> Operators:
        """The same maps in another precision, for example complex64."""

    @abc.abstractmethod
    def _apply(self, X: Array) -> Array: ...

    @abc.abstractmethod
    def _adjoint(self, U: Array) -> Array: ...

    def _checked(
        self, values: npt.ArrayLike, length: int, counts: tuple[int, ...], name: str
    ) -> Any:
        refuse_device(values, name)
        array = np.asarray(values)
        if array.ndim == 1:
            array = array[None, :]
        fits = array.ndim >= 2 and array.shape[-1] == length
        if not fits or not (self.shared or array.shape[-2] in counts):
            expected = f"shape ({length},) or (..., q, {length})"
            if not self.shared:
                expected += f" with q in {sorted(set(counts))}"
            remedy = "Vectors lie along the last axis, one for each map along the last but one."
            raise argument_error(name, f"shape {np.shape(values)}", expected, remedy)
        return array


def refuse_device(values: Any, name: str) -> None:
    """Raise for arrays on a GPU, with the conversion: a calibration runs on the host."""
    _refuse_device(values, name, "a calibration")


def check_entries(values: Any, name: str) -> Array:
    """A non-empty array of finite float32, float64, complex64 or complex128 numbers, or raise."""
    refuse_device(values, name)
    expected = "an array of finite real or complex numbers"
    try:
        array: Array = np.asarray(values)
    except (TypeError, ValueError) as error:
        got = f"{type(values).__name__} ({error})"
        remedy = "Pass a NumPy array."
        raise argument_error(name, got, expected, remedy, kind=ArgumentTypeError) from error
    if array.dtype.kind not in "fiubc":
        remedy = f"Convert first, for example np.asarray({name}, dtype=complex)."
        raise argument_error(name, f"dtype {array.dtype}", expected, remedy, kind=ArgumentTypeError)
    if array.size == 0:
        raise argument_error(name, f"shape {array.shape}", expected, "Pass one entry at least.")
    array = array.astype(working_dtype(array.dtype), copy=False)
    if not np.isfinite(array).all():
        place = tuple(int(i) for i in np.argwhere(~np.isfinite(array))[0])
        remedy = "Remove or repair such entries."
        raise argument_error(name, f"{name}{list(place)} = {array[place]}", expected, remedy)
    return array


def working_dtype(*dtypes: npt.DTypeLike) -> np.dtype[Any]:
    """The one of float32, float64, complex64 and complex128 that holds all of these."""
    common = np.result_type(*dtypes)
    if common.kind == "c":
        return np.dtype(np.complex64 if common == np.complex64 else np.complex128)
    return np.dtype(np.float32 if common in (np.float16, np.float32) else np.float64)
