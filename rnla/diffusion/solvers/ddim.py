"""DDIM and DDPM: first order, with any amount of fresh noise.

x_t = alpha_t x0 + sqrt(sigma_t^2 - s^2) eps + s z with s = eta sigma_t sqrt(1 - exp(-2h)), on any
schedule (Song, Meng, Ermon, ICLR 2021). eta = 0 is Euler's method in rho; eta = 1 samples the exact
posterior of x_t given x_s and x0, which is DDPM (Ho, Jain, Abbeel, NeurIPS 2020).
One evaluation a step.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from itertools import pairwise
from typing import ClassVar

from ..._errors import argument_error, check_choice, check_positive
from ..grids import Grid
from ..plan import Evaluation, Form, Level, Noise, Plan, Row, Stage, Step, Term
from ..schedules import Schedule
from ._base import Solver
from ._registry import register

__all__ = ["DDIM", "posterior_deviation"]


def posterior_deviation(start: Level, stop: Level) -> float:
    """Standard deviation of x_t given x_s and x0: sigma_t sqrt(1 - exp(-2h))."""
    h = stop.half_log_snr - start.half_log_snr
    return stop.sigma * math.sqrt(-math.expm1(-2.0 * h))


@dataclass(frozen=True)
class DDIM(Solver):
    """The denoising diffusion implicit model.

    Parameters
    ----------
    eta : float
        Noise, as a multiple of the standard deviation of the posterior; 0 is deterministic, 1 is
        DDPM.
    variance : {"posterior", "large"}
        ``"large"`` adds the noise of the forward step instead ("fixed large" in DDPM), its variance
        sigma_s^2 - (alpha_s / alpha_t)^2 sigma_t^2, and leaves the mean as it is. A step to
        sigma = 0 adds none.

    Raises
    ------
    ArgumentError
        If an option is out of range.

    Notes
    -----
    One evaluation per step; memory: the state and one output. Global order 1. An `eta` above 1 may
    ask for more noise than a step has, which is refused with the step.

    References
    ----------
    J. Song, C. Meng, S. Ermon. Denoising diffusion implicit models. arXiv 2010.02502.
    J. Ho, A. Jain, P. Abbeel. Denoising diffusion probabilistic models. arXiv 2006.11239.

    Examples
    --------
    >>> DDIM(eta=1.0).stochastic
    True
    """

    eta: float = 0.0
    variance: str = "posterior"

    name: ClassVar[str] = "ddim"

    def __post_init__(self) -> None:
        check_positive(self.eta, "eta", allow_zero=True)
        check_choice(self.variance, "variance", ("posterior", "large"))

    @property
    def order(self) -> int:
        return 1

    @property
    def form(self) -> Form:
        return "x0"

    @property
    def stochastic(self) -> bool:
        return self.eta > 0.0

    def compile(self, schedule: Schedule, grid: Grid) -> Plan:
        levels = grid.levels(schedule)
        pairs = enumerate(pairwise(levels))
        return Plan(self.name, tuple(self._step(n, s, t) for n, (s, t) in pairs))

    def _step(self, n: int, start: Level, stop: Level) -> Step:
        posterior = posterior_deviation(start, stop)
        spread = self.eta * posterior
        if spread > stop.sigma:
            raise argument_error(
                "eta",
                f"{self.eta} with posterior standard deviation {posterior:.6g} at step {n}",
                f"noise of at most sigma = {stop.sigma:.6g}",
                "Pass eta=1.0 for the posterior.",
            )
        # eps = (x - alpha_s x0) / sigma_s put into the formula.
        of_eps = math.sqrt(stop.sigma**2 - spread**2) / start.sigma
        terms = (Term("x", of_eps), Term(f"m{n}", stop.alpha - of_eps * start.alpha))
        if self.variance == "large":
            spread = 0.0 if stop.is_clean else spread * (start.sigma / stop.sigma)
        noise = Noise(spread, n, start, stop) if spread > 0.0 else None
        stages: tuple[Stage, ...] = (
            Evaluation("x", f"m{n}", start, self.form),
            Row("x", terms, noise),
        )
        return Step(stages, start, stop)


def _ddpm() -> DDIM:
    return DDIM(eta=1.0)


register("ddim", DDIM, aliases=("DDIMScheduler",))
register("ddpm", _ddpm, aliases=("DDPMScheduler",))
