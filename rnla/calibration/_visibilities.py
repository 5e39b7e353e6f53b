"""Visibilities made ready: checked, Hermitian, gaps of one half filled by the other, weights."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from .._errors import ArgumentTypeError, argument_error
from .._result import FloatArray
from .operators._base import refuse_device

__all__ = ["Visibilities", "as_visibilities"]

_HERMITIAN = 1e-6


@dataclass(frozen=True, eq=False)
class Visibilities:
    """V, M, w of equal shape (..., P, P), finite, Hermitian; zero where nothing was measured."""

    V: FloatArray  # in units of unit_V, near one at most
    M: FloatArray
    weights: FloatArray
    flags: FloatArray  # (..., P): antennas with no pair to be calibrated on
    samples: FloatArray  # (...): complex measurements, an autocorrelation counting one half
    unit_V: FloatArray  # (...): powers of two
    unit_M: FloatArray

    @property
    def unit_gain(self) -> FloatArray:
        """That of gains, shape (..., 1)."""
        root: FloatArray = np.sqrt(self.unit_V) / np.sqrt(self.unit_M)
        return root[..., None]

    @property
    def determined(self) -> FloatArray:
        """Whether pairs connect all antennas that see anything, with a cycle of odd length, (...).

        That is whether walks from one reach every antenna in an even number of steps.
        """
        links = (self.weights > 0.0) & (self.V != 0.0) & (self.M != 0.0)
        seen = links.any(axis=-1)
        even = np.cumsum(seen, axis=-1) * seen == 1  # the first one
        while True:
            odd = (links & even[..., None, :]).any(axis=-1)
            new = even | (links & odd[..., None, :]).any(axis=-1)
            if (new == even).all():
                return np.asarray((even == seen).all(axis=-1))
            even = new


def as_visibilities(
    V: Any, M: Any, weights: Any, autocorrelations: bool, flagged: Any
) -> Visibilities:
    """Check the arguments of `gains_from_model` and bring them to one form."""
    V, M = _square(V, "V"), _square(M, "M")
    P = V.shape[-1]
    if M.shape[-1] != P:
        remedy = "One row and one column for each antenna in both."
        raise argument_error("M", f"{M.shape[-1]} antennas", f"{P}, as in V", remedy)
    _finite(V, "V")
    _finite(M, "M")
    known = ~np.isnan(M)
    M, model_weights = _hermitian(np.where(known, M, 0.0), known.astype(np.float64), "M")
    V, M, model_weights = np.broadcast_arrays(V, M, model_weights)
    w = (~np.isnan(V) & (model_weights > 0.0)).astype(np.float64)
    if weights is not None:
        w = w * _weights(weights, V.shape)
    if flagged is not None:
        keep = _keep(flagged, V.shape)
        w = w * keep[..., :, None] * keep[..., None, :]
    if not autocorrelations:
        w = w * (1.0 - np.eye(P))
    V, w = _hermitian(np.where(w > 0.0, V, 0.0), w, "V")
    V, unit_V = _unit(V)
    M, unit_M = _unit(M)
    w = w / np.maximum(w.max(axis=(-2, -1), keepdims=True, initial=0.0), 1e-300)
    information = (w * np.abs(M) ** 2).sum(axis=-1)
    if not (information > 0.0).any():
        remedy = "Check weights, nan entries and the model."
        raise argument_error("V", "no pair with data, weight and model", "some pairs", remedy)
    samples = 0.5 * (w > 0.0).sum(axis=(-2, -1))
    return Visibilities(V, M, w, information == 0.0, samples, unit_V, unit_M)


def _unit(array: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Values of size one, so that their squares are in range, and the power of two taken out."""
    largest = np.abs(array).max(axis=(-2, -1))
    unit = np.ldexp(1.0, np.clip(np.frexp(largest)[1], -1000, 1000))
    return array / unit[..., None, None], unit


def _square(value: Any, name: str) -> FloatArray:
    expected = "an array of numbers of shape (..., P, P)"
    remedy = "One row and one column for each antenna; nan where nothing was measured."
    refuse_device(value, name)
    array = np.asarray(value)
    if array.dtype.kind not in "iufcb":
        got = f"dtype {array.dtype}"
        raise argument_error(name, got, expected, remedy, kind=ArgumentTypeError)
    if array.ndim < 2 or array.shape[-1] != array.shape[-2] or array.size == 0:
        raise argument_error(name, f"shape {array.shape}", expected, remedy)
    return array.astype(np.complex128)


def _finite(array: FloatArray, name: str) -> None:
    if np.isinf(array).any():
        place = [int(i) for i in np.argwhere(np.isinf(array))[0]]
        remedy = "Mark what was not measured by nan."
        raise argument_error(name, f"infinity at {place}", "finite entries or nan", remedy)


def _weights(weights: Any, shape: tuple[int, ...]) -> FloatArray:
    refuse_device(weights, "weights")
    array = np.asarray(weights)
    if array.dtype.kind not in "iufb":
        got, remedy = f"dtype {array.dtype}", "Weights are reciprocal variances, 0 for missing."
        raise argument_error("weights", got, "real numbers", remedy, kind=ArgumentTypeError)
    array = array.astype(np.float64)
    if not np.isfinite(array).all() or (array < 0.0).any():
        remedy = "Weights are reciprocal variances, 0 for missing."
        got = "an entry that is negative or not finite"
        raise argument_error("weights", got, "finite numbers of at least 0", remedy)
    try:
        return np.broadcast_to(array, shape)
    except ValueError:
        remedy = "One weight for each pair of antennas."
        got = f"shape {array.shape}"
        raise argument_error("weights", got, f"shape {shape}", remedy) from None


def _keep(flagged: Any, shape: tuple[int, ...]) -> FloatArray:
    refuse_device(flagged, "flagged")
    array = np.asarray(flagged)
    if array.size and array.dtype.kind not in "iub":
        got, remedy = f"dtype {array.dtype}", "Pass antenna numbers, or a boolean for each antenna."
        raise argument_error("flagged", got, "integers or booleans", remedy, kind=ArgumentTypeError)
    if array.dtype != np.bool_:
        keep = np.ones(shape[-1])
        if ((array < 0) | (array >= shape[-1])).any():
            remedy = "Pass antenna numbers, or a boolean for each antenna."
            expected = f"numbers of 0 to {shape[-1] - 1}"
            raise argument_error("flagged", array.tolist(), expected, remedy)
        keep[array.astype(np.intp)] = 0.0
        return keep
    try:
        return 1.0 - np.broadcast_to(array, shape[:-1])
    except ValueError:
        remedy = "Pass antenna numbers, or a boolean for each antenna."
        got = f"shape {array.shape}"
        raise argument_error("flagged", got, f"shape {shape[:-1]}", remedy) from None


def _hermitian(V: FloatArray, w: FloatArray, name: str) -> tuple[FloatArray, FloatArray]:
    """Fill each half from the other where only that was measured; where both were they agree."""
    mirrored, mirrored_w = V.conj().swapaxes(-2, -1), w.swapaxes(-2, -1)
    both = (w > 0.0) & (mirrored_w > 0.0)
    size = np.abs(V).max(axis=(-2, -1), keepdims=True)
    if (np.abs(V - mirrored) > _HERMITIAN * size)[both].any() or (
        np.abs(w - mirrored_w) > _HERMITIAN * (w + mirrored_w)
    )[both].any():
        remedy = "V_qp is the conjugate of V_pq: leave one of them nan, or average."
        raise argument_error(name, "two halves that differ", "a Hermitian matrix", remedy)
    half = np.where(both, 0.5, 1.0)
    return half * (V + mirrored), half * (w + mirrored_w)
