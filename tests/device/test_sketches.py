"""Sketching operators on a GPU: the bits of S are those of the host, products agree to 1e-11."""

from __future__ import annotations

import numpy as np
import pytest
import scipy.sparse as sp

import rnla
from rnla import sketch
from rnla.tall import as_tall

from .backends import BACKENDS, Backend, difficult, host

N = 700
SKETCHES = {
    "CountSketch": lambda: sketch.CountSketch(24, N),
    "SparseSign": lambda: sketch.SparseSign(24, N),
    "LESS": lambda: sketch.LESS(24, N, scores=np.linspace(0.0, 1.0, N)),
    "Gaussian": lambda: sketch.Gaussian(24, N),
    "Rademacher": lambda: sketch.Rademacher(24, N),
    "Cauchy": lambda: sketch.Cauchy(24, N),
    "PStable": lambda: sketch.PStable(24, N, p=1.5),
    "ReciprocalExponential": lambda: sketch.ReciprocalExponential(24, N, p=3),
    "SubsampledHadamard": lambda: sketch.SubsampledHadamard(24, N),
    "SubsampledCosine": lambda: sketch.SubsampledCosine(24, N),
    "TensorSketch": lambda: sketch.TensorSketch(24, n=(70, 10)),
}


@pytest.fixture(params=BACKENDS)
def backend(request, cupy):
    return Backend(request.param)


def agree(found, expected):
    found, expected = host(found), np.asarray(expected)
    assert found.dtype == expected.dtype
    rtol = 1e-5 if expected.dtype == np.float32 else 1e-11
    np.testing.assert_allclose(found, expected, rtol=rtol, atol=rtol * np.abs(expected).max())


CASES = [(name, kind, "device") for name in SKETCHES for kind in ("dense", "float32", "sparse")] + [
    ("SparseSign", "Fortran", "device"),
    ("SparseSign", "dense", "numpy"),
]


@pytest.mark.parametrize(("name", "kind", "backend"), CASES, indirect=["backend"])
def test_products_from_either_side_are_those_of_numpy(name, kind, backend):
    S, A = SKETCHES[name]().draw(rng=0), difficult(kind, n=N, d=3)
    there = backend.put(A)
    Y, x = np.linspace(-1.0, 1.0, 48).reshape(24, 2), np.linspace(0.0, 1.0, N)
    for found, expected in (
        (S @ there, S @ A),
        (there.T @ S.T, A.T @ S.T),
        (S.T @ backend.put(Y), S.T @ Y),
        (S.T @ backend.put(Y[:, 0]), S.T @ Y[:, 0]),
        (S @ backend.put(x), S @ x),
        (backend.put(np.ascontiguousarray(Y.T)) @ S, Y.T @ S),
    ):
        assert backend.is_home_of(found)
        agree(found, expected)
    agree(as_tall(there).sketch(S).astype(expected.dtype), (as_tall(A).sketch(S)))


def test_samples_are_sketches_too(backend):
    A = difficult("dense", n=N)
    sample = rnla.sample_rows(np.ones(N), 50, p=2, rng=0)
    agree(sketch.RowSampling(sample) @ backend.put(A), sample @ A)
    agree(sample @ backend.put(A[:, 0]), sample @ A[:, 0])
    agree(sample @ backend.put(sp.csr_array(A)).toarray(), sample @ A)


@pytest.mark.parametrize("shape", [(64,), (64, 3), (3, 64)])
def test_hadamard_transforms(shape, backend):
    A = np.random.default_rng(0).standard_normal(shape)
    axis = shape.index(64)
    found = sketch.hadamard_transform(backend.put(A), axis=axis)
    assert backend.is_home_of(found)
    agree(found, sketch.hadamard_transform(A, axis=axis))


def test_sketches_of_the_wrong_size_are_refused(backend):
    S = sketch.SparseSign(24, N).draw(rng=0)
    with pytest.raises(rnla.ArgumentError, match=r"A: got 260 rows; expected 700 rows"):
        S @ backend.put(difficult("dense"))


def test_columns_that_are_drawn_on_the_gpu_are_not_copied(cupy):
    put = Backend("device").put
    for name in ("CountSketch", "SparseSign", "Gaussian", "Rademacher", "Cauchy", "PStable"):
        S, A = SKETCHES[name]().draw(rng=0), put(difficult("dense", n=N, d=3))
        cupy.copies.clear()
        as_tall(A).sketch(S)
        assert cupy.copies["to device"] == 0
        assert cupy.copies["to host"] == 24 * 3
