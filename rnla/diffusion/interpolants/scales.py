"""Scales of one-sided interpolants x_t = γ(t) z + β(t) x1: every Gaussian path, time reversed.

With β = α_τ and γ = σ_τ at the time τ = 1 - t of a noise schedule, the one-sided interpolant is the
Gaussian diffusion of that schedule (arXiv 2303.08797, section 5.1); with the straight line it is
the rectified flow. t = 0 is noise and t = 1 is data.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

from ..._errors import argument_error
from ..schedules import Schedule

__all__ = ["FlowScales", "ScheduleScales"]


@dataclass(frozen=True)
class FlowScales:
    """γ = 1 - t, β = t.

    Examples
    --------
    >>> FlowScales().gamma(0.25)
    0.75
    """

    def gamma(self, t: Any) -> Any:
        """1 - t."""
        return 1.0 - t

    def gamma_dot(self, t: Any) -> Any:
        """-1."""
        return 0.0 * t - 1.0

    def product(self, t: Any) -> Any:
        """t - 1."""
        return t - 1.0

    def alpha(self, t: Any) -> Any:
        """0: there is no x0."""
        return 0.0 * t

    def alpha_dot(self, t: Any) -> Any:
        """0."""
        return 0.0 * t

    def beta(self, t: Any) -> Any:
        """The time itself."""
        return 1.0 * t

    def beta_dot(self, t: Any) -> Any:
        """1."""
        return 0.0 * t + 1.0


@dataclass(frozen=True)
class ScheduleScales:
    """β = α_τ and γ = σ_τ of a noise schedule, τ running from its noisiest time at t = 0 to clean.

    Parameters
    ----------
    schedule : Schedule
        Its noisiest level is what sampling starts from, as in every diffusion sampler; β(0) is the
        small α there.

    Examples
    --------
    >>> from rnla.diffusion.schedules import VPLinear
    >>> scales = ScheduleScales(VPLinear())
    >>> round(float(scales.beta(0.5)), 12)
    0.281182880797
    """

    schedule: Schedule

    def __post_init__(self) -> None:
        if not math.isfinite(self._span):
            raise argument_error(
                "schedule",
                f"{type(self.schedule).__name__}, which is never clean",
                "a schedule with a time at which sigma is 0",
                "Pass VPLinear() or VarianceExploding(), say.",
            )

    @property
    def _span(self) -> float:
        return self.schedule.clean - self.schedule.first

    def _time(self, t: Any) -> Any:
        return self.schedule.first + t * self._span

    def gamma(self, t: Any) -> Any:
        """σ_τ."""
        return self.schedule.sigma(self._time(t))

    def gamma_dot(self, t: Any) -> Any:
        """dσ/dt."""
        return self.gamma(t) * self._rate(t)

    def product(self, t: Any) -> Any:
        """σ dσ/dt."""
        return self.gamma(t) ** 2 * self._rate(t)

    def _rate(self, t: Any) -> Any:
        """d log σ / dt = (d log α - dλ) / dt."""
        time = self._time(t)
        return self._span * (self.schedule.d_log_alpha(time) - self.schedule.d_half_log_snr(time))

    def alpha(self, t: Any) -> Any:
        """0: there is no x0."""
        return 0.0 * t

    def alpha_dot(self, t: Any) -> Any:
        """0."""
        return 0.0 * t

    def beta(self, t: Any) -> Any:
        """α_τ."""
        return self.schedule.alpha(self._time(t))

    def beta_dot(self, t: Any) -> Any:
        """dα/dt."""
        return self.beta(t) * self._span * self.schedule.d_log_alpha(self._time(t))
