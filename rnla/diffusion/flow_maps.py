"""Flow maps: models that jump from any level to any cleaner one, and how to sample with them.

Ψ(x, s, t) carries a state along the probability-flow equation from level s to level t, so that
Ψ(·, s, s) is the identity and jumps compose. A consistency model is Ψ to the clean level (Song,
Dhariwal, Chen and Sutskever, ICML 2023); a consistency trajectory model gives g with
Ψ = (ρ_t/ρ_s) y + (1 - ρ_t/ρ_s) g for y = x/α (Kim and others, ICLR 2024); a mean-flow model gives
the mean velocity ū = (x_s - x_t)/(s - t), which obeys ū = u - (s - t) dū/ds along the flow (Geng
and others, 2025). Lai, Song, Kim, Mitsufuji and Ermon, "The principles of diffusion models"
(arXiv 2510.21890), set them side by side; formulas here are re-derived. One evaluation a jump, and
no history.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal, Protocol

from .._errors import argument_error, check_choice, check_positive
from ..random import RNGLike
from ._arrays import as_state
from ._checks import check_instance, check_output
from ._record import StateRecord
from .execute import lincomb
from .grids import Grid
from .noise import as_noise
from .plan import Level
from .schedules import Schedule

__all__ = ["FlowMap", "FlowMapSample", "mean_flow_target", "mean_velocity", "sample_flow_map"]

Jump = Callable[[Any, Level, Level], Any]
Form = Literal["map", "consistency_trajectory", "mean_velocity"]
FORMS = ("map", "consistency_trajectory", "mean_velocity")


class _Network(Protocol):
    def __call__(self, x: Any, start: Any, stop: Any) -> Any:
        """The output for a jump between two times."""


@dataclass(frozen=True)
class FlowMap:
    """A network of two times as a flow map ``(x, start, stop) -> x``.

    Parameters
    ----------
    network : callable
        ``network(x, time of start, time of stop)``, times as `Schedule.model_time` has them.
    schedule : Schedule
        The path that it was trained on.
    form : {"map", "consistency_trajectory", "mean_velocity"}
        What it returns: the state at `stop`, g, or the mean velocity ū in the schedule's time.

    Examples
    --------
    >>> import numpy as np
    >>> from rnla.diffusion.schedules import Flow
    >>> straight = FlowMap(lambda x, s, t: 0.0 * x + 2.0, Flow(), form="mean_velocity")
    >>> start, stop = Flow().levels([0.75, 0.25])
    >>> straight(np.array([[1.0]]), start, stop).tolist()
    [[0.0]]
    """

    network: _Network
    schedule: Schedule
    form: Form = "map"

    prediction = "flow_map"

    def __post_init__(self) -> None:
        check_choice(self.form, "form", FORMS)

    def __call__(self, x: Any, start: Level, stop: Level) -> Any:
        times = (self.schedule.model_time(level.time) for level in (start, stop))
        output = self.network(x, *times)
        if self.form == "map":
            return output
        if self.form == "mean_velocity":
            return lincomb((1.0, stop.time - start.time), (x, output))
        kept, moved = _trajectory_weights(start, stop)
        return lincomb((kept, moved), (x, output))

    def consistency_trajectory(self, x: Any, start: Level, stop: Level) -> Any:
        """g, the clean state towards which a straight line in ρ would make the same jump."""
        kept, moved = _trajectory_weights(start, stop)
        return lincomb((-kept / moved, 1.0 / moved), (x, self(x, start, stop)))


def _trajectory_weights(start: Level, stop: Level) -> tuple[float, float]:
    """σ_t/σ_s and α_t - α_s σ_t/σ_s: the first-order step with g in place of x0."""
    kept = math.exp(stop.log_sigma - start.log_sigma)
    return kept, stop.alpha - start.alpha * kept


def mean_velocity(flow_map: Jump, x: Any, start: Level, stop: Level) -> Any:
    """ū = (x_s - x_t)/(s - t), the velocity in the path's time averaged over a jump.

    Parameters
    ----------
    flow_map : callable
        ``flow_map(x, start, stop)``, for instance `Gaussian.flow`.
    x : array
        State at `start`.
    start, stop : Level

    Examples
    --------
    >>> import numpy as np
    >>> from rnla.diffusion import Gaussian
    >>> from rnla.diffusion.schedules import Flow
    >>> start, stop = Flow().levels([1.0, 0.25])
    >>> mean_velocity(Gaussian([0.4], [[0.25]]).flow, np.array([[1.2]]), start, stop).round(8)
    array([[0.47888974]])
    """
    scale = 1.0 / (start.time - stop.time)
    return lincomb((scale, -scale), (x, flow_map(x, start, stop)))


def mean_flow_target(
    average: Callable[[Any, float, float], Any],
    velocity: Any,
    x: Any,
    *,
    start: float,
    stop: float,
    derivative: Callable[[Any, float], Any] | None = None,
    step: float = 1e-5,
) -> Any:
    """What a mean-flow network should return: u - (s - t) dū/ds, one derivative along the flow.

    Parameters
    ----------
    average : callable
        ``average(x, start, stop)``: the network's ū as it is.
    velocity : array
        u at x and time `start`; in training its conditional value ε - x0 may stand for it.
    x : array
        State at time `start`.
    start, stop : float
        Times of the path, start the noisier.
    derivative : callable, optional
        ``derivative(v, 1.0)``: derivative of `average` at (x, start) along v in x and 1 in time,
        from automatic differentiation; by default central differences.
    step : float, default 1e-5
        Of the differences.

    Returns
    -------
    array
        To be held constant where a network is trained towards it.

    Examples
    --------
    >>> import numpy as np
    >>> flat = lambda x, s, t: 0.0 * x + 3.0
    >>> mean_flow_target(flat, np.array([[3.0]]), np.array([[1.0]]), start=0.8, stop=0.2).tolist()
    [[3.0]]
    """
    if derivative is None:
        h = check_positive(step, "step")
        ahead = average(x + h * velocity, start + h, stop)
        behind = average(x - h * velocity, start - h, stop)
        change = lincomb((0.5 / h, -0.5 / h), (ahead, behind))
    else:
        change = derivative(velocity, 1.0)
    return lincomb((1.0, stop - start), (velocity, change))


@dataclass(frozen=True, eq=False)
class FlowMapSample(StateRecord):
    """States at the last level.

    Attributes
    ----------
    values : array
    level : Level
    evaluations : int
    seed : int or None
        None if no noise was added.
    """

    values: Any
    level: Level
    evaluations: int
    seed: int | None


def sample_flow_map(
    flow_map: Jump,
    x: Any,
    *,
    schedule: Schedule,
    grid: Grid,
    gamma: float = 0.0,
    noise: Any = None,
    rng: RNGLike = None,
) -> FlowMapSample:
    """Sample by jumps along a grid, with any share of fresh noise.

    Parameters
    ----------
    flow_map : callable
        ``flow_map(x, start, stop)``.
    x : array, shape (batch, …)
        States at the first level.
    schedule : Schedule
    grid : Grid
        Its intervals are the jumps.
    gamma : float, default 0
        Share of the noise of each level but the last that is drawn afresh: a jump goes to noise
        √(1 - γ²) σ and γ σ z is added. 0 follows the flow; 1 jumps to the clean level every time,
        which is multistep consistency sampling.
    noise : callable, optional
        Source of noise, as for `sample`.
    rng : None, int, Generator or SeedSequence

    Returns
    -------
    FlowMapSample

    Notes
    -----
    An exact flow map has the law of the path at every level for every γ.

    Examples
    --------
    >>> import numpy as np
    >>> from rnla.diffusion import Gaussian, VPLinear, make_grid
    >>> grid = make_grid(VPLinear(), 3)
    >>> model = Gaussian(np.zeros(2), np.eye(2))
    >>> found = sample_flow_map(model.flow, np.ones((1, 2)), schedule=VPLinear(), grid=grid)
    >>> found.values.round(12).tolist(), found.evaluations
    ([[1.0, 1.0]], 3)
    """
    gamma = check_positive(gamma, "gamma", allow_zero=True)
    if gamma > 1.0:
        raise argument_error("gamma", gamma, "a number from 0 to 1", "Pass gamma=1 for all of it.")
    x = as_state(x)
    check_instance(grid, Grid, "grid", example="make_grid(schedule, 20)")
    levels = grid.levels(schedule)
    source, seed = as_noise(noise, rng) if gamma > 0.0 else (None, None)
    for draw in range(grid.steps):
        start, stop = levels[draw], levels[draw + 1]
        plain = gamma == 0.0 or draw == grid.steps - 1
        if plain:
            aim = stop
        elif gamma == 1.0:
            aim = schedule.level(schedule.clean)
        else:
            aim = schedule.level_of(stop.half_log_snr - 0.5 * math.log1p(-(gamma**2)))
        jumped = flow_map(x, start, aim)
        check_output(jumped, x, name="flow_map", where=f"at step {draw}, {start}")
        if plain:
            x = jumped
            continue
        scale = math.exp(stop.log_alpha - aim.log_alpha)
        fresh = source(draw, x, (start, stop)) if source is not None else x
        x = lincomb((scale, gamma * stop.sigma), (jumped, fresh))
    return FlowMapSample(x, levels[-1], grid.steps, seed)
