"""Rows of the host on a GPU: copied once or streamed, in time, and never by themselves."""

from __future__ import annotations

import os
import sys

import numpy as np
import pytest
import scipy.sparse as sp

import rnla
from rnla.sketch import CountSketch
from rnla.tall import _device_copies, as_tall, device_engine
from tests.kernels.cuda_host.streams import RaceError
from tests.tall.array_homes import DENSE, SPARSE

from .backends import Backend, difficult, host
from .inventory import ON_DEVICE
from .test_inventory import leaves

N = 300


def slow(case):
    """A case that `make test` leaves out, since another one is like it."""
    return pytest.param(case, marks=pytest.mark.slow)


KINDS = (
    *(slow("float32"), slow("Fortran"), slow("integers"), slow("sparse")),
    *("dense", "sparse float32"),
)


@pytest.fixture
def small_gpu(cupy, monkeypatch):
    """A GPU that is full and works on 128 rows at a time; pieces of copies have a few rows."""
    monkeypatch.setattr(device_engine, "_UNIT", 128)
    monkeypatch.setattr(cupy.cuda.Device, "mem_info", (1, 32 * 128 * 8 * 4))
    monkeypatch.setattr(_device_copies, "_BUFFER", 500)
    return cupy


def passes(tall):
    """Passes of all kinds over `tall`, on the host; row vectors of the host are put beside it."""
    tall = tall.distributed()
    xp = sys.modules["cupy"]
    M = np.random.default_rng(1).standard_normal((4, 3))
    x = xp.asarray(np.random.default_rng(2).uniform(0.5, 2.0, tall.shape[0]))
    found = {
        "gram": tall.gram(),
        "gram s M": tall.gram(row_scale=x, M=M),
        "norms": tall.row_norms(),
        "norms M 1": tall.row_norms(M, p=1),
        "quadratic": tall.quadratic(np.eye(4) + 1.0),
        "row maxima": tall.scan().row_max,
        "column maxima": tall.scan().column_max,
        "matmul": tall.matmul(M),
        "rmatmul": tall.rmatmul(x),
        "twin": tall.twin(np.array([0.5, 2.0, 4.0, 1.0])).gram(),
        "border": tall.with_columns(x, ones=True).gram(),
        "scaled": tall.scaled_rows(x).row_norms(),
        "low": tall.row_norms(M, low=1e-17 * M[:, 1:]),
        "sketch": tall.sketch(CountSketch(20, tall.shape[0]).draw(0)),
        "whole": tall.whole(),
        "some": tall.take(np.array([5, 0, -1])),
        "passes": np.array(tall.passes),
    }
    return {name: host(value) for name, value in found.items()}


def compare(found, expected, *, exact=True):
    for name, value in expected.items():
        other = found[name]
        if sp.issparse(value):
            value, other = value.toarray(), other.toarray()
        if exact:
            np.testing.assert_array_equal(other, value, err_msg=name)
        else:
            scale = np.max(np.abs(value))
            np.testing.assert_allclose(other, value, rtol=1e-12, atol=1e-13 * scale, err_msg=name)


@pytest.mark.parametrize("kind", KINDS)
def test_streamed_rows_have_the_bits_of_rows_on_the_gpu(kind, small_gpu):
    A = difficult(kind, n=N)
    there = as_tall(Backend("device").put(A))
    streamed = as_tall(A, device="cuda")
    assert "streamed to GPU 0 by " in repr(streamed)
    assert len(list(streamed._engine._blocks(True))) >= 2
    compare(passes(streamed), passes(there))


@pytest.mark.parametrize("kind", KINDS)
def test_rows_that_fit_are_copied_once(kind, cupy, monkeypatch):
    monkeypatch.setattr(_device_copies, "_BUFFER", 500)
    A = difficult(kind, n=N)
    there = as_tall(Backend("device").put(A))
    cupy.copies.clear()
    kept = as_tall(A, device="cuda:0")
    assert "copied to GPU 0" in repr(kept)
    assert kept.dtype == there.dtype
    entries = A.nnz if sp.issparse(A) else A.size
    assert entries <= cupy.copies["to device"] <= 2 * entries + N + 2
    cupy.copies.clear()
    compare(passes(kept), passes(there))
    assert cupy.copies["to device"] < 3000


HOMES = {
    "npy C": "float32", "npy Fortran": "dense", "npy shards": "dense", "zarr": "dense",
    "hdf5": "float32", "list of blocks": "integers", "generator function": "dense",
    "npz stored": "sparse", "npz compressed": "sparse float32", "CSR blocks": "sparse",
    "CSR generator": "sparse",
}  # fmt: skip


OFTEN = ("npy Fortran", "hdf5", "generator function", "npz compressed")


@pytest.mark.parametrize("home", [home if home in OFTEN else slow(home) for home in HOMES])
def test_files_and_blocks_are_streamed(home, small_gpu, tmp_path, monkeypatch):
    """From the file in every pass, since nothing fits anywhere."""
    monkeypatch.setattr("rnla.tall.convert.fits", lambda source, memory: False)
    A = difficult(HOMES[home], n=N)
    expected = passes(as_tall(Backend("device").put(A)))
    here = A.toarray() if home in SPARSE else A
    streamed = as_tall({**DENSE, **SPARSE}[home](here, tmp_path), device="cuda")
    streamed.passes = 0
    assert "streamed" in repr(streamed)
    compare(passes(streamed), expected)


@pytest.mark.parametrize(("home", "kept"), [("npy C", True), ("npz stored", True), ("hdf5", False)])
def test_files_are_read_once_if_they_fit_the_gpu_or_the_host(home, kept, cupy, tmp_path, request):
    if not kept:
        request.getfixturevalue("small_gpu")
    A = difficult("sparse" if home in SPARSE else "dense", n=N)
    path = {**DENSE, **SPARSE}[home](A.toarray() if home in SPARSE else A, tmp_path)
    expected = passes(as_tall(Backend("device").put(A)))
    tall = as_tall(path, device="cuda")
    assert ("copied" if kept else "streamed") in repr(tall)
    assert tall.passes == 1
    tall.passes = 0
    os.remove(str(path).partition(":")[0])
    compare(passes(tall), expected)


def test_tables_keep_their_names(cupy, tmp_path):
    pytest.importorskip("pyarrow")
    import pyarrow as pa
    import pyarrow.parquet as pq

    A = difficult("dense", n=N)
    pq.write_table(pa.table({f"c{j}": A[:, j] for j in range(4)}), tmp_path / "t.parquet")
    tall = as_tall(tmp_path / "t.parquet", columns=["c2", "c0"], device="cuda")
    assert tall.column_names == ("c2", "c0")
    expected = as_tall(Backend("device").put(np.ascontiguousarray(A[:, [2, 0]])))
    np.testing.assert_array_equal(tall.distributed().gram(), expected.distributed().gram())


def test_a_budget_bounds_the_blocks(cupy, monkeypatch):
    """Nothing is allocated that has more numbers than a block has in float64, but row vectors."""
    monkeypatch.setattr(device_engine, "_UNIT", 64)
    n, d = 4000, 32
    A = np.random.default_rng(0).standard_normal((n, d)).astype(np.float32)
    budget = 8 * 8 * n + 8 * 8 * 2 * d * 64
    tall = as_tall(A, device="cuda", memory=budget)
    assert "streamed to GPU 0 by 64 rows" in repr(tall)
    made, empty = [], cupy.empty
    monkeypatch.setattr(cupy, "empty", lambda shape, dtype=float: _noted(empty(shape, dtype), made))
    tall.distributed().row_norms(np.eye(d))
    tall.distributed().gram()
    assert made.count(8 * n) == 1  # the row norms
    assert max(size for size in made if size != 8 * n) <= 8 * d * 64
    with pytest.raises(rnla.ArgumentError, match=r"memory: got .* MiB of a GPU; expected at least"):
        as_tall(A, device="cuda", memory=budget - 1)


def _noted(array, made):
    made.append(array.nbytes)
    return array


def test_a_budget_changes_sums_by_rounding_only(cupy, monkeypatch):
    monkeypatch.setattr(device_engine, "_UNIT", 64)
    A = difficult("dense", n=1000)
    there = passes(as_tall(Backend("device").put(A)))
    streamed = as_tall(A, device="cuda", memory="100 kB")
    assert "streamed" in repr(streamed)
    compare(passes(streamed), there, exact=False)


@pytest.mark.parametrize("kind", ["dense", "sparse float32"])
def test_scores_are_those_of_rows_on_the_gpu(kind, small_gpu, monkeypatch):
    monkeypatch.setattr("rnla.basis.orthonormal._SMALL", 100)
    A = difficult(kind, n=N)
    expected = rnla.lewis_weights(Backend("device").put(A), 1, tol=1e-2, rng=0)
    found = rnla.lewis_weights(as_tall(A, device="cuda"), 1, tol=1e-2, rng=0)
    assert type(found.values) is small_gpu.ndarray
    np.testing.assert_array_equal(found.values.get(), expected.values.get())
    assert (found.passes, found.rank) == (expected.passes, expected.rank)


def test_embeddings_are_those_of_numpy(small_gpu, monkeypatch):
    monkeypatch.setattr(small_gpu.cuda.Device, "mem_info", (1, 32 * 128 * 8 * 4 * 4))
    A = difficult("dense", n=500, d=2)
    tall = as_tall(A, device="cuda")
    expected = rnla.lp_subspace_embedding(A, 2, size=60, rng=0)
    found = rnla.lp_subspace_embedding(tall, 2, size=60, rng=0)
    np.testing.assert_array_equal(found.indices, expected.indices)
    np.testing.assert_allclose(found.weights, expected.weights, rtol=1e-9)
    for A_, place in ((tall, small_gpu.ndarray), (A, np.ndarray)):
        kept = found @ A_
        assert type(kept) is place
        np.testing.assert_allclose(host(kept), expected @ A, rtol=1e-9)


MATRICES = [
    name for name, call in ON_DEVICE.items()
    if any(name in ("A", "factor") for name in call.arrays)
    and name.partition(".")[0] not in ("sketch", "approximation", "calibration")
]  # fmt: skip


OFTEN_CALLED = ("scores.ridge_leverage_scores", "regression.lstsq", "dpp.projection_dpp")


@pytest.mark.parametrize(
    "name", [name if name in OFTEN_CALLED else slow(name) for name in MATRICES]
)
def test_all_that_runs_on_a_gpu_runs_on_streamed_rows(name, cupy, monkeypatch):
    """The same bits as for a matrix that is on the GPU, in four blocks each."""
    monkeypatch.setattr(device_engine, "_UNIT", 16)
    monkeypatch.setattr(cupy.cuda.Device, "mem_info", (1, 16384))
    put, call = Backend("device").put, ON_DEVICE[name]

    def streamed(x):
        there = as_tall(x, device="cuda") if x.ndim == 2 else put(x)
        assert x.ndim == 1 or "by 16 rows" in repr(there)
        return there

    expected, found = dict(leaves(call(put))), dict(leaves(call(streamed)))
    assert found.keys() == expected.keys()
    for path, one in expected.items():
        if isinstance(one, (float, np.ndarray)):
            np.testing.assert_array_equal(found[path], one, err_msg=path)


# In time ----------------------------------------------------------------------------------------


def test_a_pass_waits_for_the_gpu_once(small_gpu, monkeypatch):
    """What the host waits for in a pass is a page-locked buffer, or the small result at the end."""
    tall = as_tall(difficult("dense", n=N), device="cuda").distributed()
    stream, awaited = small_gpu.cuda.Stream, []
    wait = stream.synchronize
    monkeypatch.setattr(
        stream, "synchronize", lambda self: awaited.append(self is stream.null) or wait(self)
    )
    small_gpu.copies.clear()
    tall.gram(M=np.eye(4, 2))
    assert awaited == [False, True] or awaited == [True, False]
    assert small_gpu.copies["gets"] == 1


def test_the_next_block_is_copied_while_this_one_is_worked_on(small_gpu, monkeypatch):
    """The copy of a block does not wait for work that was queued after the block before it."""
    tall, order = as_tall(difficult("dense", n=N), device="cuda").distributed(), []
    wait, use = small_gpu.cuda.Stream.wait_event, _device_copies._copy_dense
    names = {}

    def noted(self, event):
        if self is not small_gpu.cuda.Stream.null:
            order.append(("copy waits for", names.get(id(event))))
        return wait(self, event)

    monkeypatch.setattr(small_gpu.cuda.Stream, "wait_event", noted)

    def copied(place, copier, pieces, start, stop, header):
        order.append(("copy", start))
        return use(place, copier, pieces, start, stop, header)

    monkeypatch.setattr(_device_copies, "_copy_dense", copied)
    record = small_gpu.cuda.Event.record

    def recorded(self, stream=None):
        if stream is small_gpu.cuda.Stream.null:
            names[id(self)] = order[-1] if order else None
        return record(self, stream)

    monkeypatch.setattr(small_gpu.cuda.Event, "record", recorded)
    tall.fold(lambda block, start, out: order.append(("work", start)), (1,))
    first = order.index(("copy", 0))
    assert [what for what in order[first:] if what[0] != "copy waits for"] == [
        ("copy", 0), ("work", 0), ("copy", 128), ("work", 128), ("copy", 256), ("work", 256),
    ]  # fmt: skip
    waits = [what[1] for what in order[first:] if what[0] == "copy waits for"]
    assert waits == [None, ("work", 0)]  # block 256 waits for the place that block 0 has left


WRONG = {
    "work does not wait for copies": ("lead", lambda self: None),
    "copies do not wait for what memory was used for": ("follow", lambda self: None),
}


@pytest.mark.parametrize("name", WRONG)
def test_a_block_that_is_used_before_its_copy_is_complete_is_found(name, small_gpu, monkeypatch):
    """Must fail: without one of the two directions of waiting."""
    tall = as_tall(difficult("dense", n=N), device="cuda")
    monkeypatch.setattr(_device_copies._Copier, *WRONG[name])
    with pytest.raises(RaceError):
        tall.gram()


def test_a_place_that_is_filled_while_it_is_worked_on_is_found(small_gpu, monkeypatch):
    """Must fail: the third block goes to the place of the first without waiting."""
    tall = as_tall(difficult("dense", n=N), device="cuda")
    stream, asked = small_gpu.cuda.Stream, []
    wait = stream.wait_event

    def forgetful(self, event):
        if self is not stream.null:
            asked.append(event)
        if self is stream.null or len(asked) <= most:
            wait(self, event)

    monkeypatch.setattr(stream, "wait_event", forgetful)
    most = 5  # for the memory of two places, and before each of three blocks
    tall.gram()
    assert len(asked) == most
    most, asked = 4, []
    with pytest.raises(RaceError, match="copied into that may still be in use"):
        tall.gram()


def test_a_buffer_that_is_filled_before_it_has_left_gives_wrong_numbers(small_gpu, monkeypatch):
    """Must fail: copies are late, and take what is in the page-locked buffer by then."""
    A = difficult("dense", n=N)
    expected, tall = as_tall(A).row_norms(), as_tall(A, device="cuda").distributed()
    np.testing.assert_allclose(tall.row_norms().get(), expected, rtol=1e-12)
    monkeypatch.setattr(small_gpu.cuda.Event, "synchronize", lambda self: None)
    assert not np.allclose(tall.row_norms().get(), expected)


def test_a_failing_visit_leaves_nothing_queued(small_gpu):
    tall = as_tall(difficult("dense", n=N), device="cuda")

    def fails(block, start, out):
        if start:
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        tall.fold(fails, (1,))
    np.testing.assert_allclose(tall.gram(), as_tall(difficult("dense", n=N)).gram(), rtol=1e-12)


# Refused ----------------------------------------------------------------------------------------


def test_a_missing_package_names_the_argument(monkeypatch):
    monkeypatch.setitem(sys.modules, "cupy", None)
    with pytest.raises(rnla.MissingPackageError, match=r"device='cuda': cupy: .*rnla\[cuda\]"):
        as_tall(difficult("dense"), device="cuda")


def test_without_a_gpu_the_argument_is_named(cupy, monkeypatch):
    monkeypatch.setattr(cupy, "is_available", lambda: False)
    with pytest.raises(rnla.ArgumentError, match=r"device: got 'cuda', but CuPy finds no GPU"):
        as_tall(difficult("dense"), device="cuda")


@pytest.mark.parametrize("device", ["gpu", "cuda:", "cpu", 0, "cuda:-1"])
def test_other_names_are_refused(device):
    with pytest.raises(rnla.ArgumentTypeError, match=r'device: got .* expected None, "cuda"'):
        as_tall(difficult("dense"), device=device)


def test_the_gpu_has_to_exist_and_be_the_current_one(cupy):
    A = difficult("dense")
    with pytest.raises(rnla.ArgumentError, match=r"device: got 'cuda:2'; expected a number below"):
        as_tall(A, device="cuda:2")
    with pytest.raises(rnla.ArgumentError, match=r"'cuda:1' while GPU 0 .* cupy\.cuda\.Device\(1"):
        as_tall(A, device="cuda:1")
    with cupy.cuda.Device(1):
        assert "copied to GPU 1" in repr(as_tall(A, device="cuda:1"))
        there = cupy.asarray(A)
        assert "on GPU 1" in repr(as_tall(there, device="cuda"))
    with pytest.raises(rnla.ArgumentError, match="GPU 1 while GPU 0"):
        as_tall(there, device="cuda")


def test_what_is_elsewhere_is_not_moved(cupy, tmp_path):
    da = pytest.importorskip("dask.array")
    A = difficult("dense")
    np.save(tmp_path / "A.npy", A)
    with pytest.raises(rnla.ArgumentError, match=r"device: .* A\.map_blocks\(cupy\.asarray\)"):
        as_tall(da.from_array(A), device="cuda")
    with pytest.raises(rnla.ArgumentError, match=r"device: .* rows that Dask reads"):
        as_tall(tmp_path / "A.npy", dask=True, device="cuda")
    with pytest.raises(rnla.ArgumentError, match=r"device: got 'cuda' for a TallMatrix"):
        as_tall(as_tall(A), device="cuda")
    with pytest.raises(rnla.ArgumentError, match=r"columns: .* for a matrix in memory"):
        as_tall(A, device="cuda", columns=[0])
    with pytest.raises(rnla.ArgumentTypeError, match=r"A: .*leave device out of as_tall"):
        as_tall(A, device="cuda").row_norms()


@pytest.mark.parametrize("full", [True, False])
def test_a_bad_row_is_named_where_it_comes_from(full, cupy, tmp_path, request):
    if full:
        request.getfixturevalue("small_gpu")
    A = difficult("dense", n=N)
    A[[140, 290], 1] = np.nan, np.inf
    DENSE["npy shards"](A, tmp_path)
    tall = as_tall(tmp_path / "part-*.npy", device="cuda").distributed()
    with pytest.raises(rnla.ArgumentError, match=r"2 row\(s\) .* first is row 140 .*part-2\.npy"):
        tall.scan()


def test_files_that_change_are_noticed(small_gpu, tmp_path, monkeypatch):
    monkeypatch.setattr("rnla.tall.convert.fits", lambda source, memory: False)
    A = difficult("dense", n=N)
    tall = as_tall(DENSE["npy C"](A, tmp_path), device="cuda")
    tall.gram()
    np.save(tmp_path / "c.npy", A[:-1])
    with pytest.raises(rnla.DamagedFileError):
        tall.gram()


# PyTorch ----------------------------------------------------------------------------------------


@pytest.mark.slow
def test_tensors_of_the_cpu_are_numpy_arrays(cupy):
    """What comes back is NumPy's, or CuPy's if a GPU was named; to look at one copies nothing."""
    torch = pytest.importorskip("torch", reason="PyTorch is an optional extra")
    for kind in ("float32", "integers"):
        A = difficult(kind)
        expected = rnla.leverage_scores(A, rng=0)
        tensor = torch.from_numpy(A)
        found = rnla.leverage_scores(tensor, rng=0)
        assert type(found.values) is np.ndarray
        assert np.shares_memory(as_tall(tensor)._engine._source._array, A)
        np.testing.assert_array_equal(found.values, expected.values)
        there = rnla.leverage_scores(as_tall(tensor, device="cuda"), rng=0)
        assert type(there.values) is cupy.ndarray
        np.testing.assert_allclose(there.values.get(), expected.values, rtol=1e-6)
    values = torch.from_numpy(found.values)
    assert values.dtype == torch.float64
    parameter = torch.ones((5, 2), dtype=torch.float64, requires_grad=True)
    np.testing.assert_array_equal(as_tall(parameter).gram(), np.full((2, 2), 5.0))
    with pytest.raises(rnla.ArgumentTypeError, match="dtype float16"):
        as_tall(torch.ones((5, 2), dtype=torch.float16))
    with pytest.raises(rnla.ArgumentTypeError, match=r"layout torch\.sparse_coo"):
        as_tall(torch.ones((5, 2)).to_sparse())
