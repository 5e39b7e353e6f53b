"""How distortion falls with the number of rows kept."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING

import numpy as np

from .._errors import argument_error, check_p
from ._style import INK, LABELS, finish, method_style, own_axes, plain_ticks

if TYPE_CHECKING:
    from matplotlib.axes import Axes

__all__ = ["distortion_against_size"]


def distortion_against_size(
    measured: Mapping[str, Iterable[tuple[float, float]]],
    *,
    eps: float | None = None,
    p: float | None = None,
    ax: Axes | None = None,
    title: str | None = None,
) -> Axes:
    """Draw found distortion against rows kept, one curve per method.

    Parameters
    ----------
    measured : mapping of str to iterable of (rows, distortion)
        Points of one method; where several share a size, the curve is their median and a band shows
        the smallest to the largest. Infinite distortions (a direction was lost) are drawn at the
        upper edge.
    eps : float, optional
        The distortion asked for, drawn as a line.
    p : float, optional
        Exponent, for the axis label.
    ax : matplotlib.axes.Axes, optional
        Where to draw; a new figure by default.
    title : str, optional

    Returns
    -------
    matplotlib.axes.Axes

    Notes
    -----
    The dotted guide has the slope m^(-1/2) that theory gives for a fixed matrix, and passes through
    the last point of the best curve; its height is not a prediction.
    """
    curves = {name: _by_size(points) for name, points in measured.items()}
    finite = [v for curve in curves.values() for vs in curve.values() for v in vs if 0 < v < np.inf]
    if not finite:
        raise argument_error(
            "measured",
            "no finite positive distortion",
            "at least one",
            "Pass {'lewis': [(rows, distortion), …]}.",
        )
    ax = own_axes(ax)
    top = 1.6 * max([*finite, eps or 0.0])
    bottom = min([*finite, eps or math.inf]) / 1.6
    for name, curve in curves.items():
        color, marker = method_style(name)
        sizes = np.array(sorted(curve))
        values = [np.clip(curve[size], bottom, top) for size in sizes]
        ax.plot(
            sizes,
            [np.median(v) for v in values],
            color=color,
            marker=marker,
            ms=6,
            lw=1.8,
            label=LABELS.get(name, name),
            clip_on=False,
        )
        if any(len(v) > 1 for v in values):
            low, high = [v.min() for v in values], [v.max() for v in values]
            ax.fill_between(sizes, low, high, color=color, alpha=0.15, lw=0)
    _guide(ax, curves)
    if eps is not None:
        ax.axhline(eps, color=INK, ls="--", lw=1, label=f"asked for: eps = {eps:g}")
    ax.set(xscale="log", yscale="log", ylim=(bottom, top))
    plain_ticks(ax, sorted({size for curve in curves.values() for size in curve}))
    ax.set_xlabel("rows kept, m (count)")
    norm = "p" if p is None else f"{check_p(p):g}"
    power = "" if p == 1 else f"^{{{norm}}}"
    ax.set_ylabel(f"found distortion of $\\|Ax\\|_{{{norm}}}{power}$ (relative)")
    finish(ax, title or "Distortion falls with the number of rows")
    return ax


def _by_size(points: Iterable[tuple[float, float]]) -> dict[float, list[float]]:
    curve: dict[float, list[float]] = {}
    for size, value in points:
        curve.setdefault(float(size), []).append(float(value))
    return curve


def _guide(ax: Axes, curves: Mapping[str, dict[float, list[float]]]) -> None:
    """A line of slope -1/2 through the lowest point at the largest size."""
    sizes = [size for curve in curves.values() for size in curve]
    if min(sizes) == max(sizes):
        return
    ends = [np.median(curve[max(curve)]) for curve in curves.values() if max(curve) == max(sizes)]
    anchor = min((e for e in ends if 0 < e < np.inf), default=None)
    if anchor is None:
        return
    span = np.array([min(sizes), max(sizes)])
    line = anchor * np.sqrt(span[1] / span)
    ax.plot(span, line, color=INK, ls=":", lw=1.2, zorder=1, label="slope of theory, $m^{-1/2}$")
