"""Solvers, one file each; `get_solver` finds them by name, their classes load on first use."""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

from ._base import Solver as Solver
from ._registry import get_solver as get_solver
from ._registry import register as register
from ._registry import solver_aliases as solver_aliases
from ._registry import solver_names as solver_names

_EXPORTS = {
    "Ancestral": "ancestral",
    "DCSolver": "dc_solver",
    "DDIM": "ddim",
    "Corrector": "_decisions",
    "Decision": "_decisions",
    "DEIS": "deis",
    "DPM2": "dpm_2",
    "DPMSolverAdaptive": "dpm_adaptive",
    "DPMSolver": "dpm_solver",
    "DPMSolverFast": "dpm_solver_fast",
    "DPMSolverMultistep": "dpm_solver_pp",
    "DPMSolverPPSDE": "dpmpp_sde",
    "DPMSolverV3": "dpm_solver_v3",
    "DualFast": "dual_fast",
    "EDM": "edm",
    "FlowMatching": "flow_matching",
    "GHVB": "ghvb",
    "IPNDM": "ipndm",
    "Momentum": "momentum",
    "MRSampler": "mr_sampler",
    "PNDM": "pndm",
    "RhoRungeKutta": "rho_rk",
    "UniPC": "unipc",
    "USF": "usf",
}

if TYPE_CHECKING:
    from ._decisions import Corrector as Corrector
    from ._decisions import Decision as Decision
    from .ancestral import Ancestral as Ancestral
    from .dc_solver import DCSolver as DCSolver
    from .ddim import DDIM as DDIM
    from .deis import DEIS as DEIS
    from .dpm_2 import DPM2 as DPM2
    from .dpm_adaptive import DPMSolverAdaptive as DPMSolverAdaptive
    from .dpm_solver import DPMSolver as DPMSolver
    from .dpm_solver_fast import DPMSolverFast as DPMSolverFast
    from .dpm_solver_pp import DPMSolverMultistep as DPMSolverMultistep
    from .dpm_solver_v3 import DPMSolverV3 as DPMSolverV3
    from .dpmpp_sde import DPMSolverPPSDE as DPMSolverPPSDE
    from .dual_fast import DualFast as DualFast
    from .edm import EDM as EDM
    from .flow_matching import FlowMatching as FlowMatching
    from .ghvb import GHVB as GHVB
    from .ipndm import IPNDM as IPNDM
    from .momentum import Momentum as Momentum
    from .mr_sampler import MRSampler as MRSampler
    from .pndm import PNDM as PNDM
    from .rho_rk import RhoRungeKutta as RhoRungeKutta
    from .unipc import UniPC as UniPC
    from .usf import USF as USF

__all__ = sorted(["Solver", "get_solver", "register", "solver_aliases", "solver_names", *_EXPORTS])


def __getattr__(name: str) -> Any:
    if name not in _EXPORTS:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(importlib.import_module(f".{_EXPORTS[name]}", __name__), name)


def __dir__() -> list[str]:
    return sorted({*globals(), *_EXPORTS})
