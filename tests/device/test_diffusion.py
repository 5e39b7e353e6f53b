"""Samplers on CuPy arrays: the state stays on the device, and gives what NumPy gives (17.5)."""

from __future__ import annotations

import numpy as np
import pytest

from rnla import ArgumentTypeError
from rnla.diffusion import (
    BrownianNoise,
    FixedNoise,
    LowRankGaussian,
    Thresholded,
    get_solver,
    sample,
    solver_names,
)
from tests.diffusion.fixtures import STARTS, VP, gmm_a, log_snr_grid, plane_gaussian

GRID = log_snr_grid(4)


@pytest.mark.parametrize("name", [n for n in solver_names() if get_solver(n).prescribed])
def test_18_8_cupy_gives_what_numpy_gives(name, cupy):
    noise = FixedNoise(lambda n: np.sin(1.0 + n + STARTS))  # drawn on the host, used on the device
    expected = sample(gmm_a(), STARTS, solver=name, grid=GRID, noise=noise).values
    got = sample(gmm_a(), cupy.asarray(STARTS), solver=name, grid=GRID, noise=noise)
    assert type(got.values) is cupy.ndarray
    np.testing.assert_allclose(got.values.get(), expected, rtol=1e-11, atol=1e-12)
    np.testing.assert_array_equal(np.asarray(got), got.values.get())


def test_one_truth_value_a_call_comes_to_the_host_and_one_for_either_end(cupy):
    x = cupy.asarray(STARTS.astype(np.float32))
    before = cupy.copies["to host"]
    result = sample(gmm_a(), x, solver="unipc", grid=GRID)
    assert result.values.dtype == np.float32
    assert result.evaluations == 4
    assert cupy.copies["to host"] - before == result.evaluations + 2
    before = cupy.copies["to host"]
    sample(gmm_a(), x, solver="unipc", grid=GRID, check=False)
    assert cupy.copies["to host"] == before


def test_noise_is_drawn_on_the_device(cupy):
    expected = sample(gmm_a(), STARTS, solver="ddpm", grid=GRID, rng=5)
    before = cupy.copies["to host"]
    got = sample(gmm_a(), cupy.asarray(STARTS), solver="ddpm", grid=GRID, rng=5, check=False)
    assert cupy.copies["to host"] == before
    np.testing.assert_allclose(got.values.get(), expected.values, rtol=1e-9, atol=1e-10)
    path = BrownianNoise(*VP.levels([1.0, 1e-3]), 3)
    interval = VP.levels([0.5, 0.2])
    there = path(0, cupy.asarray(STARTS), interval).get()
    np.testing.assert_allclose(there, path(0, STARTS, interval), rtol=1e-9)


def test_models_in_closed_form_and_wrappers_work_there(cupy):
    x, level = cupy.asarray(STARTS), VP.level(0.3)
    start, stop = VP.levels([1.0, 0.3])
    low = LowRankGaussian([0.3, 0.1], [[0.6], [0.8]], [2.0], tail=0.1)
    for model in (gmm_a(), plane_gaussian(), low):
        for ask in (model.denoise, model.score, model.log_density, model.posterior_covariance):
            np.testing.assert_allclose(ask(x, level).get(), ask(STARTS, level), rtol=1e-11)
    for model in (plane_gaussian(), low):
        flow = model.flow(x, start, stop).get()
        np.testing.assert_allclose(flow, model.flow(STARTS, start, stop), rtol=1e-12)
    static = Thresholded(gmm_a(), VP, method="static", bound=0.5)
    np.testing.assert_allclose(static(x, level).get(), static(STARTS, level), rtol=1e-12)


def test_host_outputs_for_a_device_state_are_refused(cupy):
    with pytest.raises(ArgumentTypeError, match="model: got ndarray at step 0"):
        sample(lambda x, t: x.get(), cupy.asarray(STARTS), solver="ddim", prediction="x0")
