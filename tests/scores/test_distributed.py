"""Scores of matrices whose row vectors are distributed: the bits of scores in memory."""

from __future__ import annotations

import json

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rnla import (
    ArgumentError,
    leverage_scores,
    lewis_weights,
    lp_sensitivities,
    ridge_leverage_scores,
    root_leverage_scores,
)
from rnla.report import to_json, to_text
from rnla.tall import _cut, as_tall
from tests.cut_rows import cut, difficult_rows, evenly

da = pytest.importorskip("dask.array")

N, D, STRIP = 17_500, 4, 1024  # more than 65536 entries, so no dense copy is made


@pytest.fixture(scope="module", autouse=True)
def small_strips():
    """Blocks of 64 rows, strips of 1024: eighteen strips."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(_cut, "_BLOCK_ELEMENTS", 2**9)
        yield


def matrix(kind):
    A = difficult_rows(kind, N, D, decades=120)
    return A * np.array([1e-290, 1e290, 1.0, 1e5]) if kind == "extreme" else A


KINDS = ("dense", "float32", "sparse", "zero rows", "duplicates", "rank-deficient", "extreme",
         "uneven rows")  # fmt: skip
SCORES = {
    "leverage": leverage_scores,
    "gram": lambda A, **o: leverage_scores(A, method="gram", **o),
    "sketch": lambda A, **o: leverage_scores(A, method="sketch", **o),
    "dominant": lambda A, **o: leverage_scores(A, rank=2, **o),
    "ridge": lambda A, **o: ridge_leverage_scores(A, ridge=3.0, **o),
    "ridge k": lambda A, **o: ridge_leverage_scores(A, k=2, **o),
    "root 1": lambda A, **o: root_leverage_scores(A, 1, **o),
    "root 3": lambda A, **o: root_leverage_scores(A, 3, **o),
}
LEWIS = {
    "1": (1.0, {}),
    "1.5": (1.5, {}),
    "2": (2.0, {}),
    "3": (3.0, {}),
    "8": (8.0, {}),
    "fixed point": (1.0, {"method": "fixed_point"}),
    "potential": (3.0, {"method": "potential"}),
    "one-sided 1": (1.0, {"method": "one_sided"}),
    "one-sided 6": (6.0, {"method": "one_sided", "max_iter": 2}),
    "one-sided inf": (np.inf, {"method": "one_sided"}),
}


def same(kept, here):
    """Distributed, and equal to the last bit."""
    assert isinstance(kept.values, da.Array)
    assert kept.values.dtype == here.values.dtype
    assert len(kept) == len(here)
    np.testing.assert_array_equal(np.asarray(kept), here.values)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("name", SCORES)
def test_scores_stay_distributed_and_are_those_in_memory(name, kind):
    A = matrix(kind)
    here = SCORES[name](A, rng=0)
    tall = evenly(A, 3)
    kept = SCORES[name](tall, rng=0)
    same(kept, here)
    assert kept.diagnostics == here.diagnostics
    assert (kept.rank, kept.path, kept.status, kept.passes) == (
        here.rank, here.path, here.status, here.passes)  # fmt: skip
    assert tall._engine.gathered == 0
    later = SCORES[name](evenly(A, 3), rng=0, compute=False)
    same(later, here)
    assert "sum" not in later.diagnostics


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("name", LEWIS)
def test_lewis_weights_stay_distributed_and_are_those_in_memory(name, kind):
    p, options = LEWIS[name]
    A = matrix(kind)
    here = lewis_weights(A, p, tol=1e-3, rng=0, **options)
    tall = evenly(A, 3)
    kept = lewis_weights(tall, p, tol=1e-3, rng=0, **options)
    same(kept, here)
    np.testing.assert_array_equal(kept.basis, here.basis)
    for field in ("residual", "gamma", "estimate_error", "total", "iterations", "status", "passes"):
        assert getattr(kept, field) == getattr(here, field)
    assert tall._engine.gathered == 0


@settings(max_examples=8)
@given(st.sets(st.integers(1, 17)), st.sampled_from(["dense", "zero rows", "sparse"]))
def test_any_cut_gives_the_same_weights(cuts, kind):
    A = matrix(kind)
    same(lewis_weights(cut(A, cuts), 1, tol=1e-2, rng=0), lewis_weights(A, 1, tol=1e-2, rng=0))


@settings(max_examples=8)
@given(st.lists(st.integers(1, N - 1), max_size=6))
def test_any_chunks_of_a_dask_array_give_the_same_scores(cuts):
    A = matrix("zero rows")
    sizes = tuple(np.diff(sorted({0, N, *cuts})).tolist())
    X = da.from_array(A, chunks=(sizes, (D,)))
    same(leverage_scores(X), leverage_scores(A))
    same(lewis_weights(X, 1, max_iter=3), lewis_weights(A, 1, max_iter=3))


@pytest.mark.parametrize("method", ["active_set"])
def test_what_works_on_one_design_gathers_and_agrees(method):
    A = matrix("zero rows")
    kept = lewis_weights(evenly(A, 3).distributed(), np.inf, method=method, rng=0)
    np.testing.assert_array_equal(kept.values, lewis_weights(A, np.inf, rng=0).values)


def test_sensitivities_gather_and_agree():
    A = matrix("zero rows")
    kept = lp_sensitivities(evenly(A, 3).distributed(), 1, method="bounds", rng=0)
    here = lp_sensitivities(A, 1, method="bounds", rng=0)
    np.testing.assert_array_equal(kept.lower, here.lower)
    np.testing.assert_array_equal(kept.upper, here.upper)


def test_sensitivities_of_columns_at_the_ends_of_the_range():
    """The columns are rescaled by powers of two, which changes no sensitivity."""
    A = matrix("dense")[:60]
    plain = lp_sensitivities(A, 1, rng=0)
    scaled = lp_sensitivities(A * 2.0 ** np.array([-960.0, 960.0, 0.0, 30.0]), 1, rng=0)
    np.testing.assert_allclose(scaled.values, plain.values, rtol=1e-6)


# Lazy scores ------------------------------------------------------------------------------------


def test_scores_that_were_not_computed_read_the_rows_when_they_are_asked_for():
    reads = []

    def read(block):
        reads.append(len(block))
        return block

    A = matrix("dense")
    X = da.from_array(A, chunks=(STRIP, D)).map_blocks(read, dtype=A.dtype, meta=A[:0])
    scores = leverage_scores(X, compute=False)
    before = sum(reads)
    values = np.asarray(scores)
    assert sum(reads) == before + N
    np.testing.assert_array_equal(values, leverage_scores(A).values)
    computed = leverage_scores(X)
    before = sum(reads)
    np.asarray(computed)
    assert sum(reads) == before


@pytest.mark.parametrize("name", SCORES)
def test_scores_of_rows_in_memory_are_not_deferred(name):
    with pytest.raises(ArgumentError, match=r"^compute: got False for .*; expected .*Dask.*\."):
        SCORES[name](matrix("dense"), compute=False)


# Records ----------------------------------------------------------------------------------------


def test_records_of_distributed_scores_are_read_like_others():
    A = matrix("dense")
    kept, here = leverage_scores(evenly(A, 3), rng=0), leverage_scores(A, rng=0)
    assert to_json(kept) == to_json(here)
    assert json.dumps(to_json(kept, arrays=False)["values"]) == '{"shape": [17500]}'
    assert "Dask array of shape (17500,) in 3 parts" in to_text(kept)
    assert np.array(kept, dtype=np.float32).dtype == np.float32
    assert as_tall(A).gathered() is not None
