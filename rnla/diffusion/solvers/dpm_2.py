"""DPM-2 of k-diffusion: the midpoint rule with the midpoint taken in log(sigma / alpha).

A DDIM step to the level halfway in half log-SNR, an evaluation there, and a DDIM step over the
whole interval along that output alone. In rho = sigma / alpha the inner point is the geometric mean
of the ends, which is off their middle by O(h^2): the order is 2. The sampler is `sample_dpm_2` of
K. Crowson's k-diffusion, after DPM-Solver-2 (arXiv 2206.00927) and Algorithm 2 of Karras et al.
(arXiv 2206.00364).
Cost: two evaluations per step; memory: the state and two outputs.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise
from typing import ClassVar

from ..grids import Grid
from ..plan import Evaluation, Form, Level, Plan, Stage, Step
from ..schedules import Schedule
from ._base import Solver
from ._registry import register
from ._transfer import transfer

__all__ = ["DPM2", "midpoint_stages"]


@dataclass(frozen=True)
class DPM2(Solver):
    """Midpoint steps, the midpoint in half log-SNR.

    Notes
    -----
    Global order 2. A step to sigma = 0 is the DDIM step.

    References
    ----------
    K. Crowson. k-diffusion, `sample_dpm_2`.

    Examples
    --------
    >>> from rnla.diffusion.grids import make_grid
    >>> from rnla.diffusion.schedules import VPLinear
    >>> from rnla.diffusion.solvers.dpm_2 import DPM2
    >>> DPM2().compile(VPLinear(), make_grid(VPLinear(), 8)).evaluations
    16
    """

    name: ClassVar[str] = "dpm_2"

    @property
    def order(self) -> int:
        return 2

    @property
    def form(self) -> Form:
        return "eps"

    def evaluations(self, steps: int) -> int:
        return 2 * steps

    def compile(self, schedule: Schedule, grid: Grid) -> Plan:
        """Two evaluations per step, one in a step to sigma = 0."""
        levels = grid.levels(schedule)
        steps = []
        calls = 0
        for start, stop in pairwise(levels):
            stages: list[Stage] = [Evaluation("x", f"m{calls}", start, "eps")]
            if not stop.is_clean:
                stages += midpoint_stages(schedule, start, stop, calls, "eps")
            calls += sum(isinstance(stage, Evaluation) for stage in stages)
            row = transfer(start, stop, {f"m{calls - 1}": 1.0})
            steps.append(Step((*stages, row), start, stop))
        return Plan(self.name, tuple(steps))


def midpoint_stages(
    schedule: Schedule, start: Level, stop: Level, calls: int, form: Form
) -> tuple[Stage, Stage]:
    """The step along output `calls` to halfway in half log-SNR, and the evaluation there."""
    middle = schedule.level_of(0.5 * (start.half_log_snr + stop.half_log_snr))
    state = f"u{calls + 1}"
    return (
        transfer(start, middle, {f"m{calls}": 1.0}, form=form, target=state),
        Evaluation(state, f"m{calls + 1}", middle, form),
    )


register("dpm_2", DPM2, aliases=("sample_dpm_2", "KDPM2DiscreteScheduler"))
