"""The spectrum of canonical correlations: is there one answer, and how far is the next?"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from .._errors import argument_error, check_size
from ._style import INK, SERIES_STYLES, finish, own_axes

if TYPE_CHECKING:
    from matplotlib.axes import Axes

__all__ = ["correlation_profile"]

_FLOOR = 1e-16
_CLOSED = 1e-3


def correlation_profile(
    correlations: Any,
    *,
    predicted: float | None = None,
    count: int = 30,
    ax: Axes | None = None,
    title: str | None = None,
) -> Axes:
    """Draw how far the leading canonical correlations stay below one.

    Parameters
    ----------
    correlations : array_like, shape (k,), or mapping of str to such
        Canonical correlations between data and operators, in [0, 1].
    predicted : float, optional
        Predicted second correlation, from `rnla.calibration.predicted_correlation`, drawn as a
        line.
    count : int, default 30
        How many to draw.
    ax : matplotlib.axes.Axes, optional
        Where to draw; a new figure by default.
    title : str, optional

    Returns
    -------
    matplotlib.axes.Axes

    Notes
    -----
    1 - sigma_j on a logarithmic axis; each j stands for a direction of the reciprocal gains. One
    point far below the others is an answer that nothing competes with. As many points as lie near
    the bottom answers fit the data nearly equally well, and may be mixed. Exact ones are drawn at
    1e-16.
    """
    named = correlations if isinstance(correlations, Mapping) else {"computed": correlations}
    count = check_size(count, name="count")
    if not named:
        raise argument_error(
            "correlations", "nothing", "at least one", "Pass {'masks': correlations}."
        )
    curves = {name: _checked(values)[:count] for name, values in named.items()}
    lowest = min(_FLOOR if values[0] >= 1.0 else 1.0 - values[0] for values in curves.values())
    bottom = min(max(lowest, _FLOOR), _CLOSED) / 3.0
    ax = own_axes(ax)
    for place, (name, values) in enumerate(curves.items()):
        color, marker = SERIES_STYLES[place % len(SERIES_STYLES)]
        below = np.maximum(1.0 - values, _FLOOR)
        ranks = np.arange(1, len(values) + 1)
        ax.plot(ranks, below, color=color, marker=marker, ms=5, lw=0.8, label=name)
    if predicted is not None:
        label = f"second one as predicted: {1.0 - predicted:.2g}"
        ax.axhline(max(1.0 - predicted, _FLOOR), color=INK, ls=":", lw=1.4, label=label)
    label = f"within {_CLOSED:g} of one"
    ax.axhspan(bottom, _CLOSED, color="#D55E00", alpha=0.08, lw=0, label=label)
    ax.set_yscale("log")
    ax.set_ylim(bottom, 2.0)
    ax.set_xlabel("canonical correlation (number, from the largest)")
    ax.set_ylabel("distance from one, $1 - \\sigma_j$")
    finish(ax, title or "What the data determine")
    return ax


def _checked(values: Any) -> Any:
    array = np.sort(np.asarray(values, dtype=np.float64).ravel())[::-1]
    if array.size == 0 or not np.isfinite(array).all() or array[-1] < 0 or array[0] > 1 + 1e-9:
        got = "nothing" if array.size == 0 else f"values from {array[-1]:.3g} to {array[0]:.3g}"
        remedy = "Pass canonical correlations, not singular values of the data."
        raise argument_error("correlations", got, "numbers in [0, 1]", remedy)
    return np.minimum(array, 1.0)
