"""Models in closed form (0.9, 13.3) and wrappers around models (3.9, 16.1, 17.4)."""

from __future__ import annotations

import math

import numpy as np
import pytest
from scipy import integrate

from rnla import ArgumentError, ArgumentTypeError
from rnla.diffusion import (
    Counted,
    Empirical,
    Flow,
    Gaussian,
    GaussianMixture,
    Guided,
    LowRankGaussian,
    MeanReverting,
    MeanShifted,
    Preconditioned,
    Recorded,
    Thresholded,
    VarianceExploding,
    make_grid,
    prepare,
    sample,
)

from .fixtures import (
    DEVIATIONS,
    MEANS,
    REFERENCE_1E2,
    REFERENCE_1E3,
    STARTS,
    VP,
    WEIGHTS,
    gmm_a,
    log_snr_grid,
    plane_gaussian,
    run,
)

SPREAD = np.array([[0.5, 0.2], [0.2, 0.3]])
LEVELS = [VP.level(0.3), VarianceExploding().level(2.0), Flow().level(0.6)]


def plain_denoiser(weights, means, covariances, x, level):
    """Bayes' rule with dense inverses, one sample and one component at a time."""
    out = np.zeros_like(x)
    for b, state in enumerate(x):
        logs, parts = [], []
        for w, m, c in zip(weights, np.asarray(means), covariances, strict=True):
            v = level.alpha**2 * c + level.sigma**2 * np.eye(x.shape[1])
            r = state - level.alpha * m
            inverse = np.linalg.inv(v)
            logs.append(math.log(w) - 0.5 * r @ inverse @ r - 0.5 * np.linalg.slogdet(v)[1])
            parts.append(m + level.alpha * c @ inverse @ r)
        shares = np.exp(logs - max(logs))
        out[b] = np.tensordot(shares / shares.sum(), parts, axes=1)
    return out


def ode_end(model, start, stop):
    """The starts carried along d(x / sigma) / d lambda = e^lambda x0 by a tight ODE solver."""

    def slope(lam, flat):
        level = VP.level_of(lam)
        x = level.sigma * flat.reshape(STARTS.shape)
        return (math.exp(lam) * model(x, level)).ravel()

    ends = (start.half_log_snr, stop.half_log_snr)
    tight = {"method": "DOP853", "rtol": 1e-12, "atol": 1e-12}
    found = integrate.solve_ivp(slope, ends, STARTS.ravel() / start.sigma, **tight)
    return stop.sigma * found.y[:, -1].reshape(STARTS.shape)


@pytest.mark.parametrize("level", LEVELS, ids=str)
def test_0_9_denoisers_are_bayes_rule(level):
    rng = np.random.default_rng(0)
    roots = rng.normal(size=(3, 2, 2))
    full = roots @ roots.transpose(0, 2, 1)
    isotropic = [s**2 * np.eye(2) for s in DEVIATIONS]
    low = 4.0 * np.outer([0.6, 0.8], [0.6, 0.8]) + 0.25 * np.outer([0.8, -0.6], [0.8, -0.6])
    cases = [
        (gmm_a(), WEIGHTS, MEANS, isotropic),
        (GaussianMixture(WEIGHTS, MEANS, covariances=full), WEIGHTS, MEANS, full),
        (plane_gaussian(), [1.0], [(0.7, -0.4)], [SPREAD]),
        (
            LowRankGaussian([0.1, 0.2], [[0.6], [0.8]], [4.0], tail=0.25),
            [1.0],
            [(0.1, 0.2)],
            [low],
        ),
        (Empirical(MEANS), [1 / 3] * 3, MEANS, np.zeros((3, 2, 2))),
    ]
    for model, *plain in cases:
        expected = plain_denoiser(*plain, STARTS, level)
        np.testing.assert_allclose(model(STARTS, level), expected, rtol=1e-10, atol=1e-12)


@pytest.mark.parametrize("level", LEVELS, ids=str)
def test_0_9_scores_are_gradients_of_the_log_density(level):
    model, step = gmm_a(), 1e-5
    for axis in range(2):
        shift = step * np.eye(2)[axis]
        ahead, behind = (model.log_density(STARTS + s * shift, level) for s in (1.0, -1.0))
        np.testing.assert_allclose(
            model.score(STARTS, level)[:, axis], (ahead - behind) / (2 * step), rtol=1e-6, atol=1e-7
        )


def test_0_9_log_density_integrates_to_1():
    level = VP.level(0.2)
    line = np.linspace(-6.0, 6.0, 241)
    mesh = np.stack(np.meshgrid(line, line), axis=-1).reshape(-1, 2)
    total = np.exp(gmm_a().log_density(mesh, level)).sum() * (line[1] - line[0]) ** 2
    assert total == pytest.approx(1.0, abs=1e-6)


@pytest.mark.parametrize("level", LEVELS, ids=str)
def test_0_9_posterior_covariance_is_the_jacobian_of_the_denoiser(level):
    # Tweedie to second order: Cov[x0 | x] = sigma^2 / alpha times d E[x0 | x] / dx.
    step = 1e-6
    for model in (gmm_a(), plane_gaussian(), LowRankGaussian([0.0, 0.0], [[1.0], [0.0]], [2.0])):
        columns = [
            (model(STARTS + step * e, level) - model(STARTS - step * e, level)) / (2 * step)
            for e in np.eye(2)
        ]
        jacobian = np.stack(columns, axis=2)
        expected = level.sigma**2 / level.alpha * jacobian
        got = model.posterior_covariance(STARTS, level)
        np.testing.assert_allclose(got, expected, rtol=1e-6, atol=1e-8)


def test_0_10_moments_of_the_mixture():
    weights, means = np.array(WEIGHTS), np.array(MEANS)
    mean = weights @ means
    np.testing.assert_allclose(mean, [-0.2, -0.09])
    level = VarianceExploding().level(1e6)  # nothing is known: the posterior is the prior
    covariance = gmm_a().posterior_covariance(np.zeros((1, 2)), level)[0]
    np.testing.assert_allclose(covariance, [[0.849, 0.132], [0.132, 0.4439]], atol=1e-5)


def test_0_9_exact_flow_is_the_limit_of_a_solver():
    start, stop = VP.levels([1.0, 1e-2])
    for model in (plane_gaussian(), LowRankGaussian([0.3, 0.1], [[0.6], [0.8]], [2.0], tail=0.1)):
        exact = model.flow(STARTS, start, stop)
        np.testing.assert_allclose(ode_end(model, start, stop), exact, atol=1e-10)
        back = model.flow(exact, stop, start)
        np.testing.assert_allclose(back, STARTS, atol=1e-9)


def test_0_10_reference_end_points():
    for time, expected in ((1e-2, REFERENCE_1E2), (1e-3, REFERENCE_1E3)):
        got = ode_end(gmm_a(), *VP.levels([1.0, time]))
        np.testing.assert_allclose(got, expected, atol=1e-10)


def test_models_take_samples_of_any_shape_and_large_batches_in_blocks():
    rng = np.random.default_rng(1)
    points = rng.normal(size=(40, 3, 2, 4))
    x = rng.normal(size=(2000, 3, 2, 4))
    level = VP.level(0.4)
    model = Empirical(points, deviation=0.1)
    whole = model(x, level)
    assert whole.shape == x.shape
    flat = Empirical(points.reshape(40, -1), deviation=0.1)(x[-3:].reshape(3, -1), level)
    np.testing.assert_allclose(whole[-3:].reshape(3, -1), flat, rtol=1e-12)
    assert model(x[:2].astype(np.float32), level).dtype == np.float32


def test_draws_have_the_moments_of_the_data():
    """Means of 40,000 draws, five sigma: false alarm below 2e-5 for all seven numbers."""
    count = 40_000
    drawn = gmm_a().draw(count, rng=0)
    centered = drawn - [-0.2, -0.09]
    assert np.abs(centered.mean(axis=0)).max() < 5 * 0.93 / math.sqrt(count)
    cov = centered.T @ centered / count
    assert np.abs(cov - [[0.849, 0.132], [0.132, 0.4439]]).max() < 5 * 1.2 / math.sqrt(count)
    assert not np.abs(cov - SPREAD).max() < 5 * 1.2 / math.sqrt(count)  # another law is told apart
    line = LowRankGaussian([1.0, 2.0], [[0.6], [0.8]], [4.0]).draw(50, rng=1) - [1.0, 2.0]
    np.testing.assert_allclose(line @ [0.8, -0.6], 0.0, atol=1e-12)
    np.testing.assert_array_equal(gmm_a().draw(5, rng=3), gmm_a().draw(9, rng=3)[:5])


@pytest.mark.parametrize(
    "make, name",
    [
        (lambda: Gaussian([0.0], [[-1.0]]), "covariance"),
        (lambda: Gaussian([0.0, 0.0], [[1.0, 0.5], [0.0, 1.0]]), "covariance"),
        (lambda: GaussianMixture([1.0], [[0.0]]), "deviations"),
        (lambda: GaussianMixture([1.0, 0.0], [[0.0], [1.0]], deviations=[1, 1]), "weights"),
        (lambda: GaussianMixture([1.0, 1.0], [[0.0]], deviations=[1, 1]), "means"),
        (lambda: GaussianMixture([1.0], [[0.0]], covariances=[[1.0]]), "covariances"),
        (lambda: Empirical([1.0, 2.0]), "points"),
    ],
)
def test_bad_distributions_are_refused(make, name):
    with pytest.raises(ArgumentError, match=f"{name}: got"):
        make()


# --- wrappers ---------------------------------------------------------------------------------


def test_guidance_extrapolates_and_commutes_with_the_conversion():
    level = VP.level(0.4)
    first, second = gmm_a(), plane_gaussian()
    guided = Guided(first, second, scale=2.5)
    expected = 2.5 * first(STARTS, level) - 1.5 * second(STARTS, level)
    np.testing.assert_allclose(guided(STARTS, level), expected, rtol=1e-14)
    eps = prepare(guided, VP)(STARTS, level, "eps")
    by_eps = 2.5 * first.eps(STARTS, level) - 1.5 * second.eps(STARTS, level)
    np.testing.assert_allclose(eps, by_eps, rtol=1e-10, atol=1e-12)
    plain = Guided(first, second, scale=1.0)(STARTS, level)
    np.testing.assert_array_equal(plain, first(STARTS, level))
    with pytest.raises(ArgumentError, match="unconditional: got prediction None"):
        Guided(first, lambda x, t: x, scale=2.0)


def large(x, time):
    return 3.0 * x


def test_3_9_dynamic_thresholding_per_sample():
    level = VP.level(0.4)
    x = np.random.default_rng(2).normal(size=(3, 5, 4))
    x[1] *= 0.05  # stays within the bound
    got = Thresholded(large, VP, "x0", quantile=0.9)(x, level)
    for sample_in, sample_out in zip(3.0 * x, got, strict=True):
        s = max(np.quantile(np.abs(sample_in), 0.9), 1.0)
        np.testing.assert_allclose(sample_out, np.clip(sample_in, -s, s) / s, rtol=1e-14)
    np.testing.assert_array_equal(got[1], 3.0 * x[1])


def test_19_4_static_clip_of_diffusers_is_a_named_option():
    level = VP.level(0.4)
    static = Thresholded(large, VP, "x0", method="static")
    np.testing.assert_array_equal(static(STARTS, level), np.clip(3.0 * STARTS, -1.0, 1.0))
    dynamic = Thresholded(large, VP, "x0")
    assert np.abs(dynamic(STARTS, level) - static(STARTS, level)).max() > 0.1


def test_3_9_the_noise_is_derived_again_from_the_thresholded_data():
    level = VP.level(0.4)
    model = Thresholded(large, VP, "x0")
    prepared = prepare(model, VP)
    x0, eps = (prepared(STARTS, level, form) for form in ("x0", "eps"))
    np.testing.assert_allclose(level.alpha * x0 + level.sigma * eps, STARTS, rtol=1e-13)
    assert np.abs(x0).max() <= 1.0
    end = sample(model, STARTS, solver="ddim", grid=log_snr_grid(8)).values
    assert np.abs(end).max() < 1.5
    with pytest.raises(ArgumentError, match="method: got 'fixed'"):
        Thresholded(large, VP, "x0", method="fixed")


def test_10_2_a_shifted_mean_is_ordinary_diffusion():
    # Data N(m, S) seen through a model of x; the shifted path has data N(m - mu, S).
    mean, mu = np.array([0.6, 0.1]), np.array([0.3, -0.2])
    spread = np.diag([0.25**2, 0.15**2])
    schedule = MeanReverting(50.0 / 255.0)
    shifted_data = Gaussian(mean - mu, spread)

    class OfX:
        prediction, takes_level = "x0", True

        def __call__(self, x, level):
            return shifted_data(x - mu, level) + mu

    class NoiseOfX(OfX):
        prediction = "eps"

        def __call__(self, x, level):
            return shifted_data.eps(x - mu, level)

    class FlowOfX(OfX):
        prediction = "flow"

        def __call__(self, x, level):
            y = x - mu
            return shifted_data.eps(y, level) - (shifted_data(y, level) + mu)

    y = np.array([[0.5, -0.1], [0.2, 0.4]]) - mu
    grid = make_grid(schedule, 20)
    expected = sample(shifted_data, y, solver="ddim", schedule=schedule, grid=grid).values
    for model in (OfX(), NoiseOfX(), FlowOfX()):
        got = sample(MeanShifted(model, mu), y, solver="ddim", schedule=schedule, grid=grid).values
        np.testing.assert_allclose(got, expected, rtol=1e-11)
    # The printed values of the first order at N = 20.
    golden = [[0.8265388529, 0.1659238044], [0.4766686541, 0.5162938293]]
    np.testing.assert_allclose(expected + mu, golden, atol=1e-9)
    with pytest.raises(ArgumentError, match="prediction: got None"):
        MeanShifted(large, mu)


def test_2_3_preconditioning_is_the_edm_formula_and_its_raw_output_a_prediction():
    rho, width = 1.7, 0.5
    schedule = VarianceExploding()

    def network(x, c_noise):
        return np.sin(x) + c_noise

    level = schedule.level(rho)
    root = math.sqrt(rho**2 + width**2)
    raw = network(STARTS / root, 0.25 * math.log(rho))
    expected = width**2 / root**2 * STARTS + rho * width / root * raw
    model = Preconditioned(network, sigma_data=width)
    np.testing.assert_allclose(model(STARTS, level), expected, rtol=1e-14)
    # The same network described as a kind of prediction.

    def scaled(x, time):
        return network(x / math.sqrt(time**2 + width**2), 0.25 * math.log(time))

    from rnla.diffusion import Prediction

    edm = prepare(scaled, schedule, Prediction("edm", sigma_data=width))
    np.testing.assert_allclose(edm(STARTS, level, "x0"), expected, rtol=1e-13)
    # On another path with the same SNR the denoiser is the same function of x / alpha.
    other = VP.level_of(level.half_log_snr)
    np.testing.assert_allclose(model(other.alpha * STARTS, other), expected, rtol=1e-13)


def test_counters_and_recorders_see_every_call():
    counted, recorded = Counted(gmm_a()), Recorded(gmm_a())
    expected = run("edm", log_snr_grid(5))
    for model in (counted, recorded):
        np.testing.assert_array_equal(run("edm", log_snr_grid(5), model=model), expected)
    assert (counted.calls, counted.samples) == (10, 40)
    assert len(recorded.calls) == 10
    np.testing.assert_array_equal(recorded.calls[0].x, STARTS)
    np.testing.assert_array_equal(
        recorded.calls[3].output, gmm_a()(recorded.calls[3].x, recorded.calls[3].time)
    )


def test_models_without_a_kind_are_refused():
    with pytest.raises(ArgumentError, match="prediction: got None, and the model has no"):
        sample(large, STARTS)
    with pytest.raises(ArgumentTypeError, match="model: got str"):
        sample("large", STARTS)
