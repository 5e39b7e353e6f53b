"""Dynamic compensation: the newest model output moved a little along its history.

At step n the output m_n is replaced, for this and all later steps, by the polynomial through
m_n, …, m_{n-K} evaluated at t_c = ρ_n t_n + (1 - ρ_n) t_{n-1}: ρ_n = 1 leaves it, ρ_n > 1
extrapolates, ρ_n < 1 looks back. The variable is the time of the schedule, so the result depends
on the path. W. Zhao et al., DC-Solver (ECCV 2024, arXiv 2409.03755).
Cost: no evaluation; one row per compensated step and K + 1 stored outputs.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from ..._errors import argument_error, check_whole
from .._rows import renamed
from ..interpolation import lagrange
from ..plan import Evaluation, Plan, Row, Term

__all__ = ["compensation_weights", "dynamic_compensation"]


def dynamic_compensation(plan: Plan, ratios: Sequence[float], *, points: int = 3) -> Plan:
    """Return the plan with its outputs compensated.

    Parameters
    ----------
    plan : Plan
        Of a solver that calls the model once at every level of its grid but the last: a multistep
        solver or UniPC.
    ratios : sequence of float
        ρ_n of every step; missing ones are 1. Those of the first ``points - 1`` steps are not used,
        because their history is too short.
    points : int, default 3
        Number K + 1 of outputs that are interpolated.

    Returns
    -------
    Plan
        With the same evaluations; equal to `plan` if all ratios are 1.

    Raises
    ------
    ArgumentError
        If there are more ratios than steps, or a step's level is not evaluated.

    Notes
    -----
    A fixed ratio other than 1 lowers the order to 1: ratios belong to one number of steps, see
    `search_compensation`.

    Examples
    --------
    >>> from rnla.diffusion import VPLinear, get_solver, make_grid
    >>> from rnla.diffusion.transforms.dynamic_compensation import dynamic_compensation
    >>> schedule = VPLinear()
    >>> plan = get_solver("unipc").compile(schedule, make_grid(schedule, 4))
    >>> compensated = dynamic_compensation(plan, [1.0, 1.0, 1.05])
    >>> [term.register for term in compensated.steps[2].stages[0].terms]
    ['m2', 'm1', 'm0']
    """
    check_points(points)
    if len(ratios) > len(plan.steps):
        raise argument_error(
            "ratios",
            f"{len(ratios)} for {len(plan.steps)} steps",
            "at most one for each step",
            "Search or predict the ratios for this number of steps.",
        )
    outputs = _outputs(plan)
    names: dict[str, str] = {}
    steps = []
    for n, step in enumerate(plan.steps):
        ratio = float(ratios[n]) if n < len(ratios) else 1.0
        targets = [stage.target for stage in step.stages]
        place = targets.index(outputs[n]) + 1 if outputs[n] in targets else 0
        stages = [renamed(stage, names) for stage in step.stages[:place]]
        if n >= points - 1 and ratio != 1.0:
            recent = range(n, n - points, -1)
            weights = compensation_weights([plan.steps[j].start.time for j in recent], ratio)
            inputs = [names.get(outputs[j], outputs[j]) for j in recent]
            stages.append(Row(f"c{n}", tuple(map(Term, inputs, weights))))
            names[outputs[n]] = f"c{n}"
        stages += [renamed(stage, names) for stage in step.stages[place:]]
        steps.append(replace(step, stages=tuple(stages)))
    return Plan(f"dc_{plan.solver}", tuple(steps)) if names else plan


def check_points(points: int) -> None:
    """Raise unless that many outputs can be interpolated."""
    if check_whole(points, "points") < 2:
        raise argument_error("points", points, "at least 2 outputs", "Pass points=3.")


def compensation_weights(times: Sequence[float], ratio: float) -> list[float]:
    """Return Lagrange's weights at ``ratio * times[0] + (1 - ratio) * times[1]``.

    Parameters
    ----------
    times : sequence of float
        Times of the outputs, the newest first.
    ratio : float
        The compensation ratio.

    Returns
    -------
    list of float
        They add up to 1.

    Examples
    --------
    >>> from rnla.diffusion.transforms.dynamic_compensation import compensation_weights
    >>> compensation_weights([0.5, 0.75, 1.0], 1.5)
    [1.875, -1.25, 0.375]
    """
    place = ratio * times[0] + (1.0 - ratio) * times[1]
    weights: list[float] = lagrange(np.array(times), np.array([place]))[:, 0].tolist()
    return weights


def _outputs(plan: Plan) -> list[str]:
    """Return the register of the output at the start of every step."""
    at_level = {stage.level: stage.target for stage in plan.stages if isinstance(stage, Evaluation)}
    for n, step in enumerate(plan.steps):
        if step.start not in at_level:
            raise argument_error(
                "plan",
                f"no evaluation at the start of step {n}",
                "one evaluation at every level of the grid",
                "Compensate multistep solvers only.",
            )
    return [at_level[step.start] for step in plan.steps]
