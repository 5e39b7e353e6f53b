"""Between the losses of denoising models: one squared error is another times a number of the level.

With p = a x0 + b eps and the state known, an error of p is Δ/σ times one of x0, Δ = α b - σ a, so
E|eps - eps'|² = SNR E|x0 - x0'|², a score's is 1/σ² that of eps, and so on for every prediction.
The variational bound weighs |x0 - x0'|² by ½ (SNR_t - SNR_s) for a step from s to t, and by
½ dSNR = SNR dλ in the limit (Kingma, Salimans, Poole and Ho, NeurIPS 2021; Lai and others,
arXiv 2510.21890). O(1) work.
"""

from __future__ import annotations

import math

from ._checks import check_instance
from .plan import Level
from .prediction import Prediction, as_prediction
from .schedules import Schedule

__all__ = ["bound_weight", "loss_factor"]


def loss_factor(
    level: Level,
    *,
    schedule: Schedule,
    source: str | Prediction,
    to: str | Prediction,
) -> float:
    """What a squared error of one prediction is multiplied by to be that of another.

    Parameters
    ----------
    level : Level
    schedule : Schedule
        The path of the level.
    source, to : str or Prediction
        Kinds of prediction, see `Prediction`.

    Returns
    -------
    float

    Examples
    --------
    >>> from rnla.diffusion import VPLinear
    >>> level = VPLinear().level(0.3)
    >>> snr = (level.alpha / level.sigma) ** 2
    >>> round(loss_factor(level, schedule=VPLinear(), source="x0", to="eps") / snr, 12)
    1.0
    """
    check_instance(level, Level, "level", example="schedule.level(0.5)")
    ratio = 1.0
    for kind, sign in ((source, 1.0), (to, -1.0)):
        # x0 = c x + d p, so that an error of p is 1/d times one of x0.
        slope = as_prediction(kind).weights(level, schedule, "x0")[1]
        ratio *= slope**2 if sign > 0 else slope**-2
    return ratio


def bound_weight(start: Level, stop: Level) -> float:
    """Weight of |x0 - x0'|² in the variational bound for the step from `start` to `stop`.

    It is the divergence between the posteriors of x_t given x_s and each of x0 and x0'.

    Examples
    --------
    >>> from rnla.diffusion import VPLinear
    >>> start, stop = VPLinear().levels([0.5, 0.4])
    >>> round(bound_weight(start, stop), 6)
    0.078608
    """
    for name, value in (("start", start), ("stop", stop)):
        check_instance(value, Level, name, example="schedule.level(0.5)")
    h = stop.half_log_snr - start.half_log_snr
    return 0.5 * math.exp(2.0 * start.half_log_snr) * math.expm1(2.0 * h)
