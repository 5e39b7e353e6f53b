"""Run a plan: the whole of every solver on a prescribed grid.

A stage is either one call of the model or one linear combination of registers. Nothing is changed
in place; a register is dropped after its last use, so memory is what the method needs.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from .._errors import argument_error
from ._arrays import add_to, cast
from .plan import ONE, STATE, Evaluation, Form, Level, Noise, Plan, Row, Step

__all__ = ["State", "lincomb", "run_plan", "run_row", "run_step"]

Model = Callable[[Any, Level, Form], Any]
NoiseSource = Callable[[int, Any, tuple[Level, Level]], Any]


@dataclass(frozen=True, eq=False)
class State:
    """What a sampler holds after a step.

    Attributes
    ----------
    x : array
        The state.
    level : Level
        Its noise level.
    step : int
        Number of steps taken.
    evaluations : int
        Calls of the model so far.
    registers : mapping of str to array
        All that later steps read, ``x`` among it.
    """

    x: Any
    level: Level
    step: int
    evaluations: int
    registers: Mapping[str, Any]


def lincomb(coefficients: Sequence[Any], arrays: Sequence[Any]) -> Any:
    """Sum of coefficient times array, in the dtype and place of the arrays; zeros are skipped."""
    total = None
    for coefficient, array in zip(coefficients, arrays, strict=True):
        if isinstance(coefficient, np.ndarray):
            product = cast(coefficient, array) * array
            total = product if total is None else total + product
        elif coefficient != 0.0:
            total = coefficient * array if total is None else add_to(total, coefficient, array)
    return 0.0 * arrays[0] if total is None else total


def run_step(
    step: Step, registers: Mapping[str, Any], model: Model, noise: NoiseSource | None = None
) -> dict[str, Any]:
    """The registers after one step; those given are left as they are.

    Parameters
    ----------
    step : Step
        What to do.
    registers : mapping of str to array
        ``x`` and whatever else the step reads.
    model : callable
        ``model(x, level, form)``, as `prepare` makes it.
    noise : callable, optional
        ``noise(draw, like, (start, stop))``; needed if the step adds noise.

    Returns
    -------
    dict of str to array
    """
    after = dict(registers)
    for stage in step.stages:
        if isinstance(stage, Evaluation):
            after[stage.target] = model(after[stage.source], stage.level, stage.form)
        else:
            after[stage.target] = run_row(stage, after, noise)
    return after


def run_row(row: Row, registers: Mapping[str, Any], noise: NoiseSource | None) -> Any:
    """The linear combination that a row asks for."""
    coefficients: list[Any] = [term.coefficient for term in row.terms]
    arrays = [_array(term.register, registers) for term in row.terms]
    if row.noise is not None:
        coefficients.append(row.noise.coefficient)
        arrays.append(_draw(row.noise, registers[STATE], noise))
    return lincomb(coefficients, arrays)


def _array(register: str, registers: Mapping[str, Any]) -> Any:
    return 0.0 * registers[STATE] + 1.0 if register == ONE else registers[register]


def _draw(noise: Noise, like: Any, source: NoiseSource | None) -> Any:
    if source is None:
        raise argument_error(
            "noise",
            "None, for a plan that adds noise",
            "a source of noise",
            "Pass SeededNoise(0), say.",
        )
    return source(noise.draw, like, (noise.start, noise.stop))


def run_plan(plan: Plan, x: Any, model: Model, noise: NoiseSource | None = None) -> Iterator[State]:
    """Run a plan from the state `x` and yield the state after every step."""
    _check_shapes(plan, x)
    registers: Mapping[str, Any] = {STATE: x}
    evaluations = 0
    for number, (step, keep) in enumerate(zip(plan.steps, plan.keeps, strict=True)):
        if hasattr(model, "step"):
            model.step = number  # for messages only
        after = run_step(step, registers, model, noise)
        registers = {name: array for name, array in after.items() if name in keep}
        evaluations += sum(isinstance(stage, Evaluation) for stage in step.stages)
        yield State(registers[STATE], step.stop, number + 1, evaluations, registers)


def _check_shapes(plan: Plan, x: Any) -> None:
    """Raise if a coefficient that is an array has another shape than the samples."""
    for number, step in enumerate(plan.steps):
        for stage in step.stages:
            for term in () if isinstance(stage, Evaluation) else stage.terms:
                if isinstance(term.coefficient, np.ndarray):
                    own, shape = term.coefficient.shape, tuple(x.shape)
                    widths = zip(reversed(own), reversed(shape), strict=False)
                    if len(own) > len(shape) or any(a not in (1, b) for a, b in widths):
                        raise argument_error(
                            "x",
                            f"shape {shape}, for coefficients of shape {own} at step {number}",
                            "samples of the shape that the plan was made for",
                            "Make the plan again, with statistics of samples like these.",
                        )
