"""States to start from: pure noise, or data noised part of the way.

Starting from noised data at a later level is how images are edited: the sampler keeps what that
level still shows of them (Meng et al., SDEdit, ICLR 2022).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from .._errors import check_size, check_whole
from ..random import RNGLike, Stream, resolve_seed
from ._arrays import as_state, empty
from .execute import lincomb
from .noise import normals
from .schedules import Schedule

__all__ = ["start_from_data", "start_from_noise"]


def start_from_noise(
    schedule: Schedule,
    shape: Sequence[int],
    *,
    time: float | None = None,
    rng: RNGLike = None,
    like: Any = None,
    first: int = 0,
) -> Any:
    """Noise of the standard deviation that the schedule has where sampling starts.

    Parameters
    ----------
    schedule : Schedule
    shape : sequence of int
        Of the batch: (batch, …).
    time : float, optional
        Where sampling starts; `schedule.first` by default.
    rng : None, int, Generator or SeedSequence
    like : array, optional
        Says library, dtype and place; a NumPy array in float64 by default.
    first : int
        Number of the first sample, for a large batch in parts.

    Returns
    -------
    array, of that shape
        Sample b depends on the seed and on first + b only.

    Examples
    --------
    >>> from rnla.diffusion import VarianceExploding
    >>> x = start_from_noise(VarianceExploding(), (1000, 2), rng=0)
    >>> bool(76.0 < x.std() < 84.0)
    True
    """
    sizes = tuple(check_size(size, name="shape") for size in shape)
    blank = empty(sizes, np.empty(0) if like is None else like)
    level = schedule.level(schedule.first if time is None else time)
    return level.sigma * normals(_stream(rng), 0, blank, first=check_whole(first, "first"))


def start_from_data(
    schedule: Schedule, data: Any, *, time: float, rng: RNGLike = None, first: int = 0
) -> Any:
    """Data noised to the level of a time: alpha x0 + sigma z.

    Parameters
    ----------
    schedule : Schedule
    data : array, shape (batch, …)
    time : float
        Where sampling starts; give it to `make_grid` as `first` too.
    rng : None, int, Generator or SeedSequence
    first : int
        Number of the first sample.

    Returns
    -------
    array
        Like `data`.

    Examples
    --------
    >>> from rnla.diffusion import VPLinear, make_grid
    >>> x = start_from_data(VPLinear(), np.ones((1, 2)), time=0.4, rng=0)
    >>> x.shape, make_grid(VPLinear(), 5, first=0.4).times[0].item()
    ((1, 2), 0.4)
    """
    x0, level = as_state(data, name="data"), schedule.level(time)
    noise = normals(_stream(rng), 0, x0, first=check_whole(first, "first"))
    return lincomb((level.alpha, level.sigma), (x0, noise))


def _stream(rng: RNGLike) -> Stream:
    return Stream(resolve_seed(rng), "diffusion start")
