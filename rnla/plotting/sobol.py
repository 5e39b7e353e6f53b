"""Sobol indices as bars: what each coordinate does alone, and together with others."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from .._errors import argument_error
from ._style import INK, faded, finish, own_axes

if TYPE_CHECKING:
    from matplotlib.axes import Axes

__all__ = ["sobol_bars"]

_ALONE = "#0072B2"


def sobol_bars(
    sobol: Any,
    *,
    names: Sequence[str] | None = None,
    output: int = 0,
    ax: Axes | None = None,
    title: str | None = None,
) -> Axes:
    """Draw the first-order and the total Sobol index of every coordinate.

    Parameters
    ----------
    sobol : SobolIndices
        `surrogate.sobol` or `fit.sobol`.
    names : sequence of str, optional
        Names of the coordinates.
    output : int, default 0
        Which output of a function with several.
    ax : matplotlib.axes.Axes, optional
        Where to draw; a new figure by default.
    title : str, optional

    Returns
    -------
    matplotlib.axes.Axes

    Notes
    -----
    Totals count an interaction once for each of its coordinates, so they sum to more than 1.
    """
    d = sobol.dimension
    first, total = (array.reshape(d, -1) for array in (sobol.first_order, sobol.total))
    if not 0 <= output < first.shape[1]:
        raise argument_error(
            "output", output, f"a number from 0 to {first.shape[1] - 1}", "Pass output=0."
        )
    if not np.isfinite(total[:, output]).all():
        raise argument_error(
            "sobol", "shares of a constant", "a function with variance", "Draw another output."
        )
    labels = [f"$x_{{{l + 1}}}$" for l in range(d)] if names is None else list(names)
    if len(labels) != d:
        raise argument_error("names", f"{len(labels)} names", f"{d}", "Name every coordinate.")
    ax = own_axes(ax)
    places = np.arange(d)
    alone = first[:, output]
    ax.barh(places, alone, color=_ALONE, height=0.65, label="alone (first order)")
    ax.barh(
        places,
        np.maximum(total[:, output] - alone, 0.0),
        left=alone,
        height=0.65,
        facecolor=faded(_ALONE, 0.25),
        edgecolor=_ALONE,
        lw=0.7,
        label="with others (up to total)",
    )
    ax.set_yticks(places, labels, color=INK)
    ax.invert_yaxis()
    ax.set_xlim(0.0, max(1.0, float(total[:, output].max())) * 1.02)
    ax.set_xlabel("share of the variance")
    ax.set_ylabel("coordinate")
    finish(ax, title or "Where the variance comes from")
    return ax
