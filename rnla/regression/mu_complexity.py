"""mu = sup_x ||(Zx)^+||_1 / ||(Zx)^-||_1 of labelled rows Z = diag(y) A: how hard logistic loss is.

With g = Z^T 1 and s = max g.x / ||Zx||_1, mu = (1 + s) / (1 - s), and 1/s is the least ||Zx||_1
with g.x = 1: the l1 problem of `rnla.constrained`, at the cost of 10 to 25 weighted Gram matrices
in place of a linear program with 2 n variables (Dexter, Drineas, Khanna, NeurIPS 2024, Theorem 4).
Both sides of the result are re-computed without s, which cancels for large mu: any x bounds mu from
below by the ratio itself, and any lambda > 0 with Z^T lambda = 0 from above by max lambda / min
lambda, since ||(Zx)^+||_1 min lambda <= sum lambda_i (z_i x)^+ = sum lambda_i (z_i x)^- (Gordan's
theorem made quantitative; lambda = 1 - u for the multiplier u of the l1 problem). mu is infinite
if and only if there is no such lambda: the classes are separable, or touch on a hyperplane.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np

from .._errors import argument_error, check_fraction, check_size
from .._result import FloatArray, Status
from ..bounds import default_size
from ..constrained import ConstrainedProblem
from ..random import RNGLike, resolve_seed
from ..sampling import sample_rows
from ..scores import lewis_weights
from ..tall import TallMatrix, as_tall, rows, within_range
from ._input import check_weights
from ._labels import check_labels
from ._mu_bounds import multiplier_bound, ratio

__all__ = ["MuComplexity", "estimate_mu", "mu_complexity"]

_METHODS = ("auto", "exact", "sampled")
_IN_MEMORY = 2**25  # entries up to which "auto" holds A in memory, about four times
_TOLERANCES = (1e-10, 1e-13, 1e-16)  # of the l1 problem, one after the other as mu needs it
_NO_MULTIPLIER = 1e-9  # min lambda / max lambda below which separability is believed
_LEWIS_TOLERANCE = 1e-2
_SAMPLE_EPS = 0.05


@dataclass(frozen=True, eq=False)
class MuComplexity:
    """The complexity mu of a classification problem, between two bounds.

    Attributes
    ----------
    value : float
        mu, at least 1; infinite if the classes are separable. Of `method` "sampled" an estimate,
        the mu of a reweighted sample.
    lower, upper : float
        Bounds on mu: the ratio at `direction`, and max lambda / min lambda of a multiplier. Both
        hold for all rows, whatever the method, up to rounding.
    direction : ndarray, shape (d,)
        Coefficients whose ratio of positive to negative part is `lower`; if mu is infinite, a
        separating direction: y_i (a_i x + intercept) >= 0 for all rows, up to rounding.
    intercept : float
        Its intercept; zero if none was asked for.
    method : str
        "exact" or "sampled".
    status : Status
        OK; SEPARABLE if mu is infinite; NOT_CONVERGED if the gap is above the tolerance.
    iterations : int
    passes : int
        Passes over A.
    seed : int or None
        Of the sample.
    """

    value: float
    lower: float
    upper: float
    direction: FloatArray
    intercept: float
    method: str
    status: Status
    iterations: int
    passes: int
    seed: int | None = None

    @property
    def gap(self) -> float:
        """1 - lower / upper; 0 for separable classes."""
        if self.separable:
            return 0.0
        return max(0.0, 1.0 - self.lower / self.upper)

    @property
    def separable(self) -> bool:
        """Whether a hyperplane separates the classes, points on it allowed."""
        return math.isinf(self.value)

    def __float__(self) -> float:
        return self.value


def mu_complexity(
    A: Any,
    y: Any,
    *,
    weights: Any = None,
    intercept: bool = False,
    tol: float = 1e-8,
    method: str = "auto",
    size: int | None = None,
    rng: RNGLike = None,
) -> MuComplexity:
    """Largest ratio of correctly to wrongly classified mass, sup_x ||(Zx)^+||_1 / ||(Zx)^-||_1.

    It says how small a coreset for logistic, probit or ReLU loss can be: about d mu^2 / eps^2 rows
    suffice. It is 1 if every direction is as often right as wrong and infinite if the classes are
    separable, where the logistic loss has no minimiser.

    Parameters
    ----------
    A : array_like, sparse matrix, Dask array or TallMatrix, shape (n, d)
    y : array_like or Dask array, shape (n,)
        Labels of two classes: {0, 1}, {-1, 1}, booleans or any two values.
    weights : array_like, shape (n,), optional
        Non-negative factors of the rows' contributions to both sums.
    intercept : bool
        Add a column of ones.
    tol : float, default 1e-8
        Relative difference of the bounds to reach.
    method : {"auto", "exact", "sampled"}
        "auto" is exact up to n d = 33 million entries and sampled above. "sampled" estimates mu
        from rows drawn by Lewis weights; its bounds hold all the same but are not as close.
    size : int, optional
        Rows of the sample, by default 800 r and a bit, r being the rank.
    rng : None, int, numpy Generator or SeedSequence
        For the sample.

    Returns
    -------
    MuComplexity

    Raises
    ------
    ArgumentError, ArgumentTypeError
        For NaN or infinite entries, wrong lengths, labels of more than two classes or of a single
        unknown one, and options out of range.

    Notes
    -----
    Exact: about 4 passes, 10 to 25 iterations of n r^2 flops; memory four times that of A. Sampled:
    about 20 passes, O(size r) memory and O(n) numbers. mu does not change under a change of basis
    of the columns of A, under swapping the classes, and under one factor for all rows; factors of
    single rows do change it. Values above 1e12 are hard to tell from infinity in double precision.

    Works on arrays in host memory: convert CuPy arrays with ``cupy.asnumpy`` first.

    References
    ----------
    Munteanu, Schwiegelshohn, Sohler and Woodruff, *On coresets for logistic regression*, NeurIPS
    2018. Dexter, Drineas and Khanna, *The space complexity of approximating logistic loss*, NeurIPS
    2024.

    Examples
    --------
    >>> import numpy as np, rnla
    >>> rng = np.random.default_rng(0)
    >>> A = rng.standard_normal((2000, 3))
    >>> y = rng.random(2000) < 1 / (1 + np.exp(-A[:, 0]))
    >>> found = rnla.mu_complexity(A, y)
    >>> 2.0 < found.value < 5.0, found.gap < 1e-8
    (True, True)
    >>> rnla.mu_complexity(A, A[:, 0] > 0).separable
    True
    """
    tol = check_fraction(tol, "tol")
    if method not in _METHODS:
        raise argument_error("method", repr(method), f"one of {', '.join(_METHODS)}", "Use 'auto'.")
    given = as_tall(A, require_tall=False)
    before, n = given.passes, given.shape[0]
    labels = check_labels(y, n)
    w = None if weights is None else check_weights(weights, n)
    wanted = None if size is None else check_size(size, n)
    given.scan()
    tall, units = within_range(given.with_columns(ones=True) if intercept else given)
    signed = labels.signs if w is None else labels.signs * w
    if method == "auto":
        small = wanted is None and n * tall.shape[1] <= _IN_MEMORY
        method = "exact" if small else "sampled"
    seed = None
    if method == "exact":
        found = _exact(tall, signed, w, tol)
    else:
        seed = resolve_seed(rng)
        weights = lewis_weights(tall, 1.0, tol=_LEWIS_TOLERANCE, rng=seed)
        scores = weights.values if w is None else rows.each(_times, weights.values, w)
        found = _sampled(tall, signed, scores, weights.rank, tol, wanted, seed)
    x = found.x if units is None else found.x * units
    return MuComplexity(
        value=found.value,
        lower=found.lower,
        upper=found.upper,
        direction=x[:-1] if intercept else x,
        intercept=float(x[-1]) if intercept else 0.0,
        method=method,
        status=found.status(tol, method),
        iterations=found.iterations,
        passes=given.passes - before,
        seed=seed,
    )


def estimate_mu(A: TallMatrix, signed: Any, scores: Any, rank: int, seed: int) -> MuComplexity:
    """`mu_complexity` from a sample by scores that are there already; `signed` are y_i w_i."""
    before = A.passes
    found = _sampled(A, signed, scores, rank, 1e-6, None, seed)
    return MuComplexity(
        value=found.value,
        lower=found.lower,
        upper=found.upper,
        direction=found.x,
        intercept=0.0,
        method="sampled",
        status=found.status(1e-6, "sampled"),
        iterations=found.iterations,
        passes=A.passes - before,
        seed=seed,
    )


@dataclass
class _Found:
    x: FloatArray
    value: float
    lower: float
    upper: float
    iterations: int

    def status(self, tol: float, method: str) -> Status:
        if math.isinf(self.value):
            return Status.SEPARABLE
        met = method == "sampled" or self.upper - self.lower <= tol * self.upper
        return Status.OK if met else Status.NOT_CONVERGED


def _exact(A: TallMatrix, signed: Any, w: Any, tol: float) -> _Found:
    """By the l1 problem on rows w_i a_i, to which signs do not matter, with g = sum y_i w_i a_i."""
    A, d = A.gathered(), A.shape[1]
    g = A.rmatmul(signed)
    total = float(A.fold(_add_magnitudes, (1,), rows=(signed,))[0])
    if total == 0.0 or np.abs(g).max() == 0.0:
        return _Found(np.zeros(d), 1.0, 1.0, 1.0, 0)
    problem = ConstrainedProblem(A if w is None else A.scaled_rows(w), 1.0)
    signs = np.sign(rows.host(signed))
    x, lower, upper, iterations = np.zeros(d), 1.0, math.inf, 0
    separable = False
    for target in _TOLERANCES:
        found = problem.minimise(g, tol=target, method="interior_point", in_row_space=True)
        iterations += found.iterations
        reached, negligible = ratio(A, signed, found.x)
        if reached >= lower:
            x, lower = found.x, reached
        multiplier = 1.0 - signs * found.multiplier
        multiplier = multiplier[signs != 0.0]
        smallest, largest = float(multiplier.min()), float(multiplier.max())
        if smallest > 0.0:
            upper = min(upper, largest / smallest)
        separable = negligible and smallest <= _NO_MULTIPLIER * largest
        if separable or upper - lower <= tol * upper:
            break
    if separable:
        return _Found(x, math.inf, math.inf, math.inf, iterations)
    upper = max(upper, lower)  # they may cross by rounding
    return _Found(x, lower, lower, upper, iterations)


def _sampled(
    A: TallMatrix, signed: Any, scores: Any, rank: int, tol: float, size: int | None, seed: int
) -> _Found:
    """mu of a sample by l1 Lewis weights; its direction and guessed multipliers bound the rest."""
    n, r = A.shape[0], rank
    if r == 0:
        return _Found(np.zeros(A.shape[1]), 1.0, 1.0, 1.0, 0)
    if size is None:
        size = min(default_size(r, 1.0, _SAMPLE_EPS), n, max(1, _IN_MEMORY // r))
    sample = sample_rows(scores, size, p=1.0, rng=seed)
    taken = as_tall(A.take(sample.indices), require_tall=False)
    factors = sample.weights * np.abs(rows.host(signed[sample.indices]))
    signs = np.sign(rows.host(signed[sample.indices]))
    found = _exact(taken, signs * factors, factors, tol)
    lower, negligible = ratio(A, signed, found.x) if np.any(found.x) else (1.0, False)
    upper = multiplier_bound(A, signed, found.x, found.value, seed)
    if math.isinf(found.value) and negligible and math.isinf(upper):
        return _Found(found.x, math.inf, math.inf, math.inf, found.iterations)
    lower = min(lower, upper)
    value = min(max(found.value, lower), upper) if math.isfinite(found.value) else lower
    return _Found(found.x, value, lower, upper, found.iterations)


def _times(v: FloatArray, w: FloatArray) -> FloatArray:
    return v * w


def _add_magnitudes(block: Any, start: int, out: FloatArray, signed: FloatArray) -> None:
    out[0] += np.abs(signed) @ abs(block).sum(axis=1)
