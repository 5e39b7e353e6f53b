"""`gains_from_model`: antenna gains of an interferometer from a model of the sky (SPEC A13).

V_pq = g_p M_pq conj(g_q) + noise. A linear start, exact without noise, then damped alternating
least squares (StEFCal, Salvini and Wijnholds, Astronomy and Astrophysics 571, 2014); error bars
from the Cramer-Rao bound, which splits into one matrix for moduli and one for phases. O(P^3) once,
O(P^2) an iteration, for each array, frequency or time slot of a batch.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from .._errors import ArgumentTypeError, argument_error, check_positive, check_size
from .._result import FloatArray, Status
from ._ambiguity import LEAST_GAP
from ._stefcal import linear_start, stefcal
from ._visibilities import Visibilities, as_visibilities
from .operators._base import refuse_device

__all__ = ["InterferometerGains", "gains_from_model"]

_TINY = np.finfo(np.float64).tiny


@dataclass(frozen=True, eq=False)
class InterferometerGains:
    """Antenna gains, how well they are known, and how they were found.

    Attributes
    ----------
    gains : ndarray of complex, shape (..., P)
        g; zero where flagged.
    flags : ndarray of bool, shape (..., P)
        Antennas without data, weight or model, and those left out on request.
    modulus_error : ndarray, shape (..., P)
        Standard errors of |g|; inf where not determined or flagged.
    phase_error : ndarray, shape (..., P)
        Standard errors of the phases in radians, relative to the reference.
    chi2 : ndarray, shape (...)
        Sum of w |residual|^2 / noise^2 over degrees of freedom; about 1 if model and noise are
        right. With noise=None it is 1 by definition.
    noise : ndarray, shape (...)
        sigma used: as given, or estimated from the residuals.
    sigma : ndarray, shape (..., 2)
        The two leading canonical correlations of the linear start: 1 - sigma_1^2 is the relative
        misfit, sigma_1 - sigma_2 the gap.
    start : ndarray of complex, shape (..., P)
        Where the iteration began.
    iterations : ndarray of int, shape (...)
    converged, ambiguous : ndarray of bool, shape (...)
    status : Status
        The worst over the batch.
    convention : str
        How the free common phase was chosen.
    """

    gains: FloatArray
    flags: FloatArray
    modulus_error: FloatArray
    phase_error: FloatArray
    chi2: FloatArray
    noise: FloatArray
    sigma: FloatArray
    start: FloatArray
    iterations: FloatArray
    converged: FloatArray
    ambiguous: FloatArray
    status: Status
    convention: str

    def predict(self, M: Any) -> FloatArray:
        """Visibilities g M g^* that these gains turn a model into, shape (..., P, P)."""
        refuse_device(M, "M")
        g = self.gains
        visibilities: FloatArray = g[..., :, None] * np.asarray(M) * g.conj()[..., None, :]
        return visibilities

    def correct(self, V: Any) -> FloatArray:
        """V_pq / (g_p conj(g_q)), nan where an antenna is flagged or has gain zero."""
        refuse_device(V, "V")
        factor = self.gains[..., :, None] * self.gains.conj()[..., None, :]
        with np.errstate(divide="ignore", invalid="ignore"):
            corrected: FloatArray = np.where(factor != 0.0, np.asarray(V) / factor, np.nan)
        return corrected


def gains_from_model(
    V: Any,
    M: Any,
    *,
    weights: Any = None,
    flagged: Any = None,
    autocorrelations: bool = False,
    noise: float | None = None,
    start: str | Any = "linear",
    reference: int | None = None,
    tol: float = 1e-9,
    max_iter: int = 200,
) -> InterferometerGains:
    """Find the gains g of V_pq = g_p M_pq conj(g_q) + noise, M known.

    Parameters
    ----------
    V : array_like of complex, shape (..., P, P)
        Measured visibilities, Hermitian, nan where missing. One half is enough: the other may be
        nan. Leading axes are independent problems: frequencies, time slots, arrays.
    M : array_like of complex, broadcastable to V
        Visibilities of the model of the sky, Hermitian.
    weights : array_like, broadcastable to V, optional
        Reciprocal variances up to a factor, 0 for missing.
    flagged : array_like of int or bool, optional
        Numbers of antennas to leave out, or a boolean of shape (..., P).
    autocorrelations : bool
        Whether to use the diagonal; by default it is ignored.
    noise : float, optional
        sigma, E|noise|^2 = sigma^2 for a pair of the largest weight. Estimated from the residuals
        by default.
    start : {"linear", "ones"} or array_like of shape (..., P)
        First gains. The linear start is exact without noise.
    reference : int, optional
        Antenna whose phase is zero; by default the mean of g/|g| has phase zero.
    tol : float
        Stop when an iteration changes the gains by less, relative to their norm.
    max_iter : int
        Iterations at most.

    Returns
    -------
    InterferometerGains

    Raises
    ------
    ArgumentError, ArgumentTypeError
        For arguments whose shapes do not fit, infinite entries, halves that contradict each other,
        no data at all.

    See Also
    --------
    simulate_interferometer : data to try it on.

    Notes
    -----
    One SVD, O(P^3), and O(P^2) an iteration. The common phase is free. The answer is called
    ambiguous if the pairs measured do not connect all antennas with a cycle of odd length, or if
    the gap of the linear start is below 1e-3 or 2 sqrt((1 - sigma_1^2) / P), about the largest
    singular value that noise of the power 1 - sigma_1^2 has. Standard errors for weights scaled to
    largest 1: with B_pq = w_pq |g_p M_pq g_q|^2 and C = diag(sum_q B_pq), log moduli have
    covariance sigma^2/2 (C + B)^-1 and phases sigma^2/2 (C - B)^+, first order in the noise.

    Works on arrays in host memory: convert CuPy arrays with ``cupy.asnumpy`` first.

    References
    ----------
    S. Salvini and S. J. Wijnholds, Fast gain calibration in radio astronomy using alternating
    direction implicit methods: analysis and applications, Astronomy and Astrophysics 571 (2014).

    Examples
    --------
    >>> from rnla.calibration import gains_from_model, relative_error, simulate_interferometer
    >>> array = simulate_interferometer(30, 5, rng=0)
    >>> found = gains_from_model(array.V, array.model)
    >>> bool(relative_error(found.start, array.gains) < 1e-12)
    True
    >>> found.status.name, int(found.iterations)
    ('OK', 1)
    """
    data = as_visibilities(V, M, weights, autocorrelations, flagged)
    P = data.V.shape[-1]
    tol = check_positive(tol, "tol")
    max_iter = check_size(max_iter, name="max_iter")
    _check_reference(reference, P)
    unit = data.unit_gain
    first, sigma = linear_start(data)
    first = _first(start, first, data)
    g, iterations, converged = stefcal(data, first, tol=tol, max_iter=max_iter)
    g, first = (_convention(one, reference) for one in (g, first))
    gap = sigma[..., 0] - sigma[..., 1]
    residual = data.V - g[..., :, None] * data.M * g.conj()[..., None, :]
    misfit = 0.5 * (data.weights * np.abs(residual) ** 2).sum(axis=(-2, -1))
    antennas = (~data.flags).sum(axis=-1)
    moved = 2.0 * np.sqrt((1.0 - sigma[..., 0] ** 2) / np.maximum(antennas, 1))
    ambiguous = (gap < np.maximum(moved, LEAST_GAP)) | ~data.determined
    freedom = np.maximum(data.samples - antennas + 0.5, 0.5)
    estimate = np.sqrt(misfit / freedom)
    level = estimate
    if noise is not None:
        level = np.maximum(check_positive(noise, "noise") / data.unit_V, _TINY)
    modulus, phase = _errors(data, g, level, reference)
    status = Status.OK if converged.all() else Status.NOT_CONVERGED
    if ambiguous.any():
        status = Status.AMBIGUOUS
    convention = "the mean of g/|g| has phase zero"
    if reference is not None:
        convention = f"antenna {reference} has phase zero"
        if (g[..., reference] == 0.0).any():
            convention += " (the mean of g/|g| where it has no gain)"
    return InterferometerGains(
        g * unit,
        data.flags,
        modulus * unit,
        phase,
        np.where(
            estimate == level, 1.0, np.minimum(estimate / np.maximum(level, _TINY), 1e150) ** 2
        ),
        level * data.unit_V,
        sigma,
        first * unit,
        iterations,
        converged,
        ambiguous,
        status,
        convention,
    )


def _check_reference(reference: object, P: int) -> None:
    if reference is None:
        return
    expected, remedy = f"an integer of 0 to {P - 1}", "Pass the number of an antenna."
    if isinstance(reference, bool) or not isinstance(reference, (int, np.integer)):
        got = f"{reference!r} ({type(reference).__name__})"
        raise argument_error("reference", got, expected, remedy, kind=ArgumentTypeError)
    if not 0 <= reference < P:
        raise argument_error("reference", reference, expected, remedy)


def _first(start: Any, linear: FloatArray, data: Visibilities) -> FloatArray:
    if isinstance(start, str):
        if start not in ("linear", "ones"):
            expected = "'linear', 'ones' or an array of gains"
            raise argument_error("start", repr(start), expected, "Pass start='linear'.")
        g = linear if start == "linear" else np.ones_like(linear)
    else:
        refuse_device(start, "start")
        g = np.asarray(start, dtype=np.complex128)
        if g.shape[-1:] != linear.shape[-1:] or not np.isfinite(g).all() or not g.any():
            remedy = "Pass one gain for each antenna."
            expected = f"finite numbers of shape (..., {linear.shape[-1]}), not all zero"
            raise argument_error("start", f"shape {g.shape}", expected, remedy)
        g = np.broadcast_to(g, linear.shape) / data.unit_gain
    return np.where(data.flags, 0.0, g)


def _convention(g: FloatArray, reference: int | None) -> FloatArray:
    modulus = np.abs(g)
    unit = np.where(modulus > 0.0, g / np.maximum(modulus, 1e-300), 0.0)
    turn = unit.sum(axis=-1)
    if reference is not None:
        turn = np.where(modulus[..., reference] > 0.0, unit[..., reference], turn)
    size = np.abs(turn)
    phase = np.where(size > 1e-12, turn / np.maximum(size, 1e-300), 1.0)
    turned: FloatArray = g * phase.conj()[..., None]
    return turned


def _errors(
    data: Visibilities, g: FloatArray, noise: FloatArray, reference: int | None
) -> tuple[FloatArray, FloatArray]:
    """Standard errors of moduli and of phases from the two halves of the information matrix."""
    power = np.abs(g) ** 2
    B = data.weights * np.abs(data.M) ** 2 * power[..., :, None] * power[..., None, :]
    C = B.sum(axis=-1)
    known = C > 0.0
    root = np.sqrt(np.where(known, C, 1.0))
    N = B / (root[..., :, None] * root[..., None, :])
    eye = np.eye(B.shape[-1])
    half = 0.5 * noise[..., None, None] ** 2
    covariance = half * np.linalg.pinv(eye + N, rcond=1e-10, hermitian=True)
    logarithm = np.diagonal(covariance, axis1=-2, axis2=-1) / root**2
    inverse = half * np.linalg.pinv(eye - N, rcond=1e-10, hermitian=True)
    inverse = inverse / (root[..., :, None] * root[..., None, :])
    # Phases relative to one antenna, or to the mean of all that are known.
    share = known / np.maximum(known.sum(axis=-1, keepdims=True), 1)
    if reference is not None:
        one = np.arange(C.shape[-1]) == reference
        share = np.where(known[..., [reference]], one, share)
    centre = eye - share[..., None, :]
    phases = np.diagonal(centre @ inverse @ centre.swapaxes(-2, -1), axis1=-2, axis2=-1)
    modulus = np.where(known, np.sqrt(np.maximum(logarithm, 0.0)) * np.abs(g), np.inf)
    return modulus, np.where(known, np.sqrt(np.maximum(phases, 0.0)), np.inf)
