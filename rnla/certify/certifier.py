"""Run the strongest tiers that apply, then measure every candidate on all rows in one pass.

The table by which tiers are chosen is in `certify`.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from .._errors import argument_error, check_positive, check_size
from .._result import FloatArray
from ..basis import Basis
from ..basis.power import power_dimension
from ..tall import as_tall, single_threaded_blas, within_range
from ..tall._device import stays_on_device
from ._certificate import Certificate, TierResult, Witnesses
from ._problem import Problem, check_sample
from ._sums import SampleLike
from ._whole import Whole
from .enumeration import LARGEST_RANK, enumeration_cost, enumeration_tier
from .khatri_rao import LARGEST_DIMENSION, khatri_rao_tier, power_of
from .rank import lost_direction
from .sandwich import check_lewis, sandwich_tier
from .search import HELD_AT_MOST, ascent_tier
from .spectral import spectral_tier
from .statistical import random_directions, statistical_tier

__all__ = ["TIERS", "Certifier"]

TIERS = ("spectral", "enumeration", "ascent", "khatri_rao", "sandwich", "statistical")
_TIE = 1e-12
_SWEEP_FLOPS = 100.0  # sorting and prefix sums, per row and plane
_SWEEP_SHARE = 0.1  # an ascent finds the same extremes at once, so a proof may cost seconds only


class Certifier:
    """Certificates of several samples of one matrix; what does not depend on them is shared.

    Each is the one that `certify_embedding` returns for the same seed, but for `passes`: after the
    first, one pass is enough for a matrix that is small or p = 2, and four otherwise.
    """

    def __init__(self, A: Any, p: float, *, seed: int, basis: Basis | None = None) -> None:
        """`basis` is one of `within_range(A)`, made with the same seed, if the caller has it."""
        given = as_tall(A).distributed()
        self._unspent: int | None = given.passes  # the first certificate counts what comes next
        tall, self._units = within_range(given)
        self._whole = Whole(tall, p, seed, basis=basis)

    @single_threaded_blas()  # with more threads, sums and so results depend on their number
    def __call__(
        self,
        sample: SampleLike,
        *,
        tiers: str | Sequence[str] = "auto",
        starts: int = 10,
        reference: SampleLike | None = None,
        lewis_weights: Any = None,
        budget: float = 1e11,
    ) -> Certificate:
        """Certify one sample; see `certify_embedding`."""
        starts = check_size(starts, name="starts")
        budget = check_positive(budget, "budget")
        tall = self._whole.A
        problem = Problem(self._whole, sample)
        before = tall.passes if self._unspent is None else self._unspent
        self._unspent = None
        if reference is not None:
            reference = check_sample(tall, reference, "reference")
        if tall.is_on_device and (lewis_weights is not None or "sandwich" in tiers):
            raise stays_on_device("A", "rows on a GPU", "lewis_weights= and the tier 'sandwich'")
        lewis = None if lewis_weights is None else check_lewis(lewis_weights, tall.shape[0])
        if problem.rank == 0:
            return _nothing_to_preserve(problem, before)
        chosen = _choose(problem, tiers, budget, lewis)
        problem.search = "ascent" in chosen
        lost = lost_direction(problem)
        run: dict[str, Callable[[], TierResult]] = {
            "spectral": lambda: spectral_tier(problem),
            "enumeration": lambda: enumeration_tier(problem),
            "ascent": lambda: ascent_tier(
                problem,
                starts=starts,
                budget=budget,
                reference=reference,
                lewis=lewis,
                rank_lost=lost is not None,
            ),
            "khatri_rao": lambda: khatri_rao_tier(problem),
            "sandwich": lambda: sandwich_tier(problem, lewis),
        }
        results = [run[name]() for name in chosen if name in run]
        certificate = _assemble(problem, results, "statistical" in chosen, lost, before)
        if self._units is None:
            return certificate
        return replace(certificate, witnesses=certificate.witnesses.rescaled(self._units))


def _choose(
    problem: Problem, tiers: str | Sequence[str], budget: float, lewis: FloatArray | None
) -> list[str]:
    """The tiers to run, in the order of `TIERS`."""
    if tiers != "auto":
        wanted = [tiers] if isinstance(tiers, str) else list(tiers)
        for name in wanted:
            if name not in TIERS:
                raise argument_error(
                    "tiers", repr(name), f"'auto' or some of {list(TIERS)}", "Check the spelling."
                )
        if "spectral" in wanted and problem.p != 2.0:
            raise argument_error(
                "tiers",
                f"'spectral' with p = {problem.p:g}",
                "p = 2",
                "Use tiers='auto', which takes the strongest tier that applies.",
            )
        return [name for name in TIERS if name in wanted]
    p, rank, n = problem.p, problem.rank, problem.A.shape[0]
    if p == 2.0:
        return ["spectral", "statistical"]
    sweep = _SWEEP_FLOPS * enumeration_cost(n, rank) if rank <= LARGEST_RANK else math.inf
    if p == 1.0 and sweep <= _SWEEP_SHARE * budget and n * max(rank, 1) <= HELD_AT_MOST:
        return ["enumeration", "statistical"]
    chosen = ["ascent"]
    k = power_of(p)
    if k is not None:
        dimension = power_dimension(rank, k)
        if dimension <= LARGEST_DIMENSION and float(n) * dimension**2 <= budget:
            chosen.append("khatri_rao")
    if lewis is not None and "khatri_rao" not in chosen:
        chosen.append("sandwich")
    return [*chosen, "statistical"]


def _assemble(
    problem: Problem,
    results: list[TierResult],
    describe: bool,
    lost: FloatArray | None,
    before: int,
) -> Certificate:
    """Measure every candidate on all rows in one pass; keep the extremes and the best proofs."""
    d = problem.A.shape[1]
    names = [result.name for result in results]
    groups = [result.directions for result in results]
    if lost is not None:
        names.append("rank")
        groups.append(lost[:, None])
    # Without any other candidate the random directions are the candidates.
    candidates = np.hstack(groups) if groups else np.empty((d, 0))
    typical = random_directions(problem) if describe or not groups else np.empty((d, 0))
    X = np.hstack([candidates, typical])
    source = np.repeat([*names, "statistical"], [group.shape[1] for group in (*groups, typical)])
    ratios = problem.ratios(candidates, typical)
    # Among equals up to rounding, the first: random directions come last.
    low = int(np.argmax(ratios <= ratios.min() * (1.0 + _TIE)))
    high = int(np.argmax(ratios >= ratios.max() * (1.0 - _TIE)))
    lower, upper = float(ratios[low]), float(ratios[high])
    if lost is not None:
        low, lower = candidates.shape[1] - 1, 0.0
    lowest = [(r.certified_lower, r.name) for r in results if r.certified_lower is not None]
    highest = [(r.certified_upper, r.name) for r in results if r.certified_upper is not None]
    diagnostics = {result.name: result for result in results}
    if describe:
        ratio = ratios[source == "statistical"]
        diagnostics["statistical"] = statistical_tier(problem, ratio, lost is None)
    best_lower, best_upper = max(lowest, default=None), min(highest, default=None)
    proofs = dict.fromkeys(end[1] for end in (best_lower, best_upper) if end is not None)
    return Certificate(
        p=problem.p,
        n=problem.A.shape[0],
        d=d,
        size=problem.indices.size,
        rank=problem.rank,
        lower=lower,
        upper=upper,
        # The measured extremes are true ratios: a bound beyond them by rounding is moved to them.
        certified_lower=None if best_lower is None else min(best_lower[0], lower),
        certified_upper=None if best_upper is None else max(best_upper[0], upper),
        tier=str(source[low if 1.0 - lower > upper - 1.0 else high]),
        proof="+".join(proofs) if proofs else None,
        witnesses=Witnesses(X[:, low].copy(), X[:, high].copy(), problem.p),
        rank_preserved=lost is None,
        diagnostics=diagnostics,
        passes=problem.A.passes - before,
        seed=problem.whole.seed,
        status=problem.basis.status,
    )


def _nothing_to_preserve(problem: Problem, before: int) -> Certificate:
    """A = 0: every sample preserves ||Ax||_p = 0 exactly."""
    n, d = problem.A.shape
    return Certificate(
        p=problem.p,
        n=n,
        d=d,
        size=problem.indices.size,
        rank=0,
        lower=1.0,
        upper=1.0,
        certified_lower=1.0,
        certified_upper=1.0,
        tier="rank",
        proof="rank",
        witnesses=Witnesses(np.zeros(d), np.zeros(d), problem.p),
        rank_preserved=True,
        diagnostics={},
        passes=problem.A.passes - before,
        seed=problem.whole.seed,
        status=problem.basis.status,
    )
