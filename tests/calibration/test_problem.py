"""Problem and counting bounds: products against the dense system, and what is refused."""

from __future__ import annotations

import numpy as np
import pytest

from rnla._errors import ArgumentError, ArgumentTypeError
from rnla.calibration import (
    DenseOperators,
    PartialHadamard,
    Problem,
    check_identifiable,
    identifiability,
)
from tests.calibration.dense import stacked

MODELS = ["repeated", "diverse", "snapshots"]


def gaussian(rng, *shape):
    return rng.standard_normal(shape) + 1j * rng.standard_normal(shape)


def draw(model, seed=0, p=4, m=6, n=3):
    rng = np.random.default_rng(seed)
    A = gaussian(rng, m, n) if model == "snapshots" else gaussian(rng, p, m, n)
    return gaussian(rng, p, m), A


@pytest.mark.parametrize("model", MODELS)
def test_products_are_those_of_the_dense_system(model):
    Y, A = draw(model)
    weights = np.random.default_rng(1).random(Y.shape)
    problem = Problem(Y, A, model=model, weights=weights)
    left, right = stacked(problem.data, A, model)
    rng = np.random.default_rng(2)
    s, x, r = gaussian(rng, 6), gaussian(rng, *problem.signal_shape), gaussian(rng, 4, 6)
    K, W = np.hstack([left, -right]), weights.ravel()
    z = np.concatenate([s, x.ravel()])
    np.testing.assert_allclose(problem.residual(s, x).ravel(), K @ z, atol=1e-12)
    gains, signal = problem.adjoint_residual(r)
    both = np.concatenate([gains, signal.ravel()])
    np.testing.assert_allclose(both, K.conj().T @ (W * r.ravel()), atol=1e-12)
    M = K.conj().T @ (W[:, None] * K)
    np.testing.assert_allclose(np.diag(problem.gamma()), M[:6, :6], atol=1e-12)
    np.testing.assert_allclose(problem.cross(x), -M[:6, 6:] @ x.ravel(), atol=1e-12)
    np.testing.assert_allclose(problem.cross_adjoint(s).ravel(), -M[6:, :6] @ s, atol=1e-12)
    np.testing.assert_allclose(problem.gram(x).ravel(), M[6:, 6:] @ x.ravel(), atol=1e-12)


@pytest.mark.parametrize("model", MODELS)
def test_leading_axes_are_independent_problems(model):
    Y, A = draw(model)
    many = np.stack([Y, 3.0 * Y[:, ::-1]])
    problem = Problem(many, A, model=model)
    rng = np.random.default_rng(3)
    s, x = gaussian(rng, 2, 6), gaussian(rng, 2, *problem.signal_shape)
    for b in range(2):
        one = Problem(many[b], A, model=model)
        np.testing.assert_allclose(problem.data[b], one.data, rtol=1e-14)
        np.testing.assert_allclose(problem.residual(s, x)[b], one.residual(s[b], x[b]), atol=1e-13)
        np.testing.assert_allclose(problem.cross_adjoint(s)[b], one.cross_adjoint(s[b]), atol=1e-13)


def test_data_have_unit_size_whatever_their_scale():
    Y, A = draw("repeated")
    for scale in (1e-200, 1.0, 1e200):
        problem = Problem(Y * scale, A)
        np.testing.assert_allclose(np.mean(np.abs(problem.data) ** 2), 1.0, rtol=1e-12)
        np.testing.assert_allclose(problem.data * problem.scale, Y * scale, rtol=1e-14)


def test_missing_values_count_for_nothing():
    Y, A = draw("repeated")
    Y[0, 2] = np.nan
    weights = np.ones(Y.shape)
    weights[1, 3] = 0.0
    problem = Problem(Y, A, weights=weights)
    assert problem.data[0, 2] == problem.data[1, 3] == 0.0
    np.testing.assert_array_equal(problem.valid_counts, [4, 4, 3, 3, 4, 4])
    assert np.isfinite(problem.data).all()
    assert np.isnan(Y[0, 2])


def test_real_stays_real_and_single_stays_single():
    rng = np.random.default_rng(4)
    Y = rng.standard_normal((3, 8)).astype(np.float32)
    signs = rng.choice(np.float32([-1, 1]), size=(3, 4))
    assert Problem(Y, PartialHadamard(8, signs)).dtype == np.float32
    assert Problem(Y.astype(np.complex64), PartialHadamard(8, signs)).dtype == np.complex64
    assert Problem(Y, PartialHadamard(8, signs.astype(float))).dtype == np.float64
    assert Problem(Y.astype(int), rng.standard_normal((3, 8, 4))).dtype == np.float64


BAD = {
    "model": ({"model": "convolution"}, "model"),
    "model type": ({"model": 3}, "model"),
    "one dimension": ({"Y": np.ones(6)}, "shape"),
    "strings": ({"Y": [["a"] * 6] * 4}, "dtype"),
    "ragged": ({"Y": [[1.0], [1.0, 2.0]]}, "Y"),
    "infinite": ({"Y": np.full((4, 6), np.inf)}, "infinity"),
    "zero": ({"Y": np.zeros((4, 6))}, "nothing but zeros"),
    "missing": ({"Y": np.full((4, 6), np.nan)}, "nothing but zeros"),
    "one zero of a batch": ({"Y": np.stack([np.ones((4, 6)), np.zeros((4, 6))])}, r"\[1\]"),
    "sensors": ({"Y": np.ones((4, 7))}, "sensors"),
    "measurements": ({"Y": np.ones((3, 6))}, "3 maps"),
    "snapshots of several maps": ({"model": "snapshots"}, "one map"),
    "negative weights": ({"weights": -np.ones((4, 6))}, "weights"),
    "weights of another shape": ({"weights": np.ones((4, 5))}, "weights"),
    "weights nan": ({"weights": np.full((4, 6), np.nan)}, "weights"),
    "basis rows": ({"gain_basis": np.ones((5, 2))}, "gain_basis"),
    "dependent basis": ({"gain_basis": np.ones((6, 2))}, "independent"),
    "noise": ({"noise": 0.0}, "noise"),
}


@pytest.mark.parametrize("name", list(BAD))
def test_bad_input(name):
    changes, message = BAD[name]
    Y, A = draw("repeated")
    arguments = {"Y": Y, "operators": DenseOperators(A), **changes}
    with pytest.raises((ArgumentError, ArgumentTypeError), match=message):
        Problem(arguments.pop("Y"), arguments.pop("operators"), **arguments)


@pytest.mark.parametrize(
    "model, m, n, k, p",
    [
        ("repeated", 32, 33, None, 2),
        ("repeated", 32, 34, None, 3),
        ("repeated", 32, 65, None, 3),
        ("repeated", 32, 66, None, 4),
        ("repeated", 64, 49, 16, 1),
        ("repeated", 64, 50, 16, 2),
        ("repeated", 8, 1, None, 2),
        ("diverse", 32, 24, None, 4),
        ("diverse", 32, 30, None, 16),
        ("diverse", 64, 56, 16, 2),
        ("diverse", 64, 57, 16, 3),
        ("diverse", 32, 32, None, None),
        ("snapshots", 32, 24, None, 4),
        ("snapshots", 32, 31, None, 31),
        ("snapshots", 32, 1, None, 2),
        ("snapshots", 9, 2, None, 2),
        ("snapshots", 10, 8, None, 5),
    ],
)
def test_smallest_p(model, m, n, k, p):
    """The table of SPEC section 1: enough at p, not enough at p - 1."""
    verdict = identifiability(model, m=m, n=n, p=40, k=k)
    if model == "snapshots" and n * (m - n) < m - 1:
        p = None
    assert verdict.smallest_p == p
    if p is None:
        assert not verdict.identifiable
        return
    assert identifiability(model, m=m, n=n, p=p, k=k).identifiable
    assert p == 1 or not identifiability(model, m=m, n=n, p=p - 1, k=k).identifiable


def test_errors_name_the_bound_and_the_smallest_p():
    rng = np.random.default_rng(5)
    short = Problem(gaussian(rng, 3, 32), gaussian(rng, 3, 32, 66))
    with pytest.raises(ArgumentError, match=r"p m >= m \+ n - 1: 96 < 97.*Measure p = 4 times"):
        check_identifiable(short)
    single = Problem(gaussian(rng, 1, 32), gaussian(rng, 1, 32, 1))
    with pytest.raises(ArgumentError, match=r"p >= 2 without a basis.*Measure p = 2"):
        check_identifiable(single)
    square = Problem(gaussian(rng, 3, 4), gaussian(rng, 3, 4, 4), model="diverse")
    with pytest.raises(ArgumentError, match="No p would do"):
        check_identifiable(square)
