"""Gains of sensors on the complex plane: modulus, phase, error bars, and what is flagged."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from .._errors import argument_error, check_positive
from ._style import INK, finish, own_axes

if TYPE_CHECKING:
    from matplotlib.axes import Axes

__all__ = ["gain_plane"]

Vector = npt.NDArray[np.float64]

_FOUND, _TRUE, _FLAGGED = "#0072B2", "#595959", "#D55E00"
_MOST_NAMED = 6


def gain_plane(
    found: Any,
    *,
    true: Any = None,
    problem: int | tuple[int, ...] = (),
    level: float = 2.0,
    ax: Axes | None = None,
    title: str | None = None,
) -> Axes:
    """Draw gains as points of the complex plane, with their standard errors.

    Parameters
    ----------
    found : Calibration, InterferometerGains, AffineCalibration or array_like of shape (..., m)
    true : array_like, shape (..., m), optional
        Gains to compare with, drawn as rings, after the common factor that fits best.
    problem : int or tuple of int, optional
        Which problem of a batch.
    level : float, default 2
        Length of the error bars in standard errors.
    ax : matplotlib.axes.Axes, optional
        Where to draw; a new figure by default.
    title : str, optional

    Returns
    -------
    matplotlib.axes.Axes

    Notes
    -----
    Bars go along the modulus and across it, where the phase is. A record with one standard error
    for the complex number has equal bars, 1/sqrt(2) of it each. Flagged sensors are named in the
    legend; they take no part in the common factor and are drawn, as crosses, if their gain is not
    zero.
    """
    level = check_positive(level, "level")
    every = np.asarray(getattr(found, "gains", found))
    index = problem if isinstance(problem, tuple) else (problem,)
    if every.ndim != len(index) + 1 or not np.isfinite(every).all():
        remedy = "Pass problem=0 for the first problem of a batch."
        got = f"shape {every.shape} with problem={problem}"
        raise argument_error("found", got, "finite gains, one problem of them", remedy)
    gains = every[index]
    flagged = (np.asarray(getattr(found, "flags", np.zeros(every.shape))) != 0)[index]
    along, across = _errors(found, index)
    good = ~flagged
    ax = own_axes(ax)
    if true is not None:
        reference = np.asarray(true)
        if reference.shape not in (every.shape, gains.shape):
            remedy = "Pass one gain for each sensor."
            raise argument_error("true", f"shape {reference.shape}", f"{every.shape}", remedy)
        reference = reference if reference.shape == gains.shape else reference[index]
        rings = reference * _factor(reference[good], gains[good])
        ax.plot(
            rings.real, rings.imag, "o", mfc="none", mec=_TRUE, ms=9, mew=1, label="true", zorder=2
        )
    if along is not None and across is not None:
        _bars(ax, gains, level * along, level * across, good)
        ax.plot([], [], color=_FOUND, lw=1.2, label=f"{level:g} standard errors")
    ax.plot(gains[good].real, gains[good].imag, ".", color=_FOUND, ms=6, label="found", zorder=4)
    shown = flagged & (gains != 0)
    if flagged.any():
        ax.plot(
            gains[shown].real, gains[shown].imag, "x", color=_FLAGGED, ms=7, label=_names(flagged)
        )
    _circle(ax, float(np.mean(np.abs(gains[good]))) if good.any() else 1.0)
    ax.set_aspect("equal", adjustable="datalim")
    ax.set_xlabel("real part of the gain")
    ax.set_ylabel("imaginary part of the gain")
    finish(ax, title or "Gains on the complex plane")
    return ax


def _errors(found: Any, index: tuple[int, ...]) -> tuple[Vector | None, Vector | None]:
    """Standard errors along the gain and across it."""
    if hasattr(found, "modulus_error"):
        phase = found.phase_error[index]
        sure = np.isfinite(phase)
        across = np.abs(found.gains[index]) * np.where(sure, phase, 0.0)
        return found.modulus_error[index], np.where(sure, across, np.inf)
    one = getattr(found, "gains_error", None)
    if one is None:
        return None, None
    one = np.asarray(one)[index]
    if not np.iscomplexobj(found.gains):
        return one, np.zeros_like(one)
    half = one / np.sqrt(2.0)
    return half, half


def _bars(ax: Axes, gains: Any, along: Vector, across: Vector, good: Any) -> None:
    from matplotlib.collections import LineCollection

    for length, turn in ((along, 1.0), (across, 1j)):
        sure = good & np.isfinite(length) & (length > 0)
        middle, modulus = gains[sure], np.abs(gains[sure])
        unit = np.where(modulus > 0, middle / np.where(modulus > 0, modulus, 1.0), 1.0)
        step = turn * length[sure] * unit
        ends = np.stack([middle - step, middle + step], axis=-1)
        segments = np.stack([ends.real, ends.imag], axis=-1)
        ax.add_collection(LineCollection(list(segments), colors=_FOUND, linewidths=1.2, zorder=3))


def _factor(reference: Any, gains: Any) -> Any:
    size = np.vdot(reference, reference)
    return np.vdot(reference, gains) / size if size != 0 else 1.0


def _names(flagged: Any) -> str:
    places = np.flatnonzero(flagged)
    names = ", ".join(str(place) for place in places[:_MOST_NAMED])
    more = "" if len(places) <= _MOST_NAMED else f" and {len(places) - _MOST_NAMED} more"
    return f"flagged: {names}{more}"


def _circle(ax: Axes, radius: float) -> None:
    turn = np.linspace(0.0, 2.0 * np.pi, 181)
    ax.plot(
        radius * np.cos(turn),
        radius * np.sin(turn),
        color=INK,
        lw=0.8,
        ls=":",
        label="mean modulus",
    )
