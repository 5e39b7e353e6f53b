"""Public functions on every backend: the values of NumPy, in arrays of the backend.

A line of `SAME` is a function of a matrix; a line of `REFUSED` one that needs rows on the host and
says so. Both grow with the library. Floats agree to 1e-9 of their size (float32 results to 1e-6),
since sums are added up in another order; what is discrete agrees exactly.
"""

from __future__ import annotations

import dataclasses
import sys
from functools import partial

import numpy as np
import pytest

import rnla
from rnla.basis import orthonormal
from rnla.embedding import merge_and_reduce
from rnla.report import to_json, to_text

from .backends import BACKENDS, Backend, difficult, host

KINDS = (
    "dense", "float32", "Fortran", "integers", "zero rows", "rank-deficient", "ill-conditioned",
    "extreme columns", "sparse", "sparse float32",
)  # fmt: skip
FEW = ("dense", "float32", "zero rows", "sparse")
TWO = ("dense", "sparse")

leverage, ridge, root = (
    rnla.leverage_scores, rnla.ridge_leverage_scores, rnla.root_leverage_scores,
)  # fmt: skip
lewis = partial(rnla.lewis_weights, tol=1e-3, rng=0)
# A function of a matrix, and the kinds of matrix it is tried on.
SAME = {
    "leverage_scores": (partial(leverage, rng=0), KINDS),
    "leverage_scores gram": (partial(leverage, method="gram", rng=0), FEW),
    "leverage_scores sketch": (partial(leverage, method="sketch", rng=0), FEW),
    "leverage_scores rank": (partial(leverage, rank=2, rng=0), TWO),
    "leverage_scores ridge": (partial(leverage, ridge=3.0, rng=0), TWO),
    "ridge_leverage_scores": (partial(ridge, ridge=3.0, rng=0), TWO),
    "ridge_leverage_scores k": (partial(ridge, k=2, rng=0), TWO),
    "root_leverage_scores 1": (lambda A: root(A, 1, rng=0), TWO),
    "root_leverage_scores 3": (lambda A: root(A, 3, rng=0), TWO),
    "lewis_weights 1": (lambda A: lewis(A, 1), (*FEW, "ill-conditioned", "extreme columns")),
    "lewis_weights 2": (lambda A: lewis(A, 2), TWO),
    "lewis_weights 6": (lambda A: lewis(A, 6), TWO),
    "lewis_weights fixed_point": (lambda A: lewis(A, 1.5, method="fixed_point"), TWO),
    "lewis_weights potential": (lambda A: lewis(A, 3, method="potential"), TWO),
    "lewis_weights one_sided": (lambda A: lewis(A, 1, method="one_sided"), TWO),
    "lewis_weights one_sided inf": (
        lambda A: lewis(A, np.inf, method="one_sided", max_iter=3), TWO),
}  # fmt: skip
# Fields of records that hold row vectors; the others are compared on the host.
ROW_VECTORS = ("values",)
IGNORED = ("diagnostics",)
embedding = partial(rnla.lp_subspace_embedding, eps=0.6, rng=0)
# Embeddings by the same rows: the exponent, and the options of `lp_subspace_embedding`.
EMBEDDINGS = {
    "p = 1": (1, {}),
    "p = 2": (2, {}),
    "p = 3": (3, {"method": "lewis"}),
    "p = 4 with a proof": (4, {"method": "even_power", "size": 200}),
    "uniform, tree pivotal": (1.5, {"method": "uniform", "design": "tree_pivotal"}),
    "root leverage, priority": (1, {"size": 100, "method": "root_leverage", "design": "priority"}),
}
REFUSED = {
    "embedding by sensitivities": lambda A: embedding(A, 1, method="sensitivity"),
    "recursive embedding": lambda A: embedding(A, 1, method="recursive", size=20),
    "embedding by a mixture": lambda A: embedding(A, 3, method="mixed"),
    "merge_and_reduce": lambda A: merge_and_reduce([A], 1, size=20, rng=0),
    "OnlineEmbedding": lambda A: rnla.OnlineEmbedding(1, size=20, rng=0).partial_fit(A),
    "sandwich tier": lambda A: rnla.certify_embedding(
        A, rnla.sample_rows(np.ones(60), 20, p=1, rng=0), 1, tiers="sandwich"),

    "lewis_weights active_set": lambda A: rnla.lewis_weights(A, np.inf),
    "lp_sensitivities": lambda A: rnla.lp_sensitivities(A, 1, method="bounds"),
    "max_sensitivity": lambda A: rnla.max_sensitivity(A, 1),
    "total_sensitivity": lambda A: rnla.total_sensitivity(A, 1),
    "blocks": lambda A: list(rnla.as_tall(A).blocks()),
    "gathered row vectors": lambda A: rnla.as_tall(A).row_norms(),
}  # fmt: skip


@pytest.fixture(params=BACKENDS)
def backend(request, cupy):
    return Backend(request.param)


def close(found, expected, tolerance):
    """Numbers, arrays, records and mappings of them, to a relative tolerance."""
    if dataclasses.is_dataclass(expected):
        for field in dataclasses.fields(expected):
            if field.name not in IGNORED:
                close(getattr(found, field.name), getattr(expected, field.name), tolerance)
    elif isinstance(expected, (float, np.ndarray)) or hasattr(expected, "get"):
        found, expected = host(found), host(expected)
        if isinstance(expected, np.ndarray):
            assert found.dtype == expected.dtype
        scale = float(np.max(np.abs(expected), initial=0.0, where=np.isfinite(expected)))
        np.testing.assert_allclose(found, expected, rtol=tolerance, atol=tolerance * scale * 1e-3)
    else:
        assert found == expected


# NumPy runs on one kind only: there it shows that the comparison is right.
CASES = [
    (name, kind, backend)
    for name, (_, kinds) in SAME.items()
    for backend in BACKENDS
    for kind in (kinds if backend == "device" else kinds[:1])
]


@pytest.mark.parametrize(("name", "kind", "backend"), CASES, indirect=["backend"])
def test_values_are_those_of_numpy_in_arrays_of_the_backend(name, kind, backend, monkeypatch):
    """Lewis iterations of an ill-conditioned matrix run in working precision, where two orders of
    summation differ by eps times its condition number, 1e7."""
    monkeypatch.setattr(orthonormal, "_SMALL", 100)  # or every matrix here would come to the host
    function, _ = SAME[name]
    A = difficult(kind)
    expected = function(A)
    found = function(backend.put(A))
    assert all(backend.is_home_of(getattr(found, field)) for field in ROW_VECTORS)
    working = kind == "ill-conditioned" and name.startswith("lewis")
    single = getattr(A, "dtype", None) == np.float32
    for field in ROW_VECTORS:
        tolerance = 1e-6 if single or working else 1e-9
        close(getattr(found, field), getattr(expected, field), tolerance)
    for field in ("rank", "path", "status", "seed", "passes"):
        assert getattr(found, field) == getattr(expected, field)


@pytest.mark.parametrize("name", REFUSED)
def test_what_needs_the_host_says_how_to_convert(name, backend):
    function, A = REFUSED[name], difficult("dense", n=60, d=3)
    if backend.name == "numpy":
        function(backend.put(A))
        return
    with pytest.raises(rnla.ArgumentTypeError, match=r"on (a )?GPU.*cupy\.asnumpy\((A|block)\)"):
        function(backend.put(A))


@pytest.mark.parametrize(
    ("name", "kind", "backend"),
    [
        *((name, "dense", "device") for name in EMBEDDINGS),
        ("p = 1", "sparse", "device"),
        ("p = 2", "sparse", "device"),
        ("p = 2", "dense", "numpy"),
    ],
    indirect=["backend"],
)
def test_embeddings_keep_the_same_rows(name, kind, backend):
    """A keep decision would have to be within rounding of its random number to be another one."""
    p, options = EMBEDDINGS[name]
    A = difficult(kind, n=800, d=3)
    expected = embedding(A, p, **options)
    here = backend.put(A)
    found = embedding(here, p, **options)
    assert 3 < found.size < 800
    np.testing.assert_array_equal(found.indices, expected.indices)
    close(found.weights, expected.weights, 1e-9)
    close(found.certificate.found, expected.certificate.found, 1e-6)
    assert backend.is_home_of(found.scores)
    kept, wanted = found @ here, expected @ A
    assert backend.is_home_of(kept)
    kept = host(kept)
    dense, wanted = (x.toarray() if hasattr(x, "toarray") else x for x in (kept, wanted))
    close(dense, wanted, 1e-9)
    assert found.explain().splitlines()[0] == expected.explain().splitlines()[0]


@pytest.mark.parametrize("kind", ["dense", "sparse", "ill-conditioned"])
@pytest.mark.parametrize("options", [{}, {"intercept": True}, {"leave_out": "copy"}])
def test_ridge_paths_are_those_of_numpy(kind, options, cupy):
    A, put = difficult(kind), Backend("device").put
    B = np.column_stack([np.asarray(A @ np.ones(4)) + np.cos(np.arange(260.0)), np.ones(260)])
    w = 1.0 + np.arange(260.0) % 3
    expected = rnla.ridge(A, B, weights=w, rng=0, **options)
    found = rnla.ridge(put(A), put(B), weights=put(w), rng=0, **options)
    close(found, expected, 1e-7 if kind == "ill-conditioned" else 1e-9)
    with pytest.raises(rnla.ArgumentTypeError, match=r"b: got ndarray.* cupy\.asarray\(b\)"):
        rnla.ridge(put(A), B)


@pytest.mark.parametrize("kind", ["dense", "float32", "sparse", "ill-conditioned"])
@pytest.mark.parametrize("small", [True, False])
def test_least_squares_are_those_of_numpy(kind, small, cupy, monkeypatch):
    assert rnla.lstsq
    if not small:
        monkeypatch.setattr(sys.modules["rnla.regression.lstsq"], "_SMALL", 100)
    A, put = difficult(kind), Backend("device").put
    b = np.asarray(A @ np.ones(4)) + np.cos(np.arange(260.0))
    w = 1.0 + np.arange(260.0) % 3
    for options in ({}, {"weights": w, "ridge": 0.5}):
        expected = rnla.lstsq(A, b, rng=0, **options)
        there = {k: put(v) if k == "weights" else v for k, v in options.items()}
        found = rnla.lstsq(put(A), put(b), rng=0, **there)
        tolerance = {"ill-conditioned": 1e-7, "float32": 1e-6}.get(kind, 1e-9)
        close(found.x, expected.x, tolerance)
        close(found.residual_norm, expected.residual_norm, tolerance)
        for field in ("method", "rank", "status"):  # steps of refinement depend on rounding
            assert getattr(found, field) == getattr(expected, field)
        assert found.method == ("direct" if small else found.method)
    with pytest.raises(rnla.ArgumentTypeError, match=r"b: got ndarray.* cupy\.asarray\(b\)"):
        rnla.lstsq(put(A), b)
    if not small:
        with pytest.raises(rnla.ArgumentTypeError, match=r"LAPACK.*cupy\.asnumpy\(A\)"):
            rnla.lstsq(put(A), put(b), method="direct")


def test_reports_name_arrays_of_a_gpu(cupy):
    scores = rnla.leverage_scores(Backend("device").put(difficult("dense")), rng=0)
    assert "CuPy array of shape (260,) on GPU 0" in to_text(scores)
    assert to_json(scores, arrays=False)["values"] == {"shape": [260]}
    assert to_json(scores, arrays=True)["values"] == scores.values.tolist()
    with pytest.raises(TypeError, match=r"use `\.get\(\)`"):
        np.asarray(scores)


def test_everything_is_kept_where_sampling_saves_nothing(backend):
    found = rnla.lp_subspace_embedding(backend.put(difficult("dense", n=40, d=3)), 1, rng=0)
    assert (found.status.name, found.size) == ("EXACT", 40)


# Numbers that a pass may copy: d x d, and a few vectors of length d.
TRAVEL = {
    "leverage_scores": lambda A: rnla.leverage_scores(A, rng=0),
    "ridge_leverage_scores": lambda A: rnla.ridge_leverage_scores(A, ridge=1.0, rng=0),
    "root_leverage_scores": lambda A: rnla.root_leverage_scores(A, 1, rng=0),
    "lewis_weights": lambda A: rnla.lewis_weights(A, 1, tol=0.1, rng=0),
}


@pytest.mark.parametrize(
    ("name", "kind"), [*((name, "float32") for name in TRAVEL), ("leverage_scores", "sparse")]
)
def test_scores_copy_small_matrices_only(name, kind, cupy, monkeypatch):
    monkeypatch.setattr(orthonormal, "_SMALL", 100)
    A = Backend("device").put(difficult(kind, n=3_000, d=4))
    cupy.copies.clear()
    found = TRAVEL[name](A)
    assert cupy.copies["to host"] + cupy.copies["to device"] <= 100 * found.passes
    assert found.values.dtype == A.dtype


def test_an_embedding_copies_histograms_and_kept_rows_only(cupy):
    """Counts and sums of 2047 binades and of 2048 digits, for a budget and a draw, then 30 rows."""
    A = Backend("device").put(difficult("float32", n=30_000, d=3))
    cupy.copies.clear()
    found = embedding(A, 1, size=30, method="leverage", certify=False)
    assert found.size < 60
    assert cupy.copies["to host"] + cupy.copies["to device"] < 25_000
    kept = found @ A
    assert kept.dtype == np.float32
    assert Backend("device").is_home_of(kept)
