"""The data set itself as a distribution: a point, or a small Gaussian, per example.

Its exact score is the one that a network of unlimited capacity learns: sampling returns training
examples. O(n d) work per sample.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from ...._errors import argument_error, check_positive
from .mixture import GaussianMixture

__all__ = ["Empirical"]


class Empirical(GaussianMixture):
    """Equal weights on the examples of a data set.

    Parameters
    ----------
    points : array_like, shape (n, …)
    deviation : float
        Standard deviation of the Gaussian around each; 0 for points.

    Examples
    --------
    >>> model = Empirical([[-1.0], [1.0]])
    >>> from rnla.diffusion import VarianceExploding
    >>> model(np.array([[0.9]]), VarianceExploding().level(0.1)).round(12).tolist()
    [[1.0]]
    """

    def __init__(self, points: npt.ArrayLike, *, deviation: float = 0.0) -> None:
        data = np.array(points, dtype=np.float64)
        check_positive(deviation, "deviation", allow_zero=True)
        if data.ndim < 2 or data.size == 0:
            raise argument_error(
                "points",
                f"shape {data.shape}",
                "shape (n, …), one example per row",
                "Stack the examples along the first axis.",
            )
        count = data.shape[0]
        super().__init__(np.ones(count), data, deviations=np.full(count, float(deviation)))
