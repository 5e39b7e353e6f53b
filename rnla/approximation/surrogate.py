"""`Surrogate`: a cheap function in the place of a dear one, with what is known about its error.

It wraps the weighted least-squares fit that was found and how it was found. Files are .npz archives
of plain names, numbers and arrays, without pickled objects.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, fields
from typing import Any

import numpy.typing as npt

from .._errors import ArgumentTypeError, argument_error
from .._result import Status
from ..sampling._archive import damage_reported, read_archive, write_archive
from ._plain import Arrays, pack, unpack
from .sobol import SobolIndices
from .weighted_fit import WeightedFit

__all__ = ["Failure", "Round", "Surrogate"]

Array = npt.NDArray[Any]


@dataclass(frozen=True, eq=False)
class Round:
    """One round of an adaptive approximation.

    Attributes
    ----------
    evaluations : int
        Evaluations of the function up to and with this round, failed ones included.
    dimension : int
        Dimension m of the space.
    squared_error : float or ndarray, shape (k,)
        The estimated squared error of the best approximation.
    interval : tuple of two floats or ndarrays
        The interval for it.
    lambda_min : float
        Smallest eigenvalue of the weighted Gram matrix.
    """

    evaluations: int
    dimension: int
    squared_error: Any
    interval: tuple[Any, Any]
    lambda_min: float


@dataclass(frozen=True)
class Failure:
    """An evaluation that gave no finite value.

    Attributes
    ----------
    point : tuple of float
        Where.
    reason : str
        What the function returned or raised.
    """

    point: tuple[float, ...]
    reason: str


@dataclass(frozen=True, eq=False)
class Surrogate:
    """A function of a space in the place of one whose evaluations are dear.

    Call it to evaluate it. With k outputs every number per output is an array of shape (k,).

    Parameters
    ----------
    fit : WeightedFit
        The fit; everything it knows is at hand as `surrogate.fit`.
    history : sequence of Round
        How the error went down.
    evaluations : int, optional
        Evaluations of the function in all, failed and superseded ones included; those in the fit
        if not given.
    guarantee : str
        What was proved about the error, in words.
    status : Status
        How the approximation ended.
    failures : sequence of Failure
        Evaluations that failed.

    Raises
    ------
    ArgumentTypeError
        If `fit` is no WeightedFit.

    Examples
    --------
    >>> import numpy as np
    >>> from rnla.approximation import TensorBasis, Uniform, volume_design
    >>> from rnla.approximation import weighted_least_squares
    >>> basis = TensorBasis(Uniform(), 6)
    >>> design = volume_design(basis, 30, rng=0)
    >>> surrogate = Surrogate(weighted_least_squares(basis, design, lambda x: np.exp(x[:, 0])))
    >>> x = np.array([0.5])
    >>> bool(abs(surrogate(x) - np.exp(x)) < 1e-5)
    True
    >>> surrogate.gradient(x).round(2).tolist()
    [[1.65]]
    >>> round(surrogate.mean, 5), round(surrogate.std, 5)
    (1.1752, 0.65752)
    """

    fit: WeightedFit
    history: Sequence[Round] = ()
    evaluations: int | None = None
    guarantee: str = ""
    status: Status = Status.OK
    failures: Sequence[Failure] = ()

    def __post_init__(self) -> None:
        if not isinstance(self.fit, WeightedFit):
            raise argument_error(
                "fit",
                type(self.fit).__name__,
                "a WeightedFit",
                "Pass what rnla.weighted_least_squares returned.",
                kind=ArgumentTypeError,
            )
        object.__setattr__(self, "history", tuple(self.history))
        object.__setattr__(self, "failures", tuple(self.failures))
        if self.evaluations is None:
            object.__setattr__(self, "evaluations", self.fit.size + self.fit.failed.size)

    def __repr__(self) -> str:
        return (
            f"Surrogate(d={self.fit.design.points.shape[1]}, m={self.fit.dimension}, "
            f"evaluations={self.evaluations}, squared_error={self.squared_error}, "
            f"status={self.status.name})"
        )

    def __call__(self, x: Any) -> Array:
        """Evaluate at points x, shape (n, d) or (n,); the result is (n,) or (n, k)."""
        return self.fit(x)

    def gradient(self, x: Any) -> Array:
        """First derivatives at points x (n, d), shape (n, d) or (n, k, d)."""
        return self.fit.gradient(x)

    def conditional_mean(self, coordinates: int | Iterable[int], x: Any) -> Array:
        """Means over all other coordinates; see `WeightedFit.conditional_mean`."""
        return self.fit.conditional_mean(coordinates, x)

    @property
    def mean(self) -> Any:
        """Mean under the measure."""
        return self.fit.mean

    @property
    def variance(self) -> Any:
        """Variance under the measure."""
        return self.fit.variance

    @property
    def std(self) -> Any:
        """Standard deviation under the measure."""
        return self.fit.std

    @property
    def covariance(self) -> Any:
        """Covariances of the outputs under the measure, shape (k, k)."""
        return self.fit.covariance

    @property
    def sobol(self) -> SobolIndices:
        """Sobol indices of the surrogate, exactly from its coefficients."""
        return self.fit.sobol

    @property
    def squared_error(self) -> Any:
        """Estimated squared L2 error of the best approximation in the space."""
        return self.fit.squared_error

    @property
    def interval(self) -> tuple[Any, Any]:
        """Interval for what `squared_error` estimates."""
        return self.fit.interval

    @property
    def expected_squared_error(self) -> Any:
        """Estimated bound of the mean squared L2 error of the surrogate itself."""
        return self.fit.expected_squared_error

    @property
    def stability(self) -> float:
        """lambda_min of the design at the points used: 1 is best, 0 useless."""
        return self.fit.lambda_min

    def save(self, path: str | os.PathLike[str]) -> None:
        """Write an .npz archive of plain arrays; `Surrogate.load` reads back the same bits.

        Raises
        ------
        ArgumentTypeError
            If the space is no `TensorBasis` of measures and families of this package.
        """
        arrays: Arrays = {}
        content = {entry.name: pack(getattr(self, entry.name), arrays) for entry in fields(self)}
        write_archive(path, arrays, {"content": content}, "Surrogate")

    @classmethod
    def load(cls, path: str | os.PathLike[str]) -> Surrogate:
        """Read what `save` wrote.

        Raises
        ------
        DamagedFileError
            If the file is not such an archive, is cut short, fails its checksums, or names a
            measure or family that this version does not know.
        FileNotFoundError
            If there is no file.
        """
        arrays, meta = read_archive(path, "Surrogate")
        records = {"WeightedFit": WeightedFit, "Round": Round, "Failure": Failure}
        with damage_reported(path, "Surrogate"):
            given = {
                name: unpack(entry, arrays, records) for name, entry in meta["content"].items()
            }
            surrogate = cls(**given)
            fit = surrogate.fit
            outputs = fit.coefficients.shape[1:]
            if (
                fit.coefficients.dtype.kind not in "fc"
                or fit.coefficients.shape != (fit.basis.dimension, *outputs)
                or fit.leave_one_out.shape != (fit.design.size, *outputs)
            ):
                raise ValueError("coefficients and residuals that do not fit the basis and design")
            return surrogate
