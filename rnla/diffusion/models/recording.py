"""Watch a model: count its calls, or keep what it saw and said."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from ._wrapper import Wrapper

__all__ = ["Call", "Counted", "Recorded"]


class Counted(Wrapper):
    """A model that counts its calls, and the samples in them.

    Parameters
    ----------
    model : callable

    Attributes
    ----------
    calls, samples : int

    Examples
    --------
    >>> import numpy as np
    >>> model = Counted(lambda x, t: x)
    >>> _ = model(np.zeros((5, 2)), 0.5)
    >>> model.calls, model.samples
    (1, 5)
    """

    def __init__(self, model: Any) -> None:
        super().__init__(model)
        self.calls = 0
        self.samples = 0

    def __call__(self, x: Any, time: Any) -> Any:
        self.calls += 1
        self.samples += int(x.shape[0])
        return self.model(x, time)


@dataclass(frozen=True, eq=False)
class Call:
    """One call: the state, the time or level, and the output."""

    x: Any
    time: Any
    output: Any


class Recorded(Wrapper):
    """A model that keeps every call, the arrays as they are.

    Parameters
    ----------
    model : callable

    Attributes
    ----------
    calls : list of Call

    Examples
    --------
    >>> model = Recorded(lambda x, t: 2.0 * x)
    >>> _ = model(1.0, 0.5)
    >>> model.calls[0].time, model.calls[0].output
    (0.5, 2.0)
    """

    def __init__(self, model: Any) -> None:
        super().__init__(model)
        self.calls: list[Call] = []

    def __call__(self, x: Any, time: Any) -> Any:
        output = self.model(x, time)
        self.calls.append(Call(x, time, output))
        return output
