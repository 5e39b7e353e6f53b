"""Rows and vectors on a GPU in every layout an array can have, cut into blocks of any size."""

from __future__ import annotations

import sys

import numpy as np
import pytest
import scipy.sparse as sp

import rnla
from rnla.tall import device_engine
from tests import families

from .backends import host

LAYOUTS = ("sliced", "reversed", "transposed", "int64", "unsorted")
N = 300


def laid_out(A, layout, cupy):
    """The rows of A there, behind strides or in CSR as careless programs leave it."""
    if layout == "sliced":
        wide = np.full((2 * len(A), A.shape[1] + 3), np.nan)
        wide[::2, 1:-2] = A
        return cupy.asarray(wide)[::2, 1:-2]
    if layout == "reversed":
        return cupy.asarray(A[::-1])[::-1]
    if layout == "transposed":
        return cupy.asarray(np.ascontiguousarray(A.T)).T
    csr = sp.csr_array(A)
    data, indices, indptr = csr.data, csr.indices, csr.indptr
    if layout == "unsorted":  # every entry in two parts, and zeros, in any order within a row
        rows, columns = np.repeat(np.arange(len(A)), np.diff(indptr)), indices
        columns = np.concatenate([columns, columns, (columns + 1) % A.shape[1]])
        order = np.random.default_rng(0).permutation(columns.size)
        order = order[np.argsort(np.tile(rows, 3)[order], kind="stable")]
        data = np.concatenate([0.25 * data, 0.75 * data, 0.0 * data])[order]
        indices, indptr = columns[order].astype(np.int32), 3 * indptr
    if layout == "int64":
        indices, indptr = indices.astype(np.int64), indptr.astype(np.int64)
    parts = tuple(map(cupy.asarray, (data, indices, indptr)))
    return sys.modules["cupyx.scipy.sparse"].csr_matrix(parts, shape=A.shape)


@pytest.mark.parametrize("layout", LAYOUTS)
@pytest.mark.parametrize("family", [families.scaled_rows, families.zero_rows, families.coherent])
def test_layouts_and_blocks_change_nothing(family, layout, cupy, monkeypatch):
    """Blocks of all rows, of 128 and of 32, against NumPy in one piece; the same rows are kept."""
    A = family(N, 4)
    there = laid_out(A, layout, cupy)
    expected = rnla.lewis_weights(A, 1, rng=0).values
    kept = rnla.sample_rows(expected, 60, p=1, rng=0)
    for unit in (1024, 128, 32):
        monkeypatch.setattr(device_engine, "_UNIT", unit)
        monkeypatch.setattr(cupy.cuda.Device, "mem_info", (unit, unit))
        found = rnla.lewis_weights(there, 1, rng=0).values
        np.testing.assert_allclose(host(found), expected, rtol=1e-9, atol=1e-12)
        sample = rnla.sample_rows(found, 60, p=1, rng=0)
        np.testing.assert_array_equal(sample.indices, kept.indices)


@pytest.mark.parametrize("design", ["poisson", "ordered_pivotal", "priority"])
def test_vectors_of_any_stride_and_type(design, cupy):
    scores = 1.0 + np.random.default_rng(1).integers(0, 9, N)
    expected = rnla.sample_rows(scores, 40, p=1, design=design, rng=0)
    every_other = cupy.asarray(np.repeat(scores, 2))[::2]
    given = (every_other, cupy.asarray(scores[::-1])[::-1], cupy.asarray(scores.astype(np.float32)))
    for there in (*given, cupy.asarray(scores.astype(np.int64))):
        found = rnla.sample_rows(there, 40, p=1, design=design, rng=0)
        np.testing.assert_array_equal(found.indices, expected.indices)
        np.testing.assert_array_equal(found.weights, expected.weights)


@pytest.mark.parametrize(
    "shape, dtype, match",
    [((), float, "A: got"), ((5,), float, "A: got"), ((0, 3), float, "A: got"),
     ((3, 0), float, "A: got"), ((4, 2), complex, "A: got")],
)  # fmt: skip
def test_what_is_no_matrix_is_refused_as_on_the_host(shape, dtype, match, cupy):
    messages = []
    for put in (np.asarray, cupy.asarray):
        with pytest.raises(rnla.RnlaError, match=match) as caught:
            rnla.leverage_scores(put(np.ones(shape, dtype)))
        messages.append(type(caught.value))
    assert messages[0] is messages[1]
