"""min sum_i w_i log(1 + exp(-y_i (a_i x + c))) + ridge |x|^2 / 2: Newton in passes over any rows.

Newton's method of `newton`, started on a small uniform sample where there are many rows, and ended
by a duality gap. Classes that a hyperplane separates have no minimiser without a ridge. They are
found out where the iteration does not end or margins grow: two more passes prove that a minimiser
exists, and if they do not, the l1 problem of `mu_complexity` finds the hyperplane. Cost: a basis
and 5 to 12 passes of n d^2 flops; on a coreset (`polish=False`) the scores and 3 to 5 passes.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from .._errors import check_fraction, check_positive, check_size
from .._result import FloatArray, Status
from ..random import RNGLike, resolve_seed
from ..sampling import sample_rows
from ..tall import TallMatrix, as_tall, rows
from ..tall._device import beside, stays_on_device, to_host
from ._input import check_start, check_weights
from ._labels import Labels, check_labels
from ._logistic_record import LogisticFit
from .coresets.logistic_coreset import logistic_coreset
from .mu_complexity import MuComplexity, mu_complexity
from .smooth import newton
from .smooth.logistic_certificate import largest_margin, logistic_loss, newton_growth, separates
from .smooth.logistic_small import SMALL, sharpened
from .smooth.losses import Logistic
from .smooth.penalty import better_of, penalised, penalty

__all__ = ["LogisticFit", "logistic_regression"]

_FIRST_TRY = 30  # passes before separability is looked into
_START_ROWS = 100  # rows for each column, from which a start is computed
_START_SHARE = 20  # worth it if there are so many times more rows
_BOUND_STEPS = 8  # passes that look for a lower bound beside the optimum of a coreset
_MARGIN = (2.0, 10.0)  # margins up to here are no sign of separability; the tolerance decides


def logistic_regression(
    A: Any,
    y: Any,
    *,
    weights: Any = None,
    ridge: float = 0.0,
    intercept: bool = False,
    tol: float = 1e-8,
    x0: Any = None,
    max_iter: int = 200,
    polish: bool = True,
    eps: float = 0.1,
    size: int | None = None,
    method: str = "auto",
    rng: RNGLike = None,
) -> LogisticFit:
    """Fit labels of two classes by maximum likelihood, with a certificate.

    Parameters
    ----------
    A : anything `rnla.as_tall` takes, shape (n, d)
        Real and finite, any home of rows, any rank. Not modified.
    y : array_like, Dask or CuPy array, shape (n,)
        Labels of two classes: {0, 1}, {-1, 1}, booleans or any two values.
    weights : array_like, Dask or CuPy array, shape (n,), optional
        Non-negative, what each row's loss counts for: those of a coreset, say.
    ridge : float, default 0
        Adds ridge |x|^2 / 2; scikit-learn's 1 / C. The intercept is not penalised.
    intercept : bool, default False
    tol : float, default 1e-8
        Relative duality gap to reach.
    x0 : array_like, shape (d,) or (d + 1,), optional
        Start of the iteration, with the intercept as last entry if there is one.
    max_iter : int, default 200
        Most passes of Newton's method from each start.
    polish : bool, default True
        Iterate on all rows. False stops at the optimum of a coreset, whose objective and lower
        bound are still evaluated on all rows.
    eps : float, default 0.1
        Relative gap that a fit with ``polish=False`` aims at.
    size : int, optional
        Rows of its coreset.
    method : str, default "auto"
        How its rows are scored; see `logistic_coreset`.
    rng : None, int, numpy Generator or SeedSequence
        For samples.

    Returns
    -------
    LogisticFit

    Raises
    ------
    ArgumentError, ArgumentTypeError
        For NaN or infinite entries, wrong lengths, labels that are not of two classes, weights
        that are negative or all zero, and options out of range.

    Notes
    -----
    Classes that a hyperplane separates, points on it allowed, have no maximum likelihood estimate:
    without a ridge the result then has the status SEPARABLE, a separating direction, and the
    infimum's lower bound. That takes a copy of A in memory up to 33 million entries; above, a
    sample is searched, which may end as NOT_CONVERGED instead.

    If Newton's method stops short of its tolerance, two ways out remain. A ridge that is nothing
    beside the loss is left out, which still bounds the minimum from below. Rows that differ in size
    by many orders are solved for by QR in place of Gram matrices, up to 65536 entries of A.

    About 3 passes for a start and a basis, then one pass of n d^2 flops for each of 4 to 12
    iterations. Memory beyond A: seven numbers a row. Dependent columns get coefficient zero.

    Runs on a GPU: with CuPy ``A``, ``y`` and ``weights``, ``x`` is a CuPy array. ``polish=False``
    needs rows in host memory; separable classes are then recognised by the hyperplane of the
    iteration alone.

    References
    ----------
    Albert and Anderson, *On the existence of maximum likelihood estimates in logistic regression
    models*, Biometrika 71, 1984.

    Examples
    --------
    >>> import numpy as np, rnla
    >>> rng = np.random.default_rng(0)
    >>> A = rng.standard_normal((10_000, 2))
    >>> y = rng.random(10_000) < 1 / (1 + np.exp(-A @ [1.0, -2.0]))
    >>> fit = rnla.logistic_regression(A, y)
    >>> fit.x.round(1), fit.gap < 1e-8, fit.status.name
    (array([ 1., -2.]), True, 'OK')
    >>> rnla.logistic_regression(A, A[:, 0] > 0).status.name
    'SEPARABLE'
    """
    tol, eps = check_fraction(tol, "tol"), check_fraction(eps, "eps")
    ridge = check_positive(ridge, "ridge", allow_zero=True)
    max_iter = check_size(max_iter, name="max_iter")
    given = as_tall(A, require_tall=False)
    before, n, there = given.passes, given.shape[0], given.is_on_device
    if there and not polish:
        raise stays_on_device("A", "rows on a GPU", "a coreset, with polish=False")
    labels = check_labels(y, n, device=there)
    w = None if weights is None else check_weights(weights, n, device=there)
    wanted = None if size is None else check_size(size, n)
    seed = resolve_seed(rng)
    given = given.distributed() if there else given
    given.scan()
    tall = given.with_columns(ones=True) if intercept else given
    d = tall.shape[1]
    start = None if x0 is None else check_start(x0, d)
    problem = _Problem(tall, labels, w, penalty(tall, ridge, intercept), intercept)
    if labels.single and intercept:
        fit = problem.one_class()
    elif polish:
        fit = problem.polished(start, tol, max_iter, seed)
    else:
        fit = problem.on_coreset(eps, wanted, method, tol, max_iter, seed)
    x = beside(labels.signs, fit.x)
    return replace(fit, x=x, passes=given.passes - before, seed=seed, ridge=ridge)


@dataclass(frozen=True, eq=False)
class _Problem:
    """Rows, signs, weights; everything below has the intercept as last coefficient."""

    A: TallMatrix
    labels: Labels
    weights: Any
    ridge: FloatArray
    intercept: bool

    def polished(
        self, start: FloatArray | None, tol: float, max_iter: int, seed: int
    ) -> LogisticFit:
        if start is None:
            start = self.rough(seed)
        found = self.minimise(start, tol, min(max_iter, _FIRST_TRY))
        separation = None
        if self.A.is_on_device:  # where the search for a hyperplane does not run
            if not np.any(self.ridge) and self.is_separated(found.x):
                return self.separable(found.x, found.iterations, found.rank, None)
        elif not np.any(self.ridge) and not self.has_minimiser(found, tol):
            separation = self.separation(seed)
            if separation.separable:
                direction = np.array(separation.direction)
                return self.separable(direction, found.iterations, found.rank, separation)
        if found.status is not Status.OK and max_iter > _FIRST_TRY:
            rest = self.minimise(found.x, tol, max_iter - _FIRST_TRY)
            iterations = found.iterations + rest.iterations
            found = replace(
                rest, lower=max(rest.lower, found.lower), iterations=iterations, rank=found.rank
            )
        if found.status is not Status.OK and np.any(self.ridge):
            free = replace(self, ridge=np.zeros_like(self.ridge)).minimise(found.x, tol, max_iter)
            found = better_of(found, penalised(free, self.ridge), tol)
        if found.status is not Status.OK and math.prod(self.A.shape) <= SMALL:
            w = None if self.weights is None else rows.host(self.weights)
            signs = rows.host(self.labels.signs)
            found = sharpened(self.A, signs, w, self.ridge, found)
        if found.status is not Status.OK and not np.any(self.ridge) and self.is_separated(found.x):
            return self.separable(found.x, found.iterations, found.rank, separation)
        status = found.status
        if found.objective - found.lower <= tol * found.objective:
            status = Status.OK
        return self.record(
            found.x,
            found.objective,
            max(found.lower, 0.0),
            found.iterations,
            "newton",
            status,
            found.rank,
            separation=separation,
        )

    def on_coreset(
        self, eps: float, size: int | None, method: str, tol: float, max_iter: int, seed: int
    ) -> LogisticFit:
        coreset = logistic_coreset(
            self.A,
            self.labels.signs,
            weights=self.weights,
            eps=eps,
            size=size,
            method=method,
            rng=seed,
        )
        if coreset.status is Status.SEPARABLE and not np.any(self.ridge):
            assert isinstance(coreset.mu, MuComplexity)
            direction = np.array(coreset.mu.direction)
            fit = self.separable(direction, 0, coreset.rank, coreset.mu)
            return replace(fit, coreset=coreset)
        w, own = coreset.weights, self.weights
        if own is not None:
            w = w * rows.host(own[coreset.indices])
        signs = rows.host(self.labels.signs[coreset.indices])
        small = _Problem(
            as_tall(coreset.take(self.A), require_tall=False),
            replace(self.labels, signs=signs),
            w,
            self.ridge,
            self.intercept,
        )
        found = small.minimise(None, min(tol, 0.01 * eps), max_iter)
        # A bound on the minimum over all rows needs a few steps there, whose points are not kept.
        objective = self.value(found.x)
        bound = self.minimise(found.x, 0.02 * eps, _BOUND_STEPS)
        lower = min(max(bound.lower, 0.0), objective)
        status = Status.OK if objective - lower <= eps * objective else Status.EPS_NOT_MET
        return replace(
            self.record(
                found.x,
                objective,
                lower,
                found.iterations,
                "coreset",
                status,
                coreset.rank,
            ),
            coreset=coreset,
        )

    def minimise(self, start: FloatArray | None, tol: float, max_iter: int) -> newton.Minimum:
        Z = self.A.scaled_rows(-self.labels.signs)
        with np.errstate(over="ignore"):  # of bounds beside a penalty that is next to nothing
            return newton.minimise(
                Z,
                rows.like(self.labels.signs, 0.0),
                Logistic(),
                weights=self.weights,
                start=start,
                ridge=self.ridge if np.any(self.ridge) else 0.0,
                tol=tol,
                max_iter=max_iter,
            )

    def rough(self, seed: int) -> FloatArray | None:
        """The optimum of a uniform sample, if that is much smaller than A and has one."""
        n, d = self.A.shape
        size = _START_ROWS * d
        if n < _START_SHARE * size:
            return None
        sample = sample_rows(rows.like(self.labels.signs, 1.0), size, rng=seed)
        w = sample.weights
        if self.weights is not None:
            w = w * rows.at(self.weights, sample.indices)
        if not np.any(w):
            return None
        signs = rows.at(self.labels.signs, sample.indices)
        taken = as_tall(to_host(self.A.take(sample.indices)), require_tall=False)
        small = _Problem(taken, replace(self.labels, signs=signs), w, self.ridge, self.intercept)
        found = small.minimise(None, 1e-3, _FIRST_TRY)
        return found.x if found.status is Status.OK else None

    def value(self, x: FloatArray) -> float:
        Z = self.A.scaled_rows(self.labels.signs)
        loss = logistic_loss(Z, self.present_weights(), x)
        return loss + (0.5 * float(self.ridge @ x**2) if np.any(self.ridge) else 0.0)

    def present_weights(self) -> Any:
        return rows.like(self.labels.signs, 1.0) if self.weights is None else self.weights

    def is_separated(self, x: FloatArray) -> bool:
        """Whether the hyperplane of these coefficients separates the classes: one pass."""
        return separates(self.A.scaled_rows(self.labels.signs), self.present_weights(), x)

    def has_minimiser(self, found: newton.Minimum, tol: float) -> bool:
        """Whether it is certain that the classes are not separable."""
        limit = min(max(-0.5 * math.log(tol), _MARGIN[0]), _MARGIN[1])
        if found.status is Status.OK:
            margin = largest_margin(self.A, self.present_weights(), found.x)
            if margin <= limit:
                return True
        Z = self.A.scaled_rows(self.labels.signs)
        return newton_growth(Z, self.present_weights(), found.x) < 0.5

    def separation(self, seed: int) -> MuComplexity:
        return mu_complexity(self.A, self.labels.signs, weights=self.weights, rng=seed)

    def one_class(self) -> LogisticFit:
        """All labels alike: the intercept alone separates."""
        x = np.zeros(self.A.shape[1])
        x[-1] = float(rows.extremes(self.labels.signs)[0])
        return self.record(x, self.value(x), 0.0, 0, "newton", Status.SEPARABLE, None)

    def separable(
        self,
        direction: FloatArray,
        iterations: int,
        rank: int | None,
        separation: MuComplexity | None,
    ) -> LogisticFit:
        x = direction / (float(np.abs(direction).max(initial=0.0)) or 1.0)
        x /= float(np.linalg.norm(x)) or 1.0
        return self.record(
            x,
            self.value(x),
            0.0,
            iterations,
            "newton",
            Status.SEPARABLE,
            rank,
            separation=separation,
        )

    def record(
        self,
        x: FloatArray,
        objective: float,
        lower: float,
        iterations: int,
        method: str,
        status: Status,
        rank: int | None,
        *,
        separation: MuComplexity | None = None,
    ) -> LogisticFit:
        return LogisticFit(
            x=x[:-1] if self.intercept else x,
            intercept=float(x[-1]) if self.intercept else 0.0,
            objective=objective,
            lower=lower,
            ridge=0.0,
            classes=self.labels.classes,
            iterations=iterations,
            method=method,
            status=status,
            rank=rank,
            passes=0,
            seed=0,
            separation=separation,
        )
