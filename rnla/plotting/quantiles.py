"""Coefficients of quantile regressions against the quantile."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from .._errors import argument_error
from ._style import SERIES_STYLES, finish, own_axes

if TYPE_CHECKING:
    from matplotlib.axes import Axes

__all__ = ["quantile_coefficients"]


def quantile_coefficients(
    fit: Any,
    *,
    columns: Sequence[int] | None = None,
    column_names: Sequence[str] | None = None,
    ax: Axes | None = None,
    title: str | None = None,
) -> Axes:
    """Draw how coefficients change from low to high quantiles.

    Parameters
    ----------
    fit : QuantileFit
        What `rnla.quantile_regression` returned for several quantiles.
    columns : sequence of int, optional
        Which coefficients; by default the eight that change most.
    column_names : sequence of str, optional
        Names of all columns, for the legend.
    ax : matplotlib.axes.Axes, optional
        Where to draw; a new figure by default.
    title : str, optional

    Returns
    -------
    matplotlib.axes.Axes

    Notes
    -----
    A column whose line is flat shifts the response; one whose line rises spreads it.
    """
    q, x = np.asarray(fit.q, dtype=np.float64), np.asarray(fit.x)
    if x.ndim != 2 or q.size < 2:
        raise argument_error(
            "fit", "one quantile", "at least two", "Pass several: q=[0.1, 0.5, 0.9]."
        )
    d = x.shape[0]
    if columns is None:
        span = x.max(axis=1) - x.min(axis=1)
        columns = sorted(np.argsort(-span, kind="stable")[: len(SERIES_STYLES)].tolist())
    elif not all(0 <= j < d for j in columns):
        remedy = "Pass columns=[0, 1]."
        raise argument_error("columns", list(columns), f"numbers from 0 to {d - 1}", remedy)
    names = [f"column {j}" for j in range(d)] if column_names is None else list(column_names)
    order = np.argsort(q, kind="stable")
    ax = own_axes(ax)
    for place, j in enumerate(columns):
        color, marker = SERIES_STYLES[place % len(SERIES_STYLES)]
        ax.plot(q[order], x[j, order], color=color, marker=marker, lw=1.8, ms=5, label=names[j])
    ax.set(xlabel="quantile", ylabel="coefficient")
    finish(ax, title or "Coefficients by quantile")
    return ax
