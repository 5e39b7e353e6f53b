"""What all pictures share: colours, axes, and files that are written whole."""

from __future__ import annotations

import itertools
import os
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from .._errors import argument_error, import_optional
from ..tall.write import atomic_file

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

__all__ = [
    "INK",
    "LABELS",
    "LAW_STYLES",
    "METHOD_STYLES",
    "SERIES_STYLES",
    "faded",
    "finish",
    "frame",
    "law_style",
    "method_style",
    "new_axes",
    "own_axes",
    "own_figure",
    "plain_ticks",
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

#: Colour and marker of each law of designs, by the first word of its name.
LAW_STYLES: Mapping[str, tuple[str, str]] = {
    "plain": ("#595959", "x"),
    "iid": ("#E69F00", "s"),
    "volume": ("#0072B2", "o"),
    "projection-dpp": ("#56B4E9", "D"),
    "repeated-dpp": ("#009E73", "^"),
    "greedy": ("#D55E00", "v"),
    "conditioned": ("#CC79A7", "P"),
    "best": ("#332288", "X"),
}

INK = "#333333"
LABELS = {
    "root_leverage": "root leverage",
    "lewis": "Lewis weights",
    "sensitivity": "sensitivities",
    "leverage": "leverage scores",
    "root leverage": "root leverage",
    "even_power": "even power",
    "iid": "independent points",
    "iid-plain": "independent points, plain",
    "iid-mixed": "independent points, mixed",
    "volume": "volume sampling",
    "projection-dpp": "projection DPP",
    "repeated-dpp": "repeated DPP",
}
#: Colours and markers of curves that have no fixed ones, in order; eight can be told apart.
SERIES_STYLES: Sequence[tuple[str, str]] = (
    ("#0072B2", "o"),
    ("#D55E00", "s"),
    ("#009E73", "^"),
    ("#CC79A7", "v"),
    ("#E69F00", "D"),
    ("#56B4E9", "P"),
    ("#000000", "X"),
    ("#332288", "*"),
)
_FIGURE_SIZE = (7.6, 4.4)


def method_style(name: str) -> tuple[str, str]:
    """Colour and marker of a method; unknown names get grey dots.

    Examples
    --------
    >>> method_style("lewis")
    ('#D55E00', 'o')
    """
    return METHOD_STYLES.get(name.replace(" ", "_"), ("#7F7F7F", "."))


def law_style(law: str) -> tuple[str, str]:
    """Colour and marker of a law of designs; unknown names get grey dots.

    Examples
    --------
    >>> law_style("conditioned iid") == LAW_STYLES["conditioned"]
    True
    """
    first = law.split(" ", 1)[0]
    if first.endswith("-plain"):
        first = "plain"
    for name in (first, first.split("-", 1)[0]):
        if name in LAW_STYLES:
            return LAW_STYLES[name]
    return ("#7F7F7F", ".")


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
    return own_figure().add_subplot() if ax is None else ax


def own_figure(figure: Figure | None = None, *, size: tuple[float, float] = _FIGURE_SIZE) -> Figure:
    if figure is not None:
        return figure
    pyplot = import_optional("matplotlib.pyplot", extra="plot", purpose="to draw")
    made: Figure = pyplot.figure(figsize=size, layout="constrained")
    return made


def finish(ax: Axes, title: str) -> None:
    frame(ax, title)
    ax.legend(
        loc="center left", bbox_to_anchor=(1.01, 0.5), frameon=False, fontsize=9.5, labelspacing=0.7
    )


def frame(ax: Axes, title: str) -> None:
    """Title, grid and spines of one panel, without a legend."""
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


def plain_ticks(ax: Axes, sizes: Sequence[float]) -> None:
    """Numbers in place of powers of ten; on the x axis the sizes measured, if they are few."""
    from matplotlib.ticker import FixedLocator, FuncFormatter, NullFormatter

    ax.xaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:,.0f}"))
    if 2 <= len(sizes) <= 7 and min(b / a for a, b in itertools.pairwise(sizes)) > 1.25:
        ax.xaxis.set_major_locator(FixedLocator(list(sizes)))
        ax.xaxis.set_minor_formatter(NullFormatter())
    else:
        ax.xaxis.set_minor_formatter(
            FuncFormatter(lambda value, _: f"{value:,.0f}" if f"{value:.0e}"[0] in "25" else "")
        )
    ax.yaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
    ax.yaxis.set_minor_formatter(
        FuncFormatter(lambda value, _: f"{value:g}" if f"{value:.0e}"[0] in "25" else "")
    )


def faded(color: str, alpha: float) -> tuple[float, float, float, float]:
    red, green, blue = (int(color[k : k + 2], 16) / 255 for k in (1, 3, 5))
    return (red, green, blue, alpha)
