"""Counter-based random streams keyed by (seed, purpose, index).

A draw is a pure function of the seed, a purpose such as ``"poisson"``, the global row index and a
draw number: no state, so the same row gets the same number for every chunking, thread count, worker
and device. The generator is Philox4x32-10 (Salmon, Moraes, Dror, Shaw, SC 2011); its key is a
64-bit BLAKE2b hash of seed and purpose, its counter (row 64 bits, column block 32, draw 32).
Everything discrete is bit-equal everywhere; normals agree to a few units in the last place.
"""

from __future__ import annotations

import hashlib
import secrets
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import numpy.typing as npt

from ._errors import ArgumentTypeError, argument_error

__all__ = ["RNGLike", "Stream", "resolve_seed"]

RNGLike = int | np.integer[Any] | np.random.Generator | np.random.SeedSequence | None
Index = range | npt.NDArray[np.integer[Any]]
FloatArray = npt.NDArray[np.float64]

_SEED_BITS = 63


def resolve_seed(rng: RNGLike = None) -> int:
    """Turn an ``rng=`` argument into the integer seed that results record.

    Parameters
    ----------
    rng : None, int, numpy.random.Generator or numpy.random.SeedSequence
        None takes fresh entropy from the system; a non-negative integer is the seed itself; a
        Generator is advanced by one draw; a SeedSequence is read without changing it.

    Returns
    -------
    int
        A seed: passing it back as ``rng=`` repeats the result.

    Raises
    ------
    ArgumentError, ArgumentTypeError
        If `rng` is negative or none of these.

    Examples
    --------
    >>> resolve_seed(7)
    7
    >>> resolve_seed(np.random.default_rng(0)) == resolve_seed(np.random.default_rng(0))
    True
    """
    expected = "None, a non-negative integer, a numpy Generator or a SeedSequence"
    remedy = "Pass rng=0 for a repeatable result."
    if rng is None:
        return secrets.randbits(_SEED_BITS)
    if isinstance(rng, (int, np.integer)) and not isinstance(rng, bool):
        if rng < 0:
            raise argument_error("rng", rng, expected, remedy)
        return int(rng)
    if isinstance(rng, np.random.Generator):
        return int(rng.integers(2**_SEED_BITS))
    if isinstance(rng, np.random.SeedSequence):
        return int(rng.generate_state(1, np.uint64)[0] >> np.uint64(64 - _SEED_BITS))
    raise argument_error("rng", type(rng).__name__, expected, remedy, kind=ArgumentTypeError)


@dataclass(frozen=True)
class Stream:
    """The random numbers of one purpose under one seed.

    Parameters
    ----------
    seed : int
        Non-negative, any size; see `resolve_seed`.
    purpose : str
        What the numbers are for. Different purposes give unrelated streams.

    Notes
    -----
    Two (seed, purpose) pairs share a 64-bit key with probability 2**-64. Every method takes the
    global indices wanted, as a `range` or an integer array, and costs O(len(index)).
    Numbers for an index array on a GPU are drawn there; for a range, `like` is an array there.

    Examples
    --------
    >>> stream = Stream(0, "example")
    >>> whole = stream.uniform(range(10))
    >>> bool((whole[4:7] == stream.uniform(range(4, 7))).all())
    True
    """

    seed: int
    purpose: str

    @cached_property
    def key(self) -> int:
        """The 64-bit Philox key."""
        size = max(1, (self.seed.bit_length() + 7) // 8)
        text = self.purpose.encode()
        message = len(text).to_bytes(4, "little") + text + self.seed.to_bytes(size, "little")
        return int.from_bytes(hashlib.blake2b(message, digest_size=8).digest(), "little")

    def words(
        self, index: Index, *, block: int = 0, draw: int = 0, like: Any = None
    ) -> npt.NDArray[np.uint32]:
        """Four 32-bit words per index, shape (len(index), 4)."""
        from .kernels import philox

        words: npt.NDArray[np.uint32] = philox.words(self.key, index, block, draw, like=like)
        return words

    def uniform(
        self, index: Index, *, block: int = 0, draw: int = 0, like: Any = None
    ) -> FloatArray:
        """Float64 uniforms strictly inside (0, 1), odd multiples of 2**-53, shape (len(index),)."""
        from .kernels import philox

        uniform: FloatArray = philox.uniform(self.key, index, block, draw, like=like)
        return uniform

    def integers(
        self, high: int, index: Index, *, draw: int = 0, like: Any = None
    ) -> npt.NDArray[np.int64]:
        """Integers of 0 … high-1 (high at most 2**32) with a bias below high / 2**64."""
        from .kernels import philox

        integers: npt.NDArray[np.int64] = philox.integers(self.key, high, index, draw, like=like)
        return integers

    def signs(self, index: Index, *, draw: int = 0, like: Any = None) -> FloatArray:
        """Independent signs, -1.0 or +1.0."""
        from .kernels import philox

        signs: FloatArray = philox.signs(self.key, index, draw, like=like)
        return signs

    def normal(
        self, index: Index, columns: int = 1, *, draw: int = 0, like: Any = None
    ) -> FloatArray:
        """Standard normals by Box-Muller, shape (len(index), columns)."""
        from .kernels import philox

        normal: FloatArray = philox.normal(self.key, index, columns, draw, like=like)
        return normal

    def generator(self) -> np.random.Generator:
        """A NumPy generator keyed by this stream, for small work between passes, never per row."""
        return np.random.Generator(np.random.Philox(key=self.key))
