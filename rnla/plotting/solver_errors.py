"""Error of diffusion solvers against the number of evaluations."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

import numpy as np

from .._errors import argument_error
from ._style import INK, SERIES_STYLES, finish, own_axes

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from ..diffusion.comparison import Comparison

__all__ = ["solver_errors"]


def solver_errors(
    comparison: Comparison,
    *,
    highlight: Iterable[str] | None = None,
    ax: Axes | None = None,
    title: str | None = None,
) -> Axes:
    """Draw the error of every solver of a comparison against its number of evaluations.

    Parameters
    ----------
    comparison : Comparison
        What `rnla.diffusion.compare` returns.
    highlight : iterable of str, optional
        Solvers drawn in colour and named, at most eight; the others are grey. By default the eight
        with the smallest errors at the largest number of evaluations.
    ax : matplotlib.axes.Axes, optional
        Where to draw; a new figure by default.
    title : str, optional

    Returns
    -------
    matplotlib.axes.Axes

    Raises
    ------
    ArgumentError
        If a highlighted solver is not in the comparison, or there are more than eight.
    """
    names = list(comparison.solvers)
    chosen = _best(comparison) if highlight is None else list(highlight)
    unknown = [name for name in chosen if name not in names]
    if unknown or len(chosen) > len(SERIES_STYLES):
        got = f"{unknown[0]!r}" if unknown else f"{len(chosen)} solvers"
        raise argument_error(
            "highlight",
            got,
            f"at most {len(SERIES_STYLES)} of " + ", ".join(names),
            "Leave it out for the best.",
        )
    ax = own_axes(ax)
    counts = np.array(comparison.evaluations)
    for name, errors in zip(names, comparison.errors, strict=True):
        if name not in chosen:
            ax.plot(counts, errors, color="#BBBBBB", linewidth=0.8, zorder=1)
    for name, (color, marker) in zip(chosen, SERIES_STYLES, strict=False):
        ax.plot(
            counts,
            comparison.errors[names.index(name)],
            color=color,
            marker=marker,
            label=name,
            zorder=2,
        )
    ax.set_xscale("log")
    ax.set_yscale("log")
    ax.set_xticks(counts, [str(count) for count in counts])
    ax.minorticks_off()
    ax.set_xlabel("evaluations of the model", color=INK)
    ax.set_ylabel("largest error of a coordinate", color=INK)
    finish(ax, "Error of diffusion solvers" if title is None else title)
    return ax


def _best(comparison: Any) -> list[str]:
    return [row["solver"] for row in comparison.rows()][: len(SERIES_STYLES)]
