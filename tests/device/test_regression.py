"""Regressions of a CuPy matrix: the coefficients of the host, on the GPU; few numbers travel."""

from __future__ import annotations

import importlib

import numpy as np
import pytest

import rnla
from rnla.basis import orthonormal
from rnla.report import to_json, to_text

from .backends import Backend, difficult, host

DEVICE = Backend("device")
N, D = 300, 4
TRUTH = np.array([1.0, -1.0, 0.5, 2.0])
W = 1.0 + np.arange(N) % 3


def responses(A, seed=0):
    """Few gross errors beside noise."""
    rng = np.random.default_rng(seed)
    noise = rng.standard_normal(N)
    noise[:9] += 30.0
    return np.asarray(A @ TRUTH).ravel() + noise


FITS = {
    "lstsq": lambda A, b, w: rnla.lstsq(A, b, weights=w, rng=0),
    "lstsq, sketched": lambda A, b, w: rnla.lstsq(A, b, weights=w, method="sketch", rng=0),
    "lstsq, ridge": lambda A, b, w: rnla.lstsq(A, b, weights=w, ridge=3.0, rng=0),
    "ridge": lambda A, b, w: rnla.ridge(A, b, weights=w, intercept=True, rng=0),
    "p = 1.1": lambda A, b, w: rnla.lp_regression(A, b, 1.1, weights=w, rng=0),
    "p = 2": lambda A, b, w: rnla.lp_regression(A, b, 2, weights=w, rng=0),
    "p = 3": lambda A, b, w: rnla.lp_regression(A, b, 3, weights=w, intercept=True, rng=0),
    "p = 8": lambda A, b, w: rnla.lp_regression(A, b, 8, weights=w, rng=0),
    "p = 1.5, bounds": lambda A, b, w: rnla.lp_regression(
        A, b, 1.5, weights=w, bounds=(0.0, 1.5), rng=0),
    "huber": lambda A, b, w: rnla.huber_regression(A, b, threshold=1.3, weights=w),
    "huber, far away": lambda A, b, w: rnla.huber_regression(
        A, b + 1e6, threshold=0.5, weights=w, intercept=True),
    "huber, ridge": lambda A, b, w: rnla.huber_regression(
        A, b, threshold=1.3, ridge=5.0, weights=w, intercept=True),
    "logistic": lambda A, b, w: rnla.logistic_regression(A, b > 0.3, weights=w, rng=0),
    "logistic, ridge": lambda A, b, w: rnla.logistic_regression(
        A, b > 0.3, weights=w, ridge=0.5, intercept=True, rng=0),
}  # fmt: skip


@pytest.fixture(autouse=True)
def no_small_matrices(cupy, monkeypatch):
    monkeypatch.setattr(orthonormal, "_SMALL", 100)  # or every matrix here would come to the host


def agree(found, expected, tolerance=1e-6):
    """Fits of two homes: the same decisions, coefficients to what the gap leaves open."""
    for field in ("status", "rank", "method", "classes", "path"):
        assert getattr(found, field, None) == getattr(expected, field, None), field
    for field in ("x", "coefficients", "intercept", "intercepts"):
        one = getattr(expected, field, None)
        if isinstance(one, np.ndarray):
            there = getattr(found, field)
            assert DEVICE.is_home_of(there)
            assert there.dtype == one.dtype
        if one is not None:
            there = host(getattr(found, field))
            scale = np.abs(one).max() + 1e-300
            np.testing.assert_allclose(there, one, rtol=tolerance, atol=tolerance * scale)
    for field in ("objective", "residual_norm"):
        if hasattr(expected, field):
            np.testing.assert_allclose(getattr(found, field), getattr(expected, field), rtol=1e-7)


CASES = [
    *((name, "dense") for name in FITS),
    *((name, kind) for name in ("lstsq, sketched", "p = 3", "huber, ridge", "logistic, ridge")
      for kind in ("float32", "sparse", "zero rows", "rank-deficient")),
]  # fmt: skip


@pytest.mark.parametrize(("name", "kind"), CASES)
def test_coefficients_are_those_of_the_host(name, kind):
    A = difficult(kind, n=N, d=D)
    b = responses(A)
    there = FITS[name](DEVICE.put(A), DEVICE.put(b), DEVICE.put(W))
    agree(there, FITS[name](A, b, W), 1e-5 if kind == "float32" else 1e-6)


def test_ill_conditioned_columns():
    """Coordinates of an orthonormal basis, and a certified gap."""
    A = difficult("ill-conditioned", n=N, d=D)
    b = responses(A)
    for name in ("p = 3", "huber", "lstsq"):
        found = FITS[name](DEVICE.put(A), DEVICE.put(b), None)
        expected = FITS[name](A, b, None)
        assert found.status == expected.status
        for field in ("objective", "residual_norm"):
            if hasattr(expected, field):
                np.testing.assert_allclose(
                    getattr(found, field), getattr(expected, field), rtol=1e-7
                )


def test_many_responses_and_a_start_of_an_earlier_fit():
    A = difficult("dense", n=N, d=D)
    B = np.column_stack([responses(A), responses(A, 1)])
    there = DEVICE.put(A), DEVICE.put(B)
    for fit in (
        lambda A, B, **more: rnla.lstsq(A, B, rng=0, **more),
        lambda A, B, **more: rnla.lp_regression(A, B, 1.5, rng=0, **more),
    ):
        found = fit(*there)
        agree(found, fit(A, B))
        agree(fit(*there, x0=found.x), fit(A, B, x0=host(found.x)))
    agree(rnla.ridge(*there, intercept=True, rng=0), rnla.ridge(A, B, intercept=True, rng=0))


@pytest.mark.parametrize("kind", ["dense", "sparse"])
def test_a_perfect_fit_and_one_that_predicts(kind):
    A = difficult(kind, n=N, d=D)
    b = A @ TRUTH
    here, there = DEVICE.put(A), DEVICE.put(b)
    for fit in (
        rnla.lp_regression(here, there, 3),
        rnla.huber_regression(here, there, threshold=1.0),
    ):
        assert fit.status.name == "OK"
        np.testing.assert_allclose(host(here @ fit.x), b, atol=1e-9)


def test_rows_of_the_host_that_are_streamed_to_the_gpu():
    A = difficult("dense", n=N, d=D)
    b = responses(A)
    for name in ("lstsq, sketched", "p = 3", "huber", "logistic, ridge"):
        streamed = rnla.as_tall(A, device="cuda")
        agree(FITS[name](streamed, DEVICE.put(b), None), FITS[name](A, b, None))


def test_classes_that_a_hyperplane_separates():
    A = difficult("dense", n=N, d=D)
    y = A @ TRUTH > 0.0
    found = rnla.logistic_regression(DEVICE.put(A), DEVICE.put(y), rng=0)
    assert found.status.name == "SEPARABLE"
    assert np.array_equal(host(DEVICE.put(A) @ found.x) > 0.0, y)
    one = rnla.logistic_regression(DEVICE.put(A), DEVICE.put(y | True), intercept=True)
    assert one.status.name == "SEPARABLE"


def test_decisions_and_reports_of_a_fit():
    A = difficult("dense", n=N, d=D)
    y = responses(A) > 0.3
    found = rnla.logistic_regression(DEVICE.put(A), DEVICE.put(y), intercept=True)
    expected = rnla.logistic_regression(A, y, intercept=True)
    there = found.probabilities(DEVICE.put(A))
    assert DEVICE.is_home_of(there)
    np.testing.assert_allclose(host(there), expected.probabilities(A), atol=1e-6)
    np.testing.assert_allclose(found.decision(A), expected.decision(A), atol=1e-5)
    assert "CuPy array" in to_text(found)
    path = rnla.ridge(DEVICE.put(A), DEVICE.put(1.0 * y), alphas=[1.0, 2.0])
    assert to_json(path, arrays=True)["coefficients"] == path.coefficients.tolist()


def test_labels_of_all_kinds():
    A = difficult("dense", n=N, d=D)
    b = responses(A)
    for y in (b > 0.3, np.where(b > 0.3, 7, 4), np.where(b > 0.3, 1.0, -1.0)):
        found = rnla.logistic_regression(DEVICE.put(A), DEVICE.put(y), rng=0)
        agree(found, rnla.logistic_regression(A, y, rng=0))
    with pytest.raises(rnla.ArgumentError, match="at least 3 different values"):
        rnla.logistic_regression(DEVICE.put(A), DEVICE.put(np.arange(N) % 3))


MIXED = {
    "lstsq": lambda A, b, w: rnla.lstsq(A, b, weights=w),
    "ridge": lambda A, b, w: rnla.ridge(A, b, weights=w),
    "lp_regression": lambda A, b, w: rnla.lp_regression(A, b, 1.5, weights=w),
    "huber_regression": lambda A, b, w: rnla.huber_regression(A, b, threshold=1.0, weights=w),
    "logistic_regression": lambda A, b, w: rnla.logistic_regression(A, b > 0.0, weights=w),
}


@pytest.mark.parametrize("name", MIXED)
def test_rows_and_responses_of_two_homes_are_an_error(name):
    """That names the argument, the other home and the conversion."""
    A = difficult("dense", n=N, d=D)
    b = responses(A)
    put = DEVICE.put
    for rows, target, weights, match in (
        (put(A), b, None, r"[by]: got ndarray, for rows on a GPU.*cupy\.asarray\([by]\)"),
        (put(A), put(b), W, r"weights: got ndarray, for rows.*cupy\.asarray\(weights\)"),
        (A, put(b), None, r"[by]: got a CuPy array on GPU 0.*cupy\.asnumpy\([by]\)"),
        (A, b, put(W), r"weights: got a CuPy array on GPU 0.*cupy\.asnumpy\(weights\)"),
    ):
        with pytest.raises(rnla.ArgumentTypeError, match=match):
            MIXED[name](rows, target, weights)


REFUSED = {
    "p = 1": lambda A, b: rnla.lp_regression(A, b, 1),
    "p = inf": lambda A, b: rnla.lp_regression(A, b, np.inf),
    "coreset of powers": lambda A, b: rnla.lp_regression(A, b, 3, polish=False),
    "coreset of Huber's loss": lambda A, b: rnla.huber_regression(
        A, b, threshold=1.0, polish=False),
    "coreset of labels": lambda A, b: rnla.logistic_regression(A, b > 0.0, polish=False),
    "LAPACK": lambda A, b: rnla.lstsq(A, b, method="direct"),
}  # fmt: skip


@pytest.mark.parametrize("name", REFUSED)
def test_what_needs_the_host_says_how_to_convert(name, cupy, monkeypatch):
    monkeypatch.setattr(importlib.import_module("rnla.regression.lstsq"), "_SMALL", 100)
    A = difficult("dense", n=N, d=D)
    b = responses(A)
    REFUSED[name](A, b)
    there = DEVICE.put(A), DEVICE.put(b)
    cupy.copies.clear()
    with pytest.raises(rnla.ArgumentTypeError, match=r"A: got rows on a GPU.*cupy\.asnumpy\(A\)"):
        REFUSED[name](*there)
    assert cupy.copies["to host"] <= 16


@pytest.mark.parametrize(
    "name", ["lstsq, sketched", "ridge", "p = 1.5", "p = 3", "huber", "logistic"]
)
def test_only_small_matrices_travel(name, cupy):
    """Per pass d x d numbers and a few vectors of length d: nothing that grows with n."""
    fits = {**FITS, "p = 1.5": lambda A, b, w: rnla.lp_regression(A, b, 1.5, weights=w)}
    n = 3_000
    A = np.random.default_rng(0).standard_normal((n, 3)).astype(np.float32)
    b = A @ TRUTH[:3] + np.random.default_rng(1).standard_normal(n)
    there = DEVICE.put(A), DEVICE.put(b), DEVICE.put(1.0 + np.arange(n) % 3)
    cupy.copies.clear()
    fit = fits[name](*there)
    assert fit.status.name == "OK"
    assert cupy.copies["to host"] + cupy.copies["to device"] <= 80 * fit.passes
