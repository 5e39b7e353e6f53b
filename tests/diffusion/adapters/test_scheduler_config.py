"""Configurations of diffusers read as schedule, grid and solver; none of it needs diffusers."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from rnla import ArgumentError, ArgumentTypeError
from rnla._errors import RnlaError
from rnla.diffusion.adapters import SchedulerConfig

STABLE_DIFFUSION = {
    "_class_name": "PNDMScheduler",
    "_diffusers_version": "0.6.0",
    "beta_end": 0.012,
    "beta_schedule": "scaled_linear",
    "beta_start": 0.00085,
    "num_train_timesteps": 1000,
    "set_alpha_to_one": False,
    "skip_prk_steps": True,
    "steps_offset": 1,
    "trained_betas": None,
}


def test_a_published_configuration() -> None:
    config = SchedulerConfig.from_diffusers(STABLE_DIFFUSION)
    assert config.solver == "plms"
    assert config.prediction.name == "eps"
    levels = config.grid(50).levels(config.schedule)
    # leading timesteps 981, 961, … 1, and then the first level of the table (1.2)
    indices = [round(level.time * 1000 - 1) for level in levels]
    assert indices[:3] == [981, 961, 941]
    assert indices[-2:] == [1, 0]
    assert levels[-1].rho == pytest.approx(0.02916716, rel=1e-6)


@pytest.mark.parametrize(
    ("spacing", "indices"),
    [
        ("leading", [750, 500, 250, 0]),
        ("trailing", [999, 749, 499, 249]),
        ("linspace", [999, 666, 333, 0]),
        ("linspace_after_end", [999, 749, 500, 250]),
        ("leading_after_end", [800, 600, 400, 200]),
    ],
)
def test_timesteps(spacing: str, indices: list[int]) -> None:
    config = SchedulerConfig(solver="ddim", spacing=spacing)
    times = config.grid(4).times
    assert np.round(times[:4] * 1000 - 1).tolist() == indices
    assert times[-1] == 0.0


@pytest.mark.parametrize("spacing", ["karras", "exponential", "log_snr", "beta"])
@pytest.mark.parametrize("end", ["zero", "sigma_min"])
def test_levels_begin_and_end_with_the_table(spacing: str, end: str) -> None:
    config = SchedulerConfig(spacing=spacing, end=end)
    levels = config.grid(7).levels(config.schedule)
    assert levels[0].rho == pytest.approx(157.40728, rel=1e-6)
    assert levels[-1].is_clean == (end == "zero")
    smallest = levels[-2] if end == "zero" else levels[-1]
    assert smallest.rho == pytest.approx(0.01000050003750324, rel=1e-6)


def test_lambda_min_clipped_leaves_the_noisiest_levels_out() -> None:
    config = SchedulerConfig(beta_schedule="squaredcos_cap_v2", lambda_min_clipped=-5.1)
    assert round(config.grid(10).times[0] * 1000 - 1) == 995  # 1.2: four indices lie below
    whole = SchedulerConfig(beta_schedule="squaredcos_cap_v2")
    assert round(whole.grid(10).times[0] * 1000 - 1) == 999


def test_zero_terminal_snr_ends_below_every_other_level() -> None:
    config = SchedulerConfig(
        rescale_betas_zero_snr=True, spacing="trailing", prediction_type="v_prediction"
    )
    levels = config.grid(5).levels(config.schedule)
    assert levels[0].alpha <= 2.0**-12
    alphas = np.sqrt(np.cumprod(1.0 - np.linspace(1e-4, 0.02, 1000)))
    stretched = (alphas - alphas[-1]) * alphas[0] / (alphas[0] - alphas[-1])
    assert levels[1].alpha == pytest.approx(stretched[799], rel=1e-10)


def test_flow() -> None:
    config = SchedulerConfig.from_diffusers(
        {"_class_name": "FlowMatchEulerDiscreteScheduler", "shift": 3.0}
    )
    levels = config.grid(4).levels(config.schedule)
    assert levels[0].sigma == 1.0
    assert levels[-1].is_clean
    t = 1.0 - (1.0 - 1e-3) / 3.0
    assert levels[1].sigma == pytest.approx(3.0 * t / (1.0 + 2.0 * t), rel=1e-12)


@pytest.mark.parametrize(
    ("config", "solver", "options"),
    [
        ({"_class_name": "DDIMScheduler"}, "ddim", {"eta": 0.0}),
        ({"_class_name": "DDPMScheduler"}, "ddim", {"eta": 1.0, "variance": "posterior"}),
        (
            {"_class_name": "DDPMScheduler", "variance_type": "fixed_large"},
            "ddim",
            {"variance": "large"},
        ),
        (
            {"_class_name": "DPMSolverMultistepScheduler", "algorithm_type": "sde-dpmsolver++"},
            "dpmpp_2m",
            {"eta": 1.0, "form": "x0", "order": 2},
        ),
        (
            {"_class_name": "DPMSolverMultistepScheduler", "solver_type": "heun"},
            "dpmpp_2m",
            {"solver_type": "taylor", "lower_order_final": 15},
        ),
        (
            {"_class_name": "UniPCMultistepScheduler", "disable_corrector": [0]},
            "unipc",
            {"disable_corrector": (0,), "solver_type": "bh2", "order": 2},
        ),
        ({"_class_name": "DEISMultistepScheduler"}, "deis_log_rho", {"degree": 1}),
        ({"_class_name": "EulerDiscreteScheduler"}, "ddim", {}),
    ],
)
def test_classes(config: dict[str, Any], solver: str, options: dict[str, Any]) -> None:
    found = SchedulerConfig.from_diffusers(config)
    assert found.solver == solver
    for name, value in options.items():
        assert getattr(found.made_solver, name) == value


@pytest.mark.parametrize(
    ("config", "named"),
    [
        ({"_class_name": "NoSuchScheduler"}, "NoSuchScheduler"),
        ({"_class_name": "DDIMScheduler", "beta_strat": 1e-4}, "beta_strat"),
        ({"_class_name": "DDPMScheduler", "variance_type": "learned"}, "variance_type"),
        ({"_class_name": "DPMSolverMultistepScheduler", "euler_at_final": True}, "euler_at_final"),
        (
            {"_class_name": "FlowMatchEulerDiscreteScheduler", "use_dynamic_shifting": True},
            "use_dynamic_shifting",
        ),
        ({"_class_name": "DDIMScheduler", "beta_schedule": "sigmoid"}, "beta_schedule"),
        ({"_class_name": "DDIMScheduler", "timestep_spacing": "random"}, "spacing"),
    ],
)
def test_what_has_no_meaning_here_is_named(config: dict[str, Any], named: str) -> None:
    with pytest.raises(ArgumentError, match=named):
        SchedulerConfig.from_diffusers(config)


def test_unknown_options_of_a_solver_are_named() -> None:
    with pytest.raises(ArgumentError, match="strength"):
        SchedulerConfig(solver="ddim", solver_options={"strength": 1.0})


def test_something_else_than_a_configuration() -> None:
    with pytest.raises(ArgumentTypeError, match="config"):
        SchedulerConfig.from_diffusers(3)  # type: ignore[arg-type]


def test_another_solver_takes_none_of_the_options() -> None:
    config = {"_class_name": "DPMSolverMultistepScheduler", "solver_order": 3}
    found = SchedulerConfig.from_diffusers(config, solver="ddim")
    assert dict(found.solver_options) == {}
    kept = SchedulerConfig.from_diffusers(config, spacing="karras")
    assert kept.made_solver.order == 3  # type: ignore[attr-defined]


@given(
    st.sampled_from(["ddim", "dpmpp_2m", "unipc", "deis", "heun"]),
    st.sampled_from(["linear", "scaled_linear", "squaredcos_cap_v2"]),
    st.sampled_from(["leading", "trailing", "linspace", "karras", "log_snr"]),
    st.integers(1, 40),
)
def test_a_configuration_survives_json(solver: str, betas: str, spacing: str, steps: int) -> None:
    config = SchedulerConfig(solver=solver, beta_schedule=betas, spacing=spacing)
    again = SchedulerConfig(**json.loads(json.dumps(config.plain())))
    assert again == config
    np.testing.assert_array_equal(again.grid(steps).times, config.grid(steps).times)
    assert again.grid(steps).times.size - 1 in (steps, steps - 1)


@pytest.mark.parametrize(
    ("options", "named"),
    [
        ({"beta_start": None}, "beta_start: got None"),
        ({"beta_end": 1.5}, "beta_end: got 1.5"),
        ({"trained_betas": "abc"}, "trained_betas: got 'abc'"),
        ({"trained_betas": [0.1, 3.0]}, r"trained_betas\[1\]: got 3.0"),
        ({"trained_betas": [0.1, None]}, r"trained_betas\[1\]: got None"),
        ({"lambda_min_clipped": "x"}, "lambda_min_clipped: got 'x'"),
        ({"lambda_min_clipped": float("nan")}, "lambda_min_clipped: got nan"),
        ({"prediction_type": []}, r"prediction: got \[\]"),
        ({"solver_options": [1]}, "solver_options: got list"),
        ({"solver_options": {"order": 7}}, "order: got 7"),
        ({"solver_options": {"eta": "x"}}, "eta: got 'x'"),
    ],
)
def test_values_of_no_use_are_named(options: dict[str, Any], named: str) -> None:
    with pytest.raises(RnlaError, match=named):
        SchedulerConfig(**options)


def test_nothing_is_left_of_the_levels() -> None:
    with pytest.raises(ArgumentError, match=r"lambda_min_clipped: got 1000\.0; expected at most"):
        SchedulerConfig(lambda_min_clipped=1000.0).grid(4)


@pytest.mark.parametrize(
    ("key", "value", "named"),
    [
        ("_class_name", [], r"config: got _class_name \[\]"),
        ("algorithm_type", 3, "algorithm_type: got 3"),
        ("algorithm_type", "deis", "algorithm_type: got 'deis'"),
        ("solver_type", "logrho", "solver_type: got 'logrho'"),
        ("solver_order", "x", "order: got 'x'"),
        ("beta_schedule", [], r"beta_schedule: got \[\]"),
    ],
)
def test_values_of_a_configuration_are_named(key: str, value: Any, named: str) -> None:
    with pytest.raises(RnlaError, match=named):
        SchedulerConfig.from_diffusers({"_class_name": "DPMSolverMultistepScheduler", key: value})


def test_order_of_deis_is_named() -> None:
    with pytest.raises(RnlaError, match="solver_order: got None"):
        SchedulerConfig.from_diffusers(
            {"_class_name": "DEISMultistepScheduler", "solver_order": None}
        )
