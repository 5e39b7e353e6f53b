"""Bad input, by one list for all that samples: typed errors that name the step and the value."""

from __future__ import annotations

import dataclasses
from typing import Any

import numpy as np
import pytest

from rnla import ArgumentError, ArgumentTypeError
from rnla._errors import RnlaError
from rnla.diffusion import (
    BrownianNoise,
    Counted,
    FixedNoise,
    Flow,
    Gaussian,
    GeometricVE,
    Grid,
    MeanReverting,
    MeanShifted,
    ModelStatistics,
    Plan,
    Recorded,
    SubVP,
    Tabulated,
    Thresholded,
    Trig,
    VarianceExploding,
    VPCosine,
    VPLinear,
    bound_weight,
    change_path,
    make_grid,
    sample,
    search_compensation,
    solvers,
    teleport,
)
from rnla.diffusion.schedules import MeanRevertingTable

from .fixtures import STARTS, gmm_a, plane_gaussian

PATHS = (
    VPLinear(),
    VPCosine(),
    VarianceExploding(),
    Flow(),
    Trig(),
    SubVP(),
    Tabulated.linear(),
    MeanReverting(),
    MeanRevertingTable.cosine(),
)


@pytest.mark.parametrize("schedule", PATHS, ids=lambda s: type(s).__name__)
def test_times_before_the_data_are_refused(schedule: Any) -> None:
    """A formula may go on there, to levels that grow noisier again."""
    times = [0.5 * schedule.first, schedule.clean - 0.2]
    with pytest.raises(ArgumentError, match=r"grid: got time -\S+ at step 1; expected times from"):
        Grid(times).levels(schedule)


@pytest.mark.parametrize(
    "schedule", [s for s in PATHS if np.isfinite(s.limit)], ids=lambda s: type(s).__name__
)
def test_times_past_the_noise_are_refused(schedule: Any) -> None:
    with pytest.raises(ArgumentError, match=r"grid: got time \S+ at step 0; expected times from"):
        Grid([1.2 * schedule.limit, 0.5 * schedule.limit]).levels(schedule)
    Grid([np.nextafter(schedule.limit, np.inf), 0.5 * schedule.limit]).levels(schedule)


def test_paths_without_a_limit_go_on() -> None:
    for schedule in (VPLinear(), VarianceExploding(), GeometricVE()):
        start, stop = Grid([2.0 * schedule.first, schedule.last]).levels(schedule)
        assert start.half_log_snr < schedule.half_log_snr(schedule.first) < stop.half_log_snr


@pytest.mark.parametrize("times", [["a", "b"], [1.0 + 1.0j, 0.5], [[1.0], [0.5, 0.2]]])
def test_times_are_numbers(times: Any) -> None:
    with pytest.raises(ArgumentTypeError, match=r"grid: got .* expected times"):
        Grid(times)
    with pytest.raises(ArgumentTypeError, match="grid: got"):
        sample(gmm_a(), STARTS, grid=Grid(times))


# --- arguments of a sampler ---------------------------------------------------------------------


def half(x: Any, time: float) -> Any:
    return 0.5 * x


BAD_STATES = {
    "ragged": ([[1.0], [1.0, 2.0]], "x: got a list that makes no array"),
    "strings": ([["a", "b"]], "x: got a list that makes no array"),
    "integers": (np.ones((3, 2), dtype=int), "x: got dtype int64"),
    "complex": (np.ones((3, 2), dtype=complex), "x: got dtype complex128"),
    "other byte order": (np.ones((3, 2), dtype=">f8"), "x: got dtype >f8"),
    "a generator": ((v for v in (1.0,)), "x: got generator"),
    "no batch": (np.float64(1.0), r"x: got shape \(\)"),
    "no samples": (np.zeros((0, 2)), r"x: got shape \(0, 2\)"),
    "nan": (np.full((3, 2), np.nan), "x: got nan or inf"),
    "inf": (np.full((3, 2), np.inf), "x: got nan or inf"),
}


@pytest.mark.parametrize("name", BAD_STATES)
def test_states(name: str) -> None:
    x, message = BAD_STATES[name]
    with pytest.raises(RnlaError, match=message):
        sample(half, x, prediction="x0")


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"model": type(gmm_a())}, "model: got the class GaussianMixture"),
        ({"trained_on": "vp"}, "trained_on: got str"),
        ({"callback": 3}, "callback: got int"),
        ({"steps": True}, "steps: got True"),
        ({"steps": 2.0}, "steps: got 2.0"),
        ({"solver": "ddpm", "rng": 1.5}, "rng: got float"),
        ({"solver": "ddpm", "noise": np.random.default_rng(0)}, "noise: got Generator"),
    ],
)
def test_arguments(options: dict[str, Any], message: str) -> None:
    arguments: dict[str, Any] = {"model": half, "prediction": "x0"} | options
    model = arguments.pop("model")
    with pytest.raises(RnlaError, match=message):
        sample(model, STARTS, **arguments)


def test_a_result_that_overflows_is_said_to() -> None:
    """Noise predictions of states near 1,000 do not fit in float16 at σ = 0.01."""
    x = np.array([[-7.0, 7.0]])
    kwargs: dict[str, Any] = {"prediction": "x0", "solver": "plms", "steps": 2, "end": "zero"}
    assert np.isfinite(sample(half, x, **kwargs).values).all()
    with (
        np.errstate(all="ignore"),
        pytest.raises(ArgumentError, match=r"x: got nan or inf after step 1.*float16 can hold"),
    ):
        sample(half, x.astype(np.float16), **kwargs)


@pytest.mark.torch
def test_gradients_pass_through_step_size_control() -> None:
    torch = pytest.importorskip("torch", reason="PyTorch is an optional extra")
    x = torch.tensor(STARTS, requires_grad=True)
    end = sample(half, x, prediction="x0", solver="dpm_solver_adaptive").values
    end.sum().backward()
    assert torch.isfinite(x.grad).all()


NOISES = {
    "nothing": (lambda z: None, "noise: got NoneType at draw 0"),
    "another dtype": (lambda z: z.astype(np.float32), "noise: got dtype float32 at draw 0"),
    "a shape that broadcasts": (lambda z: z[:1], r"noise: got shape \(1, 2\) at draw 0"),
    "nan": (lambda z: np.nan * z, "noise: got nan or inf at draw 0"),
}


@pytest.mark.parametrize("name", NOISES)
def test_noise_of_a_caller_is_looked_at(name: str) -> None:
    make, message = NOISES[name]
    with pytest.raises(RnlaError, match=message):
        sample(half, STARTS, prediction="x0", solver="ddpm", noise=lambda draw, like, i: make(like))


def test_fixed_noise_may_come_from_a_generator_and_may_end() -> None:
    grid = Grid([1.0, 0.5, 0.1])
    kwargs: dict[str, Any] = {"prediction": "x0", "solver": "ddpm", "grid": grid}
    noise = FixedNoise(z for z in (STARTS, 2.0 * STARTS))
    ends = [sample(half, STARTS, noise=noise, **kwargs).values for _ in range(2)]
    np.testing.assert_array_equal(ends[0], ends[1])
    with pytest.raises(ArgumentError, match="noise: got 1 arrays, and draw number 1 was asked"):
        sample(half, STARTS, noise=FixedNoise([STARTS]), **kwargs)
    with pytest.raises(ArgumentTypeError, match="noise: got list at draw 0"):
        sample(half, STARTS, noise=FixedNoise([STARTS.tolist()] * 2), **kwargs)


def test_a_level_of_pure_noise_has_no_partner_on_another_path() -> None:
    grid = make_grid(Flow(), 4, "time_uniform")
    message = r"trained_on: got VPLinear at step 0, time 1, half log-SNR -inf"
    with pytest.raises(ArgumentError, match=message):
        sample(half, STARTS, prediction="x0", schedule=Flow(), grid=grid, trained_on=VPLinear())
    # The path itself is no other path.
    same = sample(half, STARTS, prediction="x0", schedule=Flow(), grid=grid, trained_on=Flow())
    assert np.isfinite(same.values).all()


# --- options of solvers -------------------------------------------------------------------------

HOSTILE: tuple[Any, ...] = (None, "x", -1, 0, 1.5, np.nan, np.inf, True, [], 3, -0.5, 10**6)


def _classes() -> list[Any]:
    made = (getattr(solvers, name) for name in sorted(solvers._EXPORTS))
    others = (solvers.Corrector, solvers.Decision, solvers.DPMSolverV3)
    return [kind for kind in made if kind not in others]


@pytest.mark.parametrize("kind", _classes(), ids=lambda kind: kind.__name__)
def test_options_are_usable_or_refused_by_name(kind: Any) -> None:
    """Whatever is passed for an option: a plan or a typed error, and no other exception."""
    schedule = VPLinear()
    grid = make_grid(schedule, 4)
    options = dataclasses.fields(kind)
    named = [field.name for field in options] + ["solver", "plan"]
    for option in options:
        for value in HOSTILE:
            if value == [] and isinstance(option.default, bool):
                continue  # a condition like any other, but not hashable
            message = ""
            try:
                solver = kind(**{option.name: value})
                assert hash(solver) == hash(dataclasses.replace(solver))
                if solver.prescribed:
                    solver.compile(schedule, grid)
            except RnlaError as error:
                message = str(error)
            assert not message or message.startswith(tuple(named))


def test_solvers_on_solvers_take_names_and_lists() -> None:
    assert solvers.DCSolver("unipc", [1.0, 1.0, 1.1]) == solvers.DCSolver(ratios=(1.0, 1.0, 1.1))
    assert solvers.Momentum("ipndm") == solvers.Momentum()
    assert solvers.DualFast("ddim", [0.0, 0.5]).strength == (0.0, 0.5)
    for kind in (solvers.DCSolver, solvers.Momentum, solvers.DualFast):
        with pytest.raises(ArgumentTypeError, match="solver: got int"):
            kind(3)
    with pytest.raises(ArgumentTypeError, match=r"ratios\[1\]: got 'b'"):
        solvers.DCSolver(ratios=(1.0, "b"))
    with pytest.raises(ArgumentTypeError, match=r"decisions\[0\]: got int"):
        solvers.USF(3)
    with pytest.raises(ArgumentError, match="lower_order_final: got -1"):
        solvers.UniPC(lower_order_final=-1)


# --- records of another kind --------------------------------------------------------------------

LEVELS = VPLinear().levels([0.9, 0.5])
GRID = make_grid(VPLinear(), 3)
RECORDS: dict[str, tuple[Any, str]] = {
    "make_grid": (lambda: make_grid("vp", 3), "schedule: got str; expected a Schedule"),
    "make_grid, first": (lambda: make_grid(VPLinear(), 3, first="x"), "first: got 'x'"),
    "levels": (lambda: GRID.levels(3), "schedule: got int; expected a Schedule"),
    "change_path": (lambda: change_path(STARTS, 0.5, Flow()), "level: got float; expected a Level"),
    "bound_weight": (lambda: bound_weight(0.9, 0.5), "start: got float; expected a Level"),
    "BrownianNoise": (lambda: BrownianNoise(1.0, 0.1), "start: got float; expected a Level"),
    "FixedNoise": (lambda: FixedNoise(3), "arrays: got int"),
    "teleport": (
        lambda: teleport(STARTS, plane_gaussian(), schedule=VPLinear(), grid=5, index=1),
        "grid: got int; expected a Grid",
    ),
    "search_compensation": (
        lambda: search_compensation(gmm_a(), STARTS, schedule=VPLinear(), grid=[1.0, 0.5]),
        "grid: got list; expected a Grid",
    ),
    "a shape that is not the data's": (
        lambda: gmm_a()(np.ones((4, 3)), LEVELS[0]),
        r"x: got shape \(4, 3\); expected samples of shape \(2,\)",
    ),
    "one that would broadcast": (
        lambda: sample(Gaussian([0.0], [[1.0]]), np.ones((4, 3))),
        r"x: got shape \(4, 3\); expected samples of shape \(1,\)",
    ),
    "betas": (lambda: Tabulated.from_betas([0.1, 3.0]), "betas: got 3 at index 1"),
    "beta_start": (lambda: Tabulated.linear(beta_start=None), "beta_start: got None"),
    "empty text": (lambda: Plan.from_json(""), "text: got JSON of something else"),
    "no text": (lambda: Plan.from_json(None), "text: got JSON of something else"),
    "half a plan": (
        lambda: Plan.from_json('{"format": "rnla.diffusion.Plan 1"}'),
        "text: got JSON of something else",
    ),
    "largest": (lambda: Thresholded(gmm_a(), VPLinear(), largest="x"), "largest: got 'x'"),
}


@pytest.mark.parametrize("name", RECORDS)
def test_records_of_another_kind(name: str) -> None:
    call, message = RECORDS[name]
    with pytest.raises(RnlaError, match=message):
        call()


@pytest.mark.parametrize("kind", [Counted, Recorded, lambda model: MeanShifted(model, 0.0, "x0")])
def test_wrappers_want_a_model(kind: Any) -> None:
    with pytest.raises(ArgumentTypeError, match="model: got NoneType; expected a callable"):
        kind(None)


def test_statistics_of_samples_of_another_shape() -> None:
    levels = np.linspace(-6.0, 6.0, 5)
    curves = ModelStatistics(levels, *(np.zeros((5, 2)) for _ in range(3)))
    assert repr(curves) == "ModelStatistics(5 levels, half log-SNR -6 to 6, shape (2,), 0 samples)"
    solver = solvers.DPMSolverV3(curves)
    assert sample(half, STARTS, prediction="x0", solver=solver, steps=3).evaluations == 3
    message = r"x: got shape \(4, 3\), for coefficients of shape \(2,\) at step 0"
    with pytest.raises(ArgumentError, match=message):
        sample(half, np.ones((4, 3)), prediction="x0", solver=solver, steps=3)
    with pytest.raises(ArgumentError, match=r"x: got shape \(1,\)|x: got shape \(4,\)"):
        sample(half, np.ones(4), prediction="x0", solver=solver, steps=3)
