"""The rows that a sample kept, over a scatter of all rows: two passes."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from .._errors import argument_error
from ..tall import as_tall
from ._style import faded, finish, method_style, own_axes

if TYPE_CHECKING:
    from matplotlib.axes import Axes

__all__ = ["kept_rows"]

_MOST_BACKGROUND_ROWS = 20_000


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
    ax = own_axes(ax)
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
        facecolor=faded(color, 0.15),
        edgecolor=faded(color, 0.7),
        lw=0.5,
        rasterized=True,
    )
    for share in (1.0, 0.25, 0.05):
        ax.scatter(
            [],
            [],
            s=smallest + span * share,
            facecolor=faded(color, 0.15),
            edgecolor=color,
            lw=0.6,
            label=f"kept, weight {share * largest:.3g}",
        )
    ax.set(xlabel=labels[0], ylabel=labels[1])
    finish(ax, title or f"Rows kept: {indices.size:,} of {n:,}")
    return ax


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
