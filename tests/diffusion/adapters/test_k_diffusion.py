"""Bridges to k-diffusion: the numbers of its own functions, its signatures."""

from __future__ import annotations

import itertools
from typing import Any

import numpy as np
import pytest

from rnla import ArgumentError
from rnla._errors import RnlaError
from rnla.diffusion import VarianceExploding, VPLinear, get_solver, prepare, sample
from rnla.diffusion.adapters import as_denoiser, from_denoiser, sample_function

from ..fixtures import STARTS, gmm_a

SIGMAS = np.geomspace(20.0, 0.05, 9)


def denoiser(x: Any, sigma: Any) -> Any:
    assert sigma.shape == x.shape[:1]
    return gmm_a_x0(x, float(sigma[0]))


def gmm_a_x0(x: Any, sigma: float) -> Any:
    path = VarianceExploding()
    return prepare(gmm_a(), path)(x, path.level(sigma), "x0")


# 2.6: starts A and D.
@pytest.mark.parametrize(
    ("name", "a", "d"),
    [
        (
            "sample_euler",
            (0.079449459711, -0.346402258369),
            (1.170662439435, 0.201264581255),
        ),
        ("sample_heun", (0.27611566966, -0.43546163996), (1.34733476247, 0.24170535379)),
        ("sample_dpmpp_2m", (0.202457318524, -0.427630256791), (1.313664905874, 0.255608300018)),
    ],
)
def test_2_6_numbers_of_k_diffusion(name: str, a: Any, d: Any) -> None:
    values = sample_function(name)(denoiser, 20.0 * STARTS, SIGMAS)
    np.testing.assert_allclose(values[0], a, rtol=0.0, atol=1e-9)
    np.testing.assert_allclose(values[3], d, rtol=0.0, atol=1e-9)


def test_2_6_noise_of_a_sampler_is_called_with_the_levels() -> None:
    calls: list[tuple[float, float]] = []

    def noise(sigma: float, following: float) -> Any:
        n = len(calls)
        calls.append((sigma, following))
        batch, place = np.arange(4)[:, None], np.arange(2)[None, :]
        return np.sin(1.0 + n + 2.0 * batch + 3.0 * place)

    values = sample_function("sample_euler_ancestral")(
        denoiser, 20.0 * STARTS, SIGMAS, noise_sampler=noise
    )
    np.testing.assert_allclose(values[0], (-0.879932154098, 0.062375535954), rtol=0, atol=1e-9)
    assert len(calls) == 8
    np.testing.assert_allclose(calls, list(itertools.pairwise(SIGMAS)), rtol=1e-12)


def test_callback_and_extra_args() -> None:
    seen = []
    scaled = sample_function("euler")(
        lambda x, sigma, scale: scale * denoiser(x, sigma),
        20.0 * STARTS,
        np.append(SIGMAS, 0.0),
        extra_args={"scale": 0.5},
        callback=seen.append,
        disable=True,
    )
    assert [call["i"] for call in seen] == list(range(9))
    assert seen[2]["sigma"] == SIGMAS[2]
    np.testing.assert_array_equal(seen[-1]["x"], scaled)
    # At sigma = 0 Euler's method returns what the model said last.
    np.testing.assert_allclose(seen[-1]["denoised"], scaled, rtol=1e-12)


def test_from_and_to_give_the_model_back() -> None:
    schedule = VPLinear()
    there = as_denoiser(gmm_a(), schedule)
    level = VarianceExploding().level(3.0)
    np.testing.assert_allclose(
        there(STARTS, np.full(4, 3.0)), gmm_a_x0(STARTS, 3.0), rtol=1e-12, atol=1e-14
    )
    back = prepare(from_denoiser(there), VarianceExploding())
    np.testing.assert_allclose(
        back(STARTS, level, "x0"), gmm_a_x0(STARTS, 3.0), rtol=1e-12, atol=1e-14
    )


def test_a_denoiser_on_its_own_path_is_the_model_on_the_other() -> None:
    path = VarianceExploding(0.05, 20.0)
    values = sample(
        from_denoiser(denoiser), 20.0 * STARTS, solver="dpmpp_2m", schedule=path, steps=8
    ).values
    direct = sample(gmm_a(), 20.0 * STARTS, solver="dpmpp_2m", schedule=path, steps=8).values
    np.testing.assert_allclose(values, direct, rtol=1e-12, atol=1e-13)


def test_levels_that_differ_within_a_batch_are_refused() -> None:
    with pytest.raises(ArgumentError, match="sigma"):
        as_denoiser(gmm_a(), VPLinear())(STARTS, np.array([1.0, 2.0, 1.0, 1.0]))


def test_names() -> None:
    assert sample_function("sample_dpmpp_2m").__name__ == f"sample_{get_solver('dpmpp_2m').name}"


@pytest.mark.parametrize(
    ("options", "named"),
    [
        ({"model": None}, "denoiser: got NoneType"),
        ({"x": None}, "x: got NoneType"),
        ({"x": np.ones((4, 2), dtype=int)}, "x: got dtype int64"),
        ({"sigmas": ["a"]}, "sigmas: got list"),
        ({"sigmas": SIGMAS[:, None]}, r"sigmas: got shape \(9, 1\)"),
        ({"sigmas": SIGMAS[::-1]}, "grid: got time .* at step 0"),
        ({"sigmas": [5.0, 0.0, -1.0]}, r"grid: got sigma = 0 at step 1"),
        ({"noise_sampler": 3}, "noise_sampler: got int"),
        ({"noise_sampler": lambda a, b: None}, "noise: got NoneType at draw 0, time 20"),
        ({"model": lambda x, s: np.nan * x}, "model: got nan or inf at step 0, time 20"),
    ],
)
def test_bad_input(options: dict[str, Any], named: str) -> None:
    arguments: dict[str, Any] = {"model": denoiser, "x": STARTS, "sigmas": SIGMAS} | options
    with pytest.raises(RnlaError, match=named):
        sample_function("dpmpp_2m_sde")(**arguments)
