"""Decisions of the unified sampling framework: what a step does, without saying on which grid."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

from ..._errors import argument_error, check_choice
from ..plan import Form
from .exponential import Relaxation

__all__ = ["Corrector", "Decision", "First", "decision_from", "ramp"]

First = Literal["model", "noise", "zero"]


@dataclass(frozen=True)
class Corrector:
    """How a step is repeated with the output at its own end as one more node.

    Parameters
    ----------
    order : int
        Number of Taylor terms, at least 2; UniC-p has p + 1.
    kind : {"pseudo", "implicit"}, default "pseudo"
        Keep the output at the predicted state in the history, or evaluate again at the corrected
        one, which costs one evaluation.
    relaxation : tuple, default ()
        As in `Decision`.
    """

    order: int
    kind: Literal["pseudo", "implicit"] = "pseudo"
    relaxation: tuple[Relaxation, ...] = ()

    def __post_init__(self) -> None:
        check_choice(self.kind, "kind", ("pseudo", "implicit"))
        check_choice(self.order, "order", (2, 3, 4, 5))
        object.__setattr__(self, "relaxation", _relaxations(self.relaxation))


@dataclass(frozen=True)
class Decision:
    """One step.

    Parameters
    ----------
    order : int, default 1
        Number of Taylor terms.
    form : {"x0", "eps"}, default "x0"
        Which prediction is expanded.
    relaxation : tuple of float, str or (str, float), default ()
        Factor on the first, second, … derivative, see `relaxation_factor`.
    differences : tuple of int, optional
        Order of the difference that estimates each derivative; the full one by default.
    start : int, default 0
        How many levels back the step starts: 0 continues from the newest state, k > 0 goes again
        from the state k levels before it, as the stages of a singlestep solver do.
    nodes : tuple of int, optional
        Outputs in use, by how many levels back they are; by default the start and then the newest.
    corrector : Corrector, optional
        Correct the step.

    Raises
    ------
    ArgumentError
        If a value is out of range.
    """

    order: int = 1
    form: Form = "x0"
    relaxation: tuple[Relaxation, ...] = ()
    differences: tuple[int, ...] | None = None
    start: int = 0
    nodes: tuple[int, ...] | None = None
    corrector: Corrector | None = None

    def __post_init__(self) -> None:
        check_choice(self.order, "order", (1, 2, 3, 4))
        check_choice(self.form, "form", ("x0", "eps"))
        object.__setattr__(self, "relaxation", _relaxations(self.relaxation))
        if self.start < 0:
            raise argument_error("start", self.start, "at least 0 levels back", "Use 0.")
        if len(set(self.active)) < self.order:
            raise argument_error(
                "nodes",
                repr(self.nodes),
                f"at least {self.order} different outputs for order {self.order}",
                "Give more nodes or lower the order.",
            )

    @property
    def active(self) -> tuple[int, ...]:
        """The outputs in use, by levels back."""
        if self.nodes is not None:
            return self.nodes
        newest = (k for k in range(self.order + 1) if k != self.start)
        return (self.start, *newest)[: self.order]


def ramp(steps: int, order: int = 3, form: Form = "x0") -> tuple[Decision, ...]:
    """Return the decisions of a multistep method with its start-up: orders 1, 2, …, `order`.

    Parameters
    ----------
    steps : int
        Number of steps.
    order : int, default 3
        Number of Taylor terms once the history is long enough.
    form : {"x0", "eps"}, default "x0"
        The prediction.

    Returns
    -------
    tuple of Decision
        Those of UniP, which are those of the corrected multistep DPM-Solver++.
    """
    return tuple(Decision(min(order, n + 1), form) for n in range(steps))


def _relaxations(values: Sequence[Any]) -> tuple[Relaxation, ...]:
    """Return relaxations as tuples all through, which JSON gives as lists."""
    return tuple(tuple(value) if isinstance(value, list) else value for value in values)


def decision_from(record: dict[str, Any]) -> Decision:
    """Return the decision of a record read from JSON."""
    record = dict(record)
    corrector = record.pop("corrector")
    for field in ("differences", "nodes"):
        record[field] = None if record[field] is None else tuple(record[field])
    return Decision(**record, corrector=None if corrector is None else Corrector(**corrector))
