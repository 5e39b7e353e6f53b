"""`gains_from_model`: exact without noise, as good as the bound with it, honest about the rest."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from rnla.calibration import gains_from_model, relative_error, simulate_interferometer

ARRAYS = [
    (60, 5, "random", 0.0, None),
    (60, 5, "random", 0.0, 20.0),
    (60, 5, "random", 0.0, 0.0),
    (60, 1, "random", 0.0, 20.0),
    (60, 40, "log-normal", 0.0, 30.0),
    (30, 5, "mild", 0.3, 20.0),
    (20, 3, "random", 0.4, None),
    (40, 20, "log-normal", 0.2, 40.0),
    (10, 3, "random", 0.0, 20.0),
    (120, 8, "mild", 0.6, 10.0),
]


@pytest.mark.parametrize("seed", range(3))
def test_check_19_linear_start(seed):
    """P = 60, rank 5: exact without iterations; at 20 dB within 1.5 times the optimum."""
    array = simulate_interferometer(60, 5, rng=seed)
    assert relative_error(gains_from_model(array.V, array.model).start, array.gains) < 1e-12
    array = simulate_interferometer(60, 5, snr=20.0, rng=seed)
    found = gains_from_model(array.V, array.model)
    best = relative_error(found.gains, array.gains)
    assert relative_error(found.start, array.gains) < 1.5 * best
    assert 0.010 < best < 0.016
    assert found.status.name == "OK"
    # Companion: ones are no start to speak of.
    assert relative_error(np.ones(60), array.gains) > 0.9


@pytest.mark.parametrize(("antennas", "sources", "gains", "missing", "snr"), ARRAYS)
@pytest.mark.parametrize("seed", range(2))
def test_fewer_iterations_from_the_linear_start(antennas, sources, gains, missing, snr, seed):
    array = simulate_interferometer(
        antennas, sources, gains=gains, missing=missing, snr=snr, rng=seed
    )
    linear = gains_from_model(array.V, array.model)
    ones = gains_from_model(array.V, array.model, start="ones")
    assert linear.converged
    assert ones.converged
    assert linear.iterations < ones.iterations
    assert relative_error(linear.gains, ones.gains) < 1e-6


def test_a_stationary_point_of_the_likelihood():
    array = simulate_interferometer(12, 4, snr=10.0, missing=0.2, rng=5)
    found = gains_from_model(array.V, array.model, tol=1e-13, max_iter=2000)
    V, valid = np.nan_to_num(array.V), ~np.isnan(array.V)

    def cost(g):
        return np.sum(valid * np.abs(V - g[:, None] * array.model * g.conj()) ** 2)

    rng = np.random.default_rng(0)
    for _ in range(20):
        step = rng.normal(size=12) + 1j * rng.normal(size=12)
        slope = (cost(found.gains + 1e-6 * step) - cost(found.gains - 1e-6 * step)) / 2e-6
        assert abs(slope) < 1e-5 * cost(found.gains) * np.linalg.norm(step)
        assert cost(found.gains + 0.05 * step) > cost(found.gains)


def test_batches_are_solved_one_by_one():
    arrays = [simulate_interferometer(15, 3, snr=snr, rng=7) for snr in (5.0, 20.0, 60.0)]
    V = np.stack([array.V for array in arrays])[None]
    together = gains_from_model(V, arrays[0].model, reference=2)
    assert together.gains.shape == (1, 3, 15)
    assert together.iterations.shape == together.chi2.shape == (1, 3)
    for k, array in enumerate(arrays):
        alone = gains_from_model(array.V, array.model, reference=2)
        assert np.allclose(together.gains[0, k], alone.gains, rtol=1e-12)
        assert together.iterations[0, k] == alone.iterations
        assert np.allclose(together.phase_error[0, k], alone.phase_error, rtol=1e-8)
    assert len(set(together.iterations.ravel())) > 1


def test_one_half_of_the_visibilities_is_enough():
    array = simulate_interferometer(12, 3, snr=20.0, rng=1)
    whole = gains_from_model(array.V, array.model)
    upper = np.where(np.triu(np.ones((12, 12)), 1) > 0, array.V, np.nan)
    half = gains_from_model(upper, array.model)
    assert np.allclose(half.gains, whole.gains, rtol=1e-12)
    assert half.chi2 == whole.chi2
    assert half.noise == pytest.approx(float(whole.noise))
    model = np.where(np.tril(np.ones((12, 12))) > 0, array.model, np.nan)
    assert np.allclose(gains_from_model(upper, model).gains, whole.gains, rtol=1e-12)


def test_autocorrelations_are_ignored_unless_asked_for():
    array = simulate_interferometer(12, 3, rng=1)
    V = np.where(np.eye(12) > 0, 1e6, array.V)
    assert relative_error(gains_from_model(V, array.model).gains, array.gains) < 1e-12
    found = gains_from_model(V, array.model, autocorrelations=True)
    assert relative_error(found.gains, array.gains) > 0.1
    V = np.where(np.eye(12) > 0, np.abs(array.gains) ** 2 * array.model, array.V)
    found = gains_from_model(V, array.model, autocorrelations=True)
    assert relative_error(found.gains, array.gains) < 1e-12


def test_flags_and_dead_antennas():
    array = simulate_interferometer(14, 3, rng=2)
    V = array.V.copy()
    V[8], V[:, 8] = 0.0, 0.0  # dead: measured, and zero
    V[3], V[:, 3] = np.nan, np.nan  # never measured
    V[5], V[:, 5] = 1e3, 1e3  # flagged by the user, and bad
    for flagged in ([5], np.arange(14) == 5):
        found = gains_from_model(V, array.model, flagged=flagged)
        assert np.flatnonzero(found.flags).tolist() == [3, 5]
        assert found.gains[[3, 5, 8]].tolist() == [0, 0, 0]
        kept = np.delete(np.arange(14), [3, 5, 8])
        assert relative_error(found.gains[kept], array.gains[kept]) < 1e-12
        assert np.isinf(found.modulus_error[[3, 5]]).all()
        for field in (found.gains, found.sigma, found.chi2, found.noise, found.phase_error):
            assert not np.isnan(field).any()


@pytest.mark.parametrize("groups", [2, 3])
def test_arrays_that_fall_apart_are_ambiguous(groups):
    array = simulate_interferometer(18, 3, rng=4)
    group = np.arange(18) % groups
    V = np.where(group[:, None] == group, array.V, np.nan)
    found = gains_from_model(V, array.model)
    assert found.status.name == "AMBIGUOUS"
    assert found.sigma[1] > 1 - 1e-10
    # A tree of pairs has no odd cycle: moduli can be traded between its two sides.
    V = np.where(group[:, None] != group, array.V, np.nan)
    found = gains_from_model(V, array.model)
    assert (found.status.name == "AMBIGUOUS") == (groups == 2)


@pytest.mark.parametrize("noise", [0.1, 0.3, 1.0])
def test_parts_that_differ_in_noise_are_ambiguous_too(noise):
    """The gap does not show it; pairs that link the parts make them one."""
    array = simulate_interferometer(12, 3, rng=0)
    rng = np.random.default_rng(1)
    V = array.V.copy()
    error = np.triu(rng.normal(size=(6, 6)) + 1j * rng.normal(size=(6, 6)), 1)
    V[:6, :6] += noise * np.nanmean(np.abs(V)) * (error + error.conj().T)
    V[:6, 6:] = V[6:, :6] = np.nan
    found = gains_from_model(V, array.model)
    assert found.status.name == "AMBIGUOUS"
    assert found.sigma[0] - found.sigma[1] > 1e-3
    V[:6, 6:] = array.V[:6, 6:]
    assert gains_from_model(V, array.model).status.name == "OK"
    # A chain has no cycle at all; ambiguous before anything else.
    near = np.abs(np.subtract.outer(np.arange(12), np.arange(12))) == 1
    assert gains_from_model(np.where(near, array.V, np.nan), array.model).status.name == "AMBIGUOUS"


@pytest.mark.parametrize("scale", [1e-300, 1e-150, 1e150, 1e300])
def test_any_size_of_data_and_model(scale):
    array = simulate_interferometer(12, 3, snr=30.0, rng=0)
    plain = gains_from_model(array.V, array.model, noise=array.noise_std, reference=2)
    for found, factor in (
        (
            gains_from_model(
                array.V * scale, array.model, noise=array.noise_std * scale, reference=2
            ),
            np.sqrt(scale),
        ),
        (
            gains_from_model(array.V, array.model * scale, noise=array.noise_std, reference=2),
            1 / np.sqrt(scale),
        ),
    ):
        np.testing.assert_allclose(found.gains, plain.gains * factor, rtol=1e-7)
        np.testing.assert_allclose(found.modulus_error, plain.modulus_error * factor, rtol=1e-7)
        np.testing.assert_allclose(found.phase_error, plain.phase_error, rtol=1e-7)
        np.testing.assert_allclose(found.chi2, plain.chi2, rtol=1e-7)
    ends = [
        gains_from_model(array.V * size, array.model, start=array.gains * np.sqrt(size))
        for size in (1.0, scale)
    ]
    assert abs(int(ends[0].iterations) - int(ends[1].iterations)) <= 1


def test_a_reference_without_data():
    array = simulate_interferometer(12, 3, snr=30.0, rng=0)
    V = array.V.copy()
    V[3] = V[:, 3] = np.nan
    found = gains_from_model(V, array.model, reference=3)
    mean = gains_from_model(V, array.model)
    np.testing.assert_allclose(found.gains, mean.gains)
    np.testing.assert_allclose(found.phase_error, mean.phase_error)
    assert "where it has no gain" in found.convention


def test_noise_alone_is_ambiguous():
    array = simulate_interferometer(40, 3, snr=-60.0, rng=4)
    assert gains_from_model(array.V, array.model).ambiguous
    assert not gains_from_model(
        simulate_interferometer(40, 3, snr=0.0, rng=4).V, array.model
    ).ambiguous


def test_the_phase_convention():
    array = simulate_interferometer(9, 2, snr=30.0, rng=3)
    found = gains_from_model(array.V, array.model)
    assert abs(np.angle((found.gains / np.abs(found.gains)).sum())) < 1e-12
    fixed = gains_from_model(array.V, array.model, reference=4)
    assert abs(np.angle(fixed.gains[4])) < 1e-12
    assert fixed.phase_error[4] < 1e-12 < fixed.phase_error[3]
    assert "4" in fixed.convention
    assert np.allclose(found.predict(array.model), fixed.predict(array.model))
    exact = simulate_interferometer(9, 2, rng=3)
    corrected = gains_from_model(exact.V, exact.model).correct(exact.V)
    off = ~np.eye(9, dtype=bool)
    assert np.allclose(corrected[off], exact.model[off], rtol=1e-10)
    assert np.isnan(np.diagonal(corrected)).all()


def test_gains_scale_with_the_data():
    """V -> c_p V c_q^* multiplies g_p by c_p, moduli from 1e-8 to 1e8."""
    array = simulate_interferometer(12, 4, rng=6)
    c = 10.0 ** np.linspace(-8, 8, 12) * np.exp(1j * np.arange(12))
    found = gains_from_model(c[:, None] * array.V * c.conj(), array.model)
    ratio = found.gains / (c * array.gains)
    assert np.allclose(ratio, ratio[0], rtol=1e-8)
    assert abs(ratio[0]) == pytest.approx(1.0)


def test_errors_and_chi2_have_the_right_size(record_property):
    """200 noise draws at 25 dB: chi^2 with the stated freedom, and standardised squared errors.

    The mean of P x 200 squares has a relative standard deviation below sqrt(2 / 200) = 0.1 even if
    all antennas moved together; 5 of them is a false alarm in 10^6. The companion, errors of the
    wrong complex convention (sigma instead of sigma / sqrt 2), is off by a factor of two.
    """
    draws, P = 200, 14
    truth = simulate_interferometer(P, 4, rng=8)
    level = 0.05 * np.sqrt(np.nanmean(np.abs(truth.V) ** 2))
    rng = np.random.default_rng(9)
    noise = np.triu(rng.normal(size=(draws, P, P)) + 1j * rng.normal(size=(draws, P, P)), 1)
    V = truth.V + level * np.sqrt(0.5) * (noise + noise.conj().swapaxes(1, 2))
    found = gains_from_model(V, truth.model, noise=level, reference=0)
    freedom = P * (P - 1) / 2 - P + 0.5
    total = 2 * freedom * found.chi2.sum()
    assert 1e-6 < stats.chi2.cdf(total, 2 * freedom * draws) < 1 - 1e-6
    modulus = (np.abs(found.gains) - np.abs(truth.gains)) / found.modulus_error
    exact = np.angle(truth.gains / truth.gains[0])
    turn = np.angle(found.gains * np.exp(-1j * exact))[:, 1:] / found.phase_error[:, 1:]
    squares = np.array([np.mean(modulus**2), np.mean(turn**2)])
    record_property("check", 19)
    record_property("measured", float(np.abs(squares - 1).max()))
    record_property("threshold", 0.5)
    record_property("false_alarm_rate", 1e-6)
    assert np.abs(squares - 1).max() < 0.5
    assert np.abs(squares - 1).max() < 0.15  # measured 0.05
    assert (np.abs(squares / 2 - 1) > 0.4).all()


@pytest.mark.parametrize(
    ("changes", "start", "kind"),
    [
        ({"V": np.ones((3, 4))}, "V: got shape", ValueError),
        ({"V": np.array([["a"]])}, "V: got dtype", TypeError),
        ({"M": np.ones((5, 5))}, "M: got 5 antennas", ValueError),
        ({"V": np.full((6, 6), np.nan)}, "V: got no pair", ValueError),
        ({"V": np.full((6, 6), np.inf)}, "V: got infinity", ValueError),
        ({"V": np.triu(np.ones((6, 6)))}, "V: got two halves", ValueError),
        ({"weights": -np.ones((6, 6))}, "weights: got an entry", ValueError),
        ({"weights": np.ones(5)}, "weights: got shape", ValueError),
        ({"weights": np.zeros((6, 6))}, "V: got no pair", ValueError),
        ({"flagged": [7]}, "flagged: got", ValueError),
        ({"flagged": np.zeros(5, dtype=bool)}, "flagged: got shape", ValueError),
        ({"start": "random"}, "start: got", ValueError),
        ({"start": np.ones(3)}, "start: got shape", ValueError),
        ({"reference": 6}, "reference: got 6", ValueError),
        ({"reference": -1}, "reference: got -1", ValueError),
        ({"reference": 1.5}, "reference: got 1.5", TypeError),
        ({"weights": "a"}, "weights: got dtype", TypeError),
        ({"flagged": [0.5]}, "flagged: got dtype", TypeError),
        ({"flagged": [-1]}, "flagged: got [-1]", ValueError),
        ({"start": np.zeros(6)}, "start: got shape", ValueError),
        ({"noise": 0.0}, "noise: got", ValueError),
        ({"tol": 0.0}, "tol: got", ValueError),
        ({"max_iter": 0}, "max_iter: got 0", ValueError),
    ],
)
def test_bad_input(changes, start, kind):
    arguments = {"V": np.ones((6, 6)), "M": np.ones((6, 6)), **changes}
    with pytest.raises(kind) as error:
        gains_from_model(arguments.pop("V"), arguments.pop("M"), **arguments)
    assert str(error.value).startswith(start)


def test_an_iteration_cut_short_says_so():
    array = simulate_interferometer(20, 4, snr=10.0, rng=0)
    found = gains_from_model(array.V, array.model, max_iter=2)
    assert found.status.name == "NOT_CONVERGED"
    assert not found.converged
    assert found.iterations == 2
    again = gains_from_model(array.V, array.model, start=found.gains)
    assert again.converged


@pytest.mark.parametrize("changes", [{"antennas": 1}, {"missing": -0.1}, {"gains": "flat"}])
def test_simulator_refuses(changes):
    with pytest.raises(ValueError, match=f"{next(iter(changes))}: got"):
        simulate_interferometer(**{"antennas": 9, "sources": 2, "rng": 0, **changes})
