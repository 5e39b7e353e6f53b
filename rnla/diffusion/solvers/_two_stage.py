"""Euler's method and the explicit two-stage methods, in coordinates where the flow is one quotient.

With w = x / scale and a clock tau the probability-flow ODE reads dw/dtau = (w - x0) / tau in both
coordinates in use: rho = sigma / alpha with scale alpha, and sigma / (alpha + sigma) with scale
alpha + sigma, in which the path is straight.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

from ..plan import Evaluation, Level, Row, Stage, Term
from ..schedules import Schedule

__all__ = ["RHO", "STRAIGHT", "Coordinates", "two_stage"]


@dataclass(frozen=True)
class Coordinates:
    """A scale of the state and a clock, as functions of the level, and the clock's inverse."""

    scale: Callable[[Level], float]
    clock: Callable[[Level], float]
    half_log_snr: Callable[[float], float]


RHO = Coordinates(lambda level: level.alpha, lambda level: level.rho, lambda rho: -math.log(rho))
STRAIGHT = Coordinates(
    lambda level: level.alpha + level.sigma,
    lambda level: level.sigma / (level.alpha + level.sigma),
    lambda tau: math.log1p(-tau) - math.log(tau),
)


def two_stage(
    schedule: Schedule,
    coordinates: Coordinates,
    start: Level,
    stop: Level,
    *,
    source: str,
    call: int,
    node: float | None,
) -> tuple[Stage, ...]:
    """Stages that lead from register `source` at `start` to ``x`` at `stop`.

    `node` is where the second slope is taken, as a fraction of the step: 1 for Heun, 1/2 for the
    midpoint rule, 2/3 for Ralston; None takes one slope only, which is Euler's method and what
    Heun's becomes at sigma = 0, where there is no slope. `call` numbers the first output.
    """
    scale, clock = coordinates.scale, coordinates.clock
    tau, width = clock(start), clock(stop) - clock(start)
    first = Evaluation(source, f"m{call}", start, "x0")
    # w = x / scale; each slope is (w - m) / tau at its own level.
    slope = width / tau
    if node is None or (node == 1.0 and stop.is_clean):
        row = Row(
            "x",
            (
                Term(source, scale(stop) / scale(start) * (1.0 + slope)),
                Term(f"m{call}", -scale(stop) * slope),
            ),
        )
        return first, row
    middle_tau = tau + node * width
    middle = stop if node == 1.0 else schedule.level_of(coordinates.half_log_snr(middle_tau))
    stage = Row(
        f"u{call}",
        (
            Term(source, scale(middle) / scale(start) * (1.0 + node * slope)),
            Term(f"m{call}", -scale(middle) * node * slope),
        ),
    )
    second = Evaluation(f"u{call}", f"m{call + 1}", middle, "x0")
    late = 0.5 / node
    early = 1.0 - late
    slope_late = late * width / middle_tau
    row = Row(
        "x",
        (
            Term(source, scale(stop) / scale(start) * (1.0 + early * slope)),
            Term(f"m{call}", -scale(stop) * early * slope),
            Term(f"u{call}", scale(stop) / scale(middle) * slope_late),
            Term(f"m{call + 1}", -scale(stop) * slope_late),
        ),
    )
    return first, stage, second, row
