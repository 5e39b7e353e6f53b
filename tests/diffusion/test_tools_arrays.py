"""The tools around the solvers for PyTorch states: SPEC 17.5 and 18.8."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from rnla.diffusion import VPLinear, make_grid, sample
from rnla.diffusion._arrays import cast, on_host
from rnla.diffusion.boundary import best_of
from rnla.diffusion.flow_maps import sample_flow_map
from rnla.diffusion.interpolants import Fields, Interpolant, objective, solve_ode, solve_sde
from rnla.diffusion.jacobian import jacobian_diagonal, jacobian_trace
from rnla.diffusion.mean_reverting import sample_mean_reverting
from rnla.diffusion.path_change import change_path
from rnla.diffusion.randomized_pca import principal_components
from rnla.diffusion.schedules import Flow, Tabulated
from rnla.diffusion.teleportation import teleport
from rnla.diffusion.time_shift import TimeShift

from . import fixtures

X = np.random.default_rng(0).standard_normal((5, 12))
GRID = make_grid(VPLinear(), 4)
TABLE = Tabulated.linear()
DATA = np.random.default_rng(1).standard_normal((40, 12)) * np.linspace(0.2, 2.0, 12)
GAUSSIAN = principal_components(DATA, rank=4, rng=0).gaussian()
FIELDS = Fields(Interpolant(), velocity=lambda x, t: (t - 0.5) * x, denoiser=lambda x, t: 0.3 * x)


def _teleport(x: Any) -> Any:
    return teleport(x, GAUSSIAN, schedule=VPLinear(), grid=GRID, index=2).x


def _time_shift(x: Any) -> Any:
    grid = make_grid(TABLE, 5, "leading")
    return sample(GAUSSIAN, x, solver=TimeShift(window=80), schedule=TABLE, grid=grid).values


def _flow_map(x: Any) -> Any:
    found = sample_flow_map(GAUSSIAN.flow, x, schedule=VPLinear(), grid=GRID, gamma=0.5, rng=2)
    return found.values


def _ode(x: Any) -> Any:
    return solve_ode(FIELDS, x, times=[0.0, 0.4, 0.9]).values


def _sde(x: Any) -> Any:
    times = [0.1, 0.4, 0.9]
    return solve_sde(
        FIELDS, x, times=times, epsilon=0.3, method="heun", last="denoise", rng=2
    ).values


def _objective(x: Any) -> Any:
    times = cast(np.linspace(0.1, 0.9, 5), x)
    field = lambda y, t: 0.5 * y  # noqa: E731
    return objective("velocity", field, Interpolant(), times, x, 2.0 * x, 0.5 * x)


def _restore(x: Any) -> Any:
    return sample_mean_reverting(lambda y, t: 0.5 * y, x, prediction="x0", steps=3, rng=4).values


def _best(x: Any) -> Any:
    return best_of(lambda z, y: z + y, x, 0.5 * x, count=20, rng=3).start(2)


def _path(x: Any) -> Any:
    return change_path(x, VPLinear().level(0.4), Flow())[0]


def _diagonal(x: Any) -> Any:
    return jacobian_diagonal(lambda y: y * y, x, probes=3, rng=0).values


def _trace(x: Any) -> Any:
    return jacobian_trace(lambda y: y * y, x, probes=9, rng=0).values


DEVICE = [_teleport, _time_shift, _flow_map, _ode, _sde, _objective, _restore, _best, _path]
HOST = [_diagonal, _trace]


@pytest.fixture
def torch() -> Any:
    return pytest.importorskip("torch", reason="PyTorch is an optional extra")


@pytest.mark.parametrize("tool", DEVICE + HOST, ids=lambda f: f.__name__)
def test_18_8_tools_give_for_tensors_what_they_give_for_arrays(tool: Any, torch: Any) -> None:
    expected = np.asarray(tool(X))
    before = torch.tensor(X)
    got = tool(before)
    if tool in DEVICE:
        assert isinstance(got, torch.Tensor)
        assert got.dtype == torch.float64
    assert np.abs(on_host(got) - expected).max() < 1e-9
    assert np.array_equal(before.numpy(), X)


@pytest.mark.parametrize("tool", DEVICE, ids=lambda f: f.__name__)
def test_18_8_single_precision_stays_single(tool: Any) -> None:
    x = X.astype(np.float32)
    got = tool(x)
    assert got.dtype == np.float32
    assert np.abs(got - tool(x.astype(np.float64))).max() < 5e-4
    assert np.array_equal(x, X.astype(np.float32))


def test_17_5_records_of_tensors_convert_to_numpy(torch: Any) -> None:
    found = sample_flow_map(
        GAUSSIAN.flow, torch.tensor(X), schedule=VPLinear(), grid=GRID, gamma=0.0
    )
    assert np.asarray(found).shape == X.shape
    assert np.asarray(found, dtype=np.float32).dtype == np.float32
    short = solve_ode(FIELDS, torch.tensor(X).to(torch.bfloat16), times=[0.0, 0.5])
    assert short.values.dtype == torch.bfloat16
    assert np.asarray(short).dtype == np.float32


def test_13_4_teleported_start_works_with_every_array(torch: Any) -> None:
    start = teleport(
        torch.tensor(fixtures.STARTS),
        fixtures.plane_gaussian(),
        schedule=VPLinear(),
        grid=GRID,
        index=2,
    )
    end = sample(fixtures.gmm_a(), start.x, grid=start.grid)
    assert isinstance(end.values, torch.Tensor)
