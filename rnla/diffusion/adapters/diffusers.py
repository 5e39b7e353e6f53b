"""`PlanScheduler`: our solvers inside diffusers pipelines.

A diffusers pipeline owns the loop: it asks for timesteps, calls the network at each, and hands the
output to ``step``. A plan is run from outside by a `Stepper`, so every solver works in every
pipeline, singlestep ones too: they have several timesteps a step. Needs diffusers and PyTorch.
"""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from typing import Any

import torch
from diffusers.configuration_utils import ConfigMixin
from diffusers.schedulers.scheduling_utils import SchedulerMixin
from diffusers.utils import BaseOutput
from diffusers.utils.torch_utils import randn_tensor

from ..._errors import ArgumentTypeError, argument_error
from .._checks import check_output
from ..grids import Grid
from ..plan import Evaluation
from ..prediction import convert
from ..stepper import Stepper, evaluation_levels
from .scheduler_config import SchedulerConfig

__all__ = ["PlanScheduler", "PlanSchedulerOutput"]


@dataclass
class PlanSchedulerOutput(BaseOutput):  # type: ignore[misc]
    """What `PlanScheduler.step` returns.

    Attributes
    ----------
    prev_sample : torch.Tensor
        What the network is to be shown next; the sample after the last step.
    pred_original_sample : torch.Tensor
        The prediction of x0 from this output.
    """

    prev_sample: torch.Tensor
    pred_original_sample: torch.Tensor | None = None


class PlanScheduler(SchedulerMixin, ConfigMixin):  # type: ignore[misc]
    """A diffusers scheduler that runs any solver of `rnla.diffusion`.

    Parameters
    ----------
    **options
        Values of `SchedulerConfig`: the solver and its options, the table of betas, the spacing.

    Attributes
    ----------
    timesteps : torch.Tensor
        One for every call of the network, after `set_timesteps`.
    described : SchedulerConfig
        Everything the options say.

    Raises
    ------
    ArgumentError
        For options and configurations that have no meaning here; the message names the key.

    Notes
    -----
    The state stays on the path that the network knows: `scale_model_input` returns its argument.
    Noise is drawn with the `generator` that the pipeline passes. A configuration saved by a
    pipeline is read back by `from_pretrained`; `from_config` also takes that of diffusers' own
    schedulers.

    Examples
    --------
    .. code-block:: python

       pipeline.scheduler = PlanScheduler.from_config(pipeline.scheduler, solver="unipc")
    """

    order = 1  # timesteps a pipeline counts for one step of its progress bar

    def __init__(self, **options: Any) -> None:
        known = [option.name for option in dataclasses.fields(SchedulerConfig)]
        unknown = sorted(set(options) - set(known))
        if unknown:
            raise argument_error(
                "options",
                ", ".join(unknown),
                "values of SchedulerConfig: " + ", ".join(known),
                "Leave the others out; from_config reads the keys of diffusers.",
                kind=ArgumentTypeError,
            )
        self.described = SchedulerConfig(**options)
        self.register_to_config(**self.described.plain())
        self.schedule = self.described.schedule
        self.init_noise_sigma = 1.0
        last = self.described.num_train_timesteps - 1
        self.timesteps = torch.arange(last, -1, -1)
        self.num_inference_steps: int | None = None
        self._grid: Grid | None = None
        self._stepper: Stepper | None = None
        self._begin: int | None = None

    @classmethod
    def from_config(cls, config: Any = None, **options: Any) -> Any:
        """From a configuration of this class or of a scheduler of diffusers.

        Parameters
        ----------
        config : mapping or scheduler
            Such as ``pipeline.scheduler``; see `SchedulerConfig.from_diffusers`.
        **options
            Values that replace those found.
        """
        unused = options.pop("return_unused_kwargs", False)
        plain = getattr(config, "config", config)
        if "solver" in plain:
            found = {k: v for k, v in plain.items() if not k.startswith("_")}
            made = cls(**{**found, **options})
        else:
            made = cls(**SchedulerConfig.from_diffusers(config, **options).plain())
        return (made, {}) if unused else made

    def __len__(self) -> int:
        return int(self.described.num_train_timesteps)

    def set_begin_index(self, begin_index: int = 0) -> None:
        """Start at that place of `timesteps`, as pipelines that begin from an image do."""
        self._begin = begin_index

    def set_timesteps(self, num_inference_steps: int, device: Any = None) -> None:
        """Compile the solver for a number of steps, unless that was done for the last sample.

        Parameters
        ----------
        num_inference_steps : int
        device : torch.device, optional
            Where `timesteps` is kept.
        """
        if num_inference_steps != self.num_inference_steps:
            self._grid = self.described.grid(num_inference_steps)
            self._plan = self.described.made_solver.compile(self.schedule, self._grid)
        times = [self._model_time(level.time) for level in evaluation_levels(self._plan)]
        whole = all(time == round(time) for time in times)
        kind = torch.int64 if whole else torch.float32
        self.timesteps = torch.tensor(times, dtype=kind, device=device)
        self.num_inference_steps = num_inference_steps
        self._stepper, self._begin = None, None

    def _model_time(self, time: float) -> float:
        scale = float(self.described.num_train_timesteps) if self.described.path == "flow" else 1.0
        return scale * float(self.schedule.model_time(time))

    def scale_model_input(self, sample: Any, timestep: Any = None) -> Any:
        """The sample itself."""
        return sample

    def step(
        self,
        model_output: torch.Tensor,
        timestep: Any,
        sample: torch.Tensor,
        generator: torch.Generator | None = None,
        return_dict: bool = True,
        **unused: Any,
    ) -> PlanSchedulerOutput | tuple[torch.Tensor]:
        """Take the network's output and return what it is to be shown next.

        Parameters
        ----------
        model_output : torch.Tensor
        timestep : number or tensor
            The one of `timesteps` that the network was told.
        sample : torch.Tensor
            What the network was shown; a pipeline may have changed it since the last step.
        generator : torch.Generator, optional
            Draws the noise of stochastic solvers.
        return_dict : bool
            Whether to return a record instead of a tuple.
        **unused
            Other arguments that pipelines pass to some schedulers.

        Returns
        -------
        PlanSchedulerOutput or tuple

        Raises
        ------
        ArgumentError, ArgumentTypeError
            Before `set_timesteps`; for a timestep in the middle of a step; for an output that is
            not finite or not like the sample, with its level.
        """
        if self._grid is None:
            raise argument_error(
                "timestep",
                f"{timestep} before set_timesteps",
                "a scheduler whose timesteps are set",
                "Call scheduler.set_timesteps(20) first.",
            )
        if self._stepper is None or self._stepper.evaluation is None:
            self._stepper = self._start(timestep, sample)
        evaluation = self._stepper.evaluation
        assert evaluation is not None

        def noise(draw: int, like: Any, interval: Any) -> Any:
            return randn_tensor(
                like.shape, generator=generator, device=like.device, dtype=like.dtype
            )

        level, prediction = evaluation.level, self.described.prediction
        if isinstance(model_output, torch.Tensor) and model_output.is_floating_point():
            # Pipelines run networks in half precision on states in single precision.
            model_output = model_output.to(sample.dtype)
        check_output(model_output, sample, name="model_output", where=f"at {level}")
        x0 = self.described.cut(
            convert(
                model_output, sample, level, prediction=prediction, schedule=self.schedule, to="x0"
            )
        )
        output = x0
        if evaluation.form == "eps":
            output = convert(x0, sample, level, prediction="x0", schedule=self.schedule, to="eps")
        self._stepper.send(output, shown=sample, noise=noise)
        following = self._stepper.shown
        if not return_dict:
            return (following,)
        return PlanSchedulerOutput(prev_sample=following, pred_original_sample=x0)

    def _start(self, timestep: Any, sample: torch.Tensor) -> Stepper:
        """A stepper that begins where the pipeline does."""
        place = self._begin
        if place is None:
            distance = (self.timesteps.cpu().double() - float(timestep)).abs()
            place = int(distance.argmin())
        if place == 0:
            return Stepper(self._plan, sample)
        assert self._grid is not None
        begins = [0]
        for step in self._plan.steps:
            calls = sum(isinstance(stage, Evaluation) for stage in step.stages)
            begins.append(begins[-1] + calls)
        if place not in begins[:-1]:
            raise argument_error(
                "timestep",
                f"{timestep}, number {place}, in the middle of a step",
                "the first timestep of a step: numbers " + ", ".join(map(str, begins[:-1])),
                "Begin at another strength, or use a multistep solver.",
            )
        grid = Grid(self._grid.times[begins.index(place) :], self._grid.kind)
        plan = self.described.made_solver.compile(self.schedule, grid)
        return Stepper(plan, sample)

    def add_noise(
        self, original_samples: torch.Tensor, noise: torch.Tensor, timesteps: torch.Tensor
    ) -> torch.Tensor:
        """The state at given timesteps: alpha x0 + sigma noise.

        Parameters
        ----------
        original_samples, noise : torch.Tensor
        timesteps : torch.Tensor
            One for all samples, or one for each.
        """
        times = timesteps.detach().cpu().double().reshape(-1).numpy()
        if self.described.path == "flow":
            sigma = times / self.described.num_train_timesteps
            alpha = 1.0 - sigma
        else:
            schedule: Any = self.schedule
            times = schedule.time_of_index(times)
            alpha, sigma = schedule.alpha(times), schedule.sigma(times)
        shape = (-1, *(1,) * (original_samples.dim() - 1))
        factors = [
            torch.as_tensor(values).to(original_samples).reshape(shape) for values in (alpha, sigma)
        ]
        return factors[0] * original_samples + factors[1] * noise

    scale_noise = add_noise  # the name in pipelines of flow models
