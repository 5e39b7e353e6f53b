"""`rnla diffusion`: solvers side by side where scores are exact; digits, sampled by all of them."""

from __future__ import annotations

import argparse
import pathlib
from typing import Any

from ._commands import OK, print_json, print_result, shows_progress
from ._errors import argument_error

__all__ = ["SCHEDULES", "diffusion"]

# Name: class of rnla.diffusion, how it is made, and the time at which sampling ends.
SCHEDULES = {
    "vp-linear": ("VPLinear", None, 1e-2),
    "vp-cosine": ("VPCosine", None, 1e-2),
    "sub-vp": ("SubVP", None, 1e-2),
    "ve": ("VarianceExploding", None, 0.05),
    "flow": ("Flow", None, 1e-2),
    "trig": ("Trig", None, 1e-2),
    "ddpm": ("Tabulated", "linear", 1e-2),
    "stable-diffusion": ("Tabulated", "scaled_linear", 1e-2),
}


def diffusion(options: argparse.Namespace) -> int:
    """Compare solvers, or run the demonstration."""
    return _demo(options) if options.action == "demo" else _compare(options)


def _demo(options: argparse.Namespace) -> int:
    from .digits_demo import run_digits_demo
    from .report import to_json

    result = run_digits_demo(
        "digits" if options.plot is None else options.plot,
        train=None if options.train is None else options.train == "yes",
        progress=shows_progress(options),
        echo=(lambda _: None) if options.json else print,
    )
    if options.json:
        print_json(to_json(result, arrays=False))
    return OK


def _compare(options: argparse.Namespace) -> int:
    from .diffusion.comparison import compare

    schedule, last = _schedule(options.schedule)
    found = compare(
        options.solvers,
        schedule=schedule,
        evaluations=[int(count) for count in options.evaluations],
        grid=options.grid,
        last=last if options.last is None else options.last,
    )
    written = _picture(options.plot, found)
    if options.json:
        print_json(
            [
                {name: None if value != value else value for name, value in row.items()}
                for row in found.rows()
            ]
        )
    else:
        print_result(
            f"Largest error of a coordinate by number of evaluations; three Gaussians in the "
            f"plane, {options.schedule}, {options.grid} grid.\n\n{found}",
            written,
        )
    return OK


def _schedule(name: str) -> tuple[Any, float]:
    from . import diffusion as room

    if name not in SCHEDULES:
        raise argument_error(
            "schedule", repr(name), "one of " + ", ".join(SCHEDULES), "Pass --schedule vp-linear."
        )
    kind, way, last = SCHEDULES[name]
    made = getattr(room, kind)
    return (made() if way is None else getattr(made, way)()), last


def _picture(folder: str | None, found: Any) -> list[str]:
    if folder is None:
        return []
    from .plotting import new_axes, save_figure, solver_errors

    pathlib.Path(folder).mkdir(parents=True, exist_ok=True)
    path = str(pathlib.Path(folder) / "solvers.png")
    save_figure(solver_errors(found, ax=new_axes()), path)
    return [path]
