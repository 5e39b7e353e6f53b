"""The names of k-diffusion that are other solvers of this library with other defaults.

K. Crowson's k-diffusion works with x / alpha and rho = sigma / alpha, on which every solver here
depends alone. Its samplers are

    sample_euler, sample_heun           EDM, of one and two stages, with its churn
    sample_euler_ancestral              DDIM with eta = 1: down by Euler, then noise, is the
                                        posterior of the Markov chain
    sample_lms                          DEIS with polynomials in rho
    sample_dpm_2                        DPM2
    sample_dpm_2_ancestral, sample_dpmpp_2s_ancestral     Ancestral
    sample_dpmpp_sde                    DPMSolverPPSDE
    sample_dpmpp_2m, sample_dpmpp_2m_sde, sample_dpmpp_3m_sde    DPMSolverMultistep, which then
                                        keeps its order up to the last step above sigma = 0
    sample_dpm_fast, sample_dpm_adaptive    DPMSolverFast, DPMSolverAdaptive

`get_solver` takes these names as they stand. Cost: that of the solver named.
"""

from __future__ import annotations

from functools import partial

from ._registry import register
from .ddim import DDIM
from .dpm_solver_pp import DPMSolverMultistep
from .edm import EDM

__all__: list[str] = []

register("euler", partial(EDM, node=None), aliases=("sample_euler", "EulerDiscreteScheduler"))
register("heun", EDM, aliases=("sample_heun", "HeunDiscreteScheduler"))
register(
    "euler_ancestral",
    partial(DDIM, eta=1.0),
    aliases=("sample_euler_ancestral", "EulerAncestralDiscreteScheduler"),
)

_kept = partial(DPMSolverMultistep, lower_order_final=False)
register("k_dpmpp_2m", _kept, aliases=("sample_dpmpp_2m",))
register("k_dpmpp_2m_sde", partial(_kept, eta=1.0), aliases=("sample_dpmpp_2m_sde",))
register("k_dpmpp_3m_sde", partial(_kept, order=3, eta=1.0), aliases=("sample_dpmpp_3m_sde",))
