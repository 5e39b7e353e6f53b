"""DEIS: the noise prediction extrapolated by a polynomial, integrated exactly.

x_t = (alpha_t / alpha_s) x_s + sum_j C_j eps_{n-j} with
C_j = alpha_t * integral over [rho_s, rho_t] of l_j drho, l_j the Lagrange polynomials through the
newest levels: in time (tAB), in rho = sigma / alpha (rhoAB), or in log rho. Zhang and Chen, Fast
sampling of diffusion models with exponential integrator, ICLR 2023 (arXiv 2204.13902).
Polynomials in log rho make the noise-prediction form of DPM-Solver multistep.
Cost: one evaluation per step; memory: the state and degree + 1 outputs. The integrals are taken
once per grid by 64-point Gauss-Legendre quadrature on the host, and kept for the last grids.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache, lru_cache, partial
from itertools import pairwise
from typing import ClassVar, Literal

import numpy as np
import numpy.typing as npt

from ..._errors import argument_error, check_choice, check_whole
from ..grids import Grid
from ..interpolation import lagrange
from ..plan import Evaluation, Form, Level, Plan, Step
from ..schedules import Schedule
from ._base import Solver
from ._registry import register
from .exponential import Coefficients, coefficients, step_row

__all__ = ["DEIS", "deis_coefficients"]

Variable = Literal["t", "rho", "log_rho"]
Quadrature = Literal["gauss_legendre", "riemann"]
Vector = npt.NDArray[np.float64]

_NODES = 64
_RIEMANN_POINTS = 10_000


@dataclass(frozen=True)
class DEIS(Solver):
    """Diffusion exponential integrator sampler, multistep.

    Parameters
    ----------
    degree : int, default 3
        Of the polynomial: degree + 1 outputs are combined, fewer in the first steps. Degree 0 is
        DDIM.
    variable : {"t", "rho", "log_rho"}, default "t"
        In what the output is a polynomial. ``"t"`` depends on the time of the schedule, the others
        only on its noise levels.
    quadrature : {"gauss_legendre", "riemann"}, default "gauss_legendre"
        Of ``"t"``: exact to rounding, or the left Riemann sum of 10,000 points of the published
        program, whose coefficients are off by 2e-5 and whose error stays near that however fine
        the grid.

    Raises
    ------
    ArgumentError
        If an option is not among those listed.

    Notes
    -----
    Global order degree + 1. ``"log_rho"`` has no step of order above 1 to sigma = 0, and takes
    order 1 there; the others integrate to the end.

    References
    ----------
    Q. Zhang, Y. Chen. Fast sampling of diffusion models with exponential integrator.
    arXiv 2204.13902.

    Examples
    --------
    >>> from rnla.diffusion.grids import make_grid
    >>> from rnla.diffusion.schedules import VPLinear
    >>> from rnla.diffusion.solvers.deis import DEIS
    >>> DEIS(2).compile(VPLinear(), make_grid(VPLinear(), 10)).evaluations
    10
    """

    degree: int = 3
    variable: Variable = "t"
    quadrature: Quadrature = "gauss_legendre"

    name: ClassVar[str] = "deis"

    def __post_init__(self) -> None:
        check_whole(self.degree, "degree", example=3)
        check_choice(self.variable, "variable", ("t", "rho", "log_rho"))
        check_choice(self.quadrature, "quadrature", ("gauss_legendre", "riemann"))
        if self.quadrature == "riemann" and self.variable != "t":
            raise argument_error(
                "quadrature",
                f"'riemann' with variable={self.variable!r}",
                'variable="t", which alone was published with it',
                "Leave quadrature out.",
            )

    @property
    def order(self) -> int:
        return self.degree + 1

    @property
    def form(self) -> Form:
        return "eps"

    @property
    def invariant(self) -> bool:
        return self.variable != "t"

    def compile(self, schedule: Schedule, grid: Grid) -> Plan:
        """One evaluation and one row per step."""
        levels = grid.levels(schedule)
        table = deis_coefficients(schedule, grid, self)
        steps = []
        for n, (step, (start, stop)) in enumerate(zip(table, pairwise(levels), strict=True)):
            row = step_row(step, [f"m{n - j}" for j in range(len(step.outputs))])
            steps.append(Step((Evaluation("x", f"m{n}", start, "eps"), row), start, stop))
        return Plan(f"{self.name}_{self.variable}_{self.degree}", tuple(steps))


def deis_coefficients(schedule: Schedule, grid: Grid, solver: DEIS) -> tuple[Coefficients, ...]:
    """The multipliers Psi of the state and C_j of the outputs, newest first, of every step.

    Parameters
    ----------
    schedule : Schedule
    grid : Grid
    solver : DEIS

    Returns
    -------
    tuple of Coefficients

    Notes
    -----
    In every step the C_j sum to sigma_t - Psi sigma_s: a constant model gives the DDIM step.
    """
    levels = grid.levels(schedule)
    return _table(schedule, levels, solver)


@lru_cache(maxsize=32)
def _table(schedule: Schedule, levels: tuple[Level, ...], solver: DEIS) -> tuple[Coefficients, ...]:
    rows = []
    for n, (start, stop) in enumerate(pairwise(levels)):
        recent = tuple(levels[n - j] for j in range(min(solver.order, n + 1)))
        if solver.variable == "log_rho":
            count = 1 if stop.is_clean else len(recent)
            nodes = [level.half_log_snr for level in recent[:count]]
            rows.append(coefficients(start, stop, nodes, form="eps"))
            continue
        state = coefficients(start, stop, (start.half_log_snr,), form="eps").state
        if solver.quadrature == "riemann":
            integrals = _riemann(schedule, start, stop, [level.time for level in recent])
        else:
            integrals = _integrals(schedule, start, stop, recent, solver.variable)
        rows.append(Coefficients(state, tuple(float(value) for value in integrals)))
    return tuple(rows)


def _integrals(
    schedule: Schedule, start: Level, stop: Level, recent: tuple[Level, ...], variable: Variable
) -> Vector:
    """alpha_t times the integrals of the Lagrange polynomials over rho."""
    nodes, weights = _gauss_legendre()
    if variable == "rho" or stop.is_clean:
        # The interval in rho itself: polynomials exactly, and the end at rho = 0 is a point.
        rho = start.rho + 0.5 * (nodes + 1.0) * (stop.rho - start.rho)
        measure = 0.5 * (stop.rho - start.rho) * weights
        lambdas = -np.log(rho)
    else:
        h = stop.half_log_snr - start.half_log_snr
        lambdas = start.half_log_snr + 0.5 * (nodes + 1.0) * h
        rho = np.exp(-lambdas)
        measure = -0.5 * h * weights * rho
    if variable == "rho":
        # In units of the step: the numbers stay of order 1 wherever the grid is.
        unit = stop.rho - start.rho
        known = np.array([(level.rho - start.rho) / unit for level in recent])
        at = (rho - start.rho) / unit
    else:
        unit = stop.time - start.time
        known = np.array([(level.time - start.time) / unit for level in recent])
        at = (np.asarray(schedule.time_of(lambdas)) - start.time) / unit
    integrals: Vector = stop.alpha * (lagrange(known, at) @ measure)
    return integrals


def _riemann(schedule: Schedule, start: Level, stop: Level, known: list[float]) -> Vector:
    """The left Riemann sum in time of the published program."""
    width = (stop.time - start.time) / _RIEMANN_POINTS
    times: Vector = start.time + width * np.arange(_RIEMANN_POINTS, dtype=np.float64)
    growth = np.exp(stop.log_alpha - schedule.log_alpha(times))
    slope = -np.asarray(schedule.sigma(times)) * schedule.d_half_log_snr(times)  # g^2 / (2 sigma)
    sums: Vector = lagrange(np.array(known), times) @ (growth * slope * width)
    return sums


@cache
def _gauss_legendre() -> tuple[Vector, Vector]:
    nodes, weights = np.polynomial.legendre.leggauss(_NODES)
    return nodes, weights


for _degree in range(4):
    register(f"deis_tab{_degree}", partial(DEIS, _degree, "t"))
    register(f"deis_rhoab{_degree}", partial(DEIS, _degree, "rho"))
register("deis", DEIS)
register("deis_log_rho", lambda: DEIS(1, "log_rho"), aliases=("DEISMultistepScheduler",))
register("lms", lambda: DEIS(3, "rho"), aliases=("sample_lms", "LMSDiscreteScheduler"))
