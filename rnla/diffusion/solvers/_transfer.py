"""The first-order step with a mixture of outputs: the one row that many solvers are made of.

With y = x / alpha and rho = sigma / alpha the probability-flow equation is dy / drho = eps, so an
explicit method of any kind moves by (rho_t - rho_s) times a mixture of noise predictions with
weights of sum 1. That is the DDIM step with the mixture in place of its output, which PNDM calls
the transfer; in the x0 form it is the first step of DPM-Solver++. Multiplied out it is
x_t = state x_s + scale * sum of weight * output, finite at sigma = 0, and without cancellation.
"""

from __future__ import annotations

import math
from collections.abc import Mapping

from ..plan import STATE, Form, Level, Noise, Row
from .ddim import posterior_deviation
from .exponential import Coefficients, coefficients, step_row

__all__ = ["at_rho", "transfer", "without_noise"]


def transfer(
    start: Level,
    stop: Level,
    weights: Mapping[str, float],
    *,
    form: Form = "eps",
    target: str = STATE,
    source: str = STATE,
    noise: Noise | None = None,
) -> Row:
    """The row that takes `source` from one level to another along a mixture of outputs.

    Parameters
    ----------
    start, stop : Level
    weights : mapping of str to float
        Registers of outputs with their weights, of sum 1.
    form : {"x0", "eps"}
        What the outputs are.
    target, source : str
        Registers of the states.
    noise : Noise, optional
        Added at the end.

    Returns
    -------
    Row
    """
    step = coefficients(start, stop, (start.half_log_snr,), form=form)
    outputs = tuple(step.outputs[0] * weight for weight in weights.values())
    return step_row(
        Coefficients(step.state, outputs), tuple(weights), target=target, source=source, noise=noise
    )


def at_rho(stop: Level, rho: float) -> Level:
    """The level with alpha and time of `stop` and another sigma / alpha.

    It is not on the path: ancestral steps go there before noise takes them to `stop`.
    """
    log_rho = math.log(rho) if rho > 0.0 else -math.inf
    return Level(stop.time, stop.log_alpha, stop.log_alpha + log_rho)


def without_noise(start: Level, stop: Level, eta: float) -> tuple[Level, float]:
    """Where the deterministic part of an ancestral step ends, and the noise to be added there.

    Parameters
    ----------
    start, stop : Level
    eta : float
        Multiplies the standard deviation of the noise; 1 is the posterior of the Markov chain.

    Returns
    -------
    down : Level
        Level of `stop` with sigma lowered.
    up : float
        Standard deviation of the noise, in units of x.

    Notes
    -----
    sigma_up = min(sigma_t, eta sigma_t sqrt(1 - exp(-2h))) and
    sigma_down^2 = sigma_t^2 - sigma_up^2, with h the step in half log-SNR.
    """
    if stop.is_clean:
        return stop, 0.0
    share = min(1.0, eta * posterior_deviation(start, stop) / stop.sigma)
    return at_rho(stop, stop.rho * math.sqrt((1.0 - share) * (1.0 + share))), share * stop.sigma
