"""`SchedulerConfig`: what a diffusers scheduler's configuration says, as schedule, grid and solver.

The configuration of a published model names a scheduler class and a few dozen options. Here they
are taken apart: the table of betas gives the schedule, the spacing of timesteps and sigmas the
grid, the class and its options the solver. Neither diffusers nor PyTorch is needed.
"""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt

from ..._errors import ArgumentTypeError, argument_error, check_finite, check_fraction, check_size
from ..grids import Grid, make_grid, table_indices
from ..models.thresholding import threshold
from ..prediction import Prediction
from ..schedules import Flow, Schedule, Tabulated
from ..solvers import Solver, get_solver
from ..solvers._options import numbers_of
from ._class_names import translate

__all__ = ["SchedulerConfig"]

Vector = npt.NDArray[np.float64]

_BETAS = ("linear", "scaled_linear", "squaredcos_cap_v2")
_TIMESTEPS = ("leading", "trailing", "linspace", "linspace_after_end", "leading_after_end")
_SIGMAS = ("karras", "exponential", "log_snr", "beta")
_SMALLEST_ALPHA_BAR = 2.0**-24  # at zero terminal SNR


@dataclass(frozen=True)
class SchedulerConfig:
    """A sampler as one flat set of plain values, which survives JSON.

    Parameters
    ----------
    solver : str
        Name or alias of a solver.
    solver_options : mapping
        Its options where they differ from the defaults.
    path : {"vp", "flow"}
        A table of betas, or alpha = 1 - t and sigma = t.
    num_train_timesteps, beta_start, beta_end, beta_schedule, trained_betas
        The table. `trained_betas` takes the place of the other three.
    rescale_betas_zero_snr : bool
        Stretch the table so that its last level is pure noise.
    shift : float
        Of a flow: t' = shift t / (1 + (shift - 1) t).
    shift_twice : bool
        Shift the cleanest level of a flow twice, as diffusers' schedulers of flow matching do, so
        that the step before the last ends at more noise. Ours shift it once.
    prediction_type : str
        What the network predicts.
    spacing : str
        ``"leading"``, ``"trailing"``, ``"linspace"`` of timesteps; ``"karras"``,
        ``"exponential"``, ``"log_snr"``, ``"beta"`` of noise levels. ``"linspace_after_end"`` and
        ``"leading_after_end"`` make one more timestep and drop the cleanest, as the multistep
        schedulers of diffusers do.
    steps_offset : int
        Added to leading timesteps.
    end : {"zero", "sigma_min"}
        Whether the last step goes to sigma = 0 or to the first level of the table.
    round_timesteps : bool
        Whether the network is told whole numbers, as it was in training, also where a level lies
        between two of them.
    lambda_min_clipped : float
        Levels of a smaller half log-SNR are left out.
    thresholding : {None, "static", "dynamic"}
        Whether x0 is cut, at `threshold` or at a quantile of its entries.
    threshold, threshold_quantile, threshold_maximum : float
        Quantile, smallest and largest bound: see `rnla.diffusion.models.thresholding`.

    Examples
    --------
    >>> config = SchedulerConfig.from_diffusers(
    ...     {"_class_name": "DDIMScheduler", "beta_schedule": "scaled_linear",
    ...      "beta_start": 0.00085, "beta_end": 0.012, "clip_sample": False})
    >>> config.solver, config.prediction.name, config.grid(10).steps
    ('ddim', 'eps', 10)
    """

    solver: str = "dpmpp_2m"
    solver_options: Mapping[str, Any] = field(default_factory=dict)
    path: str = "vp"
    num_train_timesteps: int = 1000
    beta_start: float = 0.0001
    beta_end: float = 0.02
    beta_schedule: str = "linear"
    trained_betas: tuple[float, ...] | None = None
    rescale_betas_zero_snr: bool = False
    shift: float = 1.0
    shift_twice: bool = False
    prediction_type: str = "epsilon"
    spacing: str = "linspace_after_end"
    steps_offset: int = 0
    end: str = "zero"
    round_timesteps: bool = True
    lambda_min_clipped: float = -math.inf
    thresholding: str | None = None
    threshold: float = 1.0
    threshold_quantile: float = 0.995
    threshold_maximum: float = 1.0

    def __post_init__(self) -> None:
        check_size(self.num_train_timesteps, name="num_train_timesteps")
        choices = {
            "path": ("vp", "flow"),
            "beta_schedule": _BETAS,
            "spacing": (*_TIMESTEPS, *_SIGMAS),
            "end": ("zero", "sigma_min"),
            "thresholding": (None, "static", "dynamic"),
        }
        for name, allowed in choices.items():
            if getattr(self, name) not in allowed:
                raise argument_error(
                    name,
                    repr(getattr(self, name)),
                    "one of " + ", ".join(map(str, allowed)),
                    "Change it in the configuration.",
                )
        for name in ("beta_start", "beta_end"):
            check_fraction(getattr(self, name), name)
        if self.trained_betas is not None:
            betas = numbers_of(self.trained_betas, "trained_betas")
            for index, beta in enumerate(betas):
                check_fraction(beta, f"trained_betas[{index}]")
            object.__setattr__(self, "trained_betas", betas)
        if self.lambda_min_clipped != -math.inf:
            check_finite(self.lambda_min_clipped, "lambda_min_clipped")
        if not isinstance(self.solver_options, Mapping):
            raise argument_error(
                "solver_options",
                type(self.solver_options).__name__,
                "a mapping of names to values",
                "Pass {'order': 3}, say.",
                kind=ArgumentTypeError,
            )
        self.made_solver  # noqa: B018  (options are checked now)
        self.prediction  # noqa: B018

    @classmethod
    def from_diffusers(cls, config: Any, **overrides: Any) -> SchedulerConfig:
        """From the configuration of a diffusers scheduler, or the scheduler itself.

        Parameters
        ----------
        config : mapping or scheduler
            A scheduler, or a file's contents, says its class, and the solver is that class's. The
            ``config`` of a scheduler in memory does not, and the solver is ours.
        **overrides
            Values of `SchedulerConfig` that replace those found, such as ``solver="dpmpp_3m"``.

        Raises
        ------
        ArgumentError
            For a class that has no counterpart here, keys that are not known for it, and values
            that have no counterpart; the message names them.
        """
        name = type(config).__name__ if hasattr(config, "config") else None
        config = getattr(config, "config", config)
        if not isinstance(config, Mapping):
            raise argument_error(
                "config",
                type(config).__name__,
                "the configuration of a scheduler, a mapping",
                "Pass pipeline.scheduler.config, or the contents of scheduler_config.json.",
                kind=ArgumentTypeError,
            )
        found = translate(config, name)
        if "solver" in overrides and overrides["solver"] != found["solver"]:
            found.pop("solver_options", None)  # they belong to another solver
        return cls(**{**found, **overrides})

    @property
    def made_solver(self) -> Solver:
        """The solver with its options."""
        solver: Any = get_solver(self.solver)
        known = {option.name for option in dataclasses.fields(solver)}
        unknown = sorted(set(self.solver_options) - known)
        if unknown:
            raise argument_error(
                "solver_options",
                ", ".join(unknown),
                f"options of {self.solver!r}: " + (", ".join(sorted(known)) or "none"),
                "Leave the others out.",
            )
        made: Solver = dataclasses.replace(solver, **self.solver_options)
        return made

    @property
    def prediction(self) -> Prediction:
        """What the network predicts."""
        return Prediction(self.prediction_type)

    @property
    def schedule(self) -> Schedule:
        """The noise schedule."""
        if self.path == "flow":
            return Flow(shift=self.shift)
        return self._table()

    def _table(self) -> Tabulated:
        size, first, last = self.num_train_timesteps, self.beta_start, self.beta_end
        if self.trained_betas is not None:
            table = Tabulated.from_betas(self.trained_betas)
        elif self.beta_schedule == "linear":
            table = Tabulated.linear(size, beta_start=first, beta_end=last)
        elif self.beta_schedule == "scaled_linear":
            table = Tabulated.scaled_linear(size, beta_start=first, beta_end=last)
        else:
            table = Tabulated.cosine(size)
        if self.rescale_betas_zero_snr:
            root = np.sqrt(table.alphas_cumprod)
            root = (root - root[-1]) * (root[0] / (root[0] - root[-1]))
            # In place of 0, which only some predictions allow.
            last = min(_SMALLEST_ALPHA_BAR, root[-2] ** 2 / 4.0)
            table = Tabulated(np.append(root[:-1] ** 2, last))
        return dataclasses.replace(table, rounded=self.round_timesteps)

    def plain(self) -> dict[str, Any]:
        """The values in JSON's types; ``SchedulerConfig(**config.plain())`` is equal."""
        values = {option.name: getattr(self, option.name) for option in dataclasses.fields(self)}
        values["solver_options"] = dict(self.solver_options)
        if self.trained_betas is not None:
            values["trained_betas"] = list(self.trained_betas)
        return values

    def cut(self, x0: Any) -> Any:
        """A prediction of the data within the bounds asked for."""
        if self.thresholding is None:
            return x0
        return threshold(
            x0,
            method=self.thresholding,
            quantile=self.threshold_quantile,
            bound=self.threshold,
            largest=self.threshold_maximum,
        )

    def grid(self, steps: int) -> Grid:
        """The levels that `steps` timesteps stand for."""
        steps = check_size(steps, name="steps")
        schedule = self.schedule
        if self.path == "flow":
            return Grid(self._flow_times(steps), "flow")
        assert isinstance(schedule, Tabulated)
        if self.spacing in _SIGMAS:
            return self._grid_of_sigmas(schedule, steps)
        times = schedule.time_of_index(self._timesteps(schedule, steps))
        floor = schedule.clean if self.end == "zero" else schedule.time_of_index(0)
        return Grid(np.append(times, floor) if times[-1] > floor else times, self.spacing)

    def _timesteps(self, schedule: Tabulated, steps: int) -> npt.NDArray[np.int64]:
        """Indices of the table, falling."""
        size = self._noisiest(schedule) + 1
        kind = self.spacing.removesuffix("_after_end")
        dropped = kind != self.spacing  # the cleanest of one more timestep
        stride = self.num_train_timesteps / steps
        offset = self.steps_offset
        index = table_indices(kind, size, steps + dropped, offset=offset, stride=stride)
        return index[:steps]

    def _flow_times(self, steps: int) -> Vector:
        """Equal steps of t, before the shift, which the schedule applies."""
        least = 1.0 / self.num_train_timesteps
        if self.shift_twice:
            least = self.shift * least / (1.0 + (self.shift - 1.0) * least)
        if self.spacing.endswith("after_end"):
            times = np.linspace(0.0, 1.0 - least, steps + 1)[:0:-1]
        else:
            times = np.linspace(1.0, least, steps)
        if self.end == "zero":
            return np.append(times, 0.0)
        return times if times[-1] <= least else np.append(times, least)

    def _noisiest(self, schedule: Tabulated) -> int:
        """Index of the noisiest level that `lambda_min_clipped` leaves."""
        last = self.num_train_timesteps - 1
        if self.lambda_min_clipped == -math.inf:
            return last
        levels = schedule.half_log_snr(schedule.time_of_index(np.arange(last + 1)))
        kept = np.flatnonzero(levels >= self.lambda_min_clipped)
        if not kept.size:
            raise argument_error(
                "lambda_min_clipped",
                self.lambda_min_clipped,
                f"at most {levels[0]:.6g}, the half log-SNR of the cleanest level",
                "Leave it out to keep all levels.",
            )
        return int(kept[-1])

    def _grid_of_sigmas(self, schedule: Tabulated, steps: int) -> Grid:
        first = float(schedule.time_of_index(self._noisiest(schedule)))
        last = float(schedule.time_of_index(0))
        if self.spacing == "beta":
            from scipy.stats import beta

            levels = schedule.rho(np.array([last, first]))
            shares = beta.ppf(1.0 - np.linspace(0.0, 1.0, steps), 0.6, 0.6)
            rho = levels[0] + shares * (levels[1] - levels[0])
            times = schedule.time_of(-np.log(rho))
            return Grid(np.append(times, schedule.clean if self.end == "zero" else []), "beta")
        return make_grid(schedule, steps, self.spacing, end=self.end, first=first, last=last)
