"""Draws of a projection DPP: plain Gram-Schmidt, the CPU and the emulated GPU, bit for bit."""

from __future__ import annotations

import numpy as np
import pytest

from rnla.kernels.projection_dpp import accept, begin, chain


def orthonormal(n, r, seed=0):
    return np.linalg.qr(np.random.default_rng(seed).standard_normal((n, r)))[0]


def proposals(U, draws, count, seed=1):
    """Rows by leverage, their features, envelope and test points."""
    leverage = (U * U).sum(axis=1)
    rng = np.random.default_rng(seed)
    rows = rng.choice(len(U), size=(draws, count), p=leverage / leverage.sum())
    return rows, U[rows], leverage[rows], rng.random((draws, count))


def plain(features, envelope, points, cap):
    """One proposal at a time, by a projector computed afresh."""
    count, r = features.shape
    chosen, since = [], 0
    for t in range(count):
        since += 1
        if since > cap:
            return chosen, t + 1, since
        Q = np.linalg.qr(features[chosen].T)[0]
        rest = features[t] - Q @ (Q.T @ features[t])
        rest -= Q @ (Q.T @ rest)
        square = rest @ rest
        if points[t] * envelope[t] < square and square > 1e-12 * envelope[t]:
            chosen.append(t)
            since = 0
            if len(chosen) == r:
                return chosen, t + 1, since
    return chosen, count, since


def run(batches, r, cap, put=np.asarray, like=None):
    progress = begin(len(batches[0][0]), r, like=like)
    for features, envelope, points in batches:
        which = put(np.arange(len(features)))
        accept(put(features), put(envelope), put(points), which, progress, cap)
    return progress


SHAPES = [(30, 1, 4), (60, 5, 3), (200, 40, 2), (9, 9, 1)]


@pytest.mark.parametrize("n, r, draws", SHAPES)
def test_proposals_are_accepted_as_by_a_projector(n, r, draws):
    _, *given = proposals(orthonormal(n, r), draws, 12 * r + 20)
    found = run([given], r, 10_000)
    for b in range(draws):
        chosen, looked, since = plain(*(array[b] for array in given), 10_000)
        assert found.counts[b].tolist() == [len(chosen), looked, since]
        assert found.chosen[b, : len(chosen)].tolist() == chosen
        Q = found.basis[b, 0, : len(chosen)]
        assert np.abs(Q @ Q.T - np.eye(len(Q))).max() < 1e-14
        assert np.array_equal(found.basis[b, 1, :, : len(chosen)], Q.T)


@pytest.mark.parametrize("cut", [1, 7, 33, 64])
def test_proposals_may_come_in_parts(cut):
    _, *given = proposals(orthonormal(50, 6), 3, 130)
    whole = run([given], 6, 1000)
    parts = run([[a[:, :cut] for a in given], [a[:, cut:] for a in given]], 6, 1000)
    for name in ("chosen", "counts"):
        assert np.array_equal(getattr(parts, name), getattr(whole, name))


def test_a_draw_stops_at_its_cap():
    _, features, envelope, points = proposals(orthonormal(50, 6), 2, 200)
    envelope[1] *= 1e6
    counts = run([(features, envelope, points)], 6, 90).counts
    assert counts[0, 0] == 6
    assert counts[1, 0] < 6
    assert counts[1, 2] > 90
    again = run([(features, envelope, points), (features, envelope / 1e9, points)], 6, 90).counts
    assert np.array_equal(again, counts)


@pytest.mark.parametrize("n, r, draws", SHAPES)
@pytest.mark.parametrize("cap", [10_000, 3])
def test_the_gpu_accepts_the_same_proposals(gpu, n, r, draws, cap):
    """In two parts, the second for some of the draws; the basis to the last bit."""
    _, *given = proposals(orthonormal(n, r), draws, 8 * r + 20, seed=2)
    here, there = run([given], r, cap), run([given], r, cap, gpu.put, gpu.put(given[0]))
    which = np.flatnonzero(here.counts[:, 0] < r)[::-1].copy()
    _, *more = proposals(orthonormal(n, r), len(which), 37, seed=3)
    accept(*more, which, here, cap)
    accept(*map(gpu.put, (*more, which)), there, cap)
    same(here, there, cap)


def same(here, there, cap):
    for b, (k, _, since) in enumerate(here.counts):
        assert there.counts[b, 0] == k
        assert np.array_equal(there.chosen[b, :k], here.chosen[b, :k])
        assert np.array_equal(there.basis[b, 0, :k], here.basis[b, 0, :k])
        assert np.array_equal(there.basis[b, 1, :, :k], here.basis[b, 1, :, :k])
        if since > cap:
            assert there.counts[b, 2] > cap
        else:
            assert np.array_equal(there.counts[b], here.counts[b])


def test_rows_that_repeat_and_features_that_depend_on_each_other(gpu):
    """Duplicates are not accepted twice, and a draw that cannot be finished is not."""
    U = np.repeat(orthonormal(5, 3), 8, axis=0)
    U[:, 2] = U[:, 0] + 1e-9 * U[:, 2]
    rows, *given = proposals(U, 3, 300)
    here, there = run([given], 3, 200), run([given], 3, 200, gpu.put, gpu.put(given[0]))
    same(here, there, 200)
    assert here.counts[:, 0].tolist() == [2, 2, 2]
    for b in range(3):
        assert len(set(rows[b, here.chosen[b, :2]] // 8)) == 2


def test_no_proposals_and_no_draws(gpu):
    for draws, count in [(0, 4), (2, 0)]:
        progress = begin(draws, 3, like=gpu.put(np.ones(1)))
        empty = np.ones((draws, count))
        arrays = np.ones((draws, count, 3)), empty, empty, np.arange(draws)
        accept(*map(gpu.put, arrays), progress, 5)
        assert np.array_equal(progress.counts, np.zeros((draws, 3)))
    assert chain(gpu.put(orthonormal(4, 2)), gpu.zeros((0, 2), np.float64)).shape == (0, 2)


def chosen_one_by_one(U, points):
    """The chain rule with projectors computed afresh."""
    chosen = []
    for k in range(U.shape[1]):
        Q = np.linalg.qr(U[chosen].T)[0]
        rho = ((U - U @ Q @ Q.T) ** 2).sum(axis=1)
        rho[chosen] = 0.0
        sums = np.cumsum(rho)
        chosen.append(int(np.searchsorted(sums, points[k] * sums[-1], side="right")))
    return chosen


@pytest.mark.parametrize(
    "n, r, draws", [(30, 1, 4), (60, 5, 3), (9, 9, 1), (5, 2, 40), (90, 70, 1)]
)
def test_the_chain_rule(gpu, n, r, draws):
    U = orthonormal(n, r)
    points = np.random.default_rng(4).random((draws, r))
    here = chain(U, points)
    assert here.tolist() == [chosen_one_by_one(U, one) for one in points]
    there = chain(gpu.put(U), gpu.put(points))
    assert np.array_equal(there, here)


def test_the_chain_rule_with_rows_that_repeat_or_are_zero(gpu):
    U = np.repeat(np.linalg.qr(orthonormal(4, 3))[0], 3, axis=0) / np.sqrt(3.0)
    U = np.insert(U, [0, 5, 12], 0.0, axis=0)
    points = np.random.default_rng(5).random((30, 3))
    points[0], points[1] = 2.0**-53, 1.0 - 2.0**-53
    here = chain(U, points)
    assert np.array_equal(chain(gpu.put(U), gpu.put(points)), here)
    assert all(len({tuple(U[i]) for i in rows}) == 3 for rows in here)
    assert (U[here] ** 2).sum(axis=2).min() > 0.0
