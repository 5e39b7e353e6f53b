"""Parts of the data that stay where they are, and functions that are sent to them.

Parts are plain values, visited in order in this process, or Dask `Delayed` values, kept by the
workers (`persist`) and visited in parallel. Results are added in the order of the parts.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import fields, is_dataclass
from typing import Any

import numpy as np

from .._errors import import_optional

__all__ = ["Workers"]


class Workers:
    """Held parts, and how many numbers went to them and came back.

    Attributes
    ----------
    rounds : int
        Visits of all parts.
    sent, received : int
        Numbers in arrays, all parts together.
    """

    def __init__(self, parts: Sequence[Any]) -> None:
        self.dask = any(hasattr(part, "__dask_graph__") for part in parts)
        self._parts = list(parts)
        self.rounds = self.sent = self.received = 0

    def __len__(self) -> int:
        return len(self._parts)

    def update(self, function: Callable[..., Any], *arguments: Any) -> None:
        """Replace every part by function(part, *arguments), which stays there."""
        self._count(arguments)
        if not self.dask:
            self._parts = [function(part, *arguments) for part in self._parts]
            return
        dask = import_optional("dask", extra="dask", purpose="to keep parts on workers")
        tasks = [dask.delayed(function, pure=False)(part, *arguments) for part in self._parts]
        self._parts = list(dask.persist(*tasks))

    def visit(self, function: Callable[..., Any], *arguments: Any) -> list[Any]:
        """function(part, *arguments) of every part, in order."""
        self._count(arguments)
        if self.dask:
            dask = import_optional("dask", extra="dask", purpose="to visit parts on workers")
            tasks = [dask.delayed(function, pure=False)(part, *arguments) for part in self._parts]
            results = list(dask.compute(*tasks))
        else:
            results = [function(part, *arguments) for part in self._parts]
        self.received += sum(_numbers(result) for result in results)
        return results

    def total(self, function: Callable[..., Any], *arguments: Any) -> Any:
        """The sum over the parts, of arrays or of tuples of arrays."""
        results = self.visit(function, *arguments)
        if isinstance(results[0], tuple):
            return tuple(_sum(column) for column in zip(*results, strict=True))
        return _sum(results)

    def _count(self, arguments: tuple[Any, ...]) -> None:
        self.rounds += 1
        self.sent += len(self) * _numbers(arguments)


def _sum(values: Sequence[Any]) -> Any:
    result = values[0]
    for value in values[1:]:
        result = result + value
    return result


def _numbers(value: Any) -> int:
    if isinstance(value, (tuple, list)):
        return sum(_numbers(one) for one in value)
    if is_dataclass(value) and not isinstance(value, type):
        return _numbers([getattr(value, field.name) for field in fields(value)])
    return int(value.size) if isinstance(value, np.ndarray) else 0
