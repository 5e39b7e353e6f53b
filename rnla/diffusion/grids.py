"""Grids of noise levels: the times at which a sampler stops, from noisy to clean.

Every rule of spacing is uniform in some function of the level: the half log-SNR, the time, a power
of the time, or a power of rho = sigma / alpha (Karras et al., NeurIPS 2022). The way the grid ends
is a choice of its own.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np
import numpy.typing as npt

from .._errors import (
    ArgumentTypeError,
    argument_error,
    check_choice,
    check_finite,
    check_positive,
    check_size,
)
from ._checks import check_instance
from .plan import Level
from .schedules import Schedule

__all__ = ["GRID_KINDS", "Grid", "make_grid"]

Times = npt.NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Grid:
    """Times in the order of sampling, falling.

    Parameters
    ----------
    times : array_like, shape (steps + 1,)
        Strictly falling; the last one may be where sigma is 0.
    kind : str
        The rule that made it.

    Raises
    ------
    ArgumentError, ArgumentTypeError
        If there are fewer than two times, or they do not fall strictly, with the step; if they are
        no numbers.

    Examples
    --------
    >>> Grid([1.0, 0.5, 0.1]).steps
    2
    """

    times: Times
    kind: str = "given"

    def __post_init__(self) -> None:
        try:
            times = np.array(self.times, dtype=np.float64)
        except (TypeError, ValueError):
            raise argument_error(
                "grid",
                repr(self.times),
                "times, which are numbers",
                "Pass Grid([1.0, 0.5, 0.01]), say.",
                kind=ArgumentTypeError,
            ) from None
        if times.ndim != 1 or times.size < 2:
            raise argument_error(
                "grid",
                f"times of shape {times.shape}",
                "at least two times in a row",
                "Pass Grid([1.0, 0.5, 0.01]), say.",
            )
        bad = np.flatnonzero(~(times[1:] < times[:-1]))
        if bad.size:
            step = int(bad[0])
            raise argument_error(
                "grid",
                f"time {times[step]:.6g} followed by {times[step + 1]:.6g} at step {step}",
                "times that fall strictly, from noise to data",
                "Sort them in falling order and drop repeated ones.",
            )
        times.setflags(write=False)
        object.__setattr__(self, "times", times)

    @property
    def steps(self) -> int:
        """Number N of steps."""
        return self.times.size - 1

    def levels(self, schedule: Schedule) -> tuple[Level, ...]:
        """The levels on a schedule, steps + 1 of them.

        Raises
        ------
        ArgumentError
            If a time is not on the path, sigma is 0 before the last level, or the SNR does not grow
            at some step.
        """
        check_instance(schedule, Schedule, "schedule", example="rnla.diffusion.VPLinear()")
        least, most = schedule.clean, schedule.limit
        # A time made by `time_of` may pass the limit by rounding.
        outside = (self.times < least) | (self.times > most * (1.0 + 1e-12))
        with np.errstate(invalid="ignore"):
            levels = schedule.levels(np.minimum(self.times, most))
        for step, (start, stop) in enumerate(pairwise(levels)):
            if start.is_clean:
                raise argument_error(
                    "grid",
                    f"sigma = 0 at step {step} (time {start.time:.6g})",
                    "sigma above 0 everywhere but at the end",
                    "Leave that time out, or end the grid there.",
                )
            if outside[step : step + 2].any():
                bad = step + int(not outside[step])
                raise argument_error(
                    "grid",
                    f"time {self.times[bad]:.6g} at step {bad}",
                    f"times from {least:.6g} to {most:.6g}, where the path is",
                    "Check that the schedule and the times belong together.",
                )
            if not stop.half_log_snr > start.half_log_snr:
                raise argument_error(
                    "grid",
                    f"half log-SNR {start.half_log_snr:.6g} followed by "
                    f"{stop.half_log_snr:.6g} at step {step} (time {start.time:.6g})",
                    "levels that grow cleaner",
                    "Check that the schedule and the times belong together.",
                )
        return levels


def _of_rho(schedule: Schedule, rho: Times) -> Times:
    return np.asarray(schedule.time_of(-np.log(rho)), dtype=np.float64)


def _log_snr(schedule: Schedule, first: float, last: float, count: int, power: float) -> Times:
    ends = schedule.half_log_snr(np.array([first, last]))
    return np.asarray(schedule.time_of(np.linspace(ends[0], ends[1], count)))


def _time(schedule: Schedule, first: float, last: float, count: int, power: float) -> Times:
    return np.linspace(first ** (1 / power), last ** (1 / power), count) ** power


def _karras(schedule: Schedule, first: float, last: float, count: int, power: float) -> Times:
    ends = schedule.rho(np.array([first, last])) ** (1.0 / power)
    return _of_rho(schedule, np.linspace(ends[0], ends[1], count) ** power)


def _poly(schedule: Schedule, first: float, last: float, count: int, power: float) -> Times:
    start, stop = schedule.half_log_snr(np.array([first, last]))
    u = np.linspace(1.0, 0.0, count) ** power
    return np.asarray(schedule.time_of(stop - u * (stop - start)))


# kind: (rule, default power)
_SPACINGS: dict[str, tuple[Callable[..., Times], float]] = {
    "log_snr": (_log_snr, 1.0),
    "exponential": (_log_snr, 1.0),
    "time_uniform": (_time, 1.0),
    "time_quadratic": (_time, 2.0),
    "time_power": (_time, 2.0),
    "karras": (_karras, 7.0),
    "polyexponential": (_poly, 1.0),
}
_DISCRETE = ("leading", "trailing", "linspace")
GRID_KINDS = (*_SPACINGS, *_DISCRETE)
ENDS = ("sigma_min", "zero", "denoise")


def make_grid(
    schedule: Schedule,
    steps: int,
    kind: str = "log_snr",
    *,
    end: str = "sigma_min",
    first: float | None = None,
    last: float | None = None,
    power: float | None = None,
    offset: int = 0,
) -> Grid:
    """Space the levels of a sampler.

    Parameters
    ----------
    schedule : Schedule
    steps : int
        Number N of steps, which is the number of evaluations of a multistep solver.
    kind : str
        ``"log_snr"`` (``"exponential"``): uniform in the half log-SNR. ``"time_uniform"``,
        ``"time_power"`` (t^(1/power) uniform), ``"time_quadratic"``. ``"karras"``:
        rho^(1/power) uniform, power 7. ``"polyexponential"``. For a table of levels also
        ``"leading"``, ``"trailing"`` and ``"linspace"``, which pick its indices.
    end : {"sigma_min", "zero", "denoise"}
        Stop at `last`; make the last of the N steps a jump from there to sigma = 0; or take N steps
        to `last` and one more to sigma = 0, with one evaluation more.
    first, last : float, optional
        Times of the noisiest and the cleanest level above 0; those of the schedule by default.
    power : float, optional
        Of ``"time_power"`` and ``"time_quadratic"``, by default 2; ``"karras"``, 7; and
        ``"polyexponential"``, 1, where lambda_N - lambda_n is proportional to (1 - n / N)^power.
    offset : int
        Added to the indices of ``"leading"``.

    Returns
    -------
    Grid

    Raises
    ------
    ArgumentError
        For unknown kinds and for levels that the kind cannot place, such as an infinite SNR.

    Examples
    --------
    >>> from rnla.diffusion import VPLinear
    >>> make_grid(VPLinear(), 2, "time_uniform", last=0.5).times.tolist()
    [1.0, 0.75, 0.5]
    """
    check_instance(schedule, Schedule, "schedule", example="rnla.diffusion.VPLinear()")
    steps = check_size(steps, name="steps")
    check_choice(end, "end", ENDS)
    check_choice(kind, "kind", GRID_KINDS)
    if kind in _DISCRETE:
        return _discrete_grid(schedule, steps, kind, end, offset)
    rule, default = _SPACINGS[kind]
    start = schedule.first if first is None else check_finite(first, "first")
    stop = schedule.last if last is None else check_finite(last, "last")
    exponent = default if power is None else check_positive(power, "power")
    count = steps if end == "zero" else steps + 1
    if count == 1:
        times = np.array([start])
    else:
        _check_ends(schedule, kind, start, stop)
        times = np.array(rule(schedule, start, stop, count, exponent))
        times[0], times[-1] = start, stop
    if end != "sigma_min":
        times = np.append(times, schedule.clean)
    return Grid(times, kind)


def _check_ends(schedule: Schedule, kind: str, first: float, last: float) -> None:
    if kind.startswith("time"):
        return
    for name, time in (("first", first), ("last", last)):
        value = float(schedule.half_log_snr(time))
        if not math.isfinite(value):
            raise argument_error(
                name,
                f"time {time:.6g} with half log-SNR {value}",
                f"a level with a finite SNR, for kind={kind!r}",
                f"Pass {name}= a time inside the schedule, or kind='time_uniform'.",
            )


def table_indices(
    kind: str, size: int, steps: int, *, offset: int = 0, stride: float | None = None
) -> npt.NDArray[np.int64]:
    """Falling indices of a table of `size` levels, spaced as diffusers spaces its timesteps.

    Parameters
    ----------
    kind : {"leading", "trailing", "linspace"}
        Multiples of ``size // steps``; steps of `stride` down from the end; both ends, rounded.
    size, steps : int
    offset : int
        Added to leading indices.
    stride : float, optional
        Of trailing indices; ``size / steps`` by default.

    Returns
    -------
    ndarray of int64, shape (steps,)
        Fewer if the stride is too long for so many.
    """
    if kind == "leading":
        return np.arange(steps)[::-1] * (size // steps) + offset
    if kind == "trailing":
        stride = size / steps if stride is None else stride
        return np.round(np.arange(size, 0, -stride)).astype(np.int64)[:steps] - 1
    return np.round(np.linspace(0, size - 1, steps)).astype(np.int64)[::-1]


def _discrete_grid(schedule: Any, steps: int, kind: str, end: str, offset: int) -> Grid:
    """Indices of a table as diffusers picks them, then the end."""
    if not hasattr(schedule, "time_of_index"):
        raise argument_error(
            "kind",
            f"{kind!r} with {type(schedule).__name__}",
            "a schedule that is a table of levels",
            "Pass kind='time_uniform', or a Tabulated schedule.",
        )
    size = schedule.size
    check_size(steps, size, name="steps")
    index = table_indices(kind, size, steps, offset=offset)
    if index.max() >= size or index.min() < 0:
        raise argument_error(
            "offset",
            offset,
            f"indices between 0 and {size - 1}",
            "Pass offset=0 or offset=1.",
        )
    times = schedule.time_of_index(index)
    floor = schedule.time_of_index(0)
    if end != "zero" and index[-1] != 0:
        times = np.append(times, floor)
    if end != "sigma_min":
        times = np.append(times, schedule.clean)
    return Grid(times, kind)
