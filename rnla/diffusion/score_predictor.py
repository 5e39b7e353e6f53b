"""Scores of solvers predicted from descriptions of them: ridge regression on random features.

The predictor of S³ is a network that was not published; here it is ridge regression on random
Fourier features (Rahimi and Recht, NeurIPS 2007) of the decisions, our reading. E. Liu, X. Ning,
H. Yang, Y. Wang (ICLR 2024, arXiv 2312.07243).
Cost: features² · candidates flops per fit.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from .._errors import argument_error, check_positive, check_size
from ..random import RNGLike, Stream, resolve_seed
from ..sketch import Gaussian as GaussianSketch

__all__ = ["ScorePredictor"]

Values = npt.NDArray[np.float64]


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
