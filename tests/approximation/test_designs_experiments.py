"""The experiments E1 to E6 on the designs, with the numbers expected (SPEC 6).

The expected numbers come from simulations too. At full counts the thresholds are those stated with
them; at fewer draws, four standard errors of both sides, a false-alarm rate of 6e-5 each.
"""

from __future__ import annotations

import numpy as np
import pytest

import rnla
from rnla.approximation import (
    Fourier,
    Gaussian,
    Product,
    TensorBasis,
    Uniform,
    conditioned_design,
    greedy_design,
    iid_design,
    repeated_dpp_design,
    total_degree,
)
from rnla.approximation.designs import projection_dpp
from rnla.random import Stream
from tests.counts import count, is_full

from .cases import case
from .experiments import (
    E1,
    E1_DRAWS,
    E2_LINE,
    E2_TENSOR,
    E3,
    E3_BEST,
    E3_DRAWS,
    E5,
    LAWS,
    RATIOS,
    draw_points,
    fits,
    greedy_start,
    legendre,
    overlap,
    sampled_overlap,
    spectra,
)


@pytest.mark.slow
@pytest.mark.parametrize("law", LAWS)
@pytest.mark.parametrize("m", E1)
def test_check_28_stability_on_the_line(m, law, record_property):
    """Probabilities within .05 and medians within .03.

    The expected probabilities have errors of up to .016 themselves, so the thresholds need the
    2e4 draws of the full count (error .0035, false-alarm rate 5e-3 at the cell farthest off); with
    fewer, four standard errors of both sides.
    """
    draws = count(full=20_000, check=600 if m < 40 else 300)
    basis = legendre(m)
    values = np.concatenate(
        [
            spectra(
                basis,
                draw_points(basis, law, 16 * m, 100, seed=21, first=first),
                [ratio * m for ratio in RATIOS],
            )[..., 0]
            for first in range(0, draws, 100)
        ]
    )
    shares, medians = (values >= 0.5).mean(axis=0), np.median(values, axis=0)
    expected = np.array(E1[m][law])
    p = np.clip(expected[:, 0], 0.005, 0.995)
    error = np.sqrt(1 / draws + 1 / E1_DRAWS)
    allowed = 0.05 if is_full() else 4 * np.sqrt(p * (1 - p)) * error + 0.005
    spread = 4 * 1.25 * values.std(axis=0) * error + 0.005
    record_property("check", f"28 {law} m={m}")
    record_property("measured", np.round(shares, 3).tolist())
    record_property("threshold", f"{expected[:, 0].tolist()} +- {np.round(allowed, 3).tolist()}")
    record_property("count", draws)
    record_property("false_alarm_rate", 5e-3 if is_full() else 8 * 6e-5)
    assert (np.abs(shares - expected[:, 0]) <= allowed).all()
    assert (np.abs(medians - expected[:, 1]) <= np.minimum(spread, 0.03)).all()
    # The other laws do not pass for this one.
    others = [np.array(E1[m][other])[:, 1] for other in E1[m] if other != law]
    assert all((np.abs(medians - other) > spread).any() for other in others)


@pytest.mark.parametrize(
    ("name", "measure", "nodes", "within"),
    [("legendre", Uniform(), 500, 1e-3), ("hermite", Gaussian(), 300, 6e-3)],
)
def test_check_29_gain_of_repeated_dpps_on_the_line(name, measure, nodes, within):
    """By quadrature, to 1e-3; two decimals are known for Hermite."""
    x, w = measure.orthonormal_family().gauss(nodes)
    for m, ratio in E2_LINE[name].items():
        found = (m - 1) / (m - overlap(TensorBasis(measure, m - 1), x, w))
        assert found == pytest.approx(ratio, abs=within)


@pytest.mark.parametrize("m", [5, 21, 81])
def test_check_29_gain_for_trigonometric_polynomials(m):
    """P18: Q = (2 m^2 + 1) / (3 m), a gain of 3 m / (m + 1)."""
    basis = TensorBasis(Uniform(0, 1), m - 1, families=[Fourier(Uniform(0, 1))])
    nodes = (np.arange(400) + 0.5) / 400
    gain = (m - 1) / (m - overlap(basis, nodes, np.full(400, 1 / 400)))
    assert gain == pytest.approx(3 * m / (m + 1), rel=1e-12)


@pytest.mark.slow
@pytest.mark.parametrize(("d", "p", "within"), [(2, 9, 0.06), (10, 2, 0.04)])
def test_check_29_the_gain_fades_with_the_dimension(d, p, within, record_property):
    """(m - 1) / E ||G - I||^2 of one DPP, at few draws within four standard errors if more.

    The same gain from Q by pairs of independent points, |z| <= 4: false-alarm rate 6e-5.
    """
    draws = count(full=2000, check=80)
    ratio = E2_TENSOR[d, p]
    basis = TensorBasis(Product([Uniform()] * d), total_degree(d, p))
    m = basis.dimension
    sample = []
    for i in range(draws):
        points = projection_dpp.draw_points(basis, Stream(1, f"{i}"))[0]
        rows = basis.evaluate_normalised(points)
        sample.append(((rows.T @ rows - np.eye(m)) ** 2).sum())
    found = (m - 1) / np.mean(sample)
    error = found * np.std(sample) / np.mean(sample) / np.sqrt(draws)
    allowed = within if is_full() else max(within, 4 * error)
    record_property("check", f"29 TD({d},{p})")
    record_property("measured", found)
    record_property("threshold", f"{ratio} +- {allowed:.3f}")
    record_property("count", draws)
    record_property("false_alarm_rate", 6e-5)
    assert abs(found - ratio) <= allowed
    assert abs(found - 1.0) > allowed  # independent points gain nothing
    Q, noise = sampled_overlap(basis, 3000, seed=2)
    gain = (m - 1) / (m - Q)
    assert abs(gain - ratio) <= within
    assert abs(gain - found) <= 4 * np.hypot(error, gain * noise / (m - Q))


@pytest.mark.parametrize(("name", "m"), E3_BEST)
def test_best_errors_of_the_test_functions(name, m):
    exact = case(name, m)
    square = exact.squared_error + float(exact.coefficients @ exact.coefficients)
    # Three digits are given; that of |x| is .00801 by its Legendre series, given as 7.98e-3.
    within = 5e-3 if (name, m) == ("absolute", 21) else 2e-3
    assert np.sqrt(exact.squared_error / square) == pytest.approx(E3_BEST[name, m], rel=within)


@pytest.mark.slow
@pytest.mark.parametrize("law", LAWS)
@pytest.mark.parametrize(
    ("names", "m"), [(("bell",), 11), (("runge",), 11), (("runge", "absolute"), 21)]
)
def test_check_30_error_ratios(names, m, law, record_property):
    """Medians within 10 %; means of repeated DPPs in 1.6 to 1.95 at 2m and 1.15 to 1.30 at 4m.

    Where four standard errors of the medians of both sides are more than 10 %, those: so for
    independent points at n = m, where log-ratios spread by 3 and 1500 draws know a median to 9 %.
    Standard errors of medians from the spread of the middle 38 % of the draws: false alarm 6e-5.
    """
    draws = count(full=6000, check=600)
    exact = [case(name, m) for name in names]
    parts = [
        fits(
            exact, draw_points(exact[0].basis, law, 4 * m, 200, seed=5, first=i), [m, 2 * m, 4 * m]
        )
        for i in range(0, draws, 200)
    ]
    ratios = np.concatenate([part[0] for part in parts])
    means, medians = ratios.mean(axis=0), np.median(ratios, axis=0)
    low, high = np.log(np.quantile(ratios, [0.3085, 0.6915], axis=0))
    error = 4 * 1.2533 * (high - low) * np.sqrt(1 / draws + 1 / E3_DRAWS)
    record_property("check", f"30 {law} {' '.join(names)} m={m}")
    record_property("measured", np.round(medians, 3).tolist())
    record_property("threshold", "medians 10 %; means 1.6 to 1.95, 1.15 to 1.30")
    record_property("count", draws)
    record_property("false_alarm_rate", 6 * 6e-5)
    for column, name in enumerate(names):
        for place, multiple in enumerate((1, 2, 4)):
            expected = E3[name, m].get(multiple, {}).get(law)
            if expected is None:
                continue
            allowed = max(np.log(1.1), error[place, column])
            assert abs(np.log(medians[place, column] / expected[1])) <= allowed
    if law == "repeated":
        assert ((means[1] >= 1.6) & (means[1] <= 1.95)).all()
        assert ((means[2] >= 1.15) & (means[2] <= 1.30)).all()
    else:
        assert (means[1] > 1.95).all()


@pytest.mark.slow
@pytest.mark.parametrize("start", ["boosted", "iid", "repeated"])
@pytest.mark.parametrize("m", E5)
def test_check_31_greedy_removal_ends_near_m(m, start, record_property):
    """delta = .9: size at most m + 2 in 95 % of the runs, median error ratio at most 4.

    Medians are near 3.5 at m = 21, known to .18 from 200 runs: false-alarm rate 3e-3. Four
    standard errors are added with fewer.
    """
    runs = count(full=200, check=40 if m < 21 and start != "boosted" else 8)
    exact = case("runge", m)
    sizes, ratios = [], []
    for run in range(runs):
        design = greedy_design(
            exact.basis, greedy_start(start, exact.basis, rng=6, draw=run), delta=0.9
        )
        assert design.distance <= 0.9
        fit = rnla.weighted_least_squares(exact.basis, design, lambda x: exact.function(x[:, 0]))
        sizes.append(design.size)
        squared = ((fit.coefficients - exact.coefficients) ** 2).sum()
        ratios.append(1 + squared / exact.squared_error)
    record_property("check", f"31 {start} m={m}")
    record_property("measured", f"sizes {min(sizes)} to {max(sizes)}, {np.median(ratios):.3f}")
    most = 4.0 if is_full() else 4.0 + 5.0 * np.std(ratios) / np.sqrt(runs)
    record_property("threshold", f"{m + 2}, {most:.2f}")
    record_property("count", runs)
    record_property("false_alarm_rate", 3e-3 if is_full() else 6e-5)
    assert np.mean(np.array(sizes) <= m + 2) >= 0.95
    assert np.median(ratios) <= most


def test_check_31_one_dpp_is_worse_at_as_many_points():
    """Companion: m points of a DPP err 1 + m = 12 times the best on average, median above 4."""
    exact = case("runge", 11)
    ratios = fits([exact], draw_points(exact.basis, "volume", 11, 1000, seed=8), [11])[0]
    assert np.median(ratios) > 4.0


@pytest.mark.slow
def test_check_32_two_hundred_functions(record_property):
    """cond(G) <= 3 with 2400 points of repeated DPPs; with 4000 independent points rarely.

    The probabilities are near 1.00 (.999 assumed) and .20: false-alarm rate 2e-3 at 50 draws.
    """
    draws = count(full=200, check=50)
    basis = legendre(200)

    def share(law, n):
        met = 0
        for first in range(0, draws, 10):
            points = draw_points(basis, law, n, 10, seed=2, first=first)
            values = spectra(basis, points, [n])[:, 0]
            met += int((values[:, 1] <= 3.0 * values[:, 0]).sum())
        return met / draws

    repeated, independent = share("repeated", 2400), share("iid", 4000)
    record_property("check", "32 m=200")
    record_property("measured", f"{repeated}, independent {independent}")
    record_property("threshold", ".98, .4")
    record_property("count", draws)
    record_property("false_alarm_rate", 2e-3)
    assert repeated >= 0.98
    assert independent <= 0.4


def alternating(m, x, seed, functions):
    """Functions whose best uniform error over polynomials of degree < m is 1: values +-1 in turn.

    Piecewise linear through +-1 at m + 1 points (de la Vallee Poussin).
    """
    generator = np.random.default_rng(seed)
    columns = []
    for _ in range(functions):
        knots = np.sort(generator.uniform(-1, 1, m + 1))
        columns.append(np.interp(x, knots, np.where(np.arange(m + 1) % 2, 1.0, -1.0)))
    return np.stack(columns, axis=1)


@pytest.mark.slow
def test_check_33_the_error_bound_of_conditioned_designs_holds_always(record_property):
    """||f - f_hat|| <= (1 + sqrt(3)) inf ||f - v||_inf on ||G - I|| <= 1/2: no violation.

    1e4 designs (400 in `make check`), each with 20 functions of its own.
    """
    designs, functions, m = count(full=10_000, check=400), 20, 8
    basis = legendre(m)
    x = np.linspace(-1, 1, 4001)
    x = 0.5 * (x[1:] + x[:-1])
    features = basis.evaluate(x)
    worst = 0.0
    for draw in range(designs):
        design = conditioned_design(
            repeated_dpp_design, basis, 8 * m, delta=0.5, two_sided=True, rng=3, draw=draw
        )
        sampled = alternating(m, design.points[:, 0], draw, functions)
        fit = rnla.weighted_least_squares(basis, design, sampled)
        rest = alternating(m, x, draw, functions) - features @ fit.coefficients
        worst = max(worst, float(np.sqrt((rest**2).mean(axis=0).max())))
    record_property("check", "33")
    record_property("measured", worst)
    record_property("threshold", 1 + np.sqrt(3))
    record_property("count", designs)
    record_property("false_alarm_rate", 0.0)
    assert worst <= 1 + np.sqrt(3)
    assert worst > 0.3  # the comparison is with errors of the size of the bound


def test_check_33_without_the_event_the_bound_fails():
    """Companion: interpolation at independent points of the same law."""
    m, x = 8, np.linspace(-1, 1, 2001)
    basis = legendre(m)
    values, features = alternating(m, x, 0, 20), basis.evaluate(x)
    for draw in range(20):
        design = iid_design(basis, m, rng=3, draw=draw)
        fit = rnla.weighted_least_squares(basis, design, alternating(m, design.points[:, 0], 0, 20))
        errors = np.sqrt(((values - features @ fit.coefficients) ** 2).mean(axis=0))
        if errors.max() > 1 + np.sqrt(3):
            return
    raise AssertionError("every design kept the bound")
