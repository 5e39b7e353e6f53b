"""The four functions one can learn of a stochastic interpolant, and how each follows from others.

b = E[dx_t/dt | x_t] transports the law, v = E[∂_t path | x_t], s = ∇ log ρ_t and η = E[z | x_t];
s = -η/γ and b = v - γγ̇ s (arXiv 2303.08797, section 2.2). η is bounded where s is not, so it is
the one to learn. Drifts are put together from v and η with the factor of η formed first: the
singular parts of b and of s cancel there. One call of each model given for each evaluation.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from ..._errors import argument_error
from .interpolant import Interpolant

__all__ = ["Fields"]

Field = Callable[[Any, float], Any]


@dataclass(frozen=True)
class Fields:
    """What is known of an interpolant, as functions of a state and a time.

    Parameters
    ----------
    interpolant : Interpolant
    velocity : callable, optional
        b(x, t).
    path_velocity : callable, optional
        v(x, t), of a two-sided interpolant, instead of b. A mirror has v = 0, and for a one-sided
        interpolant all four functions follow from any of b, η and s.
    denoiser : callable, optional
        η(x, t), the mean of the latent.
    score : callable, optional
        s(x, t).

    Raises
    ------
    ArgumentError
        If a function is missing or given twice over.

    Examples
    --------
    >>> import numpy as np
    >>> from rnla.diffusion.interpolants import FlowScales, one_sided
    >>> fields = Fields(one_sided(FlowScales()), velocity=lambda x, t: 0.0 * x)
    >>> fields.eta(np.array([[2.0]]), 0.25)  # x - t b
    array([[2.]])
    """

    interpolant: Interpolant
    velocity: Field | None = None
    path_velocity: Field | None = None
    denoiser: Field | None = None
    score: Field | None = None

    def __post_init__(self) -> None:
        two_sided = self.interpolant.kind == "two_sided"
        if self.denoiser is not None and self.score is not None:
            raise _one_of_two("score", "denoiser")
        if self.velocity is not None and self.path_velocity is not None:
            raise _one_of_two("path_velocity", "velocity")
        if not two_sided and self.path_velocity is not None:
            raise argument_error(
                "path_velocity",
                f"a function, for a {self.interpolant.kind} interpolant",
                "velocity=, denoiser= or score=",
                "Leave it out: it follows from any of these.",
            )
        transports = (self.velocity, self.path_velocity)
        latents = () if two_sided else (self.denoiser, self.score)
        if all(field is None for field in (*transports, *latents)):
            raise argument_error(
                "velocity",
                "None",
                "b or v" if two_sided else "one of b, η and s",
                "Pass velocity=" + (" or path_velocity=." if two_sided else " or denoiser=."),
            )

    @property
    def calls(self) -> int:
        """Calls of models for one drift with ε > 0; with ε = 0 and b given it is one."""
        return sum(
            field is not None
            for field in (self.velocity, self.path_velocity, self.denoiser, self.score)
        )

    def drift(self, x: Any, t: float, *, epsilon: float = 0.0) -> Any:
        """b + ε s: the drift forwards in time with ε > 0, backwards with ε < 0; b if ε = 0.

        Parameters
        ----------
        x : array, shape (B, ...)
        t : float
        epsilon : float, default 0
            Of the sign of the direction of time.

        Raises
        ------
        ArgumentError
            If the score is infinite there, or neither η nor s is known and ε is not 0.
        """
        if self.velocity is not None:
            b = self.velocity(x, t)
            return b if epsilon == 0.0 else b - self._factor(epsilon, t) * self._eta(x, t, b)
        rest = epsilon - float(self.interpolant.latent.product(t))
        if self.path_velocity is not None:
            v = self.path_velocity(x, t)
            return v if rest == 0.0 else v - self._factor(rest, t) * self._eta(x, t, None)
        eta = self._eta(x, t, None)
        moved = -self._factor(rest, t) * eta
        return moved if self.interpolant.kind == "mirror" else self._implied(x, t, eta) + moved

    def eta(self, x: Any, t: float) -> Any:
        """η(x, t), the mean of the latent."""
        needs_b = self.denoiser is None and self.score is None and self.velocity is not None
        b = self.velocity(x, t) if needs_b and self.velocity is not None else None
        return self._eta(x, t, b)

    def ends(self, x: Any, t: float) -> tuple[Any, Any]:
        """Means of the two ends (x0, x1) given x_t: what to return from a time short of an end.

        The first is None for a one-sided interpolant; both are the same for a mirror.
        """
        path, latent = self.interpolant.path, self.interpolant.latent
        b = None if self.velocity is None else self.velocity(x, t)
        eta = self._eta(x, t, b)
        rest = x - float(latent.gamma(t)) * eta
        alpha, beta = float(path.alpha(t)), float(path.beta(t))
        if self.interpolant.kind != "two_sided":
            end = rest / beta
            return (end if self.interpolant.kind == "mirror" else None), end
        if self.path_velocity is not None:
            v = self.path_velocity(x, t)
        else:
            v = b - float(latent.gamma_dot(t)) * eta
        alpha_dot, beta_dot = float(path.alpha_dot(t)), float(path.beta_dot(t))
        below = alpha * beta_dot - alpha_dot * beta
        if below == 0.0:
            raise argument_error(
                "t", t, "a time at which both ends have weight", "Take a path such as Linear()."
            )
        return (beta_dot * rest - beta * v) / below, (alpha * v - alpha_dot * rest) / below

    def _eta(self, x: Any, t: float, b: Any) -> Any:
        """η, from b where the interpolant has no more unknowns than that determines."""
        latent = self.interpolant.latent
        if self.denoiser is not None:
            return self.denoiser(x, t)
        gamma = float(latent.gamma(t))
        if self.score is not None:
            return -gamma * self.score(x, t)
        if self.interpolant.kind == "two_sided":
            raise argument_error(
                "denoiser",
                "None, and no score",
                "η or s where ε is not 0 or γγ̇ s is asked for",
                "Pass denoiser= or score=, or sample with epsilon=0 and velocity=.",
            )
        if self.interpolant.kind == "mirror":
            return b * (1.0 / float(latent.gamma_dot(t)))
        # x = γη + βE and b = γ̇η + β̇E, with E the mean of x1; times γ, since γ̇ may be infinite.
        path = self.interpolant.path
        beta, beta_dot = float(path.beta(t)), float(path.beta_dot(t))
        below = beta * float(latent.product(t)) - beta_dot * gamma**2
        return (gamma * beta / below) * b - (gamma * beta_dot / below) * x

    def _implied(self, x: Any, t: float, eta: Any) -> Any:
        """v of a one-sided interpolant, β̇ times the mean of x1."""
        path = self.interpolant.path
        ratio = float(path.beta_dot(t)) / float(path.beta(t))
        return ratio * (x - float(self.interpolant.latent.gamma(t)) * eta)

    def _factor(self, numerator: float, t: float) -> float:
        gamma = float(self.interpolant.latent.gamma(t))
        if gamma > 0.0:
            return numerator / gamma
        if numerator == 0.0:
            return 0.0
        raise argument_error(
            "t",
            t,
            "a time at which γ > 0: the score is infinite where it is not",
            "Stop short of the end, or let ε vanish there.",
        )


def _one_of_two(name: str, other: str) -> Exception:
    return argument_error(
        name, f"a function besides {other}", "one of the two", "Leave one out: it follows."
    )
