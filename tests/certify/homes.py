"""Matrices whose rows can only be read in order, in pieces, as from a file."""

from __future__ import annotations

import pickle

import numpy as np

from rnla.tall import TallMatrix, as_tall
from rnla.tall._engine import LocalEngine
from rnla.tall._source import Header


class Streamed:
    """A source that offers `load` and `take`, and notices reads out of order."""

    unit_bytes = 0.0
    streamed = True

    def __init__(self, source, load=None) -> None:
        self._source, self._load = source, source.load if load is None else load
        self._next = 0
        header = Header.of(source)
        self.shape, self.dtype, self.is_sparse = header.shape, header.dtype, header.is_sparse
        self.row_cost, self.entry_count = header.row_cost, header.entry_count
        self.pair_count = header.pair_count

    def load(self, start, stop):
        assert start in (self._next, 0)
        self._next = stop
        return self._load(start, stop)

    def read(self, start, stop):
        raise AssertionError("a streamed source is loaded, not read")

    read_raw = read

    def take(self, rows):
        return self._source.take(rows)

    def check(self):
        pass

    def where(self, row):
        return ""


class SendingEngine(LocalEngine):
    """Sends what a pass needs through pickle, as another process would get it."""

    def run(self, visit, **options):
        visit, options = pickle.loads(pickle.dumps((visit, options)))
        return super().run(visit, **options)

    def view(self, wrap):
        return SendingEngine(pickle.loads(pickle.dumps(wrap))(self._source), memory=self._memory)


def streamed(A, memory=None) -> TallMatrix:
    """A whose rows are loaded in pieces and visited by functions that were pickled."""
    source = as_tall(A, require_tall=False)._engine._source
    return TallMatrix(SendingEngine(Streamed(source), memory=memory))


class Tiles:
    """n rows made when they are loaded: the rows of a small array, over and over, times factors."""

    is_sparse = False
    streamed = True
    unit_bytes = 0.0

    def __init__(self, tile, n) -> None:
        self._tile = tile
        header = Header.dense((n, tile.shape[1]), tile.dtype)
        self.shape, self.dtype, self.row_cost = header.shape, header.dtype, header.row_cost
        self.entry_count, self.pair_count = header.entry_count, header.pair_count

    def take(self, rows):
        return self._tile[rows % len(self._tile)] * (1.0 + rows[:, None] / self.shape[0])

    def load(self, start, stop):
        return as_tall(self.take(np.arange(start, stop)), require_tall=False)._engine._source

    def check(self):
        pass

    def where(self, row):
        return ""
