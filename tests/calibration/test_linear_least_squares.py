"""Linear least squares and its spectral limit: identities of SPEC section 2, iteration counts."""

from __future__ import annotations

import numpy as np
import pytest

from rnla._errors import ArgumentError
from rnla.calibration import Problem, linear_least_squares, relative_error, spectral
from tests.calibration.cases import MODELS, draw, draw_batch
from tests.calibration.dense import stacked
from tests.calibration.test_canonical_correlation import fourier_problem, gain_error

SIZES = {"repeated": (16, 10, 4), "diverse": (16, 8, 6), "snapshots": (16, 8, 6)}


def dense_system(problem, A, model):
    left, right = stacked(problem.data, A, model)
    return np.hstack([left, -right])


def together(found):
    return np.concatenate([found.inverse_gains, found.signal.ravel()])


@pytest.mark.parametrize("model", MODELS)
@pytest.mark.parametrize("row_norm", [1e-3, 1.0, 1e3])
def test_check_05_direction_is_one_inverse_iteration(model, row_norm):
    """M^{-1} w, whatever the size of w."""
    case = draw(model, *SIZES[model], snr=10.0)
    problem = Problem(case.Y, case.A, model=model)
    K = dense_system(problem, case.A, model)
    w = np.zeros(K.shape[1])
    w[:16] = 1.0
    R = np.linalg.qr(K, mode="r")
    expected = np.linalg.solve(R, np.linalg.solve(R.conj().T, w))
    found = linear_least_squares(problem, row_norm=row_norm, tol=1e-15)
    assert relative_error(together(found), expected) < 1e-12
    cosine = abs(np.vdot(w, expected)) / np.linalg.norm(w) / np.linalg.norm(expected)
    np.testing.assert_allclose(found.correlation, cosine, rtol=1e-10)


def test_check_06_refed_passes_shrink_the_error_by_the_squared_ratio():
    case = draw("repeated", 64, 32, 6, snr=15.0)
    problem = Problem(case.Y, case.A)
    values, vectors = np.linalg.svd(dense_system(problem, case.A, "repeated"), full_matrices=False)[
        1:
    ]
    factor = (values[-1] / values[-2]) ** 2
    reference, errors = None, []
    for _ in range(6):  # passes 3 to 5 after the first, which starts from ones
        found = linear_least_squares(problem, reference=reference, tol=1e-14)
        reference = (found.inverse_gains, found.signal)
        errors.append(relative_error(together(found), vectors[-1].conj()))
    ratios = np.array(errors[3:6]) / np.array(errors[2:5])
    np.testing.assert_allclose(ratios, factor, rtol=0.15)


def test_check_07_equilibration_saves_iterations():
    problem, d = fourier_problem(4096, 8)
    found = linear_least_squares(problem, tol=1e-13)
    assert found.iterations <= 40
    assert gain_error(found.inverse_gains, d) < 1e-11
    plain = linear_least_squares(problem, tol=1e-13, equilibrate=False)
    assert plain.iterations > 80


@pytest.mark.parametrize("model", MODELS)
@pytest.mark.parametrize("solver", ["dense", "refed"])
def test_spectral_is_the_smallest_singular_vector(model, solver):
    case = draw(model, *SIZES[model], snr=15.0)
    problem = Problem(case.Y, case.A, model=model)
    values, vectors = np.linalg.svd(dense_system(problem, case.A, model), full_matrices=False)[1:]
    found = spectral(problem, solver=solver)
    assert found.converged
    np.testing.assert_allclose(found.singular_value, values[-1], rtol=1e-10)
    assert relative_error(together(found), vectors[-1].conj()) < 1e-5


@pytest.mark.parametrize("model", MODELS)
@pytest.mark.parametrize("method", [linear_least_squares, spectral])
def test_exact_data_give_exact_gains(model, method):
    case = draw(model, *SIZES[model])
    found = method(Problem(case.Y, case.A, model=model))
    assert gain_error(found.inverse_gains, case.d) < 1e-10
    assert relative_error(found.signal, case.x) < 1e-10


@pytest.mark.parametrize("method", [linear_least_squares, spectral])
def test_a_gain_basis(method):
    data = draw("repeated", 24, 16, 1, gain_subspace=6)
    basis = np.linalg.qr(np.fft.fft(np.eye(24))[:, :6])[0]
    found = method(Problem(data.Y, data.A, gain_basis=basis))
    assert relative_error(found.inverse_gains, 1 / data.d) < 1e-9


@pytest.mark.parametrize("model", MODELS)
@pytest.mark.parametrize("method", [linear_least_squares, spectral])
def test_batches_weights_and_missing_sensors(model, method):
    case = draw_batch(model, *SIZES[model], 2, snr=20.0)
    Y = case.Y.copy()
    Y[0, :, 3] = np.nan
    weights = np.random.default_rng(0).uniform(0.5, 1.5, Y.shape)
    both = method(Problem(Y, case.A, model=model, weights=weights))
    assert np.isfinite(both.inverse_gains).all()
    assert both.inverse_gains[0, 3] == 0
    for b in range(2):
        one = method(Problem(Y[b], case.A, model=model, weights=weights[b]))
        assert relative_error(both.inverse_gains[b], one.inverse_gains) < 1e-8
        assert relative_error(both.signal[b], one.signal) < 1e-8


def test_implicit_operators_need_no_factor(monkeypatch):
    case = draw("repeated", *SIZES["repeated"], snr=20.0)
    Y = case.Y.copy()
    Y[0, 3] = np.nan
    factored = linear_least_squares(Problem(Y, case.A))
    monkeypatch.setattr("rnla.calibration._whitening._DENSE_ENTRIES", 0)
    implicit = linear_least_squares(Problem(Y, case.A))
    assert relative_error(implicit.inverse_gains, factored.inverse_gains) < 1e-9


@pytest.mark.parametrize("reference", [2, np.arange(16.0), (np.ones(16), np.ones(10))])
def test_references_are_rows(reference):
    case = draw("repeated", *SIZES["repeated"])
    found = linear_least_squares(Problem(case.Y, case.A), reference=reference)
    assert gain_error(found.inverse_gains, case.d) < 1e-10


@pytest.mark.parametrize(
    "options, message",
    [
        ({"reference": 16}, "reference"),
        ({"reference": np.ones(3)}, "reference"),
        ({"reference": (np.ones(16), np.ones(3))}, "reference"),
        ({"reference": np.zeros(16)}, "zeros"),
        ({"tol": -1.0}, "tol"),
        ({"max_iter": 0}, "max_iter"),
        ({"row_norm": 0.0}, "row_norm"),
    ],
)
def test_bad_options(options, message):
    case = draw("repeated", *SIZES["repeated"])
    with pytest.raises(ArgumentError, match=message):
        linear_least_squares(Problem(case.Y, case.A), **options)


def test_bad_options_of_spectral():
    case = draw("repeated", *SIZES["repeated"])
    with pytest.raises(ArgumentError, match="solver"):
        spectral(Problem(case.Y, case.A), solver="arpack")
