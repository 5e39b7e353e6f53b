"""The same rows wherever the matrix is kept, and little else than the rows drawn is moved."""

from __future__ import annotations

import numpy as np
import pytest
import scipy.sparse as sp
from hypothesis import given, settings
from hypothesis import strategies as st

import rnla
from rnla.dpp import (
    greedy_elimination,
    ground_set,
    k_dpp,
    mcmc_k_dpp,
    projection_dpp,
    volume_sample,
)
from rnla.dpp._masses import Masses
from rnla.tall import _cut, as_tall
from tests.certify.homes import streamed
from tests.cut_rows import difficult_rows, evenly

da = pytest.importorskip("dask.array")

N, D = 4_500, 5


@pytest.fixture(scope="module", autouse=True)
def small_strips():
    """Strips of 1024 rows, so that a small matrix has five of them."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(_cut, "_BLOCK_ELEMENTS", 2**9)
        yield


def matrix(kind):
    A = difficult_rows(kind, N, D, decades=9)
    if kind == "columns 12 decades apart":
        return A * 10.0 ** np.linspace(-6.0, 6.0, D)
    return np.ascontiguousarray(A[:, :1]) if kind == "one column" else A


KINDS = (
    "plain",
    "zero rows",
    "duplicates",
    "rank-deficient",
    "columns 12 decades apart",
    "uneven rows",
    "one column",
    "float32",
    "sparse",
)


def k_dpp_of(A):
    tall = as_tall(A)
    return k_dpp(k=min(3, tall.shape[1]), factor=tall, draws=3, rng=7)


DRAWS = {
    "projection": lambda A: projection_dpp(A, draws=3, rng=7),
    "volume": lambda A: volume_sample(A, 12, draws=3, rng=7),
    "volume, mixed": lambda A: volume_sample(A, 12, reference="mixed", draws=2, rng=7),
    "volume without replacement": lambda A: volume_sample(A, 9, replace=False, draws=2, rng=7),
    "volume by rejection": lambda A: volume_sample(A, 8, method="rejection", draws=2, rng=7),
    "k-DPP": k_dpp_of,
}


def homes(A, folder):
    """Every other way to hand over the rows of A."""
    yield evenly(A, 3)
    if sp.issparse(A):
        yield sp.csc_array(A)
        sp.save_npz(folder / "A.npz", A)
        yield folder / "A.npz"
        cut = [A[:700], A[700:3000], A[3000:]]
        yield da.concatenate([da.from_array(part, chunks=part.shape) for part in cut])
        return
    np.save(folder / "A.npy", A)
    yield folder / "A.npy"
    yield [A[:1000], A[1000:1700], A[1700:]]
    yield streamed(A, memory=700_000)
    yield da.from_array(A, chunks=((700, 2300, 1500), A.shape[1]))


def same(one, two):
    assert np.array_equal(one.indices, two.indices)
    assert np.array_equal(one.proposals, two.proposals)
    assert np.array_equal(np.asarray(one.marginals), np.asarray(two.marginals))
    assert (one.rank, one.status, one.n) == (two.rank, two.status, two.n)
    if one.weights is not None:
        assert np.array_equal(one.weights, two.weights)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("name", DRAWS)
def test_check_20_every_home_gives_the_same_draws(name, kind, tmp_path):
    A = matrix(kind)
    here = DRAWS[name](A)
    for home in homes(A, tmp_path):
        same(DRAWS[name](home), here)


@settings(max_examples=8)
@given(st.lists(st.integers(1, N - 1), max_size=6), st.sampled_from(["plain", "zero rows"]))
def test_check_20_any_chunks_give_the_same_draws(cuts, kind):
    A = matrix(kind)
    sizes = tuple(np.diff(sorted({0, N, *cuts})).tolist())
    X = da.from_array(A, chunks=(sizes, (D,)))
    same(volume_sample(X, 12, draws=2, rng=3), volume_sample(A, 12, draws=2, rng=3))


@pytest.mark.parametrize("kind", ["plain", "rank-deficient", "zero rows"])
def test_check_20_weights_of_either_kind(kind):
    A, weights = matrix(kind), np.linspace(0.0, 3.0, N)
    here = projection_dpp(A, weights=weights, draws=3, rng=1)
    X = da.from_array(A, chunks=(1100, D))
    for masses in (weights, da.from_array(weights, chunks=999)):
        same(projection_dpp(X, weights=masses, draws=3, rng=1), here)
        same(projection_dpp(A, weights=masses, draws=3, rng=1), here)
        for reference in ("mixed", "plain"):
            options = {"reference": reference, "draws": 2, "rng": 1}
            there = volume_sample(X, 12, weights=masses, **options)
            same(there, volume_sample(A, 12, weights=weights, **options))


def test_check_20_what_needs_all_rows_brings_them():
    A = matrix("plain")[:60]
    X = da.from_array(A, chunks=(17, D))
    here = greedy_elimination(A, 20, whiten=True)
    assert np.array_equal(greedy_elimination(X, 20, whiten=True).removed, here.removed)
    one, two = (mcmc_k_dpp(factor=B, k=4, draws=2, rng=3) for B in (A, X))
    assert np.array_equal(one.indices, two.indices)
    same(volume_sample(X, 9, method="reverse", rng=2), volume_sample(A, 9, method="reverse", rng=2))


# --- check 40: what is moved ---------------------------------------------------------------------


class Counted:
    """An engine that counts the rows handed out."""

    def __init__(self, engine) -> None:
        self._engine, self.rows = engine, 0

    def take(self, rows):
        self.rows += len(rows)
        return self._engine.take(rows)

    def __getattr__(self, name):
        return getattr(self._engine, name)


def test_check_40_a_draw_after_the_leverage_pass_takes_few_rows(record_property):
    """m = 60 of 20000 rows: at most m (H_m + 3.2) rows are asked for, of 20 seeds. A draw needs
    more proposals than that with probability below 0.007 (2.5 standard deviations), and then takes
    120 more; fixed seeds."""
    m, n = 60, 20_000
    A = np.random.default_rng(4).standard_normal((n, m))
    ground = ground_set(da.from_array(A, chunks=(1500, m)))
    counted = Counted(ground.A._engine)
    object.__setattr__(ground, "A", ground.A.through(lambda engine: counted))
    before = ground.A.passes
    taken = []
    for seed in range(20):
        counted.rows = 0
        sample = projection_dpp(ground, rng=seed)
        assert sample.passes == 0
        taken.append(counted.rows)
    most = m * (sum(1.0 / k for k in range(1, m + 1)) + 3.2) + 1.0
    record_property("check", "40")
    record_property("measured", max(taken))
    record_property("threshold", most)
    record_property("count", 20)
    record_property("false_alarm_rate", 0.13)
    assert max(taken) <= most
    assert ground.A.passes == before
    counted.rows = 0
    projection_dpp(ground, method="chain", rng=0)
    assert counted.rows == n  # a sampler that reads all rows is told from one that does not


def test_check_40_the_scores_stay_with_the_rows(monkeypatch):
    """Nothing that comes to the caller during draws has as many entries as A has rows."""
    A = matrix("plain")
    ground = ground_set(da.from_array(A, chunks=(1100, D)))
    assert isinstance(ground.leverage, da.Array)
    ground.propose(np.array([0.5]))
    came = []
    whole = da.Array.__array__

    def noticed(self, *args, **options):
        came.append(self.size)
        return whole(self, *args, **options)

    monkeypatch.setattr(da.Array, "__array__", noticed)
    sample = projection_dpp(ground, draws=4, rng=0)
    volume_sample(ground, 20, rng=0)
    assert isinstance(sample.marginals, da.Array)
    assert max(came) <= 4 * D
    np.asarray(ground.leverage)
    assert max(came) == N  # and a vector of scores would have been noticed


@pytest.mark.parametrize("n", [1, 5, 1024, 1025, 5000])
def test_points_find_the_same_rows_in_parts(n):
    """Against running sums of all masses, and next to every boundary."""
    values = np.random.default_rng(n).exponential(size=n) ** 6
    values[n // 3 : n // 2] = 0.0
    sums = np.cumsum(values)
    points = np.concatenate([np.linspace(0.0, 1.0, 999), sums[[0, n // 2, -1]] / sums[-1]])
    one = Masses(values)
    drawn, masses = one.draw(points)
    assert np.all(masses > 0.0)
    assert np.array_equal(masses, values[drawn])
    inside = points * sums[-1]
    assert np.all(inside <= sums[drawn] * (1 + 1e-12))
    assert np.all(inside >= (sums - values)[drawn] * (1 - 1e-12))
    parts = da.from_array(values, chunks=2048)
    for found, expected in zip(Masses(parts).draw(points), (drawn, masses), strict=True):
        assert np.array_equal(found, expected)
    assert np.array_equal(Masses(parts).at(np.array([[n - 1, 0]])), values[[[n - 1, 0]]])


# --- a ground set, drawn from again and again ----------------------------------------------------


@pytest.mark.parametrize("kind", ["plain", "sparse", "columns 12 decades apart"])
def test_a_ground_set_gives_the_draws_of_its_matrix(kind):
    A = matrix(kind)
    ground = ground_set(A)
    for name in ("projection", "volume", "volume without replacement", "volume by rejection"):
        here, there = DRAWS[name](A), DRAWS[name](ground)
        same(here, there)
        assert (here.passes, there.passes) == (ground.passes, 0)
    assert repr(ground) == f"GroundSet({N} rows, rank={ground.rank}, passes={ground.passes})"
    assert np.allclose(ground.leverage.sum(), ground.rank)


def test_a_ground_set_has_its_weights():
    A, weights = matrix("plain"), np.linspace(0.0, 3.0, N)
    ground = ground_set(A, weights=weights)
    same(volume_sample(ground, 20, rng=0), volume_sample(A, 20, weights=weights, rng=0))
    with pytest.raises(rnla.ArgumentError, match="weights: got weights with a ground set"):
        projection_dpp(ground, weights=weights)
    with pytest.raises(rnla.ArgumentError, match="ridge: got ridge with a ground set"):
        volume_sample(ground, 20, ridge=1.0)


# --- degenerate rows -----------------------------------------------------------------------------


def test_check_21_the_rank_is_named_in_every_home(tmp_path):
    A = matrix("rank-deficient")
    for home in homes(A, tmp_path):
        sample = projection_dpp(home, rng=0)
        assert (sample.rank, sample.status) == (D - 1, rnla.Status.RANK_DEFICIENT)
        assert sample.indices.shape == (D - 1,)
        with pytest.raises(rnla.ArgumentError, match="at least 4, the numerical rank"):
            volume_sample(home, 3, rng=0)


def test_check_21_rows_of_zeros_are_never_drawn():
    A = matrix("zero rows")
    ground = ground_set(da.from_array(A, chunks=(1100, D)))
    drawn = np.concatenate([projection_dpp(ground, draws=40, rng=0).indices.ravel(),
                            volume_sample(ground, 400, rng=0).indices])  # fmt: skip
    assert np.all(np.any(A[drawn] != 0.0, axis=1))


@pytest.mark.parametrize("bad", [np.nan, np.inf])
def test_check_21_the_row_that_is_not_finite_is_named(bad, tmp_path):
    A = matrix("plain")
    A[3210, 2] = bad
    for home in homes(A, tmp_path):
        with pytest.raises(rnla.ArgumentError, match="row 3210"):
            projection_dpp(home, rng=0)


def test_one_row_and_one_column():
    for home in (np.array([[3.0]]), da.ones((1, 1)), sp.csr_array([[2.0]])):
        assert projection_dpp(home, rng=0).indices.tolist() == [0]
        assert volume_sample(home, 3, rng=0).indices.tolist() == [0, 0, 0]
    assert projection_dpp(np.array([[3.0, 4.0]]), rng=0).rank == 1
