"""Search for solvers in the unified framework: evolution, and evolution led by a predictor.

`evolutionary_search` keeps the best candidates and scores their children, as the public program of
USF does. `predictor_search` works in stages as the paper's S³ does: all candidates scored so far
train a `ScorePredictor`, which then chooses the children worth scoring. E. Liu, X. Ning, H. Yang,
Y. Wang (ICLR 2024, arXiv 2312.07243).
Cost: one score per candidate, and one fit of the predictor per stage.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from .._errors import argument_error, check_fraction, check_size
from ..random import RNGLike, Stream, resolve_seed
from .score_predictor import ScorePredictor
from .solver_space import Candidate, SolverSpace

__all__ = ["SolverSearch", "evolutionary_search", "predictor_search"]

Values = npt.NDArray[np.float64]
Score = Callable[[Candidate], float]


@dataclass(frozen=True)
class SolverSearch:
    """The best candidate and all that were scored.

    Attributes
    ----------
    best : Candidate
        Of the lowest score.
    score : float
        Its score.
    candidates : tuple of Candidate
        In the order of scoring, the initial population first.
    scores : ndarray of float64
        Their scores; infinite where a run was not finite.
    seed : int
        Seed of the search.
    """

    best: Candidate
    score: float
    candidates: tuple[Candidate, ...]
    scores: Values
    seed: int


def evolutionary_search(
    score: Score,
    space: SolverSpace,
    *,
    population: Sequence[Candidate] | None = None,
    budget: int = 300,
    parents: int = 15,
    crossover: float = 0.5,
    rng: RNGLike = None,
) -> SolverSearch:
    """Search by mutation and crossover of the best candidates.

    Parameters
    ----------
    score : callable
        Of a candidate; lower is better. See `endpoint_score` and `energy_score`.
    space : SolverSpace
        Where to search.
    population : sequence of Candidate, optional
        Scored first; the presets by default.
    budget : int, default 300
        Number of scores in all, at least the size of the population.
    parents : int, default 15
        How many of the best have children.
    crossover : float, default 0.5
        Probability that a child has two parents.
    rng : None, int, Generator or SeedSequence
        Seed of the search.

    Returns
    -------
    SolverSearch
        Its best is no worse than any of the population.

    Raises
    ------
    ArgumentError
        If the budget does not cover the population.

    Examples
    --------
    >>> from rnla.diffusion import VPLinear
    >>> from rnla.diffusion.solver_search import evolutionary_search
    >>> from rnla.diffusion.solver_space import SolverSpace
    >>> space = SolverSpace(VPLinear(), 4)
    >>> found = evolutionary_search(lambda c: abs(c.half_log_snr[1]), space, budget=60, rng=0)
    >>> bool(found.score <= found.scores[:36].min())
    True
    """
    seed = resolve_seed(rng)
    generator = Stream(seed, "diffusion.evolutionary_search").generator()
    record = _Record(score, space, population, budget)
    while record.left:
        child = record.child(generator, parents, crossover)
        record.add(child)
    return record.result(seed)


def predictor_search(
    score: Score,
    space: SolverSpace,
    *,
    population: Sequence[Candidate] | None = None,
    budget: int = 300,
    stages: int = 5,
    pool: int = 400,
    explore: float = 0.2,
    parents: int = 15,
    crossover: float = 0.5,
    rng: RNGLike = None,
) -> SolverSearch:
    """Search in stages: a predictor trained on all scores picks the children to be scored.

    Parameters
    ----------
    score, space, population, budget
        As in `evolutionary_search`.
    stages : int, default 5
        How often the predictor is trained. The first stage scores random candidates.
    pool : int, default 400
        Children among which each stage picks.
    explore : float, default 0.2
        Part of each stage that is spent on children picked at random.
    parents, crossover, rng
        As in `evolutionary_search`.

    Returns
    -------
    SolverSearch
        Its best is no worse than any of the population.

    Raises
    ------
    ArgumentError
        If the budget does not cover the population.

    Notes
    -----
    Our reading of S³: multi-stage search with a learned predictor. See `ScorePredictor`.
    """
    check_fraction(explore, "explore")
    stages, pool = check_size(stages, name="stages"), check_size(pool, name="pool")
    seed = resolve_seed(rng)
    generator = Stream(seed, "diffusion.predictor_search").generator()
    record = _Record(score, space, population, budget)
    share = -(-record.left // stages)
    for stage in range(stages):
        count = min(share, record.left)
        if stage == 0:
            chosen = [space.random(generator) for _ in range(count)]
        else:
            predictor = ScorePredictor.fit(
                [space.features(candidate) for candidate in record.candidates],
                record.scores,
                rng=seed + stage,
            )
            children = [record.child(generator, parents, crossover) for _ in range(pool)]
            predicted = predictor.predict([space.features(child) for child in children])
            order = np.argsort(predicted, kind="stable")
            led = count - int(explore * count)
            rest = generator.permutation(order[led:])[: count - led]
            chosen = [children[k] for k in (*order[:led], *rest)]
        for candidate in chosen:
            record.add(candidate)
    return record.result(seed)


class _Record:
    """Candidates and scores so far, the initial population first."""

    def __init__(
        self,
        score: Score,
        space: SolverSpace,
        population: Sequence[Candidate] | None,
        budget: int,
    ) -> None:
        first = space.presets() if population is None else tuple(population)
        if not first or check_size(budget, name="budget") < len(first):
            raise argument_error(
                "budget",
                f"{budget} for a population of {len(first)}",
                "a population, and a budget that covers it",
                f"Pass budget={max(2 * len(first), 60)}, or a smaller population.",
            )
        self.score, self.space, self.budget = score, space, budget
        self.candidates: list[Candidate] = []
        self.scores: list[float] = []
        for candidate in first:
            self.add(candidate)

    @property
    def left(self) -> int:
        return self.budget - len(self.scores)

    def add(self, candidate: Candidate) -> None:
        value = float(self.score(candidate))
        self.candidates.append(candidate)
        self.scores.append(value if value == value else np.inf)

    def child(self, generator: np.random.Generator, parents: int, crossover: float) -> Candidate:
        best = np.argsort(self.scores, kind="stable")[:parents]
        one = self.candidates[int(generator.choice(best))]
        if generator.random() < crossover:
            other = self.candidates[int(generator.choice(best))]
            one = self.space.cross(one, other, generator)
        return self.space.mutate(one, generator)

    def result(self, seed: int) -> SolverSearch:
        place = int(np.argmin(self.scores))
        return SolverSearch(
            self.candidates[place],
            self.scores[place],
            tuple(self.candidates),
            np.array(self.scores),
            seed,
        )
