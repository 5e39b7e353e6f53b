"""Sorted scores: how unequal the rows are."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from .._errors import argument_error
from ._style import INK, LABELS, finish, method_style, own_axes

if TYPE_CHECKING:
    from matplotlib.axes import Axes

__all__ = ["score_profile"]


def score_profile(
    scores: Mapping[str, npt.ArrayLike], *, ax: Axes | None = None, title: str | None = None
) -> Axes:
    """Draw sorted scores of one or several methods on logarithmic axes.

    Parameters
    ----------
    scores : mapping of str to array_like, shape (n,)
        Method name to scores; result records of the score functions can be passed as they are.
    ax : matplotlib.axes.Axes, optional
        Where to draw; a new figure by default.
    title : str, optional

    Returns
    -------
    matplotlib.axes.Axes

    Notes
    -----
    Each curve is divided by its sum: it shows which share of the sampling probability the row of
    each rank gets. A flat curve, near the dashed line at 1/n, means that uniform sampling does as
    well. Rows with score zero cannot appear on a logarithmic axis and are left out.
    """
    if not scores:
        raise argument_error("scores", "nothing", "at least one method", "Pass {'lewis': values}.")
    ax = own_axes(ax)
    longest = 0
    floor = math.inf
    for name, values in scores.items():
        array = np.sort(np.asarray(values, dtype=np.float64).ravel())[::-1]
        total = array.sum()
        if not (array.size and np.isfinite(total) and total > 0 and array[-1] >= 0):
            raise argument_error(
                "scores",
                f"{name!r} with sum {total:g}",
                "finite non-negative scores with a positive sum",
                "Pass the values of a score function.",
            )
        longest = max(longest, array.size)
        share = array[array > 0] / total
        ranks = np.arange(1, share.size + 1)
        if share.size > 1000:  # one point per pixel is enough, evenly on the logarithmic axis
            ranks = np.unique(np.geomspace(1, share.size, 1000).round().astype(np.int64))
        color, _ = method_style(name)
        ax.plot(ranks, share[ranks - 1], color=color, lw=2, label=LABELS.get(name, name))
        floor = min(floor, float(np.quantile(share, 0.001)))
    ax.axhline(1 / longest, color=INK, ls="--", lw=1, label=f"uniform, 1/n with n = {longest:,}")
    ax.set(xscale="log", yscale="log", xlim=(1, longest))
    ax.set_ylim(bottom=min(floor, 1 / longest) / 2)
    ax.set_xlabel("row, ranked by score (count)")
    ax.set_ylabel("share of the total score")
    finish(ax, title or "How unequal the rows are")
    return ax
