"""Designs: records, reproducibility, certificates, refusals."""

from __future__ import annotations

import math
from functools import partial

import numpy as np
import pytest

import rnla
from rnla.approximation import (
    Chebyshev,
    Design,
    Discrete,
    Exponential,
    Gamma,
    Gaussian,
    Jacobi,
    NumericalBasis,
    Product,
    TensorBasis,
    Uniform,
    boosted_design,
    classical_dpp_design,
    conditioned_design,
    determinantal_rejection_design,
    greedy_design,
    iid_design,
    projection_dpp_design,
    repeated_dpp_design,
    tensor_dpp_design,
    volume_design,
)
from rnla.approximation.designs.projection_dpp import draw_frame, draw_points
from rnla.dpp._removal import best_removal, removal
from rnla.random import Stream

from .finite import random_basis

LEGENDRE = TensorBasis(Uniform(), 5)
PLANE = TensorBasis(Product([Uniform(0, 1), Gaussian()]), 3)
MAKERS = {
    "iid": partial(iid_design, PLANE, 25),
    "mixed": partial(iid_design, PLANE, 25, reference="mixed"),
    "plain": partial(iid_design, PLANE, 25, reference="plain"),
    "projection": partial(projection_dpp_design, PLANE),
    "tensor": partial(tensor_dpp_design, PLANE),
    "classical": partial(classical_dpp_design, LEGENDRE),
    "determinantal": partial(determinantal_rejection_design, PLANE, 25),
    "volume": partial(volume_design, PLANE, 25),
    "volume plain": partial(volume_design, PLANE, 25, reference="plain"),
    "volume tensor": partial(volume_design, PLANE, 25, method="tensor", shuffle=True),
    "volume classical": partial(volume_design, LEGENDRE, 15, method="classical"),
    "repeated": partial(repeated_dpp_design, PLANE, 25),
    "conditioned": partial(conditioned_design, repeated_dpp_design, PLANE, 40),
    "boosted": partial(boosted_design, iid_design, PLANE, 60, best_of=3, delta=0.9),
}


@pytest.mark.parametrize("name", MAKERS)
def test_check_20_a_seed_repeats_a_design_and_draws_differ(name):
    make = MAKERS[name]
    first, again, other, draw = make(rng=7), make(rng=7), make(rng=8), make(rng=7, draw=1)
    for field in ("points", "weights", "row_norms"):
        np.testing.assert_array_equal(getattr(first, field), getattr(again, field))
    assert first.seed == 7
    assert draw.draw == 1
    assert not np.isin(other.points[:, 0], first.points[:, 0]).any()
    assert not np.isin(draw.points[:, 0], first.points[:, 0]).any()


@pytest.mark.parametrize("name", MAKERS)
def test_designs_certify_what_a_gram_matrix_says(name):
    design = MAKERS[name](rng=3)
    basis = LEGENDRE if "classical" in name else PLANE
    phi = basis.evaluate(design.points)
    G = phi.T @ (design.weights[:, None] * phi) / design.size
    values = np.linalg.eigvalsh(G)
    assert design.lambda_min == pytest.approx(values[0], rel=1e-6, abs=1e-12)
    assert design.lambda_max == pytest.approx(values[-1], rel=1e-9)
    assert design.distance == pytest.approx(np.abs(values - 1).max(), rel=1e-9)
    np.testing.assert_allclose(
        design.row_norms**2, design.weights * basis.christoffel(design.points), rtol=1e-9
    )
    unbiased = name.startswith("volume") or name in ("projection", "tensor", "classical")
    assert design.unbiased == (unbiased or name == "determinantal")
    assert design.dimension == basis.dimension
    assert design.proposals >= design.size


@pytest.mark.parametrize("name", MAKERS)
def test_designs_travel_in_files(tmp_path, name):
    design = MAKERS[name](rng=2**70)
    design.save(tmp_path / "design.npz")
    back = Design.load(tmp_path / "design.npz")
    for field in ("points", "weights", "row_norms"):
        np.testing.assert_array_equal(getattr(design, field), getattr(back, field))
    for field in ("law", "dimension", "seed", "draw", "proposals", "tries", "unbiased", "delta"):
        assert getattr(design, field) == getattr(back, field)
    assert (design.lambda_min, design.lambda_max) == (back.lambda_min, back.lambda_max)


def test_a_damaged_file_is_an_error(tmp_path):
    path = tmp_path / "design.npz"
    MAKERS["iid"](rng=0).save(path)
    path.write_bytes(path.read_bytes()[:-40])
    with pytest.raises(rnla.DamagedFileError, match="an archive written by Design"):
        Design.load(path)


def test_designs_of_a_users_points():
    design = Design(np.arange(6).reshape(3, 2))
    assert design.size == len(design) == 3
    assert math.isnan(design.lambda_min)
    assert not design.unbiased
    assert design.weights.tolist() == [1.0] * 3
    with pytest.raises(ValueError, match="read-only"):
        design.points[0, 0] = 1.0
    with pytest.raises(rnla.ArgumentError, match="points: got nan or inf in row 1"):
        Design([0.0, np.nan])
    with pytest.raises(rnla.ArgumentError, match="at least one point"):
        Design(np.empty((0, 2)))
    with pytest.raises(rnla.ArgumentError, match=r"weights: got shape \(2,\)"):
        Design([0.0], [1.0, 2.0])
    with pytest.raises(rnla.ArgumentError, match="weights"):
        Design([0.0], [-1.0])
    with pytest.raises(rnla.ArgumentTypeError, match="points: got dtype"):
        Design(["a"])


def test_check_20_blocks_do_not_change_a_projection_dpp():
    for basis in (PLANE, random_basis(50, 7, seed=1, imaginary=True)):
        wanted = draw_points(basis, Stream(5, "x"))
        for block in (1, 3, 100):
            found = draw_points(basis, Stream(5, "x"), block=block)
            np.testing.assert_array_equal(found[0], wanted[0])
            assert found[1] == wanted[1]


def test_volume_designs_and_independent_ones_are_nested():
    for make in (partial(volume_design, PLANE), partial(iid_design, PLANE)):
        small, large = make(15, rng=1), make(30, rng=1)
        np.testing.assert_array_equal(small.points, large.points[:15])
    small, large = repeated_dpp_design(PLANE, 20, rng=1), repeated_dpp_design(PLANE, 30, rng=1)
    np.testing.assert_array_equal(small.points, large.points[:20])


def test_shuffling_only_permutes():
    plain, shuffled = (volume_design(PLANE, 20, rng=1, shuffle=s) for s in (False, True))
    assert (plain.points != shuffled.points).any()
    np.testing.assert_array_equal(np.sort(plain.points[:, 0]), np.sort(shuffled.points[:, 0]))


def test_optimal_weights_make_the_trace_of_the_gram_matrix_m():
    design = iid_design(PLANE, 33, rng=0)
    phi = np.sqrt(design.weights)[:, None] * PLANE.evaluate(design.points)
    assert (phi**2).sum() / 33 == pytest.approx(10.0, rel=1e-12)
    assert iid_design(PLANE, 33, reference="mixed", rng=0).weights.max() <= 2.0


def test_check_14_frames_stay_orthonormal():
    basis = TensorBasis(Product([Uniform(), Uniform()]), 13)
    _, _, frame = draw_frame(basis, Stream(0, "x"))
    assert np.abs(frame @ frame.T - np.eye(105)).max() <= 1e-14


@pytest.mark.slow
def test_check_14_frames_of_a_thousand_functions_stay_orthonormal(record_property):
    basis = TensorBasis(Product([Uniform(), Uniform()]), 43)
    _, proposals, frame = draw_frame(basis, Stream(0, "x"))
    error = np.abs(frame @ frame.T - np.eye(990)).max()
    record_property("check", f"14 m=990, {proposals} proposals")
    record_property("measured", error)
    record_property("threshold", 1e-14)
    record_property("count", 1)
    record_property("false_alarm_rate", 0.0)
    assert error <= 1e-14


def test_check_20_threads_do_not_change_a_design():
    from threadpoolctl import threadpool_limits

    basis = TensorBasis(Product([Uniform(), Uniform()]), 9)
    found = []
    for threads in (1, 2):
        with threadpool_limits(threads):
            found.append(volume_design(basis, 200, rng=3))
    np.testing.assert_array_equal(found[0].points, found[1].points)
    assert found[0].lambda_min == found[1].lambda_min


def test_check_14_mean_number_of_proposals():
    """m H_m = 550 for m = 105; 40 draws, |z| <= 4: false-alarm rate below 1e-4."""
    basis = TensorBasis(Product([Uniform(), Uniform()]), 13)
    m, draws = 105, 40
    counts = [draw_points(basis, Stream(1, f"{i}"))[1] for i in range(draws)]
    rates = np.arange(1, m + 1) / m
    mean, variance = (1 / rates).sum(), ((1 - rates) / rates**2).sum()
    assert mean == pytest.approx(549.77, abs=0.01)
    error = np.sqrt(variance / draws)
    assert abs(np.mean(counts) - mean) <= 4 * error
    assert abs(np.mean(counts) - m * m / 8) > 4 * error  # a wrong count is told apart


class Dependent:
    """A basis whose last function repeats the first."""

    def __init__(self):
        self.inner = TensorBasis(Uniform(), 3)
        self.measure, self.dimension = self.inner.measure, 5
        self.induced_sample = self.inner.induced_sample

    def evaluate(self, x):
        values = self.inner.evaluate(x)
        return np.column_stack([values, values[:, 0]])

    def evaluate_normalised(self, x):
        values = self.evaluate(x)
        return values / np.linalg.norm(values, axis=1, keepdims=True)

    def christoffel(self, x):
        return (self.evaluate(x) ** 2).sum(axis=1)


class Broken(Dependent):
    """A basis that is nan on part of the interval."""

    def evaluate_normalised(self, x):
        values = super().evaluate_normalised(x)
        values[np.asarray(x).reshape(-1) > 0.5] = np.nan
        return values


def test_check_21_dependent_features_raise_and_name_the_rank():
    with pytest.raises(rnla.ConvergenceError, match=r"after 4 of 5 points.* rank 4"):
        projection_dpp_design(Dependent(), rng=0)
    with pytest.raises(rnla.ConvergenceError, match="rejected sets"):
        determinantal_rejection_design(Dependent(), 20, rng=0, cap=20)


def test_check_21_the_cap_on_proposals_raises():
    with pytest.raises(rnla.ConvergenceError, match="cap: got 1, "):
        projection_dpp_design(PLANE, rng=0, cap=1)
    with pytest.raises(rnla.ConvergenceError, match="cap: got 2 rejected sets of 10 points"):
        determinantal_rejection_design(PLANE, 10, pool=10, rng=0, cap=2)


@pytest.mark.parametrize(
    "make",
    [
        projection_dpp_design,
        lambda basis, rng: iid_design(basis, 30, rng=rng),
        lambda basis, rng: volume_design(basis, 30, rng=rng),
        lambda basis, rng: repeated_dpp_design(basis, 30, rng=rng),
        lambda basis, rng: determinantal_rejection_design(basis, 30, rng=rng),
    ],
)
def test_check_21_nan_features_raise(make):
    with pytest.raises(rnla.ArgumentError, match="nan or inf at the point"):
        make(Broken(), rng=0)


def test_bad_input_is_named():
    with pytest.raises(rnla.ArgumentError, match="n: got 3; expected at least the dimension 10"):
        iid_design(PLANE, 3)
    with pytest.raises(rnla.ArgumentError, match="reference: got 'leja'"):
        volume_design(PLANE, 30, reference="leja")
    with pytest.raises(rnla.ArgumentError, match="method: got 'fast'"):
        repeated_dpp_design(PLANE, 30, method="fast")
    with pytest.raises(rnla.ArgumentError, match="basis: got FiniteBasis"):
        tensor_dpp_design(random_basis(9, 3))
    with pytest.raises(rnla.ArgumentError, match="basis: got TensorBasis"):
        classical_dpp_design(PLANE)
    with pytest.raises(rnla.ArgumentError, match="basis: got TensorBasis"):
        classical_dpp_design(TensorBasis(Uniform(), [[0], [2]]))
    with pytest.raises(rnla.ArgumentError, match="n: got 12"):
        determinantal_rejection_design(PLANE, 15, pool=12)
    with pytest.raises(rnla.ArgumentTypeError, match="sampler"):
        conditioned_design("iid", PLANE, 30)


# --- conditioning, boosting, greedy removal -----------------------------------------------------


def test_conditioned_designs_are_stable_and_say_how_often_they_tried():
    tries = []
    for draw in range(20):
        design = conditioned_design(iid_design, LEGENDRE, 20, delta=0.5, rng=1, draw=draw)
        assert design.lambda_min >= 0.5
        assert design.delta == 0.5
        assert not design.unbiased
        assert design.law == "conditioned iid"
        tries.append(design.tries)
    assert max(tries) > 1  # i.i.d. designs of this size are often unstable


def test_two_sided_conditioning_bounds_the_condition_number():
    design = conditioned_design(repeated_dpp_design, LEGENDRE, 48, delta=0.5, two_sided=True, rng=1)
    assert design.distance <= 0.5
    assert design.condition <= 3.0


def test_the_best_of_many_is_better():
    one = [iid_design(LEGENDRE, 48, rng=1, draw=draw).distance for draw in range(20)]
    best = [
        boosted_design(iid_design, LEGENDRE, 48, best_of=20, rng=1, draw=draw).distance
        for draw in range(5)
    ]
    assert max(best) < np.median(one)


def test_an_impossible_event_raises_with_the_best_design():
    with pytest.raises(rnla.ConvergenceError, match="3 rounds without a stable design") as caught:
        conditioned_design(iid_design, LEGENDRE, 6, delta=0.01, cap=3, rng=0)
    assert isinstance(caught.value.result, Design)


def brute_removal(rows, bound, least):
    kept = list(range(len(rows)))
    while len(kept) > least:
        distances = []
        for i in range(len(kept)):
            rest = rows[kept[:i] + kept[i + 1 :]]
            values = np.linalg.eigvalsh(rest.conj().T @ rest / len(rest))
            distances.append(np.abs(values - 1.0).max())
        place = int(np.argmin(distances))
        if distances[place] > bound:
            break
        kept.pop(place)
    return kept


@pytest.mark.parametrize("m", [3, 5, 10])
@pytest.mark.parametrize("imaginary", [False, True])
def test_check_38_greedy_removal_is_that_of_brute_force(m, imaginary):
    generator = np.random.default_rng(m)
    rows = generator.standard_normal((4 * m, m)) + 0j
    if imaginary:
        rows += 1j * generator.standard_normal((4 * m, m))
    rows = rows if imaginary else rows.real
    rows *= np.sqrt(m) / np.linalg.norm(rows, axis=1)[:, None]
    kept, *_ = removal(rows, m, 0.95)
    assert kept.tolist() == brute_removal(rows, 0.95, m)
    assert len(kept) < 3 * m


@pytest.mark.parametrize("seed", range(40))
def test_best_removal_is_optimal_with_ties_and_dependence(seed):
    generator = np.random.default_rng(seed)
    m = int(generator.integers(1, 9))
    count = m + int(generator.integers(1, 20))
    rows = generator.standard_normal((count, m))
    if seed % 2:
        rows *= np.sqrt(m) / np.linalg.norm(rows, axis=1)[:, None]
    if seed % 5 == 0:
        rows[1] = rows[0]
    if seed % 7 == 0:
        rows[: count // 2, 0] = 0.0
    values, vectors = np.linalg.eigh(rows.T @ rows)
    place = best_removal(values, (rows @ vectors) ** 2)
    distances = []
    for i in range(count):
        rest = np.delete(rows, i, axis=0)
        distances.append(np.abs(np.linalg.eigvalsh(rest.T @ rest / (count - 1)) - 1.0).max())
    assert distances[place] == pytest.approx(min(distances), abs=1e-10)


def test_greedy_designs_keep_the_event_and_few_points():
    start = repeated_dpp_design(LEGENDRE, 24, rng=2)
    design = greedy_design(LEGENDRE, start, delta=0.9)
    assert design.size <= 8
    assert design.distance <= 0.9
    assert not design.unbiased
    assert design.law == "greedy repeated-dpp"
    assert np.isin(design.points[:, 0], start.points[:, 0]).all()
    assert greedy_design(LEGENDRE, start, delta=0.9, size=12).size == 12


def test_greedy_refuses_unstable_starts():
    with pytest.raises(rnla.ArgumentError, match="design: got eigenvalues from"):
        greedy_design(LEGENDRE, projection_dpp_design(LEGENDRE, rng=0), delta=0.1)
    start = repeated_dpp_design(LEGENDRE, 24, rng=2)
    with pytest.raises(rnla.ArgumentError, match="size: got 3; expected at least 6"):
        greedy_design(LEGENDRE, start, size=3)
    with pytest.raises(rnla.ArgumentTypeError, match="design: got ndarray"):
        greedy_design(LEGENDRE, start.points)


# --- every measure, few functions ---------------------------------------------------------------

MEASURES = [Uniform(3, 5), Gaussian(), Exponential(), Chebyshev(), Jacobi(0.3, -0.2), Gamma(1.5)]


@pytest.mark.parametrize("measure", MEASURES, ids=lambda measure: type(measure).__name__)
@pytest.mark.parametrize("m", [1, 2, 5])
def test_every_design_on_every_measure(measure, m):
    basis = TensorBasis(measure, m - 1)
    low, high = measure.support[0]
    designs = [
        iid_design(basis, m, rng=0),
        iid_design(basis, m + 2, reference="mixed", rng=0),
        projection_dpp_design(basis, rng=0),
        tensor_dpp_design(basis, rng=0),
        classical_dpp_design(basis, rng=0),
        volume_design(basis, m + 3, reference="plain", rng=0),
        repeated_dpp_design(basis, 3 * m, rng=0),
        determinantal_rejection_design(basis, m, rng=0),
        greedy_design(basis, repeated_dpp_design(basis, 12 * m, rng=0), delta=0.95),
    ]
    for design in designs:
        assert (design.points >= low).all()
        assert (design.points <= high).all()
        assert design.lambda_min > 0.0
        if design.law.endswith(("mixed", "plain")):
            continue
        assert design.lambda_max <= m + 1e-9  # the trace of G is m
        if m == 1:
            assert design.lambda_min == pytest.approx(1.0, abs=1e-12)  # k = 1 = w


def test_designs_on_features_of_the_user():
    measure = Discrete(np.random.default_rng(0).normal(size=(300, 2)))
    basis = NumericalBasis(lambda x: np.column_stack([x[:, 0] ** 0, x, x**2]), measure)
    for make in (iid_design, volume_design, repeated_dpp_design, determinantal_rejection_design):
        design = make(basis, 30, rng=0)
        assert design.lambda_min > 0.05
        assert (design.points[:, None] == measure.points).all(axis=2).any(axis=1).all()


@pytest.mark.parametrize("draw", [-1, 1.5, "a", True, None])
def test_numbers_of_draws_are_checked(draw):
    for make in (iid_design, volume_design, repeated_dpp_design):
        with pytest.raises((rnla.ArgumentError, rnla.ArgumentTypeError), match="draw: got"):
            make(LEGENDRE, 8, rng=0, draw=draw)


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("dimension", -3),
        ("dimension", "a"),
        ("seed", -1),
        ("tries", 1.5),
        ("origin", [0]),
        ("origin", [0.5, 1.0]),
        ("points", np.ma.masked_array([1.0, 2.0], [0, 1])),
    ],
)
def test_records_of_designs_are_checked(field, value):
    with pytest.raises((rnla.ArgumentError, rnla.ArgumentTypeError), match=f"^{field}: got"):
        Design(**{"points": [1.0, 2.0], field: value})


def test_a_sampler_that_returns_no_design_is_named():
    for make in (conditioned_design, boosted_design):
        with pytest.raises(rnla.ArgumentTypeError, match="sampler: got a function that returns"):
            make(lambda *arguments, **options: 5, LEGENDRE, 8, rng=0)


@pytest.mark.parametrize("cap", [0, -1, 1.5, "a", math.nan])
def test_caps_are_checked(cap):
    with pytest.raises((rnla.ArgumentError, rnla.ArgumentTypeError), match="cap: got"):
        projection_dpp_design(LEGENDRE, rng=0, cap=cap)


def test_names_of_methods_are_checked():
    for method in ("x", ["tensor"], None):
        with pytest.raises(rnla.ArgumentError, match="method: got"):
            volume_design(LEGENDRE, 8, rng=0, method=method)


@pytest.mark.parametrize("rows", [[], [0.5], "a", None, 3, [[0, 1]], [False] * 8])
def test_rows_to_take_are_checked(rows):
    with pytest.raises(rnla.ArgumentError, match="rows: got"):
        iid_design(LEGENDRE, 8, rng=0).take(rows)
