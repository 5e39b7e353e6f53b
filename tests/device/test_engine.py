"""Passes over rows on a GPU: what stays there, what is copied, and what is cut."""

from __future__ import annotations

import sys
import types

import numpy as np
import pytest
import scipy.sparse as sp

import rnla
from rnla.kernels import dispatch
from rnla.tall import as_tall, device_engine, rows

from .backends import Backend, difficult


@pytest.fixture
def put(cupy):
    return Backend("device").put


@pytest.mark.parametrize("kind", ["dense", "float32", "Fortran", "integers", "sparse"])
@pytest.mark.parametrize("blocks", [1, 3])
def test_passes_give_what_numpy_gives(kind, blocks, put, cupy, monkeypatch):
    """Once in one block, once in three, the last one short."""
    n = 300
    A = difficult(kind, n=n)
    if blocks == 3:
        monkeypatch.setattr(device_engine, "_UNIT", 128)
        monkeypatch.setattr(cupy.cuda.Device, "mem_info", (1, 32 * 128 * 8 * 4))
    tall, here = as_tall(put(A)).distributed(), as_tall(A)
    assert -(-n // tall._engine._block_rows()) == blocks
    M = np.random.default_rng(1).standard_normal((4, 3))
    x = np.random.default_rng(2).uniform(0.5, 2.0, n)
    scale = cupy.asarray(x)
    asked = {
        "norms": lambda A: A.row_norms(),
        "norms M": lambda A: A.row_norms(M),
        "norms 1": lambda A: A.row_norms(M, p=1),
        "matmul": lambda A: A.matmul(M),
        "quadratic": lambda A: A.quadratic(np.eye(4) + 1.0),
        "rows": lambda A: A.scan().row_max,
    }
    there, expected = ({k: f(tall_) for k, f in asked.items()} for tall_ in (tall, here))
    for name, values in there.items():
        assert type(values) is cupy.ndarray
        assert values.dtype == np.float64
        np.testing.assert_allclose(values.get(), expected[name], rtol=1e-11, atol=1e-12)
    small = {
        "gram": (tall.gram(), here.gram()),
        "gram s": (tall.gram(row_scale=scale), here.gram(row_scale=x)),
        "gram M s": (tall.gram(row_scale=scale, M=M), here.gram(row_scale=x, M=M)),
        "columns": (tall.scan().column_max, here.scan().column_max),
        "rmatmul": (tall.rmatmul(scale), here.rmatmul(x)),
        "whole": (tall.whole(), here.whole()),
    }
    for found, wanted in small.values():
        assert isinstance(found, np.ndarray)
        np.testing.assert_allclose(found, wanted, rtol=1e-11, atol=1e-11)
    assert tall.passes == here.passes


def test_rows_are_taken_on_the_device_in_their_kind(put, cupy):
    for kind in ("dense", "float32", "sparse"):
        A = difficult(kind)
        tall = as_tall(put(A))
        taken = tall.take(np.array([5, 0, -1]))
        assert type(taken).__module__.partition(".")[0] in ("cupy", "cupyx")
        assert taken.dtype == A.dtype
        dense, expected = (x.toarray() if sp.issparse(x) else x for x in (taken.get(), A))
        np.testing.assert_array_equal(dense, expected[[5, 0, -1]])
        with pytest.raises(IndexError, match="row 260 of 260 rows"):
            tall.take(np.array([260]))


def test_only_small_things_are_copied(put, cupy, monkeypatch):
    """A Lewis iteration copies d x d numbers a pass, and block sums of one vector at its end."""
    monkeypatch.setattr("rnla.basis.orthonormal._SMALL", 100)
    n, d = 1100, 3
    A = put(difficult("dense", n=n, d=d))
    cupy.copies.clear()
    weights = rnla.lewis_weights(A, 1, max_iter=3, rng=0)
    assert cupy.copies["to host"] <= weights.passes * (d * d + d + 4) + n // 1024 + 50
    assert cupy.copies["to device"] <= weights.passes * 3 * d * d
    assert type(weights.values) is cupy.ndarray


def test_float32_rows_are_not_copied_to_float64(put, cupy):
    """The kernels promote: no allocation of n d numbers of eight bytes."""
    A = put(difficult("float32", n=2000, d=20))
    tall = as_tall(A).distributed()
    M = np.eye(20, 5)
    made = []
    for name in ("ascontiguousarray", "empty", "zeros"):
        plain = getattr(cupy, name)

        def counted(*args, plain=plain, **options):
            result = plain(*args, **options)
            made.append(result.nbytes if result is not args[0] else 0)
            return result

        setattr(cupy, name, counted)
    tall.gram()
    tall.row_norms(M)
    tall.scan()
    assert max(made) < 8 * 2000 * 20


def test_a_scan_names_the_first_bad_row(put):
    A = difficult("dense")
    A[[7, 9], 1] = np.nan, np.inf
    with pytest.raises(rnla.ArgumentError, match=r"A: got 2 row\(s\) .* first is row 7 \(a CuPy"):
        as_tall(put(A)).distributed().scan()


def test_row_vectors_of_the_host_are_refused(put):
    tall = as_tall(put(difficult("dense"))).distributed()
    with pytest.raises(rnla.ArgumentTypeError, match=r"row vector: .* cupy\.asarray"):
        tall.gram(row_scale=np.ones(260))


@pytest.mark.parametrize(
    ("option", "value"), [("columns", [0]), ("memory", "1GiB"), ("dask", True)]
)
def test_options_of_files_are_refused(option, value, put):
    with pytest.raises(rnla.ArgumentError, match=f"{option}: got .* for a CuPy array on GPU 0"):
        as_tall(put(difficult("dense")), **{option: value})


def test_no_lazy_scores_and_no_checkpoint(put, tmp_path):
    A = put(difficult("dense"))
    with pytest.raises(rnla.ArgumentError, match="compute: got False"):
        rnla.leverage_scores(A, compute=False)
    with pytest.raises(rnla.ArgumentError, match="checkpoint: got a folder"):
        rnla.lewis_weights(A, 1, checkpoint=tmp_path / "kept")


def test_shapes_and_dtypes_are_checked(put, cupy):
    for array, message in (
        (cupy.zeros(5), "1 dimension"),
        (cupy.zeros((2, 3)), "at least as many rows as columns"),
        (cupy.zeros((0, 3)), "at least one row"),
    ):
        with pytest.raises(rnla.ArgumentError, match=message):
            as_tall(array)
    with pytest.raises(rnla.ArgumentTypeError, match="dtype complex128"):
        as_tall(cupy.zeros((3, 2), dtype=np.complex128))


def test_another_gpu_has_to_be_the_current_one(cupy):
    with cupy.cuda.Device(1):
        A = cupy.asarray(difficult("dense"))
        assert rnla.leverage_scores(A).values.device.id == 1
    with pytest.raises(rnla.ArgumentError, match=r"GPU 1 while GPU 0 .* `with cupy\.cuda"):
        as_tall(A)


def test_sparse_matrices_of_other_formats_become_csr(put, cupy):
    sparse = sys.modules["cupyx.scipy.sparse"]
    A = sp.coo_array(difficult("sparse"))
    expected = as_tall(A).gram()
    parts = cupy.asarray(A.data), (cupy.asarray(A.coords[0]), cupy.asarray(A.coords[1]))
    coo = sparse.coo_matrix(parts, shape=A.shape)
    csc = put(sp.csr_array(A)).tocsr().T.tocsr().T
    assert csc.format == "csc"
    for matrix in (coo, csc):
        np.testing.assert_allclose(as_tall(matrix).distributed().gram(), expected, rtol=1e-12)


def test_duplicate_entries_are_added_up_in_a_copy(cupy):
    sparse = sys.modules["cupyx.scipy.sparse"]
    parts = np.array([1.0, 2.0, 4.0]), np.array([1, 1, 0]), np.array([0, 2, 3])
    A = sparse.csr_matrix(tuple(map(cupy.asarray, parts)), shape=(2, 2))
    np.testing.assert_array_equal(as_tall(A).distributed().gram(), [[16.0, 0.0], [0.0, 9.0]])
    assert A.nnz == 3


class Tensor:
    """What rnla looks at of a PyTorch tensor."""

    layout = "torch.strided"

    def __init__(self, values, kind):
        self.values, self.device = values, types.SimpleNamespace(type=kind)

    def detach(self):
        return Tensor(self.values, self.device.type)

    def numpy(self):
        return self.values

    def __dlpack__(self):
        return self.values


Tensor.__module__ = "torch"


def test_tensors_are_taken_over_without_a_copy(put, cupy):
    A = difficult("dense")
    here = rnla.leverage_scores(Tensor(A, "cpu"))
    np.testing.assert_array_equal(here.values, rnla.leverage_scores(A).values)
    there = put(A)
    cupy.copies.clear()
    tall = as_tall(Tensor(there, "cuda"))
    assert tall._engine._rows is there
    assert not cupy.copies
    odd = Tensor(A, "cpu")
    odd.layout = "torch.sparse_csr"
    with pytest.raises(rnla.ArgumentTypeError, match=r"A: got a tensor of layout torch\.sparse"):
        as_tall(odd)


def test_row_vectors_on_a_device(cupy):
    x = np.random.default_rng(0).standard_normal(3000)
    there = cupy.asarray(x)
    assert rows.is_here(x)
    assert not rows.is_here(there)
    assert rows.extremes(there) == rows.extremes(x)
    assert rows.largest(there) == rows.largest(x)
    assert rows.largest(there[:0]) == rows.largest(x[:0]) == -np.inf
    assert abs(rows.total(there) - rows.total(x)) <= 1e-12
    np.testing.assert_array_equal(rows.at(there, np.array([4, 2])), x[[4, 2]])
    np.testing.assert_array_equal(rows.like(there, 2.0).get(), np.full(3000, 2.0))
    np.testing.assert_array_equal(rows.host(there), x)
    assert rows.settle(there) is there


def test_rows_with_factors_and_borders(put, cupy):
    A, x = difficult("dense"), np.linspace(1.0, 2.0, 260)
    for kind in ("dense", "sparse"):
        A = difficult(kind)
        there, here = as_tall(put(A)).distributed(), as_tall(A)
        found = there.scaled_rows(cupy.asarray(x))
        np.testing.assert_allclose(found.gram(), here.scaled_rows(x).gram(), rtol=1e-11)
        wide = there.with_columns(cupy.asarray(x), ones=True)
        np.testing.assert_allclose(
            wide.gram(), here.with_columns(x, ones=True).gram(), rtol=1e-11, atol=1e-11
        )
        units = np.array([0.5, 2.0, 4.0, 1.0])
        np.testing.assert_allclose(there.twin(units).gram(), here.twin(units).gram(), rtol=1e-11)


def test_kernels_are_launched_and_numpy_is_not_used(put, cupy):
    tall = as_tall(put(difficult("dense"))).distributed()
    before = len(cupy.launches)
    tall.row_norms(np.eye(4))
    assert [launch.function for launch in cupy.launches[before:]] == ["product_row_norms"]
    assert dispatch.DEVICES["cupy"]
