"""Standard errors against dense pseudo-inverses, against the scatter of estimates, and limits."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rnla import ArgumentError
from rnla.calibration import (
    PartialFourier,
    Problem,
    canonical_correlation,
    cramer_rao,
    polish,
    relative_error,
    simulate,
)
from tests.calibration import dense
from tests.calibration.cases import MODELS, Case, complex_normal, draw, draw_real, products

SLOW = pytest.mark.slow
SIZES = {"repeated": (12, 7, 4), "diverse": (12, 5, 4), "snapshots": (12, 5, 5)}
NOISY = {"repeated": (64, 32, 8), "diverse": (64, 16, 8), "snapshots": (64, 16, 16)}


def errors_of(case, model, *, options=None, **arguments):
    """Both parts, the signal in the units of the data."""
    problem = Problem(case.Y, case.A, model=model, weights=case.weights, **(options or {}))
    unit = problem.scale[0, 0]
    found = cramer_rao(problem, case.d, case.x / unit, noise=0.1, **arguments)
    return found.gains, found.signal * unit


def jacobian(case, model, weights=None):
    """J for complex unknowns (d, all x), rows (l, i)."""
    clean = products(case.A, case.x, model)
    left, right = dense.stacked(clean, case.A, model)
    J = np.hstack([left, np.tile(case.d, len(clean))[:, None] * right])
    return J if weights is None else np.sqrt(weights).reshape(-1, 1) * J


def reference(case, model, weights=None):
    """Pseudo-inverse of the whole information, then a projection of each part."""
    J = jacobian(case, model, weights)
    return projected(0.01 * np.linalg.pinv(J.conj().T @ J, rcond=1e-10, hermitian=True), case)


def projected(covariance, case):
    m = len(case.d)
    parts = []
    for block, v in (
        (covariance[:m, :m], case.d),
        (covariance[m:, m:], case.x.ravel()),
    ):
        P = np.eye(len(v)) - np.outer(v, v.conj()) / np.vdot(v, v).real
        parts.append(np.sqrt(np.diag(P @ block @ P).real))
    return parts[0], parts[1].reshape(case.x.shape)


def assert_both(found, expected, **tolerance):
    for one, other in zip(found, expected, strict=True):
        np.testing.assert_allclose(one, other, **(tolerance or {"rtol": 1e-8}))


@pytest.mark.parametrize("model", MODELS)
@pytest.mark.parametrize("weighted", [False, True])
def test_errors_are_those_of_the_pseudo_inverse(model, weighted):
    case = draw(model, *SIZES[model])
    if weighted:
        case.weights = np.random.default_rng(1).random(case.Y.shape)
        case.weights[0, 3] = 0.0
    assert_both(errors_of(case, model), reference(case, model, case.weights))


def test_the_totals_are_those_of_the_reference_for_plans():
    data = simulate("diverse", m=12, n=5, p=4, rng=0)
    case = Case(data.Y, data.operators, data.signal, data.gains)
    gains, signal = errors_of(case, "diverse")
    expected = dense.cramer_rao(data, 0.1)
    assert np.linalg.norm(gains) / np.linalg.norm(case.d) == pytest.approx(expected[0])
    assert np.linalg.norm(signal) / np.linalg.norm(case.x) == pytest.approx(expected[1])


def test_real_data():
    case = draw_real(12, 7, 4)
    assert_both(errors_of(case, "repeated"), reference(case, "repeated"))


@pytest.mark.parametrize("model", MODELS)
def test_reciprocal_gains_in_a_subspace(model):
    """J in the coordinates of the basis, whose derivative is -d^2 B."""
    rng = np.random.default_rng(2)
    case = draw(model, *SIZES[model])
    B = complex_normal(rng, 12, 4)
    case.d = 1.0 / (B @ complex_normal(rng, 4))
    case.Y = case.d * products(case.A, case.x, model)
    T = (case.d**2)[:, None] * B
    J = jacobian(case, model)
    J = np.hstack([J[:, :12] @ T, J[:, 12:]])
    inverse = np.linalg.pinv(J.conj().T @ J, rcond=1e-10, hermitian=True)
    back = np.zeros((12 + case.x.size, J.shape[1]), dtype=complex)
    back[:12, :4], back[12:, 4:] = T, np.eye(case.x.size)
    expected = projected(0.01 * back @ inverse @ back.conj().T, case)
    found = errors_of(case, model, options={"gain_basis": B})
    assert_both(found, expected, rtol=1e-6)
    # The same subspace of gains as a constraint of the polish: the tangent is all that counts.
    assert_both(errors_of(case, model, constraint=T), expected, rtol=1e-6)


@pytest.mark.parametrize("model", MODELS)
@pytest.mark.parametrize("constraint", ["phase", "positive"])
def test_real_parameters_of_constrained_gains(model, constraint):
    """Fisher information of phases or sizes and of real and imaginary parts, by pseudo-inverse."""
    case = draw(model, *SIZES[model])
    case.d = case.d / np.abs(case.d) if constraint == "phase" else np.abs(case.d) + 0j
    case.Y = case.d * products(case.A, case.x, model)
    J = jacobian(case, model)
    T = 1j * np.diag(case.d) if constraint == "phase" else np.eye(12)
    real = np.hstack([J[:, :12] @ T, J[:, 12:], 1j * J[:, 12:]])
    information = 2.0 / 0.01 * (real.conj().T @ real).real
    covariance = np.linalg.pinv(information, rcond=1e-10, hermitian=True)
    n = case.x.size
    back = np.zeros((12 + n, real.shape[1]), dtype=complex)
    back[:12, :12], back[12:, 12:] = T, np.hstack([np.eye(n), 1j * np.eye(n)])
    expected = []
    turn = 1j if constraint == "phase" else 1.0
    for block, v in ((back[:12], case.d), (back[12:], case.x.ravel())):
        u = turn * v / np.linalg.norm(v)
        block = block - np.outer(u, (u.conj() @ block).real)
        expected.append(np.sqrt(np.einsum("ij,jk,ik->i", block, covariance, block.conj()).real))
    found = errors_of(case, model, constraint=constraint)
    assert_both(found, (expected[0], expected[1].reshape(case.x.shape)), rtol=1e-7)


@pytest.mark.parametrize("model", MODELS)
@settings(max_examples=10)
@given(seed=st.integers(0, 1000))
def test_units_factors_and_orders_do_what_they_should(model, seed):
    """(d / c, c x) moves a factor, sensors may be permuted, and data left out never help."""
    case = draw(model, *SIZES[model], seed=seed)
    gains, signal = errors_of(case, model)
    rng = np.random.default_rng(seed)
    c, order = complex(complex_normal(rng)), rng.permutation(12)
    moved = Case(case.Y, case.A, c * case.x, case.d / c)
    assert_both(errors_of(moved, model), (gains / abs(c), signal * abs(c)), rtol=1e-6)
    permuted = Case(case.Y[:, order], case.A[..., order, :], case.x, case.d[order])
    assert_both(errors_of(permuted, model), (gains[order], signal), rtol=1e-6)
    # More data never hurt: a value less, errors no smaller.
    less = Case(case.Y, case.A, case.x, case.d, weights=np.ones(case.Y.shape))
    less.weights[0, 0] = 0.0
    fewer = errors_of(less, model)
    assert (fewer[0] >= gains * (1 - 1e-8)).all()
    assert (fewer[1] >= signal * (1 - 1e-8)).all()


def test_signs_of_real_data_have_no_error():
    case = draw_real(12, 7, 4)
    case.d = np.sign(np.random.default_rng(0).standard_normal(12))
    gains, signal = errors_of(case, "repeated", constraint="phase")
    assert (gains == 0).all()
    rows = (case.d[:, None] * case.A).reshape(-1, 7)
    np.testing.assert_allclose(signal, 0.1 * np.sqrt(np.diag(np.linalg.inv(rows.T @ rows))))


@pytest.mark.parametrize("model", MODELS)
@pytest.mark.parametrize("constraint", [None, "phase", "positive", "basis"])
def test_probes_agree_with_the_dense_errors(model, constraint):
    """Each standard error within five of its own estimated errors or so: 400 probes, 25 %."""
    case = draw(model, *SIZES[model])
    case.d = case.d / np.abs(case.d) if constraint == "phase" else case.d
    case.d = np.abs(case.d) + 0j if constraint == "positive" else case.d
    basis = np.fft.fft(np.eye(12))[:, :5]
    if constraint == "basis":
        constraint = basis
        case.d = basis @ np.linalg.lstsq(basis, case.d, rcond=None)[0]
    exact = errors_of(case, model, constraint=constraint)
    found = errors_of(case, model, constraint=constraint, method="probes", probes=400, rng=5)
    assert_both(found, exact, rtol=0.25)


def test_the_uncertainty_of_probes_is_what_they_miss_by():
    case = draw("repeated", 48, 16, 4)
    problem = Problem(case.Y, case.A)
    arguments = {"noise": 0.1, "rng": 1}
    exact = cramer_rao(problem, case.d, case.x, **arguments)
    found = cramer_rao(problem, case.d, case.x, method="probes", **arguments)
    assert found.converged
    missed = np.concatenate([found.gains / exact.gains, found.signal / exact.signal]) - 1.0
    assert 0.7 < np.sqrt(np.mean(missed**2)) / found.uncertainty < 1.4
    assert found.uncertainty < 0.15


def test_probes_in_blocks_are_the_same_probes(monkeypatch):
    case = draw("diverse", *SIZES["diverse"])
    whole = errors_of(case, "diverse", method="probes", probes=10)
    monkeypatch.setattr("rnla.calibration._cramer_rao_probes._NUMBERS", 3 * 48)
    assert_both(errors_of(case, "diverse", method="probes", probes=10), whole, rtol=1e-2)


def test_structured_operators_without_a_matrix():
    """Random signs before a DFT: probes, and the dense method on the same numbers."""
    rng = np.random.default_rng(3)
    operators = PartialFourier(64, rng.choice([-1.0, 1.0], size=(4, 32)))
    x, d = complex_normal(rng, 32), rng.uniform(0.5, 1.5, 64) + 0j
    problem = Problem(d * operators.apply(x), operators, noise=0.1)
    found = cramer_rao(problem, d, x, method="probes")
    exact = cramer_rao(problem, d, x, method="dense")
    np.testing.assert_allclose(found.gains, exact.gains, rtol=0.5)
    np.testing.assert_allclose(
        np.linalg.norm(found.signal), np.linalg.norm(exact.signal), rtol=0.05
    )


def test_a_batch_gives_what_its_problems_give():
    cases = [draw("repeated", 12, 7, 4, seed=seed) for seed in range(3)]
    A = cases[0].A
    Y = np.stack([case.d * products(A, case.x, "repeated") for case in cases])
    d, x = (np.stack([getattr(case, name) for case in cases]) for name in "dx")
    together = cramer_rao(Problem(Y, A), d, x, noise=[0.1, 0.2, 0.3])
    for b in range(3):
        one = cramer_rao(Problem(Y[b], A), d[b], x[b], noise=0.1 * (b + 1))
        assert_both((together.gains[b], together.signal[b]), (one.gains, one.signal))


@pytest.mark.parametrize("method", ["dense", "probes"])
def test_what_the_data_do_not_say_has_infinite_error(method):
    case = draw("repeated", 12, 7, 4)
    case.weights = np.ones((4, 12))
    case.weights[:, 3] = 0.0
    gains, signal = errors_of(case, "repeated", method=method)
    assert np.isinf(gains[3])
    assert np.isfinite(np.delete(gains, 3)).all()
    assert np.isfinite(signal).all()


def test_an_unseen_part_of_the_signal_has_infinite_error():
    case = draw("repeated", 12, 7, 4)
    case.A[..., 6] = case.A[..., 5]
    case.Y = case.d * products(case.A, case.x, "repeated")
    gains, signal = errors_of(case, "repeated")
    assert np.isfinite(gains).all()
    assert np.isinf(signal).tolist() == [False] * 5 + [True] * 2


def test_an_ambiguous_problem_has_infinite_errors():
    """Two blocks without common unknowns: each has a factor of its own."""
    blocks = [draw("repeated", 8, 5, 4, seed=seed) for seed in range(2)]
    A = np.zeros((4, 16, 10), dtype=complex)
    A[:, :8, :5], A[:, 8:, 5:] = blocks[0].A, blocks[1].A
    d, x = (np.concatenate([getattr(case, name) for case in blocks]) for name in "dx")
    gains, signal = errors_of(Case(d * products(A, x, "repeated"), A, x, d), "repeated")
    assert np.isinf(gains).all()
    assert np.isinf(signal).all()


def scatter(model, snr, seeds, *, polished=True):
    """Root mean square errors over seeds by their bounds, and chi^2 per degree of freedom."""
    errors, bounds, chi2 = [], [], []
    for seed in range(seeds):
        case = draw(model, *NOISY[model], snr=snr, seed=seed)
        problem = Problem(case.Y, case.A, model=model, noise=case.sigma)
        unit = problem.scale[0, 0]
        start = canonical_correlation(problem)
        gains, signal = 1.0 / start.inverse_gains, start.signal
        if polished:
            end = polish(problem, gains, max_sweeps=15)
            gains, signal = end.gains, end.signal
            freedom = case.Y.size - (len(case.d) + case.x.size - 1)
            chi2.append(end.costs[-1] * unit**2 / case.sigma**2 / freedom)
        bound = cramer_rao(problem, case.d, case.x / unit)
        bounds.append(
            [
                np.linalg.norm(bound.gains) / np.linalg.norm(case.d),
                np.linalg.norm(bound.signal) * unit / np.linalg.norm(case.x),
            ]
        )
        errors.append([relative_error(gains, case.d), relative_error(signal, case.x)])
    ratio = np.sqrt(np.mean(np.square(errors), axis=0) / np.mean(np.square(bounds), axis=0))
    return ratio, np.mean(chi2) if chi2 else None


@pytest.mark.parametrize("model", MODELS)
@pytest.mark.parametrize(
    "snr", [pytest.param(10.0, marks=SLOW), 20.0, pytest.param(40.0, marks=SLOW)]
)
def test_check_11_and_12_the_bound_is_attained(model, snr, record_property):
    """12 seeds. The 372 complex numbers of the smallest part scatter by 2.6 per cent together, so
    10 per cent are 3.8 standard deviations: false alarms below 2e-4 a part, 3e-3 over all 18.
    Chi^2 has at least 5,000 complex degrees of freedom: 7 per cent are 4.9 deviations, 1e-6.
    """
    ratio, chi2 = scatter(model, snr, 12)
    record_property("check", "11, 12")
    record_property("measured", f"{ratio[0]:.3f}, {ratio[1]:.3f}, {chi2:.3f}")
    record_property("threshold", "[0.9, 1.1], [0.93, 1.07]")
    record_property("count", 12)
    record_property("false_alarm_rate", 4e-4)
    assert (ratio > 0.9).all()
    assert (ratio < 1.1).all()
    assert 0.93 < chi2 < 1.07


def test_errors_of_single_gains_have_the_law_they_should():
    """|error|^2 by its variance is exponential: above log 20 in 5 per cent of the cases.

    6 seeds of 64 gains, nearly independent: a standard deviation of 1.1 per cent; false alarms
    beyond 3.6 deviations, 4e-4.
    """
    beyond, naive = [], []
    for seed in range(6):
        case = draw("diverse", 64, 32, 6, snr=30.0, seed=seed)
        problem = Problem(case.Y, case.A, model="diverse", noise=case.sigma)
        start = canonical_correlation(problem)
        end = polish(problem, 1.0 / start.inverse_gains)
        errors = cramer_rao(problem, end.gains, end.signal)
        factor = np.vdot(case.d, end.gains) / np.vdot(case.d, case.d)
        missed = np.abs(end.gains - factor * case.d) ** 2
        beyond.append(missed > np.log(20.0) * errors.gains**2)
        # Companion: as if the signal were known.
        g = (np.abs(problem.synthesis(end.signal)) ** 2).sum(axis=0)
        known = (case.sigma / problem.scale[0, 0]) ** 2 / g
        naive.append(missed > np.log(20.0) * known)
    assert 0.01 < np.mean(beyond) < 0.09
    assert np.mean(naive) > 0.09


def test_check_11_the_start_alone_does_not_attain_the_bound():
    """Companion: the linear start of gains of very different size is far above the bound."""
    ratios = []
    for seed in range(4):
        case = draw("repeated", *NOISY["repeated"], snr=40.0, seed=seed, gains="log-normal")
        problem = Problem(case.Y, case.A, noise=case.sigma)
        start = canonical_correlation(problem)
        bound = cramer_rao(problem, case.d, case.x / problem.scale[0, 0])
        expected = np.linalg.norm(bound.signal) * problem.scale[0, 0] / np.linalg.norm(case.x)
        ratios.append(relative_error(start.signal, case.x) / expected)
    assert min(ratios) > 1.1


@pytest.mark.parametrize(
    "options, message",
    [
        ({}, "noise"),
        ({"noise": -1.0}, "noise"),
        ({"noise": 1.0, "method": "bootstrap"}, "method"),
        ({"noise": 1.0, "probes": 0}, "probes"),
        ({"noise": 1.0, "gains": np.ones(3)}, "gains"),
        ({"noise": 1.0, "signal": np.ones((3, 7))}, "signal"),
    ],
)
def test_bad_options(options, message):
    case = draw("repeated", 12, 7, 4)
    gains, signal = options.pop("gains", case.d), options.pop("signal", case.x)
    with pytest.raises(ArgumentError, match=message):
        cramer_rao(Problem(case.Y, case.A), gains, signal, **options)
