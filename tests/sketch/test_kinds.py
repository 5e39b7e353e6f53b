"""What is particular to one kind: structure, transforms, tensor products, sizes, bad arguments."""

from __future__ import annotations

import numpy as np
import pytest
import scipy.fft
import scipy.linalg
import scipy.sparse as sp
from hypothesis import given
from hypothesis import strategies as st

import rnla
from rnla._errors import ArgumentError, ArgumentTypeError
from rnla.random import Stream
from rnla.sketch import (
    LESS,
    CountSketch,
    Gaussian,
    Rademacher,
    RowSampling,
    SubsampledCosine,
    SubsampledHadamard,
    TensorSketch,
    estimate_size,
    hadamard_transform,
    size_for,
)
from rnla.sketch._choice import distinct

# --- structure -----------------------------------------------------------------------------------


def test_dense_entries():
    signs = Rademacher(130, 40).draw(0).toarray()
    np.testing.assert_allclose(np.abs(signs), 1 / np.sqrt(130), rtol=1e-15)
    assert abs(np.sign(signs).sum()) < 5.9 * np.sqrt(signs.size)
    normals = Gaussian(21, 40).draw(5).toarray()
    expected = Stream(5, "sketch.gaussian").normal(range(40), 21).T / np.sqrt(21)
    np.testing.assert_allclose(normals, expected, rtol=1e-13, atol=1e-14)


def test_count_sketch_has_one_sign_per_column():
    E = CountSketch(9, 500).draw(0).toarray()
    assert np.all(np.abs(E).sum(axis=0) == 1.0)
    assert np.all(np.abs(E).max(axis=0) == 1.0)
    S = CountSketch(9, 500).draw(0)
    np.testing.assert_array_equal(S.tosparse().toarray(), E)


@given(s=st.integers(1, 12), seed=st.integers(0, 50))
def test_less_columns_have_the_entries_their_scores_ask_for(s, seed):
    scores = np.array([0.0, 0.01, 0.5, 3.0, 100.0])
    D = LESS(s, 5, scores=scores, row_nnz=2.0)
    E = D.draw(seed).toarray()
    counts = np.count_nonzero(E, axis=0)
    assert np.all(np.abs(counts - D.expected_nnz) < 1.0)
    assert counts[0] == 0
    filled = counts > 0
    sizes = np.abs(E).max(axis=0)[filled]
    np.testing.assert_allclose(sizes, 1 / np.sqrt(D.expected_nnz[filled]), rtol=1e-14)


def test_less_defaults_to_rank_entries_per_row():
    scores = np.full(1000, 0.005)
    S = LESS(200, 1000, scores=scores).draw(0)
    np.testing.assert_allclose(S.expected_nnz, 1.0)
    assert S.tosparse().nnz == 1000


def test_row_samples_act_as_operators():
    A = np.random.default_rng(0).standard_normal((200, 3))
    sample = rnla.sample_rows(np.linspace(0.1, 1, 200), 30, p=1.5, rng=0)
    S = RowSampling(sample)
    np.testing.assert_allclose(S @ A, sample @ A, rtol=1e-14)
    np.testing.assert_allclose(RowSampling(sample, p=3) @ A, sample.reweight(A, 3), rtol=1e-14)
    assert S.shape == (sample.size, 200)
    np.testing.assert_allclose(rnla.as_tall(A).sketch(S), sample @ A, rtol=1e-14)
    with pytest.raises(ArgumentTypeError, match=r"^sample: got list; .*sample_rows"):
        RowSampling([1, 2])


# --- Hadamard and cosine transforms --------------------------------------------------------------


@pytest.mark.parametrize("shape", [(1, 3), (2, 1), (64, 1), (128, 9), (2**12, 2), (2**11, 40)])
def test_hadamard_transform_of_any_shape(shape):
    A = np.random.default_rng(0).standard_normal(shape)
    before = A.copy()
    expected = scipy.linalg.hadamard(shape[0]) @ A / np.sqrt(shape[0])
    np.testing.assert_allclose(hadamard_transform(A), expected, atol=1e-12)
    np.testing.assert_allclose(hadamard_transform(A.T, axis=1), expected.T, atol=1e-12)
    np.testing.assert_array_equal(A, before)


def test_large_transforms_use_strided_tiles():
    """2^17 x 3 (groups), 2^15 x 33 (strips of odd width): own inverse, and right at some rows."""
    for n, d in ((2**17, 3), (2**15, 33)):
        A = np.random.default_rng(0).standard_normal((n, d))
        B = hadamard_transform(A)
        np.testing.assert_allclose(hadamard_transform(B), A, atol=1e-12)
        rows = np.array([0, 1, n // 2 + 5, n - 1])
        parity = np.bitwise_count(rows[:, None] & np.arange(n)) & 1
        np.testing.assert_allclose(B[rows], (1.0 - 2.0 * parity) @ A / np.sqrt(n), atol=1e-12)


def test_hadamard_transform_keeps_precision_and_complex_numbers():
    x = np.arange(8.0)
    assert hadamard_transform(x.astype(np.float32)).dtype == np.float32
    assert hadamard_transform(np.arange(8)).dtype == np.float64
    z = (x + 1j).astype(np.complex64)
    assert hadamard_transform(z).dtype == np.complex64
    np.testing.assert_allclose(
        hadamard_transform(z),
        hadamard_transform(x) + 1j * hadamard_transform(np.ones(8)),
        atol=1e-6,
    )
    cube = np.random.default_rng(0).standard_normal((3, 16, 2))
    expected = np.stack([hadamard_transform(part) for part in cube])
    np.testing.assert_allclose(hadamard_transform(cube, axis=1), expected, atol=1e-13)
    assert hadamard_transform(np.ones((4, 0))).shape == (4, 0)


@pytest.mark.parametrize("A", [np.ones(3), np.ones((6, 2)), np.ones((0, 2)), np.float64(1.0)])
def test_other_lengths_are_refused(A):
    with pytest.raises(ArgumentError, match=r"^A: got .*; expected a power of two\. Append zeros"):
        hadamard_transform(A)


def test_transforms_into_a_given_array():
    A = np.random.default_rng(0).standard_normal((64, 3))
    expected, out = hadamard_transform(A), np.empty((64, 3))
    assert hadamard_transform(A, out=out) is out
    np.testing.assert_array_equal(out, expected)
    assert hadamard_transform(out, out=out) is out
    np.testing.assert_allclose(out, A, atol=1e-14)
    for wrong in (np.empty((64, 2)), np.empty((64, 3), np.float32), np.empty((3, 64)).T):
        with pytest.raises(ArgumentError, match=r"^out: got .*; expected .*\. Leave it out"):
            hadamard_transform(A, out=wrong)


def test_threads_do_not_change_a_transform(monkeypatch):
    A = np.random.default_rng(0).standard_normal((2**13, 20))
    monkeypatch.setenv("RNLA_THREADS", "1")
    one = hadamard_transform(A)
    monkeypatch.setenv("RNLA_THREADS", "4")
    np.testing.assert_array_equal(hadamard_transform(A), one)


def test_subsampled_hadamard_is_what_it_says():
    n, A = 300, np.random.default_rng(0).standard_normal((300, 4))
    S = SubsampledHadamard(50, n).draw(1)
    padded = np.zeros((512, 4))
    padded[:n] = S.signs(0, n)[:, None] * A
    expected = np.sqrt(512 / 50) * hadamard_transform(padded)[S.chosen]
    np.testing.assert_allclose(S @ A, expected, atol=1e-12)
    assert len(set(S.chosen)) == 50


def test_subsampled_cosine_is_what_it_says():
    n, A = 300, np.random.default_rng(0).standard_normal((300, 11))
    for s in (20, 290):  # products with tables; the transform
        S = SubsampledCosine(s, n).draw(1)
        turned = scipy.fft.dct(S.signs(0, n)[:, None] * A, axis=0, norm="ortho")
        expected = np.sqrt(n / s) * turned[S.chosen]
        np.testing.assert_allclose(S @ A, expected, atol=1e-12)
        np.testing.assert_allclose(rnla.as_tall(A).sketch(S), expected, atol=1e-12)


@pytest.mark.parametrize("s,N", [(1, 1), (3, 3), (5, 19), (40, 100), (7, 2**40), (300, 2**12)])
def test_distinct_numbers(s, N):
    found = distinct(Stream(0, "tests.distinct"), s, N)
    assert found.size == s == np.unique(found).size
    assert found.min() >= 0
    assert found.max() < N


@pytest.mark.parametrize("s,N", [(2, 9), (5, 9)])
def test_distinct_numbers_are_uniform(s, N):
    """Each number is in s / N of 4000 sets: |z| < 5.9 for each, false alarm 4e-8."""
    counts = np.zeros(N)
    for seed in range(4000):
        counts[distinct(Stream(seed, "tests.distinct"), s, N)] += 1
    z = (counts - 4000 * s / N) / np.sqrt(4000 * s / N * (1 - s / N))
    assert np.abs(z).max() < 5.9


# --- tensor products -----------------------------------------------------------------------------


@pytest.mark.parametrize("sizes", [(4, 6), (3, 1, 5), (2, 3, 2, 2)])
@pytest.mark.parametrize("s", [1, 7, 16])
def test_khatri_rao_products_are_sketched_without_forming_them(sizes, s):
    rng = np.random.default_rng(0)
    factors = [rng.standard_normal((m, 5)) for m in sizes]
    S = TensorSketch(s, sizes).draw(3)
    product = factors[0]
    for factor in factors[1:]:
        product = scipy.linalg.khatri_rao(product, factor)
    assert S.shape == (s, len(product))
    np.testing.assert_allclose(S.khatri_rao(*factors), S @ product, atol=1e-12)
    np.testing.assert_allclose(
        S.khatri_rao(*(sp.csr_array(factor) for factor in factors)), S @ product, atol=1e-12
    )
    vector = S.kron(*(factor[:, 0] for factor in factors))
    np.testing.assert_allclose(vector, (S @ product)[:, 0], atol=1e-12)


def test_polynomial_features_keep_polynomial_kernels(record_property):
    """(x . y)^2 over 300 draws: |z| < 5.9 for 10 products, false alarm 4e-8."""
    X = np.random.default_rng(0).standard_normal((4, 6))
    kernel = np.triu((X @ X.T) ** 2)
    found = np.array(
        [
            np.triu(F @ F.T)
            for F in (TensorSketch(64, (6, 6)).draw(k).polynomial_features(X) for k in range(300))
        ]
    )
    spread = found.std(axis=0, ddof=1) / np.sqrt(300)
    z = np.abs(found.mean(axis=0) - kernel) / np.where(spread > 0, spread, 1)
    record_property("check", "TensorSketch keeps the kernel (x . y)^2")
    record_property("measured", z.max())
    record_property("threshold", 5.9)
    record_property("count", 300)
    record_property("false_alarm_rate", 4e-8)
    assert z.max() < 5.9
    cubed = np.triu(np.abs(X @ X.T) ** 3)
    assert (np.abs(found.mean(axis=0) - cubed) / np.where(spread > 0, spread, 1)).max() > 5.9


def test_tensor_sketch_refuses_other_factors():
    S = TensorSketch(4, (3, 3)).draw(0)
    with pytest.raises(ArgumentError, match=r"^factors: got 1 factors; expected 2"):
        S.khatri_rao(np.ones((3, 1)))
    with pytest.raises(ArgumentError, match=r"^A: got 2 rows; expected 3 rows"):
        S.khatri_rao(np.ones((3, 1)), np.ones((2, 1)))
    for n in (9, (9,), ()):
        with pytest.raises(ArgumentError, match=r"^n: got .*; expected a tuple"):
            TensorSketch(4, n)


# --- sizes ---------------------------------------------------------------------------------------

SIZED = [
    "Gaussian", "Rademacher", "SparseSign", "CountSketch", "LESS", "SubsampledHadamard",
    "SubsampledCosine", "TensorSketch",
]  # fmt: skip


@pytest.mark.parametrize("kind", SIZED)
def test_sizes_grow_as_they_should(kind):
    size = size_for(kind, 10, 0.5, 0.1, n=10**9)
    assert 10 < size.practical <= size.rows
    assert hasattr(rnla.sketch, size.kind)
    assert size.source
    for harder in ((20, 0.5, 0.1), (10, 0.25, 0.1), (10, 0.5, 0.01)):
        assert size_for(kind, *harder, n=10**9).rows > size.rows


def test_sizes_by_hand():
    """Davidson and Szarek: singular values 1 +- 0.2247 when (sqrt(d) + t) / sqrt(s) is that."""
    rows = size_for("Gaussian", 16, 0.5, 2 * np.exp(-8.0)).rows
    assert rows == np.ceil(((4 + 4) / (np.sqrt(1.5) - 1)) ** 2)
    assert size_for("CountSketch", 4, 0.5, 0.1).rows == 800  # 20 / (0.25 * 0.1)
    assert size_for("SubsampledHadamard", 4, 0.5, n=100).rows <= 128
    assert size_for("SubsampledCosine", 4, 0.5, n=100).rows <= 100


@pytest.mark.parametrize(
    "arguments,name",
    [
        (("Hadamard", 4, 0.5), "kind"),
        (("Cauchy", 4, 0.5), "kind"),
        (("Gaussian", 0, 0.5), "d"),
        (("Gaussian", 4, 1.5), "eps"),
        (("Gaussian", 4, 0.5, 0.0), "delta"),
        (("SubsampledHadamard", 4, 0.5), "n"),
        (("SubsampledCosine", 4, 0.5), "n"),
    ],
)
def test_bad_sizes(arguments, name):
    with pytest.raises(ArgumentError, match=rf"^{name}: got .*; expected .*\. "):
        size_for(*arguments)


def test_estimate_sizes_grow_as_they_should():
    assert estimate_size(1, 0.1) > estimate_size(1, 0.2) > estimate_size(1, 0.2, 0.1)
    with pytest.raises(ArgumentError, match=r"^p: got 3"):
        estimate_size(3, 0.1)


# --- bad arguments -------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "make,name",
    [
        (lambda: Gaussian(0, 5), "s"),
        (lambda: Rademacher(5, -1), "n"),
        (lambda: CountSketch(2.5, 5), "s"),
        (lambda: CountSketch(5, True), "n"),
        (lambda: SubsampledHadamard(9, 8), "s"),
        (lambda: SubsampledCosine(9, 8), "s"),
        (lambda: LESS(3, 4), "scores"),
        (lambda: LESS(3, 4, scores=[1, 2, 3]), "scores"),
        (lambda: LESS(3, 2, scores=[1, -2]), "scores"),
        (lambda: LESS(3, 2, scores=[1, np.nan]), "scores"),
        (lambda: LESS(3, 2, scores=[0, 0]), "scores"),
        (lambda: LESS(3, 2, scores=[1, 1], row_nnz=0), "row_nnz"),
        (lambda: TensorSketch(3, (2, 0)), "n"),
    ],
)
def test_bad_arguments(make, name):
    with pytest.raises(
        (ArgumentError, ArgumentTypeError), match=rf"^{name}: got .*; expected .*\. "
    ):
        make()
