"""Momentum on any one-call solver: heavy ball and Nesterov.

A step x_t = c x_s + sum_j w_j m_j is read as x_t = c x_s + W u with W = sum_j w_j and the
direction u = sum_j (w_j / W) m_j. Heavy ball moves along v_n = (1 - beta) v_{n-1} + beta u_n
instead, Nesterov along (1 - beta) v_n + beta u_n. Both widen the stability region of the solver, by
(2 - beta) / beta on the real axis for heavy ball, and lower its order to 1. Wizadwongsa,
Chinchuthakun, Khungurn, Raj and Suwajanakorn, Diffusion sampling with momentum for mitigating
divergence artifacts, ICLR 2024 (arXiv 2307.11118).
Cost: no evaluation; one more register, two more rows in every step.
"""

from __future__ import annotations

import dataclasses

from ..._errors import argument_error, check_positive
from .._rows import only_row
from ..plan import STATE, Evaluation, Plan, Row, Stage, Step, Term

__all__ = ["check_beta", "heavy_ball"]


def heavy_ball(plan: Plan, *, beta: float = 0.8, nesterov: bool = False) -> Plan:
    """The plan with momentum.

    Parameters
    ----------
    plan : Plan
        Of steps with evaluations and one row: multistep solvers.
    beta : float, default 0.8
        In (0, 1]; 1 is no momentum.
    nesterov : bool, default False
        Move along a mixture of the velocity and the newest direction.

    Returns
    -------
    Plan

    Raises
    ------
    ArgumentError
        If `beta` is out of range or a step has more than one row.

    Notes
    -----
    The first velocity is the first direction. Noise of a row stays outside the velocity.

    Examples
    --------
    >>> from rnla.diffusion.grids import make_grid
    >>> from rnla.diffusion.schedules import VPLinear
    >>> from rnla.diffusion.solvers.ipndm import IPNDM
    >>> from rnla.diffusion.transforms.heavy_ball import heavy_ball
    >>> schedule = VPLinear()
    >>> plan = IPNDM(2).compile(schedule, make_grid(schedule, 3))
    >>> [term.register for term in heavy_ball(plan, beta=0.5).steps[1].stages[1].terms]
    ['v0', 'm1', 'm0']
    """
    check_beta(beta)
    steps = tuple(_with_momentum(step, n, beta, nesterov) for n, step in enumerate(plan.steps))
    return Plan(f"{'nesterov' if nesterov else 'heavy_ball'}_{plan.solver}", steps)


def check_beta(beta: float) -> float:
    """Return beta if it lies in (0, 1], or raise."""
    if check_positive(beta, "beta") > 1.0:
        raise argument_error(
            "beta", repr(beta), "a number above 0 and at most 1", "Pass beta=0.8, say."
        )
    return beta


def _with_momentum(step: Step, number: int, beta: float, nesterov: bool) -> Step:
    row = only_row(step, number)
    outputs = [term for term in row.terms if term.register != STATE]
    total = sum(float(term.coefficient) for term in outputs)
    velocity, old = f"v{number}", f"v{number - 1}"
    gain = beta if number else 1.0
    terms = [Term(term.register, gain * term.coefficient / total) for term in outputs]
    if number:
        terms.insert(0, Term(old, 1.0 - beta))
    state = [term for term in row.terms if term.register == STATE]
    if nesterov:
        move = [Term(velocity, (1.0 - beta) * total)]
        move += [Term(term.register, beta * term.coefficient) for term in outputs]
    else:
        move = [Term(velocity, total)]
    stages: list[Stage] = [stage for stage in step.stages if isinstance(stage, Evaluation)]
    stages += [Row(velocity, tuple(terms)), dataclasses.replace(row, terms=(*state, *move))]
    return Step(tuple(stages), step.start, step.stop)
