"""k-diffusion (Crowson): denoisers D(x, sigma) and functions sample(model, x, sigmas).

Everything there lives on the path alpha = 1: the state is data plus noise of standard deviation
sigma, and the model returns the data. So a denoiser is a model of `VarianceExploding` that predicts
x0, and any solver here becomes a sampling function by taking the sigmas as its grid.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from ..._errors import ArgumentTypeError, argument_error
from .._arrays import as_state, namespace
from ..execute import run_plan
from ..grids import Grid
from ..models import prepare
from ..noise import as_noise
from ..prediction import Prediction
from ..schedules import Schedule, VarianceExploding
from ..solvers import Solver, get_solver

__all__ = ["as_denoiser", "from_denoiser", "sample_function"]


def from_denoiser(denoiser: Any, *, extra_args: Mapping[str, Any] | None = None) -> Any:
    """A model for `sample` from a denoiser of k-diffusion.

    Parameters
    ----------
    denoiser : callable
        ``denoiser(x, sigma, **extra_args)`` with a vector of sigmas, one per sample, returns the
        denoised x.
    extra_args : mapping, optional
        Passed on with every call.

    Returns
    -------
    callable
        ``model(x, time)`` with ``prediction = "x0"``, for ``schedule=VarianceExploding()``.

    Examples
    --------
    >>> import numpy as np
    >>> from rnla.diffusion import VarianceExploding, sample
    >>> shrink = lambda x, sigma: x / (1.0 + sigma[:, None] ** 2)  # data are standard normals
    >>> out = sample(from_denoiser(shrink), 80.0 * np.ones((1, 1)), solver="dpmpp_2m",
    ...              schedule=VarianceExploding(), steps=20)
    >>> bool(abs(out.values - 1.0).max() < 0.02)
    True
    """
    if not callable(denoiser):
        raise argument_error(
            "denoiser",
            type(denoiser).__name__,
            "a callable denoiser(x, sigma)",
            "Pass k_diffusion.external.CompVisDenoiser(network), say.",
            kind=ArgumentTypeError,
        )
    return _FromDenoiser(denoiser, dict(extra_args or {}))


class _FromDenoiser:
    prediction = "x0"

    def __init__(self, denoiser: Any, extra_args: dict[str, Any]) -> None:
        self.denoiser, self.extra_args = denoiser, extra_args

    def __call__(self, x: Any, time: float) -> Any:
        return self.denoiser(x, _vector(x, time), **self.extra_args)


def _vector(x: Any, value: float) -> Any:
    """The same number for every sample, in the dtype and place of x."""
    return namespace(x).full_like(x[(slice(None), *(0,) * (len(x.shape) - 1))], float(value))


def as_denoiser(
    model: Any, schedule: Schedule, *, prediction: str | Prediction | None = None
) -> Callable[..., Any]:
    """A denoiser for k-diffusion from any model.

    Parameters
    ----------
    model : callable
        As for `sample`.
    schedule : Schedule
        The path that the model was trained on.
    prediction : str or Prediction, optional
        As for `sample`.

    Returns
    -------
    callable
        ``denoiser(x, sigma)`` with sigma a number or a vector of equal numbers; further arguments
        are passed to the model by name.

    Notes
    -----
    x and alpha x have the same SNR at sigma and at the time where sigma_t / alpha_t = sigma, so the
    model is shown alpha x there.

    Examples
    --------
    >>> import numpy as np
    >>> from rnla.diffusion import Gaussian, VPLinear
    >>> denoiser = as_denoiser(Gaussian(np.zeros(1), np.eye(1)), VPLinear())
    >>> denoiser(np.array([[5.0]]), 2.0).round(6).tolist()  # 5 / (1 + 2^2)
    [[1.0]]
    """
    path = VarianceExploding()

    def denoiser(x: Any, sigma: Any, **extra_args: Any) -> Any:
        called = _WithArguments(model, extra_args) if extra_args else model
        prepared = prepare(called, path, prediction, trained_on=schedule)
        return prepared(x, path.level(_one_number(sigma)), "x0")

    return denoiser


class _WithArguments:
    def __init__(self, model: Any, extra_args: dict[str, Any]) -> None:
        self.model, self.extra_args = model, extra_args
        self.prediction = getattr(model, "prediction", None)
        self.takes_level = getattr(model, "takes_level", False)

    def __call__(self, x: Any, time: Any) -> Any:
        return self.model(x, time, **self.extra_args)


def _one_number(sigma: Any) -> float:
    if isinstance(sigma, (int, float)):
        return float(sigma)
    values = sigma.reshape(-1)
    if not bool((values == values[0]).all()):
        raise argument_error(
            "sigma",
            f"{len(values)} values that differ",
            "the same noise level for the whole batch",
            "Call it once per level.",
        )
    return float(values[0])


def sample_function(solver: str | Solver) -> Callable[..., Any]:
    """A function like ``k_diffusion.sampling.sample_euler`` that runs one of our solvers.

    Parameters
    ----------
    solver : str or Solver
        Names such as ``"sample_dpmpp_2m"`` are known.

    Returns
    -------
    callable
        ``sample(model, x, sigmas, extra_args=None, callback=None, disable=None,
        noise_sampler=None)`` returns the last state. `callback` gets a mapping with ``x``, ``i``,
        ``sigma``, ``sigma_hat`` and ``denoised``; ``noise_sampler(sigma, sigma_next)`` returns
        normals, and by default noise is drawn anew in each call. `disable` is there for the
        signature: no progress is shown.

    Examples
    --------
    >>> import numpy as np
    >>> shrink = lambda x, sigma: x / (1.0 + sigma[:, None] ** 2)
    >>> sigmas = np.append(np.geomspace(80.0, 0.01, 20), 0.0)
    >>> x = sample_function("dpmpp_2m")(shrink, 80.0 * np.ones((1, 1)), sigmas)
    >>> x.shape
    (1, 1)
    """
    chosen = get_solver(solver)

    def sample(
        model: Any,
        x: Any,
        sigmas: Any,
        extra_args: Mapping[str, Any] | None = None,
        callback: Callable[[dict[str, Any]], Any] | None = None,
        disable: Any = None,
        noise_sampler: Callable[[float, float], Any] | None = None,
    ) -> Any:
        path = VarianceExploding()
        x = as_state(x)
        grid = Grid(_host_numbers(sigmas))
        plan = chosen.compile(path, grid)
        prepared = _Remembering(from_denoiser(model, extra_args=extra_args), path)
        source: Any = None
        if noise_sampler is not None:
            if not callable(noise_sampler):
                raise argument_error(
                    "noise_sampler",
                    type(noise_sampler).__name__,
                    "a function noise_sampler(sigma, sigma_next)",
                    "Leave it out, or pass lambda sigma, sigma_next: torch.randn_like(x).",
                    kind=ArgumentTypeError,
                )

            def source(draw: int, like: Any, interval: Any) -> Any:
                start, stop = interval
                return noise_sampler(start.rho, stop.rho)

        source = as_noise(source, None)[0]
        for state in run_plan(plan, x, prepared, source):
            if callback is not None:
                sigma = sigmas[state.step - 1]
                callback(
                    {
                        "x": state.x,
                        "i": state.step - 1,
                        "sigma": sigma,
                        "sigma_hat": sigma,
                        "denoised": prepared.denoised,
                    }
                )
            x = state.x
        return x

    sample.__name__ = sample.__qualname__ = f"sample_{_identifier(chosen)}"
    return sample


def _identifier(solver: Solver) -> str:
    """The name of a solver, as part of that of a function."""
    return "".join(c if c.isalnum() else "_" for c in solver.name)


class _Remembering:
    """A prepared denoiser that keeps what it returned last."""

    def __init__(self, model: Any, path: Schedule) -> None:
        self._prepared = prepare(model, path)
        self.denoised: Any = None

    @property
    def step(self) -> int | None:
        """The step under way, for messages."""
        return self._prepared.step

    @step.setter
    def step(self, number: int | None) -> None:
        self._prepared.step = number

    def __call__(self, x: Any, level: Any, form: Any) -> Any:
        self.denoised = self._prepared(x, level, "x0")
        if form == "x0":
            return self.denoised
        return (x - self.denoised) * (1.0 / level.sigma)


def _host_numbers(sigmas: Any) -> Any:
    if hasattr(sigmas, "detach"):
        sigmas = sigmas.detach().cpu().numpy()
    elif type(sigmas).__module__.startswith("cupy"):
        sigmas = sigmas.get()
    try:
        values = np.asarray(sigmas, dtype=np.float64)
    except (TypeError, ValueError):
        values = np.empty((0, 0))
    if values.ndim != 1:
        raise argument_error(
            "sigmas",
            f"shape {values.shape}" if values.size else type(sigmas).__name__,
            "one falling sequence of noise levels",
            "Pass what k_diffusion.sampling.get_sigmas_karras returns.",
            kind=ArgumentTypeError,
        )
    return values
