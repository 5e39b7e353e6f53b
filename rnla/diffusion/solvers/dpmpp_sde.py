"""DPM-Solver++ (SDE): a two-stage step on the data prediction with noise in both stages.

The state goes with noise to a level inside the step, the model is evaluated there, and the whole
step is taken with noise along the mixture (1 - c) m_1 + c m_2, c = 1 / (2 r), r the place of the
inner level in half log-SNR. Both parts are ancestral: down to a level below, then noise. The two
noises belong to intervals of one Brownian motion, [s, inner] and [s, t]. `sample_dpmpp_sde` of
K. Crowson's k-diffusion (`DPMSolverSDEScheduler` of diffusers), after Lu et al., arXiv 2211.01095.
Cost: two evaluations and two draws per step; memory: the state and two outputs.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise
from typing import ClassVar

from ..._errors import check_fraction, check_positive
from ..grids import Grid
from ..plan import Evaluation, Form, Noise, Plan, Stage, Step
from ..schedules import Schedule
from ._base import Solver
from ._registry import register
from ._transfer import transfer, without_noise

__all__ = ["DPMSolverPPSDE"]


@dataclass(frozen=True)
class DPMSolverPPSDE(Solver):
    """The two-stage stochastic sampler of k-diffusion.

    Parameters
    ----------
    eta : float, default 1
        Multiplies the standard deviation of the noise of both stages.
    noise_scale : float, default 1
        Multiplies the noise, and not what is taken off for it (`s_noise` of k-diffusion).
    r : float, default 0.5
        Place of the inner level in half log-SNR, between 0 and 1.

    Raises
    ------
    ArgumentError
        If a number is out of range.

    Notes
    -----
    Order 2 without noise, 1 with it. A step to sigma = 0 is the DDIM step.

    References
    ----------
    K. Crowson. k-diffusion, `sample_dpmpp_sde`.

    Examples
    --------
    >>> from rnla.diffusion.grids import make_grid
    >>> from rnla.diffusion.schedules import VPLinear
    >>> from rnla.diffusion.solvers.dpmpp_sde import DPMSolverPPSDE
    >>> plan = DPMSolverPPSDE().compile(VPLinear(), make_grid(VPLinear(), 8))
    >>> plan.evaluations, plan.stochastic
    (16, True)
    """

    eta: float = 1.0
    noise_scale: float = 1.0
    r: float = 0.5

    name: ClassVar[str] = "dpmpp_sde"

    def __post_init__(self) -> None:
        check_positive(self.eta, "eta", allow_zero=True)
        check_positive(self.noise_scale, "noise_scale", allow_zero=True)
        check_fraction(self.r, "r")

    @property
    def order(self) -> int:
        return 2

    @property
    def global_order(self) -> int:
        return 1 if self.stochastic else 2

    @property
    def form(self) -> Form:
        return "x0"

    @property
    def stochastic(self) -> bool:
        return self.eta > 0.0

    def evaluations(self, steps: int) -> int:
        return 2 * steps

    def compile(self, schedule: Schedule, grid: Grid) -> Plan:
        """Two evaluations and two draws per step; one and none in a step to sigma = 0."""
        levels = grid.levels(schedule)
        steps = []
        calls = draws = 0
        for start, stop in pairwise(levels):
            first, second, state = f"m{calls}", f"m{calls + 1}", f"u{calls + 1}"
            stages: list[Stage] = [Evaluation("x", first, start, "x0")]
            if stop.is_clean:
                stages.append(transfer(start, stop, {first: 1.0}, form="x0"))
            else:
                place = (1.0 - self.r) * start.half_log_snr + self.r * stop.half_log_snr
                middle = schedule.level_of(place)
                mixture = {first: 1.0 - 0.5 / self.r, second: 0.5 / self.r}
                for level, weights, target in (
                    (middle, {first: 1.0}, state),
                    (stop, mixture, "x"),
                ):
                    down, up = without_noise(start, level, self.eta)
                    noise = Noise(self.noise_scale * up, draws, start, level) if up else None
                    draws += noise is not None
                    stages.append(
                        transfer(start, down, weights, form="x0", target=target, noise=noise)
                    )
                    if level is middle:
                        stages.append(Evaluation(state, second, middle, "x0"))
            calls += sum(isinstance(stage, Evaluation) for stage in stages)
            steps.append(Step(tuple(stages), start, stop))
        return Plan(self.name, tuple(steps))


register("dpmpp_sde", DPMSolverPPSDE, aliases=("sample_dpmpp_sde", "DPMSolverSDEScheduler"))
