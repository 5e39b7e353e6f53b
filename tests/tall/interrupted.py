"""A slow run in a process of its own, for tests that kill or interrupt it."""

from __future__ import annotations

import multiprocessing
import os
import signal
import threading
import time

import numpy as np

import rnla
from rnla.tall import TallMatrix
from rnla.tall._engine import LocalEngine
from rnla.tall.iterable_source import IterableSource

N, D, BLOCKS = 9_000, 8, 10
SLEEP = 0.002  # per block: makes a pass long enough to be killed in


def rows():
    rng = np.random.default_rng(0)
    return rng.standard_normal((N, D)) * rng.pareto(2.0, (N, 1))


class SlowRows:
    """Row blocks that take their time; counts how often they were walked over."""

    def __init__(self, started=None):
        self.walks = 0
        self._rows, self._started = rows(), started

    def __call__(self):
        self.walks += 1
        if self.walks == 2 and self._started is not None:
            self._started.send("started")  # the first walk is that of opening
        for block in np.array_split(self._rows, BLOCKS):
            time.sleep(SLEEP)
            yield block


def embed(directory, connection):
    """Embed the slow rows and send what came out, or how an interrupt ended it."""
    signal.signal(signal.SIGINT, signal.default_int_handler)
    source = SlowRows(connection)
    begin = time.monotonic()
    try:
        A = TallMatrix(LocalEngine(IterableSource(source)))
        result = rnla.lp_subspace_embedding(A, 1, size=400, checkpoint=directory, rng=0)
    except KeyboardInterrupt:
        threads = [
            thread.name
            for thread in threading.enumerate()
            if thread.name not in ("MainThread", "tqdm_monitor")
        ]
        connection.send(("interrupted", time.monotonic(), threads))
        return
    connection.send(
        {
            "indices": result.indices,
            "weights": result.weights,
            "scores": np.asarray(result.scores),
            "found": result.certificate.found,
            "witness": result.certificate.witnesses.upper,
            "uniform": result.uniform.found,
            "passes": result.passes,
            "walks": source.walks,
            "seconds": time.monotonic() - begin,
        }
    )


def context():
    """Processes that start quickly: each is a copy of one that has imported everything."""
    found = multiprocessing.get_context("forkserver")
    found.set_forkserver_preload(["tests.tall.interrupted_ready"])
    return found


class Run:
    """One process that embeds the slow rows with a checkpoint in `directory`."""

    def __init__(self, directory):
        self._here, there = context().Pipe(duplex=False)
        self.process = context().Process(target=embed, args=(str(directory), there), daemon=True)
        self.process.start()
        there.close()

    def wait_until_started(self):
        assert self._here.poll(60)
        assert self._here.recv() == "started"

    def kill(self):
        """SIGKILL; False if the run had finished before."""
        self.process.kill()
        self.process.join(30)
        return not self._here.poll() or self._is_closed()

    def _is_closed(self):
        try:
            self._here.recv()
        except (EOFError, OSError):  # nothing, or half a message
            return True
        return False

    def interrupt(self):
        """SIGINT; when it was sent, when it took effect, and names of threads that were left."""
        sent = time.monotonic()
        os.kill(self.process.pid, signal.SIGINT)
        kind, caught, threads = self.result()
        assert kind == "interrupted"
        return caught - sent, threads

    def result(self):
        assert self._here.poll(60)
        found = self._here.recv()
        self.process.join(30)
        return found
