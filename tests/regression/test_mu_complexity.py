"""mu complexity: check 37 against the linear program, invariances, separable data, homes, input."""

from __future__ import annotations

import math

import numpy as np
import pytest
import scipy.optimize
import scipy.sparse as sp
from hypothesis import given, settings
from hypothesis import strategies as st

import rnla
from tests import families
from tests.counts import count


def labelled(n, d, seed=0, *, margin=3.0, tail=None):
    """Rows, and labels of a logistic model whose linear term has about this size."""
    rng = np.random.default_rng(seed)
    A = rng.standard_normal((n, d)) if tail is None else rng.standard_t(tail, (n, d))
    x = rng.standard_normal(d)
    x *= margin / np.linalg.norm(x)
    odds = np.exp(-np.clip(A @ x, -500.0, 500.0))
    return A, np.where(rng.random(n) * (1.0 + odds) < 1.0, 1.0, -1.0)


def by_linear_program(Z):
    """The linear program of SPEC A19: z = Zx, the least 1^T z with ||z||_1 <= 1, 2 n variables.

    z = plus - minus; the coordinates x are free variables beside.
    """
    n, d = Z.shape
    Z = Z / np.abs(Z).max()
    cost = np.concatenate([np.zeros(d), np.ones(n), -np.ones(n)])
    equal = sp.hstack([sp.csr_array(Z), -sp.eye_array(n), sp.eye_array(n)], format="csr")
    norm = sp.csr_array(np.concatenate([np.zeros(d), np.ones(2 * n)])[None])
    free = np.array([[-np.inf, np.inf]] * d + [[0.0, np.inf]] * (2 * n))
    found = scipy.optimize.linprog(
        cost, A_ub=norm, b_ub=[1.0], A_eq=equal, b_eq=np.zeros(n), bounds=free, method="highs",
        options={"primal_feasibility_tolerance": 1e-10, "dual_feasibility_tolerance": 1e-10},
    )  # fmt: skip
    z = Z @ found.x[:d]
    return z[z < 0.0].sum() / -z[z > 0.0].sum()


def ratio(Z, x):
    z = Z @ x
    return z[z > 0.0].sum() / -z[z < 0.0].sum()


# --- Check 37, the part on mu ---------------------------------------------------------------------


@pytest.mark.parametrize(
    "n, d, margin, tail",
    [(300, 3, 0.0, None), (300, 3, 3.0, None), (500, 6, 4.0, 2), (200, 1, 2.0, 1.5), (60, 8, 1, 3)],
)
def test_check_37_mu_agrees_with_the_linear_program(n, d, margin, tail, record_property):
    A, y = labelled(n, d, 1, margin=margin, tail=tail)
    found = rnla.mu_complexity(A, y)
    expected = by_linear_program(A * y[:, None])
    record_property("check", 37)
    record_property("measured", abs(found.value / expected - 1.0))
    record_property("threshold", 1e-8)
    assert found.status is rnla.Status.OK
    assert found.gap <= 1e-8
    np.testing.assert_allclose(found.value, expected, rtol=1e-8)
    np.testing.assert_allclose(ratio(A * y[:, None], found.direction), found.lower, rtol=1e-12)


@pytest.mark.slow
def test_check_37_mu_agrees_with_the_linear_program_on_many_rows(record_property):
    """20,000 rows (full), where the program takes 40 s, or 5000 (check)."""
    A, y = labelled(count(full=20_000, check=5000), 4, 2)
    found = rnla.mu_complexity(A, y)
    expected = by_linear_program(A * y[:, None])
    record_property("check", 37)
    record_property("measured", abs(found.value / expected - 1.0))
    record_property("threshold", 1e-8)
    np.testing.assert_allclose(found.value, expected, rtol=1e-8)


# --- Closed forms ---------------------------------------------------------------------------------


@given(seed=st.integers(0, 10**6), n=st.integers(2, 40))
def test_one_column_is_a_ratio_of_two_sums(seed, n):
    rng = np.random.default_rng(seed)
    z = rng.standard_cauchy(n)
    plus, minus = z[z > 0.0].sum(), -z[z < 0.0].sum()
    found = rnla.mu_complexity(np.abs(z)[:, None], np.sign(z))
    if min(plus, minus) == 0.0:
        assert found.separable
    else:
        np.testing.assert_allclose(found.value, max(plus, minus) / min(plus, minus), rtol=1e-8)


def test_known_values():
    # Rows e_1, e_2, e_3 with both labels: every direction is as often right as wrong.
    A = np.vstack([np.eye(3), np.eye(3)])
    balanced = rnla.mu_complexity(A, [1, 1, 1, 0, 0, 0])
    assert (balanced.value, balanced.lower, balanced.upper) == (1.0, 1.0, 1.0)
    # Two directions that do not meet: the worse of two ratios, 5 : 1 and 1 : 3.
    A = np.repeat(np.eye(2), [6, 4], axis=0)
    y = [1, 1, 1, 1, 1, -1, 1, -1, -1, -1]
    np.testing.assert_allclose(rnla.mu_complexity(A, y).value, 5.0, rtol=1e-9)


def test_zero_rows_zero_matrix_and_dependent_columns():
    A, y = labelled(200, 3, 3)
    expected = rnla.mu_complexity(A, y).value
    padded = np.vstack([A, np.zeros((5, 3))])
    np.testing.assert_allclose(rnla.mu_complexity(padded, np.append(y, [1] * 5)).value, expected)
    wide = np.column_stack([A, A[:, 0] - A[:, 2]])
    np.testing.assert_allclose(rnla.mu_complexity(wide, y).value, expected, rtol=1e-8)
    for method in ("exact", "sampled"):
        assert rnla.mu_complexity(np.zeros((4, 2)), [0, 1, 0, 1], method=method).value == 1.0
    assert rnla.mu_complexity([[1.0]], [True]).separable


# --- Invariances ----------------------------------------------------------------------------------


@settings(max_examples=25)
@given(seed=st.integers(0, 10**6), d=st.integers(1, 4), decades=st.integers(-12, 12))
def test_mu_invariances(seed, d, decades):
    """Column transforms, one factor for all rows, swapped classes, and signs moved into A."""
    A, y = labelled(60, d, seed, margin=1.5)
    rng = np.random.default_rng(seed)
    expected = rnla.mu_complexity(A, y)
    if expected.separable:
        assert rnla.mu_complexity(A * 3.0, -y).separable
        return
    assert expected.value >= 1.0
    T = np.linalg.qr(rng.standard_normal((d, d)))[0] * 10.0 ** rng.uniform(-1, 1, d)
    flips = np.where(rng.random(60) < 0.5, 1.0, -1.0)
    scale = 10.0 ** np.linspace(0, decades, d)
    for other, labels in [
        (A @ T, y),
        (A * 10.0**decades, y),
        (A * scale, y),
        (A, -y),
        (A * flips[:, None], y * flips),
    ]:
        np.testing.assert_allclose(rnla.mu_complexity(other, labels).value, expected.value, 1e-7)


def test_factors_of_single_rows_do_change_mu():
    A, y = labelled(60, 2, 0, margin=1.0)
    scaled = A * np.linspace(0.1, 10.0, 60)[:, None]
    assert abs(rnla.mu_complexity(scaled, y).value / rnla.mu_complexity(A, y).value - 1.0) > 1e-3


@settings(max_examples=20)
@given(seed=st.integers(0, 10**6))
def test_duplicated_rows_are_weights(seed):
    A, y = labelled(50, 2, seed, margin=1.0)
    times = np.random.default_rng(seed).integers(0, 4, 50)
    times[0] = 1
    weighted = rnla.mu_complexity(A, y, weights=times)
    repeated = rnla.mu_complexity(np.repeat(A, times, axis=0), np.repeat(y, times))
    assert weighted.separable == repeated.separable
    if not weighted.separable:
        np.testing.assert_allclose(weighted.value, repeated.value, rtol=1e-7)


@settings(max_examples=25)
@given(seed=st.integers(0, 10**6), n=st.integers(4, 30))
def test_separable_if_and_only_if_infinite(seed, n):
    """Against the linear program: is there an x with z_i x >= 0 for all rows, not all zero?"""
    rng = np.random.default_rng(seed)
    Z = rng.integers(-2, 3, (n, 3)).astype(float)  # small integers touch hyperplanes often
    g = Z.sum(axis=0)
    program = scipy.optimize.linprog(
        -g, A_ub=-Z, b_ub=np.zeros(n), bounds=(-1.0, 1.0), method="highs"
    )
    separable = -program.fun > 1e-9
    found = rnla.mu_complexity(Z, np.ones(n))
    assert found.separable == separable
    if separable:
        assert found.status is rnla.Status.SEPARABLE
        margins = Z @ found.direction
        assert margins.max() > 0.0
        assert margins.min() >= -1e-12 * margins.max()


def test_touching_classes_are_separable_and_one_more_row_makes_mu_finite():
    rng = np.random.default_rng(0)
    A = rng.standard_normal((400, 4))
    A[::2, 0] = 0.0  # these rows lie on the hyperplane, with either label
    y = np.where(rng.random(400) < 0.5, 1.0, -1.0)
    y[1::2] = np.sign(A[1::2, 0])
    T = rng.standard_normal((4, 4))
    assert rnla.mu_complexity(A @ T, y).separable
    y[1] = -y[1]
    found = rnla.mu_complexity(A @ T, y)
    assert not found.separable
    assert found.gap <= 1e-8


def test_a_large_mu_is_found_to_eight_digits():
    z = np.concatenate([np.linspace(1.0, 2.0, 1000), [-1e-6]])
    found = rnla.mu_complexity(z[:, None], np.ones(1001))
    np.testing.assert_allclose(found.value, 1500.0 / 1e-6, rtol=1e-8)


# --- Intercept, homes, samples --------------------------------------------------------------------


def test_an_intercept_is_a_column_of_ones():
    A, y = labelled(300, 3, 4)
    ones = np.column_stack([A, np.ones(300)])
    found = rnla.mu_complexity(A, y, intercept=True)
    np.testing.assert_allclose(found.value, rnla.mu_complexity(ones, y).value, rtol=1e-8)
    np.testing.assert_allclose(
        ratio(ones * y[:, None], np.append(found.direction, found.intercept)), found.lower
    )


@pytest.mark.parametrize(
    "home", ["float32", "sparse", "blocks", "dask", "labels", "strings", "booleans"]
)
def test_homes_and_labels(home):
    A, y = labelled(3000, 3, 5)
    expected = rnla.mu_complexity(A, y).value
    tolerance = 1e-8
    if home == "float32":
        A, tolerance = A.astype(np.float32), 1e-4
    elif home == "sparse":
        A = sp.csr_array(A)
    elif home == "blocks":
        A = [A[:1000], A[1000:]]
    elif home == "dask":
        array = pytest.importorskip("dask.array")
        A, y = array.from_array(A, chunks=(1024, 3)), array.from_array(y, chunks=700)
    elif home == "labels":
        y = np.where(y > 0.0, 7, 3)
    elif home == "strings":
        y = np.where(y > 0.0, "yes", "no")
    else:
        y = y > 0.0
    np.testing.assert_allclose(rnla.mu_complexity(A, y).value, expected, rtol=tolerance)


def test_a_sampled_estimate_says_so_and_its_bounds_hold():
    A, y = labelled(20_000, 4, 6, margin=1.0)
    exact = rnla.mu_complexity(A, y)
    found = rnla.mu_complexity(A, y, method="sampled", rng=0)
    assert (exact.method, found.method, found.seed) == ("exact", "sampled", 0)
    assert found.lower <= exact.value * (1 + 1e-9)
    assert exact.value <= found.upper * (1 + 1e-9)
    assert abs(found.value / exact.value - 1.0) < 0.2
    again = rnla.mu_complexity(A, y, method="sampled", rng=found.seed)
    assert again.value == found.value


def test_a_separable_sample_of_inseparable_rows_is_not_called_separable():
    A, y = labelled(20_000, 3, 7, margin=2000.0)
    exact = rnla.mu_complexity(A, y)
    found = rnla.mu_complexity(A, y, method="sampled", size=50, rng=1)
    assert math.isfinite(exact.value)
    assert math.isfinite(found.value)
    assert found.lower <= exact.value * (1 + 1e-9)
    separated = rnla.mu_complexity(A, A[:, 0] > 0.0, method="sampled", size=5000, rng=1)
    assert separated.value > 1e3


def test_coherent_rows_need_the_exact_method_and_get_it():
    A = families.coherent(2000, 5, 0)
    y = np.random.default_rng(0).random(2000) < 0.5
    found = rnla.mu_complexity(A, y)
    assert found.separable or found.gap <= 1e-8


# --- Bad input ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "options, name",
    [
        ({"A": np.full((20, 2), np.nan)}, "A"),
        ({"y": np.ones(19)}, "y"),
        ({"y": np.arange(20)}, "y"),
        ({"y": np.full(20, 5.0)}, "y"),
        ({"y": np.append(np.ones(19), np.nan)}, "y"),
        ({"y": np.array([None] * 10 + [1] * 10, dtype=object)}, "y"),
        ({"y": np.ones((20, 1))}, "y"),
        ({"weights": np.zeros(20)}, "weights"),
        ({"weights": -np.ones(20)}, "weights"),
        ({"tol": 0.0}, "tol"),
        ({"method": "fast"}, "method"),
        ({"size": 0}, "size"),
        ({"rng": "seed", "method": "sampled"}, "rng"),
    ],
)
def test_bad_input_is_named(options, name):
    A, y = labelled(20, 2, 0, margin=0.5)
    given_options = {"A": A, "y": y, **options}
    with pytest.raises(rnla.RnlaError, match=f"^{name}: got"):
        rnla.mu_complexity(given_options.pop("A"), given_options.pop("y"), **given_options)
