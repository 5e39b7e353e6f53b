"""Files: what goes in comes out, damage is named, an interrupted write changes nothing."""

from __future__ import annotations

import importlib
import os
import stat

import hypothesis
import numpy as np
import pandas as pd
import pytest
import scipy.sparse as sp
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

import rnla
from rnla.tall.files import read_matrix, read_sample, write_columns, write_sample
from rnla.tall.write import atomic_file, check_output

A = np.array([[0.1, 2.0, -3.0], [4.0, 1 / 3, 6.0], [7.0, 8.0, 1e-300], [1.0, 0.0, 5.0]])
NAMES = ("a", "b", "c d")
PICKLE = np.array([{"a": 1}], dtype=object)


@pytest.fixture
def saved(tmp_path):
    """The same matrix in every type."""
    np.save(tmp_path / "m.npy", A)
    np.savez(tmp_path / "m.npz", A)
    sp.save_npz(tmp_path / "s.npz", sp.csc_array(A))
    frame = pd.DataFrame(A, columns=list(NAMES))
    frame.to_csv(tmp_path / "m.csv", index=False)
    frame.to_parquet(tmp_path / "m.parquet")
    frame.to_feather(tmp_path / "m.feather")
    return tmp_path


@pytest.mark.parametrize("name", ["m.npy", "m.npz", "s.npz", "m.csv", "m.parquet", "m.feather"])
def test_every_type_gives_the_same_matrix_to_the_bit(saved, name):
    read = read_matrix(saved / name)
    assert sp.issparse(read.matrix) == name.startswith("s")
    dense = read.matrix.toarray() if sp.issparse(read.matrix) else read.matrix
    assert np.array_equal(dense, A)
    tables = name.endswith(("csv", "parquet", "feather"))
    assert read.column_names == (NAMES if tables else ("x0", "x1", "x2"))
    assert rnla.as_tall(read.matrix).shape == A.shape


@pytest.mark.parametrize("name", ["m.npy", "m.npz", "s.npz", "m.csv", "m.parquet", "m.feather"])
def test_columns_are_taken_in_the_order_asked(saved, name):
    read = read_matrix(saved / name, columns=[2, "0"])
    dense = read.matrix.toarray() if sp.issparse(read.matrix) else read.matrix
    assert np.array_equal(dense, A[:, [2, 0]])
    if name.endswith("csv"):
        assert read_matrix(saved / name, columns=["c d", "a"]).column_names == ("c d", "a")


def test_npy_is_mapped_not_copied(saved):
    read = read_matrix(saved / "m.npy")
    assert isinstance(read.matrix, np.memmap)
    assert not read.matrix.flags.writeable


def test_dtypes_are_kept_where_the_file_has_them(tmp_path):
    np.save(tmp_path / "f.npy", A.astype(np.float32))
    sp.save_npz(tmp_path / "f.npz", sp.csr_matrix(A.astype(np.float32)))
    assert read_matrix(tmp_path / "f.npy").matrix.dtype == np.float32
    assert read_matrix(tmp_path / "f.npz").matrix.dtype == np.float32


@hypothesis.given(
    hnp.arrays(
        np.float64,
        hnp.array_shapes(min_dims=2, max_dims=2, max_side=6),
        elements=st.floats(allow_nan=False, allow_infinity=False),
    )
)
def test_tables_keep_every_bit(tmp_path_factory, matrix):
    folder = tmp_path_factory.mktemp("bits")
    rows = np.arange(len(matrix))
    for suffix in (".csv", ".parquet", ".npz"):
        path = folder / f"sample{suffix}"
        write_sample(path, matrix, indices=rows, weights=np.full(len(rows), 0.1))
        sample = read_sample(path)
        assert np.array_equal(sample.indices, rows)
        assert np.array_equal(sample.weights, np.full(len(rows), 0.1))
        if suffix == ".npz":
            with np.load(path) as archive:
                back = archive["matrix"]
        else:
            back = read_matrix(path).matrix[:, 2:]
        assert np.array_equal(back, matrix)


def damaged(folder):
    """Name and bytes of files that are not what they say."""
    good = {p.name: p.read_bytes() for p in folder.iterdir()}
    np.save(folder / "p.npy", PICKLE, allow_pickle=True)
    np.savez(folder / "p.npz", PICKLE)
    outside = sp.csr_array(A)
    outside.indices[0] = 10**6
    sp.save_npz(folder / "o.npz", outside)
    return {
        "truncated.npy": good["m.npy"][:-9],
        "header.npy": good["m.npy"][:40],
        "empty.npy": b"",
        "text.npy": good["m.csv"],
        "archive.npy": good["m.npz"],
        "pickled.npy": (folder / "p.npy").read_bytes(),
        "truncated.npz": good["m.npz"][:-30],
        "empty.npz": b"",
        "bits.npz": _flipped(good["m.npz"], len(good["m.npz"]) // 2),
        "array.npz": good["m.npy"],
        "pickled.npz": (folder / "p.npz").read_bytes(),
        "sparse.npz": good["s.npz"][: len(good["s.npz"]) // 2],
        "outside.npz": (folder / "o.npz").read_bytes(),
        "empty.csv": b"",
        "blank.csv": b"\n1,2\n",
        "binary.csv": good["m.parquet"],
        "ragged.csv": b"a,b\n1,2\n1,2,3\n",
        "longer.csv": b"a,b\n1,2,3\n4,5,6\n",
        "header.csv": "a,\xe9\n1,2\n".encode("latin-1"),
        "short.csv": b"a,b\n1,2\n3",
        "truncated.parquet": good["m.parquet"][:-20],
        "truncated.feather": good["m.feather"][:-20],
        "middle.feather": good["m.feather"][: len(good["m.feather"]) // 2],
        "empty.parquet": b"",
        "text.parquet": good["m.csv"],
    }


def _flipped(data, position):
    return data[:position] + bytes([data[position] ^ 0xFF]) + data[position + 1 :]


def test_damaged_files_are_named_with_a_remedy(saved):
    cases = damaged(saved)
    assert len(cases) > 20
    for name, content in cases.items():
        path = saved / name
        path.write_bytes(content)
        with pytest.raises(rnla.DamagedFileError) as caught:
            read_matrix(path)
        message = str(caught.value)
        assert message.startswith("path: got "), (name, message)
        assert name in message
        assert "; expected " in message
        assert message.endswith("under the suffix of its type."), (name, message)


def test_a_pickle_is_not_executed(tmp_path):
    class Bomb:
        def __reduce__(self):
            return (open, (str(tmp_path / "exploded"), "w"))

    np.save(tmp_path / "bomb.npy", np.array([Bomb()], dtype=object), allow_pickle=True)
    with pytest.raises(rnla.DamagedFileError):
        read_matrix(tmp_path / "bomb.npy")
    assert not (tmp_path / "exploded").exists()


UNSUITABLE = {
    "text": (b"a,b,name\n1,2,x\n3,4,y\n", "'name'", "--columns a,b"),
    "missing": (b"a,b\n1,2\n3,\n", "'b' (1 missing, the first in row 1", "--columns a"),
    "latin": ("a,b\n1,\xe9\n".encode("latin-1"), "'b' (text that is not UTF-8)", "--columns a"),
    "numbers as header": (b"1,2\n3,4\n", "numbers only", "line"),
    "same name twice": (b"a,a\n3,4\n", "'a' twice", "rename"),
    "row labels": (b",a\n0,4\n1,5\n", "without a name", "--columns a"),
    "no rows": (b"a,b\n", "without rows", "export"),
}


@pytest.mark.parametrize("case", UNSUITABLE)
def test_unsuitable_tables_say_what_to_do(tmp_path, case):
    content, named, remedy = UNSUITABLE[case]
    path = tmp_path / "t.csv"
    path.write_bytes(content)
    with pytest.raises(rnla.ArgumentError) as caught:
        read_matrix(path)
    assert named in str(caught.value)
    assert remedy in str(caught.value).rpartition("; expected ")[2]


def test_chosen_columns_need_not_mind_the_others(tmp_path):
    path = tmp_path / "t.csv"
    path.write_text("a,b,name\n1,,x\n3,4,y\n")
    assert np.array_equal(read_matrix(path, columns=["a"]).matrix, [[1.0], [3.0]])


def test_what_is_no_matrix_is_refused(tmp_path):
    for bad in (np.zeros(3), np.zeros((2, 2, 2)), np.zeros((3, 2), complex), np.array([["a"]])):
        np.save(tmp_path / "x.npy", bad)
        with pytest.raises(rnla.RnlaError, match="expected"):
            read_matrix(tmp_path / "x.npy")


def test_other_refusals(saved):
    with pytest.raises(rnla.ArgumentError, match="expected a file that ends in"):
        read_matrix(saved / "table.xlsx")
    with pytest.raises(FileNotFoundError, match="does not exist; expected"):
        read_matrix(saved / "absent.csv")
    os.mkdir(saved / "folder.csv")
    with pytest.raises(FileNotFoundError, match="is a folder"):
        read_matrix(saved / "folder.csv")
    with pytest.raises(rnla.ArgumentError, match="'z'; expected names among a, b, c d"):
        read_matrix(saved / "m.csv", columns=["z"])
    np.savez(saved / "two.npz", a=A, b=A)
    with pytest.raises(rnla.ArgumentError, match="2 arrays"):
        read_matrix(saved / "two.npz")


@pytest.mark.parametrize("name", ["m.csv", "m.parquet"])
def test_a_missing_package_is_named_with_its_extra(saved, name, monkeypatch):
    original = importlib.import_module

    def without(module, package=None):
        if module.partition(".")[0] == "pyarrow":
            raise ModuleNotFoundError(f"No module named {module!r}", name=module)
        return original(module, package)

    monkeypatch.setattr("importlib.import_module", without)
    with pytest.raises(rnla.MissingPackageError, match=r'pip install "rnla\[io\]"') as caught:
        read_matrix(saved / name)
    assert caught.value.name == "pyarrow"
    assert isinstance(caught.value, ImportError)


# Writing -------------------------------------------------------------------------------------


def test_sparse_samples_stay_sparse(tmp_path):
    rows = sp.csr_array(A.astype(np.float32))
    write_sample(tmp_path / "s.npz", rows, indices=[1, 3, 5, 7], weights=[1.0, 2, 3, 4])
    back = sp.load_npz(tmp_path / "s.npz")
    assert back.dtype == np.float32
    assert np.array_equal(back.toarray(), rows.toarray())
    assert np.array_equal(read_sample(tmp_path / "s.npz").indices, [1, 3, 5, 7])
    with pytest.raises(rnla.ArgumentError, match=r"store every zero"):
        write_sample(tmp_path / "s.csv", rows, indices=[1, 3, 5, 7], weights=[1.0, 2, 3, 4])


def test_a_sample_that_RowSample_saved_is_read(tmp_path):
    from rnla.sampling import RowSample

    sample = RowSample([1, 4], [2.0, 3.0], [0.5, 1 / 3], design="poisson", seed=0, n=6)
    sample.save(tmp_path / "s.npz")
    back = read_sample(tmp_path / "s.npz")
    assert np.array_equal(back.indices, sample.indices)
    assert np.array_equal(back.weights, sample.weights)


def test_rows_come_back_in_increasing_order(tmp_path):
    (tmp_path / "s.csv").write_text("weight,row\n1.5,7\n2.5,3\n")
    back = read_sample(tmp_path / "s.csv")
    assert back.indices.tolist() == [3, 7]
    assert back.weights.tolist() == [2.5, 1.5]


@pytest.mark.parametrize(
    "content",
    ["row\n1\n", "row,weight\n1,-1\n", "row,weight\n1,1\n1,2\n", "row,weight\n-1,1\n"]
    + ["row,weight\n1.5,1\n", "row,weight\n1,x\n", "row,weight\n1,inf\n", "row,weight\n"],
)
def test_bad_sample_files_are_refused(tmp_path, content):
    (tmp_path / "s.csv").write_text(content)
    with pytest.raises(rnla.ArgumentError, match=r"^sample: got "):
        read_sample(tmp_path / "s.csv")


class Interrupted(Exception):
    """Stands for a signal, a full disk or a crash in the middle of a write."""


@pytest.mark.parametrize("suffix", [".csv", ".parquet", ".npz"])
def test_an_interrupted_write_leaves_the_old_file_whole(tmp_path, suffix, monkeypatch):
    path = tmp_path / f"sample{suffix}"
    write_columns(path, {"row": np.arange(3), "weight": np.ones(3)})
    before = path.read_bytes()

    def fails(*_):
        assert len(list(tmp_path.iterdir())) == 2, "the new file is not beside the old one"
        raise Interrupted

    monkeypatch.setattr("os.fsync", fails)
    with pytest.raises(Interrupted):
        write_columns(path, {"row": np.arange(9), "weight": np.ones(9)})
    assert path.read_bytes() == before
    assert [p.name for p in tmp_path.iterdir()] == [path.name], "a partial file was left"


def test_plain_writing_would_not_survive_an_interruption(tmp_path):
    """The companion: opening the target itself loses the old content, which the test must see."""
    path = tmp_path / "x"
    path.write_bytes(b"old")

    def plain():
        with open(path, "wb") as file:
            file.write(b"ne")
            raise Interrupted

    with pytest.raises(Interrupted):
        plain()
    assert path.read_bytes() != b"old"


def test_an_interruption_halfway_through_the_bytes(tmp_path):
    path = tmp_path / "x"
    path.write_bytes(b"old")

    def half():
        with atomic_file(path) as file:
            file.write(b"ne")
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        half()
    assert path.read_bytes() == b"old"
    assert list(tmp_path.iterdir()) == [path]


def test_links_and_permissions_survive(tmp_path):
    target, link = tmp_path / "real.csv", tmp_path / "link.csv"
    target.write_text("old")
    target.chmod(0o640)
    link.symlink_to(target)
    write_columns(link, {"a": np.arange(2)})
    assert link.is_symlink()
    assert target.read_text() == "a\n0\n1\n"
    assert stat.S_IMODE(target.stat().st_mode) == 0o640


def test_output_is_checked_before_the_work(tmp_path):
    assert check_output(tmp_path / "a.csv", column_names=["x"]).name == "a.csv"
    for bad, pattern in (("a.txt", "ends in .csv"), ("no/a.csv", "existing folder")):
        with pytest.raises(rnla.ArgumentError, match=pattern):
            check_output(tmp_path / bad)
    with pytest.raises(rnla.ArgumentError, match="Rename the column"):
        check_output(tmp_path / "a.csv", column_names=["weight"])
    assert check_output(tmp_path / "a.npz", column_names=["weight"])


def test_lengths_must_agree(tmp_path):
    with pytest.raises(rnla.ArgumentError, match="one row number and one weight per row"):
        write_sample(tmp_path / "a.csv", A, indices=[1], weights=[1.0])


def test_a_damaged_sample_file_is_named(tmp_path):
    np.save(tmp_path / "a.npy", A)
    for content in (b"", b"PK\x03\x04", (tmp_path / "a.npy").read_bytes()):
        (tmp_path / "s.npz").write_bytes(content)
        with pytest.raises(rnla.DamagedFileError, match=r"s\.npz"):
            read_sample(tmp_path / "s.npz")
