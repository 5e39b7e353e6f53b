"""Small images in labelled rows: samples of several solvers from the same noise."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from .._errors import argument_error
from ._style import INK, own_axes

if TYPE_CHECKING:
    from matplotlib.axes import Axes

__all__ = ["image_rows"]

_GAP = 1  # pixels between images


def image_rows(
    rows: Mapping[str, npt.ArrayLike],
    *,
    low: float = -1.0,
    high: float = 1.0,
    ax: Axes | None = None,
    title: str | None = None,
) -> Axes:
    """Draw images, one labelled row for each entry.

    Parameters
    ----------
    rows : mapping of str to array_like, shape (count, height, width)
        Images of one size; rows may differ in length.
    low, high : float, default -1 and 1
        Values drawn white and black; others are clipped.
    ax : matplotlib.axes.Axes, optional
        Where to draw; a new figure by default.
    title : str, optional

    Returns
    -------
    matplotlib.axes.Axes

    Raises
    ------
    ArgumentError
        If there is no row, or the images differ in size.
    """
    images = {label: np.asarray(values, dtype=np.float64) for label, values in rows.items()}
    sizes = {values.shape[1:] for values in images.values()}
    if len(sizes) != 1 or any(values.ndim != 3 for values in images.values()):
        shapes: Any = {label: values.shape for label, values in images.items()}
        raise argument_error(
            "rows",
            f"shapes {shapes}",
            "at least one row, with images of one size, (count, height, width)",
            "Reshape each row of pixels to an image.",
        )
    ((height, width),) = sizes
    most = max(len(values) for values in images.values())
    sheet = np.full((len(images) * (height + _GAP) - _GAP, most * (width + _GAP) - _GAP), low)
    for i, values in enumerate(images.values()):
        for j, image in enumerate(values):
            top, left = i * (height + _GAP), j * (width + _GAP)
            sheet[top : top + height, left : left + width] = image
    ax = own_axes(ax)
    ax.imshow(sheet, cmap="gray_r", vmin=low, vmax=high, interpolation="nearest")
    centers = (height + _GAP) * np.arange(len(images)) + (height - 1) / 2
    ax.set_yticks(centers, list(images))
    ax.set_xticks([])
    ax.tick_params(length=0)
    for spine in ax.spines.values():
        spine.set_visible(False)
    ax.set_title(title or "Samples from the same noise", loc="left", fontsize=12, color=INK, pad=10)
    return ax
