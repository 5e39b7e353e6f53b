"""GHVB: generalised heavy ball, momentum that keeps the order of the method.

The noise predictions pass through v_n = (1 - beta) v_{n-1} + beta eps_n, and the step in
rho = sigma / alpha goes along a mixture of the newest `order` velocities whose weights make it of
that order; beta = 1 is Adams-Bashforth. Wizadwongsa et al., Diffusion sampling with momentum for
mitigating divergence artifacts, ICLR 2024 (arXiv 2307.11118).

The published weights are those of equal steps in rho and of a filter that has forgotten its start;
elsewhere the order is at most 2. `weights="actual"` is the repair: a velocity is a known average of
the noise predictions, so the moments of its levels are known, and the mixture is asked to integrate
all polynomials in rho of degree below `order` over the step.
Cost: one evaluation per step; memory: the state and `order` velocities.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from itertools import pairwise
from typing import ClassVar, Literal

import numpy as np
import numpy.typing as npt

from ..._errors import check_choice, check_positive, check_size
from ..grids import Grid
from ..plan import Evaluation, Form, Level, Plan, Row, Step, Term
from ..schedules import Schedule
from ..transforms.heavy_ball import check_beta
from ._base import Solver
from ._registry import register
from ._transfer import transfer

__all__ = ["GHVB", "ghvb_weights", "momentum_number"]

Vector = npt.NDArray[np.float64]

# order: (common denominator over beta, rows (a, b) of a + b beta), newest velocity first.
_TABLE: dict[int, tuple[float, tuple[tuple[float, float], ...]]] = {
    1: (1.0, ((0.0, 1.0),)),
    2: (2.0, ((2.0, 1.0), (-2.0, 1.0))),
    3: (12.0, ((18.0, 5.0), (-24.0, 8.0), (6.0, -1.0))),
    4: (24.0, ((46.0, 9.0), (-78.0, 19.0), (42.0, -5.0), (-10.0, 1.0))),
    5: (
        720.0,
        ((1650.0, 251.0), (-3420.0, 646.0), (2880.0, -264.0), (-1380.0, 106.0), (270.0, -19.0)),
    ),
}


def ghvb_weights(order: int, beta: float) -> tuple[float, ...]:
    """Weights of the newest velocities for equal steps; they sum to 1.

    Examples
    --------
    >>> ghvb_weights(2, 1.0)
    (1.5, -0.5)
    >>> ghvb_weights(2, 0.5)
    (2.5, -1.5)
    """
    denominator, rows = _TABLE[check_size(order, 5, name="order")]
    return tuple((a + b * check_beta(beta)) / (denominator * beta) for a, b in rows)


def momentum_number(number: float) -> tuple[int, float]:
    """Order and beta of a momentum number r.beta: the whole part rounded up, and the fraction.

    Examples
    --------
    >>> order, beta = momentum_number(1.8)
    >>> order, round(beta, 12)
    (2, 0.8)
    >>> momentum_number(4)
    (4, 1.0)
    """
    order = math.ceil(check_positive(number, "number"))
    return order, 1.0 - (order - float(number))


@dataclass(frozen=True)
class GHVB(Solver):
    """Generalised heavy ball.

    Parameters
    ----------
    order : int, default 4
        Number of velocities combined, 1 to 5; fewer in the first steps.
    beta : float, default 0.8
        Share of the newest prediction in the velocity, in (0, 1]; 1 is Adams-Bashforth.
    weights : {"equal_steps", "actual"}, default "equal_steps"
        As published, or for the steps of the grid.

    Raises
    ------
    ArgumentError
        If an option is out of range.

    Notes
    -----
    Global order `order` with "actual" weights on every grid; with the published ones on equal
    steps in rho only, and 2 at most on other grids, that is on all usual ones. A "GHVB 3.8" of the
    paper has the momentum number 3.8: pass ``*momentum_number(3.8)``.

    References
    ----------
    S. Wizadwongsa, W. Chinchuthakun, P. Khungurn, A. Raj, S. Suwajanakorn. Diffusion sampling with
    momentum for mitigating divergence artifacts. arXiv 2307.11118.

    Examples
    --------
    >>> from rnla.diffusion.grids import make_grid
    >>> from rnla.diffusion.schedules import VPLinear
    >>> from rnla.diffusion.solvers.ghvb import GHVB, momentum_number
    >>> GHVB(*momentum_number(1.8)).compile(VPLinear(), make_grid(VPLinear(), 10)).evaluations
    10
    """

    order: int = 4
    beta: float = 0.8
    weights: Literal["equal_steps", "actual"] = "equal_steps"

    name: ClassVar[str] = "ghvb"

    def __post_init__(self) -> None:
        check_size(self.order, 5, name="order")
        check_beta(self.beta)
        check_choice(self.weights, "weights", ("equal_steps", "actual"))

    @property
    def global_order(self) -> int:
        return self.order if self.weights == "actual" else min(self.order, 2)

    @property
    def form(self) -> Form:
        return "eps"

    def compile(self, schedule: Schedule, grid: Grid) -> Plan:
        """One evaluation and two rows per step."""
        levels = grid.levels(schedule)
        steps = []
        for n, (start, stop) in enumerate(pairwise(levels)):
            terms = [Term(f"m{n}", self.beta if n else 1.0)]
            if n:
                terms.insert(0, Term(f"v{n - 1}", 1.0 - self.beta))
            order = min(self.order, n + 1)
            if self.weights == "actual":
                mixture = _actual_weights(levels[: n + 2], order, self.beta)
            else:
                mixture = ghvb_weights(order, self.beta)
            stages = (
                Evaluation("x", f"m{n}", start, "eps"),
                Row(f"v{n}", tuple(terms)),
                transfer(start, stop, {f"v{n - j}": w for j, w in enumerate(mixture)}),
            )
            steps.append(Step(stages, start, stop))
        return Plan(self.name, tuple(steps))


def _actual_weights(levels: tuple[Level, ...], order: int, beta: float) -> tuple[float, ...]:
    """Weights that integrate polynomials of degree below `order` over the last interval."""
    rho = np.array([level.rho for level in levels])
    places = (rho[:-1] - rho[-2]) / (rho[-1] - rho[-2])  # in steps from the start of the interval
    powers = np.arange(order)
    n = places.size - 1
    # Velocity j steps back is a mean of the predictions with these weights; the first counts whole.
    ages = n - np.arange(order)[None, :] - np.arange(n + 1)[:, None]
    shares = np.where(ages >= 0, (1.0 - beta) ** np.maximum(ages, 0), 0.0)
    shares[1:] *= beta
    system: Vector = (places[None, :] ** powers[:, None]) @ shares
    scale = np.abs(system).max(axis=1)  # moments of early, far levels can be large
    solution: list[float] = np.linalg.solve(
        system / scale[:, None], 1.0 / ((powers + 1.0) * scale)
    ).tolist()
    return tuple(solution)


register("ghvb", GHVB, aliases=("GHVBScheduler",))
