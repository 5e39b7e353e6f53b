"""`calibrate_affine`: exact without noise, as good as the Cramer-Rao bound with it."""

from __future__ import annotations

import numpy as np
import pytest

from rnla.calibration import (
    Problem,
    calibrate_affine,
    canonical_correlation,
    relative_error,
    simulate_affine,
)


def outside(U, b):
    Q = np.linalg.qr(U)[0]
    return b - Q @ (Q.conj().T @ b)


def offset_error(found, truth):
    """Identifiable offsets, brought to the truth by the factor of the gains."""
    factor = np.vdot(truth.gains, found.gains) / np.vdot(truth.gains, truth.gains)
    b = outside(truth.basis, truth.offsets)
    return np.linalg.norm(found.offsets * factor - b) / np.linalg.norm(b)


@pytest.mark.parametrize("missing", [0.0, 0.3])
@pytest.mark.parametrize("seed", range(3))
def test_check_24_exact_without_noise(seed, missing):
    """m = 32, n = 8, p = 64: gains and the identifiable part of the offsets to 1e-12."""
    net = simulate_affine(m=32, n=8, p=64, missing=missing, rng=seed)
    found = calibrate_affine(net.Y, net.basis)
    assert relative_error(found.gains, net.gains) < 1e-12
    assert offset_error(found, net) < 1e-12
    assert found.status.name == "OK"
    assert np.mean(np.abs(found.gains)) == pytest.approx(1.0)
    assert found.gains.sum() > 0
    fitted = found.gains * (found.signal @ net.basis.T + found.offsets)
    valid = ~np.isnan(net.Y)
    assert np.allclose(fitted[valid], net.Y[valid], atol=1e-11)
    # Companion: with offsets taken for signal the gains are lost.
    plain = canonical_correlation(Problem(net.Y, net.basis, model="snapshots"))
    assert relative_error(1 / plain.inverse_gains, net.gains) > 0.1


def test_smallest_number_of_readings():
    """(p - 1)(m - n) >= m - 1 is sharp: one reading less is refused."""
    m, n = 24, 16
    p = 1 + -(-(m - 1) // (m - n))
    for seed in range(5):
        net = simulate_affine(m=m, n=n, p=p, rng=seed)
        assert relative_error(calibrate_affine(net.Y, net.basis).gains, net.gains) < 1e-6
    with pytest.raises(ValueError, match=f"Take {p} readings"):
        calibrate_affine(net.Y[:-1], net.basis)


def cramer_rao(net):
    """Variance of gains up to the factor, and of identifiable offsets times gains, summed."""
    m, n = net.basis.shape
    p = len(net.Y)
    x = net.signal @ net.basis.T
    rows = []
    for t in range(p):
        block = np.zeros((m, 2 * m + p * n))
        block[:, :m] = np.diag(x[t] + net.offsets)
        block[:, m : 2 * m] = np.diag(net.gains)
        block[:, 2 * m + t * n : 2 * m + (t + 1) * n] = net.gains[:, None] * net.basis
        rows.append(block)
    J = np.vstack(rows)[~np.isnan(net.Y).ravel()]
    covariance = net.noise_std**2 * np.linalg.pinv(J.T @ J, rcond=1e-11, hermitian=True)[:m, :m]
    v = net.gains / np.linalg.norm(net.gains)
    return np.sqrt(np.trace(covariance) - v @ covariance @ v) / np.linalg.norm(net.gains)


@pytest.mark.parametrize("missing", [0.0, 0.3])
def test_gains_attain_the_cramer_rao_bound(missing, record_property):
    """30 networks at 30 dB, m = 16: about 450 squared errors, their sum within 40 per cent.

    The relative standard deviation of the sum is below sqrt(2 / 450) 1.5 = 0.1 (correlated within a
    network): a false alarm once in 10^4. Companion: gains from the spread of each sensor alone.
    """
    ratios, rough = [], []
    for seed in range(30):
        net = simulate_affine(m=16, n=4, p=30, snr=30.0, missing=missing, rng=seed)
        found = calibrate_affine(net.Y, net.basis)
        bound = cramer_rao(net)
        ratios.append((relative_error(found.gains, net.gains) / bound) ** 2)
        spread = np.nanstd(net.Y, axis=0) / np.linalg.norm(net.basis, axis=1)
        rough.append((relative_error(spread, net.gains) / bound) ** 2)
        assert found.noise == pytest.approx(net.noise_std, rel=0.3)
    record_property("measured", float(np.mean(ratios)))
    record_property("threshold", 0.4)
    record_property("count", 30)
    record_property("false_alarm_rate", 1e-4)
    assert abs(np.mean(ratios) - 1) < 0.4
    assert np.mean(rough) > 10


def test_a_subspace_closed_under_a_profile_is_ambiguous():
    """Signals of two blocks that know nothing of one another: each has its own factor."""
    rng = np.random.default_rng(0)
    U = np.zeros((20, 6))
    U[:10, :3], U[10:, 3:] = rng.normal(size=(2, 10, 3))
    d, b, c = 0.5 + rng.random(20), rng.normal(size=20), rng.normal(size=(40, 6))
    found = calibrate_affine(d * (c @ U.T + b), U)
    assert found.status.name == "AMBIGUOUS"
    assert found.sigma[1] == pytest.approx(1.0)


@pytest.mark.parametrize("noise", [0.01, 0.1, 0.3])
def test_parts_that_differ_in_noise_are_ambiguous_too(noise):
    rng = np.random.default_rng(0)
    U = np.zeros((16, 4))
    U[:8, :2], U[8:, 2:] = rng.normal(size=(2, 8, 2))
    Y = (0.5 + rng.random(16)) * (rng.normal(size=(20, 4)) @ U.T + 1.0)
    Y[:, :8] += noise * rng.normal(size=(20, 8))
    assert calibrate_affine(Y, U).status.name == "AMBIGUOUS"


def test_too_few_sensors_left():
    net = simulate_affine(m=16, n=4, p=20, rng=0)
    for left in (1, 4):
        Y = np.where(np.arange(16) < left, net.Y, np.nan)
        with pytest.raises(ValueError, match=f"readings left of {left} sensors, not identifiable"):
            calibrate_affine(Y, net.basis)


def test_dead_sensors_are_flagged():
    net = simulate_affine(m=20, n=4, p=40, snr=60.0, rng=1)
    Y = net.Y.copy()
    Y[:, 3] = 7.0  # stuck
    Y[:, 9] = np.nan  # absent
    Y[1:, 11] = np.nan  # one reading
    found = calibrate_affine(Y, net.basis)
    assert np.flatnonzero(found.flags).tolist() == [3, 9, 11]
    kept = ~found.flags
    assert relative_error(found.gains[kept], net.gains[kept]) < 1e-3
    assert not found.gains[~kept].any()
    assert np.isfinite(found.signal).all()
    assert not found.offsets[~kept].any()
    U, b = net.basis[kept], net.offsets[kept]
    assert np.allclose(U.T @ found.offsets[kept], 0.0)
    factor = np.vdot(net.gains[kept], found.gains[kept]) / np.sum(net.gains[kept] ** 2)
    assert np.allclose(found.offsets[kept] * factor, outside(U, b), atol=2e-3)
    corrected = found.correct(Y)
    assert np.isnan(corrected[:, [3, 9, 11]]).all()
    assert np.allclose(corrected[:, kept], (found.signal @ net.basis.T)[:, kept], atol=0.1)


def test_units_of_sensors_do_not_matter():
    """y_i -> c_i y_i + e_i multiplies d_i by c_i: an affine change of units is undone."""
    net = simulate_affine(m=18, n=5, p=40, rng=3)
    c = 10.0 ** np.linspace(-3, 3, 18) * np.where(np.arange(18) % 2, 1, -1)
    found = calibrate_affine(net.Y * c + 5.0 * c, net.basis)
    assert relative_error(found.gains / c, net.gains) < 1e-9
    assert relative_error(found.gains, net.gains) > 0.5


def test_complex_readings_and_other_bases_of_the_subspace():
    rng = np.random.default_rng(5)
    U = rng.normal(size=(16, 4)) + 1j * rng.normal(size=(16, 4))
    c = rng.normal(size=(30, 4)) + 1j * rng.normal(size=(30, 4))
    d, b = np.exp(1j * rng.normal(size=16)), rng.normal(size=16) + 0j
    Y = d * (c @ U.T + b)
    found = calibrate_affine(Y, U)
    assert relative_error(found.gains, d) < 1e-12
    assert np.allclose(found.gains * (found.signal @ U.T + found.offsets), Y)
    assert np.allclose(outside(U, found.offsets), found.offsets)
    other = calibrate_affine(Y, U @ rng.normal(size=(4, 4)))
    assert relative_error(other.gains, d) < 1e-12
    assert np.allclose(other.offsets, found.offsets)


def test_inputs_stay_as_they_are():
    net = simulate_affine(m=12, n=3, p=20, snr=20.0, rng=0)
    Y, U = net.Y.copy(), net.basis.copy()
    one = calibrate_affine(Y, U)
    again = calibrate_affine(Y, U)
    assert np.array_equal(Y, net.Y)
    assert np.array_equal(U, net.basis)
    assert np.array_equal(one.gains, again.gains)
    assert calibrate_affine(Y, U, max_iter=1).status.name == "NOT_CONVERGED"


@pytest.mark.parametrize(
    ("Y", "U", "options", "start"),
    [
        (np.ones((9, 6)), np.ones((6, 6)), {}, "basis: got shape"),
        (np.ones((9, 6)), np.ones((6, 2)), {}, "basis: got dependent"),
        (np.ones((2, 9, 6)), np.eye(6)[:, :2], {}, "Y: got shape"),
        (np.ones((9, 5)), np.eye(6)[:, :2], {}, "operators: got"),
        (np.ones((1, 6)), np.eye(6)[:, :2], {}, "Y: got 1 readings"),
        (np.ones((9, 6)), np.eye(6)[:, :2], {"tol": 0.0}, "tol: got"),
        (np.ones((9, 6)), np.eye(6)[:, :2], {"max_iter": 0}, "max_iter: got"),
        (np.ones((9, 6)), np.eye(6)[:, :2], {}, "Y: got readings that never vary"),
        (np.full((9, 6), np.inf), np.eye(6)[:, :2], {}, "Y: got infinity"),
    ],
)
def test_bad_input(Y, U, options, start):
    with pytest.raises(ValueError) as error:
        calibrate_affine(Y, U, **options)
    assert str(error.value).startswith(start)
