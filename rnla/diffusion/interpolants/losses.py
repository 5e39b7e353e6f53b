"""The four quadratic objectives of stochastic interpolants, one number per sample.

½|b̂|² - ẋ·b̂, ½|v̂|² - ∂_t path·v̂, ½|ŝ|² + z·ŝ/γ and ½|η̂|² - z·η̂, each at x_t, are minimised in
mean by b, v, s and η alone: an excess over the minimum is half the mean squared error. Antithetic
pairs ±z at the same ends keep the variance of the first and third finite as γ → 0 (arXiv
2303.08797, section 2.3 and appendix). Two evaluations of the field a sample with pairs, one
without.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from ..._errors import argument_error, check_choice
from .interpolant import Interpolant

__all__ = ["objective"]

_NAMES = ("velocity", "path_velocity", "score", "denoiser")


def objective(
    name: str,
    field: Callable[[Any, Any], Any],
    interpolant: Interpolant,
    t: Any,
    x0: Any,
    x1: Any,
    z: Any,
    *,
    antithetic: bool = True,
) -> Any:
    """Values of one objective for a field that is to be learned.

    Parameters
    ----------
    name : {"velocity", "path_velocity", "score", "denoiser"}
        Which of b, v, s, η the field stands for.
    field : callable
        ``field(x, t)``, any array library; `t` is passed on as given.
    interpolant : Interpolant
    t : float or array, shape (B,)
        Times inside (0, 1).
    x0, x1, z : arrays, shape (B, ...)
        Draws of the ends and standard normals; `x0` may be None for one-sided and mirror.
    antithetic : bool, default True
        Average over z and -z.

    Returns
    -------
    array, shape (B,)
        Their mean is what to minimise. "denoiser" has a bounded target, and is to be preferred
        to "score".

    Examples
    --------
    >>> import numpy as np
    >>> ones = np.ones((1, 2))
    >>> objective("denoiser", lambda x, t: 0.5 * x, Interpolant(), 0.5, 0 * ones, 0 * ones, ones)
    array([-0.4375])
    """
    check_choice(name, "name", _NAMES)
    signs = (1.0, -1.0) if antithetic else (1.0,)
    values = [_value(name, field, interpolant, t, x0, x1, sign * z) for sign in signs]
    return values[0] if len(values) == 1 else 0.5 * (values[0] + values[1])


def _value(
    name: str, field: Any, interpolant: Interpolant, t: Any, x0: Any, x1: Any, z: Any
) -> Any:
    guess = field(interpolant.point(t, x0, x1, z), t)
    if name == "velocity":
        target = interpolant.velocity(t, x0, x1, z)
    elif name == "path_velocity":
        target = interpolant.path_velocity(t, x0, x1)
    elif name == "score":
        gamma = interpolant.factor(interpolant.latent.gamma, t, z)
        if isinstance(gamma, float) and gamma == 0.0:
            raise argument_error(
                "t", t, "times at which γ > 0", 'Draw t inside (0, 1), or learn "denoiser".'
            )
        target = -z / gamma
    else:
        target = z
    return _sum(0.5 * guess * guess - target * guess)


def _sum(values: Any) -> Any:
    """Sum over all axes but the first."""
    return values.reshape(values.shape[0], -1).sum(1)
