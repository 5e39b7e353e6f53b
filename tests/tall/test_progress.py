"""Bars of long runs: what they say, that they vanish, that results do not know of them."""

from __future__ import annotations

import re
import time

import numpy as np
import pytest

import rnla
from rnla.tall import TallMatrix, as_tall, progress
from rnla.tall._engine import LocalEngine
from rnla.tall.iterable_source import IterableSource
from rnla.tall.long_runs import long_run

RNG = np.random.default_rng(0)
A = RNG.standard_normal((12_000, 6)) * RNG.pareto(2.0, (12_000, 1))


def shown(capsys):
    """What the terminal was sent, as lines."""
    return [line.strip() for line in re.split(r"[\r\n]|\x1b\[A", capsys.readouterr().err)]


def test_the_bar_counts_passes_and_vanishes(capsys):
    with long_run(as_tall(A), progress=True, what="weights", passes=17) as (tall, _, bar):
        rnla.lewis_weights(tall, 1, tol=1e-3, rng=0)
        bar.expect(3, "certificate")
        assert bar.passes == tall.passes
    lines = shown(capsys)
    assert any(line.startswith("weights: 0 of about 17 passes |") for line in lines)
    assert any(re.match(r"certificate: \d+ of about \d+ passes \|", line) for line in lines)
    assert lines[-1] == ""


def test_an_unknown_number_of_passes_is_not_invented(capsys):
    with long_run(as_tall(A), progress=True, what="passes") as (tall, _, bar):
        tall.gram()
        bar.expect(4)
    lines = shown(capsys)
    assert any(re.fullmatch(r"passes: 0 passes \[[\d:]+\]", line) for line in lines), lines
    assert any(line.startswith("passes: 1 of about 5 passes |") for line in lines)


def test_results_and_pass_counts_do_not_depend_on_bars(capsys):
    plain = rnla.lewis_weights(A, 1, tol=1e-3, rng=0)
    with long_run(as_tall(A), progress=True) as (tall, *_):
        found = rnla.lewis_weights(tall, 1, tol=1e-3, rng=0)
    np.testing.assert_array_equal(found.values, plain.values)
    assert found.passes == plain.passes


def test_nothing_is_shown_unless_asked(capsys):
    with long_run(as_tall(A), what="weights") as (tall, _, bar):
        bar.expect(17)
        rnla.lewis_weights(tall, 1, tol=1e-3, rng=0)
        bar.advance()
    assert shown(capsys) == [""]


def slow(seconds):
    def blocks():
        for block in np.array_split(A, 20):
            time.sleep(seconds / 20)
            yield block

    return LocalEngine(IterableSource(blocks), memory=None)


@pytest.mark.parametrize("read", [TallMatrix.gram, lambda tall: list(tall.blocks())])
def test_a_pass_that_takes_long_shows_its_rows(read, capsys, monkeypatch):
    monkeypatch.setattr(progress, "_DELAY", 0.1)
    monkeypatch.setattr("rnla.tall._cut._BLOCK_ELEMENTS", 64)  # 64 rows a block
    monkeypatch.setattr("rnla.tall._engine._LARGEST_GROUP", 1)
    tall = TallMatrix(progress.with_progress(slow(0.6)))
    read(tall)
    lines = shown(capsys)
    assert any(re.match(r"pass 1: +\d+%.*12\.0k.*rows/s", line) for line in lines), lines
    assert lines[-1] == ""


def test_a_pass_that_is_quick_does_not(capsys):
    TallMatrix(progress.with_progress(slow(0.0))).gram()
    assert shown(capsys) == [""]


def test_every_row_is_counted_once(monkeypatch):
    counts = []

    class Bar:
        def __init__(self, **options):
            counts.append([options["total"], 0])

        def __enter__(self):
            return self

        def __exit__(self, *error):
            pass

        def update(self, rows):
            counts[-1][1] += rows

    monkeypatch.setattr(progress, "tqdm", Bar)
    monkeypatch.setattr("rnla.tall._cut._BLOCK_ELEMENTS", 64)
    tall = TallMatrix(progress.with_progress(slow(0.0)))
    tall.scan()
    tall.row_norms()
    tall.twin(np.full(6, 2.0)).gram()
    list(tall.blocks())
    assert counts == [[12_000, 12_000]] * 4


def test_replayed_passes_are_counted_and_not_shown(tmp_path, capsys):
    for _ in range(2):
        with pytest.raises(KeyError), long_run(as_tall(A), checkpoint=tmp_path, rng=0) as run:
            raise KeyError(rnla.leverage_scores(run[0], rng=0))
    with long_run(as_tall(A), checkpoint=tmp_path, progress=True, rng=0) as (tall, seed, bar):
        found = rnla.leverage_scores(tall, rng=seed)
        assert bar.passes == found.passes
    assert found.passes == rnla.leverage_scores(A, rng=0).passes


def test_a_matrix_with_bars_may_get_a_checkpoint_and_the_other_way_round(tmp_path):
    plain = rnla.leverage_scores(A, rng=0).values
    shows = as_tall(A).through(progress.with_progress)
    with long_run(shows, checkpoint=tmp_path, rng=0) as (tall, *_):
        np.testing.assert_array_equal(rnla.leverage_scores(tall, rng=0).values, plain)
    with (
        long_run(as_tall(A), checkpoint=tmp_path, rng=0) as (stored, *_),
        long_run(stored, progress=True, rng=0) as (tall, *_),
    ):
        np.testing.assert_array_equal(rnla.leverage_scores(tall, rng=0).values, plain)


def dask_rows():
    array = pytest.importorskip("dask.array")
    return array.from_array(A, chunks=(1000, 6))


def test_rows_in_dask_are_shown_by_its_own_bar(capsys, monkeypatch):
    rows = dask_rows()
    monkeypatch.setattr("rnla.tall._dask_progress._DELAY", 0.0)
    with long_run(as_tall(rows), progress=True, what="weights", passes=3) as (tall, *_):
        found = rnla.leverage_scores(tall, rng=0)
    lines = shown(capsys)
    assert any(re.match(r"\[#+\] \| 100% Completed", line) for line in lines), lines
    assert any(line.startswith("weights: 2 of about 3 passes") for line in lines), lines
    np.testing.assert_array_equal(found.values, rnla.leverage_scores(A, rng=0).values)


@pytest.mark.filterwarnings("ignore")  # those of the cluster's own parts
def test_rows_on_a_cluster_are_shown_by_the_bar_of_the_cluster(capsys):
    rows = dask_rows()
    distributed = pytest.importorskip("distributed")
    cluster = distributed.LocalCluster(
        n_workers=1, threads_per_worker=1, processes=False, dashboard_address=":0"
    )
    with cluster, distributed.Client(cluster):
        tall = TallMatrix(progress.with_progress(as_tall(rows)._engine))
        found = tall.gram()
    output = capsys.readouterr()
    assert "100% Completed" in output.err
    assert output.out == ""
    np.testing.assert_array_equal(found, as_tall(A).gram())
