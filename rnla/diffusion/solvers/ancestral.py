"""Ancestral samplers of second order: a deterministic step below the next level, then noise.

Every step goes from rho_s to rho_down < rho_t by an ODE method and then adds noise of standard
deviation rho_up, rho_up^2 + rho_down^2 = rho_t^2, with rho_up from the posterior of the Markov
chain times eta. The ODE method is the midpoint rule with the midpoint in log rho, on the noise
prediction ("dpm_2") or on the data prediction ("dpmpp_2s", DPM-Solver++(2S)). With Euler steps the
method is DDIM with its eta. `sample_dpm_2_ancestral` and `sample_dpmpp_2s_ancestral` of
K. Crowson's k-diffusion; the splitting is that of Song, Meng and Ermon (arXiv 2010.02502).
Cost: two evaluations per step and one draw of noise; memory: the state and two outputs.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise
from typing import ClassVar, Literal

from ..._errors import check_choice, check_positive
from ..grids import Grid
from ..plan import Evaluation, Form, Noise, Plan, Stage, Step
from ..schedules import Schedule
from ._base import Solver
from ._registry import register
from ._transfer import transfer, without_noise
from .dpm_2 import midpoint_stages

__all__ = ["Ancestral"]

_FORMS: dict[str, Form] = {"dpm_2": "eps", "dpmpp_2s": "x0"}


@dataclass(frozen=True)
class Ancestral(Solver):
    """DPM-2 ancestral and DPM-Solver++(2S) ancestral.

    Parameters
    ----------
    base : {"dpm_2", "dpmpp_2s"}, default "dpmpp_2s"
        The deterministic method below.
    eta : float, default 1
        Multiplies the standard deviation of the noise; 0 leaves the deterministic method.
    noise_scale : float, default 1
        Multiplies the noise, and not what is taken off for it (`s_noise` of k-diffusion).

    Raises
    ------
    ArgumentError
        If an option is not among those listed.

    Notes
    -----
    Order 2 for eta = 0. With noise the conditional mean converges with order 1 only, whatever the
    deterministic method.

    References
    ----------
    K. Crowson. k-diffusion, `sample_dpm_2_ancestral`, `sample_dpmpp_2s_ancestral`.

    Examples
    --------
    >>> from rnla.diffusion.grids import make_grid
    >>> from rnla.diffusion.schedules import VPLinear
    >>> from rnla.diffusion.solvers.ancestral import Ancestral
    >>> plan = Ancestral().compile(VPLinear(), make_grid(VPLinear(), 8))
    >>> plan.evaluations, plan.stochastic
    (16, True)
    """

    base: Literal["dpm_2", "dpmpp_2s"] = "dpmpp_2s"
    eta: float = 1.0
    noise_scale: float = 1.0

    name: ClassVar[str] = "ancestral"

    def __post_init__(self) -> None:
        check_choice(self.base, "base", _FORMS)
        check_positive(self.eta, "eta", allow_zero=True)
        check_positive(self.noise_scale, "noise_scale", allow_zero=True)

    @property
    def order(self) -> int:
        return 2

    @property
    def global_order(self) -> int:
        return 1 if self.stochastic else 2

    @property
    def form(self) -> Form:
        return _FORMS[self.base]

    @property
    def stochastic(self) -> bool:
        return self.eta > 0.0

    def evaluations(self, steps: int) -> int:
        return 2 * steps

    def compile(self, schedule: Schedule, grid: Grid) -> Plan:
        """Two evaluations and one draw per step; one and none in a step to sigma = 0."""
        levels = grid.levels(schedule)
        steps = []
        calls = 0
        for n, (start, stop) in enumerate(pairwise(levels)):
            down, up = without_noise(start, stop, self.eta)
            stages: list[Stage] = [Evaluation("x", f"m{calls}", start, self.form)]
            if not down.is_clean:
                stages += midpoint_stages(schedule, start, down, calls, self.form)
            calls += sum(isinstance(stage, Evaluation) for stage in stages)
            noise = Noise(self.noise_scale * up, n, start, stop) if up else None
            row = transfer(start, down, {f"m{calls - 1}": 1.0}, form=self.form, noise=noise)
            steps.append(Step((*stages, row), start, stop))
        return Plan(f"{self.base}_{self.name}", tuple(steps))


register(
    "dpm_2_ancestral",
    lambda: Ancestral("dpm_2"),
    aliases=("sample_dpm_2_ancestral", "KDPM2AncestralDiscreteScheduler"),
)
register("dpmpp_2s_ancestral", Ancestral, aliases=("sample_dpmpp_2s_ancestral",))
