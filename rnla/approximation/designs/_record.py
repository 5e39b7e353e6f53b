"""`Design`: points, their weights w = dmu/dnu, the law that drew them, and how stable they are.

A design exists before any function value does: it can be saved, sent to where the function is
evaluated, and read back. O(n d) memory; files are .npz archives without pickled objects.
"""

from __future__ import annotations

import math
import os
from dataclasses import dataclass, replace
from typing import Any, TypeVar

import numpy as np
import numpy.typing as npt

from ..._errors import argument_error, check_fraction, check_size, check_whole
from ...sampling._archive import damage_reported, read_archive, write_archive
from ..measures import as_floats
from ..measures._base import refuse_device

__all__ = ["Design"]

Vector = npt.NDArray[np.float64]
IntVector = npt.NDArray[np.int64]
Scalar = TypeVar("Scalar", bound=np.generic)

_DROP = "Drop the offending entries."
_ARRAYS = ("points", "weights", "row_norms", "origin")
_NUMBERS = ("lambda_min", "lambda_max")
_COUNTS = ("dimension", "seed", "draw", "proposals", "tries", "independent")
_META = ("law", "dimension", "draw", "proposals", "tries", "unbiased", "delta", "independent")


@dataclass(frozen=True, eq=False)
class Design:
    """Points at which a function is to be evaluated, for weighted least squares.

    Parameters
    ----------
    points : array_like of float, shape (n, d) or (n,)
        The points, one per row; kept as (n, d). Repeated points are allowed.
    weights : array_like of float, shape (n,), optional
        What each squared residual counts: w = dmu/dnu for points of law nu. Ones if not given.
    law : str
        How the points were drawn.
    dimension : int, optional
        Dimension m of the space that the design was drawn for; 0 if it is not tied to one.
    seed, draw : int
        The draw with this number under this seed repeats the design.
    proposals : int
        Points proposed to get these, rejected ones included.
    tries : int
        Whole designs drawn to get this one.
    unbiased : bool
        Whether the weighted least-squares fit at these points has the best approximation as its
        mean, for every square-integrable function (SPEC P6).
    lambda_min, lambda_max : float
        Extreme eigenvalues of the weighted Gram matrix G of the space at these points; nan if
        the design is not tied to a space.
    delta : float, optional
        The stability event that was imposed, lambda_min >= 1 - delta; None without conditioning.
    row_norms : array_like of float, shape (n,), optional
        sqrt(w k), the norms of the weighted feature rows: sqrt(m) under optimal weights. Kept
        because w may underflow, and k overflow, where their product is moderate.
    independent : int
        The last so many points are independent draws of (k/m) mu, which `nested_design` can use
        again for a larger space.
    origin : array_like of int, shape (n,), optional
        Row of each point in the design that this one grew from, -1 for a new point.

    Raises
    ------
    ArgumentError, ArgumentTypeError
        If points or weights are not finite, a weight is negative, or lengths disagree.

    Examples
    --------
    >>> design = Design([0.0, 0.5, 1.0], law="user")
    >>> design.points.shape, design.weights
    ((3, 1), array([1., 1., 1.]))
    """

    points: Vector
    weights: Vector | None = None
    law: str = "user"
    dimension: int = 0
    seed: int = 0
    draw: int = 0
    proposals: int = 0
    tries: int = 1
    unbiased: bool = False
    lambda_min: float = math.nan
    lambda_max: float = math.nan
    delta: float | None = None
    row_norms: Vector | None = None
    independent: int = 0
    origin: IntVector | None = None

    def __post_init__(self) -> None:
        points = as_floats(self.points, "points", "finite real numbers, shape (n, d)", _DROP)
        if points.ndim == 1:
            points = points[:, None]
        if points.ndim != 2 or not points.shape[0]:
            raise argument_error(
                "points",
                f"shape {points.shape}",
                "at least one point, shape (n, d)",
                "Pass one point per row.",
            )
        n = points.shape[0]
        object.__setattr__(self, "points", _frozen(points))
        weights = np.ones(n) if self.weights is None else self.weights
        object.__setattr__(self, "weights", _column(weights, "weights", n))
        for name in _COUNTS:
            object.__setattr__(self, name, check_whole(getattr(self, name), name))
        if self.row_norms is not None:
            object.__setattr__(self, "row_norms", _column(self.row_norms, "row_norms", n))
        if self.origin is not None:
            origin = np.array(self.origin)
            if origin.shape != (n,) or origin.dtype.kind not in "iu":
                raise argument_error(
                    "origin",
                    f"shape {origin.shape}, dtype {origin.dtype}",
                    f"{n} integers, one per point",
                    "Pass -1 for a new point.",
                )
            object.__setattr__(self, "origin", _frozen(origin.astype(np.int64)))

    def __repr__(self) -> str:
        return (
            f"Design({self.size} points in {self.points.shape[1]}-d, law={self.law!r}, "
            f"dimension={self.dimension}, seed={self.seed}, lambda_min={self.lambda_min:.3g}, "
            f"lambda_max={self.lambda_max:.3g})"
        )

    def __len__(self) -> int:
        return self.size

    @property
    def size(self) -> int:
        """Number of points n."""
        return int(self.points.shape[0])

    @property
    def condition(self) -> float:
        """Condition number of the weighted Gram matrix; inf for a singular one."""
        return self.lambda_max / self.lambda_min if self.lambda_min > 0.0 else math.inf

    @property
    def distance(self) -> float:
        """||G - I||_2: how far the discrete norm is from the true one on the space."""
        return max(abs(self.lambda_min - 1.0), abs(self.lambda_max - 1.0))

    @property
    def error_factor(self) -> float:
        """1 + m^2/n under volume-rescaled sampling with weights m/k, else inf.

        The squared L2 error of the weighted fit is on average at most this many times that of the
        best approximation, for every function (SPEC P12).
        """
        if not (self.unbiased and self.law in ("volume", "projection-dpp")):
            return math.inf
        return 1.0 + self.dimension**2 / self.size

    def stable(self, delta: float = 0.5, *, two_sided: bool = False) -> bool:
        """Whether lambda_min(G) >= 1 - delta or, two-sided, ||G - I||_2 <= delta."""
        bound = check_fraction(delta, "delta")
        return self.distance <= bound if two_sided else self.lambda_min >= 1.0 - bound

    def take(self, rows: Any) -> Design:
        """The design of some of its points; not unbiased, and its stability is not known."""
        refuse_device(rows, "rows")
        kept = np.asarray(rows)
        if kept.dtype.kind not in "iub" or kept.ndim != 1 or not np.arange(self.size)[kept].size:
            raise argument_error(
                "rows",
                repr(rows),
                "a vector of row numbers or a mask, of one row at least",
                "Pass for instance np.flatnonzero(wanted).",
            )
        norms = None if self.row_norms is None else self.row_norms[kept]
        assert self.weights is not None
        return replace(
            self,
            points=self.points[kept],
            weights=self.weights[kept],
            row_norms=norms,
            origin=None if self.origin is None else self.origin[kept],
            independent=0,
            unbiased=False,
            lambda_min=math.nan,
            lambda_max=math.nan,
        )

    def save(self, path: str | os.PathLike[str]) -> None:
        """Write an .npz archive of plain arrays; `Design.load` reads back the same bits."""
        arrays = {name: getattr(self, name) for name in _ARRAYS if getattr(self, name) is not None}
        arrays["stability"] = np.array([getattr(self, name) for name in _NUMBERS])
        meta = {
            # Seeds may exceed 64 bits, so they travel as text.
            "seed": str(self.seed),
            **{name: getattr(self, name) for name in _META},
        }
        write_archive(path, arrays, meta, "Design")

    @classmethod
    def load(cls, path: str | os.PathLike[str]) -> Design:
        """Read what `save` wrote.

        Raises
        ------
        DamagedFileError
            If the file is not such an archive, is cut short, or fails its checksums.
        FileNotFoundError
            If there is no file.
        """
        arrays, meta = read_archive(path, "Design")
        with damage_reported(path, "Design"):
            stability = arrays["stability"]
            return cls(
                arrays["points"],
                arrays["weights"],
                law=str(meta["law"]),
                dimension=int(meta["dimension"]),
                seed=int(meta["seed"]),
                draw=int(meta["draw"]),
                proposals=int(meta["proposals"]),
                tries=int(meta["tries"]),
                unbiased=bool(meta["unbiased"]),
                lambda_min=float(stability[0]),
                lambda_max=float(stability[1]),
                delta=None if meta["delta"] is None else float(meta["delta"]),
                row_norms=arrays.get("row_norms"),
                independent=int(meta["independent"]),
                origin=arrays.get("origin"),
            )


def check_count(n: object, m: int) -> int:
    """A number of points, at least the dimension of the space."""
    count = check_size(n, name="n")
    if count < m:
        raise argument_error(
            "n",
            count,
            f"at least the dimension {m} of the space",
            "Ask for more points, or use fewer functions.",
        )
    return count


def _column(values: object, name: str, n: int) -> Vector:
    expected = f"{n} non-negative numbers, one per point"
    column = as_floats(values, name, expected, _DROP)
    if column.shape != (n,):
        remedy = f"Pass one of the {name} for each row of points."
        raise argument_error(name, f"shape {column.shape}", expected, remedy)
    if column.min() < 0.0:
        raise argument_error(name, f"{column.min()!r}", expected, "Weights count squares.")
    return _frozen(column)


def _frozen(array: npt.NDArray[Scalar]) -> npt.NDArray[Scalar]:
    array.setflags(write=False)
    return array
