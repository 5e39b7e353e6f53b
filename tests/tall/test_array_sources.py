"""Arrays on disk and iterables: any ranges give the rows of the array; damage is named."""

from __future__ import annotations

import importlib
import os
import pathlib
import pickle
import shutil

import hypothesis
import numpy as np
import pandas as pd
import pytest
import scipy.sparse as sp
from hypothesis import strategies as st

import rnla
from rnla.tall._source import DenseSource, SparseSource
from rnla.tall._streamed import FileStamp
from rnla.tall.memory import parse_memory
from rnla.tall.open import open_source

from .array_homes import DENSE, SPARSE

HOMES = {**DENSE, **SPARSE}
DTYPES = ("<f8", "<f4", ">f8", "<i4", ">i2", "u1", "?")


def matrix(n=47, d=5, seed=0, dtype="<f8"):
    rng = np.random.default_rng(seed)
    return (rng.integers(0, 90, (n, d)) * (rng.uniform(size=(n, d)) < 0.5)).astype(dtype)


def opened(where, **options):
    found = open_source(where, **options)
    assert found is not None
    return found[0]


def dense(block):
    return block.toarray() if sp.issparse(block) else block


def same(found, wanted):
    """Equal kinds, dtypes and bits."""
    assert sp.issparse(found) == sp.issparse(wanted)
    assert found.dtype == wanted.dtype
    assert found.shape == wanted.shape
    if sp.issparse(found):
        for part in ("data", "indices", "indptr"):
            assert np.array_equal(getattr(found, part), getattr(wanted, part))
    else:
        assert np.array_equal(found, wanted)


def in_memory(A, sparse):
    if not sparse:
        return DenseSource(A)
    csr = sp.csr_array(A)
    return SparseSource(csr if csr.dtype in (np.float32, np.float64) else csr.astype(np.float64))


@pytest.mark.parametrize("home", HOMES)
@pytest.mark.parametrize("dtype", DTYPES)
def test_header_rows_and_take_are_those_of_the_array(home, dtype, tmp_path):
    if home in SPARSE and dtype not in ("<f8", "<f4", "<i4"):
        return  # SciPy does not keep the others
    A = matrix(dtype=dtype)
    source, wanted = opened(HOMES[home](A, tmp_path)), in_memory(A, home in SPARSE)
    for key in ("shape", "dtype", "is_sparse", "row_cost", "entry_count", "pair_count"):
        assert getattr(source, key) == getattr(wanted, key), key
    assert source.unit_bytes >= 0
    for start, stop in ((0, 20), (20, 47), (0, 47), (3, 4)):
        same(source.load(start, stop).read(0, stop - start), wanted.read(start, stop))
        same(source.load(start, stop).read_raw(0, stop - start), wanted.read_raw(start, stop))
    for rows in ([], [0], [46], [3, 4, 5, 40], range(47), [9, 2, 2, 46, 0], [-1, 0]):
        same(source.take(np.array(rows, dtype=np.int64)), wanted.take(np.array(rows, dtype=int)))
    with pytest.raises(IndexError):
        source.take(np.array([47]))
    source.close()


@hypothesis.given(data=st.data())
@hypothesis.settings(max_examples=25)
@pytest.mark.parametrize("home", HOMES)
def test_increasing_ranges_with_rewinds_give_the_rows(home, data, tmp_path_factory):
    n, d = data.draw(st.integers(1, 40)), data.draw(st.integers(1, 5))
    A = matrix(n, d, seed=data.draw(st.integers(0, 99)))
    source = opened(HOMES[home](A, tmp_path_factory.mktemp("homes")))
    for _ in range(data.draw(st.integers(1, 3))):
        cuts = sorted(data.draw(st.sets(st.integers(1, n), max_size=6)))
        start = 0
        for stop in cuts:  # a pass may end early
            same(dense(source.load(start, stop).read(0, stop - start)), A[start:stop])
            start = stop
        rows = data.draw(st.lists(st.integers(0, n - 1), max_size=8))
        same(dense(source.take(np.array(rows, dtype=np.int64))), A[rows])
    source.close()


@hypothesis.given(data=st.data())
@hypothesis.settings(max_examples=15)
@pytest.mark.parametrize("home", HOMES)
def test_chosen_columns_are_those_of_the_array(home, data, tmp_path_factory):
    n, d = data.draw(st.integers(1, 20)), data.draw(st.integers(1, 6))
    A = matrix(n, d, seed=n)
    chosen = data.draw(st.lists(st.integers(0, d - 1), min_size=1, unique=True))
    columns = [data.draw(st.sampled_from([j, f"x{j}", str(j)])) for j in chosen]
    where = HOMES[home](A, tmp_path_factory.mktemp("columns"))
    source, names = open_source(where, columns=columns)
    wanted = in_memory(np.ascontiguousarray(A[:, chosen]), home in SPARSE)
    assert names == tuple(f"x{j}" for j in chosen)
    assert source.shape == (n, len(chosen))
    for key in ("row_cost", "entry_count", "pair_count"):
        assert getattr(source, key) == getattr(wanted, key)
    half = (n + 1) // 2
    for start, stop in ((0, half), (half, n)):
        same(source.load(start, stop).read(0, stop - start), wanted.read(start, stop))
    same(source.take(np.arange(n)), wanted.take(np.arange(n)))


@pytest.mark.parametrize("home", HOMES)
def test_missing_columns_are_refused(home, tmp_path):
    where = HOMES[home](matrix(), tmp_path)
    for columns in (["y"], [5], [-1], [0, "x0"], []):
        with pytest.raises(rnla.ArgumentError, match=r"^columns: got .*; expected names among x0"):
            open_source(where, columns=columns)


@pytest.mark.parametrize("home", HOMES)
def test_a_row_is_placed_in_words(home, tmp_path):
    source = opened(HOMES[home](matrix(), tmp_path))
    text = source.where(30)
    assert ("block" in text) or any(suffix in text for suffix in (".np", "zarr", "Zarr", ".h5"))


FILES = [
    home for home in HOMES if "block" not in home and "gener" not in home and "obj" not in home
]


@pytest.mark.parametrize("home", FILES)
def test_a_file_that_vanishes_or_changes_between_passes_is_named(home, tmp_path):
    for change in ("vanish", "touch"):
        folder = tmp_path / change
        folder.mkdir()
        source = opened(HOMES[home](matrix(), folder))
        source.load(0, 47)
        for path in sorted(folder.rglob("*")):
            if path.is_file() and change == "vanish":
                path.unlink()
            elif path.is_file():
                path.touch()
                os.utime(path, ns=(1, 1))
        for use, arguments in ((source.load, (0, 9)), (source.take, (np.array([3]),))):
            with pytest.raises(rnla.DamagedFileError) as caught:
                use(*arguments)
            assert ("vanished" if change == "vanish" else "changed") in str(caught.value)
            assert any(suffix in str(caught.value) for suffix in (".np", ".zarr", ".h5"))
        source.close()


def test_a_lost_chunk_is_no_zeros(tmp_path):
    source = opened(DENSE["zarr"](matrix(), tmp_path))
    chunk = tmp_path / "a.zarr" / "c" / "2" / "1"
    chunk.unlink()
    source.load(0, 9)
    with pytest.raises(rnla.DamagedFileError, match="'c/2/1' has vanished"):
        source.load(9, 47)
    shutil.rmtree(tmp_path / "a.zarr")
    with pytest.raises(rnla.DamagedFileError, match=r"a\.zarr', which has vanished"):
        source.load(0, 9)


def test_chunks_that_were_never_written_hold_the_fill_value(tmp_path):
    import zarr

    array = zarr.create_array(
        tmp_path / "x.zarr", shape=(20, 3), chunks=(5, 3), dtype="f8", fill_value=np.nan
    )
    array[:10] = 1.0
    source = opened(tmp_path / "x.zarr")
    assert np.isnan(source.load(0, 20).read(0, 20)[10:]).all()
    assert "rows 10 to 14" in source.where(11)


# Damage --------------------------------------------------------------------------------------


def _cut(path, size):
    path.write_bytes(path.read_bytes()[:size])


@pytest.mark.parametrize("home", ["npy C", "npy Fortran", "npz dense", "npz stored", "hdf5"])
@pytest.mark.parametrize("share", [0.0, 0.1, 0.5, 0.98])
def test_files_cut_short_are_named(home, share, tmp_path):
    where = HOMES[home](matrix(400), tmp_path)
    path = pathlib.Path(str(where).partition(":/deep")[0])
    _cut(path, int(path.stat().st_size * share))
    with pytest.raises(rnla.DamagedFileError, match=path.name):
        opened(where).load(0, 400)


def test_damaged_chunks_are_named_with_their_rows(tmp_path):
    A = np.random.default_rng(0).standard_normal((400, 5))
    where = DENSE["zarr"](A, tmp_path)
    _cut(tmp_path / "a.zarr" / "c" / "3" / "0", 100)
    source = opened(where)
    source.load(0, 240)
    with pytest.raises(rnla.DamagedFileError, match=r"a\.zarr', whose row 3 of chunks, rows 240"):
        source.load(240, 400)
    where = DENSE["hdf5"](A, tmp_path)
    path = tmp_path / "a.h5"
    content = bytearray(path.read_bytes())
    middle = len(content) * 3 // 4
    content[middle : middle + 600] = bytes(600)
    path.write_bytes(content)
    with pytest.raises(rnla.DamagedFileError, match=r"'/deep/A' of .*a\.h5', whose rows \d+ to"):
        opened(where).load(0, 400)


def test_damaged_compressed_members_are_named(tmp_path):
    A = np.random.default_rng(0).standard_normal((400, 5))
    path = SPARSE["npz compressed"](A, tmp_path)
    content = bytearray(path.read_bytes())
    content[len(content) // 2 : len(content) // 2 + 50] = bytes(50)
    path.write_bytes(content)
    source = opened(path)
    with pytest.raises(rnla.DamagedFileError, match=r"s1\.npz.* in rows 0 to 399"):
        source.load(0, 400)


def test_pickles_and_nonsense_are_refused(tmp_path):
    np.save(tmp_path / "o.npy", np.array([{"a": 1}], dtype=object), allow_pickle=True)
    np.savez(tmp_path / "o.npz", np.array([{"a": 1}], dtype=object))
    (tmp_path / "t.npy").write_text("a,b\n1,2\n")
    (tmp_path / "t.npz").write_text("a,b\n1,2\n")
    (tmp_path / "t.h5").write_text("a,b\n1,2\n")
    (tmp_path / "t.zarr").mkdir()
    (tmp_path / "u.zarr").mkdir()
    (tmp_path / "u.zarr" / "zarr.json").write_text("{")
    for name in ("o.npy", "o.npz", "t.npy", "t.npz", "t.h5", "t.zarr", "u.zarr"):
        with pytest.raises(rnla.DamagedFileError, match=name.replace(".", r"\.")):
            open_source(tmp_path / name)


@pytest.mark.parametrize("suffix", ["npy", "npz", "zarr", "h5"])
def test_what_is_no_real_matrix_is_refused(suffix, tmp_path):
    import h5py
    import zarr

    path = tmp_path / f"x.{suffix}"
    for bad in (
        np.zeros(3),
        np.zeros((2, 2, 2)),
        np.zeros((3, 2), complex),
        np.zeros((3, 2), "f2"),
    ):
        if suffix == "npy":
            np.save(path, bad)
        elif suffix == "npz":
            np.savez(path, bad)
        elif suffix == "zarr":
            zarr.create_array(path, data=bad, overwrite=True)
        else:
            with h5py.File(path, "w") as file:
                file["x"] = bad
        with pytest.raises(rnla.RnlaError, match=rf"^B: got .*x\.{suffix}"):
            open_source(path, name="B")


# Sparse files --------------------------------------------------------------------------------


@pytest.mark.parametrize("compressed", [False, True])
def test_unsorted_rows_are_sorted_and_duplicates_refused(compressed, tmp_path):
    A = matrix(50, 6)
    csr = sp.csr_array(A)
    for a, b in zip(csr.indptr, csr.indptr[1:], strict=False):
        csr.indices[a:b] = csr.indices[a:b][::-1].copy()
        csr.data[a:b] = csr.data[a:b][::-1].copy()
    csr.has_sorted_indices = False
    sp.save_npz(tmp_path / "u.npz", csr, compressed=compressed)
    source = opened(tmp_path / "u.npz")
    same(source.load(0, 50).read(0, 50), sp.csr_array(A))
    same(source.take(np.arange(20, 30)), sp.csr_array(A[20:30]))
    row = int(np.flatnonzero(np.diff(csr.indptr) > 1)[3])
    csr.indices[csr.indptr[row]] = csr.indices[csr.indptr[row] + 1]
    sp.save_npz(tmp_path / "d.npz", csr, compressed=compressed)
    with pytest.raises(rnla.ArgumentError, match=rf"d\.npz', whose row {row} has the same column"):
        opened(tmp_path / "d.npz").load(0, 50)


def test_damaged_structure_is_refused(tmp_path):
    def save(**changes):
        csr = sp.csr_array(matrix(50, 6))
        parts = {"data": csr.data, "indices": csr.indices, "indptr": csr.indptr}
        parts |= {"format": np.array("csr"), "shape": np.array(csr.shape)} | changes
        np.savez(tmp_path / "x.npz", **parts)
        return tmp_path / "x.npz"

    csr = sp.csr_array(matrix(50, 6))
    same(opened(save()).load(0, 50).read(0, 50), csr)
    outside = csr.indices.copy()
    outside[csr.indptr[7]] = 6
    source = opened(save(indices=outside))
    source.load(0, 7)
    with pytest.raises(rnla.DamagedFileError, match="row 7 has a column number outside"):
        source.load(7, 20)
    with pytest.raises(rnla.DamagedFileError, match="row 7 has a column number outside"):
        open_source(tmp_path / "x.npz", columns=[0])
    falling = csr.indptr.copy()
    falling[4] = falling[6] + 1
    for changes in (
        {"indptr": falling},
        {"indptr": csr.indptr[:-1]},
        {"indptr": csr.indptr + 1},
        {"indptr": csr.indptr.astype(float)},
        {"indices": csr.indices[:-1]},
        {"data": csr.data[:-1]},
        {"indices": csr.indices.astype(float)},
    ):
        with pytest.raises(rnla.DamagedFileError, match=r"x\.npz"):
            open_source(save(**changes))


@pytest.mark.parametrize("kind", ["csc", "coo", "bsr"])
def test_other_sparse_formats_are_converted_if_they_fit(kind, tmp_path):
    A = matrix(60, 6)
    sp.save_npz(tmp_path / "x.npz", sp.csr_array(A).asformat(kind))
    source = opened(tmp_path / "x.npz", memory="1MB")
    assert not source.streamed
    same(source.take(np.arange(60)), sp.csr_array(A))
    same(opened(tmp_path / "x.npz", columns=[2]).take(np.arange(60)), sp.csr_array(A[:, [2]]))
    with pytest.raises(rnla.ArgumentError, match=rf"a {kind.upper()} matrix.*tocsr"):
        open_source(tmp_path / "x.npz", memory=1000)


def test_a_compressed_dense_archive_is_read_whole_if_it_fits(tmp_path):
    np.savez_compressed(tmp_path / "x.npz", matrix())
    assert np.array_equal(opened(tmp_path / "x.npz").take(np.arange(47)), matrix())
    with pytest.raises(rnla.ArgumentError, match=r"numpy\.save"):
        open_source(tmp_path / "x.npz", memory=1000)
    np.savez(tmp_path / "two.npz", a=matrix(), b=matrix())
    with pytest.raises(rnla.ArgumentError, match="2 arrays"):
        open_source(tmp_path / "two.npz")


# Open datasets -------------------------------------------------------------------------------


def test_open_hdf5_objects(tmp_path):
    import h5py

    where = DENSE["hdf5"](matrix(), tmp_path)
    with h5py.File(tmp_path / "a.h5") as file:
        for item in (file["deep/A"], file["deep"]):
            source = opened(item)
            assert np.array_equal(source.load(0, 47).read(0, 47), matrix())
        with pytest.raises(rnla.ArgumentError, match=r"2 datasets.*deep/A, other"):
            open_source(file)
    with pytest.raises(rnla.DamagedFileError, match="closed"):
        source.load(0, 9)
    with pytest.raises(rnla.ArgumentError, match=r"2 datasets.*deep/A, other"):
        open_source(tmp_path / "a.h5")
    with pytest.raises(rnla.ArgumentError, match="'deep/B', which is not in"):
        open_source(f"{tmp_path}/a.h5:deep/B")
    with pytest.raises(FileNotFoundError, match="does not exist"):
        open_source(f"{tmp_path}/absent.h5:deep/B")
    assert opened(where.replace(":/deep/A", ":deep")).shape == (47, 5)


def test_virtual_datasets_whose_parts_are_lost_are_refused(tmp_path):
    import h5py

    with h5py.File(tmp_path / "part.h5", "w") as file:
        file["x"] = matrix()
    layout = h5py.VirtualLayout(shape=(47, 5), dtype="f8")
    layout[:] = h5py.VirtualSource("part.h5", "x", shape=(47, 5))
    with h5py.File(tmp_path / "whole.h5", "w") as file:
        file.create_virtual_dataset("y", layout)
    assert np.array_equal(opened(tmp_path / "whole.h5").load(0, 47).read(0, 47), matrix())
    (tmp_path / "part.h5").unlink()
    with pytest.raises(rnla.DamagedFileError, match=r"'part\.h5' does not exist"):
        open_source(tmp_path / "whole.h5")


def test_open_zarr_objects(tmp_path):
    import zarr

    DENSE["zarr shards"](matrix(), tmp_path)
    group = zarr.open(tmp_path / "g.zarr", mode="r")
    for item in (group, group["in"], group["in/side"], tmp_path / "g.zarr", tmp_path / "g.zarr/in"):
        assert np.array_equal(opened(item).load(0, 47).read(0, 47), matrix())
    writable = zarr.open_group(tmp_path / "g.zarr", mode="r+")
    writable.create_array("more", data=matrix())
    with pytest.raises(rnla.ArgumentError, match=r"2 arrays.*in/side"):
        open_source(tmp_path / "g.zarr")
    with pytest.raises(FileNotFoundError, match="does not exist"):
        open_source(tmp_path / "g.zarr" / "absent")
    old = zarr.create_array(tmp_path / "v2.zarr", data=matrix(), chunks=(9, 5), zarr_format=2)
    assert np.array_equal(opened(old).load(0, 47).read(0, 47), matrix())
    (tmp_path / "v2.zarr" / "1.0").unlink()
    source = opened(tmp_path / "v2.zarr")
    assert np.array_equal(source.load(9, 18).read(0, 9), np.zeros((9, 5)))


# Iterables -----------------------------------------------------------------------------------


class Loader:
    """Like a DataLoader: an iterable that starts anew each time."""

    def __init__(self, A, size, shuffle=False):
        self.A, self.size, self.shuffle, self.walks = A, size, shuffle, 0

    def __iter__(self):
        self.walks += 1
        order = np.arange(len(self.A))
        if self.shuffle:
            np.random.default_rng(self.walks).shuffle(order)
        for start in range(0, len(self.A), self.size):
            yield self.A[order[start : start + self.size]]


def test_a_loader_is_walked_once_for_a_pass():
    loader = Loader(matrix(), 8)
    source = opened(loader)
    assert source.opening_passes == loader.walks == 1
    for _ in range(2):
        for start in range(0, 47, 6):
            source.load(start, min(47, start + 6))
    assert loader.walks == 3
    source.take(np.array([4, 40]))
    assert loader.walks == 4


def test_one_shot_iterators_are_refused_with_a_way_out():
    for once in ((part for part in [matrix()]), iter([matrix()]), map(np.asarray, [matrix()])):
        with pytest.raises(rnla.ArgumentTypeError, match=r"only once.*rnla\.OnlineEmbedding"):
            open_source(once)


def test_walks_that_differ_name_the_block():
    parts = [matrix(10, seed=j) for j in range(4)]
    first, later = parts, None

    def blocks():
        nonlocal first, later
        found, first = (first, None) if first is not None else (later, None)
        return iter(found)

    cases = {
        "3 blocks in a later walk; expected 4": parts[:3],
        "more than 4 blocks": [*parts, parts[0]],
        "block 2 with 9 rows in a later walk; expected 10 rows": [*parts[:2], parts[2][:9]],
        "block 1 with other entries": [parts[0], parts[2], parts[1], parts[3]],
        "block 1 with 4 columns; expected 5 columns": [parts[0], parts[1][:, :4]],
        "block 3 with 1 dimension": [*parts[:3], np.zeros(5)],
        "a sparse block 0 after a dense one": [sp.csr_array(parts[0])],
    }
    for message, changed in cases.items():
        first, later = parts, changed
        source = opened(blocks)
        with pytest.raises(rnla.RnlaError, match=f"^A: got {message}"):
            source.load(0, 40)
        source.close()


def test_a_shuffled_loader_is_found_out():
    source = opened(Loader(matrix(500), 50, shuffle=True))
    with pytest.raises(rnla.ArgumentError, match="without shuffling"):
        source.load(0, 500)


@pytest.mark.parametrize(
    ("blocks", "message"),
    [
        ([matrix(), matrix(d=4)], "block 1 with 4 columns; expected 5"),
        ([matrix(), sp.csr_array(matrix())], "a sparse block 1 after a dense one"),
        ([sp.csr_array(matrix()), matrix()], "a dense block 1 after a sparse one"),
        ([matrix(), np.zeros(5)], r"block 1 with 1 dimension"),
        ([matrix(), matrix(dtype=complex)], "block 1 with dtype complex"),
        ([matrix(), [matrix(), matrix()[0]]], r"block 1, a list .*batch\[0\] for batch"),
        ([matrix(), np.ma.masked_array(matrix())], "block 1, a MaskedArray"),
        ([matrix(), "x"], "block 1, a str"),
        ([pd.DataFrame({"a": [1], "b": ["x"]})], "block 0 with columns that hold no numbers: b"),
        (
            [pd.DataFrame({"a": [1.0], "b": [1]}), pd.DataFrame({"b": [1.0], "a": [1]})],
            "block 1 with columns b, a; expected a, b",
        ),
        (list, "an iterable without blocks"),
        (lambda: 7, "a function that returned int"),
    ],
)
def test_bad_blocks_are_named(blocks, message):
    with pytest.raises(rnla.RnlaError, match=f"^A: got {message}"):
        open_source(blocks)


def test_frames_keep_names_and_report_gaps():
    frame = pd.DataFrame(
        {"a": [1, 2, 3], "b": pd.array([1, None, 3], dtype="Int64"), "c": [True, False, True]}
    )
    source, names = open_source([frame, frame])
    assert names == ("a", "b", "c")
    rows = source.load(0, 6).read(0, 6)
    assert np.isnan(rows).sum() == 2
    assert np.isnan(rows[4, 1])
    assert source.where(4) == "row 1 of block 1"
    source, names = open_source([frame], columns=["c", "a"])
    assert names == ("c", "a")
    assert np.array_equal(source.load(0, 3).read(0, 3), [[1, 1], [0, 2], [1, 3]])
    table = pytest.importorskip("pyarrow").table({"a": [1.0, 2.0]})
    assert opened([table]).shape == (2, 1)


def test_errors_of_the_users_function_pass_through():
    def blocks():
        yield matrix()
        raise KeyError("mine")

    with pytest.raises(KeyError, match="mine"):
        open_source(blocks)


def test_mixed_dtypes_are_promoted_as_numpy_does():
    blocks = [matrix(dtype="<f4"), matrix(dtype="<i2")]
    assert opened(blocks).dtype == np.float32
    assert opened([*blocks, matrix(dtype="<i4")]).dtype == np.float64
    blocks = [sp.csr_array(matrix(dtype="<f4")), sp.csr_array(matrix(dtype="<f4"))]
    assert opened(blocks).dtype == np.float32
    assert opened([*blocks, sp.csr_array(matrix(dtype="<i4"))]).dtype == np.float64


# The door ------------------------------------------------------------------------------------


def test_what_is_not_a_home_of_streamed_rows_is_left_alone():
    for obj in (
        matrix(), matrix().tolist(), [matrix()[0]], sp.csr_array(matrix()), 3.0, None, [], (),
        pd.DataFrame(matrix()), {"a": 1}, {1}, b"x", np.float64(1), [[1, 2], [3, 4]],
    ):  # fmt: skip
        assert open_source(obj) is None


def test_paths_of_no_known_kind_are_refused(tmp_path):
    with pytest.raises(rnla.ArgumentError, match=r"ends in \.npy"):
        open_source(tmp_path / "x.xlsx")
    with pytest.raises(rnla.ArgumentError, match="a path on this machine"):
        open_source("s3://bucket/x.zarr")
    with pytest.raises(rnla.ArgumentError, match=r"several \.npy files, or several tables"):
        open_source(["a.npy", "a.parquet"])
    for absent in ("a.npy", "a.npz", "a.h5", "a.zarr", "a*.npy"):
        with pytest.raises(FileNotFoundError):
            open_source(tmp_path / absent)
    np.save(tmp_path / "a.npy", matrix())
    with pytest.raises(rnla.ArgumentError, match=r"^one_hot: got 'all'"):
        open_source(tmp_path / "a.npy", one_hot="all")
    assert opened(tmp_path / "a.npy", one_hot=()).shape == (47, 5)


def test_shards_come_from_lists_and_folders_in_order(tmp_path):
    A = matrix(30)
    np.save(tmp_path / "b.npy", A[:10])
    np.save(tmp_path / "a.npy", A[10:].astype("f4"))
    listed = opened([tmp_path / "b.npy", str(tmp_path / "a.npy")])
    assert np.array_equal(listed.load(0, 30).read(0, 30), A)
    assert listed.where(12) == "row 2 in 'a.npy'"
    folder = opened(tmp_path)
    assert np.array_equal(folder.load(0, 30).read(0, 30), np.concatenate([A[10:], A[:10]]))
    assert opened([tmp_path / "b.npy"]).shape == (10, 5)
    np.save(tmp_path / "c.npy", A[:, :3])
    with pytest.raises(rnla.ArgumentError, match=r"3 columns in 'c\.npy'; expected 5, as in 'a"):
        open_source(tmp_path)


@pytest.mark.parametrize("package", ["zarr", "h5py"])
def test_a_missing_package_is_named_with_its_extra(package, monkeypatch, tmp_path):
    original = importlib.import_module

    def without(module, package_=None):
        if module.partition(".")[0] == package:
            raise ModuleNotFoundError(f"No module named {module!r}", name=module)
        return original(module, package_)

    where = DENSE["zarr" if package == "zarr" else "hdf5"](matrix(), tmp_path)
    monkeypatch.setattr("importlib.import_module", without)
    with pytest.raises(rnla.MissingPackageError, match=r'pip install "rnla\[io\]"'):
        open_source(where)


def test_a_stamp_travels():
    stamp = FileStamp.of(__file__)
    pickle.loads(pickle.dumps(stamp)).check()


# Budgets -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "size"),
    [("1GiB", 2**30), ("500MB", 5 * 10**8), (" 1.5 kib ", 1536), ("2e9", 2 * 10**9), (7, 7)]
    + [(2.5e6, 2500000), (np.int64(9), 9), ("12 B", 12), ("1tb", 10**12), (None, None)],
)
def test_budgets_are_read(text, size):
    assert parse_memory(text) == size


@pytest.mark.parametrize("bad", ["1G", "x", "", "-1MB", "1 GiB free", 0, -5, 0.5, float("nan")])
def test_bad_budgets_say_how_to_write_them(bad):
    with pytest.raises(rnla.ArgumentError, match=r"^memory: got .*Pass memory='1GiB'\.$"):
        parse_memory(bad)
    with pytest.raises(rnla.ArgumentTypeError, match="Pass memory='1GiB'"):
        parse_memory([bad])
    with pytest.raises(rnla.ArgumentTypeError):
        parse_memory(True)
