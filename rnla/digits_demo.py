"""The demonstration of diffusion samplers: handwritten digits, without a download.

scikit-learn ships 1797 digits of 8 x 8 pixels (Alpaydin and Kaynak, UCI). A mixture of Gaussians
fitted to them has an exact score, so every solver can be held against the exact flow of the same
noise; and, where PyTorch is, a network of 148,000 weights learns to denoise them in a minute or
two. Nothing here is part of the library's mathematics: it fits, samples, measures and draws.
"""

from __future__ import annotations

import math
import os
import pathlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from ._errors import check_size, import_optional
from ._result import FloatArray

__all__ = ["DigitsResult", "fit_digits", "load_digits", "run_digits_demo", "train_denoiser"]

SOLVERS = ("ddim", "heun", "dpmpp_2m", "dpmpp_3m", "unipc", "deis_tab3", "ghvb", "ipndm")
EVALUATIONS = (5, 8, 10, 20, 40)
_SHOWN = 10  # samples of each solver in a picture
_LAST = 1e-2  # time at which sampling ends


def load_digits() -> FloatArray:
    """The images, shape (1797, 64), with pixels from -1 (paper) to 1 (ink)."""
    datasets = import_optional("sklearn.datasets", extra="sklearn", purpose="for its digits")
    images: FloatArray = datasets.load_digits().data / 8.0 - 1.0
    return images


def fit_digits(images: FloatArray, *, components: int = 40, seed: int = 0) -> Any:
    """A mixture of Gaussians fitted to images by expectation maximisation.

    Parameters
    ----------
    images : ndarray, shape (n, d)
    components : int
    seed : int

    Returns
    -------
    GaussianMixture
        Every direction has a variance of at least 0.01: a standard deviation of 0.1,
        where neighbouring grey levels are 0.125 apart.
    """
    from .diffusion import GaussianMixture

    mixture = import_optional("sklearn.mixture", extra="sklearn", purpose="to fit a mixture")
    found = mixture.GaussianMixture(
        components, covariance_type="full", reg_covar=0.01, random_state=seed, max_iter=60
    ).fit(images)
    return GaussianMixture(found.weights_, found.means_, covariances=found.covariances_)


def train_denoiser(
    images: FloatArray, *, updates: int = 6000, seed: int = 0, progress: bool = False
) -> Any:
    """A small network that learns the velocity alpha eps - sigma x0, trained with PyTorch.

    Parameters
    ----------
    images : ndarray, shape (n, d)
    updates : int
        Of Adam, with 256 images each; 6000 take a minute or two on a processor.
    seed : int
    progress : bool
        Show a bar on standard error.

    Returns
    -------
    callable
        ``model(x, time)`` for float32 tensors, with ``prediction = "v"``, on `VPLinear`.
    """
    from tqdm.auto import tqdm

    from .diffusion import VPLinear

    torch = import_optional("torch", extra="diffusion", purpose="to train a denoiser")
    generator = torch.Generator().manual_seed(seed)
    torch.manual_seed(seed)
    data = torch.as_tensor(images, dtype=torch.float32)
    network = _network(torch, data.shape[1])
    optimiser = torch.optim.Adam(network.parameters(), lr=1e-3)
    decay = torch.optim.lr_scheduler.CosineAnnealingLR(optimiser, updates)
    schedule = VPLinear()
    for _ in tqdm(range(updates), desc="denoiser", disable=not progress):
        rows = torch.randint(len(data), (256,), generator=generator)
        times = torch.rand(256, generator=generator).clamp_min(1e-3).double().numpy()
        alpha, sigma = (
            torch.as_tensor(values, dtype=torch.float32)[:, None]
            for values in (schedule.alpha(times), schedule.sigma(times))
        )
        noise = torch.randn(data[rows].shape, generator=generator)
        clock = torch.as_tensor(schedule.half_log_snr(times), dtype=torch.float32)
        state, velocity = alpha * data[rows] + sigma * noise, alpha * noise - sigma * data[rows]
        loss = ((network(state, clock) - velocity) ** 2).mean()
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
        decay.step()
    network.eval()

    def model(x: Any, level: Any) -> Any:
        with torch.no_grad():
            return network(x, torch.full((len(x),), float(level.half_log_snr)))

    model.prediction, model.takes_level = "v", True  # type: ignore[attr-defined]
    return model


def _network(torch: Any, size: int, width: int = 192) -> Any:
    """Three residual layers that are told the half log-SNR by sines and cosines."""

    class Denoiser(torch.nn.Module):  # type: ignore[misc]
        def __init__(self) -> None:
            super().__init__()
            self.enter = torch.nn.Linear(size + 16, width)
            self.layers = torch.nn.ModuleList(torch.nn.Linear(width + 16, width) for _ in range(3))
            self.leave = torch.nn.Linear(width, size)

        def forward(self, x: Any, clock: Any) -> Any:
            rates = 2.0 ** torch.arange(-3.0, 5.0)
            angles = clock[:, None] * rates / 4.0
            told = torch.cat([angles.sin(), angles.cos()], dim=1)
            hidden = torch.nn.functional.silu(self.enter(torch.cat([x, told], dim=1)))
            for layer in self.layers:
                step = torch.nn.functional.silu(layer(torch.cat([hidden, told], dim=1)))
                hidden = hidden + step
            return self.leave(hidden)

    return Denoiser()


@dataclass(frozen=True)
class DigitsResult:
    """What the demonstration found.

    Attributes
    ----------
    comparison : Comparison
        Errors of solvers against the exact flow, on the mixture.
    distances : mapping
        By model and solver, energy distances of 500 samples of `evaluations` calls to the digits.
    data_distance : float
        The same between two halves of the digits.
    evaluations : int
    pictures : tuple of str
        Files that were written.
    """

    comparison: Any
    distances: dict[str, dict[str, float]]
    data_distance: float
    evaluations: int
    pictures: tuple[str, ...]


def run_digits_demo(
    out: str | os.PathLike[str],
    *,
    solvers: Sequence[str] = SOLVERS,
    evaluations: int = 10,
    samples: int = 500,
    components: int = 40,
    train: bool | None = None,
    updates: int = 6000,
    seed: int = 0,
    progress: bool = False,
    echo: Callable[[str], object] = print,
) -> DigitsResult:
    """Sample digits with every solver, from an exact score and from a small network; draw grids.

    Parameters
    ----------
    out : str or path-like
        Folder for the pictures; created if it is not there.
    solvers : sequence of str
        Deterministic ones.
    evaluations : int
        Calls of the model for the samples that are drawn and measured.
    samples : int
        How many are measured.
    components : int
        Of the mixture.
    train : bool, optional
        Whether to train the network; by default if PyTorch can be imported.
    updates : int
        Steps of its training.
    seed : int
    progress : bool
        Show bars on standard error.
    echo : callable
        Takes the lines of the report.

    Returns
    -------
    DigitsResult
    """
    from .diffusion import VPLinear, compare, energy_distance, get_solver, sample
    from .diffusion.comparison import grid_of_evaluations
    from .random import Stream

    check_size(samples, name="samples")
    folder = pathlib.Path(out)
    folder.mkdir(parents=True, exist_ok=True)
    images = load_digits()
    mixture = fit_digits(images, components=components, seed=seed)
    echo(
        f"{len(images)} digits of 8 x 8 pixels; a mixture of {components} Gaussians fitted to them."
    )
    schedule = VPLinear()
    start = Stream(seed, "digits").normal(range(samples), images.shape[1])
    comparison = compare(
        solvers, schedule=schedule, evaluations=EVALUATIONS, last=_LAST, model=mixture, x=start[:20]
    )
    echo(f"\nLargest error of a pixel against the exact flow:\n{comparison}")
    models = {"exact score": (mixture, start)}
    if _has_torch() if train is None else train:
        torch = import_optional("torch", extra="diffusion", purpose="to train a denoiser")
        network = train_denoiser(images, updates=updates, seed=seed, progress=progress)
        models["network"] = (network, torch.as_tensor(start, dtype=torch.float32))
    made: dict[str, dict[str, FloatArray]] = {}
    for name, (model, x) in models.items():
        made[name] = {}
        for solver in solvers:
            one = get_solver(solver)
            grid = grid_of_evaluations(
                one, schedule, evaluations, "log_snr", first=schedule.first, last=_LAST
            )
            if grid is not None:
                end = sample(model, x, solver=one, schedule=schedule, grid=grid)
                made[name][solver] = np.asarray(end.values, dtype=np.float64)
    distances = {
        name: {solver: energy_distance(values, images) for solver, values in of_model.items()}
        for name, of_model in made.items()
    }
    halves = np.random.default_rng(seed).permutation(images)
    data_distance = energy_distance(halves[::2], halves[1::2])
    echo(f"\nEnergy distance of {samples} samples of {evaluations} evaluations to the digits")
    echo(f"(two halves of the digits: {data_distance:.3f}):")
    for name, of_model in distances.items():
        echo(f"  {name}: " + ", ".join(f"{s} {v:.3f}" for s, v in of_model.items()))
    pictures = _draw(folder, made, comparison, images, evaluations)
    echo("\nWrote " + ", ".join(pictures))
    return DigitsResult(comparison, distances, data_distance, evaluations, pictures)


def _has_torch() -> bool:
    import importlib.util

    return importlib.util.find_spec("torch") is not None


def _draw(
    folder: pathlib.Path,
    made: dict[str, dict[str, FloatArray]],
    comparison: Any,
    images: FloatArray,
    evaluations: int,
) -> tuple[str, ...]:
    from .plotting import image_rows, new_axes, save_figure, solver_errors

    written = []
    for name, of_model in made.items():
        rows = {"digits": images[:_SHOWN]}
        rows.update({solver: values[:_SHOWN] for solver, values in of_model.items()})
        side = math.isqrt(images.shape[1])
        rows = {label: values.reshape(-1, side, side) for label, values in rows.items()}
        path = str(folder / f"digits-{name.replace(' ', '-')}.png")
        title = f"{name}, {evaluations} evaluations"
        save_figure(image_rows(rows, ax=new_axes(), title=title), path)
        written.append(path)
    path = str(folder / "digits-errors.png")
    save_figure(solver_errors(comparison, ax=new_axes()), path)
    return (*written, path)
