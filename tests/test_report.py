"""Reports: valid JSON whatever a record holds, and tables that say what was and was not shown."""

from __future__ import annotations

import dataclasses
import json

import numpy as np
import pytest

import rnla
from rnla import report
from rnla.certify import Certificate
from rnla.report import format_table, to_json, to_text

A = np.random.default_rng(0).standard_normal((3000, 4)) * np.array([1, 10, 0.1, 5])


@pytest.fixture(scope="module")
def embedding():
    return rnla.lp_subspace_embedding(A, 1, eps=0.4, rng=0)


@pytest.fixture(scope="module")
def proved():
    return rnla.lp_subspace_embedding(A, 2, eps=0.4, rng=0)


def records(embedding):
    yield embedding
    yield embedding.certificate
    yield rnla.leverage_scores(A)
    yield rnla.lewis_weights(A, 1)
    yield rnla.lewis_weights(A, float("inf"))
    yield embedding.sample


def test_every_record_is_json(embedding):
    for record in records(embedding):
        for arrays in (True, False):
            text = json.dumps(to_json(record, arrays=arrays), allow_nan=False)
            assert json.loads(text)


def test_json_holds_what_the_record_holds(embedding):
    data = to_json(embedding)
    assert data["status"] == embedding.status.name
    assert data["sample"]["indices"] == embedding.indices.tolist()
    assert data["sample"]["weights"] == embedding.weights.tolist()
    assert data["certificate"]["found"] == embedding.certificate.found
    assert data["certificate"]["certified"] is False
    assert data["attempts"][0]["found"] == embedding.attempts[0].found
    assert len(data["scores"]) == 3000


def test_long_arrays_can_be_left_out(embedding):
    data = to_json(embedding, arrays=False)
    assert data["scores"] == {"shape": [3000]}
    assert len(data["certificate"]["witnesses"]["lower"]) == 4


def test_numbers_that_json_lacks_become_text():
    data = to_json({"a": np.inf, "b": -np.inf, "c": np.array([np.nan, 1.0]), "d": np.float32(2)})
    assert data == {"a": "inf", "b": "-inf", "c": ["nan", 1.0], "d": 2.0}
    assert to_json({1: (np.bool_(True), None, rnla.Status.EXACT, object)})["1"][:3] == [
        True,
        None,
        "EXACT",
    ]


def test_the_table_of_an_embedding_says_it_all(embedding):
    text = to_text(embedding)
    kept = f"{embedding.size:,} of 3,000"
    for part in (kept, "p = 1, eps = 0.4, delta = 0.01", "lewis", "poisson", embedding.status.name):
        assert part in text
    assert f"{embedding.certificate.found:.4g}" in text
    assert "uniform, same size" in text
    assert f"{embedding.uniform.found:.4g}" in text
    assert "no proof" in text
    assert "at least as far from 1" in text
    assert str(embedding.seed) in text


def test_a_proof_is_shown_as_one(proved):
    text = to_text(proved)
    assert f"{proved.certificate.certified_distortion:.4g}" in text
    assert "no proof" not in text.split("this sample")[1].splitlines()[0]


def test_an_embedding_that_was_not_measured_says_so():
    blind = rnla.lp_subspace_embedding(A, 1, size=100, certify=False, rng=0)
    assert "Distortion was not measured." in to_text(blind)
    exact = rnla.lp_subspace_embedding(A[:20], 1, rng=0)
    assert "EXACT" in to_text(exact)
    assert json.dumps(to_json(exact), allow_nan=False)


def test_the_table_of_a_certificate(embedding):
    text = to_text(embedding.certificate)
    assert f"{embedding.size:,} of 3,000" in text
    assert "found distortion" in text


def test_a_lost_rank_is_loud(embedding):
    lost = dataclasses.replace(embedding.certificate, rank_preserved=False, lower=0.0)
    assert isinstance(lost, Certificate)
    assert "LOWER" in to_text(lost)


def test_the_table_of_scores_names_the_largest_rows():
    spiked = A.copy()
    spiked[1234] *= 1e4
    text = to_text(rnla.leverage_scores(spiked))
    assert "largest at rows 1234 (" in text
    assert "3,000 numbers, sum 4" in text
    assert "OK: " in text


def test_no_line_is_too_long(embedding):
    for record in records(embedding):
        for line in to_text(record).splitlines():
            assert len(line) <= 96, line
            assert line == line.rstrip()


def test_tables_align_numbers_right_and_text_left():
    text = format_table(["name", "value"], [["a", 1.5], ["bb", 12345], ["c", None]])
    assert text.splitlines() == ["name   value", "----  ------", "a        1.5", "bb    12,345"] + [
        "c          -"
    ]
    assert format_table(["only"], []).splitlines() == ["only", "----"]


def test_cells_show_numbers_as_people_write_them():
    shown = {0.000123456: "0.0001235", 123456.7: "123,457", 12: "12", True: "yes", None: "-"}
    assert {value: report._cell(value) for value in shown} == shown
    assert report._cell(float("inf")) == "inf"
