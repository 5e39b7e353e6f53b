"""When `approximate` may stop, and what it may then say.

Look j at a certificate has level 1 - (1 - level)/(j (j + 1)), so that all looks together fail with
probability at most 1 - level, however many there are.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import numpy.typing as npt
from scipy.special import gammaincinv

from .._errors import argument_error, check_fraction, check_positive, check_size
from .._result import Status
from .weighted_fit import WeightedFit

__all__ = ["Goal", "squared_norm"]

Vector = npt.NDArray[np.float64]

_DEFAULT_BUDGET = 10_000
_STEPS = (1.25, 1.6, 2.0, 2.5, 3.0, 4.0, 5.0, 6.5, 8.0, 10.0)
_NEVER = 1 << 62
_LEAST = 1e-140  # whose square is well above the least float


class Goal:
    """When to stop."""

    def __init__(self, tol: float | None, budget: int | None, relative: bool, level: float) -> None:
        if tol is None and budget is None:
            raise argument_error(
                "tol", "neither tol nor budget", "one of them or both", "Pass tol=1e-3, say."
            )
        self.tol = None if tol is None else check_positive(tol, "tol")
        if self.tol is not None and self.tol < _LEAST:
            expected, remedy = f"at least {_LEAST:g}, whose square is above 0", "Rescale f."
            raise argument_error("tol", tol, expected, remedy)
        self.budget = _DEFAULT_BUDGET if budget is None else check_size(budget, name="budget")
        self.relative = relative
        self.level = check_fraction(level, "level")

    def look_level(self, look: int) -> float:
        """The level of a look; the promise is for all looks together."""
        if self.tol is None:
            return self.level
        return 1.0 - (1.0 - self.level) / (look * (look + 1))

    def check_units(self, fit: WeightedFit) -> None:
        """Raise where a relative tolerance would compare squares that have vanished."""
        size = np.atleast_1d(np.abs(fit.coefficients).max(axis=0))
        small = (size > 0.0) & (size < _LEAST)
        if self.tol is not None and self.relative and small.any():
            raise argument_error(
                "f",
                f"coefficients of size {size[small][0]:.3g}",
                f"outputs above {_LEAST:g} for a relative tolerance, or zeros",
                "Return f in smaller units, or pass an absolute tol.",
            )

    def squares(self, norms: Any) -> Vector:
        """The largest squared errors allowed, per output."""
        assert self.tol is not None
        norms = np.atleast_1d(norms)
        squares: Vector = self.tol**2 * (norms if self.relative else np.ones_like(norms))
        return squares

    def promises(self, error: Any, norm: Any, m: int, n: int, look: int, caution: float) -> bool:
        """Whether a look at n points would probably succeed.

        `caution` is how many times smaller the error should be than residuals like noise need.
        """
        if self.tol is None:
            return False
        # Residuals are no Gaussian noise: fewer degrees of freedom.
        half = 0.3 * (n - m)
        tail = (1.0 - self.look_level(look)) / 2.0
        factor = caution * half / gammaincinv(half, tail)
        # Besides the error of the space, that of the coefficients.
        own = np.atleast_1d(error) * factor * (1.0 + m / (n - m))
        return bool((own <= self.squares(norm)).all())

    def points_wanted(self, fit: WeightedFit, n: int, look: int) -> int:
        """How many points would probably make the interval narrow enough; a huge number if none.

        The degrees of freedom of the interval grow like n - m.
        """
        m, tail = fit.dimension, (1.0 - fit.level) / 2.0
        error, high = np.atleast_1d(fit.squared_error), np.atleast_1d(fit.interval[1])
        width = float(np.divide(high, error, out=np.ones_like(error), where=error > 0.0).max())
        halves = np.geomspace(0.05, 1e4, 500)
        half = halves[np.argmin(np.abs(np.log(halves / gammaincinv(halves, tail) / width)))]
        tail = (1.0 - self.look_level(look)) / 2.0
        for step in _STEPS:
            wanted = math.ceil(step * n)
            grown = half * (wanted - m) / (n - m)
            own = error * (1.0 + m / (wanted - m)) * grown / gammaincinv(grown, tail)
            if (own <= self.squares(squared_norm(fit))).all():
                return wanted
        return _NEVER

    def excess(self, fit: WeightedFit) -> float:
        """By which factor the squared error is too large, certified as it is."""
        certified, allowed = self._certified(fit), self.squares(squared_norm(fit))
        # Where nothing is left of the function, nothing is too large.
        with np.errstate(divide="ignore", over="ignore"):
            return float((certified / np.where(certified > 0.0, allowed, 1.0)).max())

    def _certified(self, fit: WeightedFit) -> Vector:
        """Upper ends for the squared errors of the fit itself."""
        error, high = np.atleast_1d(fit.squared_error), np.atleast_1d(fit.interval[1])
        own = np.atleast_1d(fit.fit_squared_error)
        ratio = np.divide(own, error, out=np.ones_like(error), where=error > 0.0)
        certified: Vector = high * np.maximum(ratio, 1.0)
        return certified

    def met(self, fit: WeightedFit) -> bool:
        """Whether the certificate proves the tolerance."""
        return self.tol is not None and self.excess(fit) <= 1.0

    def out_of_reach(self, fit: WeightedFit) -> bool:
        """Whether even the best approximation in the space is too far."""
        if self.tol is None:
            return False
        low = np.atleast_1d(fit.interval[0])
        return bool((low > self.squares(squared_norm(fit))).any())

    def guarantee(self, fit: WeightedFit, looks: int, status: Status) -> str:
        """What was proved, in words."""
        n, m = fit.size, fit.dimension
        parts = []
        if fit.unbiased:
            parts.append(
                f"The {n} points of the fit are volume sampling for its space of dimension {m}, "
                "drawn independently of everything that chose the space. Given the space, the fit "
                "is unbiased for the best approximation of f in L2(mu), and squared_error = "
                "RSS/(n - m) for its squared error, for every square-integrable f (Derezinski, "
                "Warmuth and Hsu, JMLR 23:167, 2022)."
            )
        else:
            parts.append(
                f"{fit.failed.size} of the evaluations for the fit failed and were left out: the "
                "fit and its squared_error are unbiased only as far as failing has nothing to do "
                "with the error, and say nothing about f where it fails."
            )
        parts.append(
            f"The interval has the nominal level {fit.level:.6g}; its coverage is approximate."
        )
        if self.tol is not None:
            kind = "relative " if self.relative else ""
            met = "is met" if status is Status.OK else "is not certified"
            parts.append(
                f"The {kind}tolerance {self.tol:g} {met} (look {looks}; the intervals of all looks "
                f"hold together with probability {self.level:g}, as far as each holds with its "
                "nominal level). Stopping at a look that succeeds favours small estimates: the "
                "interval allows for that, squared_error does not."
            )
        return " ".join(parts)


def squared_norm(fit: WeightedFit) -> Vector:
    """The squared norm of the function, from the fit and the error that it leaves."""
    energy = (np.abs(fit.coefficients) ** 2).sum(axis=0)
    result: Vector = np.atleast_1d(energy + fit.squared_error)
    return result
