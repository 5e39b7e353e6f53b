"""What wrappers around a model share: they speak the language of the model inside."""

from __future__ import annotations

from typing import Any

__all__ = ["Wrapper"]


class Wrapper:
    """A model around a model, with its kind of prediction and its way to be told the level."""

    def __init__(self, model: Any) -> None:
        self.model = model

    @property
    def prediction(self) -> Any:
        return getattr(self.model, "prediction", None)

    @property
    def takes_level(self) -> bool:
        return bool(getattr(self.model, "takes_level", False))
