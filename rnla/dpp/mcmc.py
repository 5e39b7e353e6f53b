"""k-DPPs by a random walk on sets: no eigendecomposition, approximate (SPEC A9).

The basis-exchange walk drops an item of S at random and takes one in with probability proportional
to det(L_S). It is within `distance` in total variation of the k-DPP after k (log log(1 / pi(S0)) +
log(1 / (2 distance^2))) steps (Cryan, Guo and Mousa, "Modified log-Sobolev inequalities for
strongly log-concave distributions", 2021). O(N k) for each step.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import numpy.typing as npt

from .._errors import ArgumentTypeError, argument_error, check_fraction, check_size
from .._result import IntArray
from ..random import RNGLike, Stream, resolve_seed
from ..tall import as_tall, single_threaded_blas
from ._exchange import Columns, Exchange, greedy_start
from ._kernel import Matrix, as_matrix, beyond_rank, check_hermitian, near_one, working_eps
from ._record import DppSample
from ._selection import squares

__all__ = ["exchange_steps", "mcmc_k_dpp"]

DROP_PURPOSE = "dpp.exchange drop"
TAKE_PURPOSE = "dpp.exchange take"

Vector = npt.NDArray[np.float64]


def mcmc_k_dpp(
    L: npt.ArrayLike | None = None,
    k: int | None = None,
    *,
    factor: Any = None,
    steps: int | None = None,
    distance: float = 0.01,
    draws: int | None = None,
    rng: RNGLike = None,
) -> DppSample:
    """Draw approximately from a k-DPP by a basis-exchange walk.

    Parameters
    ----------
    L : array_like, shape (N, N)
        Positive semidefinite, real symmetric or complex Hermitian.
    k : int
        Number of items, from 1 to the rank of L.
    factor : array_like, shape (N, r), or any source that `rnla.as_tall` takes
        In place of L: a factor B of L = B B^*. Complex factors as NumPy arrays.
    steps : int, optional
        Steps of the walk for each draw. Default: `exchange_steps`, for `distance`.
    distance : float
        Total variation distance from the k-DPP that the default number of steps guarantees.
    draws : int, optional
        Number of independent walks. Without it one walk is made, and `indices` is a vector.
    rng : int, Generator, SeedSequence or None
        See `rnla.random.resolve_seed`. Draw t is a function of the seed, t and the steps.

    Returns
    -------
    DppSample
        `law` says "approximate" and names the number of steps.

    Raises
    ------
    ArgumentError, ArgumentTypeError
        If not exactly one kernel is given, it is not finite and Hermitian or has a negative
        diagonal entry, or its numerical rank is below k.

    Notes
    -----
    Every walk starts from the first k pivots of a pivoted Cholesky factorisation. A step costs
    about 4 N k flops; memory is O(N k) beside the kernel or the factor, which is brought to memory.
    Determinants only occur as ratios, so they may lie outside the range of float64. That L is
    semidefinite is not checked beyond what the walk sees of it. Use `k_dpp` where an
    eigendecomposition is affordable: it is exact.

    Works on arrays in host memory: convert CuPy arrays with ``cupy.asnumpy`` first.

    Examples
    --------
    >>> import numpy as np
    >>> from rnla.dpp import mcmc_k_dpp
    >>> x = np.linspace(0.0, 1.0, 50)
    >>> sample = mcmc_k_dpp(np.exp(-50.0 * (x[:, None] - x) ** 2), 4, rng=0)
    >>> sample.indices.size, sample.law
    (4, 'approximate k-DPP, 46 exchange steps')
    """
    count = 1 if draws is None else check_size(draws, name="draws")
    columns, diagonal, eps, passes = _operand(L, factor)
    n = diagonal.size
    noise = n * eps * diagonal
    size = check_size(k, n, name="k")
    length = exchange_steps(n, size, distance) if steps is None else check_size(steps, name="steps")
    seed = resolve_seed(rng)
    drop, take = Stream(seed, DROP_PURPOSE), Stream(seed, TAKE_PURPOSE)
    sets = []
    with single_threaded_blas():
        start = greedy_start(columns, diagonal, size, noise)
        if start.size < size:
            raise beyond_rank(size, start.size)
        for t in range(count):
            walk = Exchange(columns, diagonal, start, noise)
            places = drop.integers(size, range(length), draw=t)
            points = take.uniform(range(length), draw=t)
            for place, point in zip(places, points, strict=True):
                walk.step(int(place), float(point))
            sets.append(np.sort(walk.items))
    return DppSample(
        indices=sets[0] if draws is None else np.stack(sets),
        law=f"approximate k-DPP, {length} exchange steps",
        method="basis exchange",
        n=n,
        rank=None,
        seed=seed,
        weights=None,
        proposals=np.full(count, length, dtype=np.int64),
        passes=passes,
    )


def exchange_steps(n: int, k: int, distance: float = 0.01) -> int:
    """Steps of the exchange walk after which the law is within a total variation distance.

    Parameters
    ----------
    n : int
        Number of items.
    k : int
        Items of a set, at most n.
    distance : float
        Total variation distance, between 0 and 1.

    Returns
    -------
    int

    Notes
    -----
    k (log log(1 / pi(S0)) + log(1 / (2 distance^2))), where the greedy start S0 has
    1 / pi(S0) <= binomial(n, k) (k!)^2. The bound holds for every k-DPP on n items.

    Examples
    --------
    >>> from rnla.dpp import exchange_steps
    >>> exchange_steps(10_000, 20)
    279
    """
    items = check_size(n, name="n")
    size = check_size(k, items, name="k")
    allowed = check_fraction(distance, "distance")
    choose = math.lgamma(items + 1) - math.lgamma(size + 1) - math.lgamma(items - size + 1)
    surprise = max(choose + 2.0 * math.lgamma(size + 1), math.e)
    return math.ceil(size * max(math.log(surprise) + math.log(0.5 / allowed**2), 1.0))


def _operand(L: Any, factor: Any) -> tuple[Columns, Vector, float, int]:
    """Columns of L on demand, its diagonal, the rounding unit of what was given, and passes.

    L is scaled to entries near one: a k-DPP does not change by that, and squares stay in range.
    """
    if (L is None) == (factor is None):
        got = "no kernel" if L is None else "L and factor"
        expected = "exactly one of L and factor"
        raise argument_error("L", got, expected, "Pass L= or factor= only.", kind=ArgumentTypeError)
    if L is not None:
        kernel, _ = near_one(check_hermitian(L, "L"))
        diagonal = np.diagonal(kernel).real.copy()
        if diagonal.min() < 0.0:
            i = int(diagonal.argmin())
            raise argument_error(
                "L",
                f"a negative diagonal entry L[{i}, {i}]",
                "a positive semidefinite matrix",
                "Add a multiple of the identity, or pass factor=B for L = B B^T.",
            )

        def of_kernel(items: IntArray) -> Matrix:
            columns: Matrix = kernel[:, items]
            return columns

        return of_kernel, diagonal, working_eps(L), 0
    if isinstance(factor, (np.ndarray, list, tuple)):
        B, eps, passes = as_matrix(factor, "factor"), working_eps(factor), 0
    else:
        A = as_tall(factor, require_tall=False)
        A.scan()  # names the place of an entry that is not finite
        B, eps = np.asarray(A.matmul(np.eye(A.shape[1]))), working_eps(A)
        passes = A.passes
    B, _ = near_one(B)

    def of_factor(items: IntArray) -> Matrix:
        product: Matrix = B @ B[items].conj().T
        return product

    return of_factor, squares(B), eps, passes
