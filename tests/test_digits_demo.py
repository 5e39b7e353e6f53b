"""The demonstration of diffusion samplers: what it says is what came out."""

from __future__ import annotations

import numpy as np
import pytest

from rnla import cli, digits_demo
from rnla.diffusion import energy_distance


@pytest.fixture(scope="module")
def images():
    return digits_demo.load_digits()


def test_digits_are_scaled(images):
    assert images.shape == (1797, 64)
    assert (images.min(), images.max()) == (-1.0, 1.0)


def test_the_mixture_is_fitted_to_the_digits(images):
    """Draws of the mixture are closer to the digits than those of one Gaussian."""
    mixture = digits_demo.fit_digits(images, components=10)
    one = digits_demo.fit_digits(images, components=1)
    distances = [energy_distance(model.draw(400, rng=0), images) for model in (mixture, one)]
    assert distances[0] < distances[1]


def test_the_demonstration_without_a_network(tmp_path):
    said = []
    result = digits_demo.run_digits_demo(
        tmp_path / "out",
        solvers=["ddim", "dpmpp_2m"],
        samples=60,
        components=6,
        train=False,
        echo=said.append,
    )
    assert list(result.distances) == ["exact score"]
    distances = result.distances["exact score"]
    # A second-order solver of ten evaluations is beside the digits, a first-order one is not.
    assert distances["dpmpp_2m"] < distances["ddim"]
    assert result.comparison.solvers == ("ddim", "dpmpp_2m")
    for path in result.pictures:
        assert (tmp_path / "out").joinpath(path).stat().st_size > 5_000
    assert any("Energy distance" in line for line in said)


def test_the_command(tmp_path, capsys, monkeypatch):
    def short(out, **options):
        assert options["train"] is False
        return digits_demo.DigitsResult(None, {"exact score": {"ddim": 0.1}}, 0.0, 10, (str(out),))

    monkeypatch.setattr(digits_demo, "run_digits_demo", short)
    assert cli.main(["diffusion", "demo", "--train", "no", "--json", "--plot", "x"]) == 0
    assert '"ddim": 0.1' in capsys.readouterr().out


@pytest.mark.torch
@pytest.mark.filterwarnings("ignore")
def test_a_network_learns_to_denoise(images):
    """After 1500 updates its samples are nearer to the digits than independent pixels are."""
    torch = pytest.importorskip("torch", reason="PyTorch is not installed: make torch-test does it")
    from rnla.diffusion import VPLinear, sample

    model = digits_demo.train_denoiser(images, updates=1500, seed=0)
    start = torch.randn(300, 64, generator=torch.Generator().manual_seed(1))
    end = sample(model, start, solver="dpmpp_2m", schedule=VPLinear(), steps=10)
    noise = np.random.default_rng(0).multivariate_normal(
        images.mean(axis=0), np.diag(images.var(axis=0)), 300
    )
    assert energy_distance(np.asarray(end.values), images) < energy_distance(noise, images)
