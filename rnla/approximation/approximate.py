"""`approximate`: a surrogate of a dear function, to a tolerance or within a budget, certified.

Exploration chooses the space from the values of the function, so what its own points say about the
error is too good. Therefore a fresh volume design, independent of everything that chose the space,
gives the fit and its error: conditionally on the space both are unbiased (SPEC P6, P9; Derezinski,
Warmuth and Hsu, JMLR 23:167). If it falls short, its points join the exploration. Cost: about
2 m + 3 m evaluations for a space of dimension m, and O(n m^2) a stage.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from concurrent.futures import Executor
from typing import Any

from .._errors import argument_error
from ..random import RNGLike, resolve_seed
from ._evaluations import Evaluations, stored_seed
from ._goal import Goal
from ._search import Search
from .designs._features import check_basis
from .family import OrthonormalFamily
from .measures import Measure, Product
from .surrogate import Surrogate
from .tensor_basis import TensorBasis

__all__ = ["approximate"]


def approximate(
    f: Callable[[Any], Any],
    measure: Measure | Sequence[Measure],
    *,
    tol: float | None = None,
    budget: int | None = None,
    relative: bool = False,
    level: float = 0.9,
    basis: Any = None,
    families: Sequence[OrthonormalFamily] | None = None,
    vectorized: bool = True,
    batch_size: int | None = None,
    workers: int | Executor | None = None,
    cache: str | os.PathLike[str] | None = None,
    progress: bool = False,
    rng: RNGLike = None,
) -> Surrogate:
    """Approximate a function whose evaluations are dear, and certify the error.

    Parameters
    ----------
    f : callable
        Takes points (n, d) and returns (n,) or (n, k) numbers; with ``vectorized=False`` takes one
        point (d,) and returns a number or k of them.
    measure : Measure or sequence of Measure
        The law of the inputs, with independent coordinates: errors are in its L2 norm. A sequence
        means the product.
    tol : float, optional
        Stop when the L2 error of the surrogate is certified to be at most this, for every output.
    budget : int, optional
        Evaluations of f allowed, failed ones included; without `tol` all are made, unless a fit
        turns out exact at 100 fresh points. With `tol` alone 10 000.
    relative : bool
        Whether `tol` is a fraction of the norm of f.
    level : float
        Nominal probability of the certificate, all its looks together.
    basis : Basis, array_like of int or int, optional
        A space to be taken as it is: an orthonormal basis, an index set, or a total degree. The
        default is to find the index set.
    families : sequence of OrthonormalFamily, optional
        One family of functions a coordinate instead of the polynomials of the measure.
    vectorized : bool
        See `f`.
    batch_size : int, optional
        Points a call of f, or a task of a worker.
    workers : int or concurrent.futures.Executor, optional
        That many threads, or an executor such as a `ProcessPoolExecutor`; by default f is called
        in this thread.
    cache : path, optional
        File for the values. If it exists, what it holds is not evaluated again: an interrupted run
        goes on, and one with a larger `budget` or smaller `tol` starts from there. Evaluations that
        failed are tried again. With `rng` None the seed is the one in the file.
    progress : bool
        Whether to show a bar of the evaluations.
    rng : None, int, numpy.random.Generator or numpy.random.SeedSequence
        Seed; see `rnla.resolve_seed`. Neither workers nor batches change the points.

    Returns
    -------
    Surrogate
        Callable, with mean, variance and Sobol indices; `squared_error` and `interval` for the best
        approximation in its space, `fit.fit_squared_error` for the surrogate itself, the `history`
        and the `guarantee` in words. `status` says whether the tolerance was met (OK) or what
        stopped the search (BUDGET_SPENT, BASIS_TOO_SMALL, ROUNDING_LIMITED).

    Raises
    ------
    ArgumentError, ArgumentTypeError
        If neither `tol` nor `budget` is given, the budget is too small, the measure is no product,
        values have a wrong shape, the cache belongs to another measure or seed, or so many
        evaluations failed that no fit is left.
    DamagedFileError
        If the cache cannot be read.

    Notes
    -----
    *Exploration.* Two draws of |phi_alpha|^2 dmu for every function of a downward-closed set; the
    set grows by a tenth to a half at a time, where a regression and the neighbours promise the
    largest coefficients. All points are used again in the next fit.

    *Certificate.* When the estimated error, with room for the interval, is below `tol`, or when the
    budget for it is all that is left, a volume design of m + max(2 m, 16) fresh points is drawn.
    Its fit is the surrogate. Given the space it is unbiased for the best approximation, and
    RSS/(n - m) for the squared error of that, whatever the function, at a look that is taken
    whatever it shows; stopping at the first that succeeds favours small estimates. If the
    certificate falls short by little, points are appended, else its points join the exploration.
    Look j at a certificate has level 1 - (1 - level)/(j (j + 1)), so that all intervals hold
    together with probability `level` as far as each does: see `WeightedFit` for the approximation
    in them. The tolerance counts as met when the upper end of the interval, times
    fit_squared_error / squared_error, is at most tol^2. A space without the constants gets half of
    its points from the measure itself. No number of evaluations excludes a jump or a peak that none
    of the points has met.

    Failed evaluations (an exception, nan or inf) are left out and listed in `failures`; the
    statements then hold only as far as failing has nothing to do with the error. Noise in f counts
    as error.

    Works on arrays in host memory.

    Examples
    --------
    >>> import numpy as np, rnla
    >>> from rnla.approximation import Uniform, Gaussian
    >>> def model(x):
    ...     return np.exp(-x[:, 0] ** 2) * np.cos(x[:, 1])
    >>> surrogate = rnla.approximate(model, [Uniform(-1, 1), Gaussian()], tol=1e-3, rng=0)
    >>> surrogate.status.name, surrogate.evaluations < 500
    ('OK', True)
    >>> x = np.array([[0.2, 1.0], [-0.5, 0.3]])
    >>> bool(np.abs(surrogate(x) - model(x)).max() < 1e-2)
    True
    """
    law = _product(measure)
    goal = Goal(tol, budget, relative, level)
    fixed = None if basis is None else _fixed(basis, law, families)
    seed = stored_seed(cache) if rng is None else None
    seed = resolve_seed(rng) if seed is None else seed
    values = Evaluations(
        f,
        law,
        seed,
        vectorized=vectorized,
        batch_size=batch_size,
        workers=workers,
        cache=cache,
        progress=progress,
    )
    search = Search(goal, values, seed)
    if fixed is not None:
        return search.in_fixed(fixed)
    return search.adaptively(law, families)


def _product(measure: Measure | Sequence[Measure]) -> Measure:
    return measure if isinstance(measure, Measure) else Product(measure)


def _fixed(basis: Any, law: Measure, families: Sequence[OrthonormalFamily] | None) -> Any:
    """The basis given, or that of the index set or degree given."""
    if not hasattr(basis, "evaluate"):
        return TensorBasis(law, basis, families=families)
    check_basis(basis)
    if families is not None:
        raise argument_error(
            "families",
            "families and a basis",
            "families only with an index set",
            "Leave families out: the basis has its own.",
        )
    own: Any = getattr(basis, "measure", None)
    same = (
        own.marginals == law.marginals
        if isinstance(basis, TensorBasis)
        else getattr(own, "dimension", None) == law.dimension
    )
    if not same:
        raise argument_error(
            "basis",
            f"a basis for {own!r}",
            f"one that is orthonormal for {law!r}",
            "Build the basis on the measure of the inputs.",
        )
    return basis
