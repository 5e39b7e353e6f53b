"""What all pictures share: colours, axes, and files that are written whole."""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from .._errors import argument_error, import_optional
from ..tall.write import atomic_file

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

__all__ = [
    "INK",
    "LABELS",
    "METHOD_STYLES",
    "faded",
    "finish",
    "method_style",
    "new_axes",
    "own_axes",
    "save_figure",
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

INK = "#333333"
LABELS = {
    "root_leverage": "root leverage",
    "lewis": "Lewis weights",
    "sensitivity": "sensitivities",
    "leverage": "leverage scores",
    "root leverage": "root leverage",
    "even_power": "even power",
}
_FIGURE_SIZE = (7.6, 4.4)


def method_style(name: str) -> tuple[str, str]:
    """Colour and marker of a method; unknown names get grey dots.

    Examples
    --------
    >>> method_style("lewis")
    ('#D55E00', 'o')
    """
    return METHOD_STYLES.get(name.replace(" ", "_"), ("#7F7F7F", "."))


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


def own_axes(ax: Axes | None) -> Axes:
    if ax is not None:
        return ax
    pyplot = import_optional("matplotlib.pyplot", extra="plot", purpose="to draw")
    figure: Figure = pyplot.figure(figsize=_FIGURE_SIZE, layout="constrained")
    return figure.add_subplot()


def finish(ax: Axes, title: str) -> None:
    ax.set_title(title, loc="left", fontsize=12, color=INK, pad=10)
    ax.grid(True, which="major", color="#E4E4E4", lw=0.8)
    ax.set_axisbelow(True)
    for side in ("top", "right"):
        ax.spines[side].set_visible(False)
    for side in ("left", "bottom"):
        ax.spines[side].set_color("#999999")
    ax.tick_params(colors=INK, which="both", labelsize=9.5)
    ax.xaxis.label.set_color(INK)
    ax.yaxis.label.set_color(INK)
    ax.legend(
        loc="center left", bbox_to_anchor=(1.01, 0.5), frameon=False, fontsize=9.5, labelspacing=0.7
    )


def faded(color: str, alpha: float) -> tuple[float, float, float, float]:
    red, green, blue = (int(color[k : k + 2], 16) / 255 for k in (1, 3, 5))
    return (red, green, blue, alpha)
