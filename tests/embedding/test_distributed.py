"""Embeddings of Dask matrices: the rows and weights of those in memory, for any chunks."""

from __future__ import annotations

import numpy as np
import pytest
import scipy.sparse as sp
from hypothesis import given, settings
from hypothesis import strategies as st

from rnla import lp_subspace_embedding
from rnla.random import Stream
from rnla.sampling import sampling_probabilities
from rnla.sampling._rows import ROW_PURPOSE
from rnla.tall import _cut
from tests.cut_rows import evenly

dask = pytest.importorskip("dask")
da = pytest.importorskip("dask.array")

D, STRIP = 4, 1024


@pytest.fixture(scope="module", autouse=True)
def small_strips():
    """Blocks of 64 rows, strips of 1024."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(_cut, "_BLOCK_ELEMENTS", 2**9)
        yield


def matrix(kind="dense", n=64 * STRIP):
    rng = np.random.default_rng(0)
    A = rng.standard_normal((n, D)) * np.exp(rng.standard_normal((n, 1)))
    if kind == "zero rows":
        A[: n // 3] = 0.0
    if kind == "duplicates":
        A[n // 2 :] = A[: n - n // 2]
    if kind == "rank-deficient":
        A[:, 3] = A[:, 0] + A[:, 1]
    if kind == "extreme":
        A *= np.array([1e-290, 1e290, 1.0, 1e5])
    if kind == "sparse":
        return sp.csr_array(A * (rng.random((n, D)) < 0.4))
    return A.astype(np.float32) if kind == "float32" else A


def chunked(A, sizes):
    """A as a Dask array with chunks of these sizes, sparse ones if A is sparse."""
    ends = np.cumsum(sizes)
    blocks = [
        da.from_delayed(
            dask.delayed(A[end - size : end], pure=False, traverse=False),
            (size, A.shape[1]),
            meta=A[:0],
        )
        for size, end in zip(sizes, ends, strict=True)
    ]
    return da.concatenate(blocks)


def equal_chunks(A, count):
    ends = [A.shape[0] * (i + 1) // count for i in range(count)]
    return chunked(A, np.diff([0, *ends]).tolist())


def same(kept, here):
    np.testing.assert_array_equal(kept.indices, here.indices)
    np.testing.assert_allclose(kept.weights, here.weights, rtol=1e-12)
    assert (kept.method, kept.rank, kept.status, kept.sizes) == (
        here.method, here.rank, here.status, here.sizes)  # fmt: skip


@pytest.mark.parametrize(
    "p, method", [(1.0, "lewis"), (2.0, "leverage"), (3.0, "root_leverage"), (1.0, "uniform")]
)
def test_check_08_the_same_rows_for_1_7_and_64_chunks(p, method):
    A = matrix()
    options = {"method": method, "certify": False, "rng": 11}
    here = {size: lp_subspace_embedding(A, p, size=size, **options) for size in (300, 600)}
    assert set(here[300].indices) <= set(here[600].indices)
    for count in (1, 7, 64):
        X = equal_chunks(A, count)
        for size in (300, 600) if count == 7 else (300,):
            kept = lp_subspace_embedding(X, p, size=size, **options)
            same(kept, here[size])
            assert isinstance(kept.scores, da.Array)
            np.testing.assert_array_equal(np.asarray(kept.scores), here[size].scores)


@settings(max_examples=8)
@given(st.lists(st.integers(1, 5 * STRIP), max_size=8), st.sampled_from([1.0, 2.0]))
def test_check_08_any_chunks_give_the_same_rows(cuts, p):
    A = matrix(n=5 * STRIP + 77)
    edges = [0, *sorted(cuts), A.shape[0]]  # repeated cuts make chunks without rows
    options = {"size": 200, "certify": False, "rng": 3}
    X = chunked(A, np.diff(edges).tolist())
    same(lp_subspace_embedding(X, p, **options), lp_subspace_embedding(A, p, **options))


def test_check_08_sees_numbers_keyed_by_the_position_in_a_chunk():
    """Companion: a sampler that counts rows from the start of each chunk is caught."""
    n = 7 * STRIP
    A = matrix(n=n)
    here = lp_subspace_embedding(A, 2, size=200, certify=False, rng=3)

    def rows(chunks):
        restarted = np.concatenate([Stream(3, ROW_PURPOSE).uniform(range(k)) for k in chunks])
        return np.flatnonzero(restarted < sampling_probabilities(here.scores, 200))

    np.testing.assert_array_equal(rows([n]), here.indices)
    assert not np.array_equal(rows([STRIP] * 7), here.indices)


KINDS = ("float32", "sparse", "zero rows", "duplicates", "rank-deficient", "extreme")


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("p", [1.0, 2.0])
def test_every_kind_of_matrix_gives_the_rows_of_memory(kind, p):
    A = matrix(kind, 5 * STRIP)
    X = equal_chunks(A, 3)
    kept, here = (lp_subspace_embedding(B, p, size=200, certify=False, rng=1) for B in (X, A))
    same(kept, here)
    rows = kept @ X
    assert rows.dtype == A.dtype
    if kind == "sparse":
        rows, A = rows.toarray(), A.toarray()
    np.testing.assert_array_equal(rows, here @ A)


def test_certified_embeddings_agree_to_the_certificate():
    A = matrix(n=5 * STRIP)
    kept, here = (lp_subspace_embedding(B, 2, eps=0.4, rng=1) for B in (equal_chunks(A, 3), A))
    same(kept, here)
    assert kept.certificate.found == here.certificate.found
    assert kept.uniform.found == here.uniform.found
    assert "passes over the rows" in kept.explain()


@pytest.mark.parametrize("method", ["lewis", "leverage", "root_leverage", "uniform"])
def test_scores_do_not_travel(method, monkeypatch):
    tall = evenly(matrix(n=17 * STRIP), 4)  # the rows of smaller ones do come here
    with monkeypatch.context() as patch:
        patch.setattr(da.Array, "__array__", None)  # np.asarray of a row vector fails
        patch.setattr(tall._engine, "run", without_gathering(tall._engine.run))
        kept = lp_subspace_embedding(tall, 1.5, size=200, method=method, certify=False, rng=1)
    assert 100 < kept.size < 300


def without_gathering(run):
    """The engine's passes read the row vectors they are given, part by part, in this process."""

    def guarded(visit, *, rows=(), gather=True, **options):
        assert not gather or options.get("width") is None
        return run(visit, rows=[vector.compute() for vector in rows], gather=gather, **options)

    return guarded


@pytest.mark.parametrize(
    "p, method",
    [(1.0, "recursive"), (3.0, "sensitivity"), (3.0, "mixed"), (4.0, "even_power"), (3.0, "auto")],
)
def test_methods_that_gather_agree_too(p, method):
    A = matrix("zero rows", 3 * STRIP)
    options = {"size": 200, "method": method, "certify": False, "rng": 1}
    same(
        lp_subspace_embedding(equal_chunks(A, 3), p, **options),
        lp_subspace_embedding(A, p, **options),
    )


@pytest.mark.parametrize("design", ["priority", "systematic", "with_replacement", "tree_pivotal"])
def test_every_design_draws_the_rows_of_memory(design):
    A = matrix(n=3 * STRIP)
    options = {"size": 100, "design": design, "certify": False, "rng": 1}
    same(
        lp_subspace_embedding(equal_chunks(A, 3), 2, **options),
        lp_subspace_embedding(A, 2, **options),
    )
