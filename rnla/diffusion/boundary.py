"""The best of K starting noises for a conditional sampler, found once on a few reference pairs.

A deterministic sampler maps noise to an image, x_0 = h(x_T, y) for a condition y. Ma, Yang, Yang,
Fu and Liu, "Solving diffusion ODEs with optimal boundary conditions for better image
super-resolution" (arXiv 2305.15357), argue that the best x_T hardly depends on y, so that one can
be chosen by its mean distance on a small reference set and kept for every new y. The metric of the
paper is a network (LPIPS); here any distance can be passed. How many candidates and reference pairs
the paper takes we could not verify: both are arguments, which is our reading. Cost: K |R| samples
once, nothing later.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from .._errors import ArgumentTypeError, argument_error, check_size
from .._result import FloatArray
from ..random import RNGLike, Stream, resolve_seed
from ._arrays import as_state, namespace, on_host, taken
from .noise import normals

__all__ = ["BestNoise", "best_of", "mean_squared_error"]


@dataclass(frozen=True, eq=False)
class BestNoise:
    """The starting noise chosen, to be used with the solver, grid and size it was chosen for.

    Attributes
    ----------
    noise : array, shape of one sample
    index : int
        Its number among the candidates.
    scores : ndarray, shape (K,)
        Mean distance of each candidate over the reference set.
    seed : int or None
        Of the candidates; None if they were given.
    """

    noise: Any
    index: int
    scores: FloatArray
    seed: int | None

    def start(self, batch: int) -> Any:
        """The noise for every sample of a batch, shape (batch, …)."""
        xp = namespace(self.noise)
        return xp.stack([self.noise] * check_size(batch, name="batch"))


def mean_squared_error(found: Any, wanted: Any) -> FloatArray:
    """Mean squared difference of each sample, float64 on the host, shape (batch,).

    Examples
    --------
    >>> mean_squared_error(np.array([[1.0, 3.0]]), np.array([[1.0, 1.0]]))
    array([2.])
    """
    rest = (found - wanted).reshape((found.shape[0], -1))
    return np.asarray(on_host((rest * rest).mean(1)), dtype=np.float64)


def best_of(
    solve: Callable[[Any, Any], Any],
    conditions: Any,
    wanted: Any,
    *,
    count: int | None = None,
    candidates: Any = None,
    metric: Callable[[Any, Any], Any] = mean_squared_error,
    batch: int = 64,
    rng: RNGLike = None,
) -> BestNoise:
    """Choose the starting noise whose samples are nearest to what was wanted.

    Parameters
    ----------
    solve : callable
        ``solve(noise, conditions)``: samples of a deterministic solver from a batch of noises and
        as many conditions, for instance
        ``lambda z, y: sample(model(y), sigma * z, solver="ddim").values``.
    conditions : array, shape (R, …)
        Such as low-resolution images.
    wanted : array, shape (R, …)
        What should come out for each.
    count : int, optional
        Number K of candidates to draw, standard normals like a sample of `wanted`.
    candidates : array, shape (K, …), optional
        Candidates to choose from instead, such as those of an earlier search and some more.
    metric : callable, default `mean_squared_error`
        ``metric(found, wanted)``: a distance for each sample, shape (batch,).
    batch : int, default 64
        Samples to solve for at a time, at most.
    rng : None, int, Generator or SeedSequence
        Seed of the candidates. Candidate k is the same for every K.

    Returns
    -------
    BestNoise

    Notes
    -----
    The best of K never gets worse as K grows with the same seed, and the choice does not depend on
    `batch`. It belongs to one solver, one grid and one size of image.

    Examples
    --------
    >>> import numpy as np
    >>> pairs = np.array([[0.0], [1.0]]), np.array([[0.5], [1.5]])
    >>> best = best_of(lambda z, y: z + y, *pairs, count=200, rng=0)
    >>> bool(abs(best.noise[0] - 0.5) < 0.05), best.start(3).shape
    (True, (3, 1))
    """
    if not callable(solve) or not callable(metric):
        raise argument_error(
            "solve" if not callable(solve) else "metric",
            type(solve if not callable(solve) else metric).__name__,
            "a function of two batches",
            "See the docstring for their arguments.",
            kind=ArgumentTypeError,
        )
    wanted = as_state(wanted, name="wanted")
    pairs = int(wanted.shape[0])
    if not hasattr(conditions, "shape"):
        conditions = np.asarray(conditions)
    if int(conditions.shape[0]) != pairs:
        raise argument_error(
            "conditions",
            f"{int(conditions.shape[0])} of them",
            f"one for each of the {pairs} samples wanted",
            "Pass pairs.",
        )
    if (count is None) == (candidates is None):
        raise argument_error(
            "count",
            f"count={count} and candidates " + ("None" if candidates is None else "given"),
            "one of the two",
            "Pass count=100, say.",
        )
    batch = check_size(batch, name="batch")
    seed = None
    if candidates is None:
        assert count is not None
        seed = resolve_seed(rng)
        like = namespace(wanted).stack([wanted[0]] * check_size(count, name="count"))
        candidates = normals(Stream(seed, "diffusion best noise"), 0, like)
    else:
        candidates = as_state(candidates, name="candidates")
        if tuple(candidates.shape[1:]) != tuple(wanted.shape[1:]):
            raise argument_error(
                "candidates",
                f"samples of shape {tuple(candidates.shape[1:])}",
                f"that of the samples wanted, {tuple(wanted.shape[1:])}",
                "Draw noise of that size.",
            )
    total = int(candidates.shape[0])
    # Pair number j is candidate j // R with reference j % R.
    distances = np.empty(total * pairs)
    for low in range(0, total * pairs, batch):
        which = np.arange(low, min(low + batch, total * pairs))
        first, second = which // pairs, which % pairs
        found = solve(taken(candidates, first), taken(conditions, second))
        distances[which] = _distances(metric(found, taken(wanted, second)), which.size)
    scores = distances.reshape(total, pairs).mean(axis=1)
    index = int(np.argmin(scores))
    return BestNoise(candidates[index], index, scores, seed)


def _distances(values: Any, size: int) -> FloatArray:
    host = np.asarray(values if isinstance(values, (list, tuple, float)) else on_host(values))
    if host.shape != (size,) or not np.isfinite(host).all():
        got = f"shape {host.shape}" if host.shape != (size,) else "nan or inf"
        raise argument_error(
            "metric",
            got,
            f"a finite distance for each of {size} samples",
            "Sum over all axes but the first.",
        )
    return host.astype(np.float64)
