"""Runs that were killed resume from their checkpoint and give what an undisturbed run gives."""

from __future__ import annotations

import errno
import json
import os
import signal
import subprocess
import sys
import textwrap
import threading
import time
from functools import partial

import numpy as np
import pytest
import scipy.sparse as sp

import rnla
import rnla.embedding.embedding as door
from rnla._errors import ArgumentError
from rnla.basis.power import power_view
from rnla.tall import TallMatrix, as_tall
from rnla.tall._checkpoint_folder import CheckpointFolder
from rnla.tall._engine import LocalEngine
from rnla.tall.checkpoint import with_checkpoint
from rnla.tall.iterable_source import IterableSource
from rnla.tall.long_runs import long_run
from rnla.tall.npy_source import NpySource
from tests.counts import count

from . import interrupted

RNG = np.random.default_rng(0)
A = RNG.standard_normal((12_000, 6)) * RNG.pareto(2.0, (12_000, 1))


def leverage(tall, seed):
    found = rnla.leverage_scores(tall, rng=seed)
    return np.asarray(found.values), found.passes


def lewis(tall, seed):
    found = rnla.lewis_weights(tall, 1, tol=1e-3, rng=seed)
    return np.asarray(found.values), found.passes


def embedding(tall, seed):
    found = rnla.lp_subspace_embedding(tall, 1, size=300, rng=seed)
    values = np.concatenate(
        [found.indices, found.weights, np.asarray(found.scores), [found.certificate.found]]
    )
    return values, found.passes


ALGORITHMS = {"leverage": leverage, "lewis": lewis, "embedding": embedding}


def dense(tmp_path):
    return as_tall(A)


def sparse(tmp_path):
    return as_tall(sp.csr_array(np.where(np.abs(A) > 1.0, A, 0.0)))


def single(tmp_path):
    return as_tall(A.astype(np.float32))


def extreme(tmp_path):
    return as_tall(A * 10.0 ** np.array([0, -290, 290, 0, 0, 0]))  # read through a twin


def file(tmp_path):
    path = tmp_path / "rows.npy"
    if not path.exists():
        np.save(path, A)
    return TallMatrix(LocalEngine(NpySource(path)))


def iterable(tmp_path):
    return TallMatrix(LocalEngine(IterableSource(lambda: iter(np.array_split(A, 7)))))


def in_dask(tmp_path):
    array = pytest.importorskip("dask.array")
    return as_tall(array.from_array(A, chunks=(5000, 6)))


def distributed(tmp_path):
    return in_dask(tmp_path).distributed()


HOMES = {
    home.__name__: home
    for home in (dense, sparse, single, extreme, file, iterable, in_dask, distributed)
}


class Stop(Exception):
    """What ends a run before it has finished."""


def stopped(tall, folder, algorithm, **options):
    """Run all of an algorithm but its end: the checkpoint is as full as it gets."""
    try:
        with long_run(tall, checkpoint=folder, **options) as (through, seed, _):
            result = algorithm(through, seed)
            raise Stop
    except Stop:
        return result


def resumed(tall, folder, algorithm, **options):
    """Run again; the result, and how many passes were answered from the folder."""
    with long_run(tall, checkpoint=folder, **options) as (through, seed, _):
        result = algorithm(through, seed)
        return result, through._engine.replayed


def entries(folder):
    return sorted(path for path in folder.iterdir() if path.suffix == ".npz")


def same(one, other):
    return one[1] == other[1] and np.array_equal(one[0], other[0])


# Resuming ----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("algorithm", "home"),
    [
        *((algorithm, home) for algorithm in ("leverage", "lewis") for home in HOMES),
        *(("embedding", home) for home in ("sparse", "iterable", "distributed")),
    ],
)
def test_results_and_pass_counts_are_those_of_a_plain_run(algorithm, home, tmp_path):
    run, folder = ALGORITHMS[algorithm], tmp_path / "checkpoint"
    plain = run(HOMES[home](tmp_path), 3)
    assert same(stopped(HOMES[home](tmp_path), folder, run, rng=3), plain)
    again, replayed = resumed(HOMES[home](tmp_path), folder, run, rng=3)
    assert same(again, plain)
    if algorithm != "embedding":  # its certificate also reads rows outside of passes
        assert replayed == plain[1]


def test_row_vectors_of_a_stored_pass_stay_distributed(tmp_path, monkeypatch):
    monkeypatch.setattr("rnla.tall._cut._BLOCK_ELEMENTS", 64)  # strips of 1024 rows
    for _ in range(2):
        tall = distributed(tmp_path).through(lambda engine: with_checkpoint(engine, tmp_path / "c"))
        norms = tall.row_norms()
        assert norms.chunks == ((5120, 5120, 1760),)
        gram = tall.gram(row_scale=norms)
    assert tall._engine.replayed == 2
    plain = as_tall(A)
    np.testing.assert_array_equal(np.asarray(norms), plain.row_norms())
    np.testing.assert_array_equal(gram, plain.gram(row_scale=plain.row_norms()))


def test_a_finished_pass_reads_no_row_of_a_file(tmp_path, monkeypatch):
    run, folder = partial(lewis, seed=3), tmp_path / "checkpoint"
    stopped(file(tmp_path), folder, lewis, rng=3)
    loads = []
    monkeypatch.setattr(NpySource, "load", lambda *arguments: loads.append(arguments))
    assert resumed(file(tmp_path), folder, lewis, rng=3)[1] == run(dense(tmp_path))[1]
    assert not loads


def test_the_doors_take_a_checkpoint(tmp_path, monkeypatch):
    plain = rnla.lewis_weights(A, 1, tol=1e-3, rng=3)
    found = rnla.lewis_weights(A, 1, tol=1e-3, checkpoint=tmp_path, rng=3)
    np.testing.assert_array_equal(found.values, plain.values)
    assert not list(tmp_path.iterdir())
    killed = door._embed

    def stop(*arguments):
        killed(*arguments)
        raise Stop

    monkeypatch.setattr(door, "_embed", stop)
    with pytest.raises(Stop):
        rnla.lp_subspace_embedding(A, 1, size=300, checkpoint=tmp_path)
    assert entries(tmp_path)
    monkeypatch.undo()
    seed = json.loads((tmp_path / "checkpoint.json").read_bytes())["seed"]
    found = rnla.lp_subspace_embedding(A, 1, size=300, checkpoint=tmp_path)
    assert found.seed == seed
    assert not list(tmp_path.iterdir())


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory):
    run = interrupted.Run(tmp_path_factory.mktemp("undisturbed") / "checkpoint")
    run.wait_until_started()
    return run.result()


def assert_equal_results(found, expected):
    for name in ("indices", "weights", "scores", "found", "witness", "uniform", "passes"):
        np.testing.assert_array_equal(found[name], expected[name], err_msg=name)


def kill_and_resume(trial, folder, undisturbed):
    """Kill at a random moment, resume; the number of passes that the second run did not repeat."""
    moment = np.random.default_rng(trial).uniform(0.0, 0.9 * undisturbed["seconds"])
    run = interrupted.Run(folder)
    run.wait_until_started()
    time.sleep(moment)
    if not run.kill():
        return 0  # finished before: nothing to resume
    stored = len(entries(folder))
    again = interrupted.Run(folder)
    again.wait_until_started()
    found = again.result()
    assert_equal_results(found, undisturbed)
    assert found["walks"] == undisturbed["walks"] - stored
    assert not list(folder.iterdir())
    return stored


def test_resume_after_sigkill(undisturbed, tmp_path):
    skipped = [kill_and_resume(trial, tmp_path / str(trial), undisturbed) for trial in range(3)]
    assert max(skipped) > 0  # some passes really were not repeated


@pytest.mark.slow
def test_resume_after_sigkill_at_many_moments(undisturbed, tmp_path, record_property):
    trials = count(full=100, check=20)
    skipped = [
        kill_and_resume(trial, tmp_path / str(trial), undisturbed)
        for trial in range(100, 100 + trials)
    ]
    record_property("check", "resume after SIGKILL")
    record_property("measured", len(skipped))
    record_property("threshold", trials)
    record_property("count", trials)
    record_property("false_alarm_rate", 0.0)
    assert np.mean(np.array(skipped) > 0) > 0.5


def test_killed_again_and_again_it_still_finishes(undisturbed, tmp_path):
    stored = []
    for _ in range(4):
        run = interrupted.Run(tmp_path)
        run.wait_until_started()
        time.sleep(0.25 * undisturbed["seconds"])
        if not run.kill():
            return
        stored.append(len(entries(tmp_path)))
    assert stored == sorted(stored)
    assert stored[-1] > 0
    last = interrupted.Run(tmp_path)
    last.wait_until_started()
    assert_equal_results(last.result(), undisturbed)


def test_an_interrupt_ends_at_once_and_leaves_no_thread_and_no_file(undisturbed, tmp_path):
    run = interrupted.Run(tmp_path)
    run.wait_until_started()
    time.sleep(0.3 * undisturbed["seconds"])
    seconds, threads = run.interrupt()
    assert seconds < 2.0
    assert threads == []
    run.process.join(30)
    assert run.process.exitcode == 0
    assert not [path.name for path in tmp_path.iterdir() if path.name.endswith(".part")]
    again = interrupted.Run(tmp_path)
    again.wait_until_started()
    assert_equal_results(again.result(), undisturbed)


def test_an_interrupted_pass_begins_no_further_strip(monkeypatch):
    monkeypatch.setenv("RNLA_THREADS", "2")
    begun = []

    def visit(block, start, out):
        begun.append(start)
        time.sleep(0.02)
        if start == 0:
            signal.pthread_kill(threading.main_thread().ident, signal.SIGINT)

    rows = 65536 // 2 * 16  # a strip of two columns
    wide = np.broadcast_to(1.0, (8 * rows, 2))
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        with pytest.raises(KeyboardInterrupt):
            as_tall(wide).fold(visit, (1,))
    finally:
        signal.signal(signal.SIGINT, before)
    strips = {start // rows for start in begun}
    assert len(strips) <= 4  # of eight; two are under way at once
    finished = len(begun)
    time.sleep(0.1)
    assert len(begun) == finished


# What must not be mixed up -----------------------------------------------------------------------


def replayed_after(change, tmp_path, algorithm=lewis, seed=3):
    """How many passes of an algorithm over changed rows find those of Lewis weights over A."""
    stopped(dense(tmp_path), tmp_path / "checkpoint", lewis, rng=3)
    plain = algorithm(change(), seed)
    again, replayed = resumed(change(), tmp_path / "checkpoint", algorithm, rng=seed)
    assert same(again, plain)
    return replayed


def test_one_changed_entry_in_memory_finds_nothing(tmp_path):
    other = A.copy()
    other[7_777, 3] = np.nextafter(other[7_777, 3], np.inf)
    assert replayed_after(lambda: as_tall(other), tmp_path) == 0


def test_equal_rows_in_another_home_find_everything(tmp_path):
    assert replayed_after(lambda: iterable(tmp_path), tmp_path) > 10
    assert replayed_after(lambda: as_tall(np.asfortranarray(A)), tmp_path) > 10


def test_the_same_matrix_with_other_arguments_shares_only_equal_passes(tmp_path):
    def other(tall, seed):
        found = rnla.lewis_weights(tall, 1.5, tol=1e-3, rng=seed)
        return found.values, found.passes

    assert 0 < replayed_after(lambda: dense(tmp_path), tmp_path, other) < 8


def test_a_file_that_was_written_anew_finds_nothing(tmp_path):
    folder = tmp_path / "checkpoint"
    stopped(file(tmp_path), folder, lewis, rng=3)
    os.utime(tmp_path / "rows.npy", ns=(1, 1))
    assert resumed(file(tmp_path), folder, lewis, rng=3)[1] == 0


def test_views_have_entries_of_their_own(tmp_path):
    tall = TallMatrix(with_checkpoint(LocalEngine(IterableSource([A])), tmp_path))
    units = 2.0 ** np.arange(6)
    expected = [as_tall(A).gram(), as_tall(A * units).gram(), as_tall(A * units**2).gram()]
    expected.append(power_view(as_tall(A), 2).gram())
    for _ in range(2):
        found = [tall.gram(), tall.twin(units).gram(), tall.twin(units**2).gram()]
        found.append(power_view(tall, 2).gram())
        for one, other in zip(found, expected, strict=True):
            np.testing.assert_array_equal(one, other)
    assert tall._engine.replayed == 4


def test_a_visit_that_cannot_be_told_from_another_is_run(tmp_path):
    tall = TallMatrix(with_checkpoint(LocalEngine(IterableSource([A])), tmp_path))
    for factor in (1.0, 2.0):

        def visit(block, start, out, factor=factor):
            out += factor * block.sum()

        np.testing.assert_allclose(tall.fold(visit, (1,)), factor * A.sum(), rtol=1e-9)
    assert not entries(tmp_path)


@pytest.mark.parametrize("kind", [np.asarray, sp.csr_array])
def test_rows_taken_from_a_file_are_stored(kind, tmp_path):
    walks = []

    def blocks():
        walks.append(1)
        return iter([kind(A[:5000]), kind(A[5000:])])

    rows = np.array([3, 11_000, 17])
    for _ in range(2):
        tall = TallMatrix(with_checkpoint(LocalEngine(IterableSource(blocks)), tmp_path))
        before = len(walks)
        taken = tall.take(rows)
        assert sp.issparse(taken) == tall.is_sparse
        np.testing.assert_array_equal(taken.toarray() if tall.is_sparse else taken, A[rows])
    assert len(walks) - before == 1  # the walk that recognises the rows
    assert not np.array_equal(tall.take(rows[::-1]), A[rows]) or tall.is_sparse


# The folder --------------------------------------------------------------------------------------


def cut(path):
    os.truncate(path, path.stat().st_size // 2)


def flip(path):
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 1
    path.write_bytes(data)


@pytest.mark.parametrize(
    "damage", [cut, flip, lambda path: path.write_bytes(b""), lambda path: path.write_bytes(b"x")]
)
def test_damaged_entries_are_computed_again(damage, tmp_path):
    plain = lewis(dense(tmp_path), 3)
    stopped(dense(tmp_path), tmp_path, lewis, rng=3)
    written = entries(tmp_path)
    for path in written[::2]:
        damage(path)
    assert same(stopped(dense(tmp_path), tmp_path, lewis, rng=3), plain)
    assert entries(tmp_path) == written
    assert resumed(dense(tmp_path), tmp_path, lewis, rng=3)[1] == plain[1]  # whole again


def test_no_pickle_is_ever_loaded(tmp_path):
    plain = lewis(dense(tmp_path), 3)
    stopped(dense(tmp_path), tmp_path, lewis, rng=3)
    for path in entries(tmp_path):
        np.savez(path, total=np.array([print], dtype=object), allow_pickle=True)
    again, replayed = resumed(dense(tmp_path), tmp_path, lewis, rng=3)
    assert same(again, plain)
    assert replayed == 0


def test_the_folder_is_emptied_after_success_and_kept_after_failure(tmp_path):
    folder = tmp_path / "a" / "b"
    stopped(dense(tmp_path), folder, lewis, rng=3)
    assert entries(folder)
    assert json.loads((folder / "checkpoint.json").read_bytes()) == {
        "format": "rnla checkpoint",
        "version": 1,
    }
    resumed(dense(tmp_path), folder, lewis, rng=3)
    assert list(folder.iterdir()) == []
    stopped(dense(tmp_path), folder, lewis, rng=3)  # may be used again


def test_disk_use_is_that_of_the_row_vectors(tmp_path):
    stopped(dense(tmp_path), tmp_path, lewis, rng=3)
    used = sum(path.stat().st_size for path in entries(tmp_path)) / (8 * len(A))
    assert used < 12


def test_without_a_seed_the_resumed_run_takes_the_first_one(tmp_path):
    with pytest.raises(Stop), long_run(as_tall(A), checkpoint=tmp_path) as (_, first, _bar):
        raise Stop
    with long_run(as_tall(A), checkpoint=tmp_path) as (_, second, _bar):
        pass
    with long_run(as_tall(A), checkpoint=tmp_path) as (_, third, _bar):
        pass
    assert first == second != third


def test_a_matrix_with_a_checkpoint_brings_its_seed(tmp_path):
    tall = as_tall(A).through(lambda engine: with_checkpoint(engine, tmp_path))
    seeds = []
    for rng in (None, None, 5):
        with long_run(tall, rng=rng) as (_, seed, _bar):
            seeds.append(seed)
    assert seeds[0] == seeds[1] != seeds[2] == 5


def test_as_tall_keeps_what_it_stored(tmp_path):
    plain = rnla.lewis_weights(A, 1, tol=1e-3, rng=0).values
    for number, given in enumerate([A, as_tall(A), A]):
        tall = as_tall(given, checkpoint=tmp_path, progress=True)
        found = rnla.lewis_weights(tall, 1, tol=1e-3, rng=0)
        np.testing.assert_array_equal(found.values, plain)
        assert tall._engine.replayed == (found.passes if number else 0)
        assert len(entries(tmp_path)) == found.passes


def test_a_given_seed_is_taken(tmp_path):
    with pytest.raises(Stop), long_run(as_tall(A), checkpoint=tmp_path):
        raise Stop
    with long_run(as_tall(A), checkpoint=tmp_path, rng=5) as (_, seed, _bar):
        assert seed == 5


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ({"notes.txt": "x"}, "which holds 'notes.txt'"),
        ({"0" * 40 + ".npz": "x"}, "which holds '0000"),
        ({"checkpoint.json": "{}"}, "not of version 1"),
        ({"checkpoint.json": "[1]"}, "not of version 1"),
        ({"checkpoint.json": "{"}, "not of version 1"),
        ({"checkpoint.json": '{"format": "rnla checkpoint", "version": 2}'}, "not of version 1"),
    ],
)
def test_a_folder_of_something_else_is_refused_and_left_alone(content, message, tmp_path):
    for name, text in content.items():
        (tmp_path / name).write_text(text)
    with pytest.raises(ArgumentError, match=f"^checkpoint: got .*{message}"):
        CheckpointFolder(tmp_path)
    assert {p.name: p.read_text() for p in tmp_path.iterdir() if p.name != "lock"} == content


def test_a_file_in_place_of_a_folder_is_refused(tmp_path):
    (tmp_path / "x").write_text("")
    for path in (tmp_path / "x", tmp_path / "x" / "y"):
        with pytest.raises(ArgumentError, match=r"^checkpoint: got .*is a file"):
            CheckpointFolder(path)


def test_what_a_killed_process_was_writing_is_swept_up(tmp_path):
    CheckpointFolder(tmp_path).close()
    left = tmp_path / f".{'0' * 40}.npz.0123456789ab.part"
    left.write_bytes(b"half")
    CheckpointFolder(tmp_path)
    assert not left.exists()


def test_a_full_disk_costs_the_entry_and_not_the_run(tmp_path, monkeypatch):
    def full(*arguments, **options):
        raise OSError(errno.ENOSPC, "No space left on device")

    plain = leverage(dense(tmp_path), 3)
    monkeypatch.setattr(np, "savez", full)
    with pytest.warns(RuntimeWarning, match=r"^checkpoint: .*No space left on device"):
        again, replayed = resumed(dense(tmp_path), tmp_path, leverage, rng=3)
    assert same(again, plain)
    assert replayed == 0


HOLDER = """
    import sys, time
    from rnla.tall._checkpoint_folder import CheckpointFolder
    folder = CheckpointFolder(sys.argv[1])
    print("held", flush=True)
    time.sleep(60)
"""


def test_one_process_at_a_time_and_a_dead_one_does_not_count(tmp_path):
    command = [sys.executable, "-c", textwrap.dedent(HOLDER), str(tmp_path)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as holder:
        try:
            assert holder.stdout.readline() == "held\n"
            with pytest.raises(ArgumentError, match=f"which process {holder.pid} on .* is using"):
                CheckpointFolder(tmp_path)
        finally:
            holder.kill()
    folder = CheckpointFolder(tmp_path)
    CheckpointFolder(tmp_path)  # the same process again
    folder.clear()
    CheckpointFolder(tmp_path)  # and after the lock file has been removed
