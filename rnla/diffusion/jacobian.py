"""Diagonal and trace of a model's Jacobian from products with random sign vectors.

Products J v are all that is asked of a model (one forward-mode derivative, or two evaluations for
a central difference). E[v ∘ Jv] = diag(J) and E[vᵀJv] = tr(J) for independent random signs v:
Bekas, Kokiopoulou and Saad (Appl. Numer. Math. 2007) and Hutchinson (Commun. Stat. 1989). Hutch++
(Meyer, Musco, Musco and Woodruff, SOSA 2021) spends a third of the products on a basis of the
range, whose part of the trace is exact, and removes the variance of the leading directions. The
rows of a batch have Jacobians of their own, so one product serves all of them.
Cost: `probes` products for the whole batch; the Jacobian is never formed.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from .._errors import argument_error, check_choice, check_size
from .._result import ArrayRecord, FloatArray
from ..random import RNGLike, Stream, resolve_seed
from ..tall import single_threaded_blas
from ._arrays import as_state, cast, dtype_name, on_host

__all__ = ["JacobianEstimate", "directional_derivative", "jacobian_diagonal", "jacobian_trace"]

Function = Callable[[Any], Any]
Product = Callable[[Any, Any], Any]


@dataclass(frozen=True)
class JacobianEstimate(ArrayRecord):
    """What the probes say about the Jacobians of a batch, in float64 on the host.

    Attributes
    ----------
    values : ndarray
        Diagonals, of the shape of x, or traces, one a sample.
    standard_error : ndarray
        Of each value, from the spread over probes; zero where nothing was random, NaN for a
        single random probe.
    products : int
        Jacobian products J v spent on the whole batch.
    method : str
        "exact", "hutchinson" or "hutch++".
    seed : int
    """

    values: FloatArray
    standard_error: FloatArray
    products: int
    method: str
    seed: int


def directional_derivative(function: Function, *, step: float | None = None) -> Product:
    """The product (x, v) -> J(x) v by central differences, two evaluations each.

    Parameters
    ----------
    function : callable
        Takes and returns a batch of shape (B, ...).
    step : float, optional
        Length of the move relative to the size of x along a v of unit root mean square; by
        default the cube root of the dtype's rounding unit, which balances the two errors.

    Returns
    -------
    callable

    Notes
    -----
    The relative error is O(step²) + O(rounding / step): about 1e-10 in double precision.

    Examples
    --------
    >>> import numpy as np
    >>> product = directional_derivative(lambda x: x**2)
    >>> np.round(product(np.array([[3.0, 1.0]]), np.array([[1.0, -1.0]])), 6)
    array([[ 6., -2.]])
    """

    def product(x: Any, v: Any) -> Any:
        relative = _unit(x) ** (1 / 3) if step is None else step
        length = relative * max(1.0, math.sqrt(float((x * x).mean())))
        size = math.sqrt(float((v * v).mean()))
        if size == 0.0:
            return 0.0 * x
        h = length / size
        return (function(x + h * v) - function(x - h * v)) * (0.5 / h)

    return product


def jacobian_diagonal(
    function: Function | None,
    x: Any,
    *,
    probes: int = 16,
    product: Product | None = None,
    rng: RNGLike = None,
) -> JacobianEstimate:
    """Estimate the diagonal of a function's Jacobian at each sample of a batch.

    Parameters
    ----------
    function : callable or None
        Takes and returns a batch of shape (B, ...); may be None if `product` is given.
    x : array, shape (B, ...)
        Samples, NumPy, CuPy or PyTorch; the rows of a batch must not influence each other.
    probes : int, default 16
        Products to spend. With as many as a sample has coordinates the result is exact.
    product : callable, optional
        ``product(x, v)``, the derivative of `function` at x along v; by default central
        differences.
    rng : None, int, Generator or SeedSequence

    Returns
    -------
    JacobianEstimate
        values (B, ...).

    Notes
    -----
    The variance of entry i is the sum of squares of the other entries of row i over `probes`.

    Examples
    --------
    >>> import numpy as np
    >>> estimate = jacobian_diagonal(lambda x: x**2, np.array([[1.0, 2.0, 3.0]]), probes=2, rng=0)
    >>> np.round(estimate.values, 6)
    array([[2., 4., 6.]])
    """
    x, product = _prepare(function, x, product)
    probes = check_size(probes, name="probes")
    seed = resolve_seed(rng)
    batch, width, shape = *_sizes(x), tuple(x.shape)
    if probes >= width:
        values = np.empty((batch, width))
        for j in range(width):
            unit = np.zeros((batch, width))
            unit[:, j] = 1.0
            values[:, j] = _apply(product, x, unit)[:, j]
        return JacobianEstimate(values.reshape(shape), np.zeros(shape), width, "exact", seed)
    total, squares = np.zeros((batch, width)), np.zeros((batch, width))
    for draw in range(probes):
        v = _signs(seed, x, draw)
        entry = v * _apply(product, x, v)
        step = (entry - total) / (draw + 1)
        squares += step * (entry - total) * draw
        total += step
    error = _standard_error(squares, probes)
    return JacobianEstimate(
        total.reshape(x.shape), error.reshape(x.shape), probes, "hutchinson", seed
    )


def jacobian_trace(
    function: Function | None,
    x: Any,
    *,
    probes: int = 16,
    method: str = "auto",
    product: Product | None = None,
    rng: RNGLike = None,
) -> JacobianEstimate:
    """Estimate the trace of a function's Jacobian, its divergence, at each sample of a batch.

    Parameters
    ----------
    function, x
        As in `jacobian_diagonal`.
    probes : int, default 16
        Products to spend.
    method : {"auto", "hutchinson", "hutch++"}
        "auto" is exact with as many probes as coordinates, else "hutch++" from six probes and
        "hutchinson" below.
    product, rng
        As in `jacobian_diagonal`.

    Returns
    -------
    JacobianEstimate
        values (B,).

    Notes
    -----
    Hutchinson's error is O(‖J‖_F / √probes); that of Hutch++ is O(tr J / probes) if J is positive
    semidefinite, as it is for a denoiser, whose Jacobian is a posterior covariance. Hutch++ keeps
    a basis of `probes` // 3 vectors a sample.

    Examples
    --------
    >>> import numpy as np
    >>> A = np.outer([1.0, 2.0, 0.0, 1.0, 1.0, 3.0, 1.0], [1.0, 1.0, 1.0, 0.0, 2.0, 1.0, 1.0])
    >>> estimate = jacobian_trace(lambda x: x @ A.T, np.ones((1, 7)), probes=6, rng=0)
    >>> np.round(estimate.values, 6), estimate.method
    (array([9.]), 'hutch++')
    """
    x, product = _prepare(function, x, product)
    probes = check_size(probes, name="probes")
    check_choice(method, "method", ("auto", "hutchinson", "hutch++"))
    if method == "hutch++" and probes < 3:
        raise argument_error(
            "probes", probes, "at least 3 for Hutch++", 'Pass probes=6 or method="hutchinson".'
        )
    seed = resolve_seed(rng)
    batch, width = _sizes(x)
    if method == "auto":
        if probes >= width:
            exact = jacobian_diagonal(None, x, probes=width, product=product, rng=seed)
            traces = exact.values.reshape(batch, width).sum(axis=1)
            return JacobianEstimate(traces, np.zeros(batch), width, "exact", seed)
        method = "hutch++" if probes >= 6 else "hutchinson"
    if method == "hutchinson":
        values, error = _hutchinson(product, x, seed, probes, None)
        return JacobianEstimate(values, error, probes, method, seed)
    rank = probes // 3
    columns = [_apply(product, x, _signs(seed, x, draw)) for draw in range(rank)]
    with single_threaded_blas():
        Q = np.linalg.qr(np.stack(columns, axis=2)).Q
    head = sum(_dots(Q[:, :, j], _apply(product, x, Q[:, :, j])) for j in range(Q.shape[2]))
    rest = probes - rank - Q.shape[2]
    values, error = _hutchinson(product, x, seed, rest, Q, first=rank)
    return JacobianEstimate(head + values, error, probes, method, seed)


def _hutchinson(
    product: Product, x: Any, seed: int, probes: int, Q: Any, *, first: int = 0
) -> tuple[FloatArray, FloatArray]:
    """Mean and standard error of vᵀJv, v projected off the columns of Q."""
    values = []
    for draw in range(first, first + probes):
        v = _signs(seed, x, draw)
        if Q is not None:
            v = v - np.einsum("bij,bj->bi", Q, np.einsum("bij,bi->bj", Q, v))
        values.append(_dots(v, _apply(product, x, v)))
    table = np.asarray(values)
    return table.mean(axis=0), _standard_error(table.var(axis=0) * probes, probes)


def _standard_error(squares: FloatArray, probes: int) -> FloatArray:
    if probes == 1:
        return np.full(squares.shape, np.nan)
    error: FloatArray = np.sqrt(squares / (probes * (probes - 1)))
    return error


def _dots(v: FloatArray, w: FloatArray) -> FloatArray:
    dots: FloatArray = np.einsum("bi,bi->b", v, w)
    return dots


def _signs(seed: int, x: Any, draw: int) -> FloatArray:
    """One sign for each coordinate of each sample, (B, width), on the host."""
    batch, width = _sizes(x)
    signs = Stream(seed, "jacobian probe").signs(range(batch * width), draw=draw)
    return signs.reshape(batch, width)


def _sizes(x: Any) -> tuple[int, int]:
    """Samples, and coordinates of one."""
    return int(x.shape[0]), math.prod(x.shape[1:])


def _unit(x: Any) -> float:
    """Rounding unit of the dtype."""
    name = dtype_name(x)
    return 2.0**-7 if name == "bfloat16" else float(np.finfo(name).eps)


def _apply(product: Product, x: Any, v: FloatArray) -> FloatArray:
    """J v for a host array v (B, width), float64 on the host."""
    result = product(x, cast(v.reshape(tuple(x.shape)), x))
    if tuple(getattr(result, "shape", ())) != tuple(x.shape):
        raise argument_error(
            "product",
            f"a result of shape {tuple(getattr(result, 'shape', ()))}",
            f"the shape of x, {tuple(x.shape)}",
            "Return one derivative for each coordinate.",
        )
    return on_host(result).reshape(v.shape).astype(np.float64, copy=False)


def _prepare(function: Function | None, x: Any, product: Product | None) -> tuple[Any, Product]:
    x = as_state(x)
    if len(x.shape) < 2:
        raise argument_error(
            "x", f"shape {tuple(x.shape)}", "a batch (B, ...) of samples", "Pass x[None]."
        )
    if product is None:
        if function is None:
            raise argument_error(
                "function", "None", "a function where product= is missing", "Pass one of the two."
            )
        product = directional_derivative(function)
    return x, product
