"""A model of x told about y = x - mu: how mean-reverting diffusion becomes ordinary diffusion.

If x_t = alpha x0 + (1 - alpha) mu + sigma eps then y = x - mu is an ordinary path of y0 = x0 - mu,
and every solver applies to y unchanged (mean-reverting SDEs of image restoration, Luo et al.,
ICML 2023).
"""

from __future__ import annotations

from typing import Any

from ..._errors import argument_error
from ..prediction import Prediction, as_prediction
from ._wrapper import Wrapper

__all__ = ["MeanShifted"]

# What is added to the output, in units of mu, so that it speaks of y0 instead of x0.
_OF_MEAN = {"x0": -1.0, "flow": 1.0, "eps": 0.0, "score": 0.0, "v": 0.0, "velocity": 0.0}


class MeanShifted(Wrapper):
    """The model of y = x - mean that a model of x amounts to.

    Parameters
    ----------
    model : callable
        Takes x.
    mean : array
        Broadcasts against the state: one mean for all samples, or one each.
    prediction : str or Prediction, optional
        What the model returns; by default its attribute `prediction`. ``"x0"`` and ``"flow"`` speak
        of x0; ``"v"`` and ``"velocity"`` are derivatives of the path and need no shift.

    Notes
    -----
    Sample y with it and add the mean: ``sample(MeanShifted(model, mean), x - mean, …)``, with the
    schedule `MeanReverting`.

    Examples
    --------
    >>> shifted = MeanShifted(lambda x, t: x, 3.0, "x0")
    >>> shifted(1.0, 0.5)
    1.0
    """

    def __init__(self, model: Any, mean: Any, prediction: str | Prediction | None = None) -> None:
        super().__init__(model)
        kind = super().prediction if prediction is None else prediction
        self.mean = mean
        self._kind = None if kind is None else as_prediction(kind)
        if self._kind is None or self._kind.name not in _OF_MEAN:
            raise argument_error(
                "prediction",
                repr(kind),
                "one of " + ", ".join(_OF_MEAN),
                "Say what the model predicts, prediction='eps' for the noise.",
            )

    @property
    def prediction(self) -> Any:
        return self._kind

    def __call__(self, y: Any, time: Any) -> Any:
        assert self._kind is not None
        output = self.model(y + self.mean, time)
        shift = _OF_MEAN[self._kind.name]
        return output + shift * self.mean if shift else output
