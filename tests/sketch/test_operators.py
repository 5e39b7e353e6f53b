"""What holds for every kind of sketch: blocks, both sides, adjoint, operands, precision, seeds."""

from __future__ import annotations

import hashlib
import subprocess
import sys

import numpy as np
import pytest
import scipy.sparse as sp
from hypothesis import given, settings
from hypothesis import strategies as st

import rnla
from rnla._errors import ArgumentError
from tests.sketch.kinds import EMBEDDINGS, KINDS

S_ROWS, N = 12, 300  # n is not a power of two, and a multiple of 5 for TensorSketch
every_kind = pytest.mark.parametrize("kind", KINDS)


def operator(kind, s=S_ROWS, n=N, seed=1):
    return KINDS[kind](s, n).draw(seed)


def close(actual, expected, rtol=1e-12):
    scale = np.abs(expected).max(initial=1.0)
    np.testing.assert_allclose(actual, expected, rtol=rtol, atol=rtol * scale)


# --- blocks --------------------------------------------------------------------------------------


@every_kind
@settings(max_examples=15)
@given(start=st.integers(0, N), count=st.integers(0, 130))
def test_any_block_is_that_of_the_whole(kind, start, count):
    S, stop = operator(kind), min(start + count, N)
    whole = S.toarray()
    np.testing.assert_array_equal(S.block(start, stop), whole[:, start:stop])
    B = np.random.default_rng(0).standard_normal((stop - start, 3))
    close(S.apply_block(start, B), whole[:, start:stop] @ B)
    close(S.apply_block(start, sp.csr_array(B)), whole[:, start:stop] @ B)
    Y = np.random.default_rng(1).standard_normal((S.shape[0], 2))
    close(S.transposed_block(start, stop, Y), whole[:, start:stop].T @ Y)


@every_kind
def test_blocks_add_up_in_place(kind):
    S, A = operator(kind), np.random.default_rng(0).standard_normal((N, 4))
    out = np.zeros((S.shape[0], 4))
    for start in range(0, N, 77):
        assert S.apply_block(start, A[start : start + 77], out=out) is out
    close(out, S.toarray() @ A)


@every_kind
def test_a_block_beyond_the_columns_is_refused(kind):
    S = operator(kind)
    for start in (-1, N - 1):
        with pytest.raises(ArgumentError, match=rf"^start: got rows .* {N} columns of S\. Draw"):
            S.apply_block(start, np.ones((3, 2)))


@every_kind
@pytest.mark.parametrize("n", [1, 2, 5, 64])
def test_tiny_sketches(kind, n):
    if kind == "TensorSketch":
        n = max(5, n // 5 * 5)
    S = operator(kind, s=1, n=n, seed=3)
    x = np.arange(1.0, n + 1)
    close(S @ x, S.toarray() @ x)
    close(S.T @ np.ones(S.shape[0]), S.toarray().sum(axis=0))


# --- operands ------------------------------------------------------------------------------------


def operands(m, k, seed=0):
    """The same kinds of numbers in every container: name -> (operand, dense float64/complex)."""
    rng = np.random.default_rng(seed)
    A = rng.standard_normal((m, k))
    A[np.abs(A) < 0.4] = 0.0
    C = A + 1j * rng.standard_normal((m, k))
    single = A.astype(np.float32)
    cases = {
        "C order": A,
        "F order": np.asfortranarray(A),
        "strided": np.repeat(A, 2, axis=1)[:, ::2],
        "float32": single,
        "integers": np.rint(3 * A).astype(np.int64),
        "list": A.tolist(),
        "csr": sp.csr_array(A),
        "csc": sp.csc_array(A),
        "coo, float32": sp.coo_array(single),
        "complex": C,
        "complex64, F order": np.asfortranarray(C.astype(np.complex64)),
        "complex csr": sp.csr_array(C),
    }
    return {
        name: (B, B.toarray() if sp.issparse(B) else np.asarray(B)) for name, B in cases.items()
    }


def precision(dense):
    single = dense.dtype in (np.float32, np.complex64)
    return (np.float32 if single else np.float64), (2e-5 if single else 1e-12)


OPERANDS = list(operands(2, 2))


@every_kind
@pytest.mark.parametrize("name", OPERANDS)
def test_products_from_both_sides(kind, name):
    S = operator(kind)
    E, s = S.toarray(), S.shape[0]
    for result, expected in (
        _product(lambda A: S @ A, operands(N, 3)[name], lambda A: E @ A),
        _product(lambda Y: S.T @ Y, operands(s, 3)[name], lambda Y: E.T @ Y),
        _product(lambda A: A @ S.T, operands(4, N)[name], lambda A: A @ E.T),
        _product(lambda Y: Y @ S, operands(4, s)[name], lambda Y: Y @ E),
    ):
        assert isinstance(result, np.ndarray)
        assert result.dtype == np.result_type(expected.dtype, np.float32)
        close(result, expected, rtol=precision(expected)[1])


def _product(function, operand, reference):
    given_as, dense = operand
    wide = np.complex128 if dense.dtype.kind == "c" else np.float64
    expected = reference(dense.astype(wide))
    single = dense.dtype in (np.float32, np.complex64)
    narrow = np.complex64 if dense.dtype.kind == "c" else np.float32
    return function(given_as), expected.astype(narrow) if single else expected


@every_kind
def test_many_rows_from_the_right(kind):
    """More rows than one piece has, dense and sparse."""
    S = operator(kind, s=4, n=20)
    A = np.random.default_rng(0).standard_normal((9000, 20))
    expected = A @ S.toarray().T
    close(A @ S.T, expected)
    close(sp.csr_array(A) @ S.T, expected)
    close(rnla.as_tall(A) @ S.T, expected)
    close(rnla.as_tall(A[:, : S.shape[0]]) @ S, A[:, : S.shape[0]] @ S.toarray())


@every_kind
def test_vectors(kind):
    S, rng = operator(kind), np.random.default_rng(0)
    x, y = rng.standard_normal(N), rng.standard_normal(S.shape[0])
    E = S.toarray()
    for result, expected in ((S @ x, E @ x), (x @ S.T, E @ x), (S.T @ y, y @ E), (y @ S, y @ E)):
        assert result.shape == expected.shape
        close(result, expected)
    close(S @ (x * 1j), E @ x * 1j)
    assert (S @ np.zeros((N, 0))).shape == (S.shape[0], 0)


@every_kind
def test_operands_are_not_modified(kind):
    S, A = operator(kind), np.random.default_rng(0).standard_normal((N, 3))
    Y = A[: S.shape[0]].copy()
    A.flags.writeable = Y.flags.writeable = False
    assert (S @ A).flags.writeable
    assert (S.T @ Y).flags.writeable


@every_kind
def test_linear_operator_view(kind):
    S = operator(kind)
    L, E = S.as_linear_operator(), S.toarray()
    assert L.shape == S.shape == S.T.shape[::-1]
    assert S.T.T is S
    x, Y = np.arange(float(N)), np.eye(S.shape[0], 2)
    close(L @ x, E @ x)
    close(L.H @ Y, E.T @ Y)
    close(L.rmatvec(Y[:, 0]), E.T @ Y[:, 0])
    np.testing.assert_array_equal(S.T.toarray(), E.T)


@every_kind
def test_wrong_sizes_are_refused(kind):
    S = operator(kind)
    s = S.shape[0]
    for product in (
        lambda: S @ np.ones((N + 1, 2)),
        lambda: S @ sp.csr_array(np.ones((N + 1, 2))),
        lambda: S @ rnla.as_tall(np.ones((N + 1, 2))),
        lambda: S.T @ np.ones((s + 1, 2)),
        lambda: np.ones((2, N + 1)) @ S.T,
        lambda: np.ones((2, s + 1)) @ S,
        lambda: S @ np.ones((N, 2, 2)),
    ):
        with pytest.raises(ArgumentError, match=r"^A: got .*; expected .*\. "):
            product()


# --- algebra -------------------------------------------------------------------------------------


@every_kind
@settings(max_examples=10)
@given(seed=st.integers(0, 1000), a=st.floats(-3, 3), b=st.floats(-3, 3))
def test_linearity(kind, seed, a, b):
    S, rng = operator(kind, seed=seed), np.random.default_rng(seed)
    X, Y = rng.standard_normal((N, 2)), rng.standard_normal((N, 2))
    close(S @ (a * X + b * Y), a * (S @ X) + b * (S @ Y), rtol=1e-11)


@every_kind
@settings(max_examples=10)
@given(seed=st.integers(0, 1000))
def test_adjoint_identity(kind, seed):
    """<S x, y> = <x, S^T y>, to rounding in the sum of absolute values."""
    S, rng = operator(kind, seed=seed), np.random.default_rng(seed)
    x, y = rng.standard_normal(N), rng.standard_normal(S.shape[0])
    size = np.abs(y) @ np.abs(S.toarray()) @ np.abs(x)
    assert abs((S @ x) @ y - x @ (S.T @ y)) <= 1e-13 * size


def test_a_wrong_adjoint_is_caught():
    """Companion: the adjoint of another draw misses the identity by far more."""
    S, other = operator("CountSketch", seed=0), operator("CountSketch", seed=1)
    x, y = np.arange(float(N)), np.ones(S_ROWS)
    size = np.abs(y) @ np.abs(S.toarray()) @ np.abs(x)
    assert abs((S @ x) @ y - x @ (other.T @ y)) > 1e-13 * size


# --- the same bits -------------------------------------------------------------------------------


@every_kind
def test_the_number_of_threads_does_not_matter(kind, monkeypatch):
    S = operator(kind, s=8, n=70_000)
    A = np.random.default_rng(0).standard_normal((70_000, 3))
    Y = np.random.default_rng(0).standard_normal((S.shape[0], 3))
    found = []
    for threads in ("1", "3"):
        monkeypatch.setenv("RNLA_THREADS", threads)
        found.append((S @ A, S @ sp.csr_array(A), S.T @ Y, A.T @ S.T))
    for one, three in zip(*found, strict=True):
        np.testing.assert_array_equal(one, three)


@every_kind
def test_the_record_of_a_draw_repeats_it(kind):
    S = KINDS[kind](S_ROWS, N).draw(np.random.default_rng(0))
    assert isinstance(S.seed, int)
    if kind != "RowSampling":
        np.testing.assert_array_equal(S.distribution.draw(S.seed).toarray(), S.toarray())
        assert S.distribution.shape == S.shape
    assert np.any(operator(kind, seed=5).toarray().shape != operator(kind, seed=6).shape) or np.any(
        operator(kind, seed=5).toarray() != operator(kind, seed=6).toarray()
    )


_PRINT = """
import hashlib, numpy as np
from tests.sketch.kinds import EMBEDDINGS
A = np.random.default_rng(0).standard_normal((3000, 4))
bits = [(d(16, 3000).draw(7) @ A).tobytes() for d in EMBEDDINGS.values()]
print(hashlib.sha256(b"".join(bits)).hexdigest())
"""


def test_a_seed_repeats_in_another_process():
    A = np.random.default_rng(0).standard_normal((3000, 4))
    bits = [(kind(16, 3000).draw(7) @ A).tobytes() for kind in EMBEDDINGS.values()]
    run = subprocess.run([sys.executable, "-c", _PRINT], capture_output=True, text=True, check=True)
    assert run.stdout.strip() == hashlib.sha256(b"".join(bits)).hexdigest()


@every_kind
def test_one_pass_wherever_the_rows_live(kind, tmp_path):
    """Memory, a file and a Dask array: equal bits, one pass each."""
    dask = pytest.importorskip("dask.array", reason="Dask is optional")
    S = operator(kind, s=8, n=20_000)
    A = np.random.default_rng(0).standard_normal((20_000, 6))
    np.save(tmp_path / "rows.npy", A)
    expected = S @ A if kind != "SubsampledCosine" else rnla.as_tall(A).sketch(S)
    for home in (A, tmp_path / "rows.npy", dask.from_array(A, chunks=(4700, 6))):
        tall = rnla.as_tall(home)
        np.testing.assert_array_equal(S @ tall, expected)
        assert tall.passes == 1


def test_paths_and_single_precision_files(tmp_path):
    A = np.random.default_rng(0).standard_normal((500, 6)).astype(np.float32)
    np.save(tmp_path / "rows.npy", A)
    S = operator("SparseSign", n=500)
    assert (S @ (tmp_path / "rows.npy")).dtype == np.float32
    np.testing.assert_array_equal(S @ (tmp_path / "rows.npy"), S @ A)
