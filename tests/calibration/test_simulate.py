"""`simulate`: the models, the draws it promises, and the metric that compares answers."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from rnla.calibration import relative_error, simulate
from rnla.calibration._models import MODELS


@pytest.mark.parametrize("operators", ["gaussian", "fourier"])
@pytest.mark.parametrize("model", MODELS)
def test_data_follow_the_model(model, operators):
    data = simulate(model, m=12, n=5, p=4, operators=operators, snr=30.0, rng=1)
    for snapshot in range(4):
        A = data.operators if model == "snapshots" else data.operators[snapshot]
        x = data.signal if model == "repeated" else data.signal[snapshot]
        expected = data.gains * (A @ x)
        assert np.allclose(data.clean[snapshot], expected, rtol=1e-13)
        assert np.allclose(data.Y[snapshot], expected + data.noise[snapshot], rtol=1e-13)
    assert data.weights is None
    assert not data.outliers.any()


def test_fourier_operators_are_signed_columns_of_the_dft():
    A = simulate("diverse", m=10, n=4, p=2, operators="fourier", rng=0).operators
    F = np.fft.fft(np.eye(10))[:, :4]
    signs = (A / F).real
    assert np.allclose(A, F * signs, rtol=1e-12)
    assert np.allclose(np.abs(signs), 1.0)
    assert np.allclose(signs, signs[:, :1])
    assert np.allclose(A[0].conj().T @ A[0], 10 * np.eye(4), atol=1e-12)


@pytest.mark.parametrize("model", MODELS)
def test_first_snapshots_do_not_depend_on_the_others(model):
    few = simulate(model, m=9, n=4, p=2, snr=None, rng=5)
    more = simulate(model, m=9, n=4, p=7, snr=None, rng=5)
    assert np.array_equal(few.gains, more.gains)
    assert np.array_equal(few.Y, more.Y[:2])
    assert not np.array_equal(few.Y, simulate(model, m=9, n=4, p=2, rng=6).Y)


@pytest.mark.parametrize(
    ("kind", "largest_phase"), [("mild", np.pi / 6), ("random", np.pi), ("log-normal", np.pi)]
)
def test_gains_have_the_stated_law(kind, largest_phase):
    """Kolmogorov-Smirnov at 5000 sensors, a false alarm once in 10^4; fails for the wrong kind."""
    from scipy import stats

    d = simulate("repeated", m=5000, n=1, p=1, gains=kind, rng=2).gains
    uniform = stats.uniform(-largest_phase, 2 * largest_phase)
    assert stats.kstest(np.angle(d), uniform.cdf).pvalue > 1e-4
    if kind == "log-normal":
        assert stats.kstest(np.log(np.abs(d)), stats.norm.cdf).pvalue > 1e-4
        assert stats.kstest(np.abs(d), stats.uniform(0.5, 1).cdf).pvalue < 1e-4
    else:
        assert stats.kstest(np.abs(d), stats.uniform(0.5, 1).cdf).pvalue > 1e-4
        other = stats.uniform(-1.1 * largest_phase, 2.2 * largest_phase)
        assert stats.kstest(np.angle(d), other.cdf).pvalue < 1e-4


def test_noise_has_the_stated_level():
    """20000 samples: the mean square is within 5 of its standard deviations (1 in 10^6)."""
    data = simulate("repeated", m=200, n=3, p=100, snr=10.0, rng=3)
    level = np.mean(np.abs(data.clean) ** 2)
    assert data.noise_std**2 == pytest.approx(0.1 * level)
    assert abs(np.mean(np.abs(data.noise) ** 2) / data.noise_std**2 - 1) < 5 / np.sqrt(20000)
    assert abs(np.mean(data.noise**2)) < 5 * data.noise_std**2 / np.sqrt(20000)
    assert simulate("repeated", m=4, n=2, p=2, rng=0).noise_std == 0.0


def test_gaps_outliers_and_dead_sensors():
    """Rates within 5 standard deviations at 20000 samples (1 in 10^6 each)."""
    data = simulate(
        "diverse", m=200, n=2, p=100, missing=0.3, outliers=0.05, dead=[4, 7], snr=60.0, rng=4
    )
    spread = 5 * np.sqrt(np.array([0.3 * 0.7, 0.05 * 0.95]) / 20000)
    assert abs(np.mean(data.weights == 0) - 0.3) < spread[0]
    assert abs(np.mean(data.outliers) - 0.05) < spread[1]
    assert not data.Y[data.weights == 0].any()
    measured = data.weights > 0
    exact = data.clean + data.noise
    wrong = data.outliers & measured
    assert np.allclose(np.abs(data.Y[wrong]), 30 * np.abs(exact[wrong]))
    right = ~data.outliers & measured
    assert np.array_equal(data.Y[right], exact[right])
    assert np.allclose(np.abs(data.gains[[4, 7]]), 1e-3)


def test_reciprocal_gains_lie_in_the_subspace():
    data = simulate("repeated", m=20, n=3, p=1, gain_subspace=6, rng=0)
    B = data.gain_basis
    assert np.allclose(B.conj().T @ B, np.eye(6), atol=1e-13)
    s = 1 / data.gains
    assert np.linalg.norm(s - B @ (B.conj().T @ s)) < 1e-12 * np.linalg.norm(s)


def test_sparse_signals_and_given_gains():
    gains = np.arange(1, 9) * 1j
    data = simulate("diverse", m=8, n=30, p=50, nonzeros=3, gains=gains, rng=0)
    assert np.array_equal(data.gains, gains)
    assert np.array_equal((data.signal != 0).sum(axis=1), np.full(50, 3))
    assert len({tuple(np.flatnonzero(x)) for x in data.signal}) > 40


@pytest.mark.parametrize(
    ("model", "changes", "name"),
    [
        ("lifted", {}, "model"),
        (3, {}, "model"),
        ("repeated", {"n": 0}, "n"),
        ("repeated", {"n": 13, "operators": "fourier"}, "n"),
        ("repeated", {"operators": "wavelet"}, "operators"),
        ("repeated", {"gains": "huge"}, "gains"),
        ("repeated", {"gains": np.ones(3)}, "gains"),
        ("repeated", {"missing": 1.0}, "missing"),
        ("repeated", {"outliers": -0.1}, "outliers"),
        ("diverse", {"gain_subspace": 13}, "gain_subspace"),
        ("diverse", {"nonzeros": 9}, "nonzeros"),
    ],
)
def test_bad_input(model, changes, name):
    with pytest.raises(TypeError if model == 3 else ValueError) as error:
        simulate(model, **{"m": 12, "n": 4, "p": 3, "rng": 0, **changes})
    assert str(error.value).startswith(f"{name}: got ")


@given(seed=st.integers(0, 10**6), size=st.floats(-6, 6), angle=st.floats(0, 6))
def test_metric_ignores_a_common_factor(seed, size, angle):
    a, b = np.random.default_rng(seed).normal(size=(2, 7)) + 1j
    c = 10.0**size * np.exp(1j * angle)
    assert relative_error(c * a, b) == pytest.approx(relative_error(a, b), abs=1e-12)
    assert relative_error(a, c * b) == pytest.approx(relative_error(a, b), abs=1e-12)
    assert relative_error(c * a, a) < 1e-14
    cosine = abs(np.vdot(a, b)) / np.linalg.norm(a) / np.linalg.norm(b)
    assert relative_error(a, b) ** 2 + cosine**2 == pytest.approx(1.0)


def test_metric_at_the_edges():
    assert relative_error(np.zeros(3), np.ones(3)) == 1.0
    assert relative_error([1e200, 1e200], [1e-200, 1e-200]) < 1e-15
    rows = relative_error([[1, 0], [3, 3]], [[1, 1], [1, 1]], axis=1)
    assert np.allclose(rows, [np.sqrt(0.5), 0.0])
    tiny = np.array([1.0, 1e-12])
    assert relative_error(tiny, [1.0, 0.0]) == pytest.approx(1e-12)
    with pytest.raises(ValueError, match="shape"):
        relative_error([1.0], [1.0, 2.0])
    with pytest.raises(ValueError, match="truth: got zero"):
        relative_error([1.0], [0.0])
