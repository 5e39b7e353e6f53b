"""Errors against the signal-to-noise ratio, beside what was predicted."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING

import numpy as np

from .._errors import argument_error
from ._style import INK, SERIES_STYLES, finish, own_axes

if TYPE_CHECKING:
    from matplotlib.axes import Axes

__all__ = ["error_against_snr"]


Points = Iterable[tuple[float, float]]


def error_against_snr(
    measured: Mapping[str, Points],
    *,
    predicted: Mapping[str, Points] | None = None,
    target: float | None = None,
    ax: Axes | None = None,
    title: str | None = None,
) -> Axes:
    """Draw relative errors against the signal-to-noise ratio in decibels.

    Parameters
    ----------
    measured : mapping of str to iterable of (snr, error)
        Several errors at one ratio make one point, their root mean square.
    predicted : mapping of str to iterable of (snr, error), optional
        Dotted lines, in the colour of what is measured under the same name.
    target : float, optional
        The error wanted, drawn as a line.
    ax : matplotlib.axes.Axes, optional
        Where to draw; a new figure by default.
    title : str, optional

    Returns
    -------
    matplotlib.axes.Axes

    Notes
    -----
    The root mean square is what `rnla.calibration.predicted_errors` and the Cramer-Rao bound speak
    of.

    Examples
    --------
    >>> from rnla.calibration import predicted_errors
    >>> levels = [10.0, 20.0, 40.0]
    >>> curve = [(s, predicted_errors("repeated", m=64, n=32, p=8, snr=s).gains) for s in levels]
    >>> ax = error_against_snr({"gains": curve})  # doctest: +SKIP
    """
    curves = {name: _by_level(points, "measured") for name, points in measured.items()}
    dotted = {name: _by_level(points, "predicted") for name, points in (predicted or {}).items()}
    if not any(curves.values()):
        raise argument_error(
            "measured", "no errors", "at least one", "Pass {'gains': [(20.0, 0.04), …]}."
        )
    ax = own_axes(ax)
    colors = {}
    for place, (name, curve) in enumerate(curves.items()):
        color, marker = SERIES_STYLES[place % len(SERIES_STYLES)]
        colors[name] = color
        levels = sorted(curve)
        errors = [math.sqrt(float(np.mean(np.square(curve[level])))) for level in levels]
        ax.plot(levels, errors, color=color, marker=marker, ms=6, lw=1.6, label=name)
    for name, curve in dotted.items():
        levels = sorted(curve)
        errors = [math.sqrt(float(np.mean(np.square(curve[level])))) for level in levels]
        ax.plot(
            levels, errors, color=colors.get(name, INK), lw=1.4, ls=":", label=f"{name}, predicted"
        )
    if target is not None:
        ax.axhline(target, color=INK, ls="--", lw=1, label=f"asked for: {target:g}")
    ax.set_yscale("log")
    ax.set_xlabel("signal-to-noise ratio (dB)")
    ax.set_ylabel("relative error (root mean square)")
    finish(ax, title or "The error falls as the noise does")
    return ax


def _by_level(points: Points, name: str) -> dict[float, list[float]]:
    curve: dict[float, list[float]] = {}
    for snr, error in points:
        if not (math.isfinite(snr) and math.isfinite(error) and error > 0.0):
            raise argument_error(
                name,
                (snr, error),
                "finite decibels and positive errors",
                "Leave out exact data: their ratio is infinite.",
            )
        curve.setdefault(float(snr), []).append(float(error))
    return curve
