"""A sweep of alternating least squares for many small problems of self-calibration.

Signals for given gains, t = (sum_i |d_i|^2 q_i^* q_i)^{-1} b by Cholesky factors, and what the
gains for given signals need of v = Q t, with columns of Q orthonormal (the models are those of Ling
and Strohmer, arXiv 1611.04196). The products with Q, b = Q^* conj(d) y and v, are matrix products
for all problems and not done here. A problem at a time, in cache: m n^2 real multiply-adds for a
Gram matrix, 2 n^3 / 3 for its factors.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from ..dispatch import device_of

__all__ = ["Sums", "gain_sums", "signal_step", "squares"]


class Sums(NamedTuple):
    """What gains and the end of an iteration need to know of v, for each problem.

    sum_l conj(v) y (b, m) and sum_l |v|^2 (b, m); d v (b, p, m); sum |y - d v|^2 and the change of
    d v, sum |d v - before|^2, (b,).
    """

    top: Any
    below: Any
    data: Any
    cost: Any
    change: Any


def squares(Q: np.ndarray, *, one_signal: bool) -> np.ndarray:
    """q_i^* q_i of every sensor for Q (maps, m, n), or (b, maps, m, n), for `signal_step`.

    Shape (1 or b, grams, m, n, n), real: real parts on and below the diagonal, imaginary parts of
    what is below, mirrored, above. Summed over the maps, grams = 1, where these share a signal.
    """
    Q = Q if Q.ndim > 3 else Q[None]
    rows = Q.swapaxes(-2, -3) if one_signal else Q[..., None, :]
    gram = rows.conj().swapaxes(-1, -2) @ rows
    packed = np.tril(gram.real)
    if Q.dtype.kind == "c":
        packed += np.tril(gram.imag, -1).swapaxes(-1, -2)
    return np.ascontiguousarray(packed[:, None] if one_signal else packed)


def signal_step(squares: Any, d: Any, b: Any, active: Any, t: Any) -> Any:
    """The signals of the problems that are `active`, into t; whether their matrices were positive.

    d (b, m) and b, t (b, signals, n) in float64 or complex128. One Gram matrix for each signal or
    for all, with a ridge of eps times the mean of its diagonal; where it is not positive all the
    same, the answer is False and t of no use.
    """
    device = device_of(squares, d, b, active, t)
    if device is not None:
        from . import cuda

        return cuda.signal_step(device, squares, d, b, active, t)
    from . import cpu

    good = np.ones(len(d), dtype=np.bool_)
    cpu.signal_step(squares, _parts(d), _parts(b), active, _parts(t), good)
    return good


def gain_sums(y: Any, d: Any, v: Any, active: Any, before: Sums) -> Sums:
    """`Sums` of y, v (b, p, m) and d (b, m) for problems that are `active`; else those `before`."""
    device = device_of(y, d, v, active, *before)
    if device is not None:
        from . import cuda

        return cuda.gain_sums(device, y, d, v, active, before)
    from . import cpu

    after = Sums(*(array.copy() for array in before))
    cpu.gain_sums(y, d, v, active, *after)
    return after


def _parts(array: np.ndarray) -> np.ndarray:
    """Real and imaginary parts along one more axis."""
    count = 2 if array.dtype.kind == "c" else 1
    return array.view(np.float64).reshape(*array.shape, count)
