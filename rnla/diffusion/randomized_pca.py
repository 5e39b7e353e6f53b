"""Mean and leading covariance eigenpairs of a set of samples, by randomized subspace iteration.

A Gaussian sketch of the centred rows spans, after a few multiplications by the covariance, nearly
the leading eigenvectors; Rayleigh-Ritz on that span gives eigenvalues (Halko, Martinsson and Tropp,
SIAM Review 2011, algorithms 4.4 and 5.3; Musco and Musco, NeurIPS 2015, for the iteration count).
The rows are read in passes, wherever they live, and are never copied nor centred in memory: the
mean is subtracted from products. Cost: 3 + `powers` passes, O(n d l) work each for l = rank +
oversampling, O(d l) memory. With few columns the covariance is formed instead, in two passes.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np

from .._errors import argument_error, check_choice, check_size, check_whole
from .._result import FloatArray
from ..random import RNGLike, resolve_seed
from ..sketch import Gaussian as GaussianSketch
from ..tall import as_tall, single_threaded_blas
from .models.analytic import LowRankGaussian

__all__ = ["PrincipalComponents", "principal_components"]


@dataclass(frozen=True)
class PrincipalComponents:
    """Mean and covariance of samples as eigenpairs and an isotropic rest.

    Attributes
    ----------
    mean : ndarray, shape (d,)
    vectors : ndarray, shape (d, r)
        Orthonormal columns, the leading one first.
    values : ndarray, shape (r,)
        Variances along them, falling.
    tail : float
        Mean variance in the other directions: what total variance is left over d - r.
    method : str
        "exact" or "randomized".
    passes : int
        Over the samples.
    seed : int
    """

    mean: FloatArray
    vectors: FloatArray
    values: FloatArray
    tail: float
    method: str
    passes: int
    seed: int

    def gaussian(
        self, *, tail: bool = True, shape: tuple[int, ...] | None = None
    ) -> LowRankGaussian:
        """The Gaussian with this mean and covariance, a model whose flow is exact.

        Parameters
        ----------
        tail : bool, default True
            Whether it has the variance `tail` off the eigenvectors, or none.
        shape : tuple of int, optional
            Shape of one sample, such as (3, 32, 32); (d,) by default.
        """
        mean = self.mean if shape is None else self.mean.reshape(shape)
        return LowRankGaussian(mean, self.vectors, self.values, tail=self.tail if tail else 0.0)


def principal_components(
    samples: Any,
    *,
    rank: int,
    oversampling: int = 10,
    powers: int = 2,
    method: str = "auto",
    rng: RNGLike = None,
) -> PrincipalComponents:
    """Find the mean and the leading eigenpairs of the covariance of samples.

    Parameters
    ----------
    samples : array_like, sparse array, file or TallMatrix, shape (n, d)
        One flattened sample a row; anything that `rnla.as_tall` takes.
    rank : int
        Number r of eigenpairs.
    oversampling : int, default 10
        Directions beyond `rank` that the sketch has.
    powers : int, default 2
        Multiplications by the covariance before the last.
    method : {"auto", "exact", "randomized"}
        "auto" forms the d x d covariance if d is at most 256 or 4 (rank + oversampling).
    rng : None, int, Generator or SeedSequence

    Returns
    -------
    PrincipalComponents

    Raises
    ------
    ArgumentError
        If the rank exceeds d, or there are fewer than two samples.

    Notes
    -----
    The covariance is that of the samples as a distribution: divided by n. The eigenvalues found by
    the randomized method are never above the true ones, up to rounding.

    Examples
    --------
    >>> import numpy as np
    >>> samples = np.array([[1.0, 2.0], [3.0, 2.0], [2.0, 2.5], [2.0, 1.5]])
    >>> found = principal_components(samples, rank=1)
    >>> found.mean, found.values, found.tail, found.method
    (array([2., 2.]), array([0.5]), 0.125, 'exact')
    """
    tall = as_tall(samples, name="samples", require_tall=False)
    n, d = tall.shape
    if n < 2:
        raise argument_error("samples", f"{n} row(s)", "at least two samples", "Pass more.")
    rank = check_size(rank, d, name="rank")
    oversampling = check_whole(oversampling, "oversampling", example=10)
    powers = check_whole(powers, "powers", example=2)
    check_choice(method, "method", ("auto", "exact", "randomized"))
    seed = resolve_seed(rng)
    width = min(rank + oversampling, d)
    spent = tall.passes
    if method == "auto":
        method = "exact" if d <= max(256, 4 * width) else "randomized"
    sums = tall.fold(_sums, (2, d))
    mean, squares = sums[0] / n, float(sums[1].sum())
    total = max(squares / n - float(mean @ mean), 0.0)
    if method == "exact":
        product = tall.fold(partial(_covariance_product, mean, np.eye(d)), (d, d)) / n
        with single_threaded_blas():
            values, vectors = np.linalg.eigh(0.5 * (product + product.T))
        total = float(np.maximum(values, 0.0).sum())
    else:
        sketch = GaussianSketch(width, n).draw(seed)
        rows = tall.with_columns(ones=True).sketch(sketch)
        with single_threaded_blas():
            Q = np.linalg.qr((rows[:, :d] - np.outer(rows[:, d], mean)).T).Q
        for _ in range(powers):
            product = tall.fold(partial(_covariance_product, mean, Q), (d, width))
            with single_threaded_blas():
                Q = np.linalg.qr(product).Q
        product = tall.fold(partial(_covariance_product, mean, Q), (d, width)) / n
        with single_threaded_blas():
            small = Q.T @ product
            values, turns = np.linalg.eigh(0.5 * (small + small.T))
            vectors = Q @ turns
    order = np.argsort(values)[::-1][:rank]
    kept = np.maximum(values[order], 0.0)
    rest = max(total - float(kept.sum()), 0.0)
    tail = rest / (d - rank) if rank < d else 0.0
    vectors = np.ascontiguousarray(vectors[:, order])
    return PrincipalComponents(mean, vectors, kept, tail, method, tall.passes - spent, seed)


def _sums(block: Any, start: int, out: FloatArray) -> None:
    """Sums of the columns, and of their squares."""
    out[0] += np.asarray(block.sum(axis=0)).ravel()
    out[1] += np.asarray((block * block).sum(axis=0)).ravel()


def _covariance_product(
    mean: FloatArray, Q: FloatArray, block: Any, start: int, out: FloatArray
) -> None:
    """Add (A - 1 mᵀ)ᵀ (A - 1 mᵀ) Q of the block's rows, without centring them."""
    moved = block @ Q - mean @ Q
    out += block.T @ moved - np.outer(mean, moved.sum(axis=0))
