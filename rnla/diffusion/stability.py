"""Stability regions of multistep solvers, with and without momentum.

On y' = zeta y with steps delta and z = delta zeta a multistep method multiplies its modes by the
roots q of a polynomial p(q) - z s(q); it is stable where all |q| <= 1. With the weights w of the
method and momentum beta,

    heavy ball   p = (q - 1)(q - 1 + beta) q^{r-1},   s = beta q sum_j w_j q^{r-1-j}
    Nesterov     the same p,                          s = beta ((2 - beta) q - (1 - beta)) sum_j …
    GHVB         as heavy ball with the weights of GHVB

and beta = 1 is Adams-Bashforth. Guidance makes the sampling equation stiff in a few directions, and
a sample falls apart where z leaves the region: Wizadwongsa et al., ICLR 2024 (arXiv 2307.11118).
Cost: the roots of one polynomial of degree r + 1 for each z asked.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

from .._errors import check_choice, check_size
from .solvers._adams_bashforth import ADAMS_BASHFORTH
from .solvers.ghvb import ghvb_weights
from .transforms.heavy_ball import check_beta

__all__ = ["Momentum", "StabilityRegion", "stability_region"]

Momentum = Literal["heavy_ball", "nesterov", "ghvb"]
Complex = npt.NDArray[np.complex128]

_NAMES: dict[str, str] = {"heavy_ball": "heavy ball", "nesterov": "Nesterov", "ghvb": "GHVB"}


@dataclass(frozen=True)
class StabilityRegion:
    """Where a multistep method is stable.

    Attributes
    ----------
    numerator, denominator : tuple of float
        Coefficients of p and s, highest power first, in p(q) - z s(q) = 0.
    name : str
        Of the method, for pictures and tables.
    """

    numerator: tuple[float, ...]
    denominator: tuple[float, ...]
    name: str = ""

    def boundary(self, angles: npt.ArrayLike) -> Complex:
        """The boundary locus z(theta) = p(q) / s(q) at q = exp(i theta)."""
        q = np.exp(1j * np.asarray(angles, dtype=np.float64))
        locus: Any = np.polyval(self.numerator, q) / np.polyval(self.denominator, q)
        return np.asarray(locus, dtype=np.complex128)[()]

    def amplification(self, z: npt.ArrayLike) -> Any:
        """The largest |q| at each z: below 1 everything is damped, above 1 something grows."""
        points = np.asarray(z, dtype=np.complex128)
        size = len(self.numerator) - 1
        lower = np.zeros(size + 1)
        lower[size + 1 - len(self.denominator) :] = self.denominator
        # Companion matrices of p - z s, which has leading coefficient 1.
        companion = np.zeros((*points.shape, size, size), dtype=np.complex128)
        companion[..., 1:, :-1] = np.eye(size - 1)
        companion[..., 0, :] = -(np.asarray(self.numerator) - points[..., None] * lower)[..., 1:]
        return np.abs(np.linalg.eigvals(companion)).max(axis=-1)[()]

    def contains(self, z: npt.ArrayLike, *, slack: float = 1e-9) -> Any:
        """Whether the method is stable at each z; `slack` allows for rounding on the boundary."""
        return self.amplification(z) <= 1.0 + slack

    @property
    def real_axis_limit(self) -> float:
        """The length L of the stable interval [-L, 0], where a root passes q = -1."""
        ratio = np.polyval(self.numerator, -1.0) / np.polyval(self.denominator, -1.0)
        return abs(float(ratio))


def stability_region(
    order: int, *, momentum: Momentum = "heavy_ball", beta: float = 1.0
) -> StabilityRegion:
    """The stability region of Adams-Bashforth with momentum, or of GHVB.

    Parameters
    ----------
    order : int
        Number of slopes or velocities combined, 1 to 5.
    momentum : {"heavy_ball", "nesterov", "ghvb"}, default "heavy_ball"
    beta : float, default 1
        In (0, 1]; 1 is Adams-Bashforth itself, of which order 1 is Euler's method and DDIM.

    Returns
    -------
    StabilityRegion

    Raises
    ------
    ArgumentError
        If an argument is out of range.

    Notes
    -----
    Lengths on the real axis: 2, 1, 6/11, 3/10 for Adams-Bashforth 1 to 4; times (2 - beta) / beta
    with heavy ball; 2 (2 - beta) / beta, 2 - beta, 6 (2 - beta) / (12 - beta) and
    3 (2 - beta) / (11 - beta) for GHVB 1 to 4.

    Examples
    --------
    >>> round(stability_region(2).real_axis_limit, 12)
    1.0
    >>> round(stability_region(2, momentum="ghvb", beta=0.8).real_axis_limit, 12)
    1.2
    >>> bool(stability_region(2).contains(-27 / 26))
    False
    """
    order = check_size(order, 5, name="order")
    beta = check_beta(beta)
    check_choice(momentum, "momentum", _NAMES)
    weights: Sequence[float] = ADAMS_BASHFORTH[order]
    lead = [beta, 0.0]
    if momentum == "ghvb":
        weights = ghvb_weights(order, beta)
    elif momentum == "nesterov":
        lead = [beta * (2.0 - beta), -beta * (1.0 - beta)]
    numerator = np.polymul([1.0, -1.0], [1.0, beta - 1.0])
    numerator = np.concatenate([numerator, np.zeros(order - 1)])
    denominator = np.polymul(lead, weights)
    name = f"AB{order}" if beta == 1.0 else f"{_NAMES[momentum]} {order}, beta {beta:g}"
    return StabilityRegion(tuple(numerator.tolist()), tuple(denominator.tolist()), name)
