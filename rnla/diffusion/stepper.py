"""A plan driven from outside, by whoever owns the loop and calls the model.

`sample` calls the model itself. Pipelines of other packages call it and hand over the output; a
`Stepper` says which array the model is to be shown at which level, takes the output, and goes on to
the next call. The same rows run in the same order, so the results are those of `run_plan`.
"""

from __future__ import annotations

from typing import Any

from .._errors import argument_error
from .execute import NoiseSource, run_row
from .plan import STATE, Evaluation, Level, Plan

__all__ = ["Stepper", "evaluation_levels"]


def evaluation_levels(plan: Plan) -> tuple[Level, ...]:
    """The levels at which a plan calls the model, in order.

    Examples
    --------
    >>> from rnla.diffusion import VPLinear, get_solver, make_grid
    >>> plan = get_solver("ddim").compile(VPLinear(), make_grid(VPLinear(), 2, "time_uniform"))
    >>> [level.time for level in evaluation_levels(plan)]
    [1.0, 0.5005]
    """
    return tuple(stage.level for stage in plan.stages if isinstance(stage, Evaluation))


class Stepper:
    """Runs a plan from one call of the model to the next.

    Parameters
    ----------
    plan : Plan
    x : array
        The state at the first level.

    Attributes
    ----------
    evaluation : Evaluation or None
        The call that is waited for; None when the plan is finished.
    shown : array
        What the model is to be shown; the result when the plan is finished.

    Examples
    --------
    >>> import numpy as np
    >>> from rnla.diffusion import VPLinear, get_solver, make_grid
    >>> schedule = VPLinear()
    >>> plan = get_solver("ddim").compile(schedule, make_grid(schedule, 3))
    >>> stepper = Stepper(plan, np.ones((1, 2)))
    >>> while stepper.evaluation is not None:
    ...     stepper.send(np.zeros((1, 2)))
    >>> stepper.shown.round(6).tolist()
    [[0.010486, 0.010486]]
    """

    def __init__(self, plan: Plan, x: Any) -> None:
        self._plan = plan
        self._step = self._stage = 0
        self._registers: dict[str, Any] = {STATE: x}
        self.evaluation: Evaluation | None = None
        self._advance(None)

    @property
    def shown(self) -> Any:
        return self._registers[STATE if self.evaluation is None else self.evaluation.source]

    def send(self, output: Any, *, shown: Any = None, noise: NoiseSource | None = None) -> None:
        """Take the model's output, in the form that `evaluation` names, and go on to the next call.

        Parameters
        ----------
        output : array
            Like `shown`.
        shown : array, optional
            What the model was shown in fact, if the caller has changed it since.
        noise : callable, optional
            ``noise(draw, like, (start, stop))``; needed if the rows up to the next call add noise.
        """
        if self.evaluation is None:
            raise argument_error(
                "output",
                "an output after the last evaluation",
                "as many outputs as the plan has evaluations",
                "Make a new Stepper for a new sample.",
            )
        if shown is not None:
            self._registers[self.evaluation.source] = shown
        self._registers[self.evaluation.target] = output
        self._stage += 1
        self._advance(noise)

    def _advance(self, noise: NoiseSource | None) -> None:
        """Run rows up to the next evaluation; drop what no later step reads."""
        self.evaluation = None
        for step, keep in zip(
            self._plan.steps[self._step :], self._plan.keeps[self._step :], strict=True
        ):
            for stage in step.stages[self._stage :]:
                if isinstance(stage, Evaluation):
                    self.evaluation = stage
                    return
                self._registers[stage.target] = run_row(stage, self._registers, noise)
                self._stage += 1
            self._registers = {name: x for name, x in self._registers.items() if name in keep}
            self._step, self._stage = self._step + 1, 0
