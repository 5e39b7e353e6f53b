"""`rnla fit`: what it prints and writes is what the functions return."""

from __future__ import annotations

import json

import numpy as np
import pandas as pd
import pytest

import rnla
from rnla import cli

rng = np.random.default_rng(0)
A = rng.standard_normal((800, 3))
Y = 1.0 + A @ [1.0, 2.0, 0.0] + rng.standard_t(3, 800)
W = rng.uniform(0.5, 2.0, 800)
NAMES = ["a", "b", "c"]


@pytest.fixture(scope="module")
def table(tmp_path_factory):
    path = tmp_path_factory.mktemp("fit") / "t.parquet"
    frame = pd.DataFrame(A, columns=NAMES).assign(y=Y, w=W, win=Y > 0.0)
    frame.assign(win=frame.win.astype(int)).to_parquet(path)
    return str(path)


def run(capsys, *argv):
    code = cli.main(["fit", *(str(a) for a in argv)])
    captured = capsys.readouterr()
    return code, captured.out, captured.err


def fitted(capsys, *argv):
    code, out, _ = run(capsys, *argv, "--json", "--seed", 0)
    assert code == 0
    return json.loads(out)


CASES = [
    ([], lambda: rnla.lp_regression(A, Y, 2.0, intercept=True)),
    (["--p", 1], lambda: rnla.lp_regression(A, Y, 1.0, intercept=True)),
    (["--p", 3, "--no-intercept"], lambda: rnla.lp_regression(A, Y, 3.0)),
    (
        ["--p", 1, "--weights", "w"],
        lambda: rnla.lp_regression(A, Y, 1.0, weights=W, intercept=True),
    ),
    (
        ["--nonnegative"],
        lambda: rnla.lp_regression(A, Y, 2.0, intercept=True, bounds=(0, np.inf)),
    ),
    (["--quantiles", "0.3"], lambda: rnla.quantile_regression(A, Y, [0.3], intercept=True)),
    (["--ridge"], lambda: rnla.ridge(A, Y, intercept=True)),
]


@pytest.mark.parametrize(("options", "function"), CASES)
def test_the_coefficients_are_those_of_the_function(capsys, table, options, function):
    data = fitted(capsys, table, "--columns", "a,b,c", "--target", "y", *options)
    result = function()
    wanted = np.asarray(result.x).reshape(3, -1)
    if "--no-intercept" not in options:
        wanted = np.vstack([wanted, np.atleast_1d(result.intercept)])
    found = np.array(data["coefficients"]).reshape(wanted.shape)
    np.testing.assert_allclose(found, wanted, rtol=1e-6, atol=1e-9)
    assert data["columns"][:3] == NAMES
    assert data["status"] == "OK"


def test_logistic(capsys, table):
    data = fitted(capsys, table, "--columns", "a,b,c", "--target", "win", "--logistic")
    wanted = rnla.logistic_regression(A, Y > 0.0, intercept=True)
    np.testing.assert_allclose(data["coefficients"][:3], wanted.x, rtol=1e-6)
    assert data["gap"] <= 1e-8


def test_the_other_columns_explain_the_target(capsys, tmp_path):
    np.save(tmp_path / "t.npy", np.column_stack([A, Y]))
    data = fitted(capsys, tmp_path / "t.npy", "--target", 3)
    np.testing.assert_allclose(data["x"], np.linalg.lstsq(
        np.column_stack([A, np.ones(800)]), Y, rcond=None)[0][:3], rtol=1e-9)  # fmt: skip
    np.save(tmp_path / "one.npy", Y[:, None])
    code, _, error = run(capsys, tmp_path / "one.npy", "--target", 0)
    assert code == 2
    assert "columns: got none beside the target" in error


def test_tables_and_pictures(capsys, table, tmp_path):
    out = tmp_path / "coefficients.csv"
    code, text, _ = run(
        capsys, table, "--columns", "a,b,c", "--target", "y", "--quantiles", "0.1,0.5,0.9",
        "--out", out, "--plot", tmp_path / "pictures",
    )  # fmt: skip
    assert code == 0
    assert "q = 0.9" in text
    assert "(intercept)" in text
    written = pd.read_csv(out)
    assert list(written.columns) == ["column", "q = 0.1", "q = 0.5", "q = 0.9"]
    wanted = rnla.quantile_regression(A, Y, [0.1, 0.5, 0.9], intercept=True)
    np.testing.assert_allclose(written.iloc[:3, 1:], wanted.x, rtol=1e-6, atol=1e-9)
    assert (tmp_path / "pictures" / "quantile-coefficients.png").exists()
    run(capsys, table, "--target", "y", "--ridge", "--plot", tmp_path / "pictures")
    assert (tmp_path / "pictures" / "leave-one-out.png").exists()


def test_a_sample_says_so(capsys, table):
    data = fitted(capsys, table, "--columns", "a,b,c", "--target", "y", "--p", 1, "--eps", 0.3)
    full = rnla.lp_regression(A, Y, 1.0, intercept=True)
    assert data["objective"] >= full.objective * (1.0 - 1e-9)
    assert data["lower"] <= full.objective


@pytest.mark.parametrize(
    ("options", "text"),
    [
        (["--target", "z"], "z"),
        (["--target", "y", "--p", 0.5], "p: got 0.5"),
        (["--target", "y", "--quantiles", "1.5"], "q: got"),
        (["--target", "y", "--p", 1, "--ridge"], "not allowed with"),
        (["--target", "y", "--out", "x.docx"], "docx"),
        ([], "--target"),
    ],
)
def test_bad_arguments(capsys, table, options, text):
    code, _, error = run(capsys, table, *options)
    assert code == 2
    assert text in error
