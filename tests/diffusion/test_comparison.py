"""`compare`: errors against a tight integration, at numbers of evaluations that are kept."""

from __future__ import annotations

import numpy as np
import pytest

from rnla import ArgumentError
from rnla.diffusion import Flow, GaussianMixture, VPLinear, compare, get_solver
from rnla.diffusion.comparison import exact_flow, grid_of_evaluations

from .fixtures import REFERENCE_1E2, STARTS, VP, error, gmm_a, log_snr_grid, run


def test_0_10_the_exact_flow_has_the_reference_end_points():
    start, stop = VP.levels([1.0, 1e-2])
    found = exact_flow(gmm_a(), STARTS, start, stop, schedule=VP)
    np.testing.assert_allclose(found, REFERENCE_1E2, rtol=0.0, atol=2e-11)


def test_errors_are_those_of_the_solvers():
    found = compare(["dpmpp_2m", "heun"], evaluations=[8], x=STARTS / VP.level(1.0).sigma)
    assert found.errors[0, 0] == pytest.approx(error(run("dpmpp_2m", log_snr_grid(8))), rel=1e-9)
    assert found.errors[1, 0] == pytest.approx(error(run("heun", log_snr_grid(4))), rel=1e-9)
    np.testing.assert_allclose(found.orders, found.expected, atol=0.25)


def test_no_solver_calls_the_model_more_often_than_allowed():
    for name in ("ddim", "heun", "pndm", "dpm_solver_3", "dpm_solver_fast", "unipc"):
        solver = get_solver(name)
        for count in (1, 2, 3, 10, 13):
            grid = grid_of_evaluations(solver, VP, count, "log_snr", first=1.0, last=1e-2)
            if grid is not None:
                assert 0 < solver.compile(VP, grid).evaluations <= count
    assert grid_of_evaluations(get_solver("heun"), VP, 1, "log_snr", first=1.0, last=1e-2) is None


def test_too_few_calls_are_shown_as_nothing():
    found = compare(["heun", "ddim"], evaluations=[1, 4])
    assert np.isnan(found.errors[0, 0])
    assert np.isfinite(found.errors[1]).all()
    assert {row["solver"] for row in found.rows()} == {"heun", "ddim"}
    assert " -" in str(found)


def test_paths_that_begin_at_pure_noise():
    found = compare(["dpmpp_2m"], schedule=Flow(), evaluations=[20])
    assert 0.0 < found.errors[0, 0] < 0.1
    assert found.orders[0] == pytest.approx(2.0, abs=0.25)


def test_rounding_is_no_order():
    point = GaussianMixture((1.0,), ((0.3, 0.2),), deviations=(1e-9,))
    found = compare(["ddim"], model=point, schedule=VPLinear(), evaluations=[4])
    assert found.errors[0, 0] < 1e-6  # first order is exact for a single point
    assert np.isnan(found.orders[0])


@pytest.mark.parametrize("name", ["ddpm", "dpm_solver_adaptive"])
def test_solvers_without_an_error_are_refused(name):
    with pytest.raises(ArgumentError, match=name):
        compare([name])
