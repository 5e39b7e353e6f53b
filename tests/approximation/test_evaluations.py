"""Calls of the function: batches, workers, failures, and the archive of what was evaluated."""

from __future__ import annotations

import threading
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor

import numpy as np
import pytest

import rnla
from rnla.approximation import Gaussian, Product, Uniform
from rnla.approximation._evaluations import Evaluations, stored_seed

SQUARE = Product([Uniform(), Uniform()])
POINTS = np.random.default_rng(0).uniform(-1, 1, (11, 2))


def plane(x):
    return x[:, 0] + 2.0 * x[:, 1]


def plane_at_one(x):
    return x[0] + 2.0 * x[1]


class Counter:
    """A function that knows how often and with how many points it was called."""

    def __init__(self, function=plane):
        self.function, self.sizes, self.lock = function, [], threading.Lock()

    def __call__(self, x):
        with self.lock:
            self.sizes.append(len(x))
        return self.function(x)


@pytest.mark.parametrize("batch_size", [None, 1, 4, 100])
@pytest.mark.parametrize("workers", [None, 1, 3])
@pytest.mark.parametrize("vectorized", [True, False])
def test_values_do_not_depend_on_batches_and_workers(batch_size, workers, vectorized):
    f = plane if vectorized else plane_at_one
    values = Evaluations(
        f, SQUARE, 0, vectorized=vectorized, batch_size=batch_size, workers=workers
    )
    np.testing.assert_array_equal(values(POINTS), plane(POINTS))
    assert values.count == values.calls == 11


@pytest.mark.parametrize("pool", [ThreadPoolExecutor, ProcessPoolExecutor])
def test_executors_of_the_user_are_used_and_left_open(pool):
    with pool(2) as executor:
        values = Evaluations(plane, SQUARE, 0, batch_size=3, workers=executor)
        np.testing.assert_array_equal(values(POINTS), plane(POINTS))
        assert executor.submit(abs, -1).result() == 1


def test_batches_have_the_size_asked_for():
    f = Counter()
    Evaluations(f, SQUARE, 0, batch_size=4)(POINTS)
    assert f.sizes == [4, 4, 3]
    whole = Counter()
    Evaluations(whole, SQUARE, 0)(POINTS)
    assert whole.sizes == [11]


def test_a_point_is_evaluated_once():
    f = Counter()
    values = Evaluations(f, SQUARE, 0)
    values(POINTS[:6])
    values(POINTS[[5, 3, 3, 8]])
    assert sum(f.sizes) == 7 == values.count
    # Minus zero is zero.
    values(np.array([[0.0, 0.5], [-0.0, 0.5]]))
    assert values.count == 8


def test_the_function_may_write_into_its_argument():
    def greedy(x):
        x *= 0.0
        return x.sum(axis=1)

    points = POINTS.copy()
    Evaluations(greedy, SQUARE, 0)(points)
    np.testing.assert_array_equal(points, POINTS)


@pytest.mark.parametrize("vectorized", [True, False])
def test_failures_are_recorded_and_do_not_cost_their_batch(vectorized):
    def fragile(x):
        x = np.atleast_2d(x)
        if (x[:, 0] > 0.5).any():
            raise RuntimeError("the solver diverged")
        values = np.where(x[:, 0] < -0.5, np.inf, x[:, 1])
        return values if vectorized else values[0]

    values = Evaluations(fragile, SQUARE, 0, vectorized=vectorized)(POINTS)
    bad = np.abs(POINTS[:, 0]) > 0.5
    assert 0 < bad.sum() < 11
    np.testing.assert_array_equal(values[~bad], POINTS[~bad, 1])
    assert np.isnan(values[bad]).all()
    again = Evaluations(fragile, SQUARE, 0, vectorized=vectorized)
    again(POINTS)
    reasons = {failure.point: failure.reason for failure in again.failures}
    for point in POINTS[bad]:
        expected = "RuntimeError: the solver diverged" if point[0] > 0 else "the value inf"
        assert reasons[tuple(point)] == expected


def test_several_outputs_and_complex_values():
    two = Evaluations(lambda x: x @ np.array([[1.0, 2.0], [3.0, 4.0]]), SQUARE, 0)(POINTS)
    assert two.shape == (11, 2)
    one = Evaluations(lambda x: [x[0], 1, 2], SQUARE, 0, vectorized=False)(POINTS)
    assert one.shape == (11, 3)
    imaginary = Evaluations(lambda x: np.exp(1j * x[:, 0]), SQUARE, 0)(POINTS)
    np.testing.assert_array_equal(imaginary, np.exp(1j * POINTS[:, 0]))


@pytest.mark.parametrize(
    ("f", "vectorized", "kind", "message"),
    [
        (3.0, True, rnla.ArgumentTypeError, "^f: got float"),
        (lambda x: x[0].sum(), True, rnla.ArgumentError, "shape .* for 11 points"),
        (lambda x: x[:5, 0], True, rnla.ArgumentError, "vectorized=False"),
        (lambda x: np.zeros((11, 2, 2)), True, rnla.ArgumentError, "shape"),
        (lambda x: ["a"] * len(x), True, rnla.ArgumentTypeError, "numbers"),
        (lambda x: [[1.0], [1.0, 2.0]], False, rnla.ArgumentTypeError, "numbers"),
        (lambda x: np.zeros((2, 2)), False, rnla.ArgumentError, "one point"),
        (lambda x: np.zeros(1 + (x[0] > 0)), False, rnla.ArgumentError, "same number of outputs"),
        (lambda x: np.full(len(x), np.nan), True, rnla.ArgumentError, "no finite value at any"),
        (lambda x: 1 / 0, False, rnla.ArgumentError, "ZeroDivisionError"),
    ],
)
def test_unusable_functions_are_named(f, vectorized, kind, message):
    with pytest.raises(kind, match=message):
        Evaluations(f, SQUARE, 0, vectorized=vectorized)(POINTS)


@pytest.mark.parametrize("name", ["batch_size", "workers"])
def test_counts_are_checked(name):
    with pytest.raises(rnla.ArgumentError, match=name):
        Evaluations(plane, SQUARE, 0, **{name: 0})


def test_stored_values_are_used_again_bit_for_bit(tmp_path):
    path = tmp_path / "values.npz"
    noise = np.random.default_rng(0)

    def noisy(x):
        if (x[:, 0] > 0.6).any():
            raise RuntimeError("no")
        return noise.standard_normal((len(x), 2))

    first = Evaluations(noisy, SQUARE, 7, cache=path)
    values = first(POINTS)
    assert stored_seed(path) == 7
    second = Evaluations(noisy, SQUARE, 7, cache=path)
    np.testing.assert_array_equal(second(POINTS), values)
    failed = int((POINTS[:, 0] > 0.6).sum())
    assert failed > 0
    assert (second.calls, second.count) == (failed, 11)
    assert [f.reason for f in second.failures] == [f.reason for f in first.failures]
    assert second.failures


def test_an_interrupt_keeps_what_was_done(tmp_path):
    path = tmp_path / "values.npz"

    def slow(x):
        if len(done) == 2:
            raise KeyboardInterrupt
        done.append(len(x))
        return plane(x)

    done: list[int] = []
    with pytest.raises(KeyboardInterrupt):
        Evaluations(slow, SQUARE, 0, batch_size=3, cache=path)(POINTS)
    f = Counter()
    values = Evaluations(f, SQUARE, 0, cache=path)
    np.testing.assert_array_equal(values(POINTS), plane(POINTS))
    assert sum(f.sizes) == 5
    assert [entry.name for entry in tmp_path.iterdir()] == ["values.npz"]


def test_a_folder_serves_as_a_cache(tmp_path):
    assert stored_seed(tmp_path) is None
    Evaluations(plane, SQUARE, 3, cache=tmp_path)(POINTS)
    assert stored_seed(tmp_path) == 3


@pytest.mark.parametrize(
    ("measure", "seed", "what"),
    [
        (SQUARE, 1, "seed"),
        (Product([Uniform(), Gaussian()]), 0, "measure"),
        (Product([Uniform(), Uniform(-1.0, 1.0 + 1e-15)]), 0, "measure"),
        (Product([Uniform()] * 3), 0, "dimension"),
    ],
)
def test_the_cache_of_another_run_is_refused(tmp_path, measure, seed, what):
    path = tmp_path / "values.npz"
    Evaluations(plane, SQUARE, 0, cache=path)(POINTS)
    with pytest.raises(rnla.ArgumentError, match=f"cache: .*{what}"):
        Evaluations(plane, measure, seed, cache=path)


@pytest.mark.parametrize("cut", [0, 100, -20])
def test_a_damaged_cache_is_reported(tmp_path, cut):
    path = tmp_path / "values.npz"
    Evaluations(plane, SQUARE, 0, cache=path)(POINTS)
    path.write_bytes(path.read_bytes()[:cut])
    with pytest.raises(rnla.DamagedFileError):
        Evaluations(plane, SQUARE, 0, cache=path)


def test_progress_is_shown_on_request(capsys):
    Evaluations(plane, SQUARE, 0, progress=True)(POINTS)
    assert "evaluations" in capsys.readouterr().err
    Evaluations(plane, SQUARE, 0)(POINTS)
    assert capsys.readouterr().err == ""


def test_failures_are_tried_again_by_the_next_run(tmp_path):
    path = tmp_path / "values.npz"

    def broken(x):
        if (x[:, 0] > 0.6).any():
            raise ConnectionError("the server is down")
        return np.where(x[:, 1] > 0.6, np.nan, plane(x))

    assert Evaluations(broken, SQUARE, 0, cache=path)(POINTS).size == 11
    repaired = Counter()
    values = Evaluations(repaired, SQUARE, 0, cache=path)
    np.testing.assert_array_equal(values(POINTS), plane(POINTS))
    assert not values.failures
    assert sum(repaired.sizes) == int((POINTS > 0.6).any(axis=1).sum())


@pytest.mark.parametrize(("cache", "kind"), [(5, rnla.ArgumentTypeError), ("", rnla.ArgumentError)])
def test_a_cache_that_could_not_be_written_is_refused_at_once(tmp_path, cache, kind):
    f = Counter()
    with pytest.raises(kind, match=r"^cache: got"):
        Evaluations(f, SQUARE, 0, cache=cache or tmp_path / "missing" / "values.npz")
    assert not f.sizes


def test_values_that_cannot_be_squared_are_failures():
    values = Evaluations(lambda x: np.where(x[:, 0] > 0.0, 1e200, plane(x)), SQUARE, 0)
    np.testing.assert_array_equal(np.isnan(values(POINTS)), POINTS[:, 0] > 0.0)
    assert all("too large to be squared" in failure.reason for failure in values.failures)
    with pytest.raises(rnla.ArgumentError, match="too large to be squared"):
        Evaluations(lambda x: 1e300 + 0.0 * x[:, 0], SQUARE, 0)(POINTS)


def test_masked_values_are_failures():
    f = lambda x: np.ma.masked_array(plane(x), x[:, 0] > 0.0)  # noqa: E731
    values = Evaluations(f, SQUARE, 0)(POINTS)
    np.testing.assert_array_equal(np.isnan(values), POINTS[:, 0] > 0.0)


def test_functions_that_cannot_travel_are_named():
    with ProcessPoolExecutor(1) as pool:
        values = Evaluations(lambda x: plane(x), SQUARE, 0, workers=pool)
        with pytest.raises(rnla.ArgumentTypeError, match="f: got a function that cannot be sent"):
            values(POINTS)
