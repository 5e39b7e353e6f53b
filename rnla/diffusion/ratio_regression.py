"""Cascade polynomial regression: compensation ratios for guidance and step counts never searched.

The ratio of step k of N under guidance g is a cubic in u = k/N, whose coefficients are quadratics
in g/12, whose coefficients are quadratics in N/50:

    ρ = Σ_a u^a Σ_b (g/12)^b Σ_c C_abc (N/50)^c,   a = 0…3, b, c = 0…2;   ρ = 1 for k < 3.

It is linear in the 36 numbers, so searched curves give them by one least-squares problem. W. Zhao
et al., DC-Solver (ECCV 2024, arXiv 2409.03755). Cost: that of a small least-squares problem.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from .._errors import argument_error, check_positive, check_size

__all__ = ["RatioRegression", "fit_ratios"]

Values = npt.NDArray[np.float64]

GUIDANCE_UNIT, STEPS_UNIT = 12.0, 50.0
SHAPE = (4, 3, 3)
FIRST = 3  # steps are numbered from 1, and those before the third have ratio 1


@dataclass(frozen=True, eq=False)
class RatioRegression:
    """Compensation ratios as a function of guidance, number of steps and step.

    Parameters
    ----------
    coefficients : array_like, shape (4, 3, 3)
        C_abc, powers ascending in all three places.

    Raises
    ------
    ArgumentError
        If the shape is another.

    Notes
    -----
    The files published with the method hold the powers of guidance and steps descending: read them
    by ``RatioRegression(table.reshape(4, 3, 3)[:, ::-1, ::-1])``.

    Examples
    --------
    >>> import numpy as np
    >>> from rnla.diffusion.ratio_regression import RatioRegression
    >>> table = np.zeros((4, 3, 3))
    >>> table[0, 0, 0], table[1, 0, 0] = 0.5, 1.0
    >>> RatioRegression(table).predict(7.5, 5).tolist()
    [1.0, 1.0, 1.1, 1.3, 1.5]
    """

    coefficients: Values

    def __post_init__(self) -> None:
        table = np.array(self.coefficients, dtype=np.float64)
        if table.shape != SHAPE or not np.isfinite(table).all():
            raise argument_error(
                "coefficients",
                f"shape {table.shape}" if table.shape != SHAPE else "nan or inf",
                f"finite numbers of shape {SHAPE}",
                "Reshape the 36 numbers to (4, 3, 3).",
            )
        table.setflags(write=False)
        object.__setattr__(self, "coefficients", table)

    def predict(self, guidance: float, steps: int) -> Values:
        """Return the ratios of all steps.

        Parameters
        ----------
        guidance : float
            Scale of the guidance.
        steps : int
            Number of steps.

        Returns
        -------
        ndarray of float64, shape (steps,)
            The ratios, 1 for the first two steps.
        """
        steps = check_size(steps, name="steps")
        ratios = np.ones(steps)
        ratios[FIRST - 1 :] = _design(guidance, steps) @ self.coefficients.ravel()
        return ratios


def fit_ratios(
    curves: Mapping[tuple[float, int], Sequence[float]], *, ridge: float = 0.0
) -> RatioRegression:
    """Fit the regression to searched ratios.

    Parameters
    ----------
    curves : mapping of (guidance, steps) to sequence of float
        Ratios of all steps for each setting; the first two of each are not used.
    ridge : float, default 0
        Weight of the squared coefficients; with 0 the smallest of all best fits is taken, so fewer
        than three guidance scales or step counts are allowed.

    Returns
    -------
    RatioRegression
        The fit.

    Raises
    ------
    ArgumentError
        If a curve has the wrong length, or none has three steps.

    Examples
    --------
    >>> from rnla.diffusion.ratio_regression import fit_ratios
    >>> curves = {(7.5, 5): [1, 1, 1.1, 1.3, 1.5], (7.5, 6): [1, 1, 1.0, 1.2, 1.3, 1.5]}
    >>> fit_ratios(curves).predict(7.5, 5).round(6).tolist()
    [1.0, 1.0, 1.1, 1.3, 1.5]
    """
    check_positive(ridge, "ridge", allow_zero=True)
    designs, values = [], []
    for (guidance, steps), curve in curves.items():
        if len(curve) != steps:
            raise argument_error(
                "curves",
                f"{len(curve)} ratios for ({guidance}, {steps})",
                f"{steps}, one for each step",
                "Give the first two as 1.",
            )
        designs.append(_design(guidance, steps))
        values.append(np.asarray(curve, dtype=np.float64)[FIRST - 1 :])
    if not any(len(value) for value in values):
        raise argument_error(
            "curves", "no curve of three steps", "at least one", "Search with 5 steps or more."
        )
    design, value = np.concatenate(designs), np.concatenate(values)
    unknowns = design.shape[1]
    design = np.concatenate([design, np.sqrt(ridge) * np.eye(unknowns)])
    value = np.concatenate([value, np.zeros(unknowns)])
    # Minimum norm where the settings do not determine all 36 numbers.
    solution = np.linalg.lstsq(design, value, rcond=1e-12)[0]
    return RatioRegression(np.asarray(solution, dtype=np.float64).reshape(SHAPE))


def _design(guidance: float, steps: int) -> Values:
    """Return the monomials of the steps from the third on, shape (steps - 2, 36)."""
    u = np.arange(FIRST, steps + 1) / steps
    rest = np.multiply.outer(
        (guidance / GUIDANCE_UNIT) ** np.arange(SHAPE[1]),
        (steps / STEPS_UNIT) ** np.arange(SHAPE[2]),
    )
    powers = u[:, None] ** np.arange(SHAPE[0])
    products = powers[:, :, None] * rest.ravel()
    return np.asarray(products, dtype=np.float64).reshape(len(u), math.prod(SHAPE))
