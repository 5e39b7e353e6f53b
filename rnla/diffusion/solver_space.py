"""The space in which solvers are searched: grids and decisions within a budget of evaluations.

A candidate is a `USF` solver with its grid. The space draws candidates, changes them a little and
crosses two of them, with the probabilities of the public configuration of USF: orders 1 to 4 with
.2, .4, .3, .1, times moved by .03 (here: of the range of half log-SNR, our reading), relaxations
1 + c h with c of standard deviation .03, correctors for half of the steps, and the first evaluation
replaced with probability .6. E. Liu et al. (ICLR 2024, arXiv 2312.07243).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import numpy.typing as npt

from .._errors import argument_error, check_fraction, check_size
from ._checks import check_instance
from .grids import Grid
from .plan import Form
from .schedules import Schedule
from .solvers.exponential import Relaxation
from .solvers.usf import USF, Corrector, Decision
from .usf_presets import USF_PRESETS, usf_preset

__all__ = ["Candidate", "SolverSpace"]

Values = npt.NDArray[np.float64]

ORDERS = (0.2, 0.4, 0.3, 0.1)
FIRST = ("noise", "zero", "model")
FIRST_WEIGHTS = (0.3, 0.3, 0.4)
CORRECTED = 0.5
RELAXATION_SPREAD = 0.03
STEP_CHANGE = 0.2
# No step is shorter than this part of an even one.
SMALLEST_STEP = 0.05


@dataclass(frozen=True)
class Candidate:
    """A solver and the half log-SNR of its levels.

    Parameters
    ----------
    solver : USF
        The decisions.
    half_log_snr : tuple of float
        One more than there are decisions, rising.
    """

    solver: USF
    half_log_snr: tuple[float, ...]

    def grid(self, schedule: Schedule) -> Grid:
        """The grid of times on a schedule."""
        return Grid(schedule.time_of(np.array(self.half_log_snr)), "searched")

    @property
    def evaluations(self) -> int:
        """Model calls of the candidate."""
        return self.solver.evaluations(len(self.half_log_snr) - 1)


@dataclass(frozen=True)
class SolverSpace:
    """Solvers between two levels that use at most so many evaluations.

    Parameters
    ----------
    schedule : Schedule
        The noise schedule.
    evaluations : int
        The budget.
    first, last : float, optional
        Times of the first and the last level; those of the schedule by default.
    jitter : float, default 0.03
        Standard deviation by which a level moves, as a part of the range of half log-SNR.
    mutation : float, default 0.3
        Probability with which each decision and each level changes.

    Raises
    ------
    ArgumentError
        If an end has infinite half log-SNR or a value is out of range.

    Examples
    --------
    >>> import numpy as np
    >>> from rnla.diffusion import VPLinear
    >>> from rnla.diffusion.solver_space import SolverSpace
    >>> space = SolverSpace(VPLinear(), 6)
    >>> space.random(np.random.default_rng(0)).evaluations <= 6
    True
    """

    schedule: Schedule
    evaluations: int
    first: float | None = None
    last: float | None = None
    jitter: float = 0.03
    mutation: float = 0.3

    def __post_init__(self) -> None:
        check_instance(self.schedule, Schedule, "schedule", example="rnla.diffusion.VPLinear()")
        if check_size(self.evaluations, name="evaluations") < 2:
            raise argument_error("evaluations", 1, "at least 2", "Allow a few evaluations.")
        check_fraction(self.jitter, "jitter")
        check_fraction(self.mutation, "mutation")
        if not np.isfinite(self.ends).all():
            raise argument_error(
                "first",
                f"half log-SNR {self.ends}",
                "two finite ends",
                "Choose times inside the schedule.",
            )

    @property
    def ends(self) -> tuple[float, float]:
        """Half log-SNR of the first and the last level."""
        first = self.schedule.first if self.first is None else self.first
        last = self.schedule.last if self.last is None else self.last
        low, high = self.schedule.half_log_snr(np.array([first, last])).tolist()
        return low, high

    def presets(self) -> tuple[Candidate, ...]:
        """Return the named solvers that fit, on a grid even in half log-SNR and one even in time.

        A singlestep solver gets the largest number of steps that it can use.
        """
        found = []
        low, high = self.ends
        times = self.schedule.time_of(np.array([low, high]))
        for name in USF_PRESETS:
            for steps in range(self.evaluations, 0, -1):
                try:
                    solver = usf_preset(name, steps)
                except ValueError:
                    continue
                even = np.linspace(low, high, steps + 1)
                in_time = self.schedule.half_log_snr(np.linspace(times[0], times[1], steps + 1))
                for levels in (even, np.asarray(in_time)):
                    found.append(Candidate(solver, self._spread(levels)))
                break
        return tuple(found)

    def random(self, generator: np.random.Generator) -> Candidate:
        """Return a candidate drawn from the whole space."""
        first: Any = str(generator.choice(FIRST, p=FIRST_WEIGHTS))
        steps = self.evaluations + (first != "model")
        low, high = self.ends
        even = np.linspace(low, high, steps + 1)
        ends = self.schedule.time_of(np.array([low, high]))
        times = np.linspace(ends[0], ends[1], steps + 1)
        mix = generator.random()
        levels = (1.0 - mix) * even + mix * self.schedule.half_log_snr(times)
        levels += self.jitter * (high - low) * generator.standard_normal(steps + 1)
        decisions = [self._decision(generator) for _ in range(steps)]
        return self._fitted(USF(tuple(decisions), first), levels, generator)

    def mutate(self, candidate: Candidate, generator: np.random.Generator) -> Candidate:
        """Return a candidate a little different."""
        levels = np.array(candidate.half_log_snr)
        decisions = list(candidate.solver.decisions)
        low, high = self.ends
        moved = generator.random(len(levels)) < self.mutation
        levels += moved * self.jitter * (high - low) * generator.standard_normal(len(levels))
        for n in range(len(decisions)):
            if generator.random() < self.mutation:
                fresh = self._decision(generator)
                # One gene at a time, so that children stay near their parents.
                gene = ("order", "form", "relaxation", "corrector")[generator.integers(4)]
                change = {gene: getattr(fresh, gene), "start": 0, "nodes": None}
                decisions[n] = _lower(replace(decisions[n], **change, differences=None), n)
        first: Any = candidate.solver.first
        if generator.random() < self.mutation:
            first = str(generator.choice(FIRST, p=FIRST_WEIGHTS))
        if generator.random() < STEP_CHANGE:
            place = int(generator.integers(1, len(levels)))
            if generator.random() < 0.5 and len(decisions) > 2:
                levels = np.delete(levels, min(place, len(levels) - 2))
                del decisions[min(place, len(decisions) - 1)]
            else:
                levels = np.insert(levels, place, levels[place - 1 : place + 1].mean())
                decisions.insert(place, self._decision(generator))
        return self._fitted(USF(tuple(decisions), first), levels, generator)

    def cross(self, one: Candidate, other: Candidate, generator: np.random.Generator) -> Candidate:
        """Return a child that takes every level and decision from one parent or the other."""
        if len(one.half_log_snr) != len(other.half_log_snr):
            # Levels of different numbers do not match one by one: take all from one parent.
            one, other = (one, other) if generator.random() < 0.5 else (other, one)
            levels = np.array(one.half_log_snr)
        else:
            pick = generator.random(len(one.half_log_snr)) < 0.5
            levels = np.where(pick, one.half_log_snr, other.half_log_snr)
        decisions = [
            other.solver.decisions[n]
            if n < len(other.solver.decisions) and generator.random() < 0.5
            else decision
            for n, decision in enumerate(one.solver.decisions)
        ]
        first = one.solver.first if generator.random() < 0.5 else other.solver.first
        return self._fitted(USF(tuple(decisions), first), levels, generator)

    def features(self, candidate: Candidate) -> Values:
        """Return a vector of fixed length that describes a candidate, for a predictor."""
        slots = self.evaluations + 1
        low, high = self.ends
        table = np.zeros((slots, 11))
        levels = candidate.half_log_snr
        for n, decision in enumerate(candidate.solver.decisions[:slots]):
            slope = decision.relaxation[0] if decision.relaxation else "none"
            table[n, 0] = (levels[n + 1] - low) / (high - low)
            table[n, 1] = slots * (levels[n + 1] - levels[n]) / (high - low)
            table[n, 1 + decision.order] = 1.0
            table[n, 6] = decision.form == "eps"
            table[n, 7] = slope in ("bh1", "bh2")
            table[n, 8] = 10.0 * slope[1] if isinstance(slope, tuple) else 0.0
            table[n, 9] = decision.corrector is not None
            table[n, 10] = decision.start
        first = [float(candidate.solver.first == name) for name in FIRST]
        return np.concatenate([table.ravel(), first, [candidate.evaluations / slots]])

    def _decision(self, generator: np.random.Generator) -> Decision:
        order = 1 + int(generator.choice(len(ORDERS), p=ORDERS))
        form: Form = "eps" if generator.random() < 0.5 else "x0"
        linear = ("linear", RELAXATION_SPREAD * float(generator.standard_normal()))
        choices: tuple[Relaxation, ...] = ("none", "bh1", "bh2", linear)
        relaxation = choices[generator.integers(len(choices))]
        corrector = Corrector(order + 1) if generator.random() < CORRECTED else None
        return Decision(order, form, (relaxation,), corrector=corrector)

    def _fitted(self, solver: USF, levels: Values, generator: np.random.Generator) -> Candidate:
        """Return a candidate within the budget whose decisions find what they need."""
        decisions = list(solver.decisions)
        while True:
            # The end is not corrected: that would cost an evaluation of its own.
            decisions[-1] = replace(decisions[-1], corrector=None)
            fitted = replace(solver, decisions=tuple(_lower(d, n) for n, d in enumerate(decisions)))
            if fitted.evaluations(len(decisions)) <= self.evaluations:
                return Candidate(fitted, self._spread(levels))
            place = int(generator.integers(1, len(decisions)))
            levels = np.delete(levels, place)
            del decisions[place]

    def _spread(self, levels: Sequence[float] | Values) -> tuple[float, ...]:
        """Return the levels sorted, between the ends, no two of them too close."""
        low, high = self.ends
        steps = np.diff(np.sort(np.clip(np.asarray(levels, dtype=np.float64), low, high)))
        steps = np.maximum(steps, SMALLEST_STEP * (high - low) / len(steps))
        spread = low + np.concatenate([[0.0], np.cumsum(steps)]) * ((high - low) / steps.sum())
        spread[-1] = high
        return tuple(spread.tolist())


def _lower(decision: Decision, n: int) -> Decision:
    """Return the decision with no more history than step n has."""
    order = min(decision.order, n + 1)
    start = min(decision.start, n)
    if (order, start) == (decision.order, decision.start) and max(decision.active) <= n:
        return decision
    return replace(decision, order=order, start=start, nodes=None, differences=None)
