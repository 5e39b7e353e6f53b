"""Compile every kernel for the types that occur, so that no first call has to wait.

Numba keeps the machine code beside the sources (or in NUMBA_CACHE_DIR): once per installation.
"""

from __future__ import annotations

import pkgutil
import time
from typing import Any

import numpy as np
import scipy.sparse as sp

from . import approximation, dpp, kernels, sampling, scores
from .kernels import (
    als_sweep,
    diagonal_products,
    lanczos_pairs,
    largest_ritz,
    power_rows,
    residual_product,
    two_sum,
)
from .random import Stream
from .scores import online_scores
from .sketch import (
    LESS,
    Cauchy,
    CountSketch,
    Distribution,
    Gaussian,
    PStable,
    Rademacher,
    SparseSign,
    SubsampledHadamard,
    hadamard_transform,
)
from .tall import as_tall

__all__ = ["compile_kernels"]


def compile_kernels() -> dict[str, Any]:
    """Call every kernel once on a tiny problem.

    Returns
    -------
    dict
        ``kernels``: the names of the kernels that are ready; ``seconds``: how long it took.

    Examples
    --------
    >>> "philox" in compile_kernels()["kernels"]
    True
    """
    start = time.perf_counter()
    for dtype in (np.float64, np.float32):
        A = np.eye(8, 2, dtype=dtype)
        for source in (A, sp.csr_array(A)):
            _passes(source)
    two_sum.add_to_pair(np.zeros(2), np.zeros(2), np.ones(2))
    residual_product.add_residual_product(np.eye(4, 2), np.ones(2), np.ones(4), None, np.zeros(3))
    _powers()
    _diagonals()
    _extended()
    _draws()
    _scores()
    _samples()
    _bases()
    return {"kernels": _ready(), "seconds": time.perf_counter() - start}


def _passes(source: Any) -> None:
    tall = as_tall(source)
    n, d = tall.shape
    tall.scan()
    tall.gram()
    tall.gram(row_scale=np.ones(n))
    tall.row_norms()
    tall.row_norms(np.eye(d), p=1.0)
    tall.quadratic(np.eye(d))
    for kind in (SparseSign(4, n, nnz=2), SubsampledHadamard(4, n)):
        S = kind.draw(0)
        S.T @ tall.sketch(S)
    online_scores(tall)


def _powers() -> None:
    one = np.ones(2)
    for w in (None, one):
        power_rows.power_rows(one, one, w, 3.0)
        power_rows.guided_power_rows(one, one, one, np.ones((2, 2)), one, w, 1.5, 1.0)


def _diagonals() -> None:
    for real, kind in ((np.float64, np.complex128), (np.float32, np.complex64)):
        signs, power = np.ones(2, dtype=real), np.zeros(2, dtype=real)
        v = np.ones(2, dtype=kind)
        for diagonal in (signs, v):
            diagonal_products.multiply_strip(diagonal, v, 2, 0, 2, v[None].copy())
            diagonal_products.add_strip(diagonal, v[None], 2, 0, 2, v.copy())
        rows, out = v[None], v[None].copy()
        for product in (diagonal_products.set_product, diagonal_products.add_product):
            product(rows, rows, out)
        diagonal_products.multiply(rows, rows, out)
        diagonal_products.twiddle(rows, rows[:, :1], 2, out, False)
        diagonal_products.scale(power[None], out)
        diagonal_products.als_residual(rows, rows, out)
        diagonal_products.add_gain_sums(rows, rows, rows, out, power[None])
        diagonal_products.transpose(rows, 0, 1, np.empty((2, 1), dtype=kind))
        diagonal_products.transpose(power[None], 0, 1, np.empty((2, 1), dtype=real))
    largest_ritz.largest_ritz(np.ones((1, 2)), np.ones((1, 1)))
    for dtype in (np.float64, np.complex128):
        _small_batches(np.eye(2, dtype=dtype)[None])


def _small_batches(A: Any) -> None:
    rows = A[:, :1].copy()
    for locked in (None, rows[:, 0]):
        lanczos_pairs.lanczos_pairs(
            A, rows[:, 0], locked, square=True, tol=1.0, max_iter=2, stagnation=1.0
        )
    lanczos_pairs.hermitian_sums(rows, A, np.ones((1, 2)))
    one, squares = np.ones(1, dtype=bool), als_sweep.squares(A, one_signal=True)
    als_sweep.signal_step(squares, rows[:, 0], rows, one, rows.copy())
    numbers = np.zeros(1)
    before = als_sweep.Sums(rows[:, 0], np.zeros((1, 2)), rows, numbers, numbers)
    als_sweep.gain_sums(rows, rows[:, 0], rows, one, before)


def _extended() -> None:
    """What only ill-conditioned matrices call."""
    from .kernels import csr_extended, split_rows

    A = np.eye(4, 2)
    split_rows.split_dense(A, np.ones(2), 20)
    csr = sp.csr_array(A)
    split_rows.split_csr(csr.data, csr.indices, csr.indptr, np.ones(2), 20)
    parts = np.zeros((3, 2, 2))
    csr_extended.add_gram(csr.data, csr.indices, csr.indptr, np.ones(2), None, parts)
    csr_extended.quadratic(csr.data, csr.indices, csr.indptr, np.ones(2), parts)


def _draws() -> None:
    stream = Stream(0, "warmup")
    stream.words(range(4))
    stream.words(np.arange(4))
    stream.uniform(range(4))
    random: tuple[Distribution, ...] = (Gaussian(2, 4), Rademacher(2, 4), Cauchy(2, 4))
    for kind in (*random, PStable(2, 4, p=1.5), CountSketch(2, 4), LESS(2, 4, scores=np.ones(4))):
        kind.draw(0).toarray()
    hadamard_transform(np.ones((2**18, 1)))


def _scores() -> None:
    A = np.eye(8, 2) + 0.1
    scores.lewis_weights(A, 3.0, rng=0)


def _samples() -> None:
    q = np.full(8, 0.5)
    for design in sampling.DESIGNS:
        sampling.sample_rows(q, design=design, rng=0)
    sampling.sampling_probabilities(np.arange(8.0), 4)
    sampling.spatial_order(np.random.default_rng(0).random((8, 2)))
    for method in ("reverse", "rejection"):
        dpp.volume_sample(np.ones((8, 1)), 1, method=method, rng=0)
    for method in ("chain", "rejection"):
        dpp.projection_dpp(np.ones((8, 1)), method=method, rng=0)


def _bases() -> None:
    basis = approximation.TensorBasis(approximation.Gaussian(), 2)
    x = basis.induced_sample(8, rng=0)
    basis.evaluate_normalised(x)
    basis.evaluate_normalised([1e200])  # by binary exponents
    basis.gradient(x)
    circle = approximation.Uniform()
    waves = approximation.TensorBasis(circle, 2, families=[approximation.Fourier(circle)])
    approximation.classical_dpp_design(waves, rng=0)


def _ready() -> list[str]:
    """Kernels of which at least one function has machine code in this process."""
    import importlib

    names = []
    for info in pkgutil.iter_modules(kernels.__path__):
        if not info.ispkg:
            continue
        module = importlib.import_module(f"{kernels.__name__}.{info.name}.cpu")
        compiled = [value for value in vars(module).values() if getattr(value, "signatures", None)]
        if compiled:
            names.append(info.name)
    return names
