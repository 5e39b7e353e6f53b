"""Statistics of a model that DPM-Solver-v3 integrates with: three curves over the half log-SNR.

Along the probability-flow equation, with f = (sigma eps - l x) / alpha elementwise,
d(x / alpha) / d lambda = -l (x / alpha) - f and f' is about s f + b. The vectors l, s and b
("empirical model statistics") are means over data at every level of a fine grid in lambda;
`estimate_statistics` measures them. Zheng, Lu, Chen and Zhu, NeurIPS 2023 (arXiv 2310.13268).
Memory: three arrays of the size of a state for each level.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from .._errors import argument_error
from ..sampling._archive import Path, damage_reported, read_archive, write_archive

__all__ = ["ModelStatistics"]

Array = npt.NDArray[np.float64]
_KIND = "ModelStatistics"


@dataclass(frozen=True, eq=False)
class ModelStatistics:
    """The curves l, s and b of a model.

    Parameters
    ----------
    half_log_snr : array_like, shape (n,)
        Levels lambda, strictly growing, at least two.
    l, s, b : array_like, shape (n, ...)
        A value for each level and coordinate of a state; what follows the first axis has to
        broadcast against a state, so () means one number for all coordinates.
    samples : int, default 0
        Data points that the means are over; 0 if they are known exactly.
    seed : int, default 0
        Of the estimate.

    Raises
    ------
    ArgumentError
        If the levels do not grow, the shapes differ, or a number is not finite.

    Notes
    -----
    At the noisy end l is near 1 and at the clean end near 0. l = 1, s = b = 0 makes the solver the
    data-prediction Taylor method of DPM-Solver++; l = 0, s = -1, b = 0 makes it the
    noise-prediction one.

    Examples
    --------
    >>> curves = ModelStatistics.constant([-5.0, 0.0, 4.0], 1.0)
    >>> curves.l
    array([1., 1., 1.])
    """

    half_log_snr: Array
    l: Array
    s: Array
    b: Array
    samples: int = 0
    seed: int = 0

    def __repr__(self) -> str:
        return (
            f"ModelStatistics({self.half_log_snr.size} levels, half log-SNR "
            f"{self.half_log_snr[0]:.6g} to {self.half_log_snr[-1]:.6g}, "
            f"shape {self.l.shape[1:]}, {self.samples} samples)"
        )

    def __post_init__(self) -> None:
        levels = np.array(self.half_log_snr, dtype=np.float64)
        if levels.ndim != 1 or levels.size < 2 or not (np.diff(levels) > 0).all():
            raise argument_error(
                "half_log_snr",
                f"shape {levels.shape}, or levels that do not grow",
                "at least two strictly growing numbers",
                "Sort them from noisy to clean.",
            )
        object.__setattr__(self, "half_log_snr", levels)
        for name in ("l", "s", "b"):
            curve = np.array(getattr(self, name), dtype=np.float64)
            if curve.shape[:1] != levels.shape or curve.shape != np.shape(self.l):
                raise argument_error(
                    name,
                    f"shape {curve.shape}",
                    f"{(levels.size, *np.shape(self.l)[1:])}, one array for each level",
                    "Pass l, s and b of one shape.",
                )
            if not np.isfinite(curve).all():
                raise argument_error(name, "nan or inf", "finite numbers", "Estimate it again.")
            curve.setflags(write=False)
            object.__setattr__(self, name, curve)
        levels.setflags(write=False)

    @property
    def shape(self) -> tuple[int, ...]:
        """Of one level: the shape of a state without its batch axis, or ()."""
        return self.l.shape[1:]

    @classmethod
    def constant(cls, half_log_snr: npt.ArrayLike, l: float, s: float = 0.0) -> ModelStatistics:
        """The same l and s everywhere and b = 0: 1, 0 for the data form, 0, -1 for the noise."""
        levels = np.asarray(half_log_snr, dtype=np.float64)
        zero = np.zeros(levels.shape)
        return cls(levels, zero + l, zero + s, zero)

    @classmethod
    def gaussian(cls, half_log_snr: npt.ArrayLike, variance: npt.ArrayLike) -> ModelStatistics:
        """Those of Gaussian data with independent coordinates, exactly.

        Parameters
        ----------
        half_log_snr : array_like, shape (n,)
        variance : array_like
            Of each coordinate, in the shape of a state, or one number.

        Notes
        -----
        l = 1 / (1 + v e^(2 lambda)), s = 2 (l - 1), b = 0 with the variance v. The first-order
        solver is exact with these.
        """
        levels = np.asarray(half_log_snr, dtype=np.float64)
        v = np.asarray(variance, dtype=np.float64)
        ratio = v * np.exp(2.0 * levels).reshape(-1, *(1,) * v.ndim)
        l = 1.0 / (1.0 + ratio)
        return cls(levels, l, -2.0 * ratio * l, np.zeros(l.shape))

    def save(self, path: Path) -> None:
        """Write to a .npz archive of plain arrays, whole or not at all."""
        arrays = {"half_log_snr": self.half_log_snr, "l": self.l, "s": self.s, "b": self.b}
        write_archive(path, arrays, {"samples": self.samples, "seed": self.seed}, _KIND)

    @classmethod
    def load(cls, path: Path) -> ModelStatistics:
        """Read what `save` wrote; DamagedFileError if it is something else."""
        arrays, meta = read_archive(path, _KIND)
        with damage_reported(path, _KIND):
            return cls(samples=int(meta["samples"]), seed=int(meta["seed"]), **arrays)
