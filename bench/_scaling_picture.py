"""The picture of the scale model: words against A16, speedup, weak scaling, the model's check."""

from __future__ import annotations

from typing import Any

from bench._harness import COLOURS, new_figure, save_figure
from bench._scaling_workers import ARRAY

_STYLES = ("-", "--", ":")


def picture(content: dict[str, Any], measured: dict[str, Any]) -> None:
    """Four panels."""
    figure, axes = new_figure(2, 2, figsize=(12, 9))
    _words(axes[0, 0], content, measured)
    _speedup(axes[0, 1], content)
    _weak(axes[1, 0], content)
    _check(axes[1, 1], content)
    save_figure(figure, "scaling_model")


def _select(content: dict[str, Any], **wanted: Any) -> list[dict[str, Any]]:
    return [row for row in content["scales"] if all(row.get(key) == v for key, v in wanted.items())]


def _names(content: dict[str, Any]) -> list[str]:
    return [model["algorithm"] for model in content["models"]]


def _words(ax: Any, content: dict[str, Any], measured: dict[str, Any]) -> None:
    d = content["models"][0]["d"]
    for name, colour in zip(_names(content), COLOURS, strict=False):
        rows = _select(content, algorithm=name, scaling="strong", rows=10**12)
        rows = [r for r in rows if r["chunking"] == "4 GiB chunks"]
        k = [r["workers"] for r in rows]
        messages = [r["words of messages"] for r in rows]
        ax.loglog(k, messages, "--", color=colour, linewidth=0.8)
        ax.loglog(k, [r["words"] for r in rows], color=colour, label=name)
        ax.loglog(k, [r["words by A16"] for r in rows], ":", color=colour)
        runs = [r for r in measured["rows"] if r["algorithm"] == name and r["d"] == d]
        runs = [r for r in runs if r["home"] == ARRAY]
        ax.loglog(
            [r["workers"] for r in runs], [r["bytes moved"] / 8 for r in runs], "o", color=colour
        )
    ax.plot([], [], ":", color="black", label="T d² k + m d (A16)")
    ax.plot([], [], "o", color="black", label="measured")
    label = "messages of the scheduler, 10¹² rows in 4 GiB chunks"
    ax.plot([], [], "--", color="black", linewidth=0.8, label=label)
    ax.set_title(f"words moved, d = {d}, any number of rows", fontsize=10)
    ax.set_xlabel("workers")
    ax.legend(fontsize=8)


def _speedup(ax: Any, content: dict[str, Any]) -> None:
    for name, colour in zip(_names(content), COLOURS, strict=False):
        for (n, chunking), style in zip(
            ((10**12, "4 GiB chunks"), (10**12, "64 MiB chunks"), (10**9, "4 GiB chunks")),
            _STYLES,
            strict=True,
        ):
            rows = _select(content, algorithm=name, scaling="strong", rows=n, chunking=chunking)
            label = f"{name}, {n:.0e} rows, {chunking}"
            speedup = [r["efficiency"] * r["workers"] for r in rows]
            ax.loglog([r["workers"] for r in rows], speedup, style, color=colour, label=label)
    ax.loglog([1, 10_000], [1, 10_000], color="black", linewidth=0.8, label="ideal")
    ax.set_title("speedup over one worker, predicted", fontsize=10)
    ax.set_xlabel("workers")
    ax.legend(fontsize=6)


def _weak(ax: Any, content: dict[str, Any]) -> None:
    for name, colour in zip(_names(content), COLOURS, strict=False):
        for given, style in zip((10**8, 10**7, 10**6), _STYLES, strict=True):
            rows = _select(
                content,
                algorithm=name,
                scaling="weak",
                chunking="4 GiB chunks",
                **{"rows per worker": given},
            )
            label = f"{name}, {given:.0e} rows per worker"
            ax.semilogx(
                [r["workers"] for r in rows],
                [r["efficiency"] for r in rows],
                style,
                color=colour,
                label=label,
            )
    ax.axhline(0.8, color="black", linewidth=0.8, label="target at 16 workers: 0.8")
    ax.axvline(16, color="black", linewidth=0.4)
    ax.set_title("weak-scaling efficiency, predicted, chunks up to 4 GiB", fontsize=10)
    ax.set_xlabel("workers")
    ax.set_ylim(0, 1.05)
    ax.legend(fontsize=6)


def _check(ax: Any, content: dict[str, Any]) -> None:
    for made_from, colour in (("1 worker", COLOURS[0]), ("2 workers", COLOURS[1])):
        for workers, marker in ((1, "o"), (2, "s")):
            rows = [r for r in content["check"] if r["made from"] == made_from]
            rows = [r for r in rows if r["workers"] == workers]
            if rows:
                ax.loglog(
                    [r["seconds"] for r in rows],
                    [r["predicted"] for r in rows],
                    marker,
                    color=colour,
                    label=f"{workers} worker{'s' * (workers > 1)}, predicted from {made_from}",
                )
    low, high = ax.get_xlim()
    ax.loglog([low, high], [low, high], color="black", linewidth=0.8)
    ax.set_title("the model's own check: seconds predicted and measured", fontsize=10)
    ax.set_xlabel("measured")
    ax.legend(fontsize=7)
