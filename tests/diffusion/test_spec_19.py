"""19, the register of departures of published programs: ours by default, theirs by name.

One test for every entry that a sampler can show; its number is in the name. The printed errors and
golden numbers are with the tests of the solvers.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest

from rnla.diffusion import (
    FixedNoise,
    Gaussian,
    GaussianMixture,
    Grid,
    Prediction,
    Tabulated,
    Thresholded,
    VarianceExploding,
    VPLinear,
    get_solver,
    make_grid,
    sample,
    search_compensation,
)
from rnla.diffusion.adapters import SchedulerConfig
from rnla.diffusion.interpolants import Fields, GaussianPair, Interpolant, mirror, solve_ode
from rnla.diffusion.models.thresholding import threshold
from rnla.diffusion.schedules import MeanRevertingTable
from rnla.diffusion.solvers import (
    DEIS,
    GHVB,
    PNDM,
    USF,
    DCSolver,
    DPMSolverAdaptive,
    DPMSolverMultistep,
    Momentum,
    MRSampler,
    UniPC,
)
from rnla.diffusion.solvers.usf import Corrector, Decision, ramp

from .fixtures import STARTS, VP, error, gmm_a, log_snr_grid, run, sine_noise, slope
from .impulse import exact_law, impulse_response

PUBLISHED = "as_published_code"
VE = VarianceExploding()


def multistep(order: int, **options: Any) -> DPMSolverMultistep:
    return DPMSolverMultistep(order=order, lower_order_final=False, **options)


def weights(solver: Any, step: int = 3) -> list[float]:
    """Multipliers of the outputs in a step, the newest first."""
    row = solver.compile(VP, log_snr_grid(8)).steps[step].stages[-1]
    return [term.coefficient for term in row.terms[1:]]


def test_19_1_the_second_difference_of_third_order_steps() -> None:
    """Twice the published weight on the oldest output beyond its share in the slope."""
    for ours, theirs in (
        (multistep(3), multistep(3, variant=PUBLISHED)),
        (multistep(3, eta=1.0), multistep(3, eta=1.0, variant=PUBLISHED)),
        (multistep(3, form="eps"), multistep(3, form="eps", variant=PUBLISHED)),
        (MRSampler(order=3), MRSampler(order=3, variant=PUBLISHED)),
    ):
        right, coded = np.array(weights(ours)), np.array(weights(theirs))
        assert ours.variant == "consistent"
        assert right.sum() == pytest.approx(coded.sum(), rel=1e-13)
        # At equal steps a second difference has the pattern 1, -2, 1.
        change = right - coded
        np.testing.assert_allclose(change / change[0], [1.0, -2.0, 1.0], rtol=1e-11)
    assert (
        slope(multistep(3)),
        slope(multistep(3, variant=PUBLISHED), counts=(160, 320, 640)),
    ) == (
        pytest.approx(3, abs=0.25),
        pytest.approx(2, abs=0.25),
    )


def test_19_2_the_sign_in_third_order_sde_steps() -> None:
    schedule = VarianceExploding(0.05, 20.0)
    _, variance = exact_law(20.0, 0.05)
    found = {}
    for variant in ("consistent", "diffusers_sde"):
        solver = multistep(3, eta=1.0, variant=variant)
        found[variant] = [
            abs(impulse_response(solver, schedule, make_grid(schedule, n))[1] - variance)
            for n in (64, 128)
        ]
    assert found["consistent"][0] / found["consistent"][1] > 3.5
    assert found["diffusers_sde"][0] / found["diffusers_sde"][1] < 2.5


def test_19_3_unipc_vary_coeff_and_the_two_shortcuts() -> None:
    options: dict[str, Any] = {"order": 2, "lower_order_final": False}
    right = UniPC(solver_type="vary_coeff", **options)
    wrong = UniPC(solver_type="vary_coeff", variant=PUBLISHED, **options)
    assert error(run(right, log_snr_grid(160))) < 0.05 * error(run(wrong, log_snr_grid(160)))
    # bh1 and bh2 differ by the shortcut alone: not at all where a system is solved.
    rows = [
        UniPC(order=3, solver_type=kind, lower_order_final=False)
        .compile(VP, log_snr_grid(8))
        .steps[5]
        for kind in ("bh1", "bh2", "vary_coeff")
    ]
    assert rows[0] == rows[1] == rows[2]


def test_19_4_a_largest_bound_of_1_is_a_static_clip() -> None:
    x0 = np.array([[0.2, -3.0, 1.5, 0.7]])
    dynamic = threshold(x0, quantile=0.9)
    assert np.abs(dynamic).max() == 1.0
    assert dynamic[0, 0] < 0.2
    as_diffusers = threshold(x0, quantile=0.9, largest=1.0)
    np.testing.assert_array_equal(as_diffusers, np.clip(x0, -1.0, 1.0))
    np.testing.assert_array_equal(as_diffusers, threshold(x0, method="static"))
    model = Thresholded(gmm_a(), VP, largest=1.0)
    np.testing.assert_array_equal(
        model(STARTS, VP.level(0.3)), np.clip(gmm_a()(STARTS, VP.level(0.3)), -1.0, 1.0)
    )


def test_19_4b_thresholds_of_lowered_orders() -> None:
    plans = {}
    for limit in (10, 15):
        solver = DPMSolverMultistep(order=3, lower_order_final=limit)
        plans[limit] = solver.compile(VP, log_snr_grid(12))
    assert len(plans[10].steps[-1].stages[-1].terms) == 4  # type: ignore[union-attr]
    assert len(plans[15].steps[-1].stages[-1].terms) == 2  # type: ignore[union-attr]
    config = SchedulerConfig.from_diffusers({"_class_name": "DPMSolverMultistepScheduler"})
    assert config.made_solver.lower_order_final == 15  # type: ignore[attr-defined]
    assert DPMSolverMultistep().lower_order_final == 10


def test_19_4c_coefficients_are_double_whatever_the_state() -> None:
    plan = get_solver("dpmpp_2m").compile(VP, log_snr_grid(8))
    assert all(type(term.coefficient) is float for term in plan.steps[3].stages[-1].terms)  # type: ignore[union-attr]
    single = run("dpmpp_2m", log_snr_grid(8), x=STARTS.astype(np.float32))
    rough = run("dpmpp_2m", log_snr_grid(8)).astype(np.float32)
    assert np.abs(single - rough).max() < 2e-6


def test_19_5_the_shift_of_the_cleanest_level() -> None:
    config = {"_class_name": "FlowMatchEulerDiscreteScheduler", "shift": 3.0}
    sigmas = {}
    for twice in (False, True):
        made = SchedulerConfig.from_diffusers(config, shift_twice=twice)
        sigmas[twice] = [level.sigma for level in made.grid(4).levels(made.schedule)]
    shifted = 3.0 * 1e-3 / (1.0 + 2.0 * 1e-3)
    assert sigmas[False][-2] == pytest.approx(shifted, rel=1e-12)
    # What FlowMatchEulerDiscreteScheduler(shift=3) has after set_timesteps(4), in float32.
    theirs = [1.0, 0.857692301273346, 0.602150559425354, 0.008928571827709675, 0.0]
    np.testing.assert_allclose(sigmas[True], theirs, rtol=1e-6)
    assert sigmas[True][-2] == pytest.approx(3.0 * shifted / (1.0 + 2.0 * shifted), rel=1e-12)


def test_19_7_quadrature_of_deis() -> None:
    solvers = [DEIS(3), DEIS(3, quadrature="riemann")]
    tables = [
        solver.compile(VP, make_grid(VP, 10, "time_quadratic", last=0.01)) for solver in solvers
    ]
    rows = [[t.coefficient for t in plan.steps[5].stages[-1].terms] for plan in tables]  # type: ignore[union-attr]
    difference = np.abs(np.subtract(*rows)).max()
    assert 1e-6 < difference < 1e-4
    # The beta of its example.
    assert VPLinear(beta_min=0.01).half_log_snr(0.5) > VPLinear().half_log_snr(0.5)


def test_19_8_usf_runs_as_it_is_and_correctors_are_what_they_say() -> None:
    assert error(run(USF(), log_snr_grid(40))) < 1e-2
    implicit = USF(tuple(Decision(d.order, corrector=Corrector(2, "implicit")) for d in ramp(4, 1)))
    pseudo = USF(tuple(Decision(d.order, corrector=Corrector(2)) for d in ramp(4, 1)))
    assert implicit.evaluations(4) == 8
    assert pseudo.evaluations(4) == 5
    assert np.abs(run(implicit, log_snr_grid(4)) - run(pseudo, log_snr_grid(4))).max() > 1e-3


def test_19_9_momentum_is_made_of_converted_predictions() -> None:
    """The same sample from a network of v as from one of eps: its raw output starts no velocity."""
    mixture = gmm_a()

    class Network:
        prediction, takes_level = "v", True

        def __call__(self, x: Any, level: Any) -> Any:
            a, b = Prediction("v").pair(level, VP)
            return a * mixture(x, level) + b * mixture.eps(x, level)

    for solver in (Momentum(), GHVB(4, 0.8)):
        ends = [run(solver, log_snr_grid(8), model=model) for model in (mixture, Network())]
        np.testing.assert_allclose(ends[0], ends[1], rtol=0.0, atol=1e-12)
    assert GHVB().weights == "equal_steps"
    with pytest.raises(ValueError, match="plan: got 2 rows in step 0"):
        run(Momentum(UniPC()), log_snr_grid(4))


def test_19_11_interpolants() -> None:
    """The sign of eta = E[z | x] and of the mirror's velocity; Heun at both ends of the step."""
    pair = GaussianPair(Interpolant(), [-1.0], [[0.25]], [2.0], [[0.64]])
    x, t = np.array([[0.3]]), 0.4
    gamma = Interpolant().latent.gamma(t)
    np.testing.assert_allclose(pair.denoiser(x, t), -gamma * pair.score(x, t), rtol=1e-13)
    both = GaussianPair(mirror(), [0.0], [[1.0]], [1.0], [[0.5]])
    fields = Fields(mirror(), denoiser=both.denoiser)
    np.testing.assert_allclose(fields.drift(x, t), -(0.5 - t) * both.score(x, t), rtol=1e-12)
    errors = {}
    for method in ("heun", "heun_as_published_code"):
        ends = [
            solve_ode(
                pair.fields(), np.array([[-0.3]]), times=np.linspace(0, 1, n + 1), method=method
            )
            for n in (40, 80)
        ]
        errors[method] = [abs(float(np.asarray(end)[0, 0]) - 3.12) for end in ends]
    assert errors["heun"][0] / errors["heun"][1] > 3.5
    assert errors["heun_as_published_code"][0] / errors["heun_as_published_code"][1] < 2.3


def test_19_12_the_mr_sampler() -> None:
    """Its orders at the end, and a table whose first level is not clean."""
    grid = make_grid(VP, 8, last=1e-2)
    ours, theirs = MRSampler(order=3), MRSampler(order=3, variant=PUBLISHED)
    assert ours.orders(grid, VP) == (1, 2, 3, 3, 3, 3, 3, 3)
    assert theirs.orders(grid, VP) == (1, 2, 3, 3, 3, 2, 1, 3)
    table = MeanRevertingTable.cosine()
    assert table.alpha(0.0) < 1.0
    assert table.alpha(table.clean) == 1.0


def test_19_13_densities_and_scores_of_gaussians() -> None:
    """The normaliser has variances, and the score is the gradient of the log-density."""
    level = VE.level(2.0)
    model = Gaussian([0.3], [[0.5]])
    mixture = GaussianMixture([1.0], [[0.3]], deviations=[math.sqrt(0.5)])
    line = np.linspace(-15.0, 15.0, 3001)[:, None]
    for density in (model.log_density(line, level), mixture.log_density(line, level)):
        assert float(np.exp(density).sum() * 0.01) == pytest.approx(1.0, abs=1e-9)
    slope = np.gradient(model.log_density(line, level), 0.01)
    np.testing.assert_allclose(model.score(line, level)[1:-1, 0], slope[1:-1], atol=1e-9)


def test_19_14_the_ratios_of_a_caller_are_left_alone() -> None:
    ratios = [1.0, 1.0, 1.1, 0.9]
    solver = DCSolver(ratios=ratios)  # type: ignore[arg-type]
    for _ in range(2):
        first = run(solver, log_snr_grid(6))
    assert ratios == [1.0, 1.0, 1.1, 0.9]
    np.testing.assert_array_equal(run(solver, log_snr_grid(6)), first)
    # Bases of lower order than the outputs that are interpolated will do as well.
    for base in (UniPC(order=1), multistep(2)):
        end = run(DCSolver(base, ratios), log_snr_grid(6))  # type: ignore[arg-type]
        assert np.isfinite(end).all()
    grid = log_snr_grid(4)
    found = search_compensation(gmm_a(), STARTS, schedule=VP, grid=grid, iterations=3)
    assert found.ratios.shape == (4,)


def test_19_15_samplers_of_k_diffusion() -> None:
    """A first step that ends at sigma = 0, and the two controllers of step sizes."""
    for name in ("sample_dpmpp_2m_sde", "sample_dpmpp_3m_sde", "sample_dpmpp_2s_ancestral"):
        end = run(
            name,
            Grid([5.0, 0.0]),
            schedule=VE,
            x=5.0 * STARTS,
            noise=FixedNoise(sine_noise),
        )
        np.testing.assert_allclose(end, gmm_a()(5.0 * STARTS, VE.level(5.0)), rtol=1e-12)
    counts = {
        rule: sample(
            gmm_a(), STARTS, solver=DPMSolverAdaptive(controller=rule), grid=log_snr_grid(1)
        ).evaluations
        for rule in ("paper", "pid")
    }
    assert counts["paper"] == 54
    assert counts["paper"] != counts["pid"]
    assert get_solver("dpmpp_2s_ancestral").global_order == 1


def test_19_16_levels_one_index_off() -> None:
    """The network told index i at the level of i + 1: a table without its first entry."""
    table = Tabulated.linear()
    off = Tabulated(table.alphas_cumprod[1:])
    index = np.array([0, 400, 900])
    for i in index:
        level = off.level(off.time_of_index(i))
        assert off.model_time(level.time) == i
        assert level.alpha**2 == pytest.approx(table.alphas_cumprod[i + 1], rel=1e-12)
    ends = [
        run(PNDM("f"), make_grid(t, 10, "leading", end="zero"), schedule=t) for t in (table, off)
    ]
    assert 1e-4 < np.abs(ends[0] - ends[1]).max() < 0.5
