"""scikit-learn estimators around the solvers and samplers of rnla.

They take arrays, data frames and SciPy sparse matrices in memory, work in pipelines and in
model selection, and pass scikit-learn's own checks of estimators. For rows in files, on a cluster
or generated on the fly call the functions they wrap. Names load on first use.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

from .._errors import import_optional

if TYPE_CHECKING:
    from .lp_regressor import LpRegressor as LpRegressor
    from .lp_row_sampler import LpRowSampler as LpRowSampler
    from .quantile_regressor import QuantileRegressor as QuantileRegressor
    from .randomized_ridge import RandomizedRidge as RandomizedRidge

_EXPORTS = {
    "LpRegressor": "lp_regressor",
    "LpRowSampler": "lp_row_sampler",
    "QuantileRegressor": "quantile_regressor",
    "RandomizedRidge": "randomized_ridge",
}

__all__ = ["LpRegressor", "LpRowSampler", "QuantileRegressor", "RandomizedRidge"]


def __getattr__(name: str) -> Any:
    if name in _EXPORTS:
        import_optional("sklearn", extra="sklearn", purpose="which defines what an estimator is")
        return getattr(importlib.import_module(f".{_EXPORTS[name]}", __name__), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    return __all__
