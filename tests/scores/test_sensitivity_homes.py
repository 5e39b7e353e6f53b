"""Sensitivities and active regression do not depend on where the rows live."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest
import scipy.sparse as sp

import rnla
from rnla.regression import active_lp_regression
from rnla.scores._sensitivity_rows import count_distinct
from rnla.tall import _cut, as_tall
from tests.certify.homes import streamed
from tests.families import gaussian

N, D = 2500, 4
LABELS = gaussian(N, D, 0) @ np.arange(D) + np.random.default_rng(1).standard_normal(N)


def sensitivities(A, p, **options):
    found = rnla.lp_sensitivities(A, p, rng=0, **options)
    return np.concatenate([found.lower, found.upper, [found.solves]])


CALLS = {
    "bounds": lambda A: sensitivities(A, 1, method="bounds"),
    "coreset, p = 1.5": lambda A: sensitivities(A, 1.5, method="coreset"),
    "coreset, p = 3": lambda A: sensitivities(A, 3, method="coreset", factor=1.1),
    "exact": lambda A: sensitivities(A, 1.5, rows=[0, 7, N - 1]),
    "block": lambda A: sensitivities(A, 3, method="block", block_size=300, signs=2),
    "largest": lambda A: rnla.max_sensitivity(A, 3, rng=0).x,
    "total": lambda A: float(rnla.total_sensitivity(A, 1, rng=0)),
    "one label sample": lambda A: (
        active_lp_regression(A, LABELS.__getitem__, 1.0, eps=0.4, rng=0).x
    ),
    "several label samples": lambda A: (
        active_lp_regression(A, LABELS.__getitem__, 1.5, eps=0.4, delta=0.01, rng=0).x
    ),
}


@pytest.fixture
def small(monkeypatch):
    """Strips of 1024 rows."""
    monkeypatch.setattr(_cut, "_BLOCK_ELEMENTS", 2**8)


def in_dask(A):
    da = pytest.importorskip("dask.array")
    ends = [0, 700, 1800, N]
    pieces = [A[start:stop] for start, stop in pairwise(ends)]
    return as_tall(da.concatenate([da.from_array(piece, chunks=-1) for piece in pieces]))


@pytest.mark.parametrize("home", [streamed, in_dask])
@pytest.mark.parametrize("name", CALLS)
def test_every_home_gives_the_numbers_of_memory(name, home, small):
    A = gaussian(N, D, 0)
    np.testing.assert_array_equal(CALLS[name](home(A)), CALLS[name](A))


def test_sparse_rows_in_pieces(small):
    rng = np.random.default_rng(0)
    A = sp.random_array((N, D), density=0.5, rng=rng, format="csr")
    found = CALLS["coreset, p = 3"](streamed(A))
    np.testing.assert_array_equal(found, CALLS["coreset, p = 3"](A))


@pytest.mark.parametrize("name", ["bounds", "coreset, p = 3", "total", "one label sample"])
def test_another_matrix_gives_other_numbers(name):
    """Must fail: the equality above is not that of constants."""
    A = gaussian(N, D, 0)
    assert np.any(CALLS[name](A) != CALLS[name](A * np.linspace(1.0, 2.0, N)[:, None]))


def test_counting_distinct_rows_stops_early():
    read = []

    class Watched:
        def take(self, rows):
            read.append(len(rows))
            return A[rows]

    A = gaussian(100_000, 3, 0)
    assert count_distinct(Watched(), np.arange(100_000), 31) >= 31
    assert sum(read) < 5000
    A = np.repeat(np.eye(3), 20_000, axis=0) * np.where(np.arange(60_000) % 2, 1.0, -1.0)[:, None]
    read.clear()
    assert count_distinct(Watched(), np.arange(60_000), 31) == 3
    assert sum(read) == 60_000
