"""The command line on several files, small budgets, and Dask's schedulers: the same sample."""

from __future__ import annotations

import json
import re
import signal
import subprocess
import sys

import numpy as np
import pandas as pd
import pytest

from rnla import cli
from rnla.tall import _cut, dask_files
from rnla.tall.files import read_sample

N = 6000


@pytest.fixture(scope="module")
def table():
    rng = np.random.default_rng(0)
    return pd.DataFrame(
        {
            "one": np.ones(N),
            "x": rng.standard_t(3, N),
            "city": rng.choice(["Oslo", "Paris", "Rome"], N),
        }
    )


@pytest.fixture
def shards(table, tmp_path):
    paths = []
    for number, part in enumerate(np.array_split(np.arange(N), [1000, 2500])):
        paths.append(tmp_path / f"part-{number}.parquet")
        table.iloc[part].to_parquet(paths[-1], row_group_size=400)
    return [str(path) for path in paths]


def run(capsys, *argv):
    code = cli.main([str(a) for a in argv])
    captured = capsys.readouterr()
    return code, captured.out, captured.err


def embed(capsys, out, *argv):
    common = ("--p", 1, "--size", 150, "--seed", 3, "--no-certify", "--out", out)
    code, _, err = run(capsys, "embed", *argv, *common)
    assert (code, err) == (0, "")
    return read_sample(out)


def same(left, right):
    np.testing.assert_array_equal(left.indices, right.indices)
    np.testing.assert_array_equal(left.weights, right.weights)


def test_files_a_folder_and_a_budget_give_one_sample(capsys, shards, tmp_path):
    options = ("--columns", "one,x")
    plain = embed(capsys, tmp_path / "a.csv", *shards, *options)
    same(plain, embed(capsys, tmp_path / "b.csv", tmp_path / "part-*.parquet", *options))
    same(plain, embed(capsys, tmp_path / "c.csv", *shards, *options, "--memory", "20MiB"))
    code, text, _ = run(capsys, "certify", *shards, tmp_path / "a.csv", *options, "--p", 1)
    assert code == 0
    assert "150" in text or "of 6,000 rows" in text


def test_categories_become_columns_of_the_sample(capsys, shards, tmp_path):
    options = ("--one-hot", "city", "--drop-first", "--columns", "one,x,city")
    embed(capsys, tmp_path / "s.npz", *shards, *options)
    with np.load(tmp_path / "s.npz") as archive:
        assert archive["column_names"].tolist() == ["one", "x", "city=Paris", "city=Rome"]


@pytest.mark.parametrize("scheduler", ["threads", "processes"])
def test_schedulers_of_this_machine_give_the_same_sample(
    capsys, shards, tmp_path, scheduler, monkeypatch
):
    pytest.importorskip("dask")
    if scheduler == "threads":  # other processes would not see it
        monkeypatch.setattr(_cut, "_BLOCK_ELEMENTS", 2**8)
        monkeypatch.setattr(dask_files, "_CHUNK_BYTES", 1)
    options = ("--columns", "one,x")
    plain = embed(capsys, tmp_path / "a.csv", *shards, *options)
    same(plain, embed(capsys, tmp_path / "b.csv", *shards, *options, "--scheduler", scheduler))


def test_a_running_cluster_gives_the_same_sample(capsys, shards, tmp_path):
    distributed = pytest.importorskip("distributed")
    with distributed.LocalCluster(
        n_workers=1, threads_per_worker=2, processes=False, dashboard_address=":0"
    ) as cluster:
        options = ("--columns", "one,x")
        plain = embed(capsys, tmp_path / "a.csv", *shards, *options)
        address = ("--scheduler", cluster.scheduler_address)
        same(plain, embed(capsys, tmp_path / "b.csv", *shards, *options, *address))


def test_scores_from_a_scheduler(capsys, shards, tmp_path):
    pytest.importorskip("dask")
    options = ("--columns", "one,x", "--seed", 1, "--kind", "lewis", "--p", 1)
    for name, more in (("a", ()), ("b", ("--scheduler", "threads"))):
        out = ("--out", tmp_path / f"{name}.csv")
        assert run(capsys, "scores", *shards, *options, *more, *out)[0] == 0
    pd.testing.assert_frame_equal(pd.read_csv(tmp_path / "a.csv"), pd.read_csv(tmp_path / "b.csv"))


@pytest.mark.parametrize(
    "argv, message",
    [
        (("--scheduler", "fast"), "scheduler: got 'fast'; expected threads, processes, or an addr"),
        (("--scheduler", "tcp://127.0.0.1:1"), "where nothing answers"),
        (("--memory", "lots"), "memory: got 'lots'"),
        (("--columns", "one,x", "--memory", "1kB"), "memory: got 0.0 MiB; expected at least"),
        (("--columns", "one,nope"), "columns: got 'nope'"),
        ((), "columns: got 1 without numbers: 'city'.*--columns one,x"),
    ],
)
def test_bad_options_end_with_code_2_and_one_line(capsys, shards, argv, message, monkeypatch):
    if "tcp" in str(argv):
        distributed = pytest.importorskip("distributed")
        patient = distributed.Client
        monkeypatch.setattr(distributed, "Client", lambda a, timeout: patient(a, timeout="0.2s"))
    code, out, err = run(capsys, "embed", *shards, *argv)
    assert (code, out) == (2, "")
    assert err.startswith("rnla: error: ")
    assert re.search(message, err), err


def test_json_says_what_it_did(capsys, shards):
    code, out, _ = run(
        capsys, "embed", *shards, "--columns", "one,x", "--p", 1, "--size", 100, "--json"
    )
    data = json.loads(out)
    assert code == 0
    assert data["n"] == N


def test_a_command_that_failed_at_its_end_resumes_from_its_checkpoint(
    capsys, shards, tmp_path, monkeypatch
):
    """The disk is full when rows are written; killed runs are in tests/tall/test_checkpoint.py."""

    def full(*arguments, **options):
        raise OSError(28, "No space left on device")

    checkpoint, out = tmp_path / "run", tmp_path / "out.npz"
    command = ["embed", *shards, "--columns", "one,x", "--p", 1, "--size", 150, "--json"]
    command += ["--out", out, "--checkpoint", checkpoint]
    with monkeypatch.context() as patch:
        patch.setattr("rnla.tall.write.write_sample", full)
        code, _, err = run(capsys, *command)
    assert code == 2
    assert "No space left" in err
    seed = json.loads((checkpoint / "checkpoint.json").read_bytes())["seed"]
    stored = [path for path in checkpoint.iterdir() if path.suffix == ".npz"]
    assert len(stored) > 10
    code, output, _ = run(capsys, *command)
    assert (code, json.loads(output)["seed"]) == (0, seed)  # no seed was given: the first one
    assert not list(checkpoint.iterdir())
    plain = tmp_path / "plain.npz"
    command = ["embed", *shards, "--columns", "one,x", "--p", 1, "--size", 150, "--out", plain]
    assert run(capsys, *command, "--seed", seed)[0] == 0
    same(read_sample(out), read_sample(plain))


@pytest.mark.parametrize("command", ["scores", "certify"])
def test_other_commands_take_a_checkpoint(command, capsys, shards, tmp_path):
    out = tmp_path / "sample.npz"
    embed(capsys, out, *shards, "--columns", "one,x")
    more = [out] if command == "certify" else []
    argv = [command, *shards, *more, "--columns", "one,x", "--seed", 3, "--json"]
    plain = json.loads(run(capsys, *argv)[1])
    assert json.loads(run(capsys, *argv, "--checkpoint", tmp_path / "run")[1]) == plain
    assert not list((tmp_path / "run").iterdir())
    (tmp_path / "other").mkdir()
    (tmp_path / "other" / "x").write_text("")
    code, _, err = run(capsys, *argv, "--checkpoint", tmp_path / "other")
    assert code == 2
    assert "checkpoint: got" in err


@pytest.mark.skipif(not hasattr(signal, "SIGXFSZ"), reason="files cannot be limited here")
@pytest.mark.parametrize("suffix", [".csv", ".parquet", ".npz"])
def test_a_full_disk_leaves_the_earlier_sample_whole(shards, tmp_path, suffix):
    """The limit on the size of files stands for a disk with 8 KB left."""
    out = tmp_path / f"sample{suffix}"
    out.write_bytes(b"the earlier sample")
    script = (
        "import resource, signal, sys; from rnla import cli;"
        "import rnla, pandas, pyarrow.parquet, rnla.embedding;"
        "rnla.lp_subspace_embedding([[1.0], [2.0], [3.0]] * 9, 1, size=3);"  # compiled and cached
        "signal.signal(signal.SIGXFSZ, signal.SIG_IGN);"
        "resource.setrlimit(resource.RLIMIT_FSIZE, (8192, 8192));"
        "sys.exit(cli.main(sys.argv[1:]))"
    )
    options = ("--columns", "one,x", "--p", "1", "--size", "2000", "--no-certify")
    answer = subprocess.run(
        [sys.executable, "-c", script, "embed", *shards, *options, "--out", str(out)],
        capture_output=True,
        text=True,
    )
    assert (answer.returncode, answer.stdout) == (2, "")
    assert answer.stderr.startswith("rnla: error: ")
    assert f"{out.name}', which cannot be written" in answer.stderr
    assert out.read_bytes() == b"the earlier sample"
    assert sorted(path.name for path in tmp_path.iterdir() if "part-" not in path.name) == [
        out.name
    ]
