"""Tier V2: every step increases the ratio, ends are fixed points, extremes are invariant."""

from __future__ import annotations

import numpy as np
import pytest
import scipy.sparse as sp
from hypothesis import given
from hypothesis import strategies as st

from rnla.certify import certify_embedding
from rnla.certify._line import log_sum, search_line, sweep_plane
from rnla.certify._problem import Problem
from rnla.certify._rows import HeldRows, merge_parallel
from rnla.certify._sums import absolute_power
from rnla.certify._whole import Whole
from rnla.certify.ascent import ascend
from rnla.certify.vertices import polish_vertex
from rnla.constrained import ConstrainedProblem
from rnla.sampling import RowSample, sample_rows
from rnla.tall import as_tall
from tests.certify.references import ratio, sample_of, uniform_sample
from tests.families import FAMILIES, dense, gaussian, sparse_power_law

POWERS = [1.0, 1.3, 1.5, 2.0, 2.5, 3.0, 4.0, 6.0, 11.0]


def sides(A, sample, p):
    problem = Problem(Whole(as_tall(A), p, 0), sample)
    return problem.held, problem.whole.held


@given(
    seed=st.integers(0, 10**6),
    p=st.sampled_from(POWERS),
    family=st.sampled_from(["gaussian", "student_t", "coherent", "sparse_power_law", "integer"]),
    smallest=st.booleans(),
)
def test_ascent_is_monotone(seed, p, family, smallest):
    A = FAMILIES[family](150, 5, seed)
    sampled, full = sides(A, uniform_sample(A, 75, p, seed), p)
    upper, lower = (full, sampled) if smallest else (sampled, full)
    z = np.random.default_rng(seed).standard_normal(sampled.rank)
    end = ascend(upper, lower, p, z)
    assert np.all(np.diff(end.history) > 0.0)
    direct = log_sum(upper.forward(end.z), upper.weights, p) - log_sum(
        lower.forward(end.z), lower.weights, p
    )
    if np.isfinite(direct):  # a lost direction has an infinite ratio one way
        assert end.log_ratio == pytest.approx(direct, abs=1e-8)


@pytest.mark.parametrize("p", [1.0, 1.5, 3.0, 4.0])
@pytest.mark.parametrize("smallest", [False, True])
def test_ends_are_fixed_points_of_the_exact_linearised_step(p, smallest):
    """x+ = argmax{g . x : L(x) <= 1} by `rnla.constrained` gains next to nothing at the end."""
    A = gaussian(400, 5, 3)
    sample = uniform_sample(A, 100, p, 3)
    certificate = certify_embedding(A, sample, p, tiers="ascent", rng=0)
    x = certificate.witnesses.lower if smallest else certificate.witnesses.upper
    kept = A[sample.indices] * sample.weights[:, None] ** (1.0 / p)
    upper, lower = (A, kept) if smallest else (kept, A)
    y = upper @ x
    g = upper.T @ (np.sign(y) * np.abs(y) ** (p - 1.0))
    step = ConstrainedProblem(lower, p).minimise(g).x
    before, after = ratio(A, sample, x, p), ratio(A, sample, step, p)
    gain = np.log(before / after) if smallest else np.log(after / before)
    assert gain < 2e-3


def test_exact_linearised_steps_do_improve_a_poor_start():
    """Must fail: the fixed-point test above notices a vector that is not an end."""
    A, p = gaussian(400, 5, 3), 3.0
    sample = uniform_sample(A, 100, p, 3)
    x = np.ones(5)
    kept = A[sample.indices] * sample.weights[:, None] ** (1.0 / p)
    y = kept @ x
    step = ConstrainedProblem(A, p).minimise(kept.T @ (np.sign(y) * np.abs(y) ** (p - 1.0))).x
    assert np.log(ratio(A, sample, step, p) / ratio(A, sample, x, p)) > 2e-3


@given(seed=st.integers(0, 10**6), smallest=st.booleans())
def test_polished_vertices_are_no_worse(seed, smallest):
    A = FAMILIES["student_t"](120, 4, seed)
    sampled, full = sides(A, uniform_sample(A, 60, 1, seed), 1.0)
    upper, lower = (full, sampled) if smallest else (sampled, full)
    z = np.random.default_rng(seed).standard_normal(4)
    start = log_sum(upper.forward(z), upper.weights, 1.0) - log_sum(
        lower.forward(z), lower.weights, 1.0
    )
    polished, value = polish_vertex(upper, lower, z)
    assert value >= start
    if value > start:
        vanishing = np.abs(lower.forward(polished)) <= 1e-9 * np.abs(lower.forward(polished)).max()
        assert np.count_nonzero(vanishing) >= 3


@given(seed=st.integers(0, 10**6))
def test_sweep_finds_the_best_point_of_a_plane(seed):
    rng = np.random.default_rng(seed)
    a, b, c, d = (rng.integers(-3, 4, 12).astype(float) for _ in range(4))
    w, v = rng.uniform(0.1, 2.0, 12), rng.uniform(0.1, 2.0, 12)
    if not (np.abs(c) + np.abs(d)).all() or not (np.any(c) and np.any(d)):
        return
    point = sweep_plane((a, b, w), (c, d, v))
    angle = np.linspace(0.0, np.pi, 4001)[:, None]
    upper = np.abs(np.cos(angle) * a + np.sin(angle) * b) @ w
    lower = np.abs(np.cos(angle) * c + np.sin(angle) * d) @ v
    if lower.min() < 1e-6:
        return
    assert point.log_ratio >= np.log(upper / lower).max() - 1e-12
    at = (np.abs(point.cos * a + point.sin * b) @ w) / (np.abs(point.cos * c + point.sin * d) @ v)
    assert np.log(at) == pytest.approx(point.log_ratio, abs=1e-9)


def test_line_search_never_returns_a_worse_point():
    rng = np.random.default_rng(0)
    for p in (1.2, 3.0, 5.5):
        a, b, c, d = rng.standard_normal((4, 50))
        w = np.ones(50)
        start = log_sum(a, w, p) - log_sum(c, w, p)
        assert search_line((a, b, w), (c, d, w), p, 1.0, start).log_ratio >= start


@pytest.mark.parametrize("p", [1.0, 1.5, 2.0, 2.5, 3.0, 4.0, 5.5, 7.0, 7.3, 8.0, 20.0])
def test_powers_by_multiplication(p):
    y = np.random.default_rng(0).standard_normal(100)
    np.testing.assert_allclose(absolute_power(y, p), np.abs(y) ** p, rtol=1e-13)


@pytest.mark.parametrize("kind", [np.asarray, sp.csr_array])
@pytest.mark.parametrize("p", [1.0, 3.0])
def test_parallel_rows_merge_without_changing_any_sum(kind, p):
    rng = np.random.default_rng(1)
    base = rng.standard_normal((7, 4))
    rows = np.vstack([base, -2.0 * base[:5], np.zeros((3, 4)), 0.1 * base[2:], rng.random((2, 4))])
    weights = rng.uniform(0.5, 2.0, len(rows))
    merged, merged_weights = merge_parallel(kind(rows), weights, p)
    assert merged.shape[0] == 9
    x = rng.standard_normal((4, 10))
    np.testing.assert_allclose(
        merged_weights @ np.abs(merged @ x) ** p, weights @ np.abs(rows @ x) ** p, rtol=1e-12
    )


def test_rows_close_to_parallel_stay_apart():
    rows = np.array([[1.0, 1.0], [1.0, 1.0 + 1e-8], [1.0, 1.0], [2.0, 2.0], [1.0, 3.0]])
    merged, weights = merge_parallel(rows, np.ones(5), 1.0)
    assert len(merged) == 3
    assert sorted(weights) == [1.0, 1.0, 2.0]


@pytest.mark.parametrize("p", [1.0, 1.5, 3.0, 4.0])
def test_found_extremes_are_invariant(p):
    """Column transforms, scaling and row order change A but not the ratios over all x."""
    A = gaussian(600, 4, 5)
    sample = uniform_sample(A, 150, p, 5)
    reference = certify_embedding(A, sample, p, tiers="ascent", rng=0)
    rng = np.random.default_rng(0)
    order = rng.permutation(600)
    place = np.argsort(order)[sample.indices]
    by_place = np.argsort(place)
    permuted = sample_of(place[by_place], sample.weights[by_place], 600, p)
    variants = {
        "transform": (A @ rng.standard_normal((4, 4)), sample),
        "column scales": (A * 10.0 ** np.array([-5.0, 0.0, 3.0, 7.0]), sample),
        "huge": (A * 1e150, sample),
        "tiny": (A * 1e-150, sample),
        "order": (A[order], permuted),
    }
    for name, (B, kept) in variants.items():
        found = certify_embedding(B, kept, p, tiers="ascent", rng=0)
        np.testing.assert_allclose(
            np.log([found.lower, found.upper]),
            np.log([reference.lower, reference.upper]),
            rtol=0.03,
            err_msg=name,
        )


@pytest.mark.parametrize("p", [1.0, 3.0])
def test_sparse_and_dense_find_the_same(p):
    A = sparse_power_law(800, 8, 4)
    sample = sample_rows(np.sqrt(np.asarray(A.power(2).sum(axis=1)).ravel()), 200, p=p, rng=0)
    found = [certify_embedding(B, sample, p, tiers="ascent", rng=0) for B in (A, A.toarray())]
    np.testing.assert_allclose(found[0].lower, found[1].lower, rtol=0.02)
    np.testing.assert_allclose(found[0].upper, found[1].upper, rtol=0.02)


def test_many_sparse_columns_are_searched_without_a_dense_basis():
    rng = np.random.default_rng(0)
    n, d = 4000, 600
    A = sp.csr_array(sp.random(n, d, density=0.01, random_state=rng, format="csr"))
    A = sp.csr_array(A + sp.eye_array(n, d) * 3.0)
    sample = uniform_sample(A, 3000, 3, 0)
    problem = Problem(Whole(as_tall(A), 3.0, 0), sample)
    assert sp.issparse(problem.transform)
    found = certify_embedding(A, sample, 3, tiers=("ascent",), starts=2, rng=0)
    assert found.rank == d
    for x, value in (
        (found.witnesses.lower, found.lower),
        (found.witnesses.upper, found.upper),
    ):
        if found.rank_preserved:
            assert ratio(A, sample, x, 3) == pytest.approx(value, rel=1e-9)


@pytest.mark.parametrize("given_reference", [False, True])
def test_tall_matrices_are_searched_on_a_reference_and_measured_on_all_rows(
    given_reference, monkeypatch
):
    monkeypatch.setattr("rnla.certify.search._HELD_ALWAYS", 5_000)
    A, p = gaussian(20_000, 5, 0), 3.0
    sample = uniform_sample(A, 200, p, 1)
    everything = RowSample(np.arange(20_000), np.ones(20_000), np.ones(20_000), "all", 0, 20_000, p)
    reference = uniform_sample(A, 3000, p, 2) if given_reference else None
    part = certify_embedding(A, sample, p, tiers="ascent", reference=reference, rng=0)
    whole = certify_embedding(A, sample, p, tiers="ascent", reference=everything, rng=0)
    details = part.diagnostics["ascent"].details
    assert details["explored"] == "reference"
    assert details["explored_rows"] < 5000
    assert part.lower == pytest.approx(ratio(A, sample, part.witnesses.lower, p), rel=1e-9)
    assert part.found >= 0.9 * whole.found


def test_more_starts_never_find_less():
    A = FAMILIES["student_t"](2000, 8, 0)
    sample = uniform_sample(A, 300, 1, 0)
    few, many = (
        certify_embedding(A, sample, 1, tiers="ascent", starts=starts, rng=0) for starts in (2, 20)
    )
    assert many.found >= few.found - 1e-9
    assert many.diagnostics["ascent"].details["starts"] == 40


def test_budget_limits_the_starts():
    A = gaussian(2000, 6, 0)
    sample = uniform_sample(A, 300, 1.5, 0)
    details = (
        certify_embedding(A, sample, 1.5, tiers="ascent", budget=1.0, rng=0)
        .diagnostics["ascent"]
        .details
    )
    assert details["starts"] == 2


def test_lewis_weights_give_further_starts():
    A = FAMILIES["scaled_rows"](400, 4, 0)
    sample = uniform_sample(A, 100, 4, 0)
    w = np.full(400, 0.01)
    certificate = certify_embedding(A, sample, 4, tiers="ascent", lewis_weights=w, rng=0)
    assert certificate.found > 0.0


def test_side_products_agree_with_plain_algebra():
    A = sparse_power_law(60, 5, 0)
    weights = np.random.default_rng(0).uniform(0.5, 2.0, 60)
    T = np.random.default_rng(1).standard_normal((5, 5))
    B = dense(A) @ T
    for side in (HeldRows(A, T, weights, 3.0), HeldRows(B, None, weights, 3.0)):
        z, c = np.arange(5.0), np.arange(60.0)
        if len(side) == 60:
            np.testing.assert_allclose(side.forward(z), B @ z, rtol=1e-12, atol=1e-12)
            np.testing.assert_allclose(side.backward(c), B.T @ c, rtol=1e-12, atol=1e-10)
            np.testing.assert_allclose(
                side.gram(weights), (B * weights[:, None]).T @ B, rtol=1e-11, atol=1e-10
            )
            np.testing.assert_allclose(side.lengths(), np.linalg.norm(B, axis=1), rtol=1e-12)
