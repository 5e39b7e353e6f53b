"""A compiled sampler: the table of coefficients that `execute` runs.

On a prescribed grid a diffusion sampler is linear in the state, the model's outputs and the noise,
so it is data: which register is shown to the model at which level, and which linear combinations
are taken. Registers are names: ``x`` is the state, every evaluation writes a register of its own
(``m0``, ``m1``, … by number of the call), stages and velocities have theirs (``u0``, ``v0``), and
``1`` stands for an array of ones, whose coefficient is a constant. All coefficients are Python
floats, or float64 arrays that broadcast against the state.
"""

from __future__ import annotations

import json
import math
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

from .._errors import RnlaError, argument_error

__all__ = ["Evaluation", "Form", "Level", "Noise", "Plan", "Row", "Step", "Term"]

Form = Literal["x0", "eps"]
Coefficient = float | npt.NDArray[np.float64]

STATE = "x"
ONE = "1"


@dataclass(frozen=True)
class Level:
    """A noise level: x = alpha x0 + sigma eps, with alpha and sigma by their logarithms.

    `log_sigma` is -inf at the clean end, `log_alpha` at pure noise. `Schedule.level` makes them.
    """

    time: float
    log_alpha: float
    log_sigma: float

    @property
    def alpha(self) -> float:
        return math.exp(self.log_alpha)

    @property
    def sigma(self) -> float:
        return math.exp(self.log_sigma)

    @property
    def half_log_snr(self) -> float:
        """lambda = log(alpha / sigma): inf at the clean end."""
        return self.log_alpha - self.log_sigma

    @property
    def rho(self) -> float:
        """sigma / alpha: the noise level of the same state divided by alpha."""
        exponent = self.log_sigma - self.log_alpha
        return math.exp(exponent) if exponent < 709.0 else math.inf

    @property
    def is_clean(self) -> bool:
        """Whether sigma is 0."""
        return self.log_sigma == -math.inf

    def __str__(self) -> str:
        return f"time {self.time:.6g}, half log-SNR {self.half_log_snr:.6g}"


@dataclass(frozen=True)
class Evaluation:
    """One call of the model: target := model(source) at `level`, as a prediction of `form`."""

    source: str
    target: str
    level: Level
    form: Form


@dataclass(frozen=True, eq=False)
class Term:
    """`coefficient` times a register."""

    register: str
    coefficient: Coefficient

    def __eq__(self, other: object) -> bool:
        return (
            isinstance(other, Term)
            and self.register == other.register
            and np.shape(self.coefficient) == np.shape(other.coefficient)
            and bool(np.all(np.asarray(self.coefficient) == np.asarray(other.coefficient)))
        )

    __hash__ = None  # type: ignore[assignment]


@dataclass(frozen=True)
class Noise:
    """`coefficient` times standard normals: number `draw`, for the interval from start to stop."""

    coefficient: float
    draw: int
    start: Level
    stop: Level


@dataclass(frozen=True)
class Row:
    """A linear combination: target := sum of terms, plus noise."""

    target: str
    terms: tuple[Term, ...]
    noise: Noise | None = None


Stage = Evaluation | Row


@dataclass(frozen=True)
class Step:
    """Stages from one level of the grid to the next, after which ``x`` is the state at `stop`."""

    stages: tuple[Stage, ...]
    start: Level
    stop: Level


@dataclass(frozen=True)
class Plan:
    """All steps of a sampler on one grid.

    Parameters
    ----------
    solver : str
        Name of the solver that was compiled.
    steps : tuple of Step
        In order. Every register is written before it is read, that of an evaluation only once.

    Raises
    ------
    ArgumentError
        If a register is read before it is written, or a model output is written twice.

    Notes
    -----
    A plan is a value: comparable, printable, and the same after `to_json` and `from_json`.
    """

    solver: str
    steps: tuple[Step, ...]

    def __post_init__(self) -> None:
        known, outputs = {STATE, ONE}, set()
        for number, step in enumerate(self.steps):
            for stage in step.stages:
                for register in _reads(stage):
                    if register not in known:
                        raise argument_error(
                            "steps",
                            f"register {register!r} read at step {number} and not yet written",
                            "every register written before it is read",
                            "Order the stages so that it is.",
                        )
                if stage.target in outputs or (
                    isinstance(stage, Evaluation) and stage.target in known
                ):
                    raise argument_error(
                        "steps",
                        f"model output {stage.target!r} written again at step {number}",
                        "a register of its own for every evaluation",
                        "Number the outputs by call: m0, m1, and so on.",
                    )
                if isinstance(stage, Evaluation):
                    outputs.add(stage.target)
                known.add(stage.target)

    @property
    def stages(self) -> Iterator[Stage]:
        """All stages of all steps in order."""
        return (stage for step in self.steps for stage in step.stages)

    @cached_property
    def evaluations(self) -> int:
        """Number of calls of the model (NFE)."""
        return sum(isinstance(stage, Evaluation) for stage in self.stages)

    @cached_property
    def stochastic(self) -> bool:
        """Whether any row adds noise."""
        return any(isinstance(stage, Row) and stage.noise is not None for stage in self.stages)

    @cached_property
    def keeps(self) -> tuple[frozenset[str], ...]:
        """For every step, the registers that are still needed after it; ``x`` always is."""
        needed: frozenset[str] = frozenset({STATE})
        keeps = []
        for step in reversed(self.steps):
            keeps.append(needed)
            live = set(needed)
            for stage in reversed(step.stages):
                live.discard(stage.target)
                live.update(_reads(stage))
            needed = frozenset(live | {STATE})
        return tuple(reversed(keeps))

    def to_json(self) -> str:
        """The plan as JSON text, every float64 exactly."""
        return json.dumps(
            {
                "format": "rnla.diffusion.Plan 1",
                "solver": self.solver,
                "steps": [_step_out(step) for step in self.steps],
            },
            allow_nan=False,
        )

    @classmethod
    def from_json(cls, text: str) -> Plan:
        """Read what `to_json` wrote."""
        try:
            record = json.loads(text)
            if record["format"] != "rnla.diffusion.Plan 1":
                raise KeyError
            steps = tuple(_step_in(step) for step in record["steps"])
            solver = record["solver"]
        except (LookupError, TypeError, ValueError) as error:
            if isinstance(error, RnlaError):
                raise
            raise argument_error(
                "text", "JSON of something else", "a plan", "Pass the text of Plan.to_json()."
            ) from None
        return cls(solver, steps)


def _reads(stage: Stage) -> tuple[str, ...]:
    if isinstance(stage, Evaluation):
        return (stage.source,)
    return tuple(term.register for term in stage.terms if term.register != ONE)


def _number_out(value: Coefficient) -> Any:
    """Numbers as such, infinities as text (JSON has none), arrays with their shape."""
    if isinstance(value, np.ndarray):
        return {"shape": list(value.shape), "values": value.ravel().tolist()}
    return float(value) if math.isfinite(value) else repr(float(value))


def _number_in(value: Any) -> Any:
    if isinstance(value, dict):
        return np.array(value["values"], dtype=np.float64).reshape(value["shape"])
    return float(value)


def _level_out(level: Level) -> list[Any]:
    return [_number_out(v) for v in (level.time, level.log_alpha, level.log_sigma)]


def _level_in(values: list[Any]) -> Level:
    return Level(*(_number_in(value) for value in values))


def _stage_out(stage: Stage) -> dict[str, Any]:
    if isinstance(stage, Evaluation):
        return {
            "target": stage.target,
            "source": stage.source,
            "level": _level_out(stage.level),
            "form": stage.form,
        }
    record: dict[str, Any] = {
        "target": stage.target,
        "terms": [[term.register, _number_out(term.coefficient)] for term in stage.terms],
    }
    if stage.noise is not None:
        record["noise"] = [
            _number_out(stage.noise.coefficient),
            stage.noise.draw,
            _level_out(stage.noise.start),
            _level_out(stage.noise.stop),
        ]
    return record


def _stage_in(record: dict[str, Any]) -> Stage:
    target = record["target"]
    if "source" in record:
        return Evaluation(record["source"], target, _level_in(record["level"]), record["form"])
    noise = None
    if "noise" in record:
        coefficient, draw, start, stop = record["noise"]
        noise = Noise(_number_in(coefficient), draw, _level_in(start), _level_in(stop))
    terms = tuple(Term(register, _number_in(value)) for register, value in record["terms"])
    return Row(target, terms, noise)


def _step_out(step: Step) -> dict[str, Any]:
    return {
        "start": _level_out(step.start),
        "stop": _level_out(step.stop),
        "stages": [_stage_out(stage) for stage in step.stages],
    }


def _step_in(record: dict[str, Any]) -> Step:
    return Step(
        tuple(_stage_in(stage) for stage in record["stages"]),
        _level_in(record["start"]),
        _level_in(record["stop"]),
    )
