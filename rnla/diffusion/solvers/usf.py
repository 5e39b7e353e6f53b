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
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any, ClassVar, Literal

from ..._errors import argument_error
from ..grids import Grid
from ..plan import STATE, Evaluation, Form, Level, Plan, Row, Stage, Step, Term
from ..schedules import Schedule
from ._base import Solver
from ._registry import register
from .dpm_solver_pp import check_choice
from .exponential import Relaxation, coefficients, step_row

__all__ = ["USF", "Corrector", "Decision", "ramp"]

First = Literal["model", "noise", "zero"]


@dataclass(frozen=True)
class Corrector:
    """How a step is repeated with the output at its own end as one more node.

    Parameters
    ----------
    order : int
        Number of Taylor terms, at least 2; UniC-p has p + 1.
    kind : {"pseudo", "implicit"}, default "pseudo"
        Keep the output at the predicted state in the history, or evaluate again at the corrected
        one, which costs one evaluation.
    relaxation : tuple, default ()
        As in `Decision`.
    """

    order: int
    kind: Literal["pseudo", "implicit"] = "pseudo"
    relaxation: tuple[Relaxation, ...] = ()

    def __post_init__(self) -> None:
        check_choice(self.kind, "kind", ("pseudo", "implicit"))
        check_choice(self.order, "order", (2, 3, 4, 5))
        object.__setattr__(self, "relaxation", _relaxations(self.relaxation))


@dataclass(frozen=True)
class Decision:
    """One step.

    Parameters
    ----------
    order : int, default 1
        Number of Taylor terms.
    form : {"x0", "eps"}, default "x0"
        Which prediction is expanded.
    relaxation : tuple of float, str or (str, float), default ()
        Factor on the first, second, … derivative, see `relaxation_factor`.
    differences : tuple of int, optional
        Order of the difference that estimates each derivative; the full one by default.
    start : int, default 0
        How many levels back the step starts: 0 continues from the newest state, k > 0 goes again
        from the state k levels before it, as the stages of a singlestep solver do.
    nodes : tuple of int, optional
        Outputs in use, by how many levels back they are; by default the start and then the newest.
    corrector : Corrector, optional
        Correct the step.

    Raises
    ------
    ArgumentError
        If a value is out of range.
    """

    order: int = 1
    form: Form = "x0"
    relaxation: tuple[Relaxation, ...] = ()
    differences: tuple[int, ...] | None = None
    start: int = 0
    nodes: tuple[int, ...] | None = None
    corrector: Corrector | None = None

    def __post_init__(self) -> None:
        check_choice(self.order, "order", (1, 2, 3, 4))
        check_choice(self.form, "form", ("x0", "eps"))
        object.__setattr__(self, "relaxation", _relaxations(self.relaxation))
        if self.start < 0:
            raise argument_error("start", self.start, "at least 0 levels back", "Use 0.")
        if len(set(self.active)) < self.order:
            raise argument_error(
                "nodes",
                repr(self.nodes),
                f"at least {self.order} different outputs for order {self.order}",
                "Give more nodes or lower the order.",
            )

    @property
    def active(self) -> tuple[int, ...]:
        """The outputs in use, by levels back."""
        if self.nodes is not None:
            return self.nodes
        newest = (k for k in range(self.order + 1) if k != self.start)
        return (self.start, *newest)[: self.order]


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
        object.__setattr__(self, "decisions", tuple(self.decisions))

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
        """Return the plan of the decisions on a grid.

        Parameters
        ----------
        schedule : Schedule
            The noise schedule.
        grid : Grid
            As many steps as there are decisions.

        Returns
        -------
        Plan
            Outputs are evaluated in the form of their first use; where a later step uses the other
            form a row converts them.

        Raises
        ------
        ArgumentError
            If the number of decisions differs from that of steps, or a step uses an output or a
            state from before the first level.
        """
        levels = grid.levels(schedule)
        decisions = self.decisions or ramp(grid.steps)
        _check(decisions, grid.steps)
        return _Compiler(levels, decisions, self.first).plan()

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
        return cls(tuple(map(_decision, record["decisions"])), record["first"])


def ramp(steps: int, order: int = 3, form: Form = "x0") -> tuple[Decision, ...]:
    """Return the decisions of a multistep method with its start-up: orders 1, 2, …, `order`.

    Parameters
    ----------
    steps : int
        Number of steps.
    order : int, default 3
        Number of Taylor terms once the history is long enough.
    form : {"x0", "eps"}, default "x0"
        The prediction.

    Returns
    -------
    tuple of Decision
        Those of UniP, which are those of the corrected multistep DPM-Solver++.
    """
    return tuple(Decision(min(order, n + 1), form) for n in range(steps))


class _Compiler:
    """Turns decisions into stages; holds which registers exist."""

    def __init__(
        self, levels: tuple[Level, ...], decisions: Sequence[Decision], first: First
    ) -> None:
        self.levels = levels
        self.lambdas = [level.half_log_snr for level in levels]
        self.decisions = decisions
        self.first = first
        self.calls = 0
        self.outputs: dict[tuple[int, Form], str] = {}
        self.saved = {n - d.start for n, d in enumerate(decisions) if d.start}
        self.forms: dict[int, list[Form]] = {}
        for n, decision in enumerate(decisions):
            used = [n - back for back in decision.active]
            if decision.corrector is not None:
                used += [n + 1, *self._history(n, decision.corrector.order)]
            for k in used:
                forms = self.forms.setdefault(k, [])
                if decision.form not in forms:
                    forms.append(decision.form)

    def plan(self) -> Plan:
        steps = []
        for n, decision in enumerate(self.decisions):
            stages: list[Stage] = []
            if n == 0:
                stages += self._output(STATE, 0)
            if n in self.saved:
                stages.append(Row(f"s{n}", (Term(STATE, 1.0),)))
            stages += self._step(n, decision)
            steps.append(Step(tuple(stages), self.levels[n], self.levels[n + 1]))
        return Plan("usf", tuple(steps))

    def _step(self, n: int, decision: Decision) -> list[Stage]:
        origin = n - decision.start
        source = f"s{origin}" if decision.start else STATE
        used = [n - back for back in decision.active]
        corrector = decision.corrector
        state = STATE if corrector is None else f"u{n}"
        row = self._row(n, decision, used, decision.order, decision.relaxation, source, state)
        last = n == len(self.decisions) - 1
        if corrector is None:
            return [row] if last else [row, *self._output(STATE, n + 1)]
        stages = [row, *self._output(state, n + 1)]
        used = [origin, n + 1, *self._history(n, corrector.order)]
        used = list(dict.fromkeys(used))[: corrector.order]
        order, relaxation = len(used), corrector.relaxation
        stages.append(self._row(n, decision, used, order, relaxation, source, STATE))
        if corrector.kind == "implicit" and not last:
            stages += self._output(STATE, n + 1)
        return stages

    def _history(self, n: int, order: int) -> list[int]:
        """Return the outputs from before step n that a corrector of that order may use."""
        return list(range(n, max(n - order, -1), -1))

    def _row(
        self,
        n: int,
        decision: Decision,
        used: list[int],
        order: int,
        relaxation: tuple[Relaxation, ...],
        source: str,
        target: str,
    ) -> Row:
        predicts = n + 1 not in used
        step = coefficients(
            self.levels[n - decision.start],
            self.levels[n + 1],
            [self.lambdas[k] for k in used],
            form=decision.form,
            order=order,
            differences=decision.differences if predicts else None,
            relaxation=relaxation,
        )
        outputs = [self.outputs[k, decision.form] for k in used]
        return step_row(step, outputs, source=source, target=target)

    def _output(self, state: str, n: int) -> list[Stage]:
        """Return the stages that make the output at level n, in every form that is used."""
        level = self.levels[n]
        forms = self.forms.get(n) or [self.decisions[-1].form]
        if n == 0 and self.first != "model":
            stages: list[Stage] = []
            for form in forms:
                self.outputs[0, form] = f"m0_{form}"
                stages.append(Row(f"m0_{form}", (Term(state, self._guess(level, form)),)))
            return stages
        main = f"m{self.calls}"
        self.calls += 1
        self.outputs[n, forms[0]] = main
        stages = [Evaluation(state, main, level, forms[0])]
        for form in forms[1:]:
            name = self.outputs[n, form] = f"{main}_{form}"
            stages.append(Row(name, _converted(state, main, level, form)))
        return stages

    def _guess(self, level: Level, form: Form) -> float:
        """Return the multiple of the state that stands for the first output."""
        if self.first == "zero":
            return 0.0 if form == "x0" else 1.0 / level.sigma
        return (1.0 - level.sigma) / level.alpha if form == "x0" else 1.0


def _converted(state: str, output: str, level: Level, form: Form) -> tuple[Term, ...]:
    """Return x0 from eps or eps from x0 at a state: x = alpha x0 + sigma eps."""
    alpha, sigma = level.alpha, level.sigma
    if form == "x0":
        return Term(state, 1.0 / alpha), Term(output, -sigma / alpha)
    return Term(state, 1.0 / sigma), Term(output, -alpha / sigma)


def _check(decisions: Sequence[Decision], steps: int) -> None:
    if len(decisions) != steps:
        raise argument_error(
            "decisions",
            f"{len(decisions)} for a grid of {steps} steps",
            "one decision for each step",
            "Make the grid with that many steps.",
        )
    for n, decision in enumerate(decisions):
        if max(*decision.active, decision.start) > n:
            raise argument_error(
                f"decisions[{n}]",
                f"an output or a state {max(*decision.active, decision.start)} levels back",
                f"at most {n}, the levels behind it",
                "Begin with order 1, then 2, and so on.",
            )


def _relaxations(values: Sequence[Any]) -> tuple[Relaxation, ...]:
    """Return relaxations as tuples all through, which JSON gives as lists."""
    return tuple(tuple(value) if isinstance(value, list) else value for value in values)


def _decision(record: dict[str, Any]) -> Decision:
    corrector = record.pop("corrector")
    for field in ("differences", "nodes"):
        record[field] = None if record[field] is None else tuple(record[field])
    return Decision(**record, corrector=None if corrector is None else Corrector(**corrector))


register("usf", USF)
