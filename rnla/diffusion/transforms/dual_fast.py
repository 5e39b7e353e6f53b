"""DualFast: the noise prediction extrapolated away from that of a noisier level.

Every noise prediction is replaced by eps_new = (1 + c) eps(x_t, t) - c eps(x_tau, tau) with a
noisier level tau that was evaluated before, at no further cost; in the x0 form the data prediction
becomes (x - sigma eps_new) / alpha. The idea is that predictions at noisier levels are relatively
more accurate. arXiv 2506.13058.

The paper could only be read through descriptions of it. The choice of tau, the size of c and its
course over the steps are our reading, and arguments; c is 0 unless given.
Cost: one row per evaluation, two in the x0 form, and the outputs that are compared with.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

import numpy as np

from ..._errors import argument_error, check_choice, check_finite
from .._rows import other_form, renamed
from ..plan import Evaluation, Plan, Row, Stage, Step, Term

__all__ = ["Reference", "dual_fast", "linear_strength"]

Reference = Literal["previous", "first"]


def dual_fast(
    plan: Plan,
    *,
    strength: float | Sequence[float] = 0.0,
    reference: Reference = "previous",
) -> Plan:
    """The plan with every output extrapolated away from a noisier one.

    Parameters
    ----------
    plan : Plan
        Of any solver.
    strength : float or sequence of float, default 0
        The number c, for all evaluations or for each; 0 changes nothing. `linear_strength` grows
        with the number of the evaluation.
    reference : {"previous", "first"}, default "previous"
        Compare with the newest output of a noisier level, or with the first of all.

    Returns
    -------
    Plan

    Raises
    ------
    ArgumentError
        If the strengths are not as many as the evaluations, or an option is unknown.

    Notes
    -----
    With DDIM, the previous output and c = 1/2 this is the second-order Adams-Bashforth method, and
    on a grid uniform in half log-SNR the noise-prediction form of DPM-Solver 2M; any other constant
    c lowers the order to 1.

    Examples
    --------
    >>> from rnla.diffusion.grids import make_grid
    >>> from rnla.diffusion.schedules import VPLinear
    >>> from rnla.diffusion.solvers.ipndm import IPNDM
    >>> from rnla.diffusion.transforms.dual_fast import dual_fast
    >>> schedule = VPLinear()
    >>> plan = IPNDM(1).compile(schedule, make_grid(schedule, 3))
    >>> row = dual_fast(plan, strength=0.5).steps[1].stages[1]
    >>> [(term.register, term.coefficient) for term in row.terms]
    [('m1', 1.5), ('m0', -0.5)]
    """
    check_choice(reference, "reference", ("previous", "first"))
    strengths = _strengths(strength, plan.evaluations)
    names: dict[str, str] = {}
    seen: list[tuple[Evaluation, str]] = []  # evaluations, and registers of their noise
    steps = []
    for step in plan.steps:
        stages: list[Stage] = []
        for stage in step.stages:
            if isinstance(stage, Row):
                stages.append(renamed(stage, names))
                continue
            stages.append(stage)
            c = strengths[len(seen)]
            noisier = _noisier(seen, stage, reference)
            noise, row = _noise_of(stage)
            if row is not None and np.any(strengths):
                stages.append(row)
            if noisier is not None and c:
                names[stage.target] = f"d{len(seen)}"
                stages.append(_extrapolated(stage, noise, noisier, c, f"d{len(seen)}"))
            seen.append((stage, noise))
        steps.append(Step(tuple(stages), step.start, step.stop))
    return Plan(f"dual_fast_{plan.solver}", tuple(steps))


def linear_strength(evaluations: int, largest: float) -> tuple[float, ...]:
    """Strengths that grow linearly from 0 at the first evaluation to `largest` at the last.

    Our reading of a strength that is "linear in the step index".

    Examples
    --------
    >>> linear_strength(3, 0.5)
    (0.0, 0.25, 0.5)
    """
    return tuple(np.linspace(0.0, check_finite(largest, "largest"), evaluations).tolist())


def _strengths(strength: float | Sequence[float], count: int) -> list[float]:
    if isinstance(strength, Sequence | np.ndarray):
        values = [check_finite(float(value), "strength") for value in strength]
        if len(values) != count:
            raise argument_error(
                "strength",
                f"{len(values)} numbers",
                f"{count}, one for each evaluation of the plan",
                "Pass one number for all of them.",
            )
        return values
    return [check_finite(strength, "strength")] * count


def _noisier(
    seen: Sequence[tuple[Evaluation, str]], stage: Evaluation, reference: Reference
) -> tuple[Evaluation, str] | None:
    """The evaluation to compare with, if any is at a noisier level."""
    candidates = [entry for entry in seen if entry[0].level.half_log_snr < stage.level.half_log_snr]
    if not candidates:
        return None
    return candidates[-1 if reference == "previous" else 0]


def _noise_of(stage: Evaluation) -> tuple[str, Row | None]:
    """Register of the noise prediction of an evaluation, and the row that makes it if needed."""
    if stage.form == "eps":
        return stage.target, None
    noise = f"e{stage.target}"
    return noise, Row(noise, other_form(stage.source, stage.target, stage.level, "eps"))


def _extrapolated(
    stage: Evaluation, noise: str, noisier: tuple[Evaluation, str], c: float, target: str
) -> Row:
    if stage.form == "eps":
        return Row(target, (Term(stage.target, 1.0 + c), Term(noisier[1], -c)))
    # (x - sigma eps_new) / alpha = x0 - c rho (eps - eps_tau)
    change = c * stage.level.rho
    return Row(target, (Term(stage.target, 1.0), Term(noise, -change), Term(noisier[1], change)))
