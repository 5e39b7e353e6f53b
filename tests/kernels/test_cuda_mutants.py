"""Every barrier and every atomic of the CUDA kernels is needed, and the emulator knows.

The companion of all other tests of these kernels: take one away, and a run on a small problem is
reported as a race. Removing it might go unnoticed on a GPU for years.
"""

from __future__ import annotations

import re

import numpy as np
import pytest
import scipy.sparse as sp

from rnla.kernels import (
    als_sweep,
    count_sketch,
    dispatch,
    fwht,
    gather_product,
    lewis_update,
    ordered_pivotal,
    poisson_rows,
    power_rows,
    priority_keys,
    projection_dpp,
    reverse_elimination,
    row_norms,
    running_sums,
    scan,
    score_histogram,
    sparse_columns,
    sparse_sign,
    unit_steps,
)
from rnla.kernels.csr_gram import add_csr_gram
from rnla.kernels.gram import add_gram

from .cuda_host import build
from .cuda_host.device import EmulatedDevice, EmulatorError

KEY = 5
COMPLAINTS = r"no barrier after|before it is written|outside of all memory"
NEEDED = re.compile(r"__syncthreads\(\);|__syncwarp\(\);|atomic(?:Add|Max)(?=\()")
PLAIN = """
#define atomicAdd_plain(address, value) (*(address) += (value))
#define atomicMax_plain(address, value) (*(address) = max(*(address), (value)))
"""


def block(device, rows, columns):
    return device.put(np.random.default_rng(0).standard_normal((rows, columns)))


def sketches(device):
    for deterministic in (False, True):
        out = device.zeros((3, 5), np.float64)
        count_sketch.add_dense(KEY, 0, block(device, 300, 5), out, deterministic=deterministic)
        sparse_sign.add_dense(KEY, 0, block(device, 300, 5), 2, out, deterministic=deterministic)
        A = sp.random_array((64, 40), density=0.9, rng=np.random.default_rng(1), format="csr")
        S = (np.arange(65), np.random.default_rng(2).integers(0, 3, 64), np.ones(64))
        arrays = map(device.put, (*S, A.data, A.indices, A.indptr))
        out = device.zeros((3, 40), np.float64)
        sparse_columns.add_csr(*arrays, out, deterministic=deterministic)
        sparse_columns.add_dense(
            *map(device.put, S), block(device, 64, 40), out, deterministic=deterministic
        )


def csr_gram(device):
    A = sp.random_array((64, 40), density=0.9, rng=np.random.default_rng(1), format="csr")
    arrays = map(device.put, (A.data, A.indices, A.indptr))
    add_csr_gram(*arrays, None, device.zeros((40, 40), np.float64))


def maxima(device):
    scan.column_and_row_max(block(device, 1100, 100))
    A = sp.random_array((300, 4), density=0.9, rng=np.random.default_rng(1), format="csr")
    scan.csr_column_and_row_max(*map(device.put, (A.data, A.indices, A.indptr)), 4)


def kept_rows(device):
    poisson_rows.poisson_rows(KEY, 0, device.put(np.full(9000, 0.5)), 0.0)


def dpp_draws(device):
    """The first window has nothing to accept, so that all is left to the second."""
    U = np.linalg.qr(np.random.default_rng(0).standard_normal((70, 66)))[0]
    features, ones = np.tile(U, (3, 2, 1)), np.ones((3, 140))
    ones[:, :32] = 1e9
    arrays = map(device.put, (features, ones, ones * 0.01, np.arange(3)))
    progress = projection_dpp.begin(3, 66, like=device.zeros(1, np.float64))
    projection_dpp.accept(*arrays, progress, 1000)
    projection_dpp.chain(device.put(U), device.put(np.full((3, 66), 0.5)))


def ordered_rows(device):
    steps, uniforms = np.random.default_rng(3).random((2, 9000))
    steps = device.put((steps * 2.0**62).astype(np.uint64))
    unit_steps.unit_steps(device.put(uniforms))
    unit_steps.crossings(steps, 5)
    ordered_pivotal.ordered_pivotal(steps, device.put(uniforms))
    winners = np.int64(600), device.put(np.arange(600))  # of more tiles than rows would give here
    device.run(dispatch.Launch("ordered_pivotal", "last_winners", (1, 1, 1), (256, 1, 1), winners))


def histograms(device):
    scores = device.put(np.repeat([1.0, 3.0], 9000))
    for shift in (52, 40):  # few bins, and more than fit into shared memory
        first = np.array([1000 << 52])
        score_histogram.fill(first, first + (50 << 52), np.array([shift]), scores)


def removals(device):
    """A column that is zero at first, triangles to start from, last rows one by one; and so many
    rows for few columns that Z is computed afresh on the way."""
    U = np.random.default_rng(0).standard_normal((150, 36))
    U[:64, -1] = 0.0
    X = device.put(np.stack([U, U, U]))
    R = reverse_elimination.triangles(X)
    root, draws = device.put(np.ones((40, 36))), device.put(np.arange(3))
    reverse_elimination.reverse_elimination(X, 36, KEY, draws, start=R, root=root)
    Q = device.put(np.linalg.qr(U[:, :4])[0])
    reverse_elimination.reverse_elimination(Q, 4, KEY, draws)


def sweeps(device):
    """More right-hand sides than go at a time, a few matrices each, and those without a factor."""
    rng = np.random.default_rng(0)
    for maps, signals in ((1, 20), (2, 2)):
        squares = als_sweep.squares(rng.standard_normal((maps, 40, 20)) * 1j, one_signal=False)
        d, b = rng.standard_normal((6, 40)) * (1 + 1j), rng.standard_normal((6, signals, 20)) * 1j
        d[:3] = np.nan
        there = map(device.put, (squares, d, b, np.ones(6, dtype=bool), b))
        als_sweep.signal_step(*there)


WORK = {
    "als_sweep": sweeps,
    "count_sketch": sketches,
    "sparse_sign": sketches,
    "sparse_columns": sketches,
    "csr_gram": csr_gram,
    "lewis_update": lambda device: lewis_update.extremes(
        *device.put(np.random.default_rng(0).standard_normal((2, 6000))), 3.0
    ),
    "gram": lambda device: add_gram(
        block(device, 3000, 70), None, device.zeros((70, 70), np.float64)
    ),
    "fwht": lambda device: fwht.transform(block(device, 2**10, 24)),
    "scan": maxima,
    "row_norms": lambda device: row_norms.product_row_norms(
        block(device, 130, 20), block(device, 20, 70), 1.5
    ),
    "poisson_rows": kept_rows,
    "priority_keys": lambda device: priority_keys.smallest(device.put(np.arange(9000)), 5),
    "unit_steps": ordered_rows,
    "ordered_pivotal": ordered_rows,
    "projection_dpp": dpp_draws,
    "score_histogram": histograms,
    "reverse_elimination": removals,
    "running_sums": lambda device: running_sums.running_sums(device.put(np.ones(40_000))),
    "power_rows": lambda device: power_rows.power_rows(*device.put(np.ones((2, 700))), None, 3.0),
    "gather_product": lambda device: gather_product.gather_product(
        block(device, 20, 3), *map(device.put, (np.arange(4), np.arange(3)))
    ),
}
#: Places in the source with what it includes.
PLACES = [
    (kernel, match.start(), match[0])
    for kernel in WORK
    for match in NEEDED.finditer(dispatch.source(kernel))
]


def name_of(place):
    kernel, start, what = place
    before = dispatch.source(kernel)[:start]
    number, name = re.findall(r'^#line (\d+) "(.*)"$', before, re.MULTILINE)[-1]
    line = int(number) + before[before.rindex("#line") :].count("\n") - 1
    file = "" if name.endswith("cuda.cu") else f"{name}-"
    return f"{kernel}-{file}line-{line}-{what.strip('();_')}"


def test_every_kernel_with_barriers_or_atomics_has_work():
    for path in build.KERNELS.glob("*/cuda.cu"):
        name = path.parent.name
        assert name in WORK or not NEEDED.search(dispatch.source(name)), name


@pytest.mark.slow
@pytest.mark.parametrize("place", PLACES, ids=name_of)
def test_without_it_the_emulator_complains(place, cuda_cache, tmp_path, monkeypatch):
    kernel, start, what = place
    monkeypatch.setattr(dispatch, "MOST_BLOCKS", 2)  # blocks do more than one tile
    text = dispatch.source(kernel)
    put = f"{what}_plain" if what.startswith("atomic") else ""
    changed = tmp_path / "cuda.cu"
    changed.write_text(PLAIN + text[:start] + put + text[start + len(what) :])
    with EmulatedDevice(cuda_cache).here() as device:
        WORK[kernel](device)
        device.sources[kernel] = changed
        with pytest.raises(EmulatorError, match=COMPLAINTS):
            WORK[kernel](device)
