"""States in float32, float16 and bfloat16, in NumPy and PyTorch: 17.5, 18.8."""

from __future__ import annotations

import subprocess
import sys

import numpy as np
import pytest

from rnla import ArgumentError, ArgumentTypeError
from rnla.diffusion import (
    BrownianNoise,
    Gaussian,
    SeededNoise,
    Thresholded,
    get_solver,
    sample,
    solver_names,
    start_from_data,
    start_from_noise,
)
from rnla.diffusion._arrays import all_finite

from .fixtures import STARTS, VP, gmm_a, log_snr_grid, plane_gaussian

GRID = log_snr_grid(8)


def test_sampling_imports_no_framework():
    code = (
        "import sys, numpy as np; from rnla.diffusion import Gaussian, sample;"
        "sample(Gaussian(np.zeros(2), np.eye(2)), np.ones((1, 2)), solver='ddpm', rng=0);"
        "print([m for m in ('torch', 'cupy', 'diffusers', 'matplotlib') if m in sys.modules])"
    )
    out = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert out.stdout.strip() == "[]"


def test_lists_become_float64():
    got = sample(Gaussian([0.0], [[1.0]]), [[1.0], [2.0]], solver="ddim", grid=GRID)
    assert got.values.dtype == np.float64
    assert len(got) == 2


@pytest.mark.parametrize(
    "x, error, message",
    [
        (np.ones((2, 2), dtype=np.int64), ArgumentTypeError, "x: got dtype int64"),
        (np.ones((2, 2), dtype=complex), ArgumentTypeError, "x: got dtype complex128"),
        (np.float64(3.0), ArgumentError, r"x: got shape \(\)"),
        (np.ones((0, 2)), ArgumentError, r"x: got shape \(0, 2\)"),
        ("noise", ArgumentTypeError, "x: got str"),
    ],
)
def test_bad_states_are_refused(x, error, message):
    with pytest.raises(error, match=message):
        sample(gmm_a(), x, solver="ddim")


def test_half_precision_runs_in_half_precision():
    half = sample(gmm_a(), STARTS.astype(np.float16), solver="ddim", grid=GRID).values
    double = sample(gmm_a(), STARTS, solver="ddim", grid=GRID).values
    assert half.dtype == np.float16
    assert np.abs(half - double).max() < 2e-2


@pytest.fixture(scope="module")
def torch():
    return pytest.importorskip("torch", reason="PyTorch is an optional extra")


@pytest.mark.parametrize("name", [n for n in solver_names() if get_solver(n).prescribed])
def test_18_8_torch_gives_what_numpy_gives(name, torch):
    expected = sample(gmm_a(), STARTS, solver=name, grid=GRID, rng=0).values
    got = sample(gmm_a(), torch.tensor(STARTS), solver=name, grid=GRID, rng=0)
    assert isinstance(got.values, torch.Tensor)
    assert got.values.dtype == torch.float64
    np.testing.assert_allclose(np.asarray(got), expected, rtol=1e-9, atol=1e-10)


def test_17_5_bfloat16_states_keep_float64_coefficients(torch):
    x = torch.tensor(STARTS).to(torch.bfloat16)
    for solver in ("ddim", "ddpm", "dpmpp_2m"):
        got = sample(gmm_a(), x, solver=solver, grid=GRID, rng=0)
        double = sample(gmm_a(), STARTS, solver=solver, grid=GRID, rng=0).values
        assert got.values.dtype == torch.bfloat16
        assert np.asarray(got).dtype == np.float32
        assert np.abs(np.asarray(got) - double).max() < 0.1


def test_wrappers_and_noise_take_tensors(torch):
    x = torch.tensor(STARTS, dtype=torch.float32)
    level = VP.level(0.4)
    model = Thresholded(lambda x, t: 3.0 * x, VP, "x0")
    np.testing.assert_allclose(model(x, level).numpy(), model(STARTS, level), rtol=1e-5)
    half = model(x.to(torch.bfloat16), level)
    assert half.dtype == torch.bfloat16
    for noise in (SeededNoise(0), BrownianNoise(*VP.levels([1.0, 1e-3]), 0)):
        z = noise(0, x, VP.levels([0.5, 0.2]))
        assert z.dtype == torch.float32
        np.testing.assert_allclose(
            z.numpy(), noise(0, STARTS, VP.levels([0.5, 0.2])), rtol=2e-5, atol=1e-6
        )
    flow = plane_gaussian().flow(x, *VP.levels([1.0, 0.3]))
    expected = plane_gaussian().flow(STARTS, *VP.levels([1.0, 0.3]))
    np.testing.assert_allclose(flow.numpy(), expected, rtol=1e-5)


def test_starts_are_tensors_if_asked(torch):
    like = torch.empty(0, dtype=torch.float32)
    x = start_from_noise(VP, (3, 2), rng=0, like=like)
    assert x.dtype == torch.float32
    np.testing.assert_allclose(x.numpy(), start_from_noise(VP, (3, 2), rng=0), rtol=1e-6)
    assert start_from_data(VP, x, time=0.3, rng=1).dtype == torch.float32


def test_gradients_pass_through_a_sampler(torch):
    x = torch.tensor(STARTS, requires_grad=True)
    model = Gaussian([0.0, 0.0], [[0.5, 0.2], [0.2, 0.3]])
    end = sample(model, x, solver="dpmpp_2m", grid=GRID).values
    (gradient,) = torch.autograd.grad(end[:, 0].sum(), x)
    step = 1e-6 * np.array([[1.0, 0.0]])
    ends = [
        sample(model, STARTS + sign * step, solver="dpmpp_2m", grid=GRID).values for sign in (1, -1)
    ]
    slope = (ends[0] - ends[1])[:, 0] / 2e-6
    np.testing.assert_allclose(gradient[:, 0].numpy(), slope, rtol=1e-6)


def test_outputs_of_another_library_are_refused(torch):
    with pytest.raises(ArgumentTypeError, match="model: got ndarray at step 0"):
        sample(lambda x, t: x.numpy(), torch.tensor(STARTS), solver="ddim", prediction="x0")
    with pytest.raises(ArgumentTypeError, match="model: got dtype bfloat16 at step 0"):
        sample(
            lambda x, t: x.to(torch.bfloat16), torch.tensor(STARTS), solver="ddim", prediction="x0"
        )


def test_finite_is_told_from_large(torch):
    large = np.full((1, 4000), 60000.0, dtype=np.float16)  # its sum overflows
    assert all_finite(large)
    for bad in (np.nan, np.inf, -np.inf):
        x = large.copy()
        x[0, 17] = bad
        assert not all_finite(x)
        assert not all_finite(torch.tensor(x))
    x[0, :2] = np.inf, -np.inf  # they cancel to nan
    assert not all_finite(x.astype(np.float64))
    assert all_finite(torch.tensor(large))
