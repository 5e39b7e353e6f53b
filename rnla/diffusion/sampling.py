"""Sampling: a model, a state of noise, a solver and a grid in; samples out."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

from .._errors import ArgumentTypeError, argument_error
from ..random import RNGLike
from ._arrays import all_finite, as_state, dtype_name
from ._checks import check_instance
from ._record import StateRecord
from .execute import State
from .grids import Grid, make_grid
from .models import PreparedModel, prepare
from .noise import as_noise
from .plan import Level
from .prediction import Prediction
from .schedules import Schedule, VPLinear
from .solvers import Solver, get_solver

__all__ = ["Sample", "sample", "trajectory"]


@dataclass(frozen=True, eq=False)
class Sample(StateRecord):
    """Samples, and how they were made.

    Attributes
    ----------
    values : array, shape (batch, …)
        The state at the end, like the array that was passed in.
    level : Level
        Its noise level.
    evaluations : int
        Calls of the model.
    steps : int
        Steps taken.
    solver : Solver
        With all its options.
    grid : Grid
        The levels asked for.
    seed : int or None
        Seed of the noise: passing it as ``rng=`` repeats the result. None if the solver adds no
        noise, or the source of noise has no seed.
    """

    values: Any
    level: Level
    evaluations: int
    steps: int
    solver: Solver
    grid: Grid
    seed: int | None

    def __repr__(self) -> str:
        return (
            f"Sample(shape {tuple(self.values.shape)}, {type(self.solver).__name__}, "
            f"{self.evaluations} evaluations)"
        )


def trajectory(
    model: Any,
    x: Any,
    *,
    solver: str | Solver = "dpmpp_2m",
    schedule: Schedule | None = None,
    steps: int = 10,
    grid: str | Grid = "log_snr",
    end: str = "sigma_min",
    prediction: str | Prediction | None = None,
    trained_on: Schedule | None = None,
    noise: Any = None,
    rng: RNGLike = None,
    check: bool = True,
) -> Iterator[State]:
    """Sample step by step: an iterator of states, one after every step.

    Parameters
    ----------
    model, x, solver, schedule, steps, grid, end, prediction, trained_on, noise, rng, check
        As for `sample`.

    Returns
    -------
    iterator of State
        With the state, its level, the number of steps and of evaluations so far. Stop whenever you
        like; nothing runs ahead.

    Examples
    --------
    >>> import numpy as np
    >>> from rnla.diffusion import Gaussian
    >>> model = Gaussian(np.zeros(2), np.eye(2))
    >>> [state.step for state in trajectory(model, np.ones((1, 2)), solver="ddim", steps=3)]
    [1, 2, 3]
    """
    run = _prepare_run(
        model, x, solver, schedule, steps, grid, end, prediction, trained_on, noise, rng, check
    )
    return run.states()


def sample(
    model: Any,
    x: Any,
    *,
    solver: str | Solver = "dpmpp_2m",
    schedule: Schedule | None = None,
    steps: int = 10,
    grid: str | Grid = "log_snr",
    end: str = "sigma_min",
    prediction: str | Prediction | None = None,
    trained_on: Schedule | None = None,
    noise: Any = None,
    rng: RNGLike = None,
    check: bool = True,
    callback: Callable[[State], Any] | None = None,
    progress: bool = False,
) -> Sample:
    """Run a sampler from the state `x` at the first level of a grid to its last.

    Parameters
    ----------
    model : callable
        ``model(x, time)`` returns what `prediction` says, an array like `x`. Or a distribution such
        as `Gaussian`, whose denoiser is exact.
    x : array, shape (batch, …)
        The state at the first level: sigma times standard normals. NumPy, CuPy or PyTorch, in
        float64, float32, float16 or bfloat16; the result is of the same kind.
    solver : str or Solver
        A name or alias, `solver_names` lists them, or a solver with its options.
    schedule : Schedule, optional
        The path along which to sample; `VPLinear` by default.
    steps : int
        Number of steps, if `grid` is a kind.
    grid : str or Grid
        A kind of spacing, see `make_grid`, or a grid.
    end : {"sigma_min", "zero", "denoise"}
        How the grid ends, see `make_grid`.
    prediction : str or Prediction, optional
        What the model returns, see `Prediction`; by default its attribute `prediction`.
    trained_on : Schedule, optional
        The schedule that the model knows, if it is another one.
    noise : callable, optional
        Source of noise ``noise(draw, like, interval)`` instead of `SeededNoise`.
    rng : None, int, Generator or SeedSequence
        Seed of the noise.
    check : bool
        Check every output of the model for shape, dtype and NaN, and the two ends for NaN.
    callback : callable, optional
        Called with the `State` after every step.
    progress : bool
        Show a bar.

    Returns
    -------
    Sample

    Raises
    ------
    ArgumentError, ArgumentTypeError
        For unusable arguments; for a prediction that is singular at a level of the grid, before the
        first call; for outputs of the model that are not finite or not like `x`, with the step;
        for a result that is not finite.

    Notes
    -----
    Coefficients are computed once per grid in float64 on the host. Each step costs one linear
    combination per row of the plan besides the calls of the model. `x` is not changed.

    Examples
    --------
    >>> import numpy as np
    >>> from rnla.diffusion import Gaussian, sample
    >>> model = Gaussian(np.array([1.0, -1.0]), 0.25 * np.eye(2))
    >>> result = sample(model, np.array([[0.3, -0.2]]), solver="ddim", steps=200)
    >>> result.evaluations, np.asarray(result).round(2).tolist()
    (200, [[1.14, -1.1]])
    """
    run = _prepare_run(
        model, x, solver, schedule, steps, grid, end, prediction, trained_on, noise, rng, check
    )
    if callback is not None and not callable(callback):
        raise argument_error(
            "callback",
            type(callback).__name__,
            "a function of the State",
            "Pass lambda state: print(state.level), say.",
            kind=ArgumentTypeError,
        )
    state = None
    for state in _shown(run.states(), run.grid.steps, progress):
        if callback is not None:
            callback(state)
    assert state is not None  # a grid has at least one step
    if check and not all_finite(state.x):
        raise argument_error(
            "x",
            f"nan or inf after step {state.step - 1}, at {state.level}",
            f"states that {dtype_name(state.x)} can hold",
            "Use a wider dtype, bfloat16 or float32 instead of float16, or more steps.",
        )
    return Sample(
        state.x, state.level, state.evaluations, state.step, run.solver, run.grid, run.seed
    )


@dataclass(frozen=True)
class _Run:
    model: PreparedModel
    x: Any
    solver: Solver
    schedule: Schedule
    grid: Grid
    noise: Any
    seed: int | None

    def states(self) -> Iterator[State]:
        return self.solver.states(self.model, self.x, self.schedule, self.grid, self.noise)


def _prepare_run(
    model: Any,
    x: Any,
    solver: str | Solver,
    schedule: Schedule | None,
    steps: int,
    grid: str | Grid,
    end: str,
    prediction: str | Prediction | None,
    trained_on: Schedule | None,
    noise: Any,
    rng: RNGLike,
    check: bool,
) -> _Run:
    method = get_solver(solver)
    path = VPLinear() if schedule is None else schedule
    check_instance(path, Schedule, "schedule", example="rnla.diffusion.VPLinear()")
    times = grid if isinstance(grid, Grid) else make_grid(path, steps, grid, end=end)
    source, seed = as_noise(noise, rng) if method.stochastic else (noise, None)
    prepared = prepare(model, path, prediction, trained_on=trained_on, check=check)
    state = as_state(x)
    if check and not all_finite(state):
        raise argument_error("x", "nan or inf", "finite numbers", "Check where it comes from.")
    return _Run(prepared, state, method, path, times, source, seed)


def _shown(states: Iterator[State], steps: int, progress: bool) -> Iterator[State]:
    if not progress:
        yield from states
        return
    from tqdm.auto import tqdm

    with tqdm(total=steps, desc="sampling", leave=False) as bar:
        for state in states:
            bar.update(1)
            yield state
