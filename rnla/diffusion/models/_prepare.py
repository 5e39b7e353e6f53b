"""From a network to what a solver calls: ``model(x, level, form)``, checked and converted."""

from __future__ import annotations

from typing import Any

from ..._errors import argument_error
from .._checks import check_instance, check_output
from ..plan import Evaluation, Form, Level, Plan
from ..prediction import Prediction, as_prediction, convert
from ..schedules import Schedule
from ._wrapper import check_model

__all__ = ["PreparedModel", "prepare"]


class PreparedModel:
    """A model with its schedule and kind of prediction: ``prepared(x, level, form)``.

    Attributes
    ----------
    evaluations : int
        Calls so far.
    step : int or None
        Step under way, for messages.
    """

    def __init__(
        self,
        model: Any,
        schedule: Schedule,
        prediction: Prediction,
        trained_on: Schedule | None,
        check: bool,
    ) -> None:
        self.model = model
        self.schedule = schedule
        self.prediction = prediction
        self.trained_on = trained_on
        self.check = check
        self.takes_level = bool(getattr(model, "takes_level", False))
        self.evaluations = 0
        self.step: int | None = None

    def __call__(self, x: Any, level: Level, form: Form) -> Any:
        schedule, shown, state = self.schedule, level, x
        if self.trained_on is not None and self.trained_on != schedule:
            # Same SNR on the path that the model knows: only the scale of the state differs.
            schedule = self.trained_on
            shown = schedule.level_of(level.half_log_snr)
            state = (shown.sigma / level.sigma) * x
        output = self.model(state, shown if self.takes_level else schedule.model_time(shown.time))
        self.evaluations += 1
        if self.check:
            step = "" if self.step is None else f"step {self.step}, "
            check_output(output, state, name="model", where=f"at {step}{level}")
        return convert(output, state, shown, prediction=self.prediction, schedule=schedule, to=form)

    def check_plan(self, plan: Plan) -> None:
        """Raise before the first call if the prediction is singular at a level of the plan."""
        for number, step in enumerate(plan.steps):
            for stage in step.stages:
                if isinstance(stage, Evaluation):
                    self._check_level(stage.level, stage.form, number)

    def _check_level(self, level: Level, form: Form, step: int) -> None:
        schedule, shown = self.schedule, level
        if self.trained_on is not None and self.trained_on != schedule:
            schedule = self.trained_on
            if level.alpha == 0.0:
                raise argument_error(
                    "trained_on",
                    f"{type(schedule).__name__} at step {step}, {level}",
                    "levels with some signal, whose SNR that path has too",
                    "Begin the grid a little later.",
                )
            shown = schedule.level_of(level.half_log_snr)
        try:
            self.prediction.weights(shown, schedule, form)
        except ValueError as error:
            text = str(error)
            raise type(error)(text.replace(" at time", f" at step {step}, time", 1)) from None


def prepare(
    model: Any,
    schedule: Schedule,
    prediction: str | Prediction | None = None,
    *,
    trained_on: Schedule | None = None,
    check: bool = True,
) -> PreparedModel:
    """Make ``model(x, level, form)`` of a network.

    Parameters
    ----------
    model : callable
        ``model(x, time)`` with the network's own time, ``schedule.model_time(t)``, or, if it has a
        true attribute `takes_level`, ``model(x, level)``. Returns an array like `x`.
    schedule : Schedule
        The path along which it is sampled.
    prediction : str or Prediction, optional
        What the output means; by default the model's attribute `prediction`.
    trained_on : Schedule, optional
        The path that the model was trained on, if that is another: it is shown the state of equal
        SNR there.
    check : bool
        Whether every output is checked for shape, dtype and NaN, at the cost of one reduction.

    Returns
    -------
    PreparedModel

    Raises
    ------
    ArgumentError, ArgumentTypeError
        If the model cannot be called, or nothing says what it predicts.

    Examples
    --------
    >>> import numpy as np
    >>> from rnla.diffusion import VPLinear
    >>> schedule = VPLinear()
    >>> model = prepare(lambda x, time: 0.0 * x, schedule, "eps")   # sees no noise anywhere
    >>> level = schedule.level(0.5)
    >>> float(model(np.full((1, 1), level.alpha), level, "x0")[0, 0])
    1.0
    """
    check_model(model)
    if trained_on is not None:
        check_instance(trained_on, Schedule, "trained_on", example="rnla.diffusion.VPLinear()")
    check_instance(schedule, Schedule, "schedule", example="rnla.diffusion.VPLinear()")
    kind = getattr(model, "prediction", None) if prediction is None else prediction
    if kind is None:
        raise argument_error(
            "prediction",
            "None, and the model has no attribute `prediction`",
            "what the network predicts",
            "Pass prediction='eps' for a network that predicts the noise.",
        )
    return PreparedModel(model, schedule, as_prediction(kind), trained_on, check)
