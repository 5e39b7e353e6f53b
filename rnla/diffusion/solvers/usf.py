"""USF, the unified sampling framework: a solver written down as one decision per step.

Every exponential-integrator sampler is a choice, step by step, of the prediction that is expanded,
the number of Taylor terms, the outputs through which derivatives are taken, the order of those
differences, a relaxation of each derivative, the state the step starts from, a corrector, and what
stands in for the first evaluation. One function (`coefficients`) turns a decision into a row of the
plan, and all named solvers are presets (`rnla.diffusion.usf_preset`). E. Liu, X. Ning, H. Yang,
Y. Wang, A unified sampling framework for solver searching of diffusion probabilistic models
(ICLR 2024, arXiv 2312.07243).
Cost: one evaluation per step; one more for an implicit corrector, one less without the first.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from typing import ClassVar

from ..._errors import ArgumentTypeError, argument_error, check_choice
from ..grids import Grid
from ..plan import Form, Plan
from ..schedules import Schedule
from ._base import Solver
from ._decisions import Corrector, Decision, First, decision_from, ramp
from ._registry import register
from ._usf_plan import plan_of

__all__ = ["USF", "Corrector", "Decision", "ramp"]


@dataclass(frozen=True)
class USF(Solver):
    """A solver given by its decisions.

    Parameters
    ----------
    decisions : tuple of Decision, default ()
        One for each step of the grid. Without any, `ramp` of order 3: UniP-3.
    first : {"model", "noise", "zero"}, default "model"
        What stands for the first evaluation: the model; eps := x, which the published program calls
        "zero_x0"; or x0 := 0. Both save one. (The mean of the data instead of 0 is "zero" on a
        model whose coordinates are shifted by it.)

    Notes
    -----
    The published program also scales the skip connections of the network; that belongs to the
    model. Its third prediction, the one of DPM-Solver-v3, is a solver of its own here.

    References
    ----------
    E. Liu, X. Ning, H. Yang, Y. Wang. A unified sampling framework for solver searching of
    diffusion probabilistic models. ICLR 2024, arXiv 2312.07243.

    Examples
    --------
    >>> from rnla.diffusion.grids import make_grid
    >>> from rnla.diffusion.schedules import VPLinear
    >>> from rnla.diffusion.solvers.usf import USF, Decision
    >>> schedule = VPLinear()
    >>> solver = USF((Decision(), Decision(2, relaxation=("bh2",)), Decision(2, form="eps")))
    >>> solver.compile(schedule, make_grid(schedule, 3)).evaluations
    3
    """

    decisions: tuple[Decision, ...] = ()
    first: First = "model"

    name: ClassVar[str] = "usf"

    def __post_init__(self) -> None:
        check_choice(self.first, "first", ("model", "noise", "zero"))
        decisions = self.decisions if isinstance(self.decisions, Iterable) else (self.decisions,)
        object.__setattr__(self, "decisions", tuple(decisions))
        for step, decision in enumerate(self.decisions):
            if not isinstance(decision, Decision):
                raise argument_error(
                    f"decisions[{step}]",
                    type(decision).__name__,
                    "a Decision",
                    "Pass (Decision(), Decision(2)), say.",
                    kind=ArgumentTypeError,
                )

    @property
    def order(self) -> int:
        """Largest number of Taylor terms of a step."""
        return max((decision.order for decision in self.decisions), default=3)

    @property
    def global_order(self) -> int:
        """Order of the default; a list of decisions belongs to one grid and has no order."""
        return self.order if not self.decisions else 1

    @property
    def form(self) -> Form:
        """The form of the first step; others may differ."""
        return self.decisions[0].form if self.decisions else "x0"

    def evaluations(self, steps: int) -> int:
        """Model calls for a grid of `steps` steps."""
        decisions = self.decisions or ramp(steps)
        correctors = [d.corrector for d in decisions]
        again = sum(c is not None and c.kind == "implicit" for c in correctors[:-1])
        # The last level is evaluated for a corrector only.
        return len(decisions) + again + (correctors[-1] is not None) - (self.first != "model")

    def compile(self, schedule: Schedule, grid: Grid) -> Plan:
        """The plan of the decisions on a grid of as many steps.

        Outputs are evaluated in the form of their first use; where a later step uses the other form
        a row converts them.

        Raises
        ------
        ArgumentError
            If the number of decisions differs from that of steps, or a step uses an output or a
            state from before the first level.
        """
        levels = grid.levels(schedule)
        return plan_of(levels, self.decisions or ramp(grid.steps), self.first)

    def to_json(self) -> str:
        """Return the decisions as JSON text."""
        record = {"format": "rnla.diffusion.USF 1", "first": self.first}
        return json.dumps(record | {"decisions": [asdict(d) for d in self.decisions]})

    @classmethod
    def from_json(cls, text: str) -> USF:
        """Read what `to_json` wrote."""
        record = json.loads(text)
        if not isinstance(record, dict) or record.get("format") != "rnla.diffusion.USF 1":
            raise argument_error(
                "text", "JSON of something else", "decisions", "Pass the text of USF.to_json()."
            )
        return cls(tuple(map(decision_from, record["decisions"])), record["first"])


register("usf", USF)
