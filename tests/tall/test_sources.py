"""One suite over every home of rows: whatever is computed has the same bits as in memory.

Blocks are made small here, so that few rows make many strips and many reads.
"""

from __future__ import annotations

import functools
import os
import shutil
import subprocess
import sys
import textwrap

import numpy as np
import pandas as pd
import pytest
import scipy.sparse as sp

import rnla
from rnla.tall import _cut, _engine, convert
from rnla.tall.loaded import fits

from .array_homes import DENSE, SPARSE

N, D = 5000, 6


def _parquet_folder(A, folder):
    frame = pd.DataFrame(A, columns=[f"c{j}" for j in range(A.shape[1])])
    (folder / "tables").mkdir()
    for number, part in enumerate(np.array_split(np.arange(len(A)), [900, 2500])):
        frame.iloc[part].to_parquet(
            folder / "tables" / f"part-{number}.parquet", index=False, row_group_size=700
        )
    return folder / "tables"


def _feather(A, folder):
    frame = pd.DataFrame(A, columns=[f"c{j}" for j in range(A.shape[1])])
    frame.to_feather(folder / "t.feather", chunksize=300)
    return folder / "t.feather"


def _csv(A, folder):
    frame = pd.DataFrame(A, columns=[f"c{j}" for j in range(A.shape[1])])
    frame.to_csv(folder / "t.csv", index=False)
    return folder / "t.csv"


TABLES = {"parquet folder": _parquet_folder, "feather": _feather, "csv": _csv}
HOMES = {**DENSE, **TABLES, **SPARSE}


@functools.cache
def matrix(sparse=False, n=N):
    """Full mantissas, uneven rows, two planted rows, some zeros."""
    rng = np.random.default_rng(7)
    A = rng.standard_normal((n, D)) * rng.pareto(2.0, (n, 1)) * (rng.uniform(size=(n, D)) < 0.7)
    A[17] *= 100.0
    A[n // 2] = 0.0
    A.flags.writeable = False
    return sp.csr_array(A) if sparse else A


@pytest.fixture(autouse=True)
def small_blocks(monkeypatch):
    """Strips of 1024 rows, read one or two at a time in every pass."""
    monkeypatch.setattr(_cut, "_BLOCK_ELEMENTS", 64 * D)
    monkeypatch.setattr(_engine, "_LARGEST_GROUP", 2**17)
    monkeypatch.setattr(convert, "fits", lambda source, memory: False)


@pytest.fixture(scope="module", params=HOMES)
def home(request, tmp_path_factory):
    """The name of a home, and where the matrix lives in it."""
    folder = tmp_path_factory.mktemp("home")
    return request.param, HOMES[request.param](matrix(), folder)


@pytest.fixture
def pair(home):
    """The matrix in memory and in a home."""
    name, where = home
    return rnla.as_tall(matrix(name in SPARSE)), rnla.as_tall(where)


def same(found, wanted):
    assert sp.issparse(found) == sp.issparse(wanted)
    if sp.issparse(found):
        assert found.shape == wanted.shape
        for part in ("data", "indices", "indptr"):
            assert np.array_equal(getattr(found, part), getattr(wanted, part))
    else:
        assert found.dtype == wanted.dtype
        assert np.array_equal(found, wanted)


class Signs:
    """A dense sketch with random signs, block by block."""

    shape = (9, N)

    def apply_block(self, start, block, *, out=None):
        rows = np.arange(start, start + block.shape[0])
        signs = rnla.random.Stream(3, "test signs").normal(rows, 9)
        out = np.zeros((9, block.shape[1])) if out is None else out
        out += signs.T @ block if isinstance(block, np.ndarray) else (block.T @ signs).T
        return out


rng = np.random.default_rng(1)
M, X, Y, s = (
    rng.standard_normal((D, D)), rng.standard_normal((D, 3)), rng.standard_normal((N, 2)),
    rng.uniform(0.5, 2.0, N),
)  # fmt: skip
ROWS = np.array([0, 17, 899, 900, 901, 2500, 4999])
PASSES = {
    "gram": lambda A: A.gram(),
    "gram of A M": lambda A: A.gram(M=M, row_scale=s),
    "norms": lambda A: A.row_norms(),
    "norms of A M": lambda A: A.row_norms(M, p=1.0),
    "matmul": lambda A: A.matmul(X),
    "matmul of a vector": lambda A: A.matmul(X[:, 0]),
    "rmatmul": lambda A: A.rmatmul(Y),
    "quadratic": lambda A: A.quadratic(M + M.T),
    "sketch": lambda A: A.sketch(Signs()),
    "sketch, scaled": lambda A: A.sketch(Signs(), row_scale=s, column_scale=np.arange(1.0, D + 1)),
    "column maxima": lambda A: A.scan().column_max,
    "row maxima": lambda A: A.scan().row_max,
}


def test_headers_agree(pair):
    inside, outside = pair
    for key in ("shape", "dtype", "is_sparse", "entry_count", "pair_count"):
        assert getattr(inside, key) == getattr(outside, key)


@pytest.mark.parametrize("name", PASSES)
def test_every_pass_has_the_same_bits(pair, name):
    inside, outside = pair
    before = outside.passes
    same(PASSES[name](outside), PASSES[name](inside))
    assert outside.passes - before == inside.passes


def test_blocks_have_the_same_boundaries_and_bits(pair):
    inside, outside = pair
    count = 0
    for (i, a), (j, b) in zip(inside.blocks(), outside.blocks(), strict=True):
        assert i == j
        same(b, a)
        count += 1
    assert count > 3 * 16


def test_rows_that_fit_are_read_once_with_the_same_bits(home, monkeypatch):
    monkeypatch.setattr(convert, "fits", fits)
    name, where = home
    inside, outside = rnla.as_tall(matrix(name in SPARSE)), rnla.as_tall(where)
    same(outside.gram(M=M), inside.gram(M=M))
    same(outside.take(ROWS), inside.take(ROWS))


def test_rows_taken_are_the_rows(pair):
    inside, outside = pair
    for rows in (ROWS, ROWS[::-1], np.arange(N), ROWS[:0]):
        same(outside.take(rows), inside.take(rows))


def test_a_pass_given_up_does_not_spoil_the_next(pair):
    inside, outside = pair
    for count, _ in enumerate(outside.blocks()):
        if count == 20:
            break
    same(outside.gram(), inside.gram())


SCORES = {
    "leverage, exact": lambda A: rnla.leverage_scores(A),
    "leverage, gram": lambda A: rnla.leverage_scores(A, method="gram"),
    "leverage, sketch": lambda A: rnla.leverage_scores(A, method="sketch", rng=3),
    "Lewis, p = 1": lambda A: rnla.lewis_weights(A, 1),
    "Lewis, p = 3": lambda A: rnla.lewis_weights(A, 3),
}


@functools.cache
def score_in_memory(name, sparse):
    return SCORES[name](matrix(sparse)).values


@pytest.mark.parametrize("name", SCORES)
def test_scores_are_identical(home, name):
    key, where = home
    assert np.array_equal(SCORES[name](where).values, score_in_memory(name, key in SPARSE))


SIZES = {1: 60, 2: None}  # for p = 2 the size is searched for


@functools.cache
def embedded_in_memory(p, sparse):
    return rnla.lp_subspace_embedding(matrix(sparse), p, size=SIZES[p], eps=0.5, rng=5)


@pytest.mark.parametrize("p", [1, 2])
def test_embeddings_and_certificates_are_identical(home, p):
    home, where = home
    inside = embedded_in_memory(p, home in SPARSE)
    outside = rnla.lp_subspace_embedding(where, p, size=SIZES[p], eps=0.5, rng=5)
    assert np.array_equal(outside.indices, inside.indices)
    assert np.array_equal(outside.weights, inside.weights)
    for key in ("found", "lower", "upper", "certified_distortion", "passes"):
        assert getattr(outside.certificate, key) == getattr(inside.certificate, key)
    same(outside @ where, inside @ matrix(home in SPARSE))


def test_a_sample_drawn_elsewhere_is_certified_here(home):
    key, where = home
    A = matrix(key in SPARSE)
    sample = rnla.sample_rows(rnla.leverage_scores(where), 300, p=2, rng=0)
    inside = rnla.sample_rows(rnla.leverage_scores(A), 300, p=2, rng=0)
    assert np.array_equal(sample.indices, inside.indices)
    assert np.array_equal(sample.weights, inside.weights)
    found = rnla.certify_embedding(where, sample, 2)
    wanted = rnla.certify_embedding(A, inside, 2)
    assert (found.lower, found.upper) == (wanted.lower, wanted.upper)


def test_a_row_with_nan_is_placed(tmp_path):
    A = matrix().copy()
    A[3210, 2] = np.nan
    for name, make in {**DENSE, **SPARSE}.items():
        folder = tmp_path / name.replace(" ", "-")
        folder.mkdir()
        where = make(A, folder)
        tall = rnla.as_tall(where, name="B")
        with pytest.raises(rnla.ArgumentError, match="row 3210 ") as e:
            tall.scan()
        parts = (".np", ".zarr", ".h5", "chunk", "block")
        assert any(part in str(e.value) for part in parts), e.value


# Memory --------------------------------------------------------------------------------------

MEMORY = textwrap.dedent(
    """
    import sys
    import numpy as np
    import rnla

    def status(key):
        with open("/proc/self/status") as file:
            return next(int(line.split()[1]) for line in file if line.startswith(key)) / 1024

    def work(A):
        sample = rnla.sample_rows(rnla.leverage_scores(A), 300, p=2, rng=0)
        return sample @ A

    path, small, memory = sys.argv[1:]
    work(np.load(small))  # imports, compiled code and threads, at next to no data
    before = status("VmRSS")
    with open("/proc/self/clear_refs", "w") as file:
        file.write("5")  # the peak counts from here
    work(rnla.as_tall(path, memory=memory) if memory != "array" else np.load(path))
    print(status("VmHWM") - before)
    """
)


def grown(path, small, memory):
    """MiB by which a process grew at most over its work on a file."""
    environment = {"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1", "RNLA_THREADS": "2"}
    done = subprocess.run(
        [sys.executable, "-c", MEMORY, str(path), str(small), memory],
        env={**os.environ, **environment}, capture_output=True, text=True, check=True,
    )  # fmt: skip
    return float(done.stdout)


@pytest.fixture(scope="module")
def large(tmp_path_factory):
    """A file of 256 MiB and one of 400 KiB with the same columns."""
    folder = tmp_path_factory.mktemp("large")
    rng = np.random.default_rng(0)
    np.save(folder / "small.npy", rng.standard_normal((400, 128)))
    shape = (2**18, 128)
    for name, fortran in (("c.npy", False), ("f.npy", True)):
        file = np.lib.format.open_memmap(folder / name, "w+", np.float64, shape, fortran)
        for start in range(0, shape[0], 2**15):
            file[start : start + 2**15] = rng.standard_normal((2**15, 128))
        del file
    yield folder
    shutil.rmtree(folder)


@pytest.mark.skipif(not os.access("/proc/self/clear_refs", os.W_OK), reason="needs Linux's /proc")
@pytest.mark.parametrize("name", ["c.npy", "f.npy"])
def test_a_file_four_times_the_budget_stays_within_it(large, name):
    """Budget 64 MiB; slack 32 MiB for strips on their way and what the allocator keeps.

    The companion reads the file into memory, which the measurement must show.
    """
    small = large / "small.npy"
    assert grown(large / name, small, "64MiB") < 64 + 32
    if name == "c.npy":
        assert grown(large / name, small, "array") > 256
