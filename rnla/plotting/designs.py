"""Designs in the plane: where each law puts its points, over the density that is optimal."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from .._errors import argument_error, check_size
from ._style import INK, LABELS, faded, finish, frame, law_style, own_axes, own_figure

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

__all__ = ["design_points", "designs_side_by_side"]

Vector = npt.NDArray[np.float64]

_GRID = 121
_LEVELS = tuple(2.0**power for power in range(-3, 8))
_AREAS = (3.0, 90.0)


def design_points(
    design: Any, *, basis: Any = None, ax: Axes | None = None, title: str | None = None
) -> Axes:
    """Draw the points of a design in the plane, their weights as marker areas.

    Parameters
    ----------
    design : Design
        Of dimension 2.
    basis : Basis, optional
        Draws contours of k(x)/m, the density of the optimal law relative to the measure.
    ax : matplotlib.axes.Axes, optional
        Where to draw; a new figure by default.
    title : str, optional

    Returns
    -------
    matplotlib.axes.Axes

    Notes
    -----
    The picture is that of the record: a design drawn again from its seed gives it again.
    """
    _check_plane(design, "design")
    box = _box([design], basis)
    ax = own_axes(ax)
    _draw(ax, design, basis, box, float(design.weights.max()))
    _weight_legend(ax, design.law, float(design.weights.max()), basis)
    finish(ax, title or _describe(LABELS.get(design.law, design.law), design))
    return ax


def designs_side_by_side(
    designs: Mapping[str, Any],
    *,
    basis: Any = None,
    columns: int = 3,
    figure: Figure | None = None,
    title: str | None = None,
) -> Figure:
    """Draw several designs in the plane, one panel each, on common scales.

    Parameters
    ----------
    designs : mapping of str to Design
        Name to design, each of dimension 2.
    basis : Basis, optional
        Draws contours of k(x)/m, the density of the optimal law relative to the measure.
    columns : int, default 3
        Panels in a row.
    figure : matplotlib.figure.Figure, optional
        Where to draw; a new figure by default.
    title : str, optional

    Returns
    -------
    matplotlib.figure.Figure
        One Axes per design, in order.

    Notes
    -----
    Equal areas mean equal weights in all panels.

    Examples
    --------
    >>> from rnla.approximation import Product, TensorBasis, Uniform, iid_design, volume_design
    >>> basis = TensorBasis(Product([Uniform()] * 2), 4)
    >>> drawn = {"independent": iid_design(basis, 30, rng=0)}
    >>> drawn["volume sampling"] = volume_design(basis, 30, rng=0)
    >>> figure = designs_side_by_side(drawn, basis=basis)  # doctest: +SKIP
    """
    if not designs:
        raise argument_error(
            "designs", "nothing", "at least one design", "Pass {'volume': design}."
        )
    for design in designs.values():
        _check_plane(design, "designs")
    across = min(check_size(columns, name="columns"), len(designs))
    down = -(-len(designs) // across)
    figure = own_figure(figure, size=(3.4 * across + 1.2, 3.5 * down + 0.4))
    box = _box(list(designs.values()), basis)
    largest = max(float(design.weights.max()) for design in designs.values())
    for place, (name, design) in enumerate(designs.items()):
        ax = figure.add_subplot(down, across, place + 1)
        _draw(ax, design, basis, box, largest)
        frame(ax, _describe(name, design))
        ax.title.set_fontsize(9.5)
    _weight_legend(ax, "", largest, basis)
    handles, labels = ax.get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside right center", frameon=False, fontsize=9)
    if title is not None:
        figure.suptitle(title, x=0.01, ha="left", fontsize=12, color=INK)
    return figure


def _check_plane(design: Any, name: str) -> None:
    points = getattr(design, "points", None)
    if points is None or points.ndim != 2 or points.shape[1] != 2:
        got = type(design).__name__ if points is None else f"points of shape {points.shape}"
        raise argument_error(
            name, got, "designs of points in the plane, shape (n, 2)", "Choose d = 2."
        )


def _describe(name: str, design: Any) -> str:
    stable = f", $\\lambda_{{min}}$ = {design.lambda_min:.2g}" if design.dimension else ""
    return f"{name}\n{design.size} points{stable}"


def _box(designs: list[Any], basis: Any) -> Vector:
    """Limits (2, 2) that show all points, and the support where it is bounded."""
    points = np.concatenate([design.points for design in designs])
    low, high = points.min(axis=0), points.max(axis=0)
    room = 0.05 * np.where(high > low, high - low, 1.0)
    box = np.column_stack([low - room, high + room])
    if basis is not None:
        support = np.asarray(basis.measure.support)
        box = np.where(np.isfinite(support), support, box)
    return box


def _draw(ax: Axes, design: Any, basis: Any, box: Vector, largest: float) -> None:
    if basis is not None:
        x, y = (np.linspace(low, high, _GRID) for low, high in box)
        grid = np.stack(np.meshgrid(x, y), axis=-1).reshape(-1, 2)
        density = (basis.christoffel(grid) / basis.dimension).reshape(_GRID, _GRID)
        inside = [level for level in _LEVELS if density.min() < level < density.max()]
        if inside:
            lines = ax.contour(x, y, density, levels=inside, colors="#BBBBBB", linewidths=0.8)
            ax.clabel(lines, fmt="%g", fontsize=7, colors="#999999")
    order = np.argsort(-design.weights, kind="stable")  # small markers on top of large ones
    color, _ = law_style(design.law)
    across, up = design.points[order].T
    ax.scatter(
        across,
        up,
        s=_area(design.weights[order], largest),
        facecolor=faded(color, 0.25),
        edgecolor=color,
        lw=0.7,
        zorder=3,
        clip_on=False,
    )
    margin = 0.02 * (box[:, 1] - box[:, 0])
    ax.set_xlim(box[0, 0] - margin[0], box[0, 1] + margin[0])
    ax.set_ylim(box[1, 0] - margin[1], box[1, 1] + margin[1])
    ax.set(xlabel="$x_1$", ylabel="$x_2$")


def _area(weights: Any, largest: float) -> Any:
    smallest, span = _AREAS
    return smallest + span * np.asarray(weights) / (largest or 1.0)


def _weight_legend(ax: Axes, law: str, largest: float, basis: Any) -> None:
    color, _ = law_style(law)
    for share in (1.0, 0.25, 0.05):
        ax.scatter(
            [],
            [],
            s=_area(share * largest, largest),
            facecolor=faded(color, 0.25),
            edgecolor=color,
            lw=0.7,
            label=f"weight {share * largest:.2g}",
        )
    if basis is not None:
        ax.plot([], [], color="#BBBBBB", lw=0.8, label="$k(x)/m$")
