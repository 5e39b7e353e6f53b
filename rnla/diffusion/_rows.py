"""Rows of plans: what solvers and transforms ask of them and do to them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from .._errors import argument_error
from .plan import STATE, Evaluation, Form, Level, Row, Stage, Step, Term

__all__ = ["only_row", "other_form", "renamed"]


def only_row(step: Step, number: int) -> Row:
    """The one row of a step of evaluations and a row to ``x`` at its end, or raise."""
    rows = [stage for stage in step.stages if isinstance(stage, Row)]
    if len(rows) != 1 or rows[0].target != STATE or rows[0] is not step.stages[-1]:
        raise argument_error(
            "plan",
            f"{len(rows)} rows in step {number}",
            "one row per step, to x, after its evaluations",
            "Use a multistep solver.",
        )
    return rows[0]


def other_form(state: str, output: str, level: Level, to: Form) -> tuple[Term, Term]:
    """x0 from eps, or eps from x0, as terms of a row: x = alpha x0 + sigma eps."""
    alpha, sigma = level.alpha, level.sigma
    if to == "x0":
        return Term(state, 1.0 / alpha), Term(output, -sigma / alpha)
    return Term(state, 1.0 / sigma), Term(output, -alpha / sigma)


def renamed(stage: Stage, names: Mapping[str, str]) -> Stage:
    """A stage whose row reads, for the registers in `names`, the ones named there instead."""
    if isinstance(stage, Evaluation):
        return stage
    terms = (
        replace(term, register=names.get(term.register, term.register)) for term in stage.terms
    )
    return replace(stage, terms=tuple(terms))
