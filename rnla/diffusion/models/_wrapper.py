"""What wrappers around a model share: they speak the language of the model inside."""

from __future__ import annotations

from typing import Any

from ..._errors import ArgumentTypeError, argument_error

__all__ = ["Wrapper", "check_model"]


def check_model(model: Any) -> None:
    """Raise unless it can be called as a network is."""
    if not callable(model) or isinstance(model, type):
        raise argument_error(
            "model",
            f"the class {model.__name__}" if isinstance(model, type) else type(model).__name__,
            "a callable model(x, time)",
            "Pass a function, or an object with __call__.",
            kind=ArgumentTypeError,
        )


class Wrapper:
    """A model around a model, with its kind of prediction and its way to be told the level."""

    def __init__(self, model: Any) -> None:
        check_model(model)
        self.model = model

    @property
    def prediction(self) -> Any:
        return getattr(self.model, "prediction", None)

    @property
    def takes_level(self) -> bool:
        return bool(getattr(self.model, "takes_level", False))
