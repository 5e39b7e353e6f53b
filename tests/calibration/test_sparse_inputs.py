"""`calibrate_sparse`: recovers sparse signals, proves the norm it found, says when it cannot."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.optimize import linprog

from rnla.calibration import calibrate_sparse, identifiability, relative_error, simulate


@pytest.mark.parametrize(
    ("model", "m", "n", "p", "nonzeros", "operators"),
    [
        ("diverse", 32, 32, 12, 2, "gaussian"),
        ("diverse", 32, 32, 8, 2, "fourier"),
        ("diverse", 32, 32, 16, 6, "fourier"),
        ("diverse", 32, 48, 20, 3, "gaussian"),
        ("diverse", 32, 28, 6, 3, "gaussian"),
        ("snapshots", 32, 32, 24, 3, "gaussian"),
        ("snapshots", 32, 48, 24, 3, "gaussian"),
    ],
)
@pytest.mark.parametrize("seed", range(2))
def test_sparse_signals_are_recovered(model, m, n, p, nonzeros, operators, seed):
    """Where counting unknowns alone rules a solution out (n = m and n > m)."""
    data = simulate(
        model, m=m, n=n, p=p, nonzeros=nonzeros, operators=operators, gains="mild", rng=seed
    )
    if n >= m:
        assert not identifiability(model, m=m, n=n, p=p).identifiable
    found = calibrate_sparse(data.Y, data.operators, model=model)
    assert found.status.name == "OK"
    assert found.polished
    assert found.support == p * nonzeros
    assert relative_error(found.gains, data.gains) < 1e-11
    assert relative_error(found.signal, data.signal) < 1e-11
    assert np.array_equal(found.signal != 0, data.signal != 0)
    assert abs(found.relative_gap) < 1e-3
    fitted = found.gains * (data.operators @ found.signal[..., None])[..., 0]
    assert np.allclose(fitted, data.Y)
    # Companion: least squares in place of the l1 norm, the nearest x to zero, is no answer.
    back = np.linalg.pinv(np.broadcast_to(data.operators, (p, m, n)))
    least = (back @ data.Y[..., None])[..., 0]
    assert relative_error(least, data.signal) > 0.1


def test_the_lower_bound_is_the_value_of_a_linear_program():
    """Real data: min ||x||_1 as a linear program; norm and bound enclose its value."""
    rng = np.random.default_rng(3)
    m, n, p = 6, 8, 5
    A = rng.normal(size=(p, m, n))
    x = rng.normal(size=(p, n)) * (rng.random((p, n)) < 0.4)
    d = 0.5 + rng.random(m)
    Y = d * (A @ x[..., None])[..., 0]
    found = calibrate_sparse(Y, A, tol=1e-9, max_iter=20000)
    scale = np.sqrt(np.mean(Y**2))
    rows = np.zeros((p * m, m + 2 * p * n))
    for snapshot in range(p):
        block = slice(snapshot * m, (snapshot + 1) * m)
        rows[block, :m] = np.diag(Y[snapshot] / scale)
        start = m + snapshot * n
        rows[block, start : start + n] = -A[snapshot]
        rows[block, start + p * n : start + (p + 1) * n] = A[snapshot]
    mean = np.r_[np.full(m, 1 / m), np.zeros(2 * p * n)]
    exact = linprog(
        np.r_[np.zeros(m), np.ones(2 * p * n)],
        A_eq=np.vstack([rows, mean]),
        b_eq=np.r_[np.zeros(p * m), 1.0],
        bounds=[(None, None)] * m + [(0, None)] * (2 * p * n),
    )
    assert found.norm == pytest.approx(exact.fun, rel=1e-5)
    assert found.lower_bound == pytest.approx(exact.fun, rel=1e-4)
    assert found.lower_bound <= exact.fun * (1 + 1e-9)
    assert found.norm >= exact.fun * (1 - 1e-9)


def test_the_bound_holds_far_from_convergence():
    data = simulate("diverse", m=24, n=24, p=8, nonzeros=3, gains="mild", rng=1)
    best = calibrate_sparse(data.Y, data.operators).norm
    for iterations in (1, 3, 10, 20):
        early = calibrate_sparse(data.Y, data.operators, tol=1e-14, max_iter=iterations)
        assert early.lower_bound <= best * (1 + 1e-9)
        assert early.norm >= best * (1 - 1e-9)


def test_too_many_non_zeros_are_ambiguous():
    data = simulate("diverse", m=24, n=24, p=2, nonzeros=20, gains="mild", rng=0)
    found = calibrate_sparse(data.Y, data.operators)
    assert found.status.name == "AMBIGUOUS"
    assert not found.polished
    assert relative_error(found.gains, data.gains) > 0.05


def test_the_scale_vector_decides_for_random_phases():
    """Phases on the circle: the mean of s is nearly zero, a rough guess of s is enough."""
    wrong = 0
    for seed in range(4):
        data = simulate("diverse", m=32, n=32, p=12, nonzeros=2, gains="random", rng=seed)
        s = 1 / data.gains
        guess = s * np.exp(0.5j * np.random.default_rng(seed).normal(size=32))
        found = calibrate_sparse(data.Y, data.operators, w=guess)
        assert relative_error(found.gains, data.gains) < 1e-10
        plain = calibrate_sparse(data.Y, data.operators)
        wrong += plain.status.name == "AMBIGUOUS"
    assert wrong >= 2


def test_noise_is_borne():
    data = simulate("diverse", m=32, n=32, p=16, nonzeros=2, gains="mild", snr=40.0, rng=2)
    found = calibrate_sparse(data.Y, data.operators)
    assert not found.polished
    assert relative_error(found.gains, data.gains) < 0.05
    assert np.isfinite(found.signal).all()


def test_the_scale_of_the_data_goes_to_the_signal():
    data = simulate("diverse", m=20, n=20, p=10, nonzeros=2, gains="mild", rng=0)
    one = calibrate_sparse(data.Y, data.operators)
    many = calibrate_sparse(1e8 * data.Y, data.operators)
    assert np.allclose(one.gains, many.gains, rtol=1e-9)
    assert np.allclose(1e8 * one.signal, many.signal, rtol=1e-9)
    assert np.mean(np.abs(one.gains)) == pytest.approx(1.0)


def test_an_iteration_cut_short_says_so():
    data = simulate("diverse", m=24, n=24, p=8, nonzeros=3, gains="mild", rng=1)
    found = calibrate_sparse(data.Y, data.operators, max_iter=2, tol=1e-12)
    assert found.iterations == 2
    assert found.polished or found.status.name in ("NOT_CONVERGED", "AMBIGUOUS")


@pytest.mark.parametrize(
    ("changes", "start"),
    [
        ({"model": "repeated"}, "model: got 'repeated'"),
        ({"model": "lifted"}, "model: got 'lifted'"),
        ({"w": np.ones(3)}, "w: got shape"),
        ({"w": np.zeros(12)}, "w: got zeros"),
        ({"tol": 0.0}, "tol: got"),
        ({"max_iter": 0}, "max_iter: got"),
        ({"Y": np.full((4, 12), np.nan)}, "Y: got"),
        ({"Y": np.where(np.eye(4, 12) > 0, np.nan, 1.0)}, "Y: got missing values"),
        ({"Y": np.ones((2, 4, 12))}, "Y: got shape"),
        ({"operators": np.ones((4, 11, 12))}, "operators: got"),
    ],
)
def test_bad_input(changes, start):
    data = simulate("diverse", m=12, n=12, p=4, nonzeros=2, rng=0)
    arguments = {"Y": data.Y, "operators": data.operators, **changes}
    with pytest.raises(ValueError) as error:
        calibrate_sparse(arguments.pop("Y"), arguments.pop("operators"), **arguments)
    assert str(error.value).startswith(start)


def test_noisy_data_with_fewer_unknowns_than_sensors_are_refused():
    data = simulate("diverse", m=24, n=12, p=8, nonzeros=2, snr=30.0, rng=0)
    with pytest.raises(ValueError, match=r"use rnla\.calibrate"):
        calibrate_sparse(data.Y, data.operators)
