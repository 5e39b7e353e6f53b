"""Pictures of a row sample: its scores, the rows it kept, and how distortion falls with size.

Every function draws into `ax` or a new figure and returns the Axes. A method has one colour and one
marker everywhere; the colours are those of Okabe and Ito with a grey, told apart by colour-blind
readers. matplotlib is imported on the first call.
"""

from __future__ import annotations

import itertools
import math
import os
from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from ._errors import argument_error, check_p, import_optional
from .tall import as_tall
from .tall.write import atomic_file

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

__all__ = [
    "METHOD_STYLES",
    "distortion_against_size",
    "kept_rows",
    "method_style",
    "new_axes",
    "save_figure",
    "score_profile",
]

#: Colour and marker of each method.
METHOD_STYLES: Mapping[str, tuple[str, str]] = {
    "uniform": ("#595959", "x"),
    "leverage": ("#0072B2", "s"),
    "root_leverage": ("#56B4E9", "D"),
    "lewis": ("#D55E00", "o"),
    "sensitivity": ("#009E73", "^"),
    "sensitivity+leverage": ("#CC79A7", "v"),
    "mixed": ("#E69F00", "P"),
    "even_power": ("#000000", "*"),
    "recursive": ("#332288", "X"),
}

_INK = "#333333"
_FIGURE_SIZE = (7.6, 4.4)
_MOST_BACKGROUND_ROWS = 20_000
_LABELS = {
    "root_leverage": "root leverage",
    "lewis": "Lewis weights",
    "sensitivity": "sensitivities",
    "leverage": "leverage scores",
    "root leverage": "root leverage",
    "even_power": "even power",
}


def method_style(name: str) -> tuple[str, str]:
    """Colour and marker of a method; unknown names get grey dots.

    Examples
    --------
    >>> method_style("lewis")
    ('#D55E00', 'o')
    """
    return METHOD_STYLES.get(name.replace(" ", "_"), ("#7F7F7F", "."))


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
    ax = _axes(ax)
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
        ax.plot(ranks, share[ranks - 1], color=color, lw=2, label=_LABELS.get(name, name))
        floor = min(floor, float(np.quantile(share, 0.001)))
    ax.axhline(1 / longest, color=_INK, ls="--", lw=1, label=f"uniform, 1/n with n = {longest:,}")
    ax.set(xscale="log", yscale="log", xlim=(1, longest))
    ax.set_ylim(bottom=min(floor, 1 / longest) / 2)
    ax.set_xlabel("row, ranked by score (count)")
    ax.set_ylabel("share of the total score")
    _finish(ax, title or "How unequal the rows are")
    return ax


def kept_rows(
    A: Any,
    sample: Any,
    *,
    columns: tuple[int, int] | None = None,
    column_names: Sequence[str] | None = None,
    method: str = "lewis",
    ax: Axes | None = None,
    title: str | None = None,
) -> Axes:
    """Draw which rows were kept, their weights as marker areas, over a scatter of all rows.

    Parameters
    ----------
    A : array_like or sparse matrix, shape (n, d)
        The matrix that was sampled.
    sample : RowSample or Embedding
        Anything with `indices` and `weights`.
    columns : pair of int, optional
        The two columns to use as axes; by default the first two principal components of the columns
        scaled to unit variance.
    column_names : sequence of str, optional
        Names for the axes if `columns` is given.
    method : str
        Decides the colour.
    ax : matplotlib.axes.Axes, optional
        Where to draw; a new figure by default.
    title : str, optional

    Returns
    -------
    matplotlib.axes.Axes

    Notes
    -----
    Principal components cost two passes. Of the rows not kept at most 20,000 are read and drawn,
    evenly spaced, and the legend then says so.
    """
    tall = as_tall(A, require_tall=False)
    n, d = tall.shape
    indices = np.asarray(sample.indices)
    weights = np.asarray(sample.weights, dtype=np.float64)
    if indices.size == 0 or indices.max() >= n:
        remedy = "Pass the matrix that the sample was drawn from."
        raise argument_error("sample", f"rows outside 0 to {n - 1}", "rows of A", remedy)
    offset = np.zeros(2)
    if columns is None and d >= 2:
        axes, offset, labels = _principal(tall)
    else:
        first, second = columns if columns is not None else (0, 0)
        if not all(0 <= c < d for c in (first, second)):
            raise argument_error(
                "columns", columns, f"two numbers from 0 to {d - 1}", "Pass columns=(0, 1)."
            )
        axes = np.zeros((d, 2))
        axes[first, 0] = axes[second, 1] = 1.0
        names = [f"column {j}" for j in range(d)] if column_names is None else list(column_names)
        labels = (names[first], names[second])
    ax = _axes(ax)
    others = n - indices.size
    step = -(-others // _MOST_BACKGROUND_ROWS) or 1
    color, _ = method_style(method)
    # The k-th row that is not kept comes after as many kept ones as have at most k others before.
    behind = np.sort(indices) - np.arange(indices.size)
    shown = np.arange(0, others, step)
    shown = shown + np.searchsorted(behind, shown, side="right")
    note = f"other rows ({others:,})" if step == 1 else f"other rows, 1 in {step} shown"
    x, y = _points(tall, shown, axes, offset)
    ax.scatter(x, y, s=3, color="#BBBBBB", lw=0, label=note, rasterized=True)
    largest = float(weights.max()) or 1.0
    # Many markers must be small, or the densest part of the picture is one blot.
    smallest, span = 2.0, float(np.clip(60_000 / indices.size, 25.0, 116.0))
    areas = smallest + span * weights / largest
    order = np.argsort(-weights, kind="stable")  # small markers on top of large ones
    x, y = _points(tall, indices[order], axes, offset)
    ax.scatter(
        x,
        y,
        s=areas[order],
        facecolor=_faded(color, 0.15),
        edgecolor=_faded(color, 0.7),
        lw=0.5,
        rasterized=True,
    )
    for share in (1.0, 0.25, 0.05):
        ax.scatter(
            [],
            [],
            s=smallest + span * share,
            facecolor=_faded(color, 0.15),
            edgecolor=color,
            lw=0.6,
            label=f"kept, weight {share * largest:.3g}",
        )
    ax.set(xlabel=labels[0], ylabel=labels[1])
    _finish(ax, title or f"Rows kept: {indices.size:,} of {n:,}")
    return ax


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
    ax = _axes(ax)
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
            label=_LABELS.get(name, name),
            clip_on=False,
        )
        if any(len(v) > 1 for v in values):
            low, high = [v.min() for v in values], [v.max() for v in values]
            ax.fill_between(sizes, low, high, color=color, alpha=0.15, lw=0)
    _guide(ax, curves)
    if eps is not None:
        ax.axhline(eps, color=_INK, ls="--", lw=1, label=f"asked for: eps = {eps:g}")
    ax.set(xscale="log", yscale="log", ylim=(bottom, top))
    _plain_ticks(ax, sorted({size for curve in curves.values() for size in curve}))
    ax.set_xlabel("rows kept, m (count)")
    norm = "p" if p is None else f"{check_p(p):g}"
    power = "" if p == 1 else f"^{{{norm}}}"
    ax.set_ylabel(f"found distortion of $\\|Ax\\|_{{{norm}}}{power}$ (relative)")
    _finish(ax, title or "Distortion falls with the number of rows")
    return ax


def save_figure(ax: Axes, path: str | os.PathLike[str]) -> None:
    """Write the figure of `ax` to `path`, a .png, .svg or .pdf file, whole or not at all."""
    suffix = os.path.splitext(os.fspath(path))[1].lower()
    if suffix not in (".png", ".svg", ".pdf"):
        raise argument_error("path", repr(os.fspath(path)), "a .png, .svg or .pdf file", "Rename.")
    with atomic_file(path) as file:
        figure: Any = ax.figure
        figure.savefig(file, format=suffix[1:], dpi=150, bbox_inches="tight")


def new_axes() -> Axes:
    """Axes of a figure that no display knows of, for writing to a file with `save_figure`."""
    module = import_optional("matplotlib.figure", extra="plot", purpose="to draw")
    figure: Figure = module.Figure(figsize=_FIGURE_SIZE, layout="constrained")
    return figure.add_subplot()


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
    ax.plot(span, line, color=_INK, ls=":", lw=1.2, zorder=1, label="slope of theory, $m^{-1/2}$")


def _points(
    tall: Any,
    rows: npt.NDArray[np.int64],
    axes: npt.NDArray[np.float64],
    offset: npt.NDArray[np.float64],
) -> npt.NDArray[np.float64]:
    """Coordinates of some rows, (2, len(rows))."""
    order = np.argsort(rows)
    points = np.empty((rows.size, 2))
    points[order] = tall.take(rows[order]).astype(np.float64) @ axes - offset
    return points.T


def _add_columns(
    block: Any, start: int, out: npt.NDArray[np.float64]
) -> None:  # a visit of a pass, see TallMatrix.fold
    out += np.asarray(block.sum(axis=0)).ravel()


def _principal(
    tall: Any,
) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64], tuple[str, str]]:
    """The two leading principal axes of the standardised columns, and where the mean lies."""
    n = tall.shape[0]
    mean = tall.fold(_add_columns, (tall.shape[1],)) / n
    covariance = tall.gram() / n - np.outer(mean, mean)
    deviation = np.sqrt(np.clip(np.diag(covariance), 0.0, None))
    scale = np.where(deviation > 1e-12 * np.abs(mean) + 1e-300, deviation, np.inf)
    values, vectors = np.linalg.eigh(covariance / np.outer(scale, scale))
    share = 100 * np.clip(values, 0, None) / max(float(np.clip(values, 0, None).sum()), 1e-300)
    # The sign of an eigenvector is arbitrary: make its largest entry positive.
    leading = vectors[:, [-1, -2]]
    leading = leading * np.sign(leading[np.abs(leading).argmax(axis=0), [0, 1]])
    projection = leading / scale[:, None]
    labels = (
        f"principal component 1 ({share[-1]:.0f} % of variance)",
        f"principal component 2 ({share[-2]:.0f} % of variance)",
    )
    return projection, mean @ projection, labels


def _axes(ax: Axes | None) -> Axes:
    if ax is not None:
        return ax
    pyplot = import_optional("matplotlib.pyplot", extra="plot", purpose="to draw")
    figure: Figure = pyplot.figure(figsize=_FIGURE_SIZE, layout="constrained")
    return figure.add_subplot()


def _finish(ax: Axes, title: str) -> None:
    ax.set_title(title, loc="left", fontsize=12, color=_INK, pad=10)
    ax.grid(True, which="major", color="#E4E4E4", lw=0.8)
    ax.set_axisbelow(True)
    for side in ("top", "right"):
        ax.spines[side].set_visible(False)
    for side in ("left", "bottom"):
        ax.spines[side].set_color("#999999")
    ax.tick_params(colors=_INK, which="both", labelsize=9.5)
    ax.xaxis.label.set_color(_INK)
    ax.yaxis.label.set_color(_INK)
    ax.legend(
        loc="center left", bbox_to_anchor=(1.01, 0.5), frameon=False, fontsize=9.5, labelspacing=0.7
    )


def _plain_ticks(ax: Axes, sizes: Sequence[float]) -> None:
    """Label the sizes that were measured, if there are few, in place of powers of ten."""
    from matplotlib.ticker import FixedLocator, FuncFormatter, NullFormatter

    if 2 <= len(sizes) <= 7 and min(b / a for a, b in itertools.pairwise(sizes)) > 1.25:
        ax.xaxis.set_major_locator(FixedLocator(list(sizes)))
        ax.xaxis.set_minor_formatter(NullFormatter())
        ax.xaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:,.0f}"))
    ax.yaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
    ax.yaxis.set_minor_formatter(
        FuncFormatter(lambda value, _: f"{value:g}" if f"{value:.0e}"[0] in "25" else "")
    )


def _faded(color: str, alpha: float) -> tuple[float, float, float, float]:
    red, green, blue = (int(color[k : k + 2], 16) / 255 for k in (1, 3, 5))
    return (red, green, blue, alpha)
