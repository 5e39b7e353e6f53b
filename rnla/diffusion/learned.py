"""Coefficients of a plan learned from reference trajectories, one small least-squares fit per step.

A step of a multistep plan is x' = c x + sum_j w_j m_j (+ noise). With the states that a reference,
such as a very fine grid, has at the same levels, the changes of w that bring x' nearest to it are a
linear least-squares problem with as many unknowns as the step has outputs; a ridge penalty holds
them near the solver's own. Steps are fitted in order, each on the states that the steps fitted so
far produce. The sum of the w_j is kept, so constant models stay exact. This is the linear analogue
of searches for compensation ratios or solver schedules (arXiv 2409.03755, arXiv 2312.07243).

The fit is `numpy.linalg.lstsq` of the stacked rows [D; sqrt(ridge) I]: a handful of columns.
Cost: one run of the plan on the batch, and per step O(entries of the batch * outputs^2).
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from .._errors import argument_error, check_positive
from ..tall import single_threaded_blas
from ._arrays import as_state, on_host
from ._rows import only_row
from .execute import run_row
from .models import prepare
from .plan import STATE, Evaluation, Plan, Row, Stage, Step, Term
from .prediction import Prediction
from .schedules import Schedule

__all__ = ["learn_coefficients"]

Array = npt.NDArray[np.float64]


def learn_coefficients(
    plan: Plan,
    model: Any,
    x: Any,
    reference: Sequence[Any],
    *,
    schedule: Schedule,
    prediction: str | Prediction | None = None,
    ridge: float = 1e-3,
) -> Plan:
    """Fit the weights of a plan's outputs to reference states.

    Parameters
    ----------
    plan : Plan
        Deterministic, of steps with evaluations and one row to x: multistep solvers.
    model : callable
        As for `sample`.
    x : array, shape (batch, ...)
        Starts.
    reference : sequence of array
        The states wanted after every step, each like `x`: at the levels ``step.stop``.
    schedule : Schedule
    prediction : str or Prediction, optional
        What the model predicts; by default its attribute `prediction`.
    ridge : float, default 1e-3
        Weight of the squared changes of the weights, relative to the mean square of the output
        differences that they multiply; large values leave the plan as it is.

    Returns
    -------
    Plan

    Raises
    ------
    ArgumentError
        If the plan is stochastic or a step of another form, or the states are not as described.

    Notes
    -----
    A step with one output has nothing to fit. With ridge = 0 each step is at least as near to the
    reference on `x`, given its start, as the plan's own step.

    Examples
    --------
    >>> import numpy as np
    >>> from rnla.diffusion import Gaussian, VPLinear, get_solver, make_grid
    >>> schedule, model = VPLinear(), Gaussian([0.0], [[0.25]])
    >>> grid, x = make_grid(schedule, 5), np.array([[1.0], [-0.5]])
    >>> levels = grid.levels(schedule)
    >>> exact = [model.flow(x, levels[0], level) for level in levels[1:]]
    >>> plan = get_solver("dpmpp_2m").compile(schedule, grid)
    >>> learned = learn_coefficients(plan, model, x, exact, schedule=schedule)
    >>> learned.evaluations
    5
    """
    ridge = check_positive(ridge, "ridge", allow_zero=True)
    x = as_state(x)
    if plan.stochastic:
        raise argument_error(
            "plan", "a stochastic plan", "a deterministic one", "Compile the solver with eta=0."
        )
    if len(reference) != len(plan.steps) or any(
        tuple(np.shape(state)) != tuple(x.shape) for state in reference
    ):
        raise argument_error(
            "reference",
            f"{len(reference)} arrays",
            f"{len(plan.steps)} of shape {tuple(x.shape)}, one for each step of the plan",
            "Take the states of the reference at the levels of the plan.",
        )
    prepared = prepare(model, schedule, prediction)
    prepared.check_plan(plan)
    registers: dict[str, Any] = {STATE: x}
    steps = []
    for number, (step, target, keep) in enumerate(
        zip(plan.steps, reference, plan.keeps, strict=True)
    ):
        stages: list[Stage] = []
        row = only_row(step, number)
        for stage in step.stages:
            if isinstance(stage, Evaluation):
                output = prepared(registers[stage.source], stage.level, stage.form)
                registers[stage.target] = output
                stages.append(stage)
        fitted = _fitted(row, registers, on_host(target), ridge)
        registers[STATE] = run_row(fitted, registers, None)
        registers = {name: array for name, array in registers.items() if name in keep}
        steps.append(Step((*stages, fitted), step.start, step.stop))
    return Plan(f"learned_{plan.solver}", tuple(steps))


def _fitted(row: Row, registers: Mapping[str, Any], target: Array, ridge: float) -> Row:
    """The row with the weights of its outputs changed, their sum kept."""
    outputs = [term for term in row.terms if term.register != STATE]
    if len(outputs) < 2:
        return row
    values = [_column(registers[term.register]) for term in outputs]
    differences = np.stack([value - values[0] for value in values[1:]], axis=1)
    missing = _column(target) - _column(run_row(row, registers, None))
    penalty = np.sqrt(ridge * np.square(differences).sum() / differences.shape[1])
    system = np.vstack([differences, penalty * np.eye(differences.shape[1])])
    wanted = np.concatenate([missing, np.zeros(differences.shape[1])])
    with single_threaded_blas():
        change = np.linalg.lstsq(system, wanted)[0]
    changes = [-float(change.sum()), *change.tolist()]
    moved = {
        term.register: Term(term.register, term.coefficient + delta)
        for term, delta in zip(outputs, changes, strict=True)
    }
    terms = tuple(moved.get(term.register, term) for term in row.terms)
    return dataclasses.replace(row, terms=terms)


def _column(x: Any) -> Array:
    return on_host(x).astype(np.float64).ravel()
