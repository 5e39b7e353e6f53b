"""Dask arrays of CuPy chunks: passes run on the chunks, and numbers per row stay there."""

from __future__ import annotations

import sys
import threading

import numpy as np
import pytest
import scipy.sparse as sp

import rnla
from rnla.tall import _cut, as_tall, rows
from tests.kernels.cuda_host.device import EmulatedDevice

from .backends import Backend, difficult, host
from .inventory import ON_DEVICE
from .test_inventory import leaves

dask = pytest.importorskip("dask")
da = pytest.importorskip("dask.array")
backends = pytest.importorskip("dask.array.backends")

N, D = 1500, 4
CHUNKS = {
    "one": (N,),
    "even": (375,) * 4,
    "odd": (1, 1022, 3, 0, 200, N - 1226),
}


@pytest.fixture(autouse=True)
def small_strips(cupy, monkeypatch):
    """Strips of 1024 rows, so that parts take rows of the next chunks; one launch at a time."""
    backends.register_cupy()  # Dask does so once, and every test has a module of its own
    backends.register_cupyx()
    monkeypatch.setattr(_cut, "_BLOCK_ELEMENTS", 2**8)
    lock, run = threading.Lock(), EmulatedDevice.run

    def alone(self, launch):
        with lock:
            run(self, launch)

    monkeypatch.setattr(EmulatedDevice, "run", alone)
    with dask.config.set(scheduler="synchronous"):
        yield


def slow(*case):
    """A case that `make test` leaves out, since another one is like it."""
    return pytest.param(*case, marks=pytest.mark.slow)


def chunked(A, sizes):
    """A as a Dask array whose chunks are on a GPU."""
    put, ends = Backend("device").put, np.cumsum(sizes)
    meta = put(A[:0])
    return da.concatenate(
        [
            da.from_delayed(
                dask.delayed(put(A[end - size : end]), pure=False, traverse=False),
                (size, *A.shape[1:]),
                meta=meta,
            )
            for size, end in zip(sizes, ends, strict=True)
        ]
    )


def here(x):
    """Numbers of any home, on the host; chunks have to be CuPy's."""
    if not rows.is_distributed(x):
        return host(x)
    kind = sys.modules["cupy"].ndarray
    assert isinstance(x._meta, kind)
    chunks = [chunk.compute() for chunk in x.to_delayed().ravel()]
    assert all(type(chunk) is kind for chunk in chunks)
    return np.concatenate([chunk.get() for chunk in chunks])


@pytest.mark.parametrize(
    ("kind", "chunks"),
    [
        *(("dense", "odd"), ("sparse float32", "odd")),
        *(slow("dense", "one"), slow("sparse", "even"), slow("float32", "odd")),
        *(slow("integers", "odd"), slow("sparse", "odd")),
    ],
)
def test_passes_give_what_numpy_gives(kind, chunks, cupy):
    A = difficult(kind, n=N)
    tall, expected = as_tall(chunked(A, CHUNKS[chunks])).distributed(), as_tall(A)
    assert "Dask chunks on GPUs" in repr(tall)
    M = np.random.default_rng(1).standard_normal((D, 3))
    x = np.random.default_rng(2).uniform(0.5, 2.0, N)
    s = rows.like(tall.scan().row_max, 1.0) * 0.0 + da.from_array(x, chunks=N).map_blocks(
        cupy.asarray, meta=cupy.zeros(0)
    )
    asked = {
        "norms": lambda A, s: A.row_norms(),
        "norms M": lambda A, s: A.row_norms(M),
        "low": lambda A, s: A.row_norms(M, low=1e-17 * M[:, 1:]),
        "matmul": lambda A, s: A.matmul(M),
        "quadratic": lambda A, s: A.quadratic(np.eye(D) + 1.0),
        "row maxima": lambda A, s: A.scan().row_max,
        "column maxima": lambda A, s: A.scan().column_max,
        "gram": lambda A, s: A.gram(),
        "gram s M": lambda A, s: A.gram(row_scale=s, M=M),
        "rmatmul": lambda A, s: A.rmatmul(s),
        "twin": lambda A, s: A.twin(np.array([0.5, 2.0, 4.0, 1.0])).gram(),
        "border": lambda A, s: A.with_columns(s, ones=True).gram(),
        "scaled": lambda A, s: A.scaled_rows(s).row_norms(),
        "taken": lambda A, s: A.take(np.array([1499, 0, -2, 1024])),
        "scaled and taken": lambda A, s: A.scaled_rows(s).take(np.array([1499, 0, 1024])),
    }
    for name, ask in asked.items():
        found, wanted = here(ask(tall, s)), ask(expected, x)
        if sp.issparse(wanted):
            found, wanted = found.toarray(), wanted.toarray()
        np.testing.assert_allclose(
            found, wanted, rtol=1e-6 if "taken" in name else 1e-11, atol=1e-10, err_msg=name
        )
    assert tall.passes == expected.passes


leverage, lewis = rnla.leverage_scores, rnla.lewis_weights
SCORES = {
    "leverage": lambda A: leverage(A, rng=0),
    "leverage sketch": lambda A: leverage(A, method="sketch", rng=0),
    "ridge": lambda A: rnla.ridge_leverage_scores(A, ridge=3.0, rng=0),
    "root": lambda A: rnla.root_leverage_scores(A, 1, rng=0),
    "lewis 1": lambda A: lewis(A, 1, tol=1e-3, rng=0),
    "lewis 6": lambda A: lewis(A, 6, tol=1e-3, rng=0),
    "lewis fixed point": lambda A: lewis(A, 1.5, method="fixed_point", tol=1e-3, rng=0),
    "lewis potential": lambda A: lewis(A, 3, method="potential", tol=1e-3, rng=0),
    "lewis one-sided": lambda A: lewis(A, 1, method="one_sided", tol=1e-3, rng=0),
}


OFTEN = ("leverage", "root", "lewis 1")


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        *((name, "dense") for name in OFTEN),
        ("leverage", "sparse float32"),
        *(slow(name, "dense") for name in SCORES if name not in OFTEN),
        *(slow("lewis 1", "sparse"), slow("leverage", "zero rows"), slow("lewis 1", "zero rows")),
    ],
)
def test_scores_are_those_of_numpy(name, kind, monkeypatch):
    monkeypatch.setattr("rnla.basis.orthonormal._SMALL", 100)
    A = difficult(kind, n=N)
    found, expected = SCORES[name](chunked(A, CHUNKS["odd"])), SCORES[name](A)
    assert found.values.dtype == expected.values.dtype
    tolerance = 1e-6 if expected.values.dtype == np.float32 else 1e-9
    np.testing.assert_allclose(here(found.values), expected.values, rtol=tolerance, atol=1e-12)
    assert (found.passes, found.rank, found.path) == (
        expected.passes, expected.rank, expected.path)  # fmt: skip


EMBEDDINGS = {
    "p = 1": (1, {"size": 150}),
    "p = 2": (2, {}),
    "p = 3": (3, {"method": "lewis", "size": 150}),
    "uniform": (1.5, {"method": "uniform"}),
    "root leverage, priority": (1, {"size": 100, "method": "root_leverage", "design": "priority"}),
}


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        ("p = 2", "dense"),
        *(slow(name, "dense") for name in EMBEDDINGS if name != "p = 2"),
        slow("p = 1", "sparse"),
    ],
)
def test_embeddings_keep_the_same_rows(name, kind):
    p, options = EMBEDDINGS[name]
    A = difficult(kind, n=N, d=3)
    there = chunked(A, CHUNKS["odd"])
    expected = rnla.lp_subspace_embedding(A, p, eps=0.6, rng=0, **options)
    found = rnla.lp_subspace_embedding(there, p, eps=0.6, rng=0, **options)
    assert 3 < found.size < N
    np.testing.assert_array_equal(found.indices, expected.indices)
    np.testing.assert_allclose(found.weights, expected.weights, rtol=1e-9)
    np.testing.assert_allclose(found.certificate.found, expected.certificate.found, rtol=1e-6)
    kept, wanted = found @ there, expected @ A
    assert type(kept) is type(wanted)  # sampled rows come to the host
    if sp.issparse(wanted):
        kept, wanted = kept.toarray(), wanted.toarray()
    np.testing.assert_allclose(kept, wanted, rtol=1e-9)


MATRICES = [
    name for name, call in ON_DEVICE.items()
    if any(argument in ("A", "factor") for argument in call.arrays)
    and name.partition(".")[0] in ("certify", "regression", "dpp")
    and name != "regression.lp_regression"  # refused, see below
]  # fmt: skip


OFTEN_CALLED = ("regression.lstsq", "dpp.projection_dpp")


@pytest.mark.parametrize(
    "name", [name if name in OFTEN_CALLED else slow(name) for name in MATRICES]
)
def test_what_runs_on_a_gpu_runs_on_chunks(name):
    """Row vectors that belong to the rows in chunks too; the numbers of NumPy."""
    put, call = Backend("device").put, ON_DEVICE[name]

    def parts(x):
        return chunked(x, (25, 0, len(x) - 25)) if len(x) == 60 else put(x)

    expected, found = dict(leaves(call(lambda x: x))), dict(leaves(call(parts)))
    assert found.keys() == expected.keys()
    for path, one in expected.items():
        if isinstance(one, (float, np.ndarray)):
            there = here(found[path])
            np.testing.assert_allclose(there, one, rtol=1e-7, atol=1e-9, err_msg=path)


def test_the_threads_of_dask_give_the_same():
    A = difficult("dense", n=N)
    expected = leverage(chunked(A, CHUNKS["odd"]), rng=0)
    with dask.config.set(scheduler="threads", num_workers=4):
        found = leverage(chunked(A, CHUNKS["odd"]), rng=0)
        np.testing.assert_array_equal(here(found.values), here(expected.values))
        sample = rnla.sample_rows(found.values, 50, rng=0)
    np.testing.assert_array_equal(
        sample.indices, rnla.sample_rows(here(expected.values), 50, rng=0).indices
    )


def test_only_small_things_come_to_the_host(cupy, monkeypatch):
    """d x d numbers for each chunk and pass, block sums, and nothing of n numbers."""
    monkeypatch.setattr("rnla.basis.orthonormal._SMALL", 100)
    A = chunked(difficult("dense", n=N), CHUNKS["even"])
    cupy.copies.clear()
    weights = lewis(A, 1, max_iter=3, rng=0)
    chunks = 4
    assert cupy.copies["to host"] <= weights.passes * chunks * (D * D + D + 4) + 300
    assert cupy.copies["to device"] <= weights.passes * chunks * 3 * D * D


def test_what_needs_the_host_says_how_to_convert(cupy):
    A = chunked(difficult("dense", n=N), CHUNKS["even"])
    for ask in (
        lambda: as_tall(A).row_norms(),
        lambda: list(as_tall(A).blocks()),
        lambda: rnla.lp_sensitivities(A, 1, method="bounds"),
        lambda: as_tall(A).distributed().gathered(),
        lambda: rnla.lp_regression(A, A[:, 0], 1.5),
    ):
        with pytest.raises(rnla.ArgumentTypeError, match=r"GPU.*cupy\.asnumpy"):
            ask()
    with pytest.raises(rnla.ArgumentTypeError, match=r"row vector: .*\.map_blocks\(cupy\.asarray"):
        as_tall(A).gram(row_scale=np.ones(N))
    with pytest.raises(rnla.ArgumentTypeError, match=r"row vector: .* ndarray"):
        as_tall(A).gram(row_scale=da.ones(N))


def test_chunks_have_to_be_what_the_collection_says(cupy):
    A = difficult("dense", n=N)
    wrong = da.from_array(A, chunks=(375, D)).map_blocks(lambda x: x, meta=cupy.zeros((0, 0)))
    with pytest.raises(rnla.ArgumentTypeError, match=r"chunk \d with an array of type ndarray"):
        as_tall(wrong).gram()
    sparse = chunked(sp.csr_array(A), (N,))
    wrong = sparse.map_blocks(lambda x: x.toarray(), meta=sparse._meta)
    with pytest.raises(rnla.ArgumentTypeError, match="chunk 0 with a dense array"):
        as_tall(wrong).gram()
    wrong = chunked(A, (N,)).map_blocks(lambda x: x[1:], meta=cupy.zeros((0, 0)))
    with pytest.raises(rnla.ArgumentError, match=r"chunk 0 with shape \(1499, 4\)"):
        as_tall(wrong).gram()


def test_entries_of_row_vectors_in_chunks(cupy):
    x = np.random.default_rng(0).standard_normal(N)
    there = da.concatenate(
        [da.from_delayed(dask.delayed(cupy.asarray(part), pure=False, traverse=False),
                         part.shape, meta=cupy.zeros(0)) for part in np.split(x, [1000, 1001])]
    )  # fmt: skip
    for indices in ([5, 1499, 1000, 5], [[-1, 0], [3, -1500]]):
        np.testing.assert_array_equal(rows.at(there, np.array(indices)), x[np.array(indices)])
    np.testing.assert_array_equal(rows.host(there), x)
    assert rows.extremes(there) == rows.extremes(x)
    np.testing.assert_array_equal(here(rows.like(there, 2.0)), np.full(N, 2.0))
    np.testing.assert_array_equal(here(rows.settle(rows.aligned(there))), x)
    with pytest.raises(rnla.ArgumentTypeError, match=r"cupy\.asnumpy"):
        rnla.sample_rows(abs(there), 10, design="systematic", rng=0)
