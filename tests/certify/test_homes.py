"""Certificates do not depend on where the rows live, and never need all of them at once."""

from __future__ import annotations

import dataclasses
import tracemalloc
from itertools import pairwise

import numpy as np
import pytest
import scipy.sparse as sp

from rnla.certify import certify_embedding
from rnla.certify.certifier import Certifier
from rnla.sampling import sample_rows
from rnla.tall import TallMatrix, _cut, as_tall
from rnla.tall._engine import LocalEngine
from tests.certify.homes import Tiles, streamed
from tests.certify.references import uniform_sample
from tests.cut_rows import cut
from tests.families import gaussian


def ill_conditioned(n, d):
    return np.vander(np.random.default_rng(0).uniform(-1, 1, n), d)


def sparse(n, d):
    rng = np.random.default_rng(0)
    return sp.random_array((n, d), density=0.4, rng=rng, format="csr", dtype=np.float32)


#: name: (matrix, p, options); all are read in several strips, see `small`.
CASES = {
    "spectral": (gaussian(5000, 5, 0), 2.0, {}),
    "spectral, ill-conditioned": (ill_conditioned(5000, 14), 2.0, {}),
    "enumeration": (gaussian(5000, 2, 0), 1.0, {}),
    "all rows held": (gaussian(3000, 4, 0), 1.5, {}),
    "stand-in, p = 1": (gaussian(9000, 5, 0).astype(np.float32), 1.0, {}),
    "stand-in, p = 3, ill-conditioned": (ill_conditioned(9000, 12), 3.0, {}),
    "stand-in, sparse": (sparse(9000, 5), 1.0, {}),
    "stand-in, chosen columns of many": (sparse(9000, 16), 3.0, {}),
    "even power": (gaussian(9000, 4, 0), 4.0, {}),
    "sandwich": (gaussian(9000, 4, 0), 1.5, {"tiers": ("sandwich", "statistical")}),
    "columns beyond range": (gaussian(9000, 3, 0) * [1e-300, 1.0, 1e300], 1.5, {}),
}


@pytest.fixture
def small(monkeypatch):
    """Strips of 1024 rows, and stand-ins of a few thousand numbers."""
    monkeypatch.setattr(_cut, "_BLOCK_ELEMENTS", 2**8)
    monkeypatch.setattr("rnla.certify.search._HELD_ALWAYS", 10_000)
    monkeypatch.setattr("rnla.certify.search.HELD_AT_MOST", 15_000)


def same(one, other):
    for field in dataclasses.fields(one):
        a, b = getattr(one, field.name), getattr(other, field.name)
        if field.name == "witnesses":
            np.testing.assert_array_equal(a.lower, b.lower)
            np.testing.assert_array_equal(a.upper, b.upper)
        elif field.name == "diagnostics":
            assert a.keys() == b.keys()
            for name in a:
                np.testing.assert_array_equal(a[name].directions, b[name].directions)
                assert str(a[name].details) == str(b[name].details)
        elif field.name != "passes":
            assert a == b, field.name


def case(name, monkeypatch):
    A, p, options = CASES[name]
    if "chosen" in name:
        monkeypatch.setattr("rnla.certify._whole.DENSE_RANK", 8)
    if sp.issparse(A):
        monkeypatch.setattr("rnla.certify.search._HELD_ALWAYS", 2_000)
    return A, p, uniform_sample(A, 150, p, 1), options


@pytest.mark.parametrize("name", CASES)
def test_rows_read_in_pieces_have_the_certificate_of_rows_in_memory(name, small, monkeypatch):
    A, p, sample, options = case(name, monkeypatch)
    here = certify_embedding(A, sample, p, rng=3, starts=2, **options)
    there = certify_embedding(streamed(A), sample, p, rng=3, starts=2, **options)
    same(here, there)
    assert here.passes == there.passes
    if name.startswith("stand-in"):
        assert here.diagnostics["ascent"].details["explored"] == "reference"


def test_other_rows_have_another_certificate(small, monkeypatch):
    """Must fail: the comparison sees one entry changed in its last bit."""
    A, p, sample, _ = case("spectral", monkeypatch)
    changed = A.copy()
    changed[sample.indices[0], 0] = np.nextafter(changed[sample.indices[0], 0], np.inf)
    with pytest.raises(AssertionError):
        same(*(certify_embedding(M, sample, p, rng=3) for M in (A, changed)))


@pytest.mark.parametrize(
    "name", ["stand-in, p = 1", "stand-in, sparse", "enumeration", "spectral", "even power"]
)
def test_dask_has_the_certificate_of_rows_in_memory(name, small, monkeypatch):
    da = pytest.importorskip("dask.array")
    dask = pytest.importorskip("dask")
    A, p, sample, _ = case(name, monkeypatch)
    n = A.shape[0]
    cuts = [0, n // 5, n // 5 + 700, n // 2, n]
    pieces = [A[start:stop] for start, stop in pairwise(cuts)]
    if sp.issparse(A):
        chunks = [da.from_delayed(dask.delayed(piece), piece.shape, meta=A[:0]) for piece in pieces]
        B = da.concatenate(chunks)
    else:
        B = da.concatenate([da.from_array(piece, chunks=-1) for piece in pieces])
    with dask.config.set(scheduler="threads"):
        there = certify_embedding(as_tall(B), sample, p, rng=3, starts=2)
    same(certify_embedding(A, sample, p, rng=3, starts=2), there)


@pytest.mark.parametrize("name", [name for name in CASES if name != "sandwich"])
def test_row_vectors_stay_where_the_rows_are(name, small, monkeypatch):
    pytest.importorskip("dask.array")
    A, p, sample, _ = case(name, monkeypatch)
    tall = cut(A, [1, 2, 5])
    there = certify_embedding(tall, sample, p, rng=3, starts=2)
    assert tall._engine.gathered == 0
    same(certify_embedding(A, sample, p, rng=3, starts=2), there)


@pytest.mark.parametrize("name", CASES)
def test_certificates_that_share_are_those_made_alone(name, small, monkeypatch):
    A, p, sample, options = case(name, monkeypatch)
    others = [uniform_sample(A, size, p, 2) for size in (300, 160)]
    certifier = Certifier(A, p, seed=3)
    shared = [certifier(one, starts=2, **options) for one in (sample, *others)]
    for one, together in zip((sample, *others), shared, strict=True):
        same(certify_embedding(A, one, p, rng=3, starts=2, **options), together)
    assert max(one.passes for one in shared[1:]) <= 4 + 2 * name.startswith("sandwich")
    if name.startswith("spectral"):
        assert [one.passes for one in shared[1:]] == [1, 1]


def test_rows_of_files_are_looked_up_once_for_a_sample_and_once_for_the_stand_in(
    small, monkeypatch
):
    A, p, sample, _ = case("stand-in, p = 1", monkeypatch)
    tall = streamed(A)
    source, taken = tall._engine._source, []
    monkeypatch.setattr(source, "take", lambda rows: taken.append(len(rows)) or A[rows])
    certifier = Certifier(tall, p, seed=3)
    certifier(sample, starts=2)
    assert len(taken) == 2
    certifier(uniform_sample(A, 150, p, 2), starts=2)
    assert len(taken) == 3


ROWS, COLUMNS = 400_000, 16
BOUND = 5 * 8 * ROWS + 12 * 2**20  # five n-vectors, loaded pieces and the stand-in; A has 49 MiB


def peak_of_certificate(monkeypatch, p, **options):
    monkeypatch.setattr(_cut, "_BLOCK_ELEMENTS", 2**13)
    monkeypatch.setattr("rnla.certify.search._HELD_ALWAYS", 100_000)
    tile = np.random.default_rng(0).standard_t(3, (5000, COLUMNS))
    tall = TallMatrix(LocalEngine(Tiles(tile, ROWS), memory=8 * 8 * ROWS + 6 * 2**20))
    sample = sample_rows(np.ones(ROWS), 500, p=p, rng=0)
    tracemalloc.start()
    try:
        certify_embedding(tall, sample, p, starts=1, rng=0, **options)
        return tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()


@pytest.mark.parametrize("p", [1.0, 2.0, 3.0])
def test_no_certificate_makes_an_n_by_d_array(p, monkeypatch):
    assert peak_of_certificate(monkeypatch, p) < BOUND


def test_the_memory_test_sees_an_n_by_d_array(monkeypatch):
    """Must fail: a certificate that explores all rows holds them."""
    everything = sample_rows(np.ones(ROWS), ROWS, p=3.0, rng=0)
    assert (
        peak_of_certificate(monkeypatch, 3.0, reference=everything, tiers=("ascent",), budget=1.0)
        > BOUND
    )
