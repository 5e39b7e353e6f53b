"""The demonstration on few observations; `make demo` runs all of it."""

from __future__ import annotations

import json

import numpy as np
import pytest

from rnla import cli, demo
from rnla.report import to_json

OBSERVATIONS = 2500


@pytest.fixture(scope="module")
def result(tmp_path_factory):
    lines: list[str] = []
    folder = tmp_path_factory.mktemp("demo")
    answer = demo.run_demo(
        folder, eps=0.6, observations=OBSERVATIONS, draws=1, seed=0, echo=lines.append
    )
    return answer, "\n".join(lines)


def test_the_table_is_what_the_documentation_says():
    X, y, names = demo.load_rand_table()
    assert X.shape == (20_190, 48)
    assert (len(names), len(set(names))) == (48, 48)
    assert y.min() == 0
    assert y.max() == 77
    assert np.array_equal(X[:, 0], np.ones(len(y)))
    j = names.index("lpi*disea")
    assert np.array_equal(X[:, j], X[:, names.index("lpi")] * X[:, names.index("disea")])
    assert "idp*idp" not in names, "the square of a 0/1 column repeats it"
    assert "hlthg*hlthf" not in names, "nobody's health is good and fair"
    assert np.linalg.matrix_rank(X / np.abs(X).max(axis=0)) == 48
    assert len(np.unique(X, axis=1).T) == 48


def test_the_result_hangs_together(result):
    answer, _ = result
    assert (answer.n, answer.d) == (OBSERVATIONS, 49)
    assert answer.kept < OBSERVATIONS
    assert answer.found <= answer.eps
    bound = (1 + answer.found) / (1 - answer.found)
    assert 1 - 1e-9 <= answer.objective_ratio <= bound, "implied by the embedding"
    assert [m.method for m in answer.methods] == list(demo.METHODS)
    for m in answer.methods:
        assert m.found <= m.worst_found
        assert 1 - 1e-9 <= m.objective_ratio <= m.worst_objective_ratio
        assert m.seconds >= 0
        points = dict(answer.curves[m.method])
        assert points[m.rows] == m.found


def test_the_report_states_what_was_measured(result):
    answer, text = result
    assert f"{answer.kept:,} of {OBSERVATIONS:,}" in text
    assert f"objective ratio {answer.objective_ratio:.4f}" in text
    for m in answer.methods:
        line = next(line for line in text.splitlines() if line.startswith(f"{m.method} "))
        assert f"{m.found:.3f}" in line
        assert f"{m.objective_ratio:.4f}" in line


def test_the_pictures_are_there(result):
    answer, text = result
    assert len(answer.pictures) == 3
    for path in answer.pictures:
        assert path in text
        with open(path, "rb") as file:
            assert file.read(8) == b"\x89PNG\r\n\x1a\n"


def test_the_result_is_json(result):
    assert json.loads(json.dumps(to_json(result[0]), allow_nan=False))["n"] == OBSERVATIONS


def test_the_command_hands_over_its_options(monkeypatch, capsys, tmp_path):
    seen = {}

    def instead(out, **options):
        seen.update(options, out=out)
        options["echo"]("said")
        return {"kept": 3}

    monkeypatch.setattr(demo, "run_demo", instead)
    assert cli.main(["demo", "--out", str(tmp_path), "--seed", "5"]) == 0
    assert capsys.readouterr().out == "said\n"
    assert (seen["out"], seen["seed"], seen["progress"]) == (str(tmp_path), 5, False)
    assert cli.main(["demo", "--out", str(tmp_path), "--json"]) == 0
    assert json.loads(capsys.readouterr().out) == {"kept": 3}


def test_a_missing_statsmodels_is_named(monkeypatch, capsys, tmp_path):
    import importlib

    original = importlib.import_module

    def without(name, package=None):
        if name.startswith("statsmodels"):
            raise ModuleNotFoundError("No module named 'statsmodels'", name="statsmodels")
        return original(name, package)

    monkeypatch.setattr(importlib, "import_module", without)
    assert cli.main(["demo", "--out", str(tmp_path)]) == 2
    assert 'pip install "rnla[bench]"' in capsys.readouterr().err
