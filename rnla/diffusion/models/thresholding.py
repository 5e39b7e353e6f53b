"""Dynamic thresholding of x0: for guidance so strong that predictions leave the range of the data.

Per sample, s = max(quantile of |x0|, bound) and x0 becomes clip(x0, -s, s) / s (Saharia et al.,
NeurIPS 2022). The noise that belongs to the new x0 is derived from it, so solvers in either form
see the same thresholded model.
"""

from __future__ import annotations

import math
from typing import Any

from ..._errors import argument_error, check_choice, check_fraction, check_positive
from .._arrays import dtype_name, in_dtype_of, library, namespace
from ..plan import Level
from ..prediction import Prediction
from ..schedules import Schedule
from ._prepare import prepare

__all__ = ["Thresholded", "check_cut", "threshold"]


def check_cut(method: str, quantile: float, bound: float, largest: float) -> None:
    """Raise unless these are arguments of `threshold`."""
    check_choice(method, "method", ("dynamic", "static"))
    check_fraction(quantile, "quantile")
    check_positive(bound, "bound")
    if largest != math.inf and check_positive(largest, "largest") < bound:
        raise argument_error(
            "largest", largest, f"at least bound = {bound}", "Leave it out for no limit."
        )


def threshold(
    x0: Any,
    *,
    method: str = "dynamic",
    quantile: float = 0.995,
    bound: float = 1.0,
    largest: float = math.inf,
) -> Any:
    """Predictions of the data, kept within bounds.

    Parameters
    ----------
    x0 : array, shape (batch, …)
    method : {"dynamic", "static"}
        ``"static"`` clips to [-bound, bound]; nothing else is looked at.
    quantile : float
        Of the absolute values of one sample.
    bound : float
        Smallest s.
    largest : float
        Largest s. diffusers calls it ``sample_max_value``; its default there is 1, like that of
        `bound`, which makes its dynamic thresholding a static clip.

    Returns
    -------
    array
        Like `x0`.
    """
    check_cut(method, quantile, bound, largest)
    xp = namespace(x0)
    if method == "static":
        return xp.clip(x0, -bound, bound)
    size = abs(x0.reshape((x0.shape[0], -1)))
    if library(x0) == "torch" and dtype_name(x0) in ("float16", "bfloat16"):
        size = size.float()  # its quantiles need it
    scale = xp.clip(xp.quantile(size, quantile, 1), bound, min(largest, 3e38))
    s = in_dtype_of(x0, scale).reshape((x0.shape[0],) + (1,) * (len(x0.shape) - 1))
    return xp.clip(x0, -s, s) / s


class Thresholded:
    """A model whose x0 is kept within bounds.

    Parameters
    ----------
    model : callable
    schedule : Schedule
        The schedule that the model knows.
    prediction : str or Prediction, optional
        What it returns; by default its attribute `prediction`.
    method, quantile, bound, largest
        As for `threshold`.

    Examples
    --------
    >>> import numpy as np
    >>> from rnla.diffusion import VPLinear
    >>> model = Thresholded(lambda x, t: 0.0 * x + [[0.5, 4.0]], VPLinear(), "x0", quantile=0.75)
    >>> model(np.zeros((1, 2)), VPLinear().level(0.5)).round(6).tolist()
    [[0.16, 1.0]]
    """

    prediction = "x0"
    takes_level = True

    def __init__(
        self,
        model: Any,
        schedule: Schedule,
        prediction: str | Prediction | None = None,
        *,
        method: str = "dynamic",
        quantile: float = 0.995,
        bound: float = 1.0,
        largest: float = math.inf,
    ) -> None:
        check_cut(method, quantile, bound, largest)
        self.method, self.quantile = method, quantile
        self.bound, self.largest = bound, largest
        self._inner = prepare(model, schedule, prediction)

    def __call__(self, x: Any, level: Level) -> Any:
        return threshold(
            self._inner(x, level, "x0"),
            method=self.method,
            quantile=self.quantile,
            bound=self.bound,
            largest=self.largest,
        )
