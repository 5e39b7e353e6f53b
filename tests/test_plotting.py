"""Pictures: what is drawn is what was passed, and the conventions hold everywhere."""

from __future__ import annotations

import types

import matplotlib
import numpy as np
import pytest
import scipy.sparse as sp

import rnla
from rnla import plotting

matplotlib.use("Agg")

rng = np.random.default_rng(0)
A = rng.standard_t(4, size=(300, 4)) @ rng.standard_normal((4, 4))
SAMPLE = types.SimpleNamespace(indices=np.arange(0, 300, 10), weights=np.linspace(1, 20, 30))
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


DRAWN = [
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
