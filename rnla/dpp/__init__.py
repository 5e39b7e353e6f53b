"""Determinantal point processes and volume sampling on finite ground sets."""

from __future__ import annotations

from ._record import DppSample
from .greedy_elimination import GreedyElimination, greedy_elimination
from .ground_set import GroundSet, ground_set
from .k_dpp import k_dpp, k_dpp_inclusion_probabilities
from .l_ensemble import l_ensemble, likelihood_kernel, marginal_kernel
from .lu_dpp import dpp_lu
from .mcmc import exchange_steps, mcmc_k_dpp
from .projection_dpp import projection_dpp
from .volume import volume_sample

__all__ = [
    "DppSample",
    "GreedyElimination",
    "GroundSet",
    "dpp_lu",
    "exchange_steps",
    "greedy_elimination",
    "ground_set",
    "k_dpp",
    "k_dpp_inclusion_probabilities",
    "l_ensemble",
    "likelihood_kernel",
    "marginal_kernel",
    "mcmc_k_dpp",
    "projection_dpp",
    "volume_sample",
]
