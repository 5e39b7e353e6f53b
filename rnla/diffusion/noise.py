"""Sources of noise for stochastic samplers: ``source(draw, like, (start, stop))``.

A source returns standard normals in the shape, dtype and place of `like`. Seeded normals are a pure
function of (seed, draw, index of the sample, position), so a sample does not depend on the batch it
is in. Brownian noise is the increment of one path over the interval, divided by its standard
deviation, so a finer grid sees the same path.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from .._errors import ArgumentTypeError, argument_error, check_choice, check_size, check_whole
from ..random import RNGLike, Stream, resolve_seed
from ._arrays import cast, library, namespace
from ._checks import check_instance, check_output
from .plan import Level

__all__ = ["BrownianNoise", "FixedNoise", "SeededNoise", "ZeroNoise", "normals"]

Interval = tuple[Level, Level]


def normals(stream: Stream, draw: int, like: Any, *, first: int = 0) -> Any:
    """Standard normals like an array, of samples number `first`, `first + 1`, …

    Parameters
    ----------
    stream : Stream
    draw : int
        Number of the draw, below 2**32.
    like : array, shape (batch, …)
        Says shape, dtype and place.
    first : int
        Number of the first sample of the batch.

    Returns
    -------
    array
        Like `like`. Sample b depends on the stream, the draw and first + b only.
    """
    shape = tuple(like.shape)
    size = math.prod(shape[1:])
    pairs = (size + 1) // 2  # the generator gives two normals for every counter
    xp: Any = namespace(like) if library(like) == "cupy" else np
    samples = xp.arange(first, first + shape[0], dtype=np.int64)
    index = (samples[:, None] * 2**32 + xp.arange(pairs, dtype=np.int64)[None, :]).ravel()
    values = stream.normal(index, 2, draw=draw).reshape(shape[0], 2 * pairs)[:, :size]
    values = values.reshape(shape)
    return values.astype(like.dtype) if library(like) == "cupy" else cast(values, like)


@dataclass(frozen=True)
class SeededNoise:
    """Independent normals for every draw.

    Parameters
    ----------
    rng : None, int, Generator or SeedSequence
        As everywhere; the seed it resolves to is the attribute `seed`.
    first : int
        Number of the first sample, for sampling a large batch in parts.

    Examples
    --------
    >>> import numpy as np
    >>> from rnla.diffusion import VPLinear
    >>> noise, interval = SeededNoise(0), VPLinear().levels([1.0, 0.5])
    >>> whole = noise(3, np.zeros((4, 2)), interval)
    >>> bool((SeededNoise(0, first=2)(3, np.zeros((2, 2)), interval) == whole[2:]).all())
    True
    """

    rng: RNGLike = None
    first: int = 0
    seed: int = field(init=False)

    def __post_init__(self) -> None:
        check_whole(self.first, "first")
        object.__setattr__(self, "seed", resolve_seed(self.rng))

    def __call__(self, draw: int, like: Any, interval: Interval) -> Any:
        return normals(Stream(self.seed, "diffusion noise"), draw, like, first=self.first)


@dataclass(frozen=True)
class ZeroNoise:
    """No noise: a stochastic solver then follows its mean step."""

    def __call__(self, draw: int, like: Any, interval: Interval) -> Any:
        return 0.0 * like


class FixedNoise:
    """Arrays chosen beforehand, by number of the draw.

    Parameters
    ----------
    arrays : sequence of array, or callable
        Number `draw` of the sequence, or ``arrays(draw)``, is used for that draw.
    """

    def __init__(self, arrays: Sequence[Any] | Callable[[int], Any]) -> None:
        if not callable(arrays):
            check_instance(arrays, Iterable, "arrays", example="[z0, z1]")
        self.arrays = arrays if callable(arrays) else tuple(arrays)

    def __call__(self, draw: int, like: Any, interval: Interval) -> Any:
        if callable(self.arrays):
            array = self.arrays(draw)
        elif draw < len(self.arrays):
            array = self.arrays[draw]
        else:
            raise argument_error(
                "noise",
                f"{len(self.arrays)} arrays, and draw number {draw} was asked for",
                "an array for every draw",
                "Pass more arrays, or SeededNoise(0).",
            )
        if isinstance(array, np.ndarray) and array.dtype.kind in "fiu":
            array = cast(array, like)
        check_output(array, like, name="noise", where=f"at draw {draw}")
        return array


_CLOCKS: dict[str, Callable[[float], float]] = {
    "snr": lambda lam: math.exp(2.0 * lam),
    "rho": lambda lam: -math.exp(-lam),
    "half_log_snr": lambda lam: lam,
}


@dataclass(frozen=True)
class BrownianNoise:
    """Increments of one Brownian path, so that grids of any fineness see the same noise.

    Parameters
    ----------
    start, stop : Level
        Noisiest and cleanest level that will be asked for.
    rng : None, int, Generator or SeedSequence
    clock : {"snr", "rho", "half_log_snr"}
        In what the path is Brownian. ``"snr"`` is exp(2 lambda), in which the noise of the exact
        solution in data form with eta = 1 has independent increments; ``"rho"`` is the choice of
        k-diffusion.
    depth : int
        Bisections at most, at most 30: levels closer than 2**-depth of the range in lambda are
        taken as one.
    first : int
        Number of the first sample.

    Notes
    -----
    The path at a level is found by bisection of the range in lambda: one draw of normals per
    bisection, the middle given the ends (Lévy's construction), as the virtual Brownian tree does
    (Li, Wong, Chen, Duvenaud, AISTATS 2020). Nothing is stored.
    """

    start: Level
    stop: Level
    rng: RNGLike = None
    clock: str = "snr"
    depth: int = 20
    first: int = 0
    seed: int = field(init=False)

    def __post_init__(self) -> None:
        for name in ("start", "stop"):
            check_instance(getattr(self, name), Level, name, example="schedule.level(1.0)")
        check_whole(self.first, "first")
        check_size(self.depth, 30, name="depth")
        check_choice(self.clock, "clock", _CLOCKS)
        if not (
            math.isfinite(self.start.half_log_snr)
            and self.start.half_log_snr < self.stop.half_log_snr < math.inf
        ):
            raise argument_error(
                "stop",
                f"{self.stop} after {self.start}",
                "a cleaner level than start, both with a finite SNR",
                "Pass the first level of the grid and the last one with sigma above 0.",
            )
        object.__setattr__(self, "seed", resolve_seed(self.rng))

    def __call__(self, draw: int, like: Any, interval: Interval) -> Any:
        times = [self._clock(level.half_log_snr) for level in interval]
        paths = [self._path(level, like) for level in interval]
        return (paths[1] - paths[0]) * (1.0 / math.sqrt(times[1] - times[0]))

    def _clock(self, half_log_snr: float) -> float:
        return _CLOCKS[self.clock](half_log_snr)

    def _path(self, level: Level, like: Any) -> Any:
        """The path at a level, 0 at `start`."""
        stream = Stream(self.seed, "diffusion brownian path")
        low, high = self.start.half_log_snr, self.stop.half_log_snr
        target = level.half_log_snr
        slack = (high - low) * 2.0**-self.depth
        if not low - slack <= target <= high + slack:
            raise argument_error(
                "noise",
                f"an interval that ends at {level}",
                f"levels between {self.start} and {self.stop}",
                "Make BrownianNoise with the outermost levels of the grid.",
            )
        at_low = 0.0 * like
        at_high = math.sqrt(self._clock(high) - self._clock(low)) * normals(
            stream, 0, like, first=self.first
        )
        node = 1
        while min(target - low, high - target) > slack:
            middle = 0.5 * (low + high)
            t0, t1, t2 = self._clock(low), self._clock(middle), self._clock(high)
            share = (t1 - t0) / (t2 - t0)
            spread = math.sqrt((t1 - t0) * (t2 - t1) / (t2 - t0))
            fresh = normals(stream, node, like, first=self.first)
            at_middle = (1.0 - share) * at_low + share * at_high + spread * fresh
            if target < middle:
                high, at_high, node = middle, at_middle, 2 * node
            else:
                low, at_low, node = middle, at_middle, 2 * node + 1
        return at_low if target - low <= high - target else at_high


def as_noise(noise: Any, rng: RNGLike) -> tuple[Any, int | None]:
    """The source that `sample` uses, and its seed if it has one."""
    if noise is None:
        source = SeededNoise(rng)
        return source, source.seed
    if not callable(noise):
        raise argument_error(
            "noise",
            type(noise).__name__,
            "a source noise(draw, like, interval)",
            "Leave it out and pass rng=0, or pass FixedNoise(arrays).",
            kind=ArgumentTypeError,
        )
    known = isinstance(noise, SeededNoise | BrownianNoise | ZeroNoise | FixedNoise)
    return noise if known else _Checked(noise), getattr(noise, "seed", None)


@dataclass(frozen=True)
class _Checked:
    """A caller's source, whose arrays are looked at before they meet the state."""

    source: Callable[[int, Any, Interval], Any]

    def __call__(self, draw: int, like: Any, interval: Interval) -> Any:
        drawn = self.source(draw, like, interval)
        check_output(drawn, like, name="noise", where=f"at draw {draw}, {interval[0]}")
        return drawn
