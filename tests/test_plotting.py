"""Pictures: what is drawn is what was passed, and the conventions hold everywhere."""

from __future__ import annotations

import math
import types

import matplotlib
import numpy as np
import pytest
import scipy.sparse as sp

import rnla
from rnla import plotting
from rnla.approximation import (
    Design,
    Gaussian,
    Product,
    Round,
    Surrogate,
    TensorBasis,
    Uniform,
    iid_design,
    sobol_indices,
    volume_design,
)
from rnla.calibration import gains_from_model, simulate_interferometer
from rnla.diffusion.stability import stability_region

matplotlib.use("Agg")

rng = np.random.default_rng(0)
A = rng.standard_t(4, size=(300, 4)) @ rng.standard_normal((4, 4))
SAMPLE = types.SimpleNamespace(indices=np.arange(0, 300, 10), weights=np.linspace(1, 20, 30))
REGIONS = [stability_region(2), stability_region(2, momentum="ghvb", beta=0.8)]
MEASURED = {
    "uniform": [(100, np.inf), (200, 0.9), (400, 0.5)],
    "lewis": [(100, 0.4), (100, 0.3), (200, 0.2), (400, 0.1)],
}


@pytest.fixture(autouse=True)
def _close_figures():
    yield
    import matplotlib.pyplot as plt

    plt.close("all")


def labels(ax):
    return [text.get_text() for text in ax.get_legend().get_texts()]


def test_every_method_has_its_own_colour_and_marker():
    from rnla.embedding.method import METHODS

    assert set(METHODS) == set(plotting.METHOD_STYLES)
    colors, markers = zip(*plotting.METHOD_STYLES.values(), strict=True)
    assert len(set(colors)) == len(set(markers)) == len(METHODS)
    assert plotting.method_style("root leverage") == plotting.METHOD_STYLES["root_leverage"]
    assert plotting.method_style("new") == ("#7F7F7F", ".")


def nearest_pair(colors, kind):
    """Smallest largest-channel difference, as simulated by Viénot, Brettel and Mollon (1999)."""
    to_lms = np.array(
        [[17.8824, 43.5161, 4.11935], [3.45565, 27.1554, 3.86714], [0.0299566, 0.184309, 1.46709]]
    )
    loss = {
        "protan": [[0, 2.02344, -2.52581], [0, 1, 0], [0, 0, 1]],
        "deutan": [[1, 0, 0], [0.494207, 0, 1.24827], [0, 0, 1]],
        "full colour": np.eye(3),
    }[kind]
    view = np.linalg.inv(to_lms) @ np.array(loss) @ to_lms
    linear = np.array([matplotlib.colors.to_rgb(color) for color in colors]) ** 2.2
    seen = np.clip(linear @ view.T, 0, 1) ** (1 / 2.2)
    return min(np.abs(a - b).max() for i, a in enumerate(seen) for b in seen[:i])


@pytest.mark.parametrize("kind", ["protan", "deutan", "full colour"])
def test_colours_stay_apart_for_colour_blind_readers(kind):
    assert nearest_pair([color for color, _ in plotting.METHOD_STYLES.values()], kind) > 0.09


def test_a_palette_that_fails_colour_blind_readers_is_caught():
    red_green = ["#CC6633", "#7F8C33"]
    assert nearest_pair(red_green, "full colour") > 0.09
    assert nearest_pair(red_green, "deutan") < 0.09


def test_score_profile_draws_sorted_shares():
    scores = {"leverage": rng.random(500), "lewis": rng.random(500) ** 4}
    ax = plotting.score_profile(scores)
    assert (ax.get_xscale(), ax.get_yscale()) == ("log", "log")
    line = ax.get_lines()[0]
    share = np.sort(scores["leverage"])[::-1] / scores["leverage"].sum()
    ranks = line.get_xdata()
    assert np.allclose(line.get_ydata(), share[ranks - 1], rtol=1e-12)
    assert (ranks[0], ranks[-1]) == (1, 500)
    assert line.get_color() == plotting.METHOD_STYLES["leverage"][0]
    assert labels(ax) == ["leverage scores", "Lewis weights", "uniform, 1/n with n = 500"]


def test_score_profile_leaves_out_zeros_and_refuses_nonsense():
    ax = plotting.score_profile({"lewis": [0.0, 1.0, 3.0]})
    assert ax.get_lines()[0].get_ydata().tolist() == [0.75, 0.25]
    for bad in ({}, {"lewis": [0.0, 0.0]}, {"lewis": [-1.0, 2.0]}, {"lewis": [np.nan]}):
        with pytest.raises(rnla.ArgumentError, match=r"^scores: got"):
            plotting.score_profile(bad)


def test_score_profile_takes_records():
    from rnla.scores import leverage_scores

    ax = plotting.score_profile({"leverage": leverage_scores(A)})
    assert np.isclose(ax.get_lines()[0].get_ydata().sum(), 1.0)


@pytest.mark.parametrize("matrix", [A, sp.csr_array(A), A.astype(np.float32)])
def test_kept_rows_stand_where_the_components_put_them(matrix):
    ax = plotting.kept_rows(matrix, SAMPLE)
    others, kept = ax.collections[:2]
    assert len(others.get_offsets()) == 270
    standard = (A - A.mean(axis=0)) / A.std(axis=0)
    values, vectors = np.linalg.eigh(standard.T @ standard)
    expected = np.abs(standard[SAMPLE.indices[::-1]] @ vectors[:, [-1, -2]])
    assert np.allclose(np.abs(kept.get_offsets()), expected, rtol=1e-3, atol=1e-4)
    assert f"({100 * values[-1] / values.sum():.0f} % of variance)" in ax.get_xlabel()
    areas = kept.get_sizes()
    assert np.all(np.diff(areas) < 0), "areas follow the weights, largest drawn first"
    assert "kept, weight 20" in labels(ax)


def test_kept_rows_on_chosen_columns():
    ax = plotting.kept_rows(A, SAMPLE, columns=(2, 0), column_names=list("abcd"))
    assert (ax.get_xlabel(), ax.get_ylabel()) == ("c", "a")
    assert np.array_equal(ax.collections[1].get_offsets(), A[SAMPLE.indices[::-1]][:, [2, 0]])
    with pytest.raises(rnla.ArgumentError, match=r"^columns: got \(0, 4\)"):
        plotting.kept_rows(A, SAMPLE, columns=(0, 4))
    with pytest.raises(rnla.ArgumentError, match=r"^sample: got"):
        plotting.kept_rows(A[:20], SAMPLE)


def test_kept_rows_of_one_column_of_a_constant_and_of_all_rows():
    assert plotting.kept_rows(A[:, :1], SAMPLE) is not None
    with_constant = np.column_stack([np.ones(300), A])
    assert np.all(np.isfinite(plotting.kept_rows(with_constant, SAMPLE).dataLim.get_points()))
    everything = types.SimpleNamespace(indices=np.arange(300), weights=np.ones(300))
    assert "other rows (0)" in labels(plotting.kept_rows(A, everything))


def test_a_thinned_background_says_so(monkeypatch):
    monkeypatch.setattr("rnla.plotting.rows._MOST_BACKGROUND_ROWS", 100)
    ax = plotting.kept_rows(A, SAMPLE)
    assert len(ax.collections[0].get_offsets()) == 90
    assert "other rows, 1 in 3 shown" in labels(ax)


def test_distortion_curves_are_medians_with_theory_beside():
    ax = plotting.distortion_against_size(MEASURED, eps=0.25, p=1)
    lines = {line.get_label(): line for line in ax.get_lines()}
    lewis = lines["Lewis weights"]
    assert lewis.get_xdata().tolist() == [100, 200, 400]
    assert np.allclose(lewis.get_ydata(), [0.35, 0.2, 0.1])
    guide = lines["slope of theory, $m^{-1/2}$"]
    x, y = guide.get_xdata(), guide.get_ydata()
    assert np.isclose(np.log(y[1] / y[0]) / np.log(x[1] / x[0]), -0.5)
    assert np.isclose(y[1], 0.1)
    assert lines["asked for: eps = 0.25"].get_ydata()[0] == 0.25
    top = ax.get_ylim()[1]
    assert lines["uniform"].get_ydata()[0] == top, "an infinite distortion is at the upper edge"
    assert [t.get_text() for t in ax.get_xticklabels()] == ["100", "200", "400"]


def test_distortion_needs_numbers_and_takes_single_points():
    assert plotting.distortion_against_size({"lewis": [(10, 0.5)]}) is not None
    for bad in ({}, {"lewis": []}, {"lewis": [(10, np.inf)]}):
        with pytest.raises(rnla.ArgumentError, match=r"^measured: got"):
            plotting.distortion_against_size(bad)


B = rng.standard_normal(300) + A @ [1.0, 0.0, 2.0, -1.0]
PATH = rnla.ridge(A, B, intercept=True)
QUANTILES = rnla.quantile_regression(A, B, [0.9, 0.1, 0.5], intercept=True)


def test_the_leave_one_out_curve_is_the_paths():
    ax = plotting.leave_one_out_curve(PATH)
    line = ax.get_lines()[0]
    order = np.argsort(PATH.alphas)
    np.testing.assert_array_equal(line.get_xdata(), PATH.alphas[order])
    np.testing.assert_array_equal(line.get_ydata(), PATH.loo[order])
    assert f"{PATH.best_alpha:.3g}" in " ".join(labels(ax))
    many = rnla.ridge(A, np.column_stack([B, B]))
    with pytest.raises(rnla.ArgumentError, match=r"^path: got a path for 2 responses"):
        plotting.leave_one_out_curve(many)
    with pytest.raises(rnla.ArgumentError, match=r"^path: got no positive"):
        plotting.leave_one_out_curve(rnla.ridge(A, B, alphas=[0.0]))


def test_quantile_coefficients_are_in_order_of_the_quantiles():
    ax = plotting.quantile_coefficients(QUANTILES, columns=[2], column_names=list("abcd"))
    (line,) = ax.get_lines()
    np.testing.assert_array_equal(line.get_xdata(), [0.1, 0.5, 0.9])
    np.testing.assert_array_equal(line.get_ydata(), QUANTILES.x[2, [1, 2, 0]])
    assert labels(ax) == ["c"]
    assert len(plotting.quantile_coefficients(QUANTILES).get_lines()) == 4
    with pytest.raises(rnla.ArgumentError, match=r"^columns: got \[4\]"):
        plotting.quantile_coefficients(QUANTILES, columns=[4])
    with pytest.raises(rnla.ArgumentError, match=r"^fit: got one quantile"):
        plotting.quantile_coefficients(rnla.quantile_regression(A, B, 0.5))


PLANE = TensorBasis(Product([Uniform(), Uniform()]), 5)
DESIGN = volume_design(PLANE, 30, rng=3)
HISTORY = [
    Round(20, 6, 1e-2, (math.nan, math.nan), 0.4),
    Round(40, 10, 4e-4, (math.nan, math.nan), 0.4),
    Round(90, 15, 1e-4, (0.25e-4, 4e-4), 0.5),
]
SURROGATE = Surrogate(
    rnla.weighted_least_squares(
        PLANE,
        DESIGN,
        lambda x: np.column_stack([np.exp(x[:, 0]) * np.cos(x[:, 1]), x[:, 1], x[:, 1] ** 0]),
    ),
    history=HISTORY,
)
STABLE = {
    "iid": [(n, 1.0 - (2.0 + k) / math.sqrt(n)) for n in (20, 40, 80) for k in range(11)],
    "volume": [(20, 0.6)],
}


def test_every_law_has_its_own_colour_and_marker():
    colors, markers = zip(*plotting.LAW_STYLES.values(), strict=True)
    assert len(set(colors)) == len(set(markers)) == len(plotting.LAW_STYLES)
    for law, style in {
        "conditioned volume": "conditioned",
        "best of 5 iid": "best",
        "greedy repeated-dpp": "greedy",
        "iid-plain": "plain",
        "volume-mixed": "volume",
    }.items():
        assert plotting.law_style(law) == plotting.LAW_STYLES[style]
    assert plotting.law_style("user") == ("#7F7F7F", ".")


@pytest.mark.parametrize("kind", ["protan", "deutan", "full colour"])
def test_colours_of_laws_stay_apart_too(kind):
    assert nearest_pair([color for color, _ in plotting.LAW_STYLES.values()], kind) > 0.09


def test_a_design_is_drawn_where_its_points_are():
    ax = plotting.design_points(DESIGN)
    drawn = ax.collections[0]
    order = np.argsort(-DESIGN.weights, kind="stable")
    np.testing.assert_array_equal(drawn.get_offsets(), DESIGN.points[order])
    areas = drawn.get_sizes()
    slopes = np.diff(areas) / np.diff(DESIGN.weights[order])
    assert np.allclose(slopes, slopes[0]), "areas are linear in the weights"
    assert labels(ax)[0] == f"weight {DESIGN.weights.max():.2g}"


def test_contours_are_those_of_the_optimal_density():
    ax = plotting.design_points(DESIGN, basis=PLANE)
    contours = next(c for c in ax.collections if hasattr(c, "levels"))
    for level, path in zip(contours.levels, contours.get_paths(), strict=True):
        if len(path.vertices):
            density = PLANE.christoffel(np.clip(path.vertices, -1, 1)) / PLANE.dimension
            assert np.allclose(density, level, rtol=0.05)
    assert "$k(x)/m$" in labels(ax)


def points_of(ax):
    """The markers of a panel: the first collection that is no contour."""
    return next(c for c in ax.collections if not hasattr(c, "levels"))


def test_designs_side_by_side_are_repeatable_and_on_one_scale():
    def drawn():
        return {
            "volume": volume_design(PLANE, 30, rng=3),
            "independent": iid_design(PLANE, 40, rng=1),
            "user": Design(np.eye(2), [0.5, 2.0]),
        }

    figure, again = (
        plotting.designs_side_by_side(drawn(), basis=PLANE, columns=2, title="Laws")
        for _ in range(2)
    )
    weights, areas = [], []
    for ax, other, design in zip(figure.axes, again.axes, drawn().values(), strict=True):
        markers = points_of(ax)
        np.testing.assert_array_equal(markers.get_offsets(), points_of(other).get_offsets())
        np.testing.assert_array_equal(markers.get_sizes(), points_of(other).get_sizes())
        assert ax.get_xlim() == figure.axes[0].get_xlim()
        weights.extend(np.sort(design.weights)[::-1])
        areas.extend(markers.get_sizes())
    line = np.polynomial.Polynomial.fit(weights, areas, 1)
    np.testing.assert_allclose(areas, line(np.array(weights)), rtol=1e-9)
    assert figure.axes[1].get_title(loc="left").startswith("independent\n40 points")
    assert figure.axes[2].get_title(loc="left") == "user\n2 points"
    figure.canvas.draw()


def test_designs_outside_the_plane_are_refused():
    line = iid_design(TensorBasis(Uniform(), 3), 9, rng=0)
    with pytest.raises(rnla.ArgumentError, match=r"^design: got points of shape \(9, 1\)"):
        plotting.design_points(line)
    with pytest.raises(rnla.ArgumentError, match=r"^designs: got ndarray"):
        plotting.designs_side_by_side({"points": np.ones((3, 2))})
    with pytest.raises(rnla.ArgumentError, match=r"^designs: got nothing"):
        plotting.designs_side_by_side({})


def test_an_unbounded_measure_is_drawn_where_the_points_are():
    basis = TensorBasis(Product([Gaussian(), Uniform()]), 3)
    design = volume_design(basis, 15, rng=0)
    ax = plotting.design_points(design, basis=basis)
    low, high = ax.get_xlim()
    assert low < design.points[:, 0].min() < design.points[:, 0].max() < high
    assert np.isfinite([low, high]).all()


def test_stability_curves_are_quantiles_with_the_bound_beside():
    ax = plotting.stability_against_size(STABLE, 10, delta=0.75, level=0.8)
    lines = {line.get_label(): line for line in ax.get_lines()}
    line = lines["independent points"]
    assert line.get_xdata().tolist() == [20, 40, 80]
    expected = [np.median([v for n, v in STABLE["iid"] if n == size]) for size in (20, 40, 80)]
    np.testing.assert_allclose(line.get_ydata(), expected)
    band = ax.collections[0].get_paths()[0].vertices
    assert np.isclose(band[:, 1].min(), 1.0 - 11.0 / math.sqrt(20))  # the 10 % quantile
    assert lines["stable: 0.25"].get_ydata()[0] == 0.25


def test_the_bound_is_the_matrix_chernoff_bound():
    ax = plotting.stability_against_size({"iid": [(20, 0.1), (2000, 0.9)]}, 10, level=0.98)
    bound = next(line for line in ax.get_lines() if "proved" in line.get_label())
    n, low = bound.get_xdata(), bound.get_ydata()
    assert "99 %" in bound.get_label()
    proved = np.isfinite(low)
    assert 0 < proved.sum() < 200
    assert (n[proved] > 10 * math.log(1000)).all()
    delta = 1.0 - low[proved]
    exponent = delta + (1.0 - delta) * np.log1p(-delta)
    np.testing.assert_allclose(10 * np.exp(-exponent * n[proved] / 10), 0.01, rtol=1e-9)
    # SPEC section 5: delta = 1/2, eta = 0.01, m = 10 need 451 points.
    assert np.interp(451, n[proved], low[proved]) == pytest.approx(0.5, abs=2e-3)


def test_stability_needs_numbers():
    for bad in ({}, {"iid": []}, {"iid": [(10, math.nan)]}, {"iid": [(0, 0.5)]}):
        with pytest.raises(rnla.ArgumentError, match=r"^measured: got"):
            plotting.stability_against_size(bad, 10)


def test_stability_regions_end_where_they_say():
    ax = plotting.stability_regions(REGIONS)
    ends = [line for line in ax.get_lines() if line.get_marker() == "o"]
    limits = [region.real_axis_limit for region in REGIONS]
    np.testing.assert_allclose([-line.get_xdata()[0] for line in ends], limits)
    outline = ax.collections[1].get_paths()[0].vertices
    assert outline[:, 0].min() == pytest.approx(-limits[0], abs=0.02)
    assert labels(ax) == ["AB2, to −1", "GHVB 2, beta 0.8, to −1.2"]
    with pytest.raises(rnla.ArgumentError, match=r"^regions: got none"):
        plotting.stability_regions([])


def test_the_best_solvers_are_named():
    few = rnla.diffusion.compare(["ddim", "dpmpp_2m", "heun"], evaluations=[4, 8])
    ax = plotting.solver_errors(few, highlight=["dpmpp_2m"])
    assert labels(ax) == ["dpmpp_2m"]
    drawn = [line.get_ydata().tolist() for line in ax.get_lines()]
    assert sorted(drawn) == sorted(few.errors.tolist())
    assert labels(plotting.solver_errors(few)) == [row["solver"] for row in few.rows()]
    with pytest.raises(rnla.ArgumentError, match=r"^highlight: got 'unipc'"):
        plotting.solver_errors(few, highlight=["unipc"])


def test_images_lie_in_their_rows():
    first, second = np.full((2, 3, 4), 0.5), np.full((1, 3, 4), -0.25)
    ax = plotting.image_rows({"a": first, "b": second})
    sheet = ax.get_images()[0].get_array()
    assert sheet.shape == (7, 9)
    assert (sheet[:3, :4] == 0.5).all()
    assert (sheet[:3, 5:] == 0.5).all()
    assert (sheet[4:, :4] == -0.25).all()
    assert (sheet[4:, 4:] == -1.0).all()
    assert [label.get_text() for label in ax.get_yticklabels()] == ["a", "b"]
    for bad in ({}, {"a": first, "b": np.zeros((1, 2, 2))}, {"a": np.zeros((2, 4))}):
        with pytest.raises(rnla.ArgumentError, match=r"^rows: got"):
            plotting.image_rows(bad)


def test_the_history_is_drawn_in_the_units_of_the_function():
    ax = plotting.error_against_evaluations(SURROGATE, tol=0.02)
    line = ax.get_lines()[0]
    assert line.get_xdata().tolist() == [20, 40, 90]
    np.testing.assert_allclose(line.get_ydata(), [0.1, 0.02, 0.01])
    (bar,) = ax.containers
    np.testing.assert_allclose(bar[2][0].get_segments()[0], [[90, 0.005], [90, 0.02]])
    assert labels(ax) == ["estimated error", "asked for: 0.02", "with interval"]
    two = plotting.error_against_evaluations({"a": SURROGATE, "b": SURROGATE})
    assert labels(two) == ["a", "b", "a, with interval", "b, with interval"]


def test_a_history_of_several_outputs_is_drawn_one_by_one():
    interval = (np.array([1e-5, 1e-7]), np.array([np.inf, 1e-5]))
    history = [Round(10, 3, np.array([1e-2, 1e-6]), interval, 0.5)]
    surrogate = Surrogate(SURROGATE.fit, history=history)
    line = plotting.error_against_evaluations(surrogate, output=1).get_lines()[0]
    np.testing.assert_allclose(line.get_ydata(), [1e-3])
    assert not plotting.error_against_evaluations(surrogate).containers, "no end, no bar"
    with pytest.raises(rnla.ArgumentError, match=r"^output: got 2"):
        plotting.error_against_evaluations(surrogate, output=2)
    exact = [Round(10, 3, 0.0, (0.0, 0.0), 0.5)]
    for nothing in ([], exact):
        with pytest.raises(rnla.ArgumentError, match=r"^surrogates: got no history"):
            plotting.error_against_evaluations(Surrogate(SURROGATE.fit, history=nothing))


def test_sobol_bars_end_at_the_indices():
    ax = plotting.sobol_bars(SURROGATE.sobol, names=["speed", "angle"])
    alone, others = ax.containers
    sobol = SURROGATE.sobol
    np.testing.assert_allclose([bar.get_width() for bar in alone], sobol.first_order[:, 0])
    ends = [bar.get_x() + bar.get_width() for bar in others]
    np.testing.assert_allclose(ends, sobol.total[:, 0])
    assert [text.get_text() for text in ax.get_yticklabels()] == ["speed", "angle"]
    for bad in (-1, 3):
        with pytest.raises(rnla.ArgumentError, match=r"^output: got"):
            plotting.sobol_bars(sobol, output=bad)
    with pytest.raises(rnla.ArgumentError, match=r"^names: got 1 names"):
        plotting.sobol_bars(sobol, names=["speed"])
    constant = sobol_indices(PLANE, np.eye(PLANE.dimension)[0])
    with pytest.raises(rnla.ArgumentError, match=r"^sobol: got shares of a constant"):
        plotting.sobol_bars(constant)


SKY = simulate_interferometer(12, 3, snr=20.0, rng=0)
ARRAY = gains_from_model(np.stack([SKY.V, SKY.V]), SKY.model, flagged=[4])


def ends_of(ax, place):
    """The two ends of every error bar of one direction, as complex numbers."""
    bars = [c for c in ax.collections if hasattr(c, "get_segments")]
    return np.array([segment @ [1, 1j] for segment in bars[place].get_segments()])


def test_gains_stand_on_the_complex_plane_with_their_errors():
    ax = plotting.gain_plane(ARRAY, true=SKY.gains, problem=1, level=3.0)
    drawn = {line.get_label(): line for line in ax.get_lines()}
    good = np.arange(12) != 4
    gains = ARRAY.gains[1, good]
    dots = drawn["found"].get_xdata() + 1j * drawn["found"].get_ydata()
    np.testing.assert_array_equal(dots, gains)
    along, across = ends_of(ax, 0), ends_of(ax, 1)
    for ends in (along, across):
        np.testing.assert_allclose(ends.mean(axis=1), gains)
    np.testing.assert_allclose(
        np.abs(along[:, 1]) - np.abs(gains), 3.0 * ARRAY.modulus_error[1, good]
    )
    turns = np.tan(np.angle(across[:, 1] / gains))
    np.testing.assert_allclose(turns, 3.0 * ARRAY.phase_error[1, good])
    rings = drawn["true"].get_xdata() + 1j * drawn["true"].get_ydata()
    np.testing.assert_allclose(rings / rings[0], SKY.gains / SKY.gains[0])
    assert np.linalg.norm(rings[good] - gains) < 0.1 * np.linalg.norm(gains)
    assert "flagged: 4" in labels(ax)
    assert "3 standard errors" in labels(ax)


def test_one_error_for_a_complex_gain_is_shared_by_its_parts():
    found = types.SimpleNamespace(
        gains=np.array([1.0, 2j, 0.0]), gains_error=np.array([0.1, 0.2, np.inf]), flags=[0, 0, 1]
    )
    ax = plotting.gain_plane(found, level=1.0)
    ends = ends_of(ax, 0)
    np.testing.assert_allclose(ends[:, 1] - ends[:, 0], [0.2 / math.sqrt(2), 0.4j / math.sqrt(2)])
    ax.figure.canvas.draw()
    many = types.SimpleNamespace(gains=np.ones(9), flags=np.arange(9))
    assert "flagged: 1, 2, 3, 4, 5, 6 and 2 more" in labels(plotting.gain_plane(many))


def test_gains_of_one_problem_are_needed():
    for bad in (ARRAY, np.array([1.0, np.nan])):
        with pytest.raises(rnla.ArgumentError, match=r"^found: got"):
            plotting.gain_plane(bad)
    with pytest.raises(rnla.ArgumentError, match=r"^true: got shape \(3,\)"):
        plotting.gain_plane(SKY.gains, true=np.ones(3))


SPECTRUM = 1.0 - np.array([0.0, 1e-6, 0.5, 0.25])


def test_correlations_are_drawn_by_their_distance_from_one():
    ax = plotting.correlation_profile({"coils": SPECTRUM}, predicted=0.75, count=3)
    line = ax.get_lines()[0]
    np.testing.assert_allclose(line.get_ydata(), [1e-16, 1e-6, 0.25])
    np.testing.assert_array_equal(line.get_xdata(), [1, 2, 3])
    assert "second one as predicted: 0.25" in labels(ax)
    assert labels(plotting.correlation_profile(SPECTRUM))[0] == "computed"
    for bad in ({}, [], [1.5], [np.nan], [-0.1]):
        with pytest.raises(rnla.ArgumentError, match=r"^correlations: got"):
            plotting.correlation_profile(bad)


ERRORS = {"gains": [(20.0, 0.03), (20.0, 0.04), (10.0, 0.1)], "signal": [(10.0, 0.2)]}


def test_errors_at_one_ratio_are_averaged_in_the_mean_square():
    predicted = {"gains": [(10.0, 0.11), (20.0, 0.035)]}
    ax = plotting.error_against_snr(ERRORS, predicted=predicted, target=0.05)
    lines = {line.get_label(): line for line in ax.get_lines()}
    assert lines["gains"].get_xdata().tolist() == [10.0, 20.0]
    np.testing.assert_allclose(lines["gains"].get_ydata(), [0.1, math.sqrt(0.00125)])
    dotted = lines["gains, predicted"]
    np.testing.assert_allclose(dotted.get_ydata(), [0.11, 0.035])
    assert dotted.get_color() == lines["gains"].get_color()
    assert lines["asked for: 0.05"].get_ydata()[0] == 0.05
    for bad in ({}, {"gains": []}, {"gains": [(math.inf, 0.1)]}, {"gains": [(10.0, 0.0)]}):
        with pytest.raises(rnla.ArgumentError, match=r"^measured: got"):
            plotting.error_against_snr(bad)


SOLVERS = rnla.diffusion.compare(["ddim", "dpmpp_2m"], evaluations=[4, 8])
DRAWN = [
    lambda ax: plotting.gain_plane(ARRAY, true=SKY.gains, problem=0, ax=ax),
    lambda ax: plotting.correlation_profile(SPECTRUM, ax=ax),
    lambda ax: plotting.error_against_snr(ERRORS, ax=ax),
    lambda ax: plotting.design_points(DESIGN, basis=PLANE, ax=ax),
    lambda ax: plotting.stability_against_size(STABLE, 10, ax=ax),
    lambda ax: plotting.stability_regions(REGIONS, ax=ax),
    lambda ax: plotting.solver_errors(SOLVERS, ax=ax),
    lambda ax: plotting.error_against_evaluations(SURROGATE, ax=ax),
    lambda ax: plotting.sobol_bars(SURROGATE.sobol, ax=ax),
    lambda ax: plotting.leave_one_out_curve(PATH, ax=ax),
    lambda ax: plotting.quantile_coefficients(QUANTILES, ax=ax),
    lambda ax: plotting.score_profile({"lewis": rng.random(9)}, ax=ax),
    lambda ax: plotting.kept_rows(A, SAMPLE, ax=ax),
    lambda ax: plotting.distortion_against_size(MEASURED, ax=ax),
]


@pytest.mark.parametrize("draw", DRAWN)
def test_every_picture_is_finished(draw):
    given = plotting.new_axes()
    ax = draw(given)
    assert ax is given, "draws where it is told and returns the Axes"
    assert ax.get_title(loc="left")
    assert ax.get_xlabel()
    assert ax.get_ylabel()
    ax.figure.canvas.draw()
    legend, data = ax.get_legend().get_window_extent(), ax.get_window_extent()
    assert legend.x0 >= data.x1, "the legend stands outside the data"
    assert draw(None).figure is not given.figure


def test_figures_are_written_whole(tmp_path):
    ax = DRAWN[0](plotting.new_axes())
    for name in ("a.png", "a.svg", "a.pdf"):
        plotting.save_figure(ax, tmp_path / name)
        assert (tmp_path / name).stat().st_size > 1000
    with pytest.raises(rnla.ArgumentError, match=r"^path: got"):
        plotting.save_figure(ax, tmp_path / "a.docx")


def test_new_axes_leaves_the_display_alone():
    import matplotlib.pyplot as plt

    before = plt.get_fignums()
    plotting.new_axes()
    assert plt.get_fignums() == before


def test_long_profiles_are_thinned_but_keep_their_ends():
    values = rng.random(50_000)
    x = plotting.score_profile({"lewis": values}).get_lines()[0].get_xdata()
    assert len(x) <= 1000
    assert (x[0], x[-1]) == (1, 50_000)
