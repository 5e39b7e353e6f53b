"""Calibration by the largest canonical correlation: the solver of choice (SPEC A5).

The two blocks of K, diag(y_l) and A_l, have a common direction exactly if the data are consistent:
their largest canonical correlation sigma_1 is one, and the pair of vectors that attains it gives
the reciprocal gains and the signal. It is the largest singular pair of E = Gamma^{-1/2} C G^{-1/2},
so products suffice; and rescaling a sensor does not change it, so that a weak sensor cannot pass
for the solution as it does in the smallest singular vector of K. The gap sigma_1 - sigma_2 says how
well the data determine the answer. Two products with every A_l an iteration; the number of
iterations depends on sigma_2 and not on the dimensions.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from .._errors import argument_error, check_positive, check_size
from ..random import RNGLike, Stream, resolve_seed
from ._equilibration import Equilibration
from ._lanczos import LargestPair, lanczos, power
from ._small_pairs import small_pairs
from ._threads import with_few_threads
from .operators._base import Array, check_entries
from .problem import Problem

__all__ = [
    "CanonicalCorrelation",
    "canonical_correlation",
    "default_tolerance",
    "largest_correlation",
]

SOLVERS = ("lanczos", "power", "block_krylov")
START_PURPOSE = "calibration.start"
_PROBES = 12  # at least so many steps in the search for a second solution


@dataclass(frozen=True, eq=False)
class CanonicalCorrelation:
    """The largest canonical correlation between data and operators, and what attains it.

    Attributes
    ----------
    inverse_gains : ndarray, shape (..., m)
        s up to a factor; zero at sensors that took no part.
    signal : ndarray, shape (..., n) or (..., p, n)
        With these s, in units of `Problem.scale`.
    sigma : ndarray, shape (..., 2)
        The two largest canonical correlations; the second is a lower bound from the Krylov spaces
        searched, in tests at most 0.001 below.
    gap : ndarray, shape (...)
        sigma_1 - sigma_2.
    runner_up : ndarray, shape (..., m)
        Reciprocal gains of the vector for the second: the direction in which the answer is least
        certain, and another solution if the gap is zero.
    usable : ndarray of bool, shape (..., m)
        Sensors that took part.
    rank_deficient : ndarray of bool, shape (...)
        Whether a part of the signal is not seen by the operators at all.
    converged : ndarray of bool, shape (...)
    residual : ndarray, shape (...)
        ||E E^* u - sigma_1^2 u|| of the unit vector u found.
    iterations : int
        Steps of the solver.
    products : int
        Products with all A_l or all A_l^*, those of the search for sigma_2 included.
    solver : str
    seed : int
    """

    inverse_gains: Array
    signal: Array
    sigma: Array
    gap: Array
    runner_up: Array
    usable: Array
    rank_deficient: Array
    converged: Array
    residual: Array
    iterations: int
    products: int
    solver: str
    seed: int

    def __repr__(self) -> str:
        sigma = np.atleast_2d(self.sigma)
        return (
            f"CanonicalCorrelation(sigma_1={sigma[..., 0].min():.6g}, "
            f"sigma_2={sigma[..., 1].max():.6g}, solver={self.solver!r}, "
            f"iterations={self.iterations}, products={self.products})"
        )


def default_tolerance(problem: Problem) -> float:
    """What the arithmetic allows: 1e-12 in double, 2e-6 in single precision."""
    return max(1e-12, 16.0 * float(np.finfo(problem.real_dtype).eps))


@with_few_threads
def canonical_correlation(
    problem: Problem,
    *,
    solver: str = "lanczos",
    tol: float | None = None,
    max_iter: int = 1000,
    block: int = 8,
    start: npt.ArrayLike | None = None,
    rng: RNGLike = 0,
) -> CanonicalCorrelation:
    """Reciprocal gains and signals from the largest canonical correlation.

    Parameters
    ----------
    problem : Problem
    solver : {"lanczos", "power", "block_krylov"}
        Lanczos takes the fewest products; power iteration needs no memory; block Krylov takes
        `block` vectors a step.
    tol : float, optional
        Residual of the eigenpair relative to its value. Default 1e-12, or 2e-6 in single precision.
    max_iter : int
        Steps at most.
    block : int
        Vectors a step of the block Krylov solver.
    start : array_like, shape (..., m), optional
        Reciprocal gains to start from, instead of random numbers.
    rng : int, Generator, SeedSequence or None
        For the start vectors; all problems of a batch start from the same.

    Returns
    -------
    CanonicalCorrelation

    Raises
    ------
    ArgumentError
        For unknown options, or if too few values are left at usable sensors.

    Notes
    -----
    Power iteration takes about (log(1/tol) + log sqrt(m)) / log(1/sigma_2^2) steps. sigma_2 is the
    larger of two estimates: that of the Krylov space of the solution, and that of a second one,
    orthogonal to the solution, from another start: one start alone cannot see that an eigenvalue
    is multiple, which is just the case in which the answer is not unique. Memory: a vector of
    length m for each step of Lanczos.

    Works on arrays in host memory: convert CuPy arrays with ``cupy.asnumpy`` first.

    Examples
    --------
    >>> import numpy as np
    >>> from rnla.calibration import Problem, canonical_correlation
    >>> rng = np.random.default_rng(0)
    >>> A, x, d = rng.standard_normal((4, 16, 8)), rng.standard_normal(8), 1 + rng.random(16)
    >>> found = canonical_correlation(Problem(d * (A @ x), A))
    >>> ratio = found.inverse_gains * d
    >>> bool(np.ptp(ratio) < 1e-10 * abs(ratio[0]))
    True
    """
    if solver not in SOLVERS:
        remedy = "lanczos takes the fewest products."
        raise argument_error("solver", repr(solver), f"one of {', '.join(SOLVERS)}", remedy)
    tolerance = default_tolerance(problem) if tol is None else check_positive(tol, "tol")
    tolerance = max(tolerance, 4.0 * float(np.finfo(problem.real_dtype).eps))
    steps = check_size(max_iter, name="max_iter")
    width = check_size(block, name="block") if solver == "block_krylov" else 1
    seed = resolve_seed(rng)
    system = Equilibration(problem)
    rows = None if start is None else _given(start, system)
    return largest_correlation(
        system, solver=solver, tol=tolerance, max_iter=steps, block=width, start=rows, seed=seed
    )


def largest_correlation(
    system: Any,
    *,
    solver: str,
    tol: float,
    max_iter: int,
    block: int,
    start: Array | None,
    seed: int,
) -> CanonicalCorrelation:
    """The largest pair of a system with the interface of `Equilibration`, and what it means."""
    starts = system.arranged(_starts(system, seed, min(block, system.gain_size) + 1))
    rows = starts[..., :-1, :]
    if start is not None:
        rows = np.concatenate([start[..., None, :], rows[..., 1:, :]], axis=-2)
    workspace: list[Array] = []
    if solver == "power":
        pair = power(system.product, rows[..., 0, :], tol=tol, max_iter=max_iter)
    else:
        pair = _first(system, rows, tol, max_iter, workspace)
    probe = _second(system, pair, starts[..., -1:, :], workspace)
    s, x = system.solution(pair.vector)
    second = np.maximum(pair.second, probe.value)
    sigma = np.sqrt(np.clip(np.stack([pair.value, second], axis=-1), 0.0, 1.0))
    return CanonicalCorrelation(
        inverse_gains=s,
        signal=x,
        sigma=sigma,
        gap=np.maximum(sigma[..., 0] - sigma[..., 1], 0.0),
        runner_up=system.inverse_gains(probe.vector),
        usable=system.usable,
        rank_deficient=system.whitening.rank_deficient,
        converged=pair.converged,
        residual=pair.residual,
        iterations=pair.iterations,
        products=system.whitening.products,
        solver=solver,
        seed=seed,
    )


def _first(
    system: Any, rows: Array, tol: float, max_iter: int, workspace: list[Array]
) -> LargestPair:
    if rows.shape[-2] == 1 and system.matrices() is not None:
        return small_pairs(system, rows[..., 0, :], tol=tol, max_iter=max_iter)
    return lanczos(_by_rows(system), rows, tol=tol, max_iter=max_iter, workspace=workspace)


def _by_rows(system: Any) -> Any:
    """E E^* of every row of (..., b, k): the rows go in front, where batches broadcast."""

    def product(rows: Array) -> Array:
        return np.moveaxis(system.product(np.moveaxis(rows, -2, 0)), 0, -2)

    return product


def _starts(system: Any, seed: int, count: int) -> Array:
    problem = system.problem
    size = system.gain_size
    numbers = Stream(seed, START_PURPOSE).normal(range(size), 2 * count).T
    rows = numbers[:count]
    if problem.dtype.kind == "c":
        rows = rows + 1j * numbers[count:]
    shape = (*problem.batch_shape, count, size)
    return np.broadcast_to(rows.astype(problem.dtype), shape)


def _given(start: npt.ArrayLike, system: Equilibration) -> Array:
    problem = system.problem
    s = check_entries(start, "start")
    if s.shape[-1] != problem.m:
        remedy = "Pass one reciprocal gain for each sensor."
        raise argument_error("start", f"shape {s.shape}", f"shape (..., {problem.m})", remedy)
    u = system.coordinates_of(s.astype(problem.dtype))
    return np.broadcast_to(u, (*problem.batch_shape, system.gain_size))


def _second(system: Any, pair: LargestPair, start: Array, workspace: list[Array]) -> LargestPair:
    """The largest eigenvalue orthogonal to the solution, to a residual of a thousandth."""
    if system.gain_size < 2:
        nothing = np.zeros_like(pair.value)
        return LargestPair(
            nothing, nothing, np.zeros_like(pair.vector), nothing, nothing == 0, 0, 0
        )
    steps = max(_PROBES, pair.iterations)
    if system.matrices() is not None:
        return small_pairs(
            system, start[..., 0, :], tol=1e-3, max_iter=steps, locked=pair.vector, stagnation=1e-3
        )
    return lanczos(
        _by_rows(system),
        start,
        tol=1e-3,
        max_iter=steps,
        locked=pair.vector[..., None, :],
        stagnation=1e-3,
        workspace=workspace,
    )
