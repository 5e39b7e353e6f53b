"""The scan of accept/reject draws in blocks: orthonormal to rounding, the same for any batches."""

from __future__ import annotations

import numpy as np
import pytest

import rnla
from rnla.dpp import _chain, _rejection, _together
from rnla.dpp._rejection import Proposals, accept


def proposer(features, size=None):
    """Proposals of the rows in their order, accepted wherever there is anything left of them."""

    def propose(start, count):
        rows = np.arange(start, start + (size or count)) % len(features)
        envelope = np.einsum("ij,ij->i", features[rows], features[rows])
        return Proposals(rows, features[rows], envelope, np.full(rows.size, 1e-12))

    return propose


def twins(r, distance):
    """Unit rows of which every second one is that near to the one before it."""
    rng = np.random.default_rng(0)
    features = rng.standard_normal((2 * r, r))
    features[1::2] = features[::2] + distance * rng.standard_normal((r, r))
    return features / np.linalg.norm(features, axis=1)[:, None]


def error(kept):
    return float(np.abs(kept.basis @ kept.basis.T - np.eye(kept.size)).max())


def test_rows_near_to_each_other_do_not_spoil_the_basis(monkeypatch):
    """Rows after the first of a block lose most of their length to it; without a second start from
    the whole row the first pass leaves its rounding."""
    features = twins(60, 1e-4)
    rows, _, kept = accept(proposer(features), 60, cap=1000)
    assert rows.tolist() == list(range(60))
    assert error(kept) <= 1e-14
    monkeypatch.setattr(_rejection, "_LOSS", 0.0)
    assert error(accept(proposer(features), 60, cap=1000)[2]) > 1e-13


def test_batches_do_not_change_what_is_accepted():
    rng = np.random.default_rng(1)
    features = rng.standard_normal((5000, 20))

    def propose(size):
        def batch(start, count):
            rows = np.arange(start, start + (size or count)) % 5000
            envelope = np.einsum("ij,ij->i", features[rows], features[rows])
            return Proposals(rows, features[rows], envelope, points[rows])

        return batch

    points = rng.random(5000)
    wanted = accept(propose(None), 20, cap=5000)
    for size in (1, 7, 4000):
        found = accept(propose(size), 20, cap=5000)
        assert found[1] == wanted[1]
        np.testing.assert_array_equal(found[0], wanted[0])


@pytest.mark.parametrize("size", [1, 3, 100])
def test_the_cap_counts_proposals_in_a_row(size):
    """Two independent rows, then twelve copies of the first before the third."""
    features = np.eye(3)[[0, 1] + [0] * 12 + [2]]
    assert accept(proposer(features, size), 3, cap=13)[0].tolist() == [0, 1, 14]
    with pytest.raises(rnla.ConvergenceError, match="after 2 of 3 points") as caught:
        accept(proposer(features, size), 3, cap=12)
    assert caught.value.result.tolist() == [0, 1]


@pytest.mark.parametrize("n, r, draws", [(40, 1, 5), (300, 7, 20), (500, 60, 3)])
def test_blocks_and_kernel_accept_the_same_rows(monkeypatch, n, r, draws):
    """Two implementations of one law, fixed seed; their thresholds differ by rounding at most."""
    A = np.random.default_rng(n).standard_normal((n, r)) ** 3
    one = rnla.dpp.projection_dpp(A, draws=draws, method="rejection", rng=4)
    monkeypatch.setattr(_together, "LARGEST", 0)
    other = rnla.dpp.projection_dpp(A, draws=draws, method="rejection", rng=4)
    assert np.array_equal(one.indices, other.indices)
    assert np.array_equal(one.proposals, other.proposals)


@pytest.mark.parametrize("kernel", [True, False])
def test_a_cap_is_an_error_in_both(monkeypatch, kernel):
    monkeypatch.setattr(_together, "LARGEST", 384 * kernel)
    A = np.random.default_rng(0).standard_normal((3000, 20))
    with pytest.raises(rnla.ConvergenceError, match="cap: got 3") as caught:
        rnla.dpp.projection_dpp(A, draws=4, method="rejection", cap=3, rng=0)
    assert 0 < caught.value.result.size < 20


def test_chains_by_kernel_and_by_products_are_the_same(monkeypatch):
    A = np.random.default_rng(1).standard_normal((80, 25))
    one = rnla.dpp.projection_dpp(A, draws=6, method="chain", rng=4)
    monkeypatch.setattr(_chain, "_LARGEST", 0)
    other = rnla.dpp.projection_dpp(A, draws=6, method="chain", rng=4)
    assert np.array_equal(one.indices, other.indices)
