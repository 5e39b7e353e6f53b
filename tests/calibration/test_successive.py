"""Products one measurement at a time against those of all at once."""

from __future__ import annotations

import numpy as np
import pytest

import rnla.calibration._krylov_basis as krylov
import rnla.calibration._successive as module
from rnla.calibration import MaskedFourier, PartialFourier, Problem, canonical_correlation
from rnla.calibration._krylov_basis import KrylovBasis, row_norms
from rnla.calibration._successive import successive

M, N, P = 30, 18, 5


def numbers(rng, *shape):
    return rng.standard_normal(shape) + 1j * rng.standard_normal(shape)


@pytest.fixture(params=["repeated", "diverse", "snapshots", "masks"])
def problem(request, monkeypatch):
    monkeypatch.setattr(module, "_LARGE", 1)
    rng = np.random.default_rng(0)
    if request.param == "masks":
        operators = MaskedFourier(np.exp(2j * np.pi * rng.random((P, 5, 6))))
        return Problem(numbers(rng, P, M), operators)
    maps = 1 if request.param == "snapshots" else P
    operators = PartialFourier(M, rng.choice([-1.0, 1.0], (maps, N)))
    return Problem(numbers(rng, P, M), operators, model=request.param)


def close(found, expected):
    np.testing.assert_allclose(found, expected, rtol=0, atol=1e-11)


def test_products_match_those_of_all_at_once(problem):
    rng = np.random.default_rng(1)
    one = successive(problem)
    s, d = numbers(rng, M), numbers(rng, M)
    x = numbers(rng, *problem.signal_shape)
    y = problem.data
    close(one.analysis(s), problem.analysis(y * s))
    close(one.cross(x), (y.conj() * problem.synthesis(x)).sum(axis=0))
    close(one.product(s), problem.cross(problem.analysis(y * s)))
    for power in (rng.random(M), rng.random((P, M))):
        close(one.normal(x, power), problem.analysis(power * problem.synthesis(x)))
    v = problem.synthesis(x)
    top, below, cost = one.gain_sums(x, d)
    close(top, (v.conj() * y).sum(axis=0))
    close(below, (np.abs(v) ** 2).sum(axis=0))
    close(one.gradient(x, d), problem.analysis(d.conj() * (y - d * v)))
    np.testing.assert_allclose(cost, (np.abs(y - d * v) ** 2).sum())


@pytest.mark.parametrize("threads", ["2", "3", "8"])
def test_any_number_of_threads_gives_the_same_bits(problem, threads, monkeypatch):
    s = numbers(np.random.default_rng(2), M)
    monkeypatch.setenv("RNLA_THREADS", "1")
    expected = successive(problem).product(s)
    monkeypatch.setenv("RNLA_THREADS", threads)
    for _ in range(5):
        assert np.array_equal(successive(problem).product(s), expected)


def test_an_error_in_a_thread_reaches_the_caller(problem, monkeypatch):
    def broken(buffer):
        raise FloatingPointError("broken")

    monkeypatch.setattr(problem.operators, "transform", broken)
    with pytest.raises(FloatingPointError, match="broken"):
        successive(problem).product(np.ones(M, dtype=complex))


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
    monkeypatch.setattr(module, "_LARGE", 10**9)
    assert successive(problem) is None


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
