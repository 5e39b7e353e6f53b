"""The step for gains whose reciprocals lie in a subspace, d = 1 / (B v): Gauss-Newton in v.

Minimises sum below |d|^2 - 2 Re(conj(d) top), what least squares for given signals leaves, from the
last v, after the best common factor. d changes by -d^2 B dv; steps are halved until the sum falls.
m k^2 + k^3 a step.
"""

from __future__ import annotations

import numpy as np

from .operators._base import Array

__all__ = ["ReciprocalSubspace"]

_STEPS = 20
_HALVINGS = 12


class ReciprocalSubspace:
    """A constraint for `polish` that remembers v from sweep to sweep.

    Parameters
    ----------
    basis : ndarray, shape (m, k)
        B, independent columns.
    inverse_gains : ndarray, shape (..., m)
        Where to start; the nearest B v.
    usable : ndarray of bool, shape (..., m)
        Where that is known.
    """

    def __init__(self, basis: Array, inverse_gains: Array, usable: Array) -> None:
        # Orthonormal columns: what is solved for is as well conditioned as the data allow.
        self.basis = np.linalg.qr(basis)[0].astype(np.result_type(basis, inverse_gains))
        self._adjoint = self.basis.conj().T
        inverse = np.linalg.pinv(usable[..., None] * self.basis)
        self.v = (inverse @ (usable * inverse_gains)[..., None])[..., 0]

    @property
    def gains(self) -> Array:
        """1 / (B v), also of sensors without data."""
        return self._gains(self.v)

    def __call__(self, best: Array) -> Array:
        """Gains of the class near the best ones."""
        return self.restrict(best, np.ones_like(best.real))

    def restrict(self, top: Array, below: Array) -> Array:
        """The gains that minimise sum below |d|^2 - 2 Re(conj(d) top)."""
        d = self._gains(self.v)
        power = (below * (d.real**2 + d.imag**2)).sum(axis=-1)
        match = (d.conj() * top).sum(axis=-1)
        factor = np.where((power > 0) & (match != 0), match / np.where(power > 0, power, 1), 1)
        self.v = (self.v / factor[..., None]).astype(self.v.dtype)
        d = self._gains(self.v)
        value = _value(d, top, below)
        limit = np.finfo(below.dtype).eps * np.abs(value)
        for _ in range(_STEPS):
            step = self._step(d, top, below)
            length = np.ones_like(value)
            for _ in range(_HALVINGS):
                v = self.v + length[..., None] * step
                new = self._gains(v)
                changed = _value(new, top, below)
                worse = ~(changed <= value)
                if not worse.any():
                    break
                length = np.where(worse, 0.5 * length, length)
            keep = worse[..., None]
            gained = np.where(worse, 0.0, value - changed)
            self.v, d = np.where(keep, self.v, v), np.where(keep, d, new)
            value = np.where(worse, value, changed)
            if (gained <= limit).all():
                break
        return d

    def _gains(self, v: Array) -> Array:
        s = (self.basis @ v[..., None])[..., 0]
        size = np.abs(s)
        safe = size > np.finfo(size.dtype).eps * size.max(axis=-1, keepdims=True)
        return np.asarray(np.where(safe, 1.0 / np.where(safe, s, 1), 0))

    def _step(self, d: Array, top: Array, below: Array) -> Array:
        square = d * d
        weight = below * (square.real**2 + square.imag**2)
        gram = self._adjoint @ (weight[..., :, None] * self.basis)
        trace = np.trace(gram, axis1=-2, axis2=-1).real[..., None, None]
        ridge = np.finfo(below.dtype).eps * np.where(trace > 0, trace, 1.0)
        side = self._adjoint @ (square.conj() * (below * d - top))[..., None]
        system = gram + ridge * np.eye(gram.shape[-1], dtype=below.dtype)
        return np.asarray(np.linalg.solve(system, side)[..., 0])


def _value(d: Array, top: Array, below: Array) -> Array:
    squares = below * (d.real**2 + d.imag**2)
    return np.asarray((squares - 2.0 * (d.conj() * top).real).sum(axis=-1))
