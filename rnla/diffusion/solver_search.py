"""Search for solvers in the unified framework: evolution, and evolution led by a predictor.

`evolutionary_search` keeps the best candidates and scores their children, as the public program of
USF does. `predictor_search` works in stages as the paper's S³ does: all candidates scored so far
train a predictor, which then chooses the children worth scoring. The paper's predictor is a network
that was not published; here it is ridge regression on random Fourier features of the decisions, our
reading. E. Liu, X. Ning, H. Yang, Y. Wang (ICLR 2024, arXiv 2312.07243).
Cost: one score per candidate; the predictor costs features² · candidates flops per stage.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from .._errors import argument_error, check_fraction, check_positive, check_size
from ..random import RNGLike, Stream, resolve_seed
from ..sketch import Gaussian as GaussianSketch
from .solver_space import Candidate, SolverSpace

__all__ = ["ScorePredictor", "SolverSearch", "evolutionary_search", "predictor_search"]

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
    score, space, population, budget, parents, crossover, rng
        As in `evolutionary_search`.
    stages : int, default 5
        How often the predictor is trained. The first stage scores random candidates.
    pool : int, default 400
        Children among which each stage picks.
    explore : float, default 0.2
        Part of each stage that is spent on children picked at random.

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


@dataclass(frozen=True, eq=False)
class ScorePredictor:
    """Ridge regression of log scores on random Fourier features.

    The features are cos(ω·f + b) with ω Gaussian, drawn as a Gaussian sketch of the standardised
    description f, and the description itself; the width is the median distance of the training set.

    Attributes
    ----------
    mean, scale : ndarray of float64, shape (p,)
        Standardisation of the description.
    frequencies : ndarray of float64, shape (features, p)
        The vectors ω.
    phases : ndarray of float64, shape (features,)
        The numbers b.
    weights : ndarray of float64, shape (1 + p + features,)
        The regression.
    """

    mean: Values
    scale: Values
    frequencies: Values
    phases: Values
    weights: Values

    @classmethod
    def fit(
        cls,
        descriptions: Sequence[Values],
        scores: Sequence[float],
        *,
        features: int = 128,
        ridge: float = 1.0,
        rng: RNGLike = None,
    ) -> ScorePredictor:
        """Fit to scored candidates.

        Parameters
        ----------
        descriptions : sequence of ndarray, each of shape (p,)
            From `SolverSpace.features`.
        scores : sequence of float
            Positive, infinite allowed: taken as ten times the worst finite one.
        features : int, default 128
            Number of random features.
        ridge : float, default 1
            Weight of the squared coefficients of standardised features.
        rng : None, int, Generator or SeedSequence
            Seed of the features.

        Returns
        -------
        ScorePredictor
            The regression.

        Raises
        ------
        ArgumentError
            If no score is finite.
        """
        features, seed = check_size(features, name="features"), resolve_seed(rng)
        check_positive(ridge, "ridge")
        table = np.asarray(descriptions, dtype=np.float64)
        values = _log_scores(scores)
        mean, scale = table.mean(axis=0), table.std(axis=0)
        scale = np.where(scale > 1e-12, scale, 1.0)
        standard = (table - mean) / scale
        gaps = np.sqrt(((standard[:, None] - standard[None]) ** 2).sum(axis=2))
        width = float(np.median(gaps[gaps > 0.0])) if (gaps > 0.0).any() else 1.0
        sketch = GaussianSketch(features, table.shape[1]).draw(seed)
        # The sketch has variance 1/features; frequencies of a Gaussian kernel have 1/width².
        frequencies = np.asarray(sketch @ np.eye(table.shape[1])) * (np.sqrt(features) / width)
        stream = Stream(seed, "diffusion.score_predictor")
        phases = 2.0 * np.pi * stream.uniform(range(features))
        empty = cls(mean, scale, frequencies, phases, np.zeros(0))
        design = empty._design(table)
        penalty = np.sqrt(ridge) * np.eye(design.shape[1])
        penalty[0, 0] = 0.0
        weights = np.linalg.lstsq(
            np.concatenate([design, penalty]),
            np.concatenate([values, np.zeros(len(penalty))]),
            rcond=None,
        )[0]
        return cls(mean, scale, frequencies, phases, np.asarray(weights, dtype=np.float64))

    def predict(self, descriptions: Sequence[Values]) -> Values:
        """Return predicted logarithms of scores.

        Parameters
        ----------
        descriptions : sequence of ndarray, each of shape (p,)
            From `SolverSpace.features`.

        Returns
        -------
        ndarray of float64
            One for each.
        """
        values = self._design(np.asarray(descriptions, dtype=np.float64)) @ self.weights
        return np.asarray(values, dtype=np.float64)

    def _design(self, table: Values) -> Values:
        standard = (table - self.mean) / self.scale
        waves = np.cos(standard @ self.frequencies.T + self.phases)
        waves *= np.sqrt(2.0 / len(self.phases))
        ones = np.ones((len(table), 1))
        linear = standard / np.sqrt(table.shape[1])
        return np.concatenate([ones, linear, waves], axis=1)


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


def _log_scores(scores: Sequence[float]) -> Values:
    """Return logarithms, with a penalty for runs that were not finite."""
    values = np.asarray(scores, dtype=np.float64)
    finite = np.isfinite(values)
    if not finite.any():
        raise argument_error(
            "scores", "none that is finite", "at least one", "Start from working solvers."
        )
    worst = values[finite].max()
    values = np.where(finite, values, 10.0 * abs(worst))
    return np.asarray(np.log(np.maximum(values, 1e-300)), dtype=np.float64)
