"""A range of rows of files, read where and when it is used: what a Dask chunk of files holds."""

from __future__ import annotations

import pickle
from dataclasses import dataclass
from typing import Any

from ._source import Source

__all__ = ["FileRows"]


@dataclass(frozen=True)
class FileRows:
    """Rows start … stop-1 of a source that is sent as it was before it opened its files.

    The bytes never come from a file: whoever made them sends them, as Dask sends everything.
    """

    source: bytes
    start: int
    stop: int

    def open(self) -> Source:
        """The source of all rows."""
        source: Source = pickle.loads(self.source)
        return source

    def read(self) -> Any:
        """These rows, in the source's kind and dtype."""
        source: Any = self.open()
        try:
            return source.load(self.start, self.stop).read_raw(0, self.stop - self.start)
        finally:
            source.close()
