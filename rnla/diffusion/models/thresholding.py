"""Dynamic thresholding of x0: for guidance so strong that predictions leave the range of the data.

Per sample, s = max(quantile of |x0|, bound) and x0 becomes clip(x0, -s, s) / s (Saharia et al.,
NeurIPS 2022). The noise that belongs to the new x0 is derived from it, so solvers in either form
see the same thresholded model.
"""

from __future__ import annotations

from typing import Any

from ..._errors import argument_error, check_fraction, check_positive
from .._arrays import dtype_name, in_dtype_of, library, namespace
from ..plan import Level
from ..prediction import Prediction
from ..schedules import Schedule
from ._prepare import prepare

__all__ = ["Thresholded"]


class Thresholded:
    """A model whose x0 is kept within bounds.

    Parameters
    ----------
    model : callable
    schedule : Schedule
        The schedule that the model knows.
    prediction : str or Prediction, optional
        What it returns; by default its attribute `prediction`.
    method : {"dynamic", "static"}
        ``"static"`` clips to [-bound, bound] and divides by `bound`. That is what diffusers does by
        default when it is asked for dynamic thresholding, because its largest s
        (``sample_max_value``) is 1.
    quantile : float
        Of the absolute values of one sample.
    bound : float
        Smallest s.

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
    ) -> None:
        if method not in ("dynamic", "static"):
            raise argument_error(
                "method", repr(method), "'dynamic' or 'static'", "Leave it out for 'dynamic'."
            )
        self.method = method
        self.quantile = check_fraction(quantile, "quantile")
        self.bound = check_positive(bound, "bound")
        self._inner = prepare(model, schedule, prediction)

    def __call__(self, x: Any, level: Level) -> Any:
        x0 = self._inner(x, level, "x0")
        xp = namespace(x0)
        if self.method == "static":
            return xp.clip(x0, -self.bound, self.bound) * (1.0 / self.bound)
        size = abs(x0.reshape((x0.shape[0], -1)))
        if library(x0) == "torch" and dtype_name(x0) in ("float16", "bfloat16"):
            size = size.float()  # its quantiles need it
        largest = xp.clip(xp.quantile(size, self.quantile, 1), self.bound, None)
        s = in_dtype_of(x0, largest).reshape((x0.shape[0],) + (1,) * (len(x0.shape) - 1))
        return xp.clip(x0, -s, s) / s
