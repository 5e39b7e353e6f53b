"""The leave-one-out error of ridge regression against its penalty."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from .._errors import argument_error
from ._style import INK, finish, own_axes

if TYPE_CHECKING:
    from matplotlib.axes import Axes

__all__ = ["leave_one_out_curve"]

_CURVE, _CHOSEN = "#0072B2", "#D55E00"


def leave_one_out_curve(path: Any, *, ax: Axes | None = None, title: str | None = None) -> Axes:
    """Draw the leave-one-out error of every penalty, with its standard error and the best one.

    Parameters
    ----------
    path : RidgePath
        What `rnla.ridge` returned for one response.
    ax : matplotlib.axes.Axes, optional
        Where to draw; a new figure by default.
    title : str, optional

    Returns
    -------
    matplotlib.axes.Axes

    Notes
    -----
    The upper axis tells the effective degrees of freedom of some penalties. A penalty of zero
    cannot appear on a logarithmic axis and is left out of the curve.
    """
    if np.ndim(path.loo) != 1:
        raise argument_error(
            "path",
            f"a path for {np.shape(path.loo)[1]} responses",
            "one for a single response",
            "Fit the responses one by one, or draw into one `ax` each.",
        )
    shown = np.flatnonzero(path.alphas > 0)
    if shown.size == 0:
        raise argument_error("path", "no positive penalty", "at least one", "Pass more alphas.")
    shown = shown[np.argsort(path.alphas[shown])]
    alphas, loo, error = path.alphas[shown], path.loo[shown], path.loo_error[shown]
    ax = own_axes(ax)
    ax.fill_between(alphas, loo - error, loo + error, color=_CURVE, alpha=0.15, lw=0)
    ax.plot(alphas, loo, color=_CURVE, lw=2, label="leave-one-out error")
    if path.best_alpha > 0:
        ax.plot(
            path.best_alpha,
            path.loo[path.best],
            "o",
            color=_CHOSEN,
            label=f"least at alpha = {path.best_alpha:.3g}",
        )
        ax.axvline(path.best_alpha, color=_CHOSEN, ls=":", lw=1)
    ax.set(xscale="log", xlabel="penalty alpha", ylabel="mean squared error at rows left out")
    finish(ax, title or "Rows predicted from all others")
    _degrees_of_freedom(ax, alphas, path.degrees_of_freedom[shown])
    return ax


def _degrees_of_freedom(ax: Axes, alphas: Any, freedom: Any) -> None:
    if alphas.size < 2:
        return
    places = np.unique(np.linspace(0, alphas.size - 1, 5).round().astype(int))
    top = ax.secondary_xaxis("top")
    top.set_xticks(alphas[places], [f"{value:.3g}" for value in freedom[places]])
    top.minorticks_off()
    top.set_xlabel("effective degrees of freedom", color=INK)
    top.tick_params(colors=INK, labelsize=9.5)
    ax.title.set_y(1.16)
