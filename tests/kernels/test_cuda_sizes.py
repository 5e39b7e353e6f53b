"""Launches for arrays beyond 2^31 numbers: grids, and arguments that hold the sizes.

Nothing is executed: arrays are views of eight bytes with the shapes and strides of large ones, so
whoever reads them on the host crashes. Kernels take sizes as int64; what is 32 bits wide is checked
here, since NumPy refuses to make an int32 of more.
"""

from __future__ import annotations

import numpy as np
import pytest

from rnla.kernels import (
    count_sketch,
    fwht,
    lewis_update,
    philox,
    poisson_rows,
    power_rows,
    priority_keys,
    random_columns,
    row_norms,
    running_sums,
    scan,
    sparse_columns,
    sparse_sign,
    split_rows,
    three_term,
    two_sum,
    unit_steps,
)
from rnla.kernels.csr_quadratic import csr_quadratic
from rnla.kernels.csr_row_norms import csr_row_norms
from rnla.kernels.gram import add_gram
from rnla.kernels.sparse_columns.cuda import MOST_ENTRIES, chunks

from .cuda_host.device import EmulatedArray, EmulatedDevice

N = 2**31 + 5
KEY = 3


def huge(shape, dtype=np.float64):
    """C-contiguous, of this shape, and not there."""
    strides = np.cumprod([1, *shape[:0:-1]])[::-1] * np.dtype(dtype).itemsize
    few = np.zeros(1, dtype)
    return np.lib.stride_tricks.as_strided(few, shape, strides.tolist()).view(EmulatedArray)


class Recorder(EmulatedDevice):
    """Launches are kept; large results are not there either, small ones are zero."""

    def empty(self, shape, dtype):
        shape = (shape,) if isinstance(shape, int) else tuple(shape)
        if int(np.prod(shape, dtype=object)) > 2**20:
            return huge(shape, dtype)
        return np.zeros(shape, dtype).view(EmulatedArray)

    zeros = empty

    def contiguous(self, array, dtype):
        return array if array.dtype == dtype else huge(array.shape, dtype)

    def arange(self, stop, step=1):
        return huge((-(-stop // step),), np.int64)

    def sort(self, keys):
        return keys

    def cumsum(self, counts):
        return self.empty(min(counts.size, 1), counts.dtype)

    def flatnonzero(self, flags):
        return self.empty(0, np.int64)

    def run(self, launch):
        self.launches.append(launch)


def rows_of(width, index=np.int64):
    """CSR rows: a few entries each, more than 2^31 together."""
    return huge((3 * N,)), huge((3 * N,), index), huge((N + 1,), index)


def small(device, *shape):
    return device.put(np.ones(shape))


WORK = {
    "scan": lambda d: scan.column_and_row_max(huge((N, 40), np.float32)),
    "scan wide": lambda d: scan.column_and_row_max(huge((3, N))),
    "scan csr": lambda d: scan.csr_column_and_row_max(*rows_of(4), 4),
    "row norms": lambda d: row_norms.row_norms(huge((N, 3)), 1.0),
    "product norms": lambda d: row_norms.product_row_norms(huge((N, 3)), small(d, 3, 7), 2.0),
    "csr norms": lambda d: csr_row_norms(*rows_of(4), small(d, 4, 5), 2.0),
    "gram": lambda d: add_gram(huge((N, 3)), huge((N,)), d.zeros((3, 3), np.float64)),
    "gram wide": lambda d: add_gram(small(d, 2, 4096), None, huge((4096, 4096))),
    "csr quadratic": lambda d: csr_quadratic(*rows_of(4), small(d, 4, 4)),
    "split": lambda d: split_rows.split_dense(huge((N, 3)), small(d, 3), 20),
    "split csr": lambda d: split_rows.split_csr(*rows_of(4), small(d, 4), 20),
    "fwht": lambda d: fwht.transform(huge((2**32, 3))),
    "fwht rows": lambda d: fwht.add_signed_rows(
        huge((2**32, 3)), 2**33, huge((N,), np.int64), 1.0, huge((N, 3))
    ),
    "philox": lambda d: philox.normal(KEY, range(2**40, 2**40 + N), 3, like=small(d, 1)),
    "random columns": lambda d: random_columns.signs(KEY, 2**40, N, 5, small(d, 1)),
    "count sketch": lambda d: count_sketch.add_dense(
        KEY, 2**40, huge((N, 3)), d.zeros((5, 3), np.float64), deterministic=False
    ),
    "sparse sign": lambda d: sparse_sign.add_dense(
        KEY, 2**40, huge((N, 3)), 2, d.zeros((5, 3), np.float64), deterministic=False
    ),
    "transposed": lambda d: sparse_columns.transposed(
        huge((N + 1,), np.int64), huge((2 * N,), np.int64), huge((2 * N,)), small(d, 5, 3)
    ),
    "poisson": lambda d: poisson_rows.poisson_rows(KEY, 2**40, huge((N,)), 0.0),
    "priority": lambda d: priority_keys.priority_keys(KEY, 2**40, huge((N,))),
    "steps": lambda d: unit_steps.crossings(unit_steps.unit_steps(huge((N,)))[0]),
    "lewis": lambda d: lewis_update.steps(huge((N,)), huge((N,)), None, 1.0, 0.5, 0.5, 2.0),
    "lewis range": lambda d: lewis_update.extremes(huge((N,)), huge((N,)), 1.0),
    "powers": lambda d: power_rows.power_rows(huge((N,)), huge((N,)), None, 3.0),
    "scaled rows": lambda d: power_rows.scaled_rows(huge((N, 3)), huge((N,))),
    "running sums": lambda d: running_sums.running_sums(huge((N,))),
    "three term": lambda d: three_term.evaluate(huge((N,)), small(d, 40), small(d, 41)),
    "two sum": lambda d: two_sum.add_to_pair(huge((N,)), huge((N,)), huge((N,))),
}


@pytest.fixture
def recorder(cuda_cache):
    with Recorder(cuda_cache).here() as device:
        yield device


@pytest.mark.parametrize("name", WORK)
def test_launches_for_more_than_32_bits(name, recorder):
    WORK[name](recorder)
    assert recorder.launches
    sizes = set()
    for launch in recorder.launches:
        threads = int(np.prod(launch.block))
        assert threads <= 1024
        assert all(type(n) is int and 1 <= n < 2**31 for n in (*launch.grid, *launch.block))
        assert max(launch.grid[1:]) < 2**16
        for given in launch.arguments:
            assert given is None or isinstance(given, (EmulatedArray, np.generic))
            if isinstance(given, np.generic):
                sizes.add(int(given))
            elif given is not None and given.size >= N:
                assert given.flags.c_contiguous
        assert threads * launch.grid[0] <= 2**26  # strides of the grid, not a thread for each
    divided = name in ("gram wide", "fwht")  # sizes whose product is large
    assert max(sizes) >= (4096 if divided else N)


def test_sparse_rows_are_sorted_in_chunks_below_32_bits():
    """Entries are numbered by 32 bits: in chunks of rows, one after the other."""
    indptr = np.linspace(0, 3 * N, 1001).astype(np.int64)
    runs = list(chunks(indptr, 3 * N))
    begins, ends = [0, *(c[1] for c in runs)], [0, *(c[3] for c in runs)]
    assert [c[0] for c in runs] == begins[:-1]
    assert [c[2] for c in runs] == ends[:-1]
    assert (begins[-1], ends[-1]) == (1000, 3 * N)
    assert np.diff(ends).max() <= 1.1 * MOST_ENTRIES < 2**31
