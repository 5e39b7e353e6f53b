"""The stand-in for CuPy is as strict as CuPy, or what the other tests show would mean little."""

from __future__ import annotations

import sys

import numpy as np
import pytest

from rnla.kernels import dispatch, scan


def test_no_conversion_to_numpy_unless_asked_for(cupy):
    x = cupy.asarray(np.arange(3.0))
    assert not isinstance(x, np.ndarray)
    for convert in (np.asarray, np.array, np.ascontiguousarray, lambda x: np.empty(3) + x):
        with pytest.raises(TypeError):
            convert(x)
    np.testing.assert_array_equal(x.get(), np.arange(3.0))
    np.testing.assert_array_equal(cupy.asnumpy(x), np.arange(3.0))


@pytest.mark.parametrize(
    "mixed",
    [
        lambda x, y: x + y,
        lambda x, y: y + x,
        lambda x, y: x @ y,
        lambda x, y: y @ x,
        lambda x, y: np.maximum(x, y),
        lambda x, y: np.where(x > 0, y, 0.0),
        lambda x, y: np.concatenate([x, y]),
        lambda x, y: x.__setitem__(slice(None), y),
        lambda x, y: x.__iadd__(y),
        lambda x, y: x + y.sum(keepdims=True).reshape(()),
        lambda x, y: x[np.array([0, 1])],
    ],
)
def test_no_mixing_with_numpy_arrays(mixed, cupy):
    x = cupy.asarray(np.arange(3.0))
    with pytest.raises(TypeError):
        mixed(x, np.arange(3.0))


def test_numpy_functions_are_those_of_cupy_and_no_others(cupy):
    x = cupy.asarray(np.array([[3.0, 4.0], [0.0, -1.0]]))
    for value in (np.sqrt(x), np.where(x > 0, x, 0.0), np.sum(x, axis=0), x.max(), x[0, 0], -x):
        assert type(value) is cupy.ndarray
    assert float(np.abs(x).sum()) == 8.0
    for absent in (np.linalg.qr, np.partition, np.split):
        with pytest.raises(TypeError):
            absent(x)
    with pytest.raises(TypeError):
        np.min(x, initial=0.0)
    with pytest.raises(ValueError, match="zero-size"):
        x[:0].max()


def test_copies_are_counted(cupy):
    x = cupy.asarray(np.ones((5, 2)))
    y = x[1:] * 2.0 + x.sum()
    assert dict(cupy.copies) == {"to device": 10}
    float(y[0, 0])
    y.get()
    assert cupy.copies["to host"] == 9


def test_kernels_run_from_their_sources(cupy):
    A = np.random.default_rng(0).standard_normal((50, 3))
    columns, rows = scan.column_and_row_max(cupy.asarray(A))
    np.testing.assert_array_equal(columns.get(), np.abs(A).max(axis=0))
    np.testing.assert_array_equal(rows.get(), np.abs(A).max(axis=1))
    assert [launch.kernel for launch in cupy.launches] == ["scan"]
    with pytest.raises(TypeError, match=r"got cupy and numpy arrays together"):
        dispatch.device_of(cupy.zeros(1), np.zeros(1))


def test_sparse_matrices_are_not_scipys(cupy):
    sparse = sys.modules["cupyx.scipy.sparse"]
    parts = (np.array([1.0, 2.0, 3.0]), np.array([0, 1, 0]), np.array([0, 2, 3]))
    A = sparse.csr_matrix(tuple(map(cupy.asarray, parts)), shape=(2, 2))
    x = cupy.asarray(np.array([1.0, 1.0]))
    np.testing.assert_array_equal((A @ x).get(), [3.0, 3.0])
    np.testing.assert_array_equal((A.T @ x).get(), [4.0, 2.0])
    for refused in (lambda: A @ np.ones(2), lambda: np.asarray(A), lambda: len(A)):
        with pytest.raises(TypeError):
            refused()
