"""Values of a function whose evaluations are dear: each point once, kept, failures recorded.

Points are recognised by their bits, so a rerun that asks for the same points gets the same values
without a call; failures are tried again, because their cause may be gone. The archive is replaced
whole, as often as writing takes less than a twentieth of the time, and when a request ends, by an
error or an interrupt too.
"""

from __future__ import annotations

import hashlib
import math
import os
import pickle
import time
from collections.abc import Callable, Iterator
from concurrent.futures import Executor, Future, ThreadPoolExecutor, as_completed
from contextlib import AbstractContextManager, contextmanager, nullcontext
from typing import Any

import numpy as np
import numpy.typing as npt

from .._errors import ArgumentError, ArgumentTypeError, RnlaError, argument_error, check_size
from ..sampling._archive import damage_reported, read_archive, write_archive
from ._values import LARGEST_VALUE, as_numbers
from .measures import Measure
from .surrogate import Failure

__all__ = ["Evaluations", "stored_seed"]

Array = npt.NDArray[Any]
Vector = npt.NDArray[np.float64]
Rows = list[tuple[Array | None, str]]  # for each point its value, or None and why

_KIND = "Evaluations"
_SHARE = 20.0  # writing takes at most 1 / _SHARE of the time


class Evaluations:
    """A function with a memory.

    Parameters
    ----------
    f : callable
    measure : Measure
        What the points are drawn from; an archive for another one is refused.
    seed : int
        An archive for another seed is refused too: none of its points would be asked for.
    vectorized : bool
        Whether f takes all points (n, d) at once, or one point (d,).
    batch_size : int, optional
        Points a call, or a task of a worker.
    workers : int or concurrent.futures.Executor, optional
        Threads, or an executor of the user.
    cache : path, optional
        The archive, or a folder for it.
    progress : bool
    """

    def __init__(
        self,
        f: Callable[[Any], Any],
        measure: Measure,
        seed: int,
        *,
        vectorized: bool = True,
        batch_size: int | None = None,
        workers: int | Executor | None = None,
        cache: str | os.PathLike[str] | None = None,
        progress: bool = False,
    ) -> None:
        if not callable(f):
            raise argument_error(
                "f", type(f).__name__, "a function of points", "Pass a callable.",
                kind=ArgumentTypeError,
            )  # fmt: skip
        self._f, self._measure, self._seed = f, measure, seed
        self._vectorized, self._progress = vectorized, progress
        self._batch = None if batch_size is None else check_size(batch_size, name="batch_size")
        if workers is not None and not hasattr(workers, "submit"):
            workers = check_size(workers, name="workers")
        self._workers = workers
        self._values: dict[bytes, Array] = {}
        self._failed: dict[bytes, str] = {}
        self._asked: dict[bytes, None] = {}  # in order, without repetition
        self._shape: tuple[int, ...] | None = None  # of one value
        self.calls = 0
        self._path = _archive_path(cache)
        self._written, self._took, self._dirty = time.monotonic(), 0.0, False
        if self._path is not None and os.path.exists(self._path):
            self._read(self._path)

    @property
    def count(self) -> int:
        """Different points asked for so far, stored ones and failed ones included."""
        return len(self._asked)

    @property
    def failures(self) -> tuple[Failure, ...]:
        """Those of the points asked for that have no finite value."""
        keys = [key for key in self._asked if key in self._failed]
        return tuple(Failure(tuple(np.frombuffer(key).tolist()), self._failed[key]) for key in keys)

    def __call__(self, points: Vector) -> Array:
        """Values at points (n, d), shape (n,) or (n, k); nan where there is none."""
        keys = [row.tobytes() for row in np.asarray(points, dtype=np.float64) + 0.0]
        self._asked.update(dict.fromkeys(keys))
        new = [k for k in dict.fromkeys(keys) if k not in self._values and k not in self._failed]
        if new:
            self._evaluate(new)
        if self._shape is None or not self._values:
            key = keys[0]
            raise argument_error(
                "f",
                f"no finite value at any of {len(self._failed)} points; at "
                f"{np.frombuffer(key).tolist()}: {self._failed[key]}",
                "finite values",
                "Try f at that point; pass vectorized=False if it takes one point at a time.",
                kind=ArgumentError,
            )
        missing = np.full(self._shape, math.nan)
        return np.array([self._values.get(key, missing) for key in keys])

    def _evaluate(self, keys: list[bytes]) -> None:
        points = np.array([np.frombuffer(key) for key in keys])
        size = self._batch
        if size is None:
            tasks = self._workers if isinstance(self._workers, int) else 1
            size = -(-len(keys) // tasks) if self._vectorized else 1
        starts = range(0, len(keys), size)
        with self._bar(len(keys)) as advance:
            try:
                for start, rows in self._run(points, starts, size):
                    for key, (value, message) in zip(keys[start : start + size], rows, strict=True):
                        self._keep(key, value, message)
                    self.calls += len(rows)
                    advance(len(rows))
                    self._save(hurry=False)
            finally:
                self._save(hurry=True)

    def _run(self, points: Vector, starts: range, size: int) -> Iterator[tuple[int, Rows]]:
        """Batches as they are finished."""
        if self._workers is None:
            for start in starts:
                yield start, _call(self._f, points[start : start + size], self._vectorized)
            return
        pool: AbstractContextManager[Any] = (
            ThreadPoolExecutor(self._workers)
            if isinstance(self._workers, int)
            else nullcontext(self._workers)
        )
        with pool as executor:
            futures: dict[Future[Rows], int] = {
                executor.submit(_call, self._f, points[k : k + size], self._vectorized): k
                for k in starts
            }
            try:
                for future in as_completed(futures):
                    yield futures[future], _result(future)
            finally:
                for future in futures:
                    future.cancel()

    def _keep(self, key: bytes, value: Array | None, message: str) -> None:
        self._dirty = True
        if value is None:
            self._failed[key] = message
            return
        if self._shape is None:
            self._shape = value.shape
        if value.shape != self._shape:
            raise argument_error(
                "f",
                f"a value of shape {value.shape} at {np.frombuffer(key).tolist()}",
                f"shape {self._shape}, as at the first point",
                "Return the same number of outputs everywhere.",
            )
        if not np.isfinite(value).all():
            self._failed[key] = f"the value {value.tolist()}"
        elif np.abs(value).max() > LARGEST_VALUE:
            self._failed[key] = f"the value {value.tolist()}, too large to be squared"
        else:
            self._values[key] = value

    @contextmanager
    def _bar(self, total: int) -> Iterator[Callable[[int], Any]]:
        if not self._progress:
            yield lambda count: None
            return
        from tqdm.auto import tqdm

        with tqdm(total=total, desc="evaluations", leave=False) as bar:
            yield bar.update

    # --- the archive -----------------------------------------------------------------------------

    def _save(self, *, hurry: bool) -> None:
        now = time.monotonic()
        if self._path is None or not self._dirty:
            return
        if not hurry and now - self._written < _SHARE * self._took:
            return
        shape = () if self._shape is None else self._shape
        values = list(self._values.values())
        width = len(self._values), *shape
        meta = {
            **_identity(self._measure, self._seed),
            "shape": None if self._shape is None else list(shape),
        }
        d = self._measure.dimension
        arrays = {
            "points": _points(self._values, d),
            "values": np.array(values).reshape(width),
        }
        write_archive(self._path, arrays, meta, _KIND)
        self._written = time.monotonic()
        self._took, self._dirty = self._written - now, False

    def _read(self, path: str) -> None:
        arrays, meta = read_archive(path, _KIND)
        with damage_reported(path, _KIND):
            found = {name: meta[name] for name in ("measure", "mark", "dimension", "seed")}
            points, values = arrays["points"], arrays["values"]
            shape = None if meta["shape"] is None else tuple(int(k) for k in meta["shape"])
            self._values = {row.tobytes(): v for row, v in zip(points, values, strict=True)}
            self._shape = shape
        for name, wanted in _identity(self._measure, self._seed).items():
            if found[name] != wanted:
                what = "measure" if name == "mark" else name
                raise argument_error(
                    "cache",
                    f"{path!r}, evaluations for the {what} {found[what]}",
                    f"those for the {what} {wanted if name == what else self._measure}",
                    "Pass the arguments of the run that wrote it, or another path.",
                )


def _result(future: Future[Rows]) -> Rows:
    """What a worker found, or why it could not be asked: errors of f itself are in the rows."""
    try:
        return future.result()
    except (AttributeError, TypeError, pickle.PicklingError) as error:
        if isinstance(error, RnlaError) or "pickle" not in str(error):
            raise
        raise argument_error(
            "f",
            f"a function that cannot be sent to other processes ({error})",
            "one that the workers can import",
            "Define it at the top level of a module, or pass workers=2 for threads.",
            kind=ArgumentTypeError,
        ) from error


def stored_seed(cache: str | os.PathLike[str] | None) -> int | None:
    """The seed of the run that wrote this archive; None if there is none yet."""
    path = _archive_path(cache)
    if path is None or not os.path.exists(path):
        return None
    _, meta = read_archive(path, _KIND)
    with damage_reported(path, _KIND):
        return int(meta["seed"])


def _archive_path(cache: str | os.PathLike[str] | None) -> str | None:
    if cache is None:
        return None
    expected, remedy = "the path of a file in a folder that exists", "Make the folder first."
    try:
        path = os.fspath(cache)
    except TypeError:
        got = type(cache).__name__
        raise argument_error("cache", got, expected, remedy, kind=ArgumentTypeError) from None
    if os.path.isdir(path):
        return os.path.join(path, "evaluations.npz")
    # Now, not when the first values have been paid for.
    if not os.path.isdir(os.path.dirname(path) or os.curdir):
        raise argument_error("cache", repr(path), expected, remedy)
    return path


def _identity(measure: Measure, seed: int) -> dict[str, Any]:
    """What must agree for stored values to be those of this run."""
    # A few draws tell measures apart that print alike.
    mark = hashlib.blake2b(measure.sample(8, rng=0).tobytes(), digest_size=8).hexdigest()
    return {
        "dimension": measure.dimension,
        "measure": repr(measure),
        "mark": mark,
        "seed": str(seed),
    }


def _points(keys: dict[bytes, Any], d: int) -> Vector:
    return np.frombuffer(b"".join(keys), dtype=np.float64).reshape(-1, d)


def _call(f: Callable[[Any], Any], points: Vector, vectorized: bool) -> Rows:
    """Values at a few points; a top-level function, so that it can travel to other processes."""
    if not vectorized:
        return [_at_one(f, point) for point in points]
    try:
        result = f(points.copy())
    except Exception as error:
        if len(points) == 1:
            return [(None, _text(error))]
        # One bad point must not cost the batch.
        return [row for k in range(len(points)) for row in _call(f, points[k : k + 1], True)]
    values = _numbers(result)
    if values.ndim not in (1, 2) or values.shape[0] != len(points) or 0 in values.shape:
        raise argument_error(
            "f",
            f"values of shape {values.shape} for {len(points)} points",
            f"shape ({len(points)},) or ({len(points)}, k)",
            "Return one row for each row of points, or pass vectorized=False.",
        )
    return [(row, "") for row in values]


def _at_one(f: Callable[[Any], Any], point: Vector) -> tuple[Array | None, str]:
    try:
        result = f(point.copy())
    except Exception as error:
        return None, _text(error)
    value = _numbers(result)
    if value.ndim > 1 or value.size == 0:
        raise argument_error(
            "f",
            f"a value of shape {value.shape} at one point",
            "a number or a vector",
            "Flatten the outputs.",
        )
    return value, ""


def _numbers(result: Any) -> Array:
    return as_numbers(result, "f", "numbers", "Return arrays of floats; nan marks a failure.")


def _text(error: Exception) -> str:
    return f"{type(error).__name__}: {error}"
