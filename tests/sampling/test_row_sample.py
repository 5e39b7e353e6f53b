"""`RowSample`: reweighting every kind of matrix, composing, merging, files, and refusals."""

from __future__ import annotations

import dataclasses
import itertools
import math

import numpy as np
import pytest
import scipy.sparse as sp
from hypothesis import given
from hypothesis import strategies as st

from rnla._errors import ArgumentError, ArgumentTypeError, DamagedFileError
from rnla.sampling import RowSample, merge_samples, sample_rows
from rnla.tall import as_tall

N, D = 30, 4
ROWS = np.array([0, 3, 17, 29])
WEIGHTS = np.array([1.0, 2.5, 40.0, 7.0])


def sample_of(rows=ROWS, weights=WEIGHTS, n=N, p=2.0, **changes):
    values = {
        "indices": rows,
        "weights": weights,
        "probabilities": 1.0 / np.asarray(weights),
        "design": "poisson",
        "seed": 3,
        "n": n,
        "p": p,
    }
    return RowSample(**{**values, **changes})


MATRIX = np.random.default_rng(0).standard_normal((N, D))
MATRIX[np.abs(MATRIX) < 0.6] = 0.0


@pytest.mark.parametrize("p", [1.0, 1.5, 2.0, 4.0, math.inf])
@pytest.mark.parametrize("dtype", [np.float64, np.float32, np.int32])
@pytest.mark.parametrize("layout", ["C", "F", "view", "readonly", "tall"])
def test_reweighting_a_dense_matrix_is_a_diagonal_product(p, dtype, layout):
    A = (10 * MATRIX).astype(dtype)
    expected = WEIGHTS[:, None] ** (1.0 / p) * A[ROWS].astype(float)
    given_matrix = np.asarray(A, order="F") if layout == "F" else A
    if layout == "view":
        given_matrix = np.repeat(A, 2, axis=0)[::2]
    if layout == "readonly":
        given_matrix.flags.writeable = False
    if layout == "tall":
        given_matrix = as_tall(A)
    before = A.copy()
    result = sample_of(p=p) @ given_matrix
    assert result.dtype == (np.float32 if dtype == np.float32 else np.float64)
    np.testing.assert_allclose(result, expected, rtol=1e-6 if dtype == np.float32 else 1e-15)
    np.testing.assert_array_equal(A, before)


@pytest.mark.parametrize("kind", [sp.csr_array, sp.csc_array, sp.coo_array, sp.csr_matrix])
@pytest.mark.parametrize("dtype", [np.float64, np.float32])
@pytest.mark.parametrize("wrap", [False, True])
def test_reweighting_a_sparse_matrix_stays_sparse(kind, dtype, wrap):
    A = kind(MATRIX.astype(dtype))
    before = A.toarray()
    result = sample_of(p=1.0) @ (as_tall(A) if wrap else A)
    assert sp.issparse(result)
    assert result.format == "csr"
    assert result.dtype == dtype
    expected = sp.csr_array(WEIGHTS[:, None] * MATRIX.astype(dtype)[ROWS])
    np.testing.assert_allclose(result.toarray(), expected.toarray(), rtol=1e-6)
    assert result.nnz == expected.nnz
    np.testing.assert_array_equal(A.toarray(), before)


def test_reweighting_a_vector_serves_right_hand_sides():
    b = np.arange(float(N))
    np.testing.assert_allclose(sample_of(p=1.0) @ b, WEIGHTS * b[ROWS])
    assert (sample_of(p=1.0) @ b.astype(np.float32)).dtype == np.float32
    assert (sample_of(p=1.0) @ np.arange(N)).dtype == np.float64


def test_take_leaves_out_the_weights():
    np.testing.assert_array_equal(sample_of().take(MATRIX), MATRIX[ROWS])
    np.testing.assert_array_equal(sample_of().take(sp.csr_array(MATRIX)).toarray(), MATRIX[ROWS])


def test_reweight_takes_another_p_than_the_sample_was_tagged_with():
    sample = sample_of(p=None)
    np.testing.assert_allclose(sample.reweight(MATRIX, 1.0), sample.with_p(1.0) @ MATRIX)
    with pytest.raises(ArgumentError, match="p: got None"):
        _ = sample @ MATRIX


def test_effective_sample_size():
    assert sample_of(weights=np.full(4, 1e200)).effective_sample_size == pytest.approx(4.0)
    assert sample_of(weights=[1e-9, 1.0, 1e-9, 1e-9]).effective_sample_size == pytest.approx(1.0)
    empty = sample_of(rows=[], weights=[])
    assert (empty.size, len(empty), empty.effective_sample_size) == (0, 0, 0.0)
    assert (empty @ MATRIX).shape == (0, D)


def test_a_sample_is_frozen_all_the_way_down():
    sample = sample_of()
    with pytest.raises(dataclasses.FrozenInstanceError):
        sample.n = 5
    for array in (sample.indices, sample.weights, sample.probabilities):
        with pytest.raises(ValueError, match="read-only"):
            array[0] = 1
    weights = WEIGHTS.copy()
    kept = sample_of(weights=weights)
    weights[0] = 99.0
    assert kept.weights[0] == 1.0


@given(st.integers(2, 60), st.integers(0, 10**6), st.data())
def test_composition_equals_sampling_twice(n, seed, data):
    A = np.random.default_rng(seed).standard_normal((n, 2))
    outer = sample_rows(np.full(n, 0.7), p=1.5, rng=seed)
    if outer.size == 0:
        return
    inner = sample_rows(np.full(outer.size, data.draw(st.floats(0.1, 1.0))), p=1.5, rng=seed + 1)
    both = outer.compose(inner)
    np.testing.assert_allclose(both @ A, inner @ (outer @ A), rtol=1e-13, atol=0)
    np.testing.assert_allclose(both.weights * both.probabilities, 1.0, rtol=1e-13)


@given(st.integers(1, 60), st.integers(0, 10**6), st.integers(1, 5))
def test_merging_blocks_restores_the_whole(n, seed, parts):
    whole = sample_rows(np.full(n, 0.5), p=1.0, rng=seed)
    bounds = np.linspace(0, n, parts + 1).astype(int)
    pieces = []
    for lo, hi in itertools.pairwise(bounds):
        if lo < hi:
            inside = (whole.indices >= lo) & (whole.indices < hi)
            local = dataclasses.replace(
                whole,
                indices=whole.indices[inside] - lo,
                weights=whole.weights[inside],
                probabilities=whole.probabilities[inside],
                n=int(hi - lo),
            )
            pieces.append(local.shifted(int(lo), n))
    merged = merge_samples(reversed(pieces))
    np.testing.assert_array_equal(merged.indices, whole.indices)
    np.testing.assert_array_equal(merged.weights, whole.weights)


def test_a_file_restores_every_bit(tmp_path):
    sample = sample_of(seed=2**200 + 1, p=1.5)
    path = tmp_path / "kept"
    sample.save(path)
    back = RowSample.load(path)
    for field in dataclasses.fields(RowSample):
        np.testing.assert_array_equal(getattr(back, field.name), getattr(sample, field.name))
    assert (back.seed, back.p) == (sample.seed, 1.5)


def test_a_damaged_file_is_refused_or_read_right_but_never_misread(tmp_path):
    """Every single damaged byte and every truncation of a real file."""
    sample = sample_of()
    path = tmp_path / "kept.npz"
    sample.save(path)
    whole = path.read_bytes()
    refused = 0
    changed = [whole[:k] for k in range(0, len(whole), 7)]
    changed += [
        whole[:k] + bytes([whole[k] ^ 0x55]) + whole[k + 1 :] for k in range(0, len(whole), 3)
    ]
    for content in changed:
        path.write_bytes(content)
        try:
            back = RowSample.load(path)
        except DamagedFileError:
            refused += 1
        else:
            np.testing.assert_array_equal(back.indices, sample.indices)
            np.testing.assert_array_equal(back.weights, sample.weights)
    assert refused > 0.5 * len(changed)


def test_other_files_are_refused(tmp_path):
    path = tmp_path / "x.npz"
    path.write_bytes(b"")
    with pytest.raises(DamagedFileError, match=r"path: got .*x\.npz.*Copy the file again"):
        RowSample.load(path)
    np.savez(path, a=np.arange(3))
    with pytest.raises(DamagedFileError):
        RowSample.load(path)
    with open(path, "wb") as file:
        np.savez(file, meta=np.array([{"format": "x"}], dtype=object))
    with pytest.raises(DamagedFileError):
        RowSample.load(path)
    np.save(path.with_suffix(".npy"), np.arange(3))
    with pytest.raises(DamagedFileError):
        RowSample.load(path.with_suffix(".npy"))
    with pytest.raises(FileNotFoundError):
        RowSample.load(tmp_path / "missing.npz")


@pytest.mark.parametrize(
    ("changes", "kind", "name"),
    [
        ({"weights": [1.0, -1.0, 1.0, 1.0]}, ArgumentError, "weights"),
        ({"weights": [1.0, np.nan, 1.0, 1.0]}, ArgumentError, "weights"),
        ({"weights": [1.0, np.inf, 1.0, 1.0]}, ArgumentError, "weights"),
        ({"weights": [1.0, 1.0]}, ArgumentError, "weights"),
        ({"weights": [1j] * 4}, ArgumentTypeError, "weights"),
        ({"probabilities": [0.5, 0.0, 1.0, 1.0]}, ArgumentError, "probabilities"),
        ({"probabilities": [0.5, np.nan, 1.0, 1.0]}, ArgumentError, "probabilities"),
        ({"indices": [0, 3, 17, 30]}, ArgumentError, "indices"),
        ({"indices": [-1, 3, 17, 29]}, ArgumentError, "indices"),
        ({"indices": [0, 17, 3, 29]}, ArgumentError, "indices"),
        ({"indices": [0, 3, 3, 29]}, ArgumentError, "indices"),
        ({"indices": [0.0, 3.0, 17.0, 29.0]}, ArgumentTypeError, "indices"),
        ({"indices": [[0, 3], [17, 29]]}, ArgumentTypeError, "indices"),
        ({"n": 0}, ArgumentError, "n"),
        ({"n": 2.5}, ArgumentTypeError, "n"),
        ({"p": np.nan}, ArgumentError, "p"),
        ({"p": -1.0}, ArgumentError, "p"),
        ({"p": 0.0}, ArgumentError, "p"),
    ],
)
def test_bad_construction_is_a_typed_error_with_a_remedy(changes, kind, name):
    fields = {"probabilities": np.full(4, 0.5), **changes}
    with pytest.raises(kind, match=rf"^{name}: got .*; expected .*\. [A-Z].*\.$"):
        sample_of(**fields)


@pytest.mark.parametrize(
    ("call", "kind", "name"),
    [
        (lambda: sample_of() @ MATRIX[:-1], ArgumentError, "A"),
        (lambda: sample_of() @ np.ones(N - 1), ArgumentError, "A"),
        (lambda: sample_of() @ MATRIX.astype(complex), ArgumentTypeError, "A"),
        (lambda: sample_of() @ np.ones(N, dtype=complex), ArgumentTypeError, "A"),
        (lambda: sample_of() @ np.ones((N, 2, 2)), ArgumentError, "A"),
        (lambda: sample_of().reweight(MATRIX, 0.0), ArgumentError, "p"),
        (lambda: sample_of().compose(sample_of()), ArgumentError, "inner"),
        (
            lambda: sample_of(p=1).compose(sample_of([0], [1.0], n=4, p=2)),
            ArgumentError,
            "inner",
        ),
        (lambda: sample_of().shifted(1, N), ArgumentError, "start"),
        (lambda: merge_samples([]), ArgumentTypeError, "samples"),
        (lambda: merge_samples([sample_of(), MATRIX]), ArgumentTypeError, "samples"),
        (lambda: merge_samples([sample_of(), sample_of(p=1)]), ArgumentError, "samples"),
        (lambda: merge_samples([sample_of(), sample_of()]), ArgumentError, "indices"),
    ],
)
def test_bad_use_is_a_typed_error_with_a_remedy(call, kind, name):
    with pytest.raises(kind, match=rf"(?s)^{name}: got .*; expected .*\. [A-Z].*\.$"):
        call()
