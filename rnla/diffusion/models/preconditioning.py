"""A raw network with the scalings of EDM around it.

D(y, rho) = c_skip y + c_out F(c_in y, log(rho) / 4) with c_skip = s^2 / (rho^2 + s^2),
c_out = rho s / sqrt(rho^2 + s^2), c_in = 1 / sqrt(rho^2 + s^2), where s is the standard deviation
of the data (Karras et al., NeurIPS 2022). Here y = x / alpha, so it serves on every path.
"""

from __future__ import annotations

import math
from typing import Any

from ..._errors import check_positive
from ..execute import lincomb
from ..plan import Level

__all__ = ["Preconditioned"]


class Preconditioned:
    """The denoiser that a raw EDM network F stands for.

    Parameters
    ----------
    network : callable
        ``network(c_in * x / alpha, log(rho) / 4)``.
    sigma_data : float
        Standard deviation of the data.

    Examples
    --------
    >>> from rnla.diffusion import VarianceExploding
    >>> model = Preconditioned(lambda x, c_noise: 0.0 * x, sigma_data=0.5)
    >>> round(model(1.0, VarianceExploding().level(0.5)), 12)
    0.5
    """

    prediction = "x0"
    takes_level = True

    def __init__(self, network: Any, *, sigma_data: float = 0.5) -> None:
        self.network = network
        self.sigma_data = check_positive(sigma_data, "sigma_data")

    def __call__(self, x: Any, level: Level) -> Any:
        rho, width = level.rho, self.sigma_data
        length = math.hypot(rho, width)
        output = self.network((1.0 / (length * level.alpha)) * x, 0.25 * math.log(rho))
        skip = width / length * (width / length) / level.alpha
        return lincomb((skip, rho / length * width), (x, output))
