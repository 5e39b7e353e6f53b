"""Stability regions of multistep solvers in the complex plane."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

import numpy as np

from .._errors import argument_error, check_positive
from ._style import INK, SERIES_STYLES, faded, finish, own_axes

if TYPE_CHECKING:
    from matplotlib.axes import Axes

__all__ = ["stability_regions"]


_POINTS = 241


def stability_regions(
    regions: Iterable[Any],
    *,
    reach: float | None = None,
    ax: Axes | None = None,
    title: str | None = None,
) -> Axes:
    """Draw where multistep solvers are stable, one outline each.

    Parameters
    ----------
    regions : iterable of StabilityRegion
        As `rnla.diffusion.stability.stability_region` makes them; the legend has their names and
        the lengths of their intervals on the real axis.
    reach : float, optional
        How far left the picture goes; by default a little further than the longest interval.
    ax : matplotlib.axes.Axes, optional
        Where to draw; a new figure by default.
    title : str, optional

    Returns
    -------
    matplotlib.axes.Axes

    Notes
    -----
    The outline is the level line 1 of the largest root on a grid of 241 x 241 points, so loops of
    the boundary locus outside the region do not appear.
    """
    listed = list(regions)
    if not listed:
        raise argument_error(
            "regions", "none", "at least one region", "Pass [stability_region(2)], say."
        )
    longest = max(region.real_axis_limit for region in listed)
    width = 1.12 * longest if reach is None else check_positive(reach, "reach")
    x = np.linspace(-width, 0.15 * width, _POINTS)
    y = np.linspace(-0.75 * width, 0.75 * width, _POINTS)
    z = x[None, :] + 1j * y[:, None]
    ax = own_axes(ax)
    for number, region in enumerate(listed):
        color, _ = SERIES_STYLES[number % len(SERIES_STYLES)]
        size = region.amplification(z)
        ax.contourf(x, y, size, levels=[0.0, 1.0], colors=[faded(color, 0.10)])
        ax.contour(x, y, size, levels=[1.0], colors=[color], linewidths=1.8)
        ax.plot(
            [-region.real_axis_limit],
            [0.0],
            "o",
            color=color,
            ms=5,
            label=f"{region.name or 'method'}, to −{region.real_axis_limit:.3g}",
        )
    ax.axhline(0.0, color=INK, lw=0.8)
    ax.axvline(0.0, color=INK, lw=0.8)
    ax.set_aspect("equal")
    ax.set_xlabel("step times eigenvalue, real part")
    ax.set_ylabel("imaginary part")
    finish(ax, title or "Where a step damps every mode")
    return ax
