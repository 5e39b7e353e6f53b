"""Run a model trained on one path along another: same data, same noise, another scale.

Two states with the same x0 and eps are x = α x0 + σ eps on one path and x' = α' x0 + σ' eps on
another. At equal half log-SNR x' = (α'/α) x, so a model of either path serves the other: x0 and eps
are the same numbers. Deterministic solvers that are functions of x/α and σ/α give the same samples
on all paths with the same grid of SNR. One multiplication. `sample(..., trained_on=)` does it at
every call of the model.
"""

from __future__ import annotations

import math
from typing import Any

from .._errors import argument_error
from ._checks import check_instance
from .plan import Level
from .schedules import Schedule

__all__ = ["change_path"]


def change_path(x: Any, level: Level, schedule: Schedule) -> tuple[Any, Level]:
    """The same state on another path.

    Parameters
    ----------
    x : array
        A state at `level`.
    level : Level
        On whatever path.
    schedule : Schedule
        The path to go to.

    Returns
    -------
    x : array
    level : Level
        Of `schedule`, with the same half log-SNR.

    Examples
    --------
    >>> import numpy as np
    >>> from rnla.diffusion import VPLinear
    >>> from rnla.diffusion.schedules import Flow
    >>> start = VPLinear().level(VPLinear().time_of(0.0))
    >>> moved, level = change_path(np.array([[1.0]]), start, Flow())
    >>> moved.round(6).tolist(), round(level.time, 6)
    ([[0.707107]], 0.5)
    """
    check_instance(level, Level, "level", example="schedule.level(0.5)")
    check_instance(schedule, Schedule, "schedule", example="rnla.diffusion.Flow()")
    if not math.isfinite(level.half_log_snr):
        raise argument_error(
            "level",
            str(level),
            "a level with a finite SNR",
            "At pure noise only eps is known, and when clean only x0: take those.",
        )
    other = schedule.level_of(level.half_log_snr)
    return math.exp(other.log_sigma - level.log_sigma) * x, other
