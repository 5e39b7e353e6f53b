"""Classifier-free guidance: the difference of two models, exaggerated.

p = p_without + scale (p_with - p_without) (Ho, Salimans, 2022). The weights add up to 1, and one
kind of prediction is an affine function of another at the same state, so raw outputs of any kind
may be combined. Two calls of a network per evaluation.
"""

from __future__ import annotations

from typing import Any

from ..._errors import argument_error, check_finite
from ..execute import lincomb
from ._wrapper import Wrapper

__all__ = ["Guided"]


class Guided(Wrapper):
    """A conditional model pushed away from an unconditional one.

    Parameters
    ----------
    model : callable
        Knows the condition.
    unconditional : callable
        Does not; of the same kind of prediction.
    scale : float
        1 is `model`, 0 is `unconditional`, larger exaggerates.

    Examples
    --------
    >>> guided = Guided(lambda x, t: 2.0 * x, lambda x, t: 1.0 * x, scale=3.0)
    >>> float(guided(1.0, 0.5))
    4.0
    """

    def __init__(self, model: Any, unconditional: Any, *, scale: float) -> None:
        super().__init__(model)
        self.unconditional = unconditional
        self.scale = check_finite(scale, "scale")
        other = Wrapper(unconditional)
        if (other.prediction, other.takes_level) != (self.prediction, self.takes_level):
            raise argument_error(
                "unconditional",
                f"prediction {other.prediction!r}",
                f"that of the conditional model, {self.prediction!r}",
                "Guide a model with one of the same kind.",
            )

    def __call__(self, x: Any, time: Any) -> Any:
        if self.scale == 1.0:
            return self.model(x, time)
        outputs = (self.model(x, time), self.unconditional(x, time))
        return lincomb((self.scale, 1.0 - self.scale), outputs)
