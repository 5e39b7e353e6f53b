"""Rows in Dask collections: any chunks and any scheduler give the bits of rows in memory."""

from __future__ import annotations

import os
import signal
import time

import numpy as np
import pytest
import scipy.sparse as sp
from hypothesis import given, settings
from hypothesis import strategies as st

from rnla import ArgumentError, RnlaError, leverage_scores, lewis_weights
from rnla.tall import _cut, _dask_pass, as_tall
from rnla.tall._dask_tasks import Job, Reader, layout
from rnla.tall._reduction import ADD
from rnla.tall.dask_collections import open_dask
from tests.tall.test_engine import PASSES

dask = pytest.importorskip("dask")
da = pytest.importorskip("dask.array")
distributed = pytest.importorskip("distributed")

N, D, STRIP = 5000, 8, 1024


@pytest.fixture
def small_strips(monkeypatch):
    """Blocks of 64 rows, strips of 1024: five strips."""
    monkeypatch.setattr(_cut, "_BLOCK_ELEMENTS", 2**9)


@pytest.fixture(scope="module")
def client():
    """Two worker processes with one thread each, which do not take each other's tasks."""
    settings = {
        "distributed.admin.log-length": 100_000,
        "distributed.scheduler.work-stealing": False,  # it moves chunks on a busy machine
    }
    with (
        dask.config.set(settings),
        distributed.LocalCluster(
            n_workers=2, threads_per_worker=1, dashboard_address=":0", memory_limit=None
        ) as cluster,
        distributed.Client(cluster, set_as_default=False) as client,
    ):
        yield client


def matrix(kind):
    rng = np.random.default_rng(0)
    if kind == "sparse":
        return sp.random_array((N, D), density=0.4, rng=rng, format="csr")
    A = rng.standard_normal((N, D))
    return A.astype(np.float32) if kind == "float32" else A


def chunked(A, sizes):
    """A as a Dask array with chunks of these sizes."""
    ends = np.cumsum(sizes)
    if not sp.issparse(A):
        pieces = [A[end - size : end] for size, end in zip(sizes, ends, strict=True)]
        blocks = [
            da.from_delayed(dask.delayed(piece, pure=False, traverse=False), piece.shape, A.dtype)
            for piece in pieces
        ]
    else:
        blocks = [
            da.from_delayed(
                dask.delayed(A[end - size : end], pure=False, traverse=False),
                (size, A.shape[1]),
                meta=A[:0],
            )
            for size, end in zip(sizes, ends, strict=True)
        ]
    return da.concatenate(blocks)


@st.composite
def chunkings(draw, n=N):
    """Sizes of chunks, among them 0, 1 and such that end at or beside a strip."""
    near = st.sampled_from([k * STRIP + e for k in range(n // STRIP + 1) for e in (-1, 0, 1)])
    cuts = draw(st.lists(st.integers(0, n) | near, max_size=12))
    singles = draw(st.lists(st.integers(0, n - 5), max_size=2))
    cuts += [first + k for first in singles for k in range(4)]
    edges = np.sort(np.clip([0, *cuts, n], 0, n))
    return tuple(np.diff(edges).tolist())


ALL = {
    **PASSES,
    "matmul": lambda tall, M, s: tall.matmul(M),
    "matvec": lambda tall, M, s: tall.matmul(M[:, 0]),
    "rmatmul of two": lambda tall, M, s: tall.rmatmul(np.stack([s, -s], axis=1)),
    "row maxima": lambda tall, M, s: tall.scan().row_max,
}


def small():
    rng = np.random.default_rng(1)
    return rng.standard_normal((D, D)), rng.uniform(size=N)


def same(A, B):
    """Equal to the last bit; either may be a Dask array or sparse."""
    if sp.issparse(A):
        A, B = A.toarray(), B.toarray()
    np.testing.assert_array_equal(np.asarray(A), np.asarray(B))


# Chunks -----------------------------------------------------------------------------------------


@given(chunkings())
def test_every_row_is_in_the_part_of_the_chunk_where_its_strip_begins(sizes):
    edges = np.cumsum([0, *sizes]).tolist()
    parts = layout(edges, STRIP)
    assert [part.start for part in parts] == [0, *(part.stop for part in parts[:-1])]
    assert parts[-1].stop == N
    for part in parts:
        assert part.start % STRIP == 0
        assert edges[part.chunk] <= part.start < edges[part.chunk + 1]
        assert part.start == edges[part.chunk] + part.skip
        last = (part.stop - 1) // STRIP * STRIP  # begins in this chunk too
        assert edges[part.chunk] <= last < edges[part.chunk + 1]
        assert sum(size for _, size in part.more) == max(0, part.stop - edges[part.chunk + 1])
        assert sum(size for _, size in part.more) < STRIP


@pytest.mark.parametrize("kind", ["dense", "float32", "sparse"])
@settings(max_examples=8)
@given(chunkings(), st.sampled_from(["threads", "synchronous"]), chunkings())
def test_I5_any_chunks_give_the_bits_of_rows_in_memory(kind, sizes, scheduler, other_sizes):
    with pytest.MonkeyPatch.context() as patch, dask.config.set(scheduler=scheduler):
        patch.setattr(_cut, "_BLOCK_ELEMENTS", 2**9)
        A = matrix(kind)
        here, there = as_tall(A), as_tall(chunked(A, sizes))
        assert there.shape == here.shape
        assert (there.dtype, there.is_sparse) == (here.dtype, here.is_sparse)
        assert (there.entry_count, there.pair_count) == (here.entry_count, here.pair_count)
        M, s = small()
        distributed_s = da.from_array(s, chunks=(other_sizes,))
        for run in ALL.values():
            same(run(there, M, s), run(here, M, s))
            same(run(there.distributed(), M, s), run(here, M, s))
        same(there.gram(row_scale=distributed_s), here.gram(row_scale=s))
        for (start, block), (begin, expected) in zip(there.blocks(), here.blocks(), strict=True):
            assert start == begin
            same(block, expected)


@pytest.mark.parametrize("kind", ["dense", "float32", "sparse"])
@settings(max_examples=10)
@given(chunkings(), st.lists(st.integers(-N, N - 1), max_size=20))
def test_take_returns_the_rows_in_the_order_asked(kind, sizes, rows):
    A = matrix(kind)
    taken = as_tall(chunked(A, sizes)).take(np.array(rows, dtype=np.int64))
    assert taken.dtype == A.dtype
    assert taken.shape == (len(rows), D)
    same(taken, A[np.array(rows, dtype=np.int64)])
    with pytest.raises(IndexError):
        as_tall(chunked(A, sizes)).take([0, N])


def test_views_work_on_workers(small_strips):
    A = matrix("dense") * np.array([1e-290] + [1.0] * (D - 1))
    there, here = as_tall(chunked(A, (999, 1, 4000))), as_tall(A)
    units = np.array([2.0**960] + [1.0] * (D - 1))
    same(there.twin(units).gram(), here.twin(units).gram())
    same(there.twin(units).take([3, 4999]), here.twin(units).take([3, 4999]))


def test_strip_rows_says_which_chunks_are_parts(small_strips):
    tall = as_tall(chunked(matrix("dense"), (2048, 1024, 1928)))
    assert tall.strip_rows == STRIP
    assert not any(part.more for part in tall._engine._parts)


def test_row_vectors_stay_in_parts(small_strips):
    tall = as_tall(chunked(matrix("dense"), (1500, 1500, 2000))).distributed()
    norms = tall.row_norms()
    assert norms.chunks == ((2048, 1024, 1928),)
    assert tall.matmul(np.eye(D)).chunks == ((2048, 1024, 1928), (D,))


@pytest.mark.parametrize("kind", ["dense", "sparse"])
def test_columns_in_several_chunks_are_brought_together(small_strips, kind):
    A = matrix(kind)
    array = chunked(A, (2000, 3000))
    if kind == "dense":
        array = array.rechunk({1: 3})
    same(as_tall(array).gram(), as_tall(A).gram())


def test_sparse_chunks_need_not_be_canonical(small_strips):
    A = matrix("sparse")
    kinds = [sp.csc_array, sp.coo_matrix, sp.csr_matrix, _twice_and_unsorted]
    blocks = [
        da.from_delayed(
            dask.delayed(kind(A[1250 * i : 1250 * i + 1250])), (1250, D), meta=sp.csr_array((0, D))
        )
        for i, kind in enumerate(kinds)
    ]
    there, here = as_tall(da.concatenate(blocks)), as_tall(A)
    assert there.entry_count == here.entry_count
    same(there.gram(), here.gram())
    same(there.take([4999, 3749]), here.take([4999, 3749]))


def _twice_and_unsorted(A):
    """Every entry as two halves, columns descending."""
    coo = sp.csr_array(A).tocoo()
    order = np.lexsort((-coo.coords[1], coo.coords[0]))
    data, columns = np.repeat(coo.data[order] / 2, 2), np.repeat(coo.coords[1][order], 2)
    return sp.csr_array((data, columns, 2 * sp.csr_array(A).indptr), shape=A.shape)


def test_unknown_chunk_sizes_are_counted(small_strips):
    A = matrix("dense")
    array = chunked(A, (1000,) * 5)
    chosen = array[da.from_array(A[:, 0] > 0, chunks=1000)]
    assert np.isnan(chosen.shape[0])
    same(as_tall(chosen).gram(), as_tall(A[A[:, 0] > 0]).gram())
    assert np.isnan(chosen.shape[0])  # the user's array is as it was


# What a pass costs ------------------------------------------------------------------------------


class Loader:
    """Loads chunks and counts how often."""

    def __init__(self, A):
        self.A, self.loads = A, 0

    def __call__(self, start, stop):
        self.loads += 1
        return self.A[start:stop]

    def array(self, sizes):
        ends = np.cumsum(sizes).tolist()
        load = dask.delayed(self, pure=False, traverse=False)
        return da.concatenate(
            [
                da.from_delayed(load(end - size, end), (size, self.A.shape[1]), self.A.dtype)
                for size, end in zip(sizes, ends, strict=True)
            ]
        )


@pytest.mark.parametrize("kept", [False, True])
def test_a_pass_reads_each_chunk_once(small_strips, kept):
    loader = Loader(matrix("dense"))
    with dask.config.set(scheduler="synchronous"):
        tall = as_tall(loader.array((700, 300, 1048, 1, 2951)))
        assert loader.loads == 0  # nothing is computed until it is needed
        tall = tall.distributed() if kept else tall
        for run in (lambda: tall.gram(), lambda: tall.row_norms(), lambda: tall.scan()):
            loader.loads = 0
            run()
            assert loader.loads == 5


def test_lazy_row_values_are_computed_when_asked_for(small_strips):
    loader = Loader(matrix("dense"))
    with dask.config.set(scheduler="synchronous"):
        engine = open_dask(loader.array((2500, 2500)), "A")
        norms = engine.lazy(_row_sums)
        assert loader.loads == 0
        assert norms.shape == (N,)
        np.testing.assert_array_equal(norms.compute(), as_tall(loader.A).each(_row_sums))
        assert loader.loads == 2


def _row_sums(block, start, out):
    return block.sum(axis=1)


def test_take_loads_only_the_chunks_that_hold_the_rows(small_strips):
    loader = Loader(matrix("dense"))
    with dask.config.set(scheduler="synchronous"):
        as_tall(loader.array((1000,) * 5)).take([4999, 1, 4500])
    assert loader.loads == 2


def test_small_arguments_enter_the_graph_once():
    from functools import partial

    import cloudpickle

    from rnla.tall import _visits

    rows = open_dask(da.zeros((200 * STRIP, 64), chunks=(STRIP, 64)), "A")._rows
    M = np.random.default_rng(0).standard_normal((64, 64))
    parts = layout(rows.edges, STRIP)
    job = Job.of(Reader(64, False), partial(_visits.gram, M), 64, (64, 64), ADD, None, False)
    graph = _dask_pass.Pass(rows, parts, job, ())._layer
    assert len(parts) == 200
    assert M.nbytes < job.size < M.nbytes + 2000
    assert len(cloudpickle.dumps(graph)) < M.nbytes + 200 * 1000


def _unaligned(A):
    """A copy that begins one byte after a multiple of eight, as arrays in messages may."""
    memory = np.empty(A.nbytes + 16, dtype=np.uint8)
    first = -memory.ctypes.data % 8 + 1
    copy = memory[first : first + A.nbytes].view(A.dtype).reshape(A.shape)
    copy[...] = A
    assert not copy.flags.aligned
    return copy


def test_where_an_array_begins_in_memory_does_not_change_a_bit(small_strips):
    A = matrix("dense")
    M, s = small()
    here = as_tall(A)
    for there in (
        as_tall(_unaligned(A)),
        as_tall(da.from_delayed(dask.delayed(_unaligned)(A), A.shape, A.dtype)),
    ):
        for run in ALL.values():
            same(run(there, M, s), run(here, M, s))


# Other schedulers -------------------------------------------------------------------------------


def test_processes_give_the_same_bits(small_strips):
    A = matrix("dense")
    M, s = small()
    with dask.config.set(scheduler="processes", num_workers=2):
        tall = as_tall(chunked(A, (3000, 2000)))
        same(tall.gram(M=M, row_scale=s), as_tall(A).gram(M=M, row_scale=s))


@pytest.mark.parametrize("kind", ["dense", "sparse"])
def test_a_cluster_gives_the_same_bits(small_strips, client, kind):
    A = matrix(kind)
    M, s = small()
    with client.as_current():
        there, here = as_tall(chunked(A, (700, 300, 1048, 0, 1, 2951))), as_tall(A)
        for run in ALL.values():
            same(run(there.distributed(), M, s), run(here, M, s))
        same(there.take([4, -1, 4]), here.take([4, -1, 4]))
        same(there.gram(), here.gram())


def test_errors_reach_the_caller_from_a_cluster(client):
    A = matrix("dense")
    A[3456, 2] = np.nan
    with client.as_current():
        with pytest.raises(ArgumentError, match=r"first is row 3456 \(chunk 3\)"):
            as_tall(chunked(A, (1000,) * 5)).scan()
        wrong = chunked(A, (1000,) * 5).map_blocks(lambda block: block[:500], dtype=A.dtype)
        with pytest.raises(ArgumentError, match=r"chunk \d with shape \(500, 8\)"):
            as_tall(wrong).gram()


# Lost workers -----------------------------------------------------------------------------------


def _die_once(marker, block, start, out):
    """The pass of `gram`, in which the process that visits row 2048 is killed the first time."""
    if start == 2048 and not os.path.exists(marker):
        with open(marker, "w"):
            pass
        os.kill(os.getpid(), signal.SIGKILL)
    out += block.T @ block


def pids(client):
    return sorted(client.run(os.getpid).values())


def wait_for_two(client):
    client.wait_for_workers(2, timeout=60)


def test_a_worker_killed_within_a_pass_changes_nothing(small_strips, client, tmp_path):
    from functools import partial

    A = matrix("dense")
    marker = str(tmp_path / "died")
    with client.as_current():
        before = pids(client)
        tall = as_tall(chunked(A, (1000,) * 5).persist())
        found = tall.fold(partial(_die_once, marker), (D, D))
        same(found, as_tall(A).fold(partial(_die_once, marker), (D, D)))
        wait_for_two(client)
        assert os.path.exists(marker)
        assert pids(client) != before


def test_a_worker_killed_while_lewis_weights_run_changes_nothing(small_strips, client, monkeypatch):
    A = matrix("dense")
    expected = lewis_weights(A, 1.5, rng=0)
    with client.as_current():
        array = chunked(A, (700, 300, 1048, 1, 2951)).persist()
        distributed.wait(array)
        victims, passes = pids(client), []
        plain = _dask_pass.Pass.__init__

        def watched(self, *arguments):
            passes.append(time.perf_counter())
            if len(passes) == 5:
                os.kill(victims[0], signal.SIGKILL)  # it holds chunks and row vectors
            plain(self, *arguments)

        monkeypatch.setattr(_dask_pass.Pass, "__init__", watched)
        found = lewis_weights(array, 1.5, rng=0)
        same(found.values, expected.values)
        assert found.iterations == expected.iterations
        assert len(passes) >= 8
        wait_for_two(client)
        assert victims[0] not in pids(client)


# Bytes moved ------------------------------------------------------------------------------------


def _sent(dask_worker):
    log = [(entry["total"], len(entry["keys"])) for entry in dask_worker.transfer_outgoing_log]
    dask_worker.transfer_outgoing_log.clear()
    return log


def moved(client):
    """Bytes that workers sent, to each other or to the client, and how many objects these were.

    Dask counts the bytes of arrays, and of a job those of its pickled form.
    """
    logs = client.run(_sent)
    entries = [entry for log in logs.values() for entry in log]
    return sum(total for total, _ in entries), sum(objects for _, objects in entries)


def _normal(n, d, rows):
    return da.random.default_rng(0).standard_normal((n, d), chunks=(rows, d)).persist()


_PER_OBJECT = 512  # bytes: what pickled functions and Python objects take beside their arrays


def test_check_32_bytes_moved_on_two_workers(client, record_property):
    """At most 2 (T d^2 k + m d) words of 8 bytes, for T passes, k = 2 workers and m sampled rows,
    and 512 bytes for every object sent; rows are 34 MB."""
    n, d, k, m = 2**17, 32, 2, 300
    with client.as_current():
        array = _normal(n, d, 2**15)
        tall = as_tall(array).distributed()
        assert n % tall.strip_rows == 0
        distributed.wait(array)
        for name, scores in {
            "leverage": lambda: leverage_scores(tall, rng=0),
            "Lewis": lambda: lewis_weights(tall, 1.5, rng=0),
        }.items():
            moved(client)
            before = tall.passes
            values = scores().values
            distributed.wait(values)
            tall.take(np.arange(0, n, n // m)[:m])
            total, objects = moved(client)
            passes = tall.passes - before
            bound = 2 * (passes * d * d * k + m * d) * 8
            record_property(f"{name} bytes over bound", total / bound)
            assert total - m * d * 8 > 0
            assert total <= bound + _PER_OBJECT * objects, (name, total, bound, objects)


def test_unaligned_chunks_would_break_the_bound(client):
    """Companion: the same count sees rows that travel."""
    n, d = 2**17, 32
    with client.as_current():
        array = _normal(n, d, 25_000)
        distributed.wait(array)
        tall = as_tall(array).distributed()
        tall.gram()
        moved(client)
        tall.gram()
        total, objects = moved(client)
        assert total > 2 * (d * d * 2) * 8 + _PER_OBJECT * objects


# What is refused --------------------------------------------------------------------------------


def _bad_collections():
    import dask.bag

    ones = da.ones((5, 3), chunks=(2, 3))
    yield ones.astype(complex), "dtype complex128"
    yield ones.astype(object), "dtype object"
    yield ones.astype("f2"), "dtype float16"
    yield ones[:, 0], "1 dimension"
    yield ones[:2], "as many rows as columns"
    yield ones[:0], "at least one row"
    yield da.ma.masked_greater(ones, 2), "MaskedArray.*Fill or drop"
    yield dask.delayed(np.ones)((5, 3)), "Dask Delayed.*from_delayed"
    yield dask.bag.from_sequence([1, 2]), "Dask Bag"


def test_what_is_no_real_matrix_is_refused():
    for collection, message in _bad_collections():
        with pytest.raises(RnlaError, match=message):
            as_tall(collection)


def test_chunks_of_another_kind_than_promised_are_refused(small_strips):
    ones = da.ones((N, 3), chunks=(1000, 3))
    dense = np.zeros((0, 0))
    sparse = ones.map_blocks(sp.csr_array, dtype=float, meta=dense)
    with pytest.raises(TypeError, match=r"chunk \d with a sparse matrix.*meta="):
        as_tall(sparse).gram()
    masked = ones.map_blocks(lambda x: np.ma.array(x), dtype=float, meta=dense)
    with pytest.raises(TypeError, match=r"chunk \d with a masked array"):
        as_tall(masked).gram()
