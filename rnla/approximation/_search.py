"""The course of one approximation: explore and certify by turns, within the budget.

A certificate is tried when the exploration promises that it will succeed; otherwise the space
grows. Every growth leaves enough of the budget for the certificate of the larger space.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from .._errors import argument_error
from .._result import Status
from ._adaptive import DRAWS, Exploration, covers, starting_set
from ._evaluations import Evaluations
from ._goal import Goal, squared_norm
from .designs import volume_design
from .designs._features import check_basis
from .family import OrthonormalFamily
from .measures import Measure
from .surrogate import Round, Surrogate
from .tensor_basis import TensorBasis
from .weighted_fit import WeightedFit
from .weighted_least_squares import weighted_least_squares

__all__ = ["Search"]

Array = npt.NDArray[Any]
Vector = npt.NDArray[np.float64]

_OVERSAMPLING = 2  # a certificate has m + max(2 m, 16) points,
_LEAST_EXTRA = 16
_STEP = 0.6  # more at a time, as a share of them, in a space that is given
_CAUTION = 3.0  # the estimate of the exploration is too good by choice,
_MORE_CAUTION = 2.0  # more so after each look that failed
_ROUNDING = 1e-14
_EXACT = 100  # points that must agree before a budget is left unspent
_TINY = 1e-300


@dataclass
class _Look:
    """A certificate and the number of points drawn for it."""

    fit: WeightedFit
    points: Vector
    values: Array
    number: int


class Search:
    """One approximation under way."""

    def __init__(self, goal: Goal, values: Evaluations, seed: int) -> None:
        self.goal, self.values, self.seed = goal, values, seed
        self.history: list[Round] = []
        self.looks = 0
        self.designs = 0
        self.caution = _CAUTION

    @property
    def left(self) -> int:
        """Evaluations that may still be made."""
        return self.goal.budget - self.values.count

    # --- spaces that are given -------------------------------------------------------------------

    def in_fixed(self, basis: Any, *, too_small: Status = Status.BASIS_TOO_SMALL) -> Surrogate:
        """Certify in this space."""
        m = check_basis(basis)
        if self.left < m + 2:
            raise argument_error(
                "budget",
                self.goal.budget,
                f"at least {m + 2} evaluations for a space of dimension {m}",
                "Raise the budget, or take a smaller space.",
            )
        n = self.left if self.goal.tol is None else min(self.left, _points(m))
        look = self.look(basis, n)
        while self.goal.tol is not None and not self.goal.met(look.fit):
            if self.goal.out_of_reach(look.fit):
                return self.result(look, too_small)
            more = min(self.left, math.ceil(_STEP * n))
            if more < 1:
                return self.result(look, Status.BUDGET_SPENT)
            n += more
            look = self.look(basis, n, look)
        return self.result(look, Status.OK)

    # --- spaces that grow ------------------------------------------------------------------------

    def adaptively(self, law: Measure, families: Sequence[OrthonormalFamily] | None) -> Surrogate:
        """Explore and certify by turns."""
        goal = self.goal
        smallest = TensorBasis(law, [[0] * law.dimension], families=families)
        start = starting_set([family.max_degree for family in smallest.families])
        basis = TensorBasis(law, start, families=families)
        space = Exploration(basis, self.values, self.seed)
        if self.left < _points(basis.dimension) + space.draws_each * basis.dimension:
            # Nothing can be explored.
            enough = self.left >= _points(basis.dimension)
            return self.in_fixed(basis if enough else smallest, too_small=Status.BUDGET_SPENT)
        look: _Look | None = None
        while True:
            self.explore(space)
            m, error, norm = space.basis.dimension, space.squared_error, space.squared_norm
            exact = _is_rounding(error, norm)
            promised = goal.promises(error, norm, m, _points(m), self.looks + 1, self.caution)
            if (exact or promised) and _points(m) <= self.left:
                look = self.certify(space)
                # Few points may all lie on one side of a jump.
                exact = exact and _is_rounding(look.fit.squared_error, squared_norm(look.fit))
                if goal.met(look.fit) or (exact and goal.tol is None):
                    return self.result(look, Status.OK)
                if exact:
                    return self.result(look, Status.ROUNDING_LIMITED)
                self.caution *= _MORE_CAUTION
                space.add_design(look.points, look.values)
                space.fit()
            new = space.choose(
                1.0 / np.maximum(norm, _TINY) if goal.relative else np.ones_like(norm)
            )
            if len(new) and space.draws_each * len(new) + _points(m + len(new)) <= self.left:
                space.grow(new)
                continue
            if not len(new):
                status = Status.OK if goal.tol is None else Status.BASIS_TOO_SMALL
                return self.finish(space, look, status, min(self.left, _points(m)))
            # What is left is for the certificate: no exploration of the last functions.
            last = [a for a in range(len(new) + 1) if _points(m + a) <= self.left]
            space.grow(new[: last[-1] if last else 0])
            status = Status.OK if goal.tol is None else Status.BUDGET_SPENT
            return self.finish(space, look, status, self.left)

    def explore(self, space: Exploration) -> None:
        """Evaluate for the new functions and fit."""
        m = space.basis.dimension
        space.draw()
        for _ in range(4):
            if space.fit():
                break
            if self.left < m:
                raise self.too_many_failures()
            space.repair()
        else:
            raise self.too_many_failures()
        # The points chose the space, so no interval can be had from them.
        unknown = np.full_like(space.squared_error, math.nan)
        self.record(m, space.squared_error, (unknown, unknown), space.lambda_min)

    def certify(self, space: Exploration) -> _Look:
        """Look at a fresh design, and at more points of it while that is the cheaper way."""
        m = space.basis.dimension
        n = _points(m) if self.goal.tol is not None else max(_points(m), min(self.left, _EXACT))
        look = self.look(space.basis, n)
        while self.goal.tol is not None and not self.goal.met(look.fit):
            more = self.goal.points_wanted(look.fit, n, self.looks + 1) - n
            if more > min(self.left, self.cost_of_growth(look.fit)):
                break
            n += more
            look = self.look(space.basis, n, look)
        return look

    def cost_of_growth(self, fit: WeightedFit) -> float:
        """About how many evaluations a space large enough for this interval would take."""
        m, fall = fit.dimension, self.goal.excess(fit)
        # The error falls like a power of the dimension: as it did since half of it, say.
        error = [(e.dimension, float(np.max(e.squared_error))) for e in self.history]
        past = [(d, e) for d, e in error if d <= 0.6 * m and e > 0.0]
        power = 2.0
        if past and error[-1][1] > 0.0:
            power = math.log(past[-1][1] / error[-1][1]) / math.log(m / past[-1][0])
        larger = m * min(fall ** (1.0 / max(power, 0.2)), 1e6)
        return float(DRAWS * (larger - m) + _points(math.ceil(larger)))

    def finish(self, space: Exploration, look: _Look | None, status: Status, n: int) -> Surrogate:
        """The certificate of the last space, of n fresh points or as many more."""
        m = space.basis.dimension
        if look is None or look.fit.dimension < m:
            if n < m + 2:
                raise self.too_many_failures()
            look = self.look(space.basis, n)
        elif status is Status.BUDGET_SPENT and self.left > 0:
            look = self.look(space.basis, len(look.points) + self.left, look)
        return self.result(look, Status.OK if self.goal.met(look.fit) else status)

    # --- certificates ----------------------------------------------------------------------------

    def look(self, basis: Any, n: int, before: _Look | None = None) -> _Look:
        """The fit at n fresh points, or at those of an earlier look and more."""
        self.looks += 1
        if before is None:
            self.designs += 1
        number = self.designs if before is None else before.number
        # An error where the whole space vanishes must not go unseen.
        reference = "christoffel" if covers(basis) else "mixed"
        wanted, most = n, 2 * n
        while True:
            design = volume_design(basis, n, reference=reference, rng=self.seed, draw=number)
            values = self.values(design.points)
            good = int(np.isfinite(values.reshape(n, -1)).all(axis=1).sum())
            more = min(wanted - good, self.left, most - n)
            if more < 1:
                break
            n += more  # for those that failed
        if good < basis.dimension + 2:
            raise self.too_many_failures()
        level = self.goal.look_level(self.looks)
        fit = weighted_least_squares(basis, design, values, level=level)
        self.goal.check_units(fit)
        self.record(fit.dimension, fit.squared_error, fit.interval, fit.lambda_min)
        return _Look(fit, np.asarray(design.points), values, number)

    def record(self, m: int, error: Any, interval: tuple[Any, Any], lambda_min: float) -> None:
        """One more line of the history."""
        self.history.append(
            Round(
                evaluations=self.values.count,
                dimension=m,
                squared_error=_plain(error),
                interval=(_plain(interval[0]), _plain(interval[1])),
                lambda_min=lambda_min,
            )
        )

    def result(self, look: _Look, status: Status) -> Surrogate:
        """The surrogate of the last look."""
        return Surrogate(
            look.fit,
            history=self.history,
            evaluations=self.values.count,
            guarantee=self.goal.guarantee(look.fit, self.looks, status),
            status=status,
            failures=self.values.failures,
        )

    def too_many_failures(self) -> Exception:
        """The error when too few values are left for a fit."""
        failures = self.values.failures
        first = f"; first at {failures[0].point}: {failures[0].reason}" if failures else ""
        return argument_error(
            "f",
            f"{len(failures)} failures in {self.values.count} evaluations{first}",
            "enough finite values for a fit",
            "Repair f, restrict the measure to where it works, or raise the budget.",
        )


def _points(m: int) -> int:
    """Points of the certificate of a space of dimension m."""
    return m + max(_OVERSAMPLING * m, _LEAST_EXTRA)


def _is_rounding(error: Any, norm: Any) -> bool:
    return bool((error <= _ROUNDING**2 * norm).all())


def _plain(value: Any) -> Any:
    """A float for a single output."""
    array = np.asarray(value, dtype=np.float64)
    return float(array.reshape(())) if array.size == 1 else array
