"""The command line: every subcommand, every exit code, and JSON that a program can read."""

from __future__ import annotations

import json
import subprocess
import sys

import numpy as np
import pandas as pd
import pytest
import scipy.sparse as sp

import rnla
from rnla import _commands, cli
from rnla.tall.files import read_matrix, read_sample

NAMES = ["one", "a", "b", "c"]


@pytest.fixture(scope="module")
def table():
    rng = np.random.default_rng(0)
    A = np.column_stack([np.ones(2500), rng.standard_t(4, size=(2500, 3))])
    return pd.DataFrame(A, columns=NAMES)


@pytest.fixture
def file(table, tmp_path):
    path = tmp_path / "data.csv"
    table.assign(name="x", gap=np.nan).to_csv(path, index=False)
    return str(path)


COLUMNS = ["--columns", ",".join(NAMES)]


def run(capsys, *argv):
    code = cli.main([str(a) for a in argv])
    captured = capsys.readouterr()
    return code, captured.out, captured.err


def test_version_in_a_fresh_process_is_quick_and_light():
    code = (
        "import sys; from rnla.cli import main; c = main(['--version']);"
        "heavy = {'numpy', 'scipy', 'numba', 'pandas', 'matplotlib'} & set(sys.modules);"
        "print(c, sorted(heavy))"
    )
    answer = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert answer.stdout.splitlines() == [f"rnla {rnla.__version__}", "0 []"]


def test_no_traceback_in_a_fresh_process(tmp_path):
    answer = subprocess.run(
        [sys.executable, "-m", "rnla.cli", "scores", str(tmp_path / "no.npy")],
        capture_output=True,
        text=True,
    )
    assert answer.returncode == 2
    assert answer.stdout == ""
    assert answer.stderr.startswith("rnla: error: path: got ")
    assert "Traceback" not in answer.stderr


def test_choices_are_those_of_the_library():
    from rnla.embedding.method import METHODS

    assert ("auto", *METHODS) == cli.METHODS


# embed and certify ------------------------------------------------------------------------------


@pytest.mark.parametrize("suffix", [".csv", ".parquet", ".npz"])
def test_embed_writes_rows_that_certify_reads(capsys, file, table, tmp_path, suffix):
    out = tmp_path / f"sample{suffix}"
    code, text, err = run(
        capsys, "embed", file, *COLUMNS, "--p", 1, "--eps", 0.5, "--seed", 3, "--out", out
    )
    assert (code, err) == (0, "")
    assert "found distortion" in text
    assert f"Wrote {out}" in text
    expected = rnla.lp_subspace_embedding(table.to_numpy(), 1, eps=0.5, rng=3)
    sample = read_sample(out)
    assert np.array_equal(sample.indices, expected.indices)
    assert np.array_equal(sample.weights, expected.weights)
    if suffix != ".npz":
        back = read_matrix(out)
        assert back.column_names == ("row", "weight", *NAMES)
        assert np.array_equal(back.matrix[:, 2:], table.to_numpy()[sample.indices])

    code, text, err = run(
        capsys, "certify", file, out, *COLUMNS, "--p", 1, "--eps", 0.5, "--json", "--seed", 3
    )
    assert (code, err) == (0, "")
    measured = json.loads(text)
    assert measured["size"] == expected.size
    assert 0 < measured["found"] <= 0.5
    assert measured["found"] == pytest.approx(expected.certificate.found, rel=0.05)
    low = run(capsys, "certify", file, out, *COLUMNS, "--p", 1, "--eps", 0.001)
    assert low[0] == 1
    assert "above eps = 0.001" in low[1]


def test_embed_json_is_the_whole_result(capsys, file, table):
    code, text, err = run(
        capsys, "embed", file, *COLUMNS, "--p", 1, "--size", 400, "--seed", 3, "--json"
    )
    data = json.loads(text)
    assert (code, err) == (0, "")
    expected = rnla.lp_subspace_embedding(table.to_numpy(), 1, size=400, rng=3)
    assert data["indices"] == expected.indices.tolist()
    assert data["weights"] == expected.weights.tolist()
    assert data["certificate"]["found"] == expected.certificate.found
    assert (data["method"], data["seed"], data["written"]) == ("lewis", 3, [])


def test_embed_exit_code_one_when_eps_is_not_met_and_the_result_is_written(capsys, file, tmp_path):
    out = tmp_path / "s.npz"
    arguments = ["embed", file, *COLUMNS, "--p", 1, "--size", 30, "--seed", 0, "--out", out]
    assert run(capsys, *arguments, "--eps", 0.05)[0] == 1
    assert out.is_file()
    assert run(capsys, *arguments)[0] == 0, "with --size alone, eps is no target"


def test_embed_draws_pictures(capsys, file, tmp_path):
    code, text, _ = run(
        capsys, "embed", file, *COLUMNS, "--p", 1, "--size", 200, "--plot", tmp_path / "p"
    )
    assert code == 0
    names = {"score-profile.png", "kept-rows.png", "distortion.png"}
    assert {path.name for path in (tmp_path / "p").iterdir()} == names
    assert all(name in text for name in names)


def test_embed_keeps_sparse_rows_sparse(capsys, tmp_path):
    A = sp.random_array((3000, 5), density=0.5, rng=np.random.default_rng(0), format="csr")
    sp.save_npz(tmp_path / "a.npz", A)
    out = tmp_path / "s.npz"
    code, _, _ = run(
        capsys, "embed", tmp_path / "a.npz", "--size", 300, "--out", out, "--no-certify"
    )
    assert code == 0
    kept = sp.load_npz(out)
    assert np.array_equal(kept.toarray(), A.toarray()[read_sample(out).indices])
    bad = run(capsys, "embed", tmp_path / "a.npz", "--size", 300, "--out", tmp_path / "s.csv")
    assert bad[0] == 2
    assert "store every zero" in bad[2]


# scores -----------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", cli.KINDS)
def test_scores_of_every_kind(capsys, file, tmp_path, kind):
    out = tmp_path / "scores.parquet"
    arguments = ["scores", file, *COLUMNS, "--kind", kind, "--p", 1, "--seed", 0, "--out", out]
    if kind == "ridge_leverage":
        arguments += ["--ridge", 2.0]
    code, text, err = run(capsys, *arguments)
    assert (code, err) == (0, "")
    assert "largest at rows" in text
    frame = pd.read_parquet(out)
    assert frame["row"].tolist() == list(range(2500))
    assert (frame["score"] > 0).all()


def test_scores_are_those_of_the_library(capsys, file, table):
    code, text, _ = run(capsys, "scores", file, *COLUMNS, "--json")
    assert code == 0
    expected = rnla.leverage_scores(table.to_numpy())
    assert np.allclose(json.loads(text)["values"], expected.values, rtol=1e-12)


# bounds, warmup, show-config, demo --------------------------------------------------------------


def test_bounds(capsys):
    arguments = ["bounds", "--p", 1, "--d", 10, "--eps", 0.5, "--n", 5000]
    code, text, _ = run(capsys, *arguments)
    assert code == 0
    assert text == rnla.bounds.table(1, 10, 0.5, n=5000) + "\n"
    code, text, _ = run(capsys, *arguments, "--json")
    assert json.loads(text)[0]["size"] == rnla.bounds.default_size(10, 1, 0.5, n=5000)


def _has_compiled_code(module):
    return any(hasattr(value, "signatures") for value in vars(module).values())


def test_diffusion_compare(capsys, tmp_path):
    arguments = ["diffusion", "compare", "--solvers", "ddim,dpmpp_2m", "--evaluations", "5,10"]
    assert cli.main([*arguments, "--schedule", "flow", "--plot", str(tmp_path / "pictures")]) == 0
    said = capsys.readouterr().out
    assert "dpmpp_2m" in said
    assert "solvers.png" in said
    assert (tmp_path / "pictures" / "solvers.png").stat().st_size > 10_000
    assert cli.main([*arguments, "--json"]) == 0
    rows = {row["solver"]: row for row in json.loads(capsys.readouterr().out)}
    assert rows["dpmpp_2m"]["10"] < rows["ddim"]["10"] < rows["ddim"]["5"]
    assert rows["ddim"]["expected"] == 1


@pytest.mark.parametrize("option", [("--solvers", "no_such"), ("--evaluations", "0")])
def test_diffusion_compare_refuses(capsys, option):
    assert cli.main(["diffusion", "compare", *option]) == 2
    assert "expected" in capsys.readouterr().err


def test_every_schedule_of_the_command_is_there():
    from rnla._diffusion_command import SCHEDULES, _schedule

    for name in SCHEDULES:
        schedule, last = _schedule(name)
        assert np.isfinite(schedule.half_log_snr(last))


def test_warmup_compiles_every_kernel(capsys):
    import importlib
    import pkgutil

    from rnla import kernels

    # A fresh process: here, other tests may have compiled what `rnla warmup` forgets.
    command = [sys.executable, "-m", "rnla.cli", "warmup", "--json"]
    answer = subprocess.run(command, capture_output=True, text=True, check=True)
    result = json.loads(answer.stdout)
    there = {
        info.name
        for info in pkgutil.iter_modules(kernels.__path__)
        if info.ispkg
        and _has_compiled_code(importlib.import_module(f"rnla.kernels.{info.name}.cpu"))
    }
    assert "philox" in there
    assert "row_norms" not in there  # plain NumPy
    missing = there - set(result["kernels"])
    assert not missing, f"add a tiny call of {missing} to rnla/warmup.py"
    assert "kernels ready in" in run(capsys, "warmup")[1]


def test_show_config(capsys):
    code, text, _ = run(capsys, "show-config")
    assert code == 0
    assert rnla.__version__ in text
    assert np.__version__ in text
    assert json.loads(run(capsys, "show-config", "--json")[1])["numpy"] == np.__version__


def test_help_names_the_exit_codes(capsys):
    for argv in (["--help"], ["embed", "--help"], ["certify", "--help"]):
        code, text, _ = run(capsys, *argv)
        assert code == 0
        assert "130  interrupted" in text


# What goes wrong --------------------------------------------------------------------------------


WRONG = {
    "no command": [],
    "unknown command": ["emded"],
    "unknown option": ["embed", "FILE", "--epsilon", 1],
    "not a number": ["embed", "FILE", "--p", "two"],
    "negative seed": ["embed", "FILE", "--seed", "-1"],
    "unknown method": ["embed", "FILE", "--method", "best"],
    "unknown design": ["embed", "FILE", "--columns", "a,b", "--design", "best"],
    "p below 1": ["embed", "FILE", "--columns", "a,b", "--p", 0.5],
    "p is nan": ["embed", "FILE", "--columns", "a,b", "--p", "nan"],
    "eps": ["embed", "FILE", "--columns", "a,b", "--eps", 1],
    "delta": ["embed", "FILE", "--columns", "a,b", "--delta", 0],
    "size": ["embed", "FILE", "--columns", "a,b", "--size", 0],
    "size above n": ["embed", "FILE", "--columns", "a,b", "--size", 2501],
    "text column": ["embed", "FILE", "--columns", "a,name"],
    "gaps": ["scores", "FILE", "--columns", "a,gap"],
    "no such column": ["scores", "FILE", "--columns", "a,z"],
    "no such file": ["embed", "FILE.npy"],
    "unknown type": ["embed", "FILE.xlsx"],
    "output type": ["embed", "FILE", "--columns", "a", "--out", "x.doc"],
    "output folder": ["embed", "FILE", "--columns", "a", "--out", "no/such/x.csv"],
    "no sample": ["certify", "FILE", "FILE"],
    "no ridge": ["scores", "FILE", "--columns", "a", "--kind", "ridge_leverage"],
    "bounds": ["bounds", "--d", 0],
    "bounds eps": ["bounds", "--d", 3, "--eps", 2],
}


@pytest.mark.parametrize("case", WRONG)
def test_bad_input_is_exit_code_two_and_a_message(capsys, file, case):
    argv = [str(a).replace("FILE", file) for a in WRONG[case]]
    code, out, err = run(capsys, *argv)
    assert code == 2
    assert out == ""
    assert "error: " in err
    assert "Traceback" not in err


def test_damaged_file(capsys, tmp_path):
    (tmp_path / "d.npy").write_bytes(b"\x93NUMPY\x01\x00")
    code, _, err = run(capsys, "scores", tmp_path / "d.npy")
    assert code == 2
    assert "cannot be read" in err


def test_a_sample_of_another_matrix_is_refused(capsys, file, tmp_path):
    (tmp_path / "s.csv").write_text("row,weight\n5000,1\n")
    code, _, err = run(capsys, "certify", file, tmp_path / "s.csv", *COLUMNS)
    assert code == 2
    assert "row 5000" in err


def test_interruption_is_exit_code_130(capsys, file, tmp_path, monkeypatch):
    def interrupted(*_, **__):
        raise KeyboardInterrupt

    old = tmp_path / "old.csv"
    old.write_text("old")
    monkeypatch.setattr("rnla.embedding.lp_subspace_embedding", interrupted)
    code, _, err = run(capsys, "embed", file, *COLUMNS, "--out", old)
    assert code == 130
    assert "interrupted" in err
    assert old.read_text() == "old"


def test_too_little_memory_is_a_message(capsys, file, monkeypatch):
    def full(*_, **__):
        raise MemoryError("Unable to allocate 61.6 TiB")

    monkeypatch.setattr("rnla.embedding.lp_subspace_embedding", full)
    code, _, err = run(capsys, "embed", file, *COLUMNS)
    assert code == 2
    assert "61.6 TiB" in err


def test_a_defect_of_ours_is_not_hidden(file, monkeypatch):
    def broken(*_, **__):
        raise ZeroDivisionError

    monkeypatch.setattr("rnla.embedding.lp_subspace_embedding", broken)
    with pytest.raises(ZeroDivisionError):
        cli.main(["embed", file, *COLUMNS])


def test_a_reader_that_stops_early_is_no_error(file):
    script = f"{sys.executable} -m rnla.cli scores {file} --columns a,b --json | head -1"
    answer = subprocess.run(script, shell=True, capture_output=True, text=True)
    assert answer.returncode == 0
    assert answer.stderr == ""


def test_progress_is_off_when_not_a_terminal_or_not_wanted(monkeypatch):
    options = cli._parser().parse_args(["embed", "f.npy"])
    assert _commands.shows_progress(options) is False, "the test's stderr is no terminal"
    monkeypatch.setattr(sys.stderr, "isatty", lambda: True)
    assert _commands.shows_progress(options) is True
    for flag in ("--quiet", "--json"):
        quiet = cli._parser().parse_args(["embed", "f.npy", flag])
        assert _commands.shows_progress(quiet) is False


def test_without_a_seed_every_draw_is_fresh():
    for argv in (["embed", "f.npy"], ["scores", "f.npy"], ["certify", "f.npy", "s.csv"]):
        assert cli._parser().parse_args(argv).seed is None
    assert cli._parser().parse_args(["demo"]).seed == 0
