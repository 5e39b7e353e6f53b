"""Products one measurement at a time against those of all at once."""

from __future__ import annotations

import copy
import pickle
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest

import rnla.calibration._krylov_basis as krylov
import rnla.calibration._split_transform as halves
import rnla.calibration._successive as module
from rnla.calibration import MaskedFourier, PartialFourier, Problem, canonical_correlation
from rnla.calibration._krylov_basis import KrylovBasis, row_norms
from rnla.calibration._split_transform import SplitTransform, grid_shape
from rnla.calibration._successive import Successive, successive

M, N, P = 240, 130, 5


def numbers(rng, *shape):
    return rng.standard_normal(shape) + 1j * rng.standard_normal(shape)


@pytest.fixture(params=["repeated", "diverse", "snapshots", "masks"])
def problem(request, monkeypatch):
    monkeypatch.setattr(module, "_LARGE", 1)
    monkeypatch.setattr(halves, "_CHUNK", 50)
    monkeypatch.setattr(halves, "_ROOTS", 7)
    rng = np.random.default_rng(0)
    if request.param == "masks":
        operators = MaskedFourier(np.exp(2j * np.pi * rng.random((P, 5, 6, 8))))
        return Problem(numbers(rng, P, M), operators)
    maps = 1 if request.param == "snapshots" else P
    operators = PartialFourier(M, rng.choice([-1.0, 1.0], (maps, N)))
    return Problem(numbers(rng, P, M), operators, model=request.param)


def close(found, expected):
    size = np.abs(expected).max()
    np.testing.assert_allclose(found, expected, rtol=0, atol=1e-13 * size + 1e-11 * (size < 10))


def test_products_match_those_of_all_at_once(problem):
    rng = np.random.default_rng(1)
    one = successive(problem)
    s, d, power = numbers(rng, M), numbers(rng, M), rng.random(M)
    x = numbers(rng, *problem.signal_shape)
    y = problem.data
    there, back = one.split.arranged, one.split.in_order
    close(one.analysis(there(s)), problem.analysis(y * s))
    close(back(one.cross(x)), (y.conj() * problem.synthesis(x)).sum(axis=0))
    close(back(one.product(there(s))), problem.cross(problem.analysis(y * s)))
    close(one.normal(x, there(power)), problem.analysis(power * problem.synthesis(x)))
    v = problem.synthesis(x)
    top, below, cost = one.gain_sums(x, there(d))
    close(back(top), (v.conj() * y).sum(axis=0))
    close(back(below), (np.abs(v) ** 2).sum(axis=0))
    close(one.gradient(x, there(d)), problem.analysis(d.conj() * (y - d * v)))
    np.testing.assert_allclose(cost, (np.abs(y - d * v) ** 2).sum())


@pytest.mark.parametrize("threads", ["2", "3", "8"])
def test_any_number_of_threads_gives_the_same_bits(problem, threads, monkeypatch):
    s = numbers(np.random.default_rng(2), M)
    monkeypatch.setenv("RNLA_THREADS", "1")
    expected = Successive(problem).product(s)
    assert successive(problem) is successive(problem)
    monkeypatch.setenv("RNLA_THREADS", threads)
    one = Successive(problem)
    for _ in range(5):
        assert np.array_equal(one.product(s), expected)


def test_threads_may_share_a_problem(problem, monkeypatch):
    """The grid of a problem is that of one product at a time."""
    monkeypatch.setenv("RNLA_THREADS", "2")
    expected = canonical_correlation(problem, max_iter=15).inverse_gains
    with ThreadPoolExecutor(4) as pool:
        runs = [pool.submit(canonical_correlation, problem, max_iter=15) for _ in range(8)]
        for run in runs:
            np.testing.assert_array_equal(run.result().inverse_gains, expected)


def test_problems_can_be_copied_between_products(problem):
    s = numbers(np.random.default_rng(2), M)
    expected = successive(problem).product(s)
    for copied in (copy.deepcopy(problem), pickle.loads(pickle.dumps(problem))):
        one = copied.factors[Successive]
        assert one.split is not successive(problem).split
        np.testing.assert_array_equal(one.product(s), expected)
        np.testing.assert_array_equal(successive(copied).product(s), expected)


def test_an_error_in_a_thread_reaches_the_caller(problem, monkeypatch):
    def broken(first, last):
        raise FloatingPointError("broken")

    monkeypatch.setenv("RNLA_THREADS", "3")
    one = successive(problem)
    monkeypatch.setattr(one.split, "rows_back", broken)
    with pytest.raises(FloatingPointError, match="broken"):
        one.product(np.ones(M, dtype=complex))


def test_canonical_correlation_is_the_same(problem, monkeypatch):
    found = canonical_correlation(problem, max_iter=30)
    monkeypatch.setattr(module, "_LARGE", 10**9)
    expected = canonical_correlation(problem, max_iter=30)
    close(found.sigma, expected.sigma)
    close(found.inverse_gains, expected.inverse_gains)
    close(found.signal, expected.signal)
    assert found.products == expected.products


def test_weights_batches_and_small_problems_take_the_other_way(problem, monkeypatch):
    many = Problem(np.stack([problem.data] * 2), problem.operators, model=problem.model)
    assert successive(many) is None
    prime = PartialFourier(241, np.ones((P, N)))
    assert successive(Problem(np.ones((P, 241)), prime)) is None
    monkeypatch.setattr(module, "_LARGE", 10**9)
    assert successive(problem) is None


@pytest.mark.parametrize("shape", [(6,), (49,), (64,), (2 * 17,), (960,), (4, 6), (3, 4, 5)])
@pytest.mark.parametrize("dtype", [np.complex64, np.complex128])
def test_transforms_in_two_halves(shape, dtype):
    rng = np.random.default_rng(5)
    x = numbers(rng, *shape).astype(dtype)
    split = SplitTransform(shape, dtype)
    grid = split.grid[:, : split.columns]
    grid[:] = x.reshape(grid.shape)
    split.each_columns(split.columns_forth)
    split.each_rows(split.rows_forth)
    tolerance = 20 * np.finfo(dtype).eps * np.linalg.norm(np.fft.fftn(x))
    expected = np.fft.fftn(x).ravel()
    np.testing.assert_allclose(split.in_order(grid.ravel()), expected, rtol=0, atol=tolerance)
    np.testing.assert_allclose(grid.ravel(), split.arranged(expected), rtol=0, atol=tolerance)
    split.each_rows(split.rows_back)
    split.each_columns(split.columns_back)
    np.testing.assert_allclose(grid.ravel(), x.size * x.ravel(), rtol=0, atol=tolerance * x.size)


def test_grids_are_as_square_as_the_length_allows():
    shapes = [grid_shape(s) for s in [(2**20,), (2**19,), (60,), (7,), (5, 6, 7)]]
    assert shapes == [(1024, 1024), (512, 1024), (6, 10), None, (30, 7)]


@pytest.mark.parametrize("threads", ["1", "3"])
def test_krylov_basis_in_blocks(threads, monkeypatch):
    monkeypatch.setattr(krylov, "_COLUMNS", 7)
    monkeypatch.setenv("RNLA_THREADS", threads)
    rng = np.random.default_rng(3)
    Q = np.linalg.qr(numbers(rng, 40, 12))[0].T
    basis = KrylovBasis(Q[:2], (1, 40), Q.dtype)
    for row in Q[2:]:
        basis.append(row[None])
    W = numbers(rng, 1, 40) + 1e8 * Q[-1:]
    for recent in (0, 2):
        left, components = basis.purged(W, recent=recent)
        assert np.abs(basis.rows.conj() @ left.T).max() < 1e-13 * np.linalg.norm(W)
        np.testing.assert_allclose(components, Q.conj() @ W.T, atol=1e-7)
        np.testing.assert_allclose(left + components.T @ Q, W, atol=1e-6)
    c = numbers(rng, 1, 10)
    close(basis.combination(c), c @ Q[2:])


@pytest.mark.parametrize("kind", [float, complex])
def test_norms_of_rows_in_any_layout(kind, monkeypatch):
    monkeypatch.setattr(krylov, "_COLUMNS", 7)
    W = numbers(np.random.default_rng(4), 3, 40)
    W = W if kind is complex else W.real
    for one in (W, np.asfortranarray(W), W[:, ::-2]):
        np.testing.assert_allclose(row_norms(one), np.linalg.norm(one, axis=-1))
