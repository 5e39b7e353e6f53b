"""18.5, the table of orders, by its own protocol: GMM-A, λ-uniform grids of 80, 160, 320 steps.

Rows whose solvers reach their order later, or only on steps equal in rho, say so. The tests of a
solver have its variants and printed errors; this is the table, whole.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from rnla.diffusion import Grid, VarianceExploding, make_grid
from rnla.diffusion.solvers import (
    DDIM,
    DEIS,
    DPM2,
    EDM,
    GHVB,
    IPNDM,
    PNDM,
    DPMSolver,
    DPMSolverMultistep,
    DualFast,
    FlowMatching,
    Momentum,
    RhoRungeKutta,
    UniPC,
)

from .fixtures import STARTS, run, slope
from .impulse import exact_law, impulse_response


def multistep(order: int, **options: Any) -> DPMSolverMultistep:
    return DPMSolverMultistep(order=order, lower_order_final=False, **options)


def unipc(order: int, **options: Any) -> UniPC:
    return UniPC(order=order, lower_order_final=False, **options)


PUBLISHED = "as_published_code"
TABLE: dict[str, tuple[Any, int]] = {
    "DDIM": (DDIM(), 1),
    "Euler": (EDM(node=None), 1),
    "HB .8": (Momentum(IPNDM(2), 0.8), 1),
    "Nesterov .8": (Momentum(IPNDM(2), 0.8, True), 1),
    "2M": (multistep(2), 2),
    "2M noise": (multistep(2, form="eps"), 2),
    "2S": (DPMSolver(form="x0"), 2),
    "DPM-2": (DPMSolver(), 2),
    "k-diffusion DPM-2": (DPM2(), 2),
    "Heun": (EDM(), 2),
    "midpoint": (EDM(node=0.5), 2),
    "flow Heun": (FlowMatching("heun"), 2),
    "flow midpoint": (FlowMatching("midpoint"), 2),
    "PLMS2": (IPNDM(2), 2),
    "S-PNDM": (PNDM("s"), 2),
    "iPNDM": (IPNDM(4), 2),
    "PLMS4": (PNDM("plms"), 2),
    "3M corrected": (multistep(3), 3),
    "3M corrected, noise": (multistep(3, form="eps"), 3),
    "UniP-3": (unipc(3, corrector=False), 3),
    "3S": (DPMSolver(order=3, form="x0"), 3),
    "DPM-3": (DPMSolver(order=3), 3),
    "tAB2": (DEIS(2, "t"), 3),
    "rhoAB2": (DEIS(2, "rho"), 3),
    "rhoRK3": (RhoRungeKutta("kutta3"), 3),
    "UniPC-1": (unipc(1), 2),
    "UniPC-2": (unipc(2), 3),
    "UniPC-3": (unipc(3), 4),
    "UniPC-3 bh1": (unipc(3, solver_type="bh1"), 4),
    "UniPC-2 vary_coeff as published": (
        unipc(2, solver_type="vary_coeff", variant=PUBLISHED),
        1,
    ),
    "rhoAB3": (DEIS(3, "rho"), 4),
    "tAB3": (DEIS(3, "t"), 4),
    "rhoRK4": (RhoRungeKutta("classical4"), 4),
    "DualFast .25": (DualFast(DDIM(), 0.25), 1),
    "DualFast .5": (DualFast(DDIM(), 0.5), 2),
}


LATE = ("Nesterov .8", "rhoAB3", "tAB3")  # the slope settles from 160 steps on


@pytest.mark.parametrize("name", TABLE)
def test_18_5_orders(name: str) -> None:
    solver, order = TABLE[name]
    counts = (160, 320, 640) if name in LATE else (80, 160, 320)
    assert slope(solver, counts=counts) == pytest.approx(order, abs=0.25)


@pytest.mark.parametrize(
    ("solver", "order"),
    [(multistep(3, variant=PUBLISHED), 2), (multistep(3, form="eps", variant=PUBLISHED), 2)],
)
def test_18_5_third_order_as_published_falls_to_2(solver: Any, order: int) -> None:
    """From 160 steps on its second-order term is the larger one."""
    assert slope(solver, counts=(160, 320, 640)) == pytest.approx(order, abs=0.25)


def test_18_5_ghvb_2_on_steps_equal_in_rho() -> None:
    """Against a fine run of a method of order 4; heavy ball falls to order 1 there too."""
    ve = VarianceExploding()

    def end(solver: Any, n: int) -> Any:
        grid = Grid(np.linspace(2.0, 0.5, n + 1))
        return run(solver, grid, schedule=ve, x=2.0 * STARTS)

    fine = end(RhoRungeKutta("classical4"), 640)
    counts = (80, 160, 320)
    for solver, order in ((GHVB(2, 0.8), 2), (Momentum(IPNDM(2), 0.8), 1)):
        errors = [np.abs(end(solver, n) - fine).max() for n in counts]
        observed = -np.polyfit(np.log(counts), np.log(errors), 1)[0]
        assert observed == pytest.approx(order, abs=0.25)


SDE = {
    "order 1": (multistep(1, eta=1.0), 1),
    "2M": (multistep(2, eta=1.0), 2),
    "2M heun": (multistep(2, eta=1.0, solver_type="taylor"), 2),
    "3M": (multistep(3, eta=1.0), 2),
    "3M as published": (multistep(3, eta=1.0, variant=PUBLISHED), 2),
    "3M of diffusers": (multistep(3, eta=1.0, variant="diffusers_sde"), 1),
}


@pytest.mark.parametrize("name", SDE)
def test_18_5_variances_of_sde_solvers(name: str) -> None:
    solver, order = SDE[name]
    ve = VarianceExploding(0.05, 20.0)
    _, variance = exact_law(20.0, 0.05)
    counts = (64, 128, 256)
    errors = [abs(impulse_response(solver, ve, make_grid(ve, n))[1] - variance) for n in counts]
    observed = -np.polyfit(np.log(counts), np.log(errors), 1)[0]
    assert observed == pytest.approx(order, abs=0.25)
