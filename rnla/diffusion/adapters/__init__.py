"""Bridges to diffusers and k-diffusion: their models and configurations here, our solvers there."""

from __future__ import annotations

from .k_diffusion import as_denoiser, from_denoiser, sample_function
from .scheduler_config import SchedulerConfig

__all__ = ["SchedulerConfig", "as_denoiser", "from_denoiser", "sample_function"]
