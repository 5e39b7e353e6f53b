"""The three measurement models, and how many unknowns and samples each has."""

from __future__ import annotations

from typing import NamedTuple

from .._errors import ArgumentTypeError, argument_error

__all__ = ["MODELS", "Counts", "check_model", "count_unknowns"]

MODELS = ("repeated", "diverse", "snapshots")


class Counts(NamedTuple):
    """Complex numbers to find and to measure: gains, signals, samples."""

    gains: int
    signals: int
    samples: int


def check_model(model: object) -> str:
    """Return the name of a model, or raise."""
    expected = "'repeated', 'diverse' or 'snapshots'"
    remedy = (
        "One signal through different operators is 'repeated'; different signals are 'diverse' "
        "with one operator each and 'snapshots' with one operator for all."
    )
    if not isinstance(model, str):
        got = type(model).__name__
        raise argument_error("model", got, expected, remedy, kind=ArgumentTypeError)
    if model not in MODELS:
        raise argument_error("model", repr(model), expected, remedy)
    return model


def count_unknowns(model: str, *, m: int, n: int, p: int, k: int | None = None) -> Counts:
    """Unknown gains (k of them in a subspace), unknowns of all signals, samples."""
    return Counts(m if k is None else k, n if model == "repeated" else p * n, p * m)
