"""Sparse sign embeddings: the same bits for any block and process, random where they should be."""

from __future__ import annotations

import itertools
import subprocess
import sys

import numpy as np
import pytest
import scipy.sparse as sp
from hypothesis import given
from hypothesis import strategies as st

import rnla
from rnla._errors import ArgumentError, ArgumentTypeError
from rnla.sketch import SparseSign
from rnla.tall import as_tall
from tests import families


def explicit(S):
    """S as a dense array, from its columns."""
    s, n = S.shape
    places, values = S.columns(0, n)
    matrix = np.zeros((s, n))
    np.put_along_axis(matrix, places.T, values.T, axis=0)
    return matrix


# --- structure -----------------------------------------------------------------------------------


@given(s=st.integers(1, 40), n=st.integers(1, 60), nnz=st.integers(1, 12), seed=st.integers(0, 99))
def test_columns_have_nnz_entries_and_norm_one(s, n, nnz, seed):
    S = SparseSign(s, n, nnz=min(nnz, s)).draw(seed)
    E = explicit(S)
    assert np.all(np.count_nonzero(E, axis=0) == S.distribution.nnz)
    np.testing.assert_allclose(np.linalg.norm(E, axis=0), 1.0, rtol=1e-14)


@given(cuts=st.lists(st.integers(0, 300), max_size=5))
def test_any_block_shows_the_same_columns(cuts):
    S = SparseSign(24, 300).draw(1)
    whole = explicit(S)
    edges = [0, *sorted(cuts), 300]
    for a, b in itertools.pairwise(edges):
        np.testing.assert_array_equal(S.apply_block(a, np.eye(b - a)), whole[:, a:b])
        if b > a:
            sparse_eye = sp.csr_array(np.eye(b - a))
            np.testing.assert_array_equal(S.apply_block(a, sparse_eye), whole[:, a:b])


def test_blocks_add_up_to_the_product():
    A = np.random.default_rng(0).standard_normal((300, 5))
    S = SparseSign(24, 300).draw(1)
    out = np.zeros((24, 5))
    for start in range(0, 300, 70):
        assert S.apply_block(start, A[start : start + 70], out=out) is out
    np.testing.assert_allclose(out, explicit(S) @ A, atol=1e-13)
    np.testing.assert_allclose(as_tall(A).sketch(S), explicit(S) @ A, atol=1e-13)


def test_strided_and_float32_blocks():
    A = np.random.default_rng(0).standard_normal((40, 10)).astype(np.float32)
    S = SparseSign(12, 40).draw(1)
    expected = explicit(S) @ A.astype(float)[:, ::2]
    np.testing.assert_allclose(S.apply_block(0, A[:, ::2]), expected, atol=1e-13)
    np.testing.assert_allclose(S.apply_block(0, sp.csr_array(A[:, ::2])), expected, atol=1e-13)


# --- defects seen elsewhere ----------------------------------------------------------------------

_PRINT_SCORES = """
import hashlib, numpy as np, rnla
A = np.random.default_rng(0).standard_normal((4000, 5))
scores = rnla.leverage_scores(A, method="sketch", rng=7)
print(scores.path, hashlib.sha256(scores.values.tobytes()).hexdigest())
"""


def test_a_seed_repeats_in_another_process():
    runs = [
        subprocess.run([sys.executable, "-c", _PRINT_SCORES], capture_output=True, text=True)
        for _ in range(2)
    ]
    assert runs[0].stdout.startswith("sketched ")
    assert runs[0].stdout == runs[1].stdout


def test_different_seeds_differ():
    assert np.any(explicit(SparseSign(9, 50).draw(0)) != explicit(SparseSign(9, 50).draw(1)))


def _largest_autocorrelation(signs, lags):
    """Largest |z| of the products of signs `lag` columns apart."""
    z = [(signs[lag:] * signs[:-lag]).sum() / np.sqrt(signs[lag:].size) for lag in lags]
    return np.abs(z).max()


LAGS = [*range(1, 65), *(2**k for k in range(7, 16))]


def test_signs_are_not_repeated_by_threads_or_blocks():
    """Products of signs at lags 1 … 64 and powers of two: 73 z-values, |z| < 5.9, alarm 3e-7."""
    _, values = SparseSign(64, 10**5).draw(0).columns(0, 10**5)
    assert _largest_autocorrelation(np.sign(values), LAGS) < 5.9


def test_repeated_signs_are_caught():
    """Companion: threads that all start the same engine repeat each other's signs."""
    chunk = np.random.default_rng(0).choice([-1.0, 1.0], size=(2**12, 8))
    assert _largest_autocorrelation(np.tile(chunk, (24, 1)), LAGS) > 5.9


def test_index_zero_has_balanced_signs():
    """Row 0 and column 0 of S over 2000 seeds: |z| < 5.9, false alarm 8e-9."""
    first = [SparseSign(10, 4).draw(seed).columns(0, 1) for seed in range(2000)]
    signs = np.sign(np.concatenate([values for _, values in first]))
    assert abs(signs.sum()) < 5.9 * np.sqrt(signs.size)
    in_row_zero = np.concatenate([np.sign(v[p == 0]) for p, v in first])
    assert in_row_zero.size > 1000
    assert abs(in_row_zero.sum()) < 5.9 * np.sqrt(in_row_zero.size)


def test_a_zero_sign_at_index_zero_is_caught():
    """Companion: multiplying index 0 by a negative sign loses it (-0 = 0): all signs positive."""
    signs = np.ones(2000)
    assert abs(signs.sum()) >= 5.9 * np.sqrt(signs.size)


def test_rows_are_used_evenly():
    """Counts over 50 rows, 8 of 50 without replacement: chi-square, false alarm 1e-6."""
    from scipy import stats

    places, _ = SparseSign(50, 20_000).draw(2).columns(0, 20_000)
    counts = np.bincount(places.ravel(), minlength=50)
    p = 8 / 50
    # Distinct places within a column make counts negatively correlated; the factor corrects it.
    statistic = np.sum((counts - 20_000 * p) ** 2) / (20_000 * p * (1 - p)) * 49 / 50
    assert stats.chi2.sf(statistic, 49) > 1e-6


# --- embedding -----------------------------------------------------------------------------------


@pytest.mark.parametrize("family", ["gaussian", "cauchy", "coherent", "block_identity"])
def test_subspaces_are_embedded(family):
    """s = 8 d: singular values of S Q within 1 +- (d^(1/2) + 5.3) / s^(1/2) for d = 20.

    Davidson and Szarek's bound for Gaussian sketches with t = 5.3, exp(-t^2/2) = 8e-7 a side;
    sparse signs are no worse here. Four families: false alarm 6e-6.
    """
    A = families.FAMILIES[family](4000, 20, 0)
    Q = np.linalg.qr(A)[0]
    singular = np.linalg.svd(as_tall(Q).sketch(SparseSign(160, len(A)).draw(0)), compute_uv=False)
    width = (np.sqrt(20) + 5.3) / np.sqrt(160)
    assert 1 - width < singular[-1] < singular[0] < 1 + width


def test_one_nonzero_per_column_fails_on_coherent_rows():
    """Companion: CountSketch with as few rows merges two of 20 coherent rows in most runs."""
    Q = np.vstack([np.eye(20), np.zeros((1000, 20))])
    smallest = [
        np.linalg.svd(as_tall(Q).sketch(SparseSign(160, 1020, nnz=1).draw(seed)), compute_uv=False)[
            -1
        ]
        for seed in range(20)
    ]
    width = (np.sqrt(20) + 5.3) / np.sqrt(160)
    assert min(smallest) < 1 - width


# --- bad input -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "arguments,name",
    [
        ({"s": 0, "n": 5}, "s"),
        ({"s": -3, "n": 5}, "s"),
        ({"s": 5, "n": 0}, "n"),
        ({"s": 5, "n": 5, "nnz": 0}, "nnz"),
        ({"s": 5, "n": 5}, "nnz"),
        ({"s": 5.0, "n": 5}, "s"),
        ({"s": 5, "n": True}, "n"),
    ],
)
def test_bad_arguments(arguments, name):
    with pytest.raises(
        (ArgumentError, ArgumentTypeError), match=rf"^{name}: got .*; expected .*\."
    ):
        SparseSign(**arguments)


def test_a_block_beyond_the_columns_is_refused():
    S = SparseSign(8, 10).draw(0)
    for start in (-1, 8):
        with pytest.raises(ArgumentError, match=r"^start: got rows .* 10 columns of S\. Draw"):
            S.apply_block(start, np.ones((3, 2)))


def test_the_record_of_a_draw_repeats_it():
    S = SparseSign(8, 10).draw(np.random.default_rng(0))
    np.testing.assert_array_equal(explicit(S), explicit(S.distribution.draw(S.seed)))
    assert S.distribution.draw(S.seed) == S
    assert isinstance(S.seed, int)
    assert rnla.resolve_seed(S.seed) == S.seed
