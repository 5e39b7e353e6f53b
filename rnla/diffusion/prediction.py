"""One rule for everything a network may predict.

An output p = a x0 + b eps together with the state x = alpha x0 + sigma eps is a 2 x 2 system, with
determinant D = alpha b - sigma a:

    x0 = (b x - sigma p) / D,     eps = (alpha p - a x) / D.

So a kind of prediction is a pair of numbers (a, b) at each level, and no solver knows of kinds.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from .._errors import argument_error, check_positive
from .execute import lincomb
from .plan import Form, Level
from .schedules import Schedule

__all__ = ["Prediction", "as_prediction", "convert"]

Pair = tuple[float, float]


def _score(level: Level, schedule: Schedule) -> Pair:
    return 0.0, -math.exp(-level.log_sigma) if not level.is_clean else -math.inf


def _v(level: Level, schedule: Schedule) -> Pair:
    # d x / d phi with cos(phi) = alpha and sin(phi) = sigma / scale; the scale is 1 unless the
    # noise saturates at another standard deviation.
    scale = float(getattr(schedule, "sigma_infinity", 1.0))
    return -level.sigma / scale, scale * level.alpha


def _velocity(level: Level, schedule: Schedule) -> Pair:
    return schedule.rates(level.time)


_PAIRS: dict[str, Callable[[Level, Schedule], Pair]] = {
    "x0": lambda level, schedule: (1.0, 0.0),
    "eps": lambda level, schedule: (0.0, 1.0),
    "score": _score,
    "v": _v,
    "velocity": _velocity,
    "flow": lambda level, schedule: (-1.0, 1.0),
}
_ALIASES = {
    "sample": "x0",
    "data": "x0",
    "epsilon": "eps",
    "noise": "eps",
    "v_prediction": "v",
    "flow_prediction": "flow",
}


@dataclass(frozen=True)
class Prediction:
    """What a network's output means: p = a x0 + b eps, with (a, b) depending on the level.

    Parameters
    ----------
    name : str
        ``"x0"`` (also ``"sample"``, ``"data"``), ``"eps"`` (``"epsilon"``, ``"noise"``),
        ``"score"`` for the gradient of the log-density, ``"v"`` (``"v_prediction"``),
        ``"velocity"`` for dx/dt on the schedule in use, ``"flow"`` (``"flow_prediction"``) for
        eps - x0, or ``"edm"`` for the raw output of a network preconditioned as EDM does.
    sigma_data : float
        Standard deviation of the data, for ``"edm"`` only.

    Examples
    --------
    >>> Prediction("v_prediction").name
    'v'
    """

    name: str
    sigma_data: float = 0.5

    def __post_init__(self) -> None:
        check_positive(self.sigma_data, "sigma_data")
        name = _ALIASES.get(self.name, self.name) if isinstance(self.name, str) else self.name
        if not isinstance(name, str) or (name != "edm" and name not in _PAIRS):
            raise argument_error(
                "prediction",
                repr(self.name),
                "one of " + ", ".join([*_PAIRS, "edm"]),
                "Pass prediction='eps' for a network that predicts the noise.",
            )
        object.__setattr__(self, "name", name)

    def pair(self, level: Level, schedule: Schedule) -> Pair:
        """The numbers (a, b) at a level."""
        if self.name == "edm":
            rho, width = level.rho, self.sigma_data
            if math.isinf(rho):
                return 1.0 / width, -0.0
            length = math.hypot(rho, width)
            return rho / (width * length), -width / length
        return _PAIRS[self.name](level, schedule)

    def weights(self, level: Level, schedule: Schedule, to: Form) -> Pair:
        """Numbers (c, d) such that c x + d p is the prediction in the form `to`.

        Raises
        ------
        ArgumentError
            If the output does not determine that form at this level.
        """
        a, b = self.pair(level, schedule)
        if (a, b) == ((1.0, 0.0) if to == "x0" else (0.0, 1.0)):
            return 0.0, 1.0
        alpha, sigma = level.alpha, level.sigma
        determinant = alpha * b - sigma * a
        if determinant == 0.0 or not math.isfinite(determinant):
            raise argument_error(
                "prediction",
                f"{self.name!r} at {level}, where alpha={alpha:.6g} and sigma={sigma:.6g}",
                f"an output that determines {to} there",
                "Use a kind of prediction that is regular at that level ('x0' at pure noise), "
                "or a grid that leaves the level out.",
            )
        if to == "x0":
            return b / determinant, -sigma / determinant
        return -a / determinant, alpha / determinant


def as_prediction(prediction: str | Prediction) -> Prediction:
    """A `Prediction` from itself or its name."""
    return prediction if isinstance(prediction, Prediction) else Prediction(prediction)


def convert(
    output: Any,
    x: Any,
    level: Level,
    *,
    prediction: str | Prediction,
    schedule: Schedule,
    to: Form = "x0",
) -> Any:
    """Turn a network's output at state `x` into x0 or eps.

    Parameters
    ----------
    output, x : array, same shape
        What the network returned, and the state it was shown.
    level : Level
        Noise level of `x`.
    prediction : str or Prediction
        What the output means.
    schedule : Schedule
        The path that `x` lies on.
    to : {"x0", "eps"}

    Returns
    -------
    array
        Like `x`.

    Examples
    --------
    >>> import numpy as np
    >>> from rnla.diffusion import VPLinear
    >>> level = VPLinear().level(0.5)
    >>> x0, eps = np.array([[1.0]]), np.array([[2.0]])
    >>> x = level.alpha * x0 + level.sigma * eps
    >>> flow = eps - x0
    >>> float(convert(flow, x, level, prediction="flow", schedule=VPLinear())[0, 0].round(12))
    1.0
    """
    of_state, of_output = as_prediction(prediction).weights(level, schedule, to)
    if (of_state, of_output) == (0.0, 1.0):
        return output
    return lincomb((of_state, of_output), (x, output))
