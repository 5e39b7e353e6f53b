"""Stochastic interpolants: SPEC 15."""

from __future__ import annotations

import itertools
from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.integrate import quad_vec, solve_ivp

from rnla import ArgumentError
from rnla.diffusion import make_grid, sample
from rnla.diffusion.interpolants import (
    Constant,
    EncodingDecoding,
    Fields,
    FlowScales,
    GaussianPair,
    Interpolant,
    Linear,
    MixturePair,
    NoLatent,
    Product,
    RootProduct,
    ScheduleScales,
    SigmoidDifference,
    SineSquared,
    Trigonometric,
    best_epsilon,
    diffusive,
    divergence_bound,
    inner_times,
    mirror,
    objective,
    one_sided,
    solve_ode,
    solve_sde,
)
from rnla.diffusion.schedules import Flow, GeometricVE, VPLinear

from . import fixtures

PATHS = [Linear(), Trigonometric(), EncodingDecoding(), Constant()]
LATENTS = [RootProduct(), RootProduct(2.5), Product(), SineSquared(), SigmoidDifference(6.0)]
SCALAR = GaussianPair(Interpolant(), [-1.0], [[0.25]], [2.0], [[0.64]])
C0 = np.array([[0.5, 0.2], [0.2, 0.4]])
C1 = np.array([[0.3, -0.1], [-0.1, 0.9]])
PLANE = GaussianPair(Interpolant(Linear(), Product()), [0.3, -1.0], C0, [1.0, 0.5], C1)
MIXTURE = MixturePair(
    Interpolant(Trigonometric(), RootProduct(0.7)),
    [0.4, 0.6],
    [[0.0, 0.0], [1.0, -1.0]],
    [C0, np.eye(2)],
    [0.5, 0.3, 0.2],
    [[-1.0, 0.0], [1.0, 0.5], [0.0, -1.2]],
    [0.09 * np.eye(2), C1, 0.16 * np.eye(2)],
)


def _slope(errors: list[float]) -> float:
    return float(np.polyfit(np.arange(len(errors)), np.log2(errors), 1)[0])


def _moments(
    pair: GaussianPair, steps: int, epsilon: float, method: str, *, backward: bool = False
) -> tuple[float, float]:
    """Mean and variance of the last state of a scalar sampler: a recursion, no sampling.

    A step is x -> p x + q + r z; p, q, r are read off states 0, 1 and noise 0, 1.
    """
    times = np.linspace(1.0, 0.0, steps + 1) if backward else np.linspace(0.0, 1.0, steps + 1)
    ends = (0.0, 1.0)  # where the score is infinite
    fields = pair.fields()
    start = times[0]
    mean, variance = float(pair.mean(start)[0]), float(pair.covariance(start)[0, 0])
    probe = np.array([[0.0], [1.0], [0.0]])
    unit = np.array([[0.0], [0.0], [1.0]])
    for a, b in itertools.pairwise(times):
        level = lambda t: 0.0 if t in ends else epsilon  # noqa: E731
        out = solve_sde(
            fields, probe, times=[a, b], epsilon=level, method=method, noise=lambda *_: unit
        )
        q, p_plus_q, r_plus_q = np.asarray(out)[:, 0]
        mean = (p_plus_q - q) * mean + q
        variance = (p_plus_q - q) ** 2 * variance + (r_plus_q - q) ** 2
    return mean, variance


@pytest.mark.parametrize("path", PATHS, ids=lambda p: type(p).__name__)
def test_15_1_paths_have_their_ends_and_derivatives(path: Linear) -> None:
    if not isinstance(path, Constant):
        assert (path.alpha(0.0), path.beta(1.0)) == (1.0, 1.0)
        assert abs(path.alpha(1.0)) < 1e-15
        assert abs(path.beta(0.0)) < 1e-15
    t = np.linspace(0.05, 0.95, 8)
    h = 1e-6
    for value, slope in ((path.alpha, path.alpha_dot), (path.beta, path.beta_dot)):
        assert np.abs((value(t + h) - value(t - h)) / (2 * h) - slope(t)).max() < 1e-8


@pytest.mark.parametrize("latent", [*LATENTS, NoLatent()], ids=repr)
def test_15_1_latents_vanish_at_the_ends(latent: Product) -> None:
    assert abs(latent.gamma(0.0)) < 1e-15
    assert abs(latent.gamma(1.0)) < 1e-15
    t = np.linspace(0.05, 0.95, 8)
    h = 1e-6
    slope = (latent.gamma(t + h) - latent.gamma(t - h)) / (2 * h)
    assert np.abs(slope - latent.gamma_dot(t)).max() < 1e-7
    assert np.abs(latent.gamma(t) * latent.gamma_dot(t) - latent.product(t)).max() < 1e-14
    assert np.isfinite(latent.product(np.array([0.0, 1.0]))).all()


@settings(max_examples=20, deadline=None)
@given(path=st.sampled_from(PATHS[:3]), latent=st.sampled_from(LATENTS), seed=st.integers(0, 99))
def test_15_1_interpolants_begin_and_end_at_their_ends(
    path: Linear, latent: Product, seed: int
) -> None:
    x0, x1, z = np.random.default_rng(seed).standard_normal((3, 4, 2))
    interpolant = Interpolant(path, latent)
    assert np.abs(interpolant.point(0.0, x0, x1, z) - x0).max() < 1e-14
    assert np.abs(interpolant.point(1.0, x0, x1, z) - x1).max() < 1e-14
    times = np.array([0.0, 1.0, 0.0, 1.0])
    ends = np.where(times[:, None] == 0.0, x0, x1)
    assert np.abs(interpolant.point(times, x0, x1, z) - ends).max() < 1e-14
    h = 1e-6
    t = 0.2 + 0.06 * (seed % 10)
    if abs(t - 0.5) > 0.05:
        moved = interpolant.point(t + h, x0, x1, z) - interpolant.point(t - h, x0, x1, z)
        assert np.abs(moved / (2 * h) - interpolant.velocity(t, x0, x1, z)).max() < 1e-6


def test_15_2_encoding_decoding_passes_through_noise() -> None:
    interpolant = Interpolant(EncodingDecoding(), SineSquared())
    rng = np.random.default_rng(0)
    x0, x1, z = rng.standard_normal((3, 4, 2))
    assert np.abs(interpolant.point(0.5, x0, x1, z) - z).max() < 1e-15
    assert np.array_equal(interpolant.point(0.0, x0, x1, z), x0)


def test_15_3_velocity_transports_the_law_of_gaussians() -> None:
    """dm/dt = b(m) and dC/dt = JC + CJ' for non-commuting covariances and coupled ends."""
    cross = np.array([[0.1, 0.05], [-0.02, 0.15]])
    for interpolant in (Interpolant(), Interpolant(Trigonometric(), SineSquared())):
        pair = GaussianPair(interpolant, [0.3, -1.0], C0, [1.0, 0.5], C1, cross=cross)
        h = 1e-5
        for t in (0.2, 0.5, 0.83):
            origin = pair.velocity(np.zeros((1, 2)), t)[0]
            J = (pair.velocity(np.eye(2), t) - origin).T
            slope = (pair.mean(t + h) - pair.mean(t - h)) / (2 * h)
            assert np.abs(pair.velocity(pair.mean(t)[None], t)[0] - slope).max() < 1e-8
            slope = (pair.covariance(t + h) - pair.covariance(t - h)) / (2 * h)
            C = pair.covariance(t)
            assert np.abs(J @ C + C @ J.T - slope).max() < 1e-8


def test_15_3_mixtures_satisfy_the_continuity_equation() -> None:
    """d log ρ/dt + div b + b·s = 0, and s is the gradient of log ρ."""
    x = np.random.default_rng(1).standard_normal((6, 2))
    h = 1e-5
    for t in (0.15, 0.6):
        rate = (MIXTURE.log_density(x, t + h) - MIXTURE.log_density(x, t - h)) / (2 * h)
        divergence, gradient = np.zeros(6), np.zeros((6, 2))
        for j in range(2):
            move = h * np.eye(2)[j]
            change = MIXTURE.velocity(x + move, t) - MIXTURE.velocity(x - move, t)
            divergence += change[:, j] / (2 * h)
            density = MIXTURE.log_density(x + move, t) - MIXTURE.log_density(x - move, t)
            gradient[:, j] = density / (2 * h)
        score = MIXTURE.score(x, t)
        assert np.abs(gradient - score).max() < 1e-7
        flux = (MIXTURE.velocity(x, t) * score).sum(axis=1)
        assert np.abs(rate + divergence + flux).max() < 1e-6


def test_15_1_the_four_fields_determine_each_other() -> None:
    x = np.random.default_rng(2).standard_normal((5, 2))
    given = [
        {"velocity": MIXTURE.velocity, "denoiser": MIXTURE.denoiser},
        {"velocity": MIXTURE.velocity, "score": MIXTURE.score},
        {"path_velocity": MIXTURE.path_velocity, "denoiser": MIXTURE.denoiser},
        {"path_velocity": MIXTURE.path_velocity, "score": MIXTURE.score},
    ]
    for t in (0.1, 0.7):
        b, s = MIXTURE.velocity(x, t), MIXTURE.score(x, t)
        for functions in given:
            fields = Fields(MIXTURE.interpolant, **functions)  # type: ignore[arg-type]
            assert fields.calls == 2
            for epsilon in (0.0, 0.8, -0.8):
                drift = fields.drift(x, t, epsilon=epsilon)
                assert np.abs(drift - b - epsilon * s).max() < 1e-12
            assert np.abs(fields.eta(x, t) - MIXTURE.denoiser(x, t)).max() < 1e-13
            ends = fields.ends(x, t)
            alpha, beta = np.cos(np.pi * t / 2), np.sin(np.pi * t / 2)
            gamma = MIXTURE.interpolant.latent.gamma(t)
            back = alpha * ends[0] + beta * ends[1] + gamma * MIXTURE.denoiser(x, t)
            assert np.abs(back - x).max() < 1e-12


def test_15_2_one_sided_and_mirror_need_one_function() -> None:
    x = np.random.default_rng(3).standard_normal((5, 2))
    for interpolant in (one_sided(FlowScales()), one_sided(ScheduleScales(VPLinear()))):
        pair = GaussianPair(interpolant, [0.0, 0.0], np.eye(2), [1.0, 0.5], C1)
        for t in (0.1, 0.7):
            expected = pair.velocity(x, t) + 0.3 * pair.score(x, t)
            mean = pair.means[1] + (x - pair.mean(t)) @ np.linalg.solve(
                pair.covariance(t), interpolant.path.beta(t) * C1
            )
            for name in ("velocity", "denoiser", "score"):
                fields = Fields(interpolant, **{name: getattr(pair, name)})
                assert fields.calls == 1
                assert np.abs(fields.drift(x, t, epsilon=0.3) - expected).max() < 1e-11
                assert np.abs(fields.ends(x, t)[1] - mean).max() < 1e-12
    pair = GaussianPair(mirror(), [0.0, 0.0], np.eye(2), [1.0, 0.5], C1)
    for t in (0.2, 0.8):
        # b = -γγ̇ s; the sign of the published mirror ODE is the opposite.
        expected = -(0.5 - t) * pair.score(x, t)
        for name in ("velocity", "denoiser", "score"):
            fields = Fields(mirror(), **{name: getattr(pair, name)})
            assert np.abs(fields.drift(x, t) - expected).max() < 1e-12
            assert np.abs(pair.velocity(x, t) - expected).max() < 1e-12


def test_15_2_mirror_transport_comes_back_and_the_published_sign_does_not() -> None:
    """For Gaussian data the way there and back is the identity; with +γγ̇ s it is not the law's."""
    pair = GaussianPair(mirror(Product()), [0.0], [[1.0]], [0.7], [[0.3]])
    x = np.linspace(-1.0, 2.0, 5)[:, None]
    fields = Fields(mirror(Product()), denoiser=pair.denoiser)
    end = solve_ode(fields, x, times=inner_times(400, start=0.0, stop=1.0))
    assert np.abs(np.asarray(end) - x).max() < 1e-6
    half = solve_ode(fields, x, times=inner_times(200, start=0.0, stop=0.5))
    wrong = solve_ode(
        lambda x, t: -fields.drift(x, t), x, times=inner_times(200, start=0.0, stop=0.5)
    )
    spread = np.sqrt(pair.covariance(0.5)[0, 0] / 0.3)
    assert np.abs(np.asarray(half) - 0.7 - spread * (x - 0.7)).max() < 1e-5
    assert np.abs(np.asarray(wrong) - 0.7 - spread * (x - 0.7)).max() > 0.05


def test_18_6_euler_on_the_one_sided_straight_line_is_ddim() -> None:
    schedule, model = Flow(), fixtures.gmm_a()
    grid = make_grid(schedule, 10, "time_uniform", first=1.0, last=1e-3)
    end = sample(model, fixtures.STARTS, solver="ddim", schedule=schedule, grid=grid)
    fields = Fields(
        one_sided(FlowScales()),
        velocity=lambda x, t: (lambda level: model(x, level) - model.eps(x, level))(
            schedule.level(1.0 - t)
        ),
    )
    found = solve_ode(fields, fixtures.STARTS, times=1.0 - grid.times, method="euler")
    assert np.abs(np.asarray(end) - np.asarray(found)).max() < 1e-13


def test_15_2_diffusive_interpolant_leaves_a_point_mass() -> None:
    """b + a s = v + 2 a t s, finite at t = 0, and sampled with ε = a it ends in the data."""
    a = 0.7
    pair = GaussianPair(diffusive(a), [0.4], [[0.0]], [2.0], [[0.64]])
    x = np.linspace(-1.0, 2.0, 5)[:, None]
    fields = Fields(diffusive(a), path_velocity=pair.path_velocity, denoiser=pair.denoiser)
    for t in (0.01, 0.5):
        expected = pair.path_velocity(x, t) + 2 * a * t * pair.score(x, t)
        assert np.abs(fields.drift(x, t, epsilon=a) - expected).max() < 1e-10
    start = np.array([[0.4]])
    first = Fields(diffusive(a), path_velocity=lambda x, t: 0 * x + 1.6, denoiser=lambda x, t: x)
    assert first.drift(start, 0.0, epsilon=a) == 1.6

    # From t = 0 on, by the moments of the exact linear drift.
    def rate(t: float, y: np.ndarray) -> list[float]:
        v = fields.drift(np.array([[y[0]], [y[0] + 1.0]]), t, epsilon=a)[:, 0]
        return [v[0], 2 * (v[1] - v[0]) * y[1] + 2 * a]

    t0 = 1e-4
    first_law = [pair.mean(t0)[0], pair.covariance(t0)[0, 0]]
    end = solve_ivp(rate, (t0, 1 - 1e-6), first_law, rtol=1e-10, atol=1e-12)
    assert np.abs(end.y[:, -1] - [2.0, 0.64]).max() < 1e-4


def test_15_4_exact_map_and_orders_of_the_ode() -> None:
    exact = SCALAR.flow(np.array([[-0.3]]), 0.0, 1.0)
    assert abs(exact[0, 0] - 3.12) < 1e-14
    errors = {
        method: [
            float(
                np.abs(
                    np.asarray(
                        solve_ode(
                            SCALAR.fields(),
                            np.array([[-0.3]]),
                            times=inner_times(n, start=0.0, stop=1.0),
                            method=method,
                        )
                    )
                    - 3.12
                ).max()
            )
            for n in (20, 40, 80, 160)
        ]
        for method in ("euler", "heun", "heun_as_published_code")
    }
    assert -1.1 < _slope(errors["euler"]) < -0.9
    assert -2.1 < _slope(errors["heun"]) < -1.9
    assert f"{errors['heun'][0]:.1e}" == "4.1e-04"
    assert f"{errors['heun'][-1]:.1e}" == "6.6e-06"
    printed = ["6.5e-02", "3.3e-02", "1.7e-02", "8.3e-03"]
    assert [f"{e:.1e}" for e in errors["heun_as_published_code"]] == printed


@pytest.mark.parametrize("epsilon", [0.0, 0.5, 2.0])
@pytest.mark.parametrize("backward", [False, True])
def test_15_4_euler_maruyama_reaches_the_law_for_every_epsilon(
    epsilon: float, backward: bool
) -> None:
    goal = (-1.0, 0.25) if backward else (2.0, 0.64)
    errors = []
    for n in (40, 80, 160, 320):
        mean, variance = _moments(SCALAR, n, epsilon, "euler", backward=backward)
        assert abs(mean - goal[0]) < 2.0 / n
        errors.append(abs(variance - goal[1]))
    assert -1.25 < _slope(errors) < -0.75
    assert errors[-1] < 0.02


def test_15_4_predictor_corrector_is_of_second_order_with_the_same_noise() -> None:
    """γ is smooth here, so that the drift is; ε vanishes at both ends."""
    pair = GaussianPair(Interpolant(Linear(), Product()), [-1.0], [[0.25]], [2.0], [[0.64]])
    errors: dict[str, list[float]] = {"heun": [], "heun_as_published_code": []}
    for method in errors:
        for n in (40, 80, 160):
            errors[method].append(abs(_moments(pair, n, 0.5, method)[1] - 0.64))
    assert _slope(errors["heun"]) < -1.6
    assert -1.3 < _slope(errors["heun_as_published_code"]) < -0.7


def test_15_4_fresh_noise_in_the_corrector_is_caught() -> None:
    """A corrector that draws again has the wrong variance: what the check above would miss."""
    steps, epsilon = 80, 0.5
    times = np.linspace(0.0, 1.0, steps + 1)
    variance = 0.25
    for a, b in itertools.pairwise(times):
        J = [float((SCALAR.rate(t)[0, 0] - epsilon) / SCALAR.covariance(t)[0, 0]) for t in (a, b)]
        h = b - a
        p = 1 + h / 2 * (J[0] + J[1] * (1 + h * J[0]))
        # Noise z in the predictor and z' in the result.
        variance = p**2 * variance + 2 * epsilon * h * ((h / 2 * J[1]) ** 2 + 1)
    exact = abs(_moments(SCALAR, steps, epsilon, "heun")[1] - 0.64)
    assert abs(variance - 0.64) > 5 * exact


@settings(max_examples=25, deadline=None)
@given(
    epsilon=st.floats(0.0, 3.0),
    t=st.floats(0.05, 0.95),
    spread0=st.floats(0.2, 2.0),
    spread1=st.floats(0.2, 2.0),
    path=st.sampled_from(PATHS[:3]),
    latent=st.sampled_from(LATENTS),
)
def test_15_4_law_does_not_depend_on_epsilon(
    epsilon: float, t: float, spread0: float, spread1: float, path: Linear, latent: Product
) -> None:
    """Moments under the SDE grow as those of the interpolant, forwards and backwards."""
    pair = GaussianPair(Interpolant(path, latent), [0.3], [[spread0**2]], [-1.0], [[spread1**2]])
    two = np.array([[0.0], [1.0]])
    C = float(pair.covariance(t)[0, 0])
    for sign in (1.0, -1.0):
        drift = pair.fields().drift(two, t, epsilon=sign * epsilon)[:, 0]
        growth = 2 * (drift[1] - drift[0]) * C + sign * 2 * epsilon
        assert abs(growth - 2 * float(pair.rate(t)[0, 0])) < 1e-10 * (1 + abs(growth) + epsilon / C)


def test_15_4_one_sided_is_gaussian_diffusion_backwards_in_time() -> None:
    schedule = VPLinear()
    pair = GaussianPair(one_sided(ScheduleScales(schedule)), [0.0, 0.0], np.eye(2), [0.7, -0.4], C1)
    x = np.random.default_rng(4).standard_normal((5, 2))
    for t in (0.0, 0.3, 0.9, 0.999):
        time = 1.0 - t
        alpha, sigma = float(schedule.alpha(time)), float(schedule.sigma(time))
        precision = np.linalg.inv(alpha**2 * C1 + sigma**2 * np.eye(2))
        score = -(x - alpha * np.array([0.7, -0.4])) @ precision
        f = float(schedule.d_log_alpha(time))
        g2 = -2 * sigma**2 * float(schedule.d_half_log_snr(time))
        flow = f * x - 0.5 * g2 * score
        assert np.abs(pair.score(x, t) - score).max() < 1e-11
        assert np.abs(pair.velocity(x, t) + flow).max() < 1e-10 * (1 + np.abs(flow).max())
        # ε = g²/2 is the reverse SDE of the diffusion.
        reverse = f * x - g2 * score
        drift = Fields(pair.interpolant, denoiser=pair.denoiser).drift(x, t, epsilon=0.5 * g2)
        assert np.abs(drift + reverse).max() < 1e-9 * (1 + np.abs(reverse).max())


def test_15_1_fields_are_the_only_minimisers_of_their_objectives() -> None:
    """By exact quadrature in x0, x1, z: moving a field by δ costs ½ E|δ|², no less, no more."""
    nodes, weights = np.polynomial.hermite_e.hermegauss(6)
    weights = weights / weights.sum()
    grid = np.array(list(itertools.product(nodes, repeat=3)))
    mass = np.array([a * b * c for a, b, c in itertools.product(weights, repeat=3)])
    x0, x1, z = -1.0 + 0.5 * grid[:, [0]], 2.0 + 0.8 * grid[:, [1]], grid[:, [2]]
    t = 0.3
    for name in ("velocity", "path_velocity", "score", "denoiser"):
        field = getattr(SCALAR, name)

        def moved(x: np.ndarray, t: float, field: object = field) -> np.ndarray:
            return np.asarray(field(x, t) + 0.1 * x - 0.2)  # type: ignore[operator]

        for antithetic in (True, False):
            both = [
                float(
                    mass
                    @ objective(name, f, SCALAR.interpolant, t, x0, x1, z, antithetic=antithetic)
                )
                for f in (field, moved)
            ]
            delta = 0.1 * SCALAR.interpolant.point(t, x0, x1, z) - 0.2
            assert abs(both[1] - both[0] - 0.5 * float(mass @ delta[:, 0] ** 2)) < 1e-12
    # The published sign of the score's objective is not stationary at the score.
    wrong = lambda x, t: -SCALAR.score(x, t)  # noqa: E731
    values = [
        objective("score", f, SCALAR.interpolant, t, x0, x1, z) for f in (SCALAR.score, wrong)
    ]
    assert mass @ values[1] > mass @ values[0] + 0.1


def test_15_1_antithetic_pairs_keep_the_variance_near_an_end() -> None:
    rng = np.random.default_rng(7)
    x0, x1, z = rng.standard_normal((3, 4000, 1))
    x0, x1 = -1.0 + 0.5 * x0, 2.0 + 0.8 * x1
    spread: dict[bool, list[float]] = {True: [], False: []}
    for antithetic in (True, False):
        for t in (1e-2, 1e-4, 1e-6):
            values = objective(
                "velocity", SCALAR.velocity, SCALAR.interpolant, t, x0, x1, z, antithetic=antithetic
            )
            spread[antithetic].append(float(np.std(values)))
    assert max(spread[True]) < 2 * min(spread[True])
    assert spread[False][2] > 30 * spread[False][0]
    # One time for each sample gives the same numbers as one time for all.
    times = np.full(4000, 0.3)
    single = objective("denoiser", SCALAR.denoiser, SCALAR.interpolant, 0.3, x0, x1, z)
    each = objective(
        "denoiser", lambda x, _: SCALAR.denoiser(x, 0.3), SCALAR.interpolant, times, x0, x1, z
    )
    assert np.abs(single - each).max() < 1e-14


def test_15_1_divergence_bound_is_met_and_its_epsilon_is_best() -> None:
    """A Brownian motion from a point with constant errors δb = ε δs attains the bound."""
    epsilon, error = 0.7, 0.3
    # x_1 ~ N(0, 2ε) against N(2 error, 2ε).
    divergence = (2 * error) ** 2 / (2 * 2 * epsilon)
    bound = divergence_bound(error**2, (error / epsilon) ** 2, epsilon=epsilon)
    assert abs(bound - divergence) < 1e-14
    assert bound * 0.5 < divergence  # the same with excesses ½|δ|² in place of squares is no bound
    best = best_epsilon(0.3, 0.2)
    values = [divergence_bound(0.3, 0.2, epsilon=best * f) for f in (0.9, 1.0, 1.1)]
    assert values[1] == min(values)


def test_15_1_divergence_bound_holds_for_wrong_fields_of_gaussians() -> None:
    """Final law by moments of the SDE with fields moved by linear errors, against the bound."""
    pair = GaussianPair(Interpolant(Linear(), Product()), [-1.0], [[0.25]], [2.0], [[0.64]])
    epsilon = 0.6
    wrong_b, wrong_s = np.array([0.3, -0.1]), np.array([0.05, 0.2])

    def rate(t: float, y: np.ndarray) -> list[float]:
        two = np.array([[0.0], [1.0]])
        drift = (pair.velocity(two, t) + epsilon * pair.score(two, t))[:, 0]
        extra = wrong_b + epsilon * wrong_s
        slope, level = drift[1] - drift[0] + extra[0], drift[0] + extra[1]
        return [slope * y[0] + level, 2 * slope * y[1] + 2 * epsilon]

    end = solve_ivp(rate, (0.0, 1.0), [-1.0, 0.25], rtol=1e-9, atol=1e-10)
    mean, variance = end.y[:, -1]
    ratio = 0.64 / variance
    divergence = 0.5 * (ratio - 1 - np.log(ratio) + (mean - 2.0) ** 2 / variance)

    def squared(error: np.ndarray) -> float:
        def at(t: float) -> float:
            m, c = float(pair.mean(t)[0]), float(pair.covariance(t)[0, 0])
            return float((error[0] * m + error[1]) ** 2 + error[0] ** 2 * c)

        return float(quad_vec(at, 0.0, 1.0)[0])

    bound = divergence_bound(squared(wrong_b), squared(wrong_s), epsilon=epsilon)
    assert 0.05 * bound < divergence < bound


def test_15_5_end_by_denoising_and_epsilon_proportional_to_gamma() -> None:
    x = SCALAR.flow(np.array([[-0.3], [0.2]]), 0.0, 1e-3)
    latent = SCALAR.interpolant.latent
    short = solve_sde(
        SCALAR.fields(), x, times=inner_times(200), epsilon=0.0, method="heun", last="denoise"
    )
    exact = SCALAR.flow(x, 1e-3, 1.0)
    # The mean given x_t shrinks towards the mean by the variance of the latent left.
    assert np.abs(np.asarray(short) - exact).max() < 5e-3
    drift = SCALAR.fields().drift(x, 1e-12, epsilon=float(latent.gamma(1e-12)))
    assert np.isfinite(drift).all()
    whole = solve_sde(
        SCALAR.fields(), x, times=[0.0, 0.5, 1.0], epsilon=lambda t: float(latent.gamma(t)), rng=3
    )
    again = solve_sde(
        SCALAR.fields(), x, times=[0.0, 0.5, 1.0], epsilon=lambda t: float(latent.gamma(t)), rng=3
    )
    assert np.array_equal(whole, again)
    assert whole.seed == 3
    one = solve_sde(
        SCALAR.fields(),
        x[:1],
        times=[0.0, 0.5, 1.0],
        epsilon=lambda t: float(latent.gamma(t)),
        rng=3,
    )
    assert np.array_equal(np.asarray(one)[0], np.asarray(whole)[0])
    back = solve_sde(
        SCALAR.fields(),
        exact,
        times=inner_times(200)[::-1],
        epsilon=0.0,
        method="heun",
        last="denoise",
    )
    assert np.abs(np.asarray(back) - [[-0.3], [0.2]]).max() < 2e-2


def test_15_4_mixture_ends_where_a_tight_solver_does() -> None:
    x = np.random.default_rng(9).standard_normal((3, 2))

    def rate(t: float, y: np.ndarray) -> np.ndarray:
        return MIXTURE.velocity(y.reshape(3, 2), t).ravel()

    tight = solve_ivp(rate, (0.01, 0.99), x.ravel(), rtol=1e-9, atol=1e-10).y[:, -1].reshape(3, 2)
    errors = [
        np.abs(
            np.asarray(solve_ode(MIXTURE.fields(), x, times=inner_times(n, start=0.01, stop=0.99)))
            - tight
        ).max()
        for n in (100, 200)
    ]
    assert errors[1] < 0.35 * errors[0] < 0.01


def _characteristic(t: float, frequency: np.ndarray) -> float:
    """E cos(w·x_t) of the mixture's interpolant."""
    weights = np.exp(MIXTURE.log_weights)
    parts = [
        np.exp(-0.5 * frequency @ pair.covariance(t) @ frequency) * np.cos(frequency @ pair.mean(t))
        for pair in MIXTURE.pairs
    ]
    return float(weights @ np.array(parts))


@pytest.mark.parametrize("backward", [False, True])
def test_15_4_sampled_mixtures_have_the_law_of_the_interpolant(
    backward: bool, record_property: Callable[[str, object], None]
) -> None:
    """Means of cosines over 4000 samples, by Hoeffding; false-alarm rate 6 exp(-n 0.1²/2) < 1e-7,
    besides a bias of the steps below 0.02."""
    count, epsilon, start, stop = 4000, 0.5, 0.02, 0.98
    rng = np.random.default_rng(11)
    ends = []
    for weights, means, covariances in (
        ([0.4, 0.6], [[0.0, 0.0], [1.0, -1.0]], [C0, np.eye(2)]),
        (
            [0.5, 0.3, 0.2],
            [[-1.0, 0.0], [1.0, 0.5], [0.0, -1.2]],
            [0.09 * np.eye(2), C1, 0.16 * np.eye(2)],
        ),
    ):
        which = rng.choice(len(weights), p=weights, size=count)
        roots = np.linalg.cholesky(np.array(covariances))[which]
        normals = rng.standard_normal((count, 2))
        ends.append(np.array(means)[which] + np.einsum("bij,bj->bi", roots, normals))
    first, last = (stop, start) if backward else (start, stop)
    x = MIXTURE.interpolant.point(first, *ends, rng.standard_normal((count, 2)))
    times = inner_times(80, start=first, stop=last)
    found = np.asarray(solve_sde(MIXTURE.fields(), x, times=times, epsilon=epsilon, rng=0))
    # Noise without the score that belongs to it: a wrong method, to be caught.
    blind = Fields(MIXTURE.interpolant, velocity=MIXTURE.velocity, denoiser=lambda x, t: 0.0 * x)
    wrong = np.asarray(solve_sde(blind, x, times=times, epsilon=epsilon, rng=0))
    frequencies = np.array([[1.5, 0.0], [0.0, 1.5], [1.0, -1.0]])
    errors, missed = (
        [abs(float(np.cos(y @ w).mean()) - _characteristic(last, w)) for w in frequencies]
        for y in (found, wrong)
    )
    record_property("check", "15.4 law of sampled mixtures")
    record_property("measured", max(errors))
    record_property("threshold", 0.12)
    record_property("count", count)
    record_property("false_alarm_rate", 1e-7)
    assert max(errors) < 0.12
    assert max(missed) > 0.12


def test_18_8_states_are_not_changed_and_keep_their_dtype() -> None:
    x = np.array([[-0.3], [0.2]], dtype=np.float32)
    before = x.copy()
    single = Fields(
        SCALAR.interpolant,
        velocity=lambda x, t: SCALAR.velocity(x, t).astype(np.float32),
        denoiser=lambda x, t: SCALAR.denoiser(x, t).astype(np.float32),
    )
    for epsilon in (0.0, 0.4):
        out = solve_sde(single, x, times=inner_times(20), epsilon=epsilon, rng=0)
        assert out.values.dtype == np.float32
        exact = solve_sde(
            SCALAR.fields(), x.astype(np.float64), times=inner_times(20), epsilon=epsilon, rng=0
        )
        assert np.abs(np.asarray(out) - np.asarray(exact)).max() < 1e-4
    assert np.array_equal(x, before)


def test_bad_input() -> None:
    fields = SCALAR.fields()
    x = np.zeros((1, 1))
    with pytest.raises(ArgumentError, match=r"times: got 0.5 followed by 0.5 at step 1"):
        solve_ode(fields, x, times=[0.0, 0.5, 0.5])
    with pytest.raises(ArgumentError, match="times: got 0 to 2"):
        solve_ode(fields, x, times=[0.0, 2.0])
    with pytest.raises(ArgumentError, match="method: got 'rk4'"):
        solve_ode(fields, x, times=[0.0, 1.0], method="rk4")
    with pytest.raises(ArgumentError, match=r"t: got 0.0; expected a time at which γ > 0"):
        solve_sde(fields, x, times=[0.0, 1.0], epsilon=0.5, rng=0)
    with pytest.raises(ArgumentError, match="epsilon: got -1"):
        solve_sde(fields, x, times=[0.0, 1.0], epsilon=-1.0, rng=0)
    only = Fields(Interpolant(), velocity=SCALAR.velocity)
    with pytest.raises(ArgumentError, match="denoiser: got None"):
        solve_sde(only, x, times=[0.1, 0.9], epsilon=1.0, rng=0)
    with pytest.raises(ArgumentError, match="velocity: got nan or inf at step 2, time 0"):
        solve_ode(lambda x, t: x + (np.nan if t > 0.3 else 0.0), x, times=[0.0, 0.1, 0.2, 0.4])
    with pytest.raises(ArgumentError, match="velocity: got shape"):
        solve_ode(lambda x, t: x[0], x, times=[0.0, 0.5])
    noise_only = Fields(one_sided(FlowScales()), denoiser=SCALAR.denoiser)
    with pytest.raises(ArgumentError, match="last: got"):
        solve_sde(noise_only, x, times=[0.9, 0.1], epsilon=0.0, last="denoise")
    with pytest.raises(ArgumentError, match="schedule: got GeometricVE"):
        ScheduleScales(GeometricVE())
    with pytest.raises(ArgumentError, match="velocity: got None"):
        Fields(Interpolant(), denoiser=SCALAR.denoiser)
    with pytest.raises(ArgumentError, match="score: got a function besides denoiser"):
        Fields(mirror(), denoiser=SCALAR.denoiser, score=SCALAR.score)
    with pytest.raises(ArgumentError, match="path_velocity: got a function besides"):
        Fields(Interpolant(), velocity=SCALAR.velocity, path_velocity=SCALAR.velocity)
    with pytest.raises(ArgumentError, match="path_velocity: got a function, for a mirror"):
        Fields(mirror(), path_velocity=SCALAR.velocity)
    with pytest.raises(ArgumentError, match="covariance1: got one that does not commute"):
        PLANE.flow(np.zeros((1, 2)), 0.0, 1.0)
    with pytest.raises(ArgumentError, match="covariance0: got a negative eigenvalue"):
        GaussianPair(Interpolant(), [0.0], [[-1.0]], [0.0], [[1.0]])
    with pytest.raises(ArgumentError, match="kind: got 'two'"):
        Interpolant(kind="two")
    with pytest.raises(ArgumentError, match="name: got 'b'"):
        objective("b", SCALAR.velocity, SCALAR.interpolant, 0.5, x, x, x)
    with pytest.raises(ArgumentError, match="weights1: got"):
        MixturePair(Interpolant(), [1.0], [[0.0]], [[[1.0]]], [0.5], [[0.0]], [[[1.0]]])
