"""Restoration by mean-reverting diffusion: any solver, in the state less its mean.

The forward process dx = f (mu - x) dt + g dw, g^2 = 2 sigma_inf^2 f, leads from an image to a
degraded one, mu, plus noise (IR-SDE: Luo, Gustafsson, Zhao, Sjölund and Schön, ICML 2023). For
y = x - mu it is an ordinary Gaussian path with alpha = exp(-int f) and
sigma = sigma_inf sqrt(1 - alpha^2), so every solver here applies to y as it is. A network's output
p = a x0 + b eps becomes p - a mu for y. The solver of arXiv 2502.07856 is `MRSampler`. The cost is
one addition and one subtraction for each call of the model.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from .._errors import argument_error
from ..random import RNGLike, Stream, resolve_seed
from ._arrays import as_state
from .grids import Grid
from .models.mean_shift import MeanShifted
from .noise import normals
from .prediction import Prediction
from .sampling import Sample, sample
from .schedules import MeanReverting, Schedule
from .solvers import Solver

__all__ = ["sample_mean_reverting"]


def sample_mean_reverting(
    model: Any,
    mean: Any,
    *,
    x: Any = None,
    solver: str | Solver = "mr_sampler",
    schedule: Schedule | None = None,
    steps: int = 10,
    grid: str | Grid = "log_snr",
    end: str = "sigma_min",
    prediction: str | Prediction | None = None,
    noise: Any = None,
    rng: RNGLike = None,
    check: bool = True,
) -> Sample:
    """Restore an image: sample the process that reverts to `mean`, backwards in time.

    Parameters
    ----------
    model : callable
        A network of x; one that is shown the mean as well takes it by closure.
    mean : array, shape (batch, …)
        The degraded images.
    x : array, like `mean`, optional
        States at the first level; by default `mean` plus sigma times seeded normals.
    solver : str or Solver, default "mr_sampler"
        Any of them.
    schedule : Schedule, optional
        `MeanReverting()` by default.
    steps, grid, end
        As for `sample`.
    prediction : str or Prediction, optional
        What the output means with x = alpha x0 + (1 - alpha) mean + sigma eps. "v" is dx/dphi with
        cos(phi) = alpha: sigma_inf cos(phi) eps - sin(phi) (x0 - mean).
    noise, rng, check
        As for `sample`.

    Returns
    -------
    Sample

    Examples
    --------
    >>> import numpy as np
    >>> model = lambda x, t: 0.0 * x + 0.8
    >>> restored = sample_mean_reverting(model, np.full((1, 2), 0.3), prediction="x0", rng=0)
    >>> np.asarray(restored).round(1).tolist(), restored.evaluations
    ([[0.8, 0.8]], 10)
    """
    path = MeanReverting() if schedule is None else schedule
    mean = as_state(mean, name="mean")
    seed = resolve_seed(rng)
    if x is None:
        first = grid.times[0] if isinstance(grid, Grid) else path.first
        start = float(path.sigma(first)) * normals(Stream(seed, "mean-reverting start"), 0, mean)
    else:
        x = as_state(x)
        if tuple(x.shape) != tuple(mean.shape):
            raise argument_error(
                "x",
                f"shape {tuple(x.shape)}",
                f"that of the mean, {tuple(mean.shape)}",
                "Pass one state for each image.",
            )
        start = x - mean
    shifted = MeanShifted(model, mean, prediction)
    found = sample(
        shifted,
        start,
        solver=solver,
        schedule=path,
        steps=steps,
        grid=grid,
        end=end,
        noise=noise,
        rng=seed,
        check=check,
    )
    return replace(found, values=found.values + mean)
