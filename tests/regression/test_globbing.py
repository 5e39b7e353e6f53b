"""Globbing: the optimum of all rows, whatever the band, the weights, the ties or the home."""

from __future__ import annotations

import numpy as np
import pytest
import scipy.sparse as sp

from rnla.regression.polyhedral import globbing
from rnla.regression.polyhedral.bands import Reduced
from rnla.regression.polyhedral.check_problem import CheckProblem
from rnla.regression.polyhedral.frisch_newton import frisch_newton
from rnla.regression.polyhedral.globbing import fit_columns, lay_bands
from rnla.tall import as_tall
from tests import families
from tests.regression.check_loss import loss

N, D = 12_000, 3


@pytest.fixture(autouse=True)
def _always_glob(monkeypatch):
    monkeypatch.setattr(globbing, "_DIRECT", 0)


def data(name="gaussian", seed=0, n=N, d=D):
    A = families.dense(families.FAMILIES[name](n, d, seed))
    rng = np.random.default_rng(seed)
    return A, A @ rng.standard_normal(d) + rng.standard_cauchy(len(A))


def solved(A, b, q, **options):
    tall = as_tall(A)
    problem = CheckProblem(tall, b, np.atleast_1d(np.asarray(q, dtype=float)), **options)
    return fit_columns(problem, lay_bands(problem))


def gaps(found):
    return (found.value - found.lower) / np.where(found.value > 0, found.value, 1.0)


@pytest.mark.parametrize("q", [0.5, 0.05])
@pytest.mark.parametrize(
    "name", ["gaussian", "student_t", "coherent", "rank_deficient", "zero_rows", "cauchy"]
)
def test_the_optimum_of_all_rows(name, q):
    A, b = data(name)
    found = solved(A, b, q)
    best = frisch_newton(A, b, q)
    assert found.method == "globbing"
    np.testing.assert_allclose(found.value[0], best.value, rtol=1e-11)
    np.testing.assert_allclose(found.value[0], loss(A, b, q, found.X[:, 0]), rtol=1e-11)
    assert gaps(found)[0] <= 1e-10


def test_weights_and_rows_that_do_not_count():
    A, b = data("student_t")
    w = np.random.default_rng(1).exponential(size=N)
    w[::3] = 0.0
    b[::3] = 1e6
    found = solved(A, b, 0.3, weights=w)
    used = w > 0
    best = frisch_newton(A[used], b[used], 0.3, weights=w[used])
    assert found.method == "globbing"
    np.testing.assert_allclose(found.value[0], best.value, rtol=1e-11)
    np.testing.assert_allclose(found.X[:, 0], best.x, rtol=1e-7)
    assert gaps(found)[0] <= 1e-10


def test_bounds_that_bind():
    A, b = data()
    lower, upper = np.zeros(D), np.full(D, 0.1)
    found = solved(A, b, 0.5, lower=lower, upper=upper)
    G = np.vstack([np.eye(D), -np.eye(D)])
    best = frisch_newton(A, b, 0.5, constraints=(G, np.append(lower, -upper)))
    np.testing.assert_allclose(found.value[0], best.value, rtol=1e-11)
    assert np.all((found.X[:, 0] >= lower) & (found.X[:, 0] <= upper))
    assert np.any((found.X[:, 0] == lower) | (found.X[:, 0] == upper))
    assert gaps(found)[0] <= 1e-10


def test_many_quantiles_and_many_responses():
    A, b = data()
    quantiles = solved(A, b, [0.1, 0.5, 0.9])
    for j, q in enumerate([0.1, 0.5, 0.9]):
        np.testing.assert_allclose(quantiles.value[j], solved(A, b, q).value[0], rtol=1e-11)
    B = np.column_stack([b, A[:, 0] - b, b**2])
    responses = solved(A, B, [0.5] * 3)
    for j in range(3):
        np.testing.assert_allclose(
            responses.value[j], frisch_newton(A, B[:, j], 0.5).value, rtol=1e-11
        )
    assert gaps(responses).max() <= 1e-10


def test_quantiles_share_passes():
    A, b = data()
    one, three = as_tall(A), as_tall(A)
    for tall, q in ((one, [0.5]), (three, [0.4, 0.5, 0.6])):
        problem = CheckProblem(tall, b, np.array(q))
        fit_columns(problem, lay_bands(problem))
    assert one.passes <= 8
    assert three.passes <= one.passes + 3


@pytest.mark.parametrize("share", [0.1, 0.9])
def test_heavy_ties(share):
    A, _ = data()
    rng = np.random.default_rng(0)
    b = A @ np.array([1.0, 2.0, 3.0]) + np.where(rng.random(N) < share, 0, rng.standard_normal(N))
    found = solved(A, b, 0.5)
    np.testing.assert_allclose(found.value[0], frisch_newton(A, b, 0.5).value, rtol=1e-10)
    assert gaps(found)[0] <= 1e-8
    counts = rng.integers(0, 3, N).astype(float)  # a discrete response on discrete rows
    grid = rng.integers(-1, 2, (N, D)).astype(float)
    found = solved(grid, counts, 0.5)
    np.testing.assert_allclose(found.value[0], frisch_newton(grid, counts, 0.5).value, rtol=1e-10)
    assert gaps(found)[0] <= 1e-8


def test_perfect_fit_and_zero_responses():
    A, _ = data()
    found = solved(A, A @ np.array([1.0, 2.0, 3.0]), 0.2)
    np.testing.assert_allclose(found.X[:, 0], [1.0, 2.0, 3.0], rtol=1e-10)
    assert found.value[0] <= 1e-8
    assert solved(A, np.zeros(N), 0.2).value[0] == 0.0


def test_sparse_rows_stay_sparse():
    A = sp.csr_array(sp.random_array((N, 4), density=0.4, rng=np.random.default_rng(0)))
    b = np.random.default_rng(1).standard_normal(N)
    found = solved(A, b, 0.5)
    assert found.method == "globbing"
    np.testing.assert_allclose(found.value[0], frisch_newton(A.toarray(), b, 0.5).value, rtol=1e-11)
    assert gaps(found)[0] <= 1e-10


@pytest.mark.parametrize("band", [0.02, 0.3, 30.0])
def test_the_width_of_the_band_costs_rounds_but_no_accuracy(monkeypatch, band):
    monkeypatch.setattr(globbing, "BAND", band)
    monkeypatch.setattr(globbing, "_WORTH", 0)
    A, b = data("student_t")
    found = solved(A, b, 0.4)
    np.testing.assert_allclose(found.value[0], frisch_newton(A, b, 0.4).value, rtol=1e-11)
    assert gaps(found)[0] <= 1e-10
    if band < 0.1:
        assert found.rounds > 1


def test_unverified_signs_give_a_wrong_answer_that_the_bound_exposes():
    """Must fail: a band that is far too narrow, around a bad centre, and no look at the signs."""
    A, b = data()
    problem = CheckProblem(as_tall(A), b, np.array([0.5]))
    bands = lay_bands(problem)
    best = frisch_newton(A, b, 0.5)
    bands.residuals.at(best.x[:, None] + 0.2)
    bands.residuals.anchor(0)
    bands.residuals.lay({0: 1.0})
    small = Reduced.of(problem, 0, bands.residuals.inside(0), bands.residuals.globs[0])
    wrong = small.solve(problem, 0, best.x)
    bands.residuals.at(wrong.x[:, None])
    objective = bands.residuals.value(0)
    assert objective > best.value * (1 + 1e-6)  # wrong,
    assert wrong.lower <= best.value  # with a bound that is right,
    assert objective - wrong.lower > 1e-6 * objective  # which exposes it,
    assert bands.residuals.wrong(0).size > 0  # as do the signs.


def test_homes_give_the_same_bits(tmp_path):
    da = pytest.importorskip("dask.array")
    A, b = data("student_t", seed=3)
    w = np.random.default_rng(0).exponential(size=N)
    np.save(tmp_path / "A.npy", A)
    expected = solved(A, b, [0.3, 0.6], weights=w)
    pieces = [A[:5000], A[5000:5001], A[5001:]]
    chunks = (4096, 4096, N - 8192)
    homes = [
        (as_tall(tmp_path / "A.npy", memory="8 MB"), b, w),
        (as_tall(lambda: iter(pieces)), b, w),
        (da.from_array(A, chunks=(chunks, D)), b, w),
        (
            da.from_array(A, chunks=(chunks, D)),
            da.from_array(b, chunks=4096),
            da.from_array(w, chunks=4096),
        ),
    ]
    for rows, target, weights in homes:
        found = solved(rows, target, [0.3, 0.6], weights=weights)
        assert found.method == "globbing"
        np.testing.assert_array_equal(found.X, expected.X)
        np.testing.assert_array_equal(found.value, expected.value)
        np.testing.assert_array_equal(found.lower, expected.lower)


def test_the_seed_moves_the_sample_and_not_the_answer():
    A, b = data()
    values = [solved(A, b, 0.5, seed=seed) for seed in range(3)]
    for one in values[1:]:
        np.testing.assert_allclose(one.X, values[0].X, rtol=1e-9)


def test_few_rows_are_solved_for_at_once(monkeypatch):
    monkeypatch.setattr(globbing, "_DIRECT", 2**20)
    A, b = data()
    found = solved(A, b, 0.5)
    assert (found.method, found.rounds) == ("frisch_newton", 1)
    assert "few rows" in found.reason
