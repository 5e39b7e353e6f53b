"""Results that hold a state of any array library, and convert to NumPy all the same."""

from __future__ import annotations

from typing import Any

from .._result import ArrayRecord
from ._arrays import on_host

__all__ = ["StateRecord"]


class StateRecord(ArrayRecord):
    """A record whose `values` may live on a GPU or be a tensor: `np.asarray` brings them here."""

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> Any:
        values = on_host(self.values)
        return values if dtype is None else values.astype(dtype)
