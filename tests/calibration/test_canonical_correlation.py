"""Canonical correlations against a dense SVD, iteration counts, invariance, single precision."""

from __future__ import annotations

import numpy as np
import pytest
import scipy.sparse
from hypothesis import given, settings
from hypothesis import strategies as st

from rnla._errors import ArgumentError
from rnla.calibration import (
    PartialFourier,
    Problem,
    SparseOperators,
    canonical_correlation,
    relative_error,
)
from rnla.calibration._lanczos import lanczos
from tests.calibration.cases import MODELS, complex_normal, draw, draw_batch, draw_real
from tests.calibration.dense import canonical_correlations
from tests.counts import count

SIZES = {"repeated": (16, 10, 4), "diverse": (16, 8, 6), "snapshots": (16, 8, 6)}


def gain_error(inverse_gains, d):
    return relative_error(1.0 / inverse_gains, d)


@pytest.mark.parametrize("model", MODELS)
@pytest.mark.parametrize("solver", ["lanczos", "power", "block_krylov"])
@pytest.mark.parametrize("snr", [None, 10.0])
def test_both_correlations_are_those_of_the_dense_svd(model, solver, snr):
    case = draw(model, *SIZES[model], snr=snr)
    problem = Problem(case.Y, case.A, model=model)
    found = canonical_correlation(problem, solver=solver, max_iter=5000)
    expected = canonical_correlations(problem.data, case.A, model)
    assert found.converged.all()
    np.testing.assert_allclose(found.sigma[0], expected[0], atol=1e-12)
    np.testing.assert_allclose(found.sigma[1], expected[1], rtol=1e-2)
    assert found.sigma[1] <= expected[1] + 1e-12
    if snr is None:
        assert gain_error(found.inverse_gains, case.d) < 1e-10
        assert relative_error(found.signal, case.x) < 1e-10


@pytest.mark.parametrize("model", MODELS)
def test_a_basis_of_the_reciprocal_gains(model):
    m, n, p = 24, 16, {"repeated": 1, "diverse": 2, "snapshots": 2}[model]
    k = 6
    rng = np.random.default_rng(1)
    B = complex_normal(rng, m, k)
    s = B @ complex_normal(rng, k)
    case = draw(model, m, n, p)
    Y = case.Y / case.d / s
    problem = Problem(Y, case.A, model=model, gain_basis=B)
    found = canonical_correlation(problem)
    assert relative_error(found.inverse_gains, s) < 1e-9
    expected = canonical_correlations(problem.data, case.A, model, B)
    np.testing.assert_allclose(found.sigma, expected[:2], rtol=1e-2)


@pytest.mark.parametrize("model", MODELS)
def test_weights_are_those_of_the_weighted_dense_system(model):
    case = draw(model, *SIZES[model], snr=10.0)
    weights = np.random.default_rng(2).random(case.Y.shape)
    root = np.sqrt(weights)
    problem = Problem(case.Y, case.A, model=model, weights=weights)
    found = canonical_correlation(problem)
    scaled_maps = root[..., None] * case.A
    scaled = problem.data * root
    kind = "diverse" if model == "snapshots" else model
    expected = canonical_correlations(scaled, scaled_maps, kind)
    np.testing.assert_allclose(found.sigma[0], expected[0], atol=1e-12)
    np.testing.assert_allclose(found.sigma[1], expected[1], rtol=1e-2)


@pytest.mark.parametrize("model", MODELS)
def test_projections_by_iteration_agree_with_factors(model, monkeypatch):
    case = draw(model, *SIZES[model], snr=20.0)
    Y = case.Y.copy()
    Y[0, 3] = np.nan
    problem = Problem(Y, case.A, model=model)
    factored = canonical_correlation(problem)
    monkeypatch.setattr("rnla.calibration._whitening._DENSE_ENTRIES", 0)
    iterated = canonical_correlation(problem)
    assert iterated.products > 3 * factored.products
    assert relative_error(iterated.inverse_gains, factored.inverse_gains) < 1e-9
    assert relative_error(iterated.signal, factored.signal) < 1e-9


@pytest.mark.parametrize("model", MODELS)
def test_a_batch_gives_what_its_problems_give(model):
    case = draw_batch(model, *SIZES[model], 3, snr=20.0)
    Y = case.Y.copy()
    Y[1, 0, 2] = np.nan
    together = canonical_correlation(Problem(Y, case.A, model=model))
    assert together.inverse_gains.shape == (3, 16)
    assert together.sigma.shape == (3, 2)
    for b in range(3):
        one = canonical_correlation(Problem(Y[b], case.A, model=model))
        assert relative_error(together.inverse_gains[b], one.inverse_gains) < 1e-10
        assert relative_error(together.signal[b], one.signal) < 1e-10
        np.testing.assert_allclose(together.sigma[b, 0], one.sigma[0], atol=1e-12)


@pytest.mark.parametrize("model", MODELS)
@pytest.mark.parametrize("weighted", [False, True])
def test_sparse_operators_stay_sparse(model, weighted, monkeypatch):
    case = draw(model, *SIZES[model], snr=20.0)
    rng = np.random.default_rng(0)
    A = case.A * (rng.random(case.A.shape) < 0.6)
    weights = rng.uniform(0.5, 1.5, case.Y.shape) if weighted else None
    Y = case.Y + 0.1
    dense = canonical_correlation(Problem(Y, A, model=model, weights=weights))
    matrices = [scipy.sparse.csr_array(B) for B in A.reshape(-1, *A.shape[-2:])]
    monkeypatch.setattr(SparseOperators, "dense", None)
    for limit in (2**24, 0):  # Cholesky factors, conjugate gradients
        monkeypatch.setattr("rnla.calibration._whitening._DENSE_ENTRIES", limit)
        problem = Problem(Y, SparseOperators(matrices), model=model, weights=weights)
        found = canonical_correlation(problem)
        np.testing.assert_allclose(found.sigma[0], dense.sigma[0], rtol=1e-10)
        assert relative_error(found.inverse_gains, dense.inverse_gains) < 1e-8
        assert relative_error(found.signal, dense.signal) < 1e-8


def fourier_problem(m, p, *, dtype=np.float64, seed=0):
    rng = np.random.default_rng(seed)
    operators = PartialFourier(m, rng.choice(np.array([-1, 1], dtype=dtype), size=(p, m // 2)))
    x = complex_normal(rng, m // 2)
    d = rng.uniform(0.5, 1.5, m) * np.exp(2j * np.pi * rng.random(m))
    Y = d * operators.apply(x.astype(operators.dtype))
    return Problem(Y.astype(operators.dtype), operators), d


def assert_few_iterations(m):
    problem, d = fourier_problem(m, 8)
    by_power = canonical_correlation(problem, solver="power")
    assert by_power.iterations <= 36
    assert gain_error(by_power.inverse_gains, d) < 1e-11
    by_lanczos = canonical_correlation(problem)
    assert by_lanczos.iterations <= 24
    assert gain_error(by_lanczos.inverse_gains, d) < 1e-11


def test_check_08_few_iterations():
    assert_few_iterations(2**12)


@pytest.mark.slow
def test_check_08_iterations_do_not_grow_with_the_dimension():
    """2^16 sensors in `make check`, 2^20 also at full counts."""
    for exponent in range(16, count(full=21, check=17), 4):
        assert_few_iterations(2**exponent)


def test_check_08_power_needs_more_where_the_gap_is_small():
    """The count is that of sigma_2 and not a constant: p = 2 needs far more."""
    problem, _ = fourier_problem(2**10, 2)
    assert canonical_correlation(problem, solver="power").iterations > 200


def test_single_precision_converges_to_its_rounding():
    problem, d = fourier_problem(2**12, 8, dtype=np.float32)
    found = canonical_correlation(problem)
    assert problem.dtype == found.inverse_gains.dtype == np.complex64
    assert found.converged.all()
    assert gain_error(found.inverse_gains.astype(complex), d) < 3e-6


def test_real_data_give_real_gains():
    case = draw_real(16, 10, 4)
    found = canonical_correlation(Problem(case.Y, case.A))
    assert found.inverse_gains.dtype == found.signal.dtype == np.float64
    assert gain_error(found.inverse_gains, case.d) < 1e-10


@pytest.mark.parametrize("model", MODELS)
@settings(max_examples=15)
@given(seed=st.integers(0, 1000))
def test_check_25_rescaled_sensors_rescale_their_gains(model, seed):
    """y_i -> c_i y_i multiplies d_i by c_i, exactly, also with noise."""
    case = draw(model, *SIZES[model], snr=10.0, seed=seed)
    c = np.exp(complex_normal(np.random.default_rng(seed), 16))
    one = canonical_correlation(Problem(case.Y, case.A, model=model))
    other = canonical_correlation(Problem(case.Y * c, case.A, model=model))
    if one.gap > 1e-2:
        assert gain_error(other.inverse_gains, c / one.inverse_gains) < 1e-10 / one.gap


@pytest.mark.parametrize("parts", [2, 3])
def test_a_multiple_largest_value_is_noticed(parts):
    """Two blocks that share no unknowns: every Krylov space of one start misses the second."""
    blocks = [draw("repeated", 8, 5, 4, seed=seed) for seed in range(parts)]
    A = np.zeros((4, 8 * parts, 5 * parts), dtype=complex)
    for b, case in enumerate(blocks):
        A[:, 8 * b : 8 * b + 8, 5 * b : 5 * b + 5] = case.A
    Y = np.concatenate([case.Y for case in blocks], axis=1)
    found = canonical_correlation(Problem(Y, A))
    assert found.gap < 1e-3
    assert np.isfinite(found.inverse_gains).all()


@given(seed=st.integers(0, 10**4), k=st.integers(1, 9), b=st.integers(1, 9), rank=st.integers(0, 9))
def test_lanczos_finds_the_largest_value_of_any_matrix(seed, k, b, rank):
    """Low rank, block sizes that do not divide the dimension, starts that are dependent."""
    rng = np.random.default_rng(seed)
    F = complex_normal(rng, k, min(rank, k))
    M = F @ F.conj().T
    start = complex_normal(rng, min(b, k), k)
    start[-1] = start[0]
    pair = lanczos(lambda rows: rows @ M.T, start, tol=1e-12, max_iter=100)
    values = np.linalg.eigvalsh(M)
    scale = 1 + abs(values[-1])
    np.testing.assert_allclose(pair.value, values[-1], atol=1e-10 * scale)
    assert np.linalg.norm(M @ pair.vector - pair.value * pair.vector) < 1e-5 * scale


def test_sensors_without_data_take_no_part():
    case = draw("repeated", 16, 10, 5)
    Y = case.Y.copy()
    Y[:, 3], Y[:, 4], Y[1:, 5] = np.nan, 0.0, np.nan
    found = canonical_correlation(Problem(Y, case.A))
    assert np.flatnonzero(~found.usable).tolist() == [3, 4, 5]
    assert (found.inverse_gains[~found.usable] == 0).all()
    kept = found.usable
    assert gain_error(found.inverse_gains[kept], case.d[kept]) < 1e-9
    assert relative_error(found.signal, case.x) < 1e-9


def test_too_few_values_left_is_an_error():
    case = draw("repeated", 16, 17, 2)
    Y = case.Y.copy()
    Y[0, 3] = np.nan
    with pytest.raises(ArgumentError, match="not identifiable"):
        canonical_correlation(Problem(Y, case.A))


def test_unseen_signal_components_are_reported():
    case = draw("repeated", 16, 8, 4)
    A = case.A.copy()
    A[..., 7] = A[..., 6]
    Y = case.d * (A @ case.x)
    found = canonical_correlation(Problem(Y, A))
    assert found.rank_deficient.all()
    assert gain_error(found.inverse_gains, case.d) < 1e-9
    np.testing.assert_allclose(found.signal[6], found.signal[7])


@pytest.mark.parametrize(
    "options, message",
    [
        ({"solver": "arnoldi"}, "solver"),
        ({"tol": 0.0}, "tol"),
        ({"max_iter": 0}, "max_iter"),
        ({"solver": "block_krylov", "block": 0}, "block"),
    ],
)
def test_bad_options(options, message):
    case = draw("repeated", 16, 10, 4)
    with pytest.raises(ArgumentError, match=message):
        canonical_correlation(Problem(case.Y, case.A), **options)


def test_running_out_of_steps_is_reported():
    case = draw("repeated", 64, 32, 3)
    found = canonical_correlation(Problem(case.Y, case.A), max_iter=3)
    assert not found.converged
    assert found.iterations == 3
