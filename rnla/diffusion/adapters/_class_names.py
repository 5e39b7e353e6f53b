"""Scheduler classes of diffusers: which solver each is, and which keys its configuration has.

Every class has the keys of its family; a key that is not listed is refused, since an option that
is silently dropped changes samples. Options that have no counterpart are accepted at the value that
switches them off.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from ..._errors import argument_error, check_choice, check_size

__all__ = ["translate"]

Config = Mapping[str, Any]
Options = dict[str, Any]

# Keys that mean the same here, and their defaults in diffusers.
_TABLE = {
    "num_train_timesteps": 1000,
    "beta_start": 0.0001,
    "beta_end": 0.02,
    "beta_schedule": "linear",
    "trained_betas": None,
    "prediction_type": "epsilon",
    "steps_offset": 0,
    "rescale_betas_zero_snr": False,
}
_CUTS = {
    "clip_sample": False,
    "clip_sample_range": 1.0,
    "thresholding": False,
    "dynamic_thresholding_ratio": 0.995,
    "sample_max_value": 1.0,
}
_SIGMAS = {
    "use_karras_sigmas": False,
    "use_exponential_sigmas": False,
    "use_beta_sigmas": False,
    "use_lu_lambdas": False,
    "use_flow_sigmas": False,
    "flow_shift": 1.0,
    "final_sigmas_type": "zero",
    "lambda_min_clipped": -math.inf,
}
_FLOW = {"num_train_timesteps": 1000, "shift": 1.0}
# Keys of which only these values have a counterpart, for classes that do not list them.
_OFF: dict[str, tuple[Any, ...]] = {
    "variance_type": (None, "fixed_small", "fixed_small_log", "fixed_large", "fixed_large_log"),
    "use_dynamic_shifting": (False,),
    "time_shift_type": ("exponential",),
    "invert_sigmas": (False,),
    "shift_terminal": (None,),
    "stochastic_sampling": (False,),
    "solver_p": (None,),
    "interpolation_type": ("linear",),
    "timestep_type": ("discrete",),
    "sigma_min": (None,),
    "sigma_max": (None,),
    **{key: (False,) for key in _SIGMAS if key.startswith("use_")},
    "noise_sampler_seed": (None,),
}
_IGNORED = ("base_shift", "max_shift", "base_image_seq_len", "max_image_seq_len")  # dynamic only


@dataclass(frozen=True)
class _Class:
    solver: Callable[[Config], tuple[str, Options]]
    keys: Config
    spacing: str = "linspace"  # by default
    after_end: bool = False  # one timestep more, the cleanest dropped
    alpha_to_one: bool = False  # the key set_alpha_to_one says how the grid ends


_ALGORITHMS = ("dpmsolver++", "dpmsolver", "sde-dpmsolver++", "sde-dpmsolver")


def _order(config: Config) -> bool | int:
    """diffusers lowers the order at the end of grids of fewer than 15 steps, and at sigma = 0."""
    return 15 if config["lower_order_final"] else False


def _ddim(config: Config) -> tuple[str, Options]:
    return "ddim", {}


def _ddpm(config: Config) -> tuple[str, Options]:
    large = str(config["variance_type"]).startswith("fixed_large")
    return "ddim", {"eta": 1.0, "variance": "large" if large else "posterior"}


def _multistep(config: Config) -> tuple[str, Options]:
    kind = config["algorithm_type"]
    check_choice(kind, "algorithm_type", _ALGORITHMS)
    check_choice(config["solver_type"], "solver_type", ("midpoint", "heun"))
    stochastic = kind.startswith("sde-")
    return "dpmpp_2m", {
        "order": config["solver_order"],
        "form": "x0" if kind.endswith("++") else "eps",
        "solver_type": "taylor" if config["solver_type"] == "heun" else "midpoint",
        "eta": 1.0 if stochastic else 0.0,
        "lower_order_final": _order(config),
    }


def _unipc(config: Config) -> tuple[str, Options]:
    return "unipc", {
        "order": config["solver_order"],
        "form": "x0" if config["predict_x0"] else "eps",
        "solver_type": config["solver_type"],
        "disable_corrector": tuple(config["disable_corrector"]),
        "lower_order_final": bool(config["lower_order_final"]),
    }


def _deis(config: Config) -> tuple[str, Options]:
    return "deis_log_rho", {
        "degree": check_size(config["solver_order"], 4, name="solver_order") - 1
    }


def _plain(name: str) -> Callable[[Config], tuple[str, Options]]:
    return lambda config: (name, {})


_MULTISTEP = _TABLE | _CUTS | _SIGMAS | {"timestep_spacing": "linspace"}
_ORDERS = {"solver_order": 2, "lower_order_final": True, "solver_type": "midpoint"}
_DISCRETE = (
    _TABLE
    | _SIGMAS
    | {"timestep_spacing": "linspace", "clip_sample": False, "clip_sample_range": 1.0}
)

_CLASSES = {
    "DDIMScheduler": _Class(
        _ddim,
        _TABLE
        | _CUTS
        | {"clip_sample": True, "timestep_spacing": "leading", "set_alpha_to_one": True},
        alpha_to_one=True,
    ),
    "DDPMScheduler": _Class(
        _ddpm,
        _TABLE
        | _CUTS
        | {"clip_sample": True, "timestep_spacing": "leading", "variance_type": "fixed_small"},
    ),
    "PNDMScheduler": _Class(
        lambda config: ("plms" if config["skip_prk_steps"] else "pndm", {}),
        _TABLE
        | {"timestep_spacing": "leading", "set_alpha_to_one": False, "skip_prk_steps": False},
        alpha_to_one=True,
    ),
    "DPMSolverMultistepScheduler": _Class(
        _multistep,
        _MULTISTEP | _ORDERS | {"algorithm_type": "dpmsolver++", "euler_at_final": False},
        after_end=True,
    ),
    "UniPCMultistepScheduler": _Class(
        _unipc,
        _MULTISTEP | _ORDERS | {"solver_type": "bh2", "predict_x0": True, "disable_corrector": ()},
        after_end=True,
    ),
    "DEISMultistepScheduler": _Class(
        _deis,
        _MULTISTEP | _ORDERS | {"algorithm_type": "deis", "solver_type": "logrho"},
        after_end=True,
    ),
    "EulerDiscreteScheduler": _Class(_plain("ddim"), _DISCRETE),
    "EulerAncestralDiscreteScheduler": _Class(_plain("euler_ancestral"), _DISCRETE),
    "HeunDiscreteScheduler": _Class(_plain("heun"), _DISCRETE),
    "LMSDiscreteScheduler": _Class(_plain("lms"), _DISCRETE),
    "KDPM2DiscreteScheduler": _Class(_plain("dpm_2"), _DISCRETE),
    "FlowMatchEulerDiscreteScheduler": _Class(_plain("ddim"), _FLOW),
}


def _any_class(config: Config) -> _Class:
    """For a configuration that does not say its class: what all keys mean, and our own solver."""
    keys = {key for kind in _CLASSES.values() for key in kind.keys}
    defaults = {key: value for key, value in _MULTISTEP.items() if key in config}
    rest = {key: config[key] for key in keys & set(config)}
    return _Class(_plain("dpmpp_2m"), defaults | rest, alpha_to_one="set_alpha_to_one" in config)


def translate(config: Config, name: str | None = None) -> Options:
    """Values of `SchedulerConfig` for the configuration of a diffusers scheduler.

    diffusers writes the class into files, as ``"_class_name"``, but not into the configuration of
    a scheduler that was made in memory; then `name` may say it. Without any the solver is ours.
    """
    name = config.get("_class_name", name)
    if name is not None and (not isinstance(name, str) or name not in _CLASSES):
        raise argument_error(
            "config",
            f"_class_name {name!r}",
            "one of " + ", ".join(sorted(_CLASSES)),
            "Describe the sampler by SchedulerConfig(solver=..., spacing=...) itself.",
        )
    kind = _any_class(config) if name is None else _CLASSES[name]
    given = {key: value for key, value in config.items() if not key.startswith("_")}
    known = {*kind.keys, *_OFF, *_IGNORED}
    for key in given:
        if key not in known:
            raise argument_error(
                "config",
                f"key {key!r} of {name or 'a scheduler'}",
                "keys of that scheduler: " + ", ".join(sorted(known)),
                "Remove the key, or set what it means by SchedulerConfig.",
            )
    for key, values in _OFF.items():
        if key in given and key not in kind.keys and given[key] not in values:
            raise _no_counterpart(key, given[key], values)
    full = {**kind.keys, **given}
    if full.get("variance_type") not in _OFF["variance_type"]:
        raise _no_counterpart("variance_type", full["variance_type"], _OFF["variance_type"])
    if full.get("euler_at_final"):
        raise _no_counterpart("euler_at_final", True, (False,))
    solver, options = kind.solver(full)
    return {
        "solver": solver,
        "solver_options": options,
        **{key: full[key] for key in _TABLE if key in full},
        **_path(name or "", full),
        **_spacing(kind, full),
        **_cuts(full),
    }


def _no_counterpart(key: str, value: Any, values: tuple[Any, ...]) -> Exception:
    return argument_error(
        "config",
        f"{key} {value!r}",
        "one of " + ", ".join(map(repr, values)),
        "That option has no counterpart here.",
    )


def _path(name: str, full: Config) -> Options:
    if name.startswith("FlowMatch"):
        return {"path": "flow", "shift": full["shift"], "prediction_type": "flow_prediction"}
    if full.get("use_flow_sigmas"):
        return {"path": "flow", "shift": full["flow_shift"]}
    return {"path": "vp"}


def _spacing(kind: _Class, full: Config) -> Options:
    end = full.get("final_sigmas_type", "zero")
    if kind.alpha_to_one:
        end = "zero" if full["set_alpha_to_one"] else "sigma_min"
    spacing = full.get("timestep_spacing", kind.spacing)
    if kind.after_end and spacing in ("linspace", "leading"):
        spacing += "_after_end"
    for key, value in (
        ("use_karras_sigmas", "karras"),
        ("use_exponential_sigmas", "exponential"),
        ("use_lu_lambdas", "log_snr"),
        ("use_beta_sigmas", "beta"),
    ):
        if full.get(key):
            spacing = value
    clipped = full.get("lambda_min_clipped", -math.inf)
    return {"spacing": spacing, "end": end, "lambda_min_clipped": clipped}


def _cuts(full: Config) -> Options:
    kind = None
    if full.get("thresholding"):
        kind = "dynamic"
    elif full.get("clip_sample"):
        kind = "static"
    return {
        "thresholding": kind,
        "threshold": full.get("clip_sample_range", 1.0) if kind == "static" else 1.0,
        "threshold_quantile": full.get("dynamic_thresholding_ratio", 0.995),
        "threshold_maximum": full.get("sample_max_value", 1.0),
    }
