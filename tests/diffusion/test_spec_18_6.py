"""18.6 in one table: solvers that are one method, each beside a near relative that is not."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import pytest
from scipy.integrate import quad

from rnla.diffusion import FixedNoise, Flow, Grid, Solver, VarianceExploding, make_grid
from rnla.diffusion.solvers import (
    DDIM,
    DEIS,
    DPM2,
    EDM,
    GHVB,
    IPNDM,
    USF,
    Ancestral,
    DCSolver,
    DPMSolver,
    DPMSolverMultistep,
    DPMSolverPPSDE,
    DualFast,
    FlowMatching,
    Momentum,
    MRSampler,
    RhoRungeKutta,
    UniPC,
)
from rnla.diffusion.solvers.usf import ramp

from .fixtures import STARTS, VP, gmm_a, log_snr_grid, run, sine_noise

STEPS = 8


def multistep(order: int, **options: Any) -> DPMSolverMultistep:
    return DPMSolverMultistep(order=order, lower_order_final=False, **options)


def unip(order: int, solver_type: Any = "bh2", form: Any = "x0") -> UniPC:
    return UniPC(
        order=order,
        form=form,
        solver_type=solver_type,
        corrector=False,
        lower_order_final=False,
    )


@dataclass(frozen=True)
class Pair:
    first: Solver
    second: Solver
    wrong: Solver  # close to both, and another method
    grid: str = "log_snr"


PAIRS = {
    "SDE++1 at eta 1 is DDIM at eta 1": Pair(
        multistep(1, eta=1.0), DDIM(eta=1.0), DDIM(eta=1.0, variance="large")
    ),
    "UniP-2 bh2 is 2M midpoint": Pair(unip(2), multistep(2), unip(2, "bh1")),
    "UniP-2 bh2 is 2M midpoint, eps": Pair(
        unip(2, form="eps"), multistep(2, form="eps"), unip(2, "bh1", "eps")
    ),
    "UniP-3 is the corrected 3M": Pair(
        unip(3, "vary_coeff"),
        multistep(3, solver_type="taylor"),
        multistep(3, solver_type="taylor", variant="as_published_code"),
    ),
    "UniP-3 is USF-3": Pair(
        unip(3, "vary_coeff"),
        USF(ramp(STEPS)),
        multistep(3, solver_type="taylor", variant="as_published_code"),
    ),
    "log rho AB-1 is the Taylor step in eps": Pair(
        DEIS(1, "log_rho"),
        multistep(2, form="eps", solver_type="taylor"),
        multistep(2, form="eps"),
    ),
    "log rho AB-2 is the third-order step in eps": Pair(
        DEIS(2, "log_rho"),
        multistep(3, form="eps", solver_type="taylor"),
        multistep(3, form="eps", solver_type="taylor", variant="as_published_code"),
    ),
    "rho RK-2 is EDM Heun": Pair(RhoRungeKutta("heun2"), EDM(), EDM(node=0.5)),
    "rho RK-2 midpoint is EDM midpoint": Pair(
        RhoRungeKutta("midpoint2"), EDM(node=0.5), DPM2(), "time_uniform"
    ),
    "GHVB at beta 1 is AB-4": Pair(GHVB(4, 1.0), IPNDM(4), GHVB(4, 0.99)),
    "heavy ball at beta 1 is its base": Pair(
        Momentum(IPNDM(4), 1.0), IPNDM(4), Momentum(IPNDM(4), 0.99)
    ),
    "MR Sampler is the Taylor step": Pair(
        MRSampler(order=2), multistep(2, solver_type="taylor"), multistep(2)
    ),
    "DC-Solver at ratios of 1 is UniPC-3": Pair(
        DCSolver(ratios=(1.0,) * STEPS), UniPC(), DCSolver(ratios=(1.01,) * STEPS)
    ),
    "DualFast at one half is 2M midpoint in eps": Pair(
        DualFast(IPNDM(1), 0.5), multistep(2, form="eps"), DualFast(IPNDM(1), 0.25)
    ),
    "SDE++3 at eta 0 is the ODE": Pair(multistep(3, eta=0.0), multistep(3), multistep(3, eta=1e-6)),
    "2S ancestral at eta 0 is 2S": Pair(
        Ancestral(eta=0.0), DPMSolver(form="x0"), Ancestral(eta=1e-3)
    ),
    "DPM-2 ancestral at eta 0 is DPM-2": Pair(
        Ancestral("dpm_2", eta=0.0), DPM2(), Ancestral("dpm_2", eta=1e-3)
    ),
    "the SDE sampler of two stages at eta 0 is 2S": Pair(
        DPMSolverPPSDE(eta=0.0), DPMSolver(form="x0", nodes=(0.5,)), DPMSolverPPSDE(eta=1e-3)
    ),
    "Euler in rho is DDIM": Pair(EDM(node=None), DDIM(), EDM(node=1.0)),
    "all steps of first order are DDIM": Pair(
        multistep(1, form="eps"), DDIM(), multistep(1, eta=1e-6)
    ),
}


def end(solver: Solver, kind: str = "log_snr") -> Any:
    grid = make_grid(VP, STEPS, kind, last=1e-2)
    return run(solver, grid, noise=FixedNoise(sine_noise))


@pytest.mark.parametrize("name", PAIRS)
def test_18_6_one_method(name: str) -> None:
    pair = PAIRS[name]
    ends = [end(solver, pair.grid) for solver in (pair.first, pair.second, pair.wrong)]
    np.testing.assert_allclose(ends[0], ends[1], rtol=0.0, atol=2e-14)
    assert np.abs(ends[0] - ends[2]).max() > 1e-7


def test_18_6_one_half_is_2m_on_grids_uniform_in_half_log_snr_only() -> None:
    ends = [end(s, "time_uniform") for s in (DualFast(IPNDM(1), 0.5), multistep(2, form="eps"))]
    assert np.abs(ends[0] - ends[1]).max() > 1e-2


def test_18_6_flow_matching_euler_is_ddim() -> None:
    flow = Flow()
    grid = make_grid(flow, STEPS, "time_uniform", last=1e-3)
    ends = [
        run(s, grid, schedule=flow) for s in (FlowMatching("euler"), DDIM(), FlowMatching("heun"))
    ]
    np.testing.assert_allclose(ends[0], ends[1], rtol=0.0, atol=1e-14)
    assert np.abs(ends[0] - ends[2]).max() > 1e-2


def test_18_6_rho_ab_with_four_points_is_lms() -> None:
    """k-diffusion's linear multistep of order 4, written out, its integrals by quadrature."""
    ve = VarianceExploding()
    rho = np.geomspace(20.0, 0.05, 9)
    model, x, slopes = gmm_a(), 20.0 * STARTS, []
    for n in range(8):
        slopes.append((x - model(x, ve.level(rho[n]))) / rho[n])
        known = rho[max(0, n - 3) : n + 1][::-1]
        for j, node in enumerate(known):
            others = np.delete(known, j)
            weight = quad(
                lambda r, node=node, others=others: np.prod((r - others) / (node - others)),
                rho[n],
                rho[n + 1],
                epsabs=1e-14,
                epsrel=1e-13,
            )[0]
            x = x + weight * slopes[-1 - j]
    got = run(DEIS(3, "rho"), Grid(rho), schedule=ve, x=20.0 * STARTS)
    np.testing.assert_allclose(got, x, rtol=0.0, atol=1e-12)
    assert np.abs(run(IPNDM(4), Grid(rho), schedule=ve, x=20.0 * STARTS) - x).max() > 1e-3


def test_0_3_the_two_etas_agree_at_0_and_1_only() -> None:
    """The SDE's eta multiplies the variance, that of DDIM the deviation: equal up to h at η²."""
    for steps, eta in ((8, 0.5), (64, 0.5)):
        s, t = log_snr_grid(steps).levels(VP)[:2]
        h = t.half_log_snr - s.half_log_snr
        of_sde, of_ddim = (
            solver.compile(VP, log_snr_grid(steps)).steps[0].stages[-1].noise.coefficient  # type: ignore[union-attr]
            for solver in (multistep(1, eta=eta**2), DDIM(eta=eta))
        )
        assert 1e-3 * h < abs(of_sde / of_ddim - 1.0) < h
