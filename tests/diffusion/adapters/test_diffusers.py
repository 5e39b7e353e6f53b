"""`PlanScheduler` in real pipelines, beside diffusers' own schedulers on the same network.

Needs PyTorch and diffusers: `make torch-test` installs them. The network is small and random, so
its outputs are of the size of the noise: agreement is to rounding in float32, 1e-4 of the sample.
"""

from __future__ import annotations

import inspect
import pathlib
import warnings
from typing import Any

import numpy as np
import pytest

from rnla import ArgumentError, ArgumentTypeError
from rnla._errors import RnlaError

torch = pytest.importorskip("torch", reason="PyTorch is not installed: make torch-test does it")
with warnings.catch_warnings():
    warnings.simplefilter("ignore")  # those of diffusers' own imports
    diffusers = pytest.importorskip("diffusers", reason="diffusers is not installed")

    from rnla.diffusion.adapters.diffusers import PlanScheduler

pytestmark = [
    pytest.mark.torch,
    pytest.mark.filterwarnings("ignore"),  # diffusers deprecates its own options
]


@pytest.fixture(scope="module")
def unet() -> Any:
    torch.manual_seed(0)
    return diffusers.UNet2DModel(
        sample_size=8,
        in_channels=1,
        out_channels=1,
        layers_per_block=1,
        block_out_channels=(8, 8),
        norm_num_groups=4,
        down_block_types=("DownBlock2D", "DownBlock2D"),
        up_block_types=("UpBlock2D", "UpBlock2D"),
    ).eval()


def run(scheduler: Any, unet: Any, steps: int = 10, seed: int = 0) -> Any:
    """The loop of a pipeline."""
    generator = torch.Generator().manual_seed(seed)
    x = torch.randn(2, 1, 8, 8, generator=generator)
    taken = inspect.signature(scheduler.step).parameters
    options: dict[str, Any] = {"generator": generator, "use_clipped_model_output": True}
    options = {name: value for name, value in options.items() if name in taken}
    scheduler.set_timesteps(steps)
    for t in scheduler.timesteps:
        with torch.no_grad():
            output = unet(x, t).sample
        x = scheduler.step(output, t, x, return_dict=False, **options)[0]
    return x


def schedulers() -> list[Any]:
    return [
        pytest.param(lambda: diffusers.DDIMScheduler(clip_sample=False), id="DDIM"),
        pytest.param(
            lambda: diffusers.DDIMScheduler(clip_sample=False, timestep_spacing="trailing"),
            id="DDIM trailing",
        ),
        pytest.param(lambda: diffusers.DDIMScheduler(), id="DDIM clipped"),
        pytest.param(
            lambda: diffusers.DDIMScheduler(clip_sample=False, prediction_type="v_prediction"),
            id="DDIM v",
        ),
        pytest.param(lambda: diffusers.DPMSolverMultistepScheduler(), id="DPM++ 2M"),
        pytest.param(
            lambda: diffusers.DPMSolverMultistepScheduler(solver_type="heun"), id="DPM++ 2M heun"
        ),
        pytest.param(
            lambda: diffusers.DPMSolverMultistepScheduler(use_karras_sigmas=True), id="Karras"
        ),
        pytest.param(
            lambda: diffusers.DPMSolverMultistepScheduler(use_lu_lambdas=True), id="log-SNR"
        ),
        pytest.param(
            lambda: diffusers.DPMSolverMultistepScheduler(
                algorithm_type="dpmsolver", final_sigmas_type="sigma_min"
            ),
            id="DPM 2M",
        ),
        pytest.param(
            lambda: diffusers.DPMSolverMultistepScheduler(
                beta_schedule="squaredcos_cap_v2", lambda_min_clipped=-5.1
            ),
            id="cosine",
        ),
        pytest.param(lambda: diffusers.UniPCMultistepScheduler(), id="UniPC"),
        pytest.param(
            lambda: diffusers.UniPCMultistepScheduler(
                solver_order=3,
                beta_schedule="scaled_linear",
                beta_start=0.00085,
                beta_end=0.012,
                timestep_spacing="leading",
                steps_offset=1,
            ),
            id="UniPC 3",
        ),
        pytest.param(lambda: diffusers.DEISMultistepScheduler(), id="DEIS"),
        pytest.param(lambda: diffusers.PNDMScheduler(skip_prk_steps=True), id="PLMS"),
        pytest.param(lambda: diffusers.FlowMatchEulerDiscreteScheduler(), id="flow"),
    ]


@pytest.mark.parametrize("make", schedulers())
def test_18_4_the_samples_of_diffusers(make: Any, unet: Any) -> None:
    theirs = run(make(), unet)
    ours = run(PlanScheduler.from_config(make()), unet)
    assert float((ours - theirs).abs().max() / theirs.abs().max()) < 1e-4


def test_19_1_third_order_differs_unless_the_reference_is_asked_for(unet: Any) -> None:
    reference = diffusers.DPMSolverMultistepScheduler(solver_order=3)
    theirs = run(reference, unet, 20)
    ours = PlanScheduler.from_config(reference)
    right = run(ours, unet, 20)
    options = {**ours.described.solver_options, "variant": "as_published_code"}
    same = run(PlanScheduler.from_config(reference, solver_options=options), unet, 20)
    scale = theirs.abs().max()
    assert float((same - theirs).abs().max() / scale) < 1e-4
    assert float((right - theirs).abs().max() / scale) > 1e-3


def test_19_5_the_shift_of_a_flow_is_applied_once(unet: Any) -> None:
    reference = diffusers.FlowMatchEulerDiscreteScheduler(shift=3.0)
    ours = PlanScheduler.from_config(reference)
    reference.set_timesteps(10)
    ours.set_timesteps(10)
    t = np.linspace(1.0, 1e-3, 10)
    np.testing.assert_allclose(ours.timesteps, 1000.0 * 3.0 * t / (1.0 + 2.0 * t), rtol=1e-6)
    assert float(reference.timesteps[-1]) > 2.5 * float(ours.timesteps[-1])  # twice there


@pytest.mark.parametrize("solver", ["unipc", "dpm_solver_2", "heun", "ddpm", "dpmpp_2m_sde"])
def test_a_pipeline_from_beginning_to_end(solver: str, unet: Any, tmp_path: pathlib.Path) -> None:
    scheduler = PlanScheduler.from_config(diffusers.DDIMScheduler(), solver=solver)
    pipeline = diffusers.DDPMPipeline(unet, scheduler)
    pipeline.set_progress_bar_config(disable=True)

    def images() -> Any:
        generator = torch.Generator().manual_seed(0)
        return pipeline(
            batch_size=2, num_inference_steps=5, generator=generator, output_type="np"
        ).images

    first = images()
    assert first.shape == (2, 8, 8, 1)
    assert np.isfinite(first).all()
    np.testing.assert_array_equal(images(), first)  # a second run starts afresh
    pipeline.save_pretrained(tmp_path)
    again = PlanScheduler.from_pretrained(tmp_path / "scheduler")
    assert again.described == scheduler.described
    pipeline.scheduler = again
    np.testing.assert_array_equal(images(), first)


def test_a_pipeline_that_begins_in_the_middle(unet: Any) -> None:
    """As image-to-image pipelines do: noise an image, then the last part of the timesteps."""
    reference = diffusers.DDIMScheduler(clip_sample=False)
    image, noise = torch.zeros(1, 1, 8, 8), torch.ones(1, 1, 8, 8)
    ends = []
    for scheduler in (reference, PlanScheduler.from_config(reference)):
        scheduler.set_timesteps(10)
        timesteps = scheduler.timesteps[6:]
        x = scheduler.add_noise(image, noise, timesteps[:1])
        for t in timesteps:
            with torch.no_grad():
                output = unet(x, t).sample
            x = scheduler.step(output, t, x, return_dict=False)[0]
        ends.append(x)
    assert float((ends[0] - ends[1]).abs().max() / ends[0].abs().max()) < 1e-4


def test_the_middle_of_a_step_is_no_place_to_begin(unet: Any) -> None:
    scheduler = PlanScheduler(solver="dpm_solver_2", spacing="leading")
    scheduler.set_timesteps(4)
    x = torch.zeros(1, 1, 8, 8)
    with pytest.raises(ArgumentError, match="middle of a step"):
        scheduler.step(x, scheduler.timesteps[1], x)


def test_a_step_before_the_timesteps() -> None:
    x = torch.zeros(1, 1, 8, 8)
    with pytest.raises(ArgumentError, match="set_timesteps"):
        PlanScheduler().step(x, 0, x)


def test_unknown_keys_are_named() -> None:
    with pytest.raises(ArgumentError, match="beta_strat"):
        PlanScheduler.from_config({"_class_name": "DDIMScheduler", "beta_strat": 1.0})
    with pytest.raises(ArgumentTypeError, match="options: got solvre"):
        PlanScheduler(solvre="ddim")
    with pytest.raises(ArgumentTypeError, match="options: got solvre"):
        PlanScheduler.from_config({"solver": "ddim", "solvre": "ddim"})


def test_outputs_of_the_network_are_looked_at() -> None:
    """The learned variance left on, NaN, and no tensor: the level is named."""
    x = torch.ones(1, 3, 4, 4)
    scheduler = PlanScheduler(solver="dpmpp_2m")
    scheduler.set_timesteps(4)
    t = scheduler.timesteps[0]
    bad = {
        r"shape \(1, 6, 4, 4\) at time 1, half log-SNR": torch.ones(1, 6, 4, 4),
        "nan or inf at time 1": torch.full_like(x, float("nan")),
        "ndarray at time 1": x.numpy(),
        "dtype int64 at time 1": x.long(),
    }
    for message, output in bad.items():
        with pytest.raises(RnlaError, match="model_output: got " + message):
            scheduler.step(output, t, x)
    # A network in half precision on a state in single precision is usual.
    assert scheduler.step(0.5 * x.half(), t, x).prev_sample.dtype == torch.float32


@pytest.mark.parametrize("dtype", ["float16", "bfloat16", "float64"])
def test_the_dtype_of_the_sample_is_kept(dtype: str) -> None:
    x = torch.ones(1, 1, 4, 4, dtype=getattr(torch, dtype))
    scheduler = PlanScheduler(solver="dpmpp_2m")
    scheduler.set_timesteps(4)
    for t in scheduler.timesteps:
        x = scheduler.step(0.5 * x, t, x).prev_sample
        assert x.dtype == getattr(torch, dtype)
