"""Every bad input of every public function: a typed error that says what, got, expected, remedy."""

from __future__ import annotations

import re

import numpy as np
import pytest
import scipy.sparse as sp

import rnla

GOOD = np.random.default_rng(0).standard_normal((30, 3))


def with_entry(value):
    A = GOOD.copy()
    A[7, 1] = value
    return A


def sparse_with_entry(value):
    return sp.csr_array(with_entry(value))


BAD_MATRICES = {
    "nan": with_entry(np.nan),
    "infinity": with_entry(np.inf),
    "negative infinity": with_entry(-np.inf),
    "sparse nan": sparse_with_entry(np.nan),
    "object dtype": GOOD.astype(object),
    "text": np.full((4, 2), "x"),
    "complex": GOOD + 1j,
    "sparse complex": sp.csr_array(GOOD + 1j),
    "half precision": GOOD.astype(np.float16),
    "masked": np.ma.masked_less(GOOD, 0),
    "scalar": np.float64(3.0),
    "1-D": GOOD[:, 0],
    "3-D": GOOD[None],
    "no rows": np.empty((0, 3)),
    "no columns": np.empty((3, 0)),
    "nothing": np.empty((0, 0)),
    "n < d": GOOD[:2],
    "ragged": [[1.0, 2.0], [3.0]],
    "dates": np.full((4, 2), "2020-01-01", dtype="datetime64[D]"),
    "not an array": object(),
}
MATRIX_FUNCTIONS = {
    "lp_subspace_embedding": lambda A: rnla.lp_subspace_embedding(A, 1, rng=0),
    "leverage_scores": lambda A: rnla.leverage_scores(A, rng=0),
    "ridge_leverage_scores": lambda A: rnla.ridge_leverage_scores(A, ridge=1.0, rng=0),
    "root_leverage_scores": lambda A: rnla.root_leverage_scores(A, 1, rng=0),
    "lewis_weights": lambda A: rnla.lewis_weights(A, 1, rng=0),
    "lp_sensitivities": lambda A: rnla.lp_sensitivities(A, 1, rng=0),
    "total_sensitivity": lambda A: rnla.total_sensitivity(A, 1, rng=0),
    "max_sensitivity": lambda A: rnla.max_sensitivity(A, 1, rng=0),
}

HOUSE_FORM = re.compile(r"^[\w. ]+: got .+; expected .+\. \S.+\.$", re.DOTALL)


def assert_house_form(error: Exception) -> None:
    assert HOUSE_FORM.match(str(error)), (
        f"message lacks name, value, expectation or remedy: {error}"
    )


@pytest.mark.parametrize("function", MATRIX_FUNCTIONS)
@pytest.mark.parametrize("matrix", BAD_MATRICES)
def test_bad_matrices(function, matrix):
    with pytest.raises(rnla.RnlaError) as caught:
        MATRIX_FUNCTIONS[function](BAD_MATRICES[matrix])
    assert isinstance(caught.value, (ValueError, TypeError))
    assert str(caught.value).startswith("A: ")
    assert_house_form(caught.value)


BAD_OPTIONS = {
    "p": [0.5, 0, -1, np.nan, np.inf, "1", None, True],
    "eps": [0, 1, -0.1, 1.5, np.nan, "small", None],
    "delta": [0, 1, -0.1, 2, np.nan],
    "size": [0, -3, 31, 2.5, "all", True],
    "method": ["lewi", "", None, 3],
    "design": ["poison", "", None],
    "rng": [-1, 1.5, "seed", True],
    "order": [np.arange(29), np.zeros(30, dtype=int), "rows"],
    "coordinates": [np.zeros((29, 2)), np.full((30, 2), np.nan)],
}


@pytest.mark.parametrize(
    ("option", "value"), [(k, v) for k, values in BAD_OPTIONS.items() for v in values], ids=repr
)
def test_bad_options_of_the_main_job(option, value):
    options = {"p": 1, "size": 10, "rng": 0, option: value}
    if option == "coordinates":
        options["design"] = "tree_pivotal"
    p = options.pop("p")
    with pytest.raises(rnla.RnlaError) as caught:
        rnla.lp_subspace_embedding(GOOD, p, **options)
    assert str(caught.value).split(":")[0] == option
    assert_house_form(caught.value)


@pytest.mark.parametrize(
    ("method", "p"), [("sensitivity+leverage", 3), ("mixed", 1.5), ("even_power", 3)]
)
def test_methods_that_do_not_fit_p(method, p):
    with pytest.raises(rnla.ArgumentError, match=r"^method: ") as caught:
        rnla.lp_subspace_embedding(GOOD, p, method=method, rng=0)
    assert_house_form(caught.value)


def test_even_power_refuses_too_many_monomials():
    A = np.random.default_rng(0).standard_normal((70, 64))
    with pytest.raises(rnla.ArgumentError, match="2080 monomials") as caught:
        rnla.lp_subspace_embedding(A, 4, method="even_power", rng=0)
    assert_house_form(caught.value)


@pytest.mark.parametrize(
    "columns",
    [
        {"weights": [-1.0, 1.0]},
        {"weights": [np.nan, 1.0]},
        {"indices": [1, 0]},
        {"indices": [0, 0]},
        {"indices": [0, 30]},
        {"indices": [-1, 2]},
        {"probabilities": [0.0, 1.0]},
        {"weights": [1.0]},
    ],
    ids=str,
)
def test_bad_samples(columns):
    arguments = {"indices": [0, 1], "weights": [1.0, 1.0], "probabilities": [1.0, 1.0], **columns}
    with pytest.raises(rnla.RnlaError) as caught:
        rnla.RowSample(**arguments, design="poisson", seed=0, n=30)
    assert_house_form(caught.value)


def test_a_sample_of_another_matrix():
    sample = rnla.sample_rows(np.ones(20), 5, p=1, rng=0)
    with pytest.raises(rnla.RnlaError) as caught:
        rnla.certify_embedding(GOOD, sample, 1)
    assert_house_form(caught.value)


@pytest.mark.parametrize("scores", [[-1.0, 2.0], [np.nan, 1.0], [], [[1.0]], ["a"]], ids=repr)
def test_bad_scores(scores):
    with pytest.raises(rnla.RnlaError) as caught:
        rnla.sampling_probabilities(scores, 1)
    assert_house_form(caught.value)


def test_the_form_check_itself_can_fail():
    with pytest.raises(AssertionError):
        assert_house_form(ValueError("bad eps"))
    with pytest.raises(AssertionError):
        assert_house_form(ValueError("eps: got 3; expected a fraction."))
