"""How stable designs are against their number of points."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from .._errors import argument_error, check_fraction, check_size
from ._style import INK, LABELS, finish, law_style, own_axes, plain_ticks

if TYPE_CHECKING:
    from matplotlib.axes import Axes

__all__ = ["stability_against_size"]

Vector = npt.NDArray[np.float64]


def stability_against_size(
    measured: Mapping[str, Iterable[tuple[float, float]]],
    dimension: int,
    *,
    delta: float = 0.5,
    level: float = 0.9,
    ax: Axes | None = None,
    title: str | None = None,
) -> Axes:
    """Draw quantiles of the smallest eigenvalue against the number of points, for each law.

    Parameters
    ----------
    measured : mapping of str to iterable of (points, lambda_min)
        Law to sizes and stabilities of designs, many of each size: the curve is their median, the
        band holds the share `level` in the middle. Designs can be passed as (d.size, d.lambda_min).
    dimension : int
        Dimension m of the space.
    delta : float, default 0.5
        The stability event lambda_min >= 1 - delta is drawn as a line.
    level : float, default 0.9
        Share of the draws in the band.
    ax : matplotlib.axes.Axes, optional
        Where to draw; a new figure by default.
    title : str, optional

    Returns
    -------
    matplotlib.axes.Axes

    Notes
    -----
    The dotted curve is proved for independent points of the optimal law: with probability
    (1 + level)/2 at least, lambda_min is above it (matrix Chernoff bound: 1 - t with
    m exp(-n (t + (1 - t) log(1 - t))) = (1 - level)/2). It is to be compared with the lower edges
    of the bands.
    """
    m = check_size(dimension, name="dimension")
    check_fraction(delta, "delta")
    tail = (1.0 - check_fraction(level, "level")) / 2.0
    curves = {law: _by_size(points) for law, points in measured.items()}
    if not any(curves.values()):
        raise argument_error(
            "measured",
            "no stability",
            "at least one",
            "Pass {'iid': [(design.size, design.lambda_min), …]}.",
        )
    ax = own_axes(ax)
    for law, curve in curves.items():
        if not curve:
            continue
        color, marker = law_style(law)
        sizes = np.array(sorted(curve))
        quantiles = np.array([np.quantile(curve[n], [tail, 0.5, 1.0 - tail]) for n in sizes])
        ax.plot(
            sizes,
            quantiles[:, 1],
            color=color,
            marker=marker,
            lw=1.8,
            ms=6,
            label=LABELS.get(law, law),
        )
        if max(map(len, curve.values())) > 1:
            ax.fill_between(sizes, quantiles[:, 0], quantiles[:, 2], color=color, alpha=0.15, lw=0)
    every = sorted({n for curve in curves.values() for n in curve})
    grid = np.geomspace(every[0], every[-1], 200) if len(every) > 1 else np.array(every)
    ax.plot(
        grid,
        _chernoff(grid, m, tail),
        color=INK,
        ls=":",
        lw=1.4,
        label=f"proved for independent points, {100 * (1 - tail):g} %",
    )
    ax.axhline(1.0 - delta, color=INK, ls="--", lw=1, label=f"stable: {1 - delta:g}")
    ax.set(xscale="log", ylim=(0.0, 1.05))
    plain_ticks(ax, every)
    ax.set_xlabel(f"points, n (count; m = {m})")
    ax.set_ylabel("smallest eigenvalue of the Gram matrix")
    finish(ax, title or "Stability grows with the number of points")
    return ax


def _by_size(points: Iterable[tuple[float, float]]) -> dict[float, list[float]]:
    curve: dict[float, list[float]] = {}
    for size, value in points:
        if not (math.isfinite(value) and size >= 1):
            raise argument_error(
                "measured",
                (size, value),
                "numbers of points and finite eigenvalues",
                "Take (design.size, design.lambda_min) of designs for one space.",
            )
        curve.setdefault(float(size), []).append(float(value))
    return curve


def _chernoff(sizes: Vector, m: int, tail: float) -> Vector:
    """What lambda_min exceeds with probability 1 - tail; nan where nothing is proved."""
    wanted = math.log(m / tail) / (sizes / m)
    low, high = np.zeros(sizes.size), np.ones(sizes.size)
    for _ in range(60):  # bisection for t of 1 - t + t log t, which falls from 1 to 0
        middle = 0.5 * (low + high)
        larger = 1.0 - middle + middle * np.log(middle) > wanted
        low, high = np.where(larger, middle, low), np.where(larger, high, middle)
    return np.where(wanted < 1.0, low, np.nan)
