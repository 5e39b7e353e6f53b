"""Ridge leverage and root leverage scores against their definitions."""

from __future__ import annotations

import numpy as np
import pytest
import scipy.sparse as sp
from hypothesis import given
from hypothesis import strategies as st

import rnla
from rnla import Status, leverage_scores, ridge_leverage_scores, root_leverage_scores
from tests import families

from .leverage_reference import exact_leverage, largest_relative_error

METHODS = ("auto", "exact", "gram")
NAMES = ("gaussian", "cauchy", "coherent", "rank_deficient", "scaled_rows", "sparse_power_law")


# --- ridge ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("ridge", [1e-6, 1.0, 1e6])
@pytest.mark.parametrize("name", NAMES)
def test_ridge_scores_match_the_definition(method, ridge, name):
    A = families.FAMILIES[name](40, 4, 1)
    result = ridge_leverage_scores(A, ridge=ridge, method=method)
    exact = exact_leverage(families.dense(A), ridge=ridge)
    assert largest_relative_error(result.values, exact) <= 1e-9
    assert result.kind == "ridge leverage"
    assert result.diagnostics["ridge"] == ridge
    same = leverage_scores(A, ridge=ridge, method=method)
    np.testing.assert_array_equal(same.values, result.values)


@pytest.mark.parametrize("n", [50, 20_000])
def test_ridge_scores_sum_to_the_effective_dimension(n):
    A = families.cauchy(n, 5, 0)
    squares = np.linalg.svd(A, compute_uv=False) ** 2
    for ridge in squares:
        result = ridge_leverage_scores(A, ridge=ridge)
        expected = np.sum(squares / (squares + ridge))
        np.testing.assert_allclose(result.diagnostics["sum"], expected, rtol=1e-10)


@given(seed=st.integers(0, 10**6), ridge=st.floats(1e-3, 1e3))
def test_a_ridge_lowers_every_score(seed, ridge):
    A = families.gaussian(30, 4, seed)
    low = ridge_leverage_scores(A, ridge=2 * ridge).values
    high = ridge_leverage_scores(A, ridge=ridge).values
    assert np.all(low <= high + 1e-12)
    assert np.all(high <= leverage_scores(A).values + 1e-12)


@pytest.mark.parametrize("n", [60, 20_000])
@pytest.mark.parametrize("k", [1, 2, 5])
@pytest.mark.parametrize("name", NAMES)
def test_target_rank(n, k, name):
    """lambda = ||A - A_k||_F^2 / k, sum at most 2 k, scores by the SVD."""
    A = families.FAMILIES[name](n, 6, 0)
    U, singular, _ = np.linalg.svd(families.dense(A), full_matrices=False)
    tail = np.sum(singular[k:] ** 2) / k
    result = ridge_leverage_scores(A, k=k)
    if name == "rank_deficient" and k == 5:  # nothing beyond rank 4: plain leverage
        assert result.diagnostics["ridge"] < 1e-20 * singular[0] ** 2
        np.testing.assert_allclose(result.values, leverage_scores(A).values, atol=1e-10)
        return
    np.testing.assert_allclose(result.diagnostics["ridge"], tail, rtol=1e-9)
    expected = (U**2 * (singular**2 / (singular**2 + tail))).sum(axis=1)
    np.testing.assert_allclose(result.values, expected, atol=1e-10)
    assert result.diagnostics["sum"] <= 2 * k + 1e-9
    assert result.status is Status.OK


def test_target_rank_dominates_the_rank_k_sensitivities():
    """tau^lambda_k >= (1/48) of the share of a row in any rank-k projection, here of A_k itself."""
    A = families.low_rank_plus_sparse(200, 8, 0)
    U = np.linalg.svd(A, full_matrices=False)[0]
    for k in (1, 3):
        result = ridge_leverage_scores(A, k=k)
        assert np.all(result.values >= (U[:, :k] ** 2).sum(axis=1) / 48 - 1e-12)


def test_sketched_ridge_scores():
    A = families.cauchy(5000, 6, 0)
    ratio = (
        ridge_leverage_scores(A, ridge=1.0, method="sketch", rng=0).values
        / ridge_leverage_scores(A, ridge=1.0).values
    )
    assert 0.3 <= ratio.min() <= ratio.max() <= 3.0


@pytest.mark.parametrize(
    "arguments,name",
    [
        ({}, "ridge"),
        ({"ridge": 1.0, "k": 2}, "ridge"),
        ({"ridge": 0.0}, "ridge"),
        ({"ridge": -1.0}, "ridge"),
        ({"ridge": np.inf}, "ridge"),
        ({"k": 0}, "k"),
        ({"k": 4}, "k"),
        ({"k": 1.5}, "k"),
        ({"k": 2, "method": "sketch"}, "method"),
        ({"ridge": 1.0, "method": "svd"}, "method"),
    ],
)
def test_bad_ridge_arguments(arguments, name):
    form = rf"^{name}: got .*; expected .*\. [A-Z].*\.$"
    with pytest.raises((rnla.ArgumentError, rnla.ArgumentTypeError), match=form):
        ridge_leverage_scores(families.gaussian(20, 3, 0), **arguments)


def test_float32_and_sparse_ridge():
    A = families.sparse_power_law(500, 6, 0)
    dense = ridge_leverage_scores(A.toarray(), k=2)
    np.testing.assert_allclose(ridge_leverage_scores(A, k=2).values, dense.values, rtol=1e-10)
    single = ridge_leverage_scores(sp.csr_array(A, dtype=np.float32), k=2)
    assert single.values.dtype == np.float32
    np.testing.assert_allclose(single.values, dense.values, atol=1e-4)


# --- root ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("p", [1, 1.5, 2, 3, 4, 20])
@pytest.mark.parametrize("name", NAMES)
def test_root_scores_match_the_definition(p, name):
    A = families.FAMILIES[name](60, 4, 0)
    tau = leverage_scores(A).values
    result = root_leverage_scores(A, p)
    expected = tau ** (p / 2) if p <= 2 else np.minimum(1.0, 60.0 ** (p / 2 - 1) * tau ** (p / 2))
    np.testing.assert_allclose(result.values, expected, rtol=1e-10, atol=1e-300)
    assert (result.kind, result.p) == ("root leverage", p)
    assert result.diagnostics["sum"] == result.values.sum()


@given(seed=st.integers(0, 10**6), n=st.integers(8, 300), p=st.floats(1.0, 8.0))
def test_I7_root_sums(seed, n, p):
    A = families.cauchy(n, 5, seed)
    total = root_leverage_scores(A, p).values.sum()
    bound = n ** (1 - p / 2) * 5 ** (p / 2) if p <= 2 else 2 * n ** (1 - 2 / p) * 5
    assert total <= bound * (1 + 1e-8)


def test_large_p_does_not_overflow():
    A = families.cauchy(20_000, 4, 0)
    values = root_leverage_scores(A, 500.0).values
    assert np.all((values >= 0) & (values <= 1))
    assert values.max() == 1.0


def test_root_float32():
    values = root_leverage_scores(families.gaussian(50, 3, 0).astype(np.float32), 1).values
    assert values.dtype == np.float32


@pytest.mark.parametrize("p", [0.5, 0, -1, np.nan, np.inf, "1", None, True])
def test_bad_p(p):
    form = r"^p: got .*; expected .*\. [A-Z].*\.$"
    with pytest.raises((rnla.ArgumentError, rnla.ArgumentTypeError), match=form):
        root_leverage_scores(families.gaussian(20, 3, 0), p)
