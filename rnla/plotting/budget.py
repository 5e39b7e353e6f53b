"""How the error of an adaptive approximation falls with the evaluations spent."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from .._errors import argument_error
from ._style import INK, SERIES_STYLES, finish, own_axes, plain_ticks

if TYPE_CHECKING:
    from matplotlib.axes import Axes

__all__ = ["error_against_evaluations"]


def error_against_evaluations(
    surrogates: Any,
    *,
    output: int = 0,
    tol: float | None = None,
    ax: Axes | None = None,
    title: str | None = None,
) -> Axes:
    """Draw the estimated error of every round against the evaluations up to it.

    Parameters
    ----------
    surrogates : Surrogate or mapping of str to Surrogate
        With the history of `rnla.approximate`.
    output : int, default 0
        Which output of a function with several.
    tol : float, optional
        The error asked for, drawn as a line.
    ax : matplotlib.axes.Axes, optional
        Where to draw; a new figure by default.
    title : str, optional

    Returns
    -------
    matplotlib.axes.Axes

    Notes
    -----
    Errors are root mean squares over the measure, in the units of the function. Rounds with an
    interval have it as a bar; the others only explored.
    """
    named = surrogates if isinstance(surrogates, Mapping) else {"estimated error": surrogates}
    curves = {name: _rounds(surrogate, output) for name, surrogate in named.items()}
    if not any(curve.size for curve in curves.values()):
        raise argument_error(
            "surrogates",
            "no history",
            "at least one round with a positive finite error",
            "Pass what rnla.approximate returned.",
        )
    ax = own_axes(ax)
    for place, (name, curve) in enumerate(curves.items()):
        color, marker = SERIES_STYLES[place % len(SERIES_STYLES)]
        counts, errors, low, high = curve.T
        ax.plot(counts, errors, color=color, marker=marker, ms=4, lw=1.6, label=name)
        sure = np.isfinite(low) & np.isfinite(high)
        lengths = np.maximum([errors[sure] - low[sure], high[sure] - errors[sure]], 0.0)
        if sure.any():
            ax.errorbar(
                counts[sure],
                errors[sure],
                yerr=lengths,
                fmt=marker,
                ms=7,
                color=color,
                capsize=4,
                lw=1.4,
                label=f"{name}, with interval" if len(curves) > 1 else "with interval",
            )
    if tol is not None:
        ax.axhline(tol, color=INK, ls="--", lw=1, label=f"asked for: {tol:g}")
    ax.set(xscale="log", yscale="log")
    plain_ticks(ax, sorted({count for curve in curves.values() for count in curve[:, 0]}))
    ax.set_xlabel("evaluations of the function (count)")
    ax.set_ylabel("error in the mean square (root)")
    finish(ax, title or "The error falls with the evaluations")
    return ax


def _rounds(surrogate: Any, output: int) -> Any:
    """Evaluations, error and interval, (rounds, 4); only rounds that a logarithm can show."""
    rows = []
    for entry in surrogate.history:
        error = np.atleast_1d(entry.squared_error)
        if not 0 <= output < error.size:
            raise argument_error(
                "output", output, f"a number from 0 to {error.size - 1}", "Pass output=0."
            )
        low, high = (float(np.atleast_1d(end)[output]) for end in entry.interval)
        value = float(error[output])
        if math.isfinite(value) and value > 0.0:
            rows.append([entry.evaluations, *np.sqrt([value, low, high])])
    return np.array(rows, dtype=np.float64).reshape(-1, 4)
