"""Stochastic interpolants x_t = α(t) x0 + β(t) x1 + γ(t) z: two-sided, one-sided and mirror.

Albergo, Boffi and Vanden-Eijnden, "Stochastic interpolants: a unifying framework for flows and
diffusions" (arXiv 2303.08797), sections 2 and 3. x0 and x1 are draws of two laws, possibly coupled,
z is an independent standard normal and t = 1 is data. A one-sided interpolant has no x0: z is the
noise one starts from, γ(0) = 1, and it contains every Gaussian diffusion and flow with time
reversed. A mirror interpolant goes from the data to the data. One pass over the batch for each
method.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from ..._errors import check_choice, check_positive
from .._arrays import cast, on_host
from .paths import Constant, LatentScale, Linear, Path, RootProduct

__all__ = ["Interpolant", "diffusive", "mirror", "one_sided"]


@dataclass(frozen=True)
class Interpolant:
    """A path between two laws, and a latent that blurs it.

    Parameters
    ----------
    path : Path, default Linear()
        α and β.
    latent : LatentScale, default RootProduct(1.0)
        γ.
    kind : {"two_sided", "one_sided", "mirror"}
        Set by `one_sided` and `mirror`; a plain interpolant is two-sided.

    Examples
    --------
    >>> import numpy as np
    >>> interpolant = Interpolant()
    >>> interpolant.point(0.5, np.zeros((1, 2)), np.ones((1, 2)), np.ones((1, 2)))
    array([[1., 1.]])
    """

    path: Path = field(default_factory=Linear)
    latent: LatentScale = field(default_factory=RootProduct)
    kind: str = "two_sided"

    def __post_init__(self) -> None:
        check_choice(self.kind, "kind", ("two_sided", "one_sided", "mirror"))

    def point(self, t: Any, x0: Any, x1: Any, z: Any) -> Any:
        """x_t for draws of the two ends and of the latent.

        Parameters
        ----------
        t : float or ndarray, shape (B,)
            One time, or one for each sample.
        x0, x1, z : arrays, shape (B, ...)
            `x0` may be None where it has no weight.
        """
        x = self.factor(self.path.beta, t, x1) * x1 + self.factor(self.latent.gamma, t, x1) * z
        return x if self.kind != "two_sided" else self.factor(self.path.alpha, t, x1) * x0 + x

    def path_velocity(self, t: Any, x0: Any, x1: Any) -> Any:
        """∂_t of the path at fixed ends, whose mean given x_t is v; arguments as in `point`."""
        velocity = self.factor(self.path.beta_dot, t, x1) * x1
        if self.kind != "two_sided":
            return velocity
        return self.factor(self.path.alpha_dot, t, x1) * x0 + velocity

    def velocity(self, t: Any, x0: Any, x1: Any, z: Any) -> Any:
        """∂_t x_t at fixed ends and latent, whose mean given x_t is b; may be infinite at ends."""
        return self.path_velocity(t, x0, x1) + self.factor(self.latent.gamma_dot, t, x1) * z

    @staticmethod
    def factor(function: Callable[[Any], Any], t: Any, like: Any) -> Any:
        """function(t) as a factor of a batch: a float, or one number for each row."""
        if not getattr(t, "shape", ()):
            return float(function(float(t)))
        values = np.asarray(function(on_host(t).astype(np.float64)))
        return cast(values.reshape((-1,) + (1,) * (len(like.shape) - 1)), like)


def mirror(latent: LatentScale | None = None) -> Interpolant:
    """x_t = x1 + γ z, from the data to the data; its velocity is b = -γγ̇ s.

    Parameters
    ----------
    latent : LatentScale, optional
        γ; `RootProduct()` by default.

    Returns
    -------
    Interpolant

    Examples
    --------
    >>> mirror().kind
    'mirror'
    """
    return Interpolant(Constant(), RootProduct() if latent is None else latent, "mirror")


def diffusive(a: float = 1.0) -> Interpolant:
    """The interpolant from a point mass x0 whose forward drift at ε = a needs no score at t = 0.

    γ = √(2 a t (1 - t)) makes γγ̇ = a (1 - 2t), so that the drift b + a s = v + 2 a t s vanishes
    in its singular part where all mass sits at x0.

    Parameters
    ----------
    a : float, default 1
        The diffusion coefficient ε to sample with.

    Returns
    -------
    Interpolant

    Examples
    --------
    >>> diffusive(0.5).latent
    RootProduct(a=1.0)
    """
    return Interpolant(Linear(), RootProduct(2.0 * check_positive(a, "a")))


def one_sided(scales: Any) -> Interpolant:
    """x_t = γ(t) z + β(t) x1, from noise to data.

    Parameters
    ----------
    scales : object
        Both a path and a latent scale: `beta`, `beta_dot`, `gamma`, `gamma_dot`, `product`;
        `FlowScales()` for the straight line, `ScheduleScales(schedule)` for a Gaussian diffusion.

    Returns
    -------
    Interpolant

    Examples
    --------
    >>> from rnla.diffusion.interpolants import FlowScales
    >>> one_sided(FlowScales()).kind
    'one_sided'
    """
    return Interpolant(scales, scales, "one_sided")
