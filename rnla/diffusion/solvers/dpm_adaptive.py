"""DPM-Solver-12 and DPM-Solver-23: embedded singlesteps with a step size chosen from the error.

The orders p - 1 and p share their evaluations. With δ = max(atol, rtol max(|x_low|, |x_prev|)) the
error of a trial is E = max over the batch of RMS((x_high - x_low) / δ); the trial is accepted if
E <= 1, and the next step in λ is θ h E^(-1/p). C. Lu et al., DPM-Solver, appendix C
(arXiv 2206.00927). The option ``controller="pid"`` is the proportional-integral-derivative rule
with the limiter 1 + atan(factor - 1) that k-diffusion uses.
Cost: p evaluations per trial, rejected ones included; memory as for the singlestep of order p.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, ClassVar, Literal

from ..._errors import argument_error, check_choice, check_positive, check_size
from .._arrays import namespace, on_host
from ..execute import State, run_step
from ..grids import Grid
from ..models import PreparedModel
from ..plan import Form, Plan
from ..schedules import Schedule
from ._base import Solver
from ._options import numbers_of
from ._registry import register
from .dpm_solver import SinglestepType, singlestep

__all__ = ["DPMSolverAdaptive"]


@dataclass(frozen=True)
class DPMSolverAdaptive(Solver):
    """DPM-Solver with adaptive steps; of the grid only the two ends are used.

    Parameters
    ----------
    order : {3, 2}, default 3
        Order p of the accepted result: DPM-Solver-23 or -12.
    form : {"eps", "x0"}, default "eps"
        Which prediction is expanded.
    solver_type : {"dpmsolver", "taylor"}, default "dpmsolver"
        As in `DPMSolver`.
    atol, rtol : float, default 0.0078 and 0.05
        Absolute and relative tolerance; the first is two grey levels of 256 in data on [-1, 1].
    h_init : float, default 0.05
        First step in half log-SNR.
    theta : float, default 0.9
        Safety factor of the paper's rule.
    controller : {"paper", "pid"}, default "paper"
        Rule for the step size.
    pid : tuple of 3 floats, default (0, 1, 0)
        Proportional, integral and derivative coefficient of "pid".
    accept_safety : float, default 0.81
        "pid" accepts a trial if its limited factor is at least this.
    time_tolerance : float, default 1e-5
        Stop when the time is this close to the end, as the published program does.
    maximum : int, default 10000
        Trials after which it gives up.

    Raises
    ------
    ArgumentError
        If an option is not among those listed, or the end has σ = 0.

    Notes
    -----
    The steps depend on the data, so there is no plan; `states` runs it. One state is yielded per
    accepted step, and its `evaluations` count rejected trials too. All samples of a batch share
    their steps: results depend on the batch by as much as the tolerance.

    References
    ----------
    C. Lu, Y. Zhou, F. Bao, J. Chen, C. Li, J. Zhu. DPM-Solver. arXiv 2206.00927.
    """

    order: int = 3
    form: Form = "eps"
    solver_type: SinglestepType = "dpmsolver"
    atol: float = 0.0078
    rtol: float = 0.05
    h_init: float = 0.05
    theta: float = 0.9
    controller: Literal["paper", "pid"] = "paper"
    pid: tuple[float, float, float] = (0.0, 1.0, 0.0)
    accept_safety: float = 0.81
    time_tolerance: float = 1e-5
    maximum: int = 10_000

    name: ClassVar[str] = "dpm_solver_adaptive"

    def __post_init__(self) -> None:
        check_choice(self.order, "order", (2, 3))
        check_choice(self.form, "form", ("eps", "x0"))
        check_choice(self.solver_type, "solver_type", ("dpmsolver", "taylor"))
        check_choice(self.controller, "controller", ("paper", "pid"))
        check_size(self.maximum, name="maximum")
        object.__setattr__(self, "pid", numbers_of(self.pid, "pid"))
        if len(self.pid) != 3:
            raise argument_error(
                "pid", repr(self.pid), "three gains", "Pass pid=(0.0, 1.0, 0.0), say."
            )
        for field in ("atol", "h_init", "theta", "time_tolerance", "accept_safety"):
            check_positive(getattr(self, field), field)
        check_positive(self.rtol, "rtol", allow_zero=True)

    def compile(self, schedule: Schedule, grid: Grid) -> Plan:
        """Raise: the steps depend on the data."""
        raise argument_error(
            "solver",
            "an adaptive solver",
            "a solver whose steps are known beforehand",
            "Run it with sample(...), or choose DPMSolver for a plan.",
        )

    def evaluations(self, steps: int) -> int:
        """Model calls of `steps` trials."""
        return self.order * steps

    def states(
        self, model: PreparedModel, x: Any, schedule: Schedule, grid: Grid, noise: Any = None
    ) -> Iterator[State]:
        """Run from `x` at the first level of the grid to its last level.

        Parameters
        ----------
        model : callable
            ``model(x, level, form)``, as `prepare` makes it.
        x : array, shape (batch, ...)
            The state at the first level.
        schedule : Schedule
            The noise schedule.
        grid : Grid
            Its two ends are used.
        noise : ignored
            The method is deterministic.

        Yields
        ------
        State
            After every accepted step.

        Raises
        ------
        ArgumentError
            If the last level has σ = 0, or `maximum` trials do not reach it.
        """
        levels = grid.levels(schedule)
        level, last = levels[0], levels[-1]
        if last.is_clean or level.alpha == 0.0:
            raise argument_error(
                "grid",
                "an end with infinite half log-SNR",
                "two finite ends",
                'Use end="sigma_min" or end="denoise" without the last step.',
            )
        places = (0.5,) if self.order == 2 else (1.0 / 3.0, 2.0 / 3.0)
        h, previous, accepted, errors = self.h_init, x, 0, [0.0, 0.0, 0.0]
        for trial in range(self.maximum):
            low = level.half_log_snr
            h = min(h, last.half_log_snr - low)
            stop = schedule.level_of(low + h) if low + h < last.half_log_snr else last
            step = singlestep(
                level,
                stop,
                tuple(schedule.level_of(low + r * h) for r in places),
                form=self.form,
                solver_type=self.solver_type,
                calls=0,
                lower="low",
            )
            if hasattr(model, "step"):
                model.step = accepted  # for messages only
            after = run_step(step, {"x": x}, model)
            error = self._error(after["x"], after["low"], previous)
            accept, factor = self._decide(error, errors, first=trial == 0)
            if accept:
                x, previous, level = after["x"], after["low"], stop
                accepted += 1
                yield State(x, level, accepted, self.order * (trial + 1), {"x": x})
                if stop is last or abs(level.time - last.time) <= self.time_tolerance:
                    return
            h *= factor
        raise argument_error(
            "maximum",
            f"{self.maximum} trials, which end at {level}",
            f"enough trials to reach {last}",
            "Raise atol and rtol, or maximum.",
        )

    def _error(self, high: Any, low: Any, previous: Any) -> float:
        xp = namespace(high)
        larger = xp.maximum(xp.abs(low), xp.abs(previous))
        scaled = (high - low) / xp.maximum(self.rtol * larger, self.atol + 0.0 * larger)
        squares = scaled.reshape((scaled.shape[0], -1)) ** 2
        return math.sqrt(float(on_host(squares.mean(1)).max()))

    def _decide(self, error: float, errors: list[float], *, first: bool) -> tuple[bool, float]:
        """Return whether to accept, and the factor on the step; `errors` is the PID's memory."""
        if not math.isfinite(error):
            return False, 0.5
        if self.controller == "paper":
            grow = self.theta * error ** (-1.0 / self.order) if error > 0.0 else math.inf
            return error <= 1.0, grow
        inverse = 1.0 / (error + 1e-8)
        errors[:] = [inverse] * 3 if first else [inverse, *errors[1:]]
        p, i, d = self.pid
        powers = ((p + i + d) / self.order, -(p + 2.0 * d) / self.order, d / self.order)
        factor = math.prod(e**power for e, power in zip(errors, powers, strict=False))
        factor = 1.0 + math.atan(factor - 1.0)
        accept = factor >= self.accept_safety
        if accept:
            errors[2], errors[1] = errors[1], errors[0]
        return accept, factor


register("dpm_solver_adaptive", DPMSolverAdaptive, aliases=("sample_dpm_adaptive",))
