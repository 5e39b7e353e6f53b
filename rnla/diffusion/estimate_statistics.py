"""Measure the statistics l, s, b of a model that DPM-Solver-v3 needs.

At every level lambda of a table, over states x = alpha x0 + sigma z made of data:

    l = E diag(sigma d eps / dx),  by random signs v as the mean of v (sigma J v), or exactly;
    (s, b) = the least-squares line of f' on f per coordinate, f = (sigma eps - l x) / alpha and
    f' = e^-lambda [(l - 1) eps + eps'] - l' x / alpha its derivative along the trajectory.

eps' is a central difference along the probability-flow equation, l' a difference along the table.
Zheng, Lu, Chen and Zhu, NeurIPS 2023 (arXiv 2310.13268); the diagonal by Bekas, Kokiopoulou and
Saad (Appl. Numer. Math. 2007).
Cost: at each level three evaluations of the whole batch of data and `probes` Jacobian products, of
two evaluations each unless they are supplied; memory: a few batches and one state per level.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import numpy.typing as npt

from .._errors import argument_error, check_size
from ..random import RNGLike, Stream, resolve_seed
from ._arrays import as_state, on_host
from .jacobian import jacobian_diagonal
from .model_statistics import ModelStatistics
from .models import PreparedModel, prepare
from .noise import normals
from .plan import Level
from .prediction import Prediction
from .schedules import Schedule, VPLinear

__all__ = ["estimate_statistics"]

Array = npt.NDArray[np.float64]
Product = Callable[[Any, Any, Level], Any]


def estimate_statistics(
    model: Any,
    data: npt.ArrayLike,
    *,
    schedule: Schedule | None = None,
    prediction: str | Prediction | None = None,
    points: int = 120,
    first: float | None = None,
    last: float | None = None,
    probes: int = 1,
    product: Product | None = None,
    batch: int = 256,
    rng: RNGLike = None,
) -> ModelStatistics:
    """Estimate the statistics of a model for DPM-Solver-v3.

    Parameters
    ----------
    model : callable
        As for `sample`, on NumPy arrays.
    data : array_like, shape (K, ...)
        Clean samples; 1024 to 4096 are usual.
    schedule : Schedule, optional
        VPLinear() by default.
    prediction : str or Prediction, optional
        What the model predicts; by default its attribute `prediction`.
    points : int, default 120
        Cells of the table, uniform in the half log-SNR; 120 to 1200 are usual.
    first, last : float, optional
        Times between which the table is made; those of the schedule by default.
    probes : int, default 1
        Jacobian products for each sample and level; from as many as a state has coordinates the
        diagonal is exact.
    product : callable, optional
        ``product(x, v, level)``, the derivative of the noise prediction at x along v; central
        differences by default.
    batch : int, default 256
        Data points shown to the model at once.
    rng : None, int, Generator or SeedSequence

    Returns
    -------
    ModelStatistics

    Raises
    ------
    ArgumentError, ArgumentTypeError
        If an argument has an unusable value.

    Notes
    -----
    The same noise is used at all levels, so the curves are smooth in lambda and l can be
    differentiated; a coordinate whose f does not vary has s = 0 and b the mean of f'.

    Examples
    --------
    >>> import numpy as np
    >>> from rnla.diffusion import Gaussian
    >>> data = np.random.default_rng(0).standard_normal((8, 2))
    >>> curves = estimate_statistics(Gaussian([0.0, 0.0], np.eye(2)), data, points=10, probes=2)
    >>> np.round(curves.l[:, 0] * (1.0 + np.exp(2.0 * curves.half_log_snr)), 6).tolist()
    [1.0, 1.0, 1.0, 1.0, 1.0, 1.0, 1.0, 1.0, 1.0, 1.0, 1.0]
    """
    schedule = VPLinear() if schedule is None else schedule
    clean = as_state(on_host(data) if not isinstance(data, list) else data, name="data")
    points = check_size(points, name="points")
    batch = check_size(batch, name="batch")
    check_size(probes, name="probes")
    seed = resolve_seed(rng)
    times = [schedule.first if first is None else first, schedule.last if last is None else last]
    ends = schedule.half_log_snr(np.array(times))
    if not (np.isfinite(ends).all() and ends[0] < ends[1]):
        raise argument_error(
            "first",
            f"half log-SNR from {ends[0]:.6g} to {ends[1]:.6g}",
            "a finite one that grows",
            "Pass first= and last= as times inside the schedule.",
        )
    table = np.linspace(ends[0], ends[1], points + 1)
    measured = _Measured(prepare(model, schedule, prediction), clean, batch, seed)
    l = np.array([measured.diagonal(lam, probes, product) for lam in table])
    slope: Array = np.gradient(l, table, axis=0)
    s, b = np.empty(l.shape), np.empty(l.shape)
    for n, lam in enumerate(table):
        s[n], b[n] = measured.line(lam, l[n], slope[n], (table[0], table[-1]))
    return ModelStatistics(table, l, s, b, samples=clean.shape[0], seed=seed)


class _Measured:
    """Means over the data of a model, at one level at a time."""

    def __init__(self, model: PreparedModel, data: Any, batch: int, seed: int) -> None:
        self.model, self.data, self.batch, self.seed = model, data, batch, seed
        self.delta = float(np.finfo(data.dtype).eps) ** (1 / 3)

    def _states(self, level: Level) -> Iterator[Any]:
        """The noised data, in batches; sample k has the same noise at every level."""
        stream = Stream(self.seed, "model statistics")
        for begin in range(0, self.data.shape[0], self.batch):
            clean = self.data[begin : begin + self.batch]
            yield level.alpha * clean + level.sigma * normals(stream, 0, clean, first=begin)

    def diagonal(self, half_log_snr: float, probes: int, product: Product | None) -> Array:
        """The curve l at one level."""
        level = self.model.schedule.level_of(half_log_snr)
        at_level = None if product is None else lambda x, v: product(x, v, level)
        total: Any = 0.0
        for number, x in enumerate(self._states(level)):
            estimate = jacobian_diagonal(
                lambda y: self.model(y, level, "eps"),
                x,
                probes=probes,
                product=at_level,
                rng=self.seed + number,  # the same signs at every level
            )
            total = total + np.asarray(estimate.values, dtype=np.float64).sum(axis=0)
        mean: Array = level.sigma * total / self.data.shape[0]
        return mean

    def line(
        self, half_log_snr: float, l: Array, slope: Array, ends: tuple[float, float]
    ) -> tuple[Array, Array]:
        """The curves s and b at one level: the least-squares line of f' on f."""
        schedule = self.model.schedule
        level = schedule.level_of(half_log_snr)
        near = [
            schedule.level_of(min(max(half_log_snr + d, ends[0]), ends[1]))
            for d in (-self.delta, self.delta)
        ]
        rho = math.exp(-half_log_snr)
        values, derivatives = [], []
        for x in self._states(level):
            eps = self.model(x, level, "eps")
            y = x / level.alpha
            moved = []
            for other in near:
                # d(x / alpha) / d lambda = -rho eps.
                step = other.half_log_snr - half_log_snr
                moved.append(self.model(other.alpha * (y - step * rho * eps), other, "eps"))
            change = (moved[1] - moved[0]) / (near[1].half_log_snr - near[0].half_log_snr)
            values.append(rho * eps - l * y)
            derivatives.append(rho * ((l - 1.0) * eps + change) - slope * y)
        f = np.concatenate(values).astype(np.float64)
        df = np.concatenate(derivatives).astype(np.float64)
        f_mean, df_mean = f.mean(axis=0), df.mean(axis=0)
        variance = np.square(f - f_mean).mean(axis=0)
        covariance = ((f - f_mean) * (df - df_mean)).mean(axis=0)
        # Differences leave noise of size delta^2 in f through l: below it nothing is fitted.
        floor = self.delta**2 * np.square(f).mean(axis=0)
        varies = variance > floor
        s: Array = np.where(varies, covariance / np.where(varies, variance, 1.0), 0.0)
        return s, df_mean - s * f_mean
