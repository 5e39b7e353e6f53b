"""What a diffusion solver costs beside the network, and how right it is.

Overhead: the time of a sampling loop in which the network is free (its output is the state), per
step, for our executor, for our scheduler inside the loop of a pipeline, and for diffusers'
scheduler of the same method, all on the same PyTorch tensors; beside it the time that the linear
combination of the step takes by itself. Memory once freed stays with the process, so that nobody
pays for new pages. Goal: at most half of diffusers' time. Errors: every deterministic solver at 5,
8, 10 and 20 evaluations on a mixture of Gaussians, and the order observed. Writes diffusion.json
and diffusion.png; two minutes. The overhead needs PyTorch and diffusers.

    python -m bench.diffusion [--quick]
"""

from __future__ import annotations

import ctypes
import warnings
from typing import Any

from bench._harness import COLOURS, new_figure, race, run_benchmark, save_figure
from rnla.diffusion import compare, get_solver, prepare
from rnla.diffusion.execute import run_plan

STEPS = 20
GOAL = 0.5  # of the time of diffusers
SHAPES = {"1 x 4 x 64 x 64": (1, 4, 64, 64), "4 x 4 x 128 x 128": (4, 4, 128, 128)}
CLASSES = (
    "DDIMScheduler",
    "DPMSolverMultistepScheduler",
    "UniPCMultistepScheduler",
    "DEISMultistepScheduler",
)


class Free:
    """A network that costs nothing: it predicts that the noise is the state."""

    prediction = "eps"

    def __call__(self, x: Any, time: Any) -> Any:
        return x


def keep_memory() -> None:
    """Ask glibc not to give freed memory back: new pages cost more than a step, by chance."""
    allocator = ctypes.CDLL(None)
    if hasattr(allocator, "mallopt"):
        for option in (-1, -3):  # M_TRIM_THRESHOLD, M_MMAP_THRESHOLD
            allocator.mallopt(option, 2**30)


def overhead(quick: bool) -> list[dict[str, Any]]:
    """Time per step of the three loops, for every scheduler and shape."""
    import torch

    keep_memory()

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        import diffusers

        from rnla.diffusion.adapters.diffusers import PlanScheduler
    torch.set_num_threads(1)
    rows = []
    for name in CLASSES:
        reference = getattr(diffusers, name)(
            **({"clip_sample": False} if name == "DDIMScheduler" else {})
        )
        ours = PlanScheduler.from_config(reference)
        described = ours.described
        schedule = described.schedule
        grid = described.grid(STEPS)
        plan = get_solver(described.made_solver).compile(schedule, grid)
        model = prepare(Free(), schedule, check=False)
        for shape_name, shape in SHAPES.items():
            x = torch.randn(shape, generator=torch.Generator().manual_seed(0))

            def executor(plan: Any = plan, model: Any = model, x: Any = x) -> Any:
                *_, last = run_plan(plan, x, model)
                return last.x

            def combination(x: Any = x) -> Any:
                y = x
                for _ in range(STEPS):
                    y = 0.9 * y + 0.05 * x
                return y

            times = race(
                {
                    "executor": executor,
                    "our scheduler": lambda s=ours, x=x: _loop(s, x),
                    "diffusers": lambda s=reference, x=x: _loop(s, x),
                    "two terms": combination,
                },
                3 if quick else 15,
            )
            per_step = {key: 1e6 * seconds / STEPS for key, seconds in times.items()}
            rows.append(
                {
                    "scheduler": name,
                    "state": shape_name,
                    **{f"{key}, us a step": value for key, value in per_step.items()},
                    "executor / diffusers": times["executor"] / times["diffusers"],
                    "our scheduler / diffusers": times["our scheduler"] / times["diffusers"],
                    "goal": GOAL,
                }
            )
    return rows


def _loop(scheduler: Any, x: Any) -> Any:
    """The loop of a pipeline; compiling the plan is in it, as setting timesteps is."""
    scheduler.set_timesteps(STEPS)
    for t in scheduler.timesteps:
        x = scheduler.step(x, t, x, return_dict=False)[0]
    return x


def errors(quick: bool) -> list[dict[str, Any]]:
    """Every deterministic solver; each method once, under the first of its names."""
    names = ["ddim", "dpmpp_2m", "unipc"] if quick else None
    return compare(names).rows()


def picture(results: dict[str, list[dict[str, Any]]]) -> None:
    figure, axes = new_figure(1, 2, figsize=(11.5, 4.6))
    left, right = axes[0]
    rows = results["overhead"]
    labels = [f"{row['scheduler'].removesuffix('Scheduler')}\n{row['state']}" for row in rows]
    for shift, key, colour in (
        (-0.2, "executor / diffusers", COLOURS[1]),
        (0.2, "our scheduler / diffusers", COLOURS[0]),
    ):
        places = [place + shift for place in range(len(rows))]
        left.barh(places, [row[key] for row in rows], 0.4, color=colour, label=key)
    left.axvline(GOAL, color="black", linestyle="--", label="goal")
    left.axvline(1.0, color="0.6")
    left.set_yticks(range(len(rows)), labels, fontsize=7)
    left.invert_yaxis()
    left.set_xlabel("time of a step, of diffusers'")
    left.legend(fontsize=8)
    counts = [key for key in results["errors"][0] if key.isdigit()]
    shown = ("ddim", "dpmpp_2m", "dpmpp_3m", "unipc", "deis_tab3", "ghvb", "ipndm", "heun")
    for row in results["errors"]:
        if row["solver"] not in shown:
            right.plot([int(c) for c in counts], [row[c] for c in counts], color="0.85", lw=0.8)
    for row in results["errors"]:
        if row["solver"] in shown:
            colour = COLOURS[shown.index(row["solver"])]
            values = [row[c] for c in counts]
            right.plot([int(c) for c in counts], values, "o-", color=colour, label=row["solver"])
    right.set_xscale("log")
    right.set_yscale("log")
    right.set_xticks([int(c) for c in counts], counts)
    right.minorticks_off()
    right.set_xlabel("evaluations of the model")
    right.set_ylabel("largest error of a coordinate")
    right.legend(fontsize=8)
    save_figure(figure, "diffusion")


def main() -> None:
    """Measure, print, write."""
    run_benchmark("diffusion", __doc__ or "", {"overhead": overhead, "errors": errors}, picture)


if __name__ == "__main__":
    main()
