"""From decisions to a plan: every decision becomes a row, by `coefficients`."""

from __future__ import annotations

from collections.abc import Sequence

from ..._errors import argument_error
from .._rows import other_form
from ..plan import STATE, Evaluation, Form, Level, Plan, Row, Stage, Step, Term
from ._decisions import Decision, First
from .exponential import Relaxation, coefficients, step_row

__all__ = ["plan_of"]


def plan_of(levels: tuple[Level, ...], decisions: Sequence[Decision], first: First) -> Plan:
    """Return the plan of one decision per step; see `USF.compile`."""
    _check(decisions, len(levels) - 1)
    return _Compiler(levels, decisions, first).plan()


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
            stages.append(Row(name, other_form(state, main, level, form)))
        return stages

    def _guess(self, level: Level, form: Form) -> float:
        """Return the multiple of the state that stands for the first output."""
        if self.first == "zero":
            return 0.0 if form == "x0" else 1.0 / level.sigma
        return (1.0 - level.sigma) / level.alpha if form == "x0" else 1.0


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
