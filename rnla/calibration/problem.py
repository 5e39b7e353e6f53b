"""`Problem`: data, operators and what is known about both, with the products of the linear system.

y_l = D A_l x (+ noise) is linear in the reciprocal gains s = 1/d and the signal: the residual of
K (s; x) is y_l o s - A_l x, and K (s; x) = 0 for exact data (Ling and Strohmer, arXiv 1611.04196).
One product with K or its adjoint costs one product with every A_l; K itself is never formed.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from .._errors import argument_error, check_positive
from ._measurements import checked_basis, checked_measurements, checked_weights, root_mean_square
from ._models import check_model
from ._squares import squares
from .operators import DenseOperators, Operators, as_operators
from .operators._base import Array, refuse_device, working_dtype

__all__ = ["Problem"]


class Problem:
    """Measurements of unknown signals through sensors of unknown gains.

    Parameters
    ----------
    Y : array_like, shape (..., p, m)
        Measurement l at sensor i. Leading axes number independent problems with the same
        operators. nan marks a missing value; infinities are refused.
    operators : Operators, or what `as_operators` takes
        A_1, …, A_p from n unknowns to m sensors; one map for ``model="snapshots"``.
    model : {"repeated", "diverse", "snapshots"}
        y_l = D A_l x (one signal), y_l = D A_l x_l (a signal each), or y_l = D A x_l (one map).
    weights : array_like, broadcastable to Y, optional
        Not negative; 0 for missing, else inversely proportional to the variance of the noise.
    gain_basis : array_like, shape (m, k), optional
        The reciprocal gains lie in the span of these columns: 1 / d = B v. A basis of d itself is
        not linear; see `constraint` of `calibrate`.
    noise : float, optional
        Root mean square |e| of the noise of an entry of weight one.

    Attributes
    ----------
    data : ndarray, shape (..., p, m)
        Y divided by `scale`, zero where missing.
    weights : ndarray, shape (..., p, m), or None
        Real; None if every value counts the same.
    scale : ndarray, shape (..., 1, 1)
        Root mean square of the values of each problem.
    dtype, real_dtype : dtype
        Of the arithmetic: complex if the data, the operators or the basis are.

    Raises
    ------
    ArgumentError, ArgumentTypeError
        For shapes that do not fit, entries that are not finite, negative weights, data that are
        zero or missing altogether.

    Notes
    -----
    Signals have shape (..., n) in the repeated model and (..., p, n) in the others. No input is
    modified; memory is two arrays of the size of Y, three with weights.

    Examples
    --------
    >>> import numpy as np
    >>> from rnla.calibration import Problem
    >>> rng = np.random.default_rng(0)
    >>> A, x, d = rng.standard_normal((3, 8, 4)), rng.standard_normal(4), 1 + rng.random(8)
    >>> problem = Problem(d * (A @ x), A)
    >>> bool(np.abs(problem.residual(1 / d, x / problem.scale[0])).max() < 1e-14)
    True
    """

    def __init__(
        self,
        Y: npt.ArrayLike,
        operators: Any,
        *,
        model: str = "repeated",
        weights: npt.ArrayLike | None = None,
        gain_basis: npt.ArrayLike | None = None,
        noise: float | None = None,
    ) -> None:
        self.model = check_model(model)
        self.operators: Operators = as_operators(operators)
        # What was made of operators without weights: parts of a batch and steps of a calibration
        # share it.
        self.factors: dict[Any, Any] = {}
        given = checked_measurements(Y)
        self.p, self.m = int(given.shape[-2]), int(given.shape[-1])
        self.n = self.operators.shape[2]
        self.batch_shape: tuple[int, ...] = given.shape[:-2]
        self._check_operators()
        self.gain_basis = None if gain_basis is None else checked_basis(gain_basis, self.m)
        basis = [] if self.gain_basis is None else [self.gain_basis.dtype]
        self.dtype = working_dtype(given.dtype, self.operators.dtype, *basis)
        self.real_dtype = np.empty(0, dtype=self.dtype).real.dtype
        if self.operators.real_dtype != self.real_dtype:
            kind = _kind(self.operators.dtype)
            self.operators = self.operators.astype(working_dtype(self.real_dtype, kind))
        valid = ~np.isnan(given)
        self.weights = checked_weights(weights, valid, self.real_dtype)
        self.noise = None if noise is None else check_positive(noise, "noise")
        data = given
        if self.weights is not None:
            data = np.where(self.weights > 0, given, 0)
        self.scale = self._unit(data)
        self.data: Array = (data / self.scale).astype(self.dtype, copy=False)

    def __repr__(self) -> str:
        basis = "" if self.gain_basis is None else f", k={self.k}"
        batch = f", batch={self.batch_shape}" if self.batch_shape else ""
        return (
            f"Problem({self.model}, p={self.p}, m={self.m}, n={self.n}{basis}{batch}, "
            f"dtype={self.dtype})"
        )

    # -- sizes ---------------------------------------------------------------------------------

    @property
    def k(self) -> int:
        """Number of unknowns of the reciprocal gains: m, or the columns of the basis."""
        return self.m if self.gain_basis is None else int(self.gain_basis.shape[1])

    @property
    def repeated(self) -> bool:
        """Whether one signal serves all measurements."""
        return self.model == "repeated"

    @property
    def signal_size(self) -> int:
        """Number of unknowns of the signal: n, or p n."""
        return self.n if self.repeated else self.p * self.n

    @property
    def signal_shape(self) -> tuple[int, ...]:
        """Shape of the signal of one problem: (n,) or (p, n)."""
        return (self.n,) if self.repeated else (self.p, self.n)

    @property
    def seen_unknowns(self) -> Array:
        """Unknowns of the signals that have a value to be found from, shape (...).

        Of a signal for each measurement, not those of measurements that are missing.
        """
        if self.weights is None or self.repeated:
            return np.full(self.batch_shape, self.signal_size)
        values = np.count_nonzero(self.weights, axis=-1)
        return np.asarray(np.minimum(values, self.n).sum(axis=-1))

    @property
    def valid_counts(self) -> Array:
        """Number of values that count at each sensor, shape (..., m)."""
        if self.weights is None:
            return np.full((*self.batch_shape, self.m), self.p)
        return np.asarray(np.count_nonzero(self.weights, axis=-2))

    # -- products ------------------------------------------------------------------------------

    def synthesis(self, x: Array) -> Array:
        """A_l x (or A_l x_l) for every l: (..., n) or (..., p, n) to (..., p, m)."""
        return self.operators.apply(x[..., None, :] if self.repeated else x)

    def analysis(self, u: Array) -> Array:
        """The adjoint of `synthesis`: sum_l A_l^* u_l, or A_l^* u_l for every l."""
        back = self.operators.adjoint(u)
        return back.sum(axis=-2) if self.repeated else back

    def weighted(self, u: Array) -> Array:
        """Values times their weights."""
        return u if self.weights is None else u * self.weights

    def predict(self, d: Array, x: Array) -> Array:
        """The model D A_l x, shape (..., p, m), in units of `scale`."""
        return d[..., None, :] * self.synthesis(x)

    def residual(self, s: Array, x: Array) -> Array:
        """K (s; x) without weights: y_l o s - A_l x, shape (..., p, m)."""
        result: Array = self.data * s[..., None, :] - self.synthesis(x)
        return result

    def adjoint_residual(self, r: Array) -> tuple[Array, Array]:
        """K^* W r: the part of the reciprocal gains, and that of the signal."""
        weighted = self.weighted(r)
        return (self.data.conj() * weighted).sum(axis=-2), -self.analysis(weighted)

    def gamma(self) -> Array:
        """Diagonal of Gamma = sum_l diag(w_l |y_l|^2), shape (..., m), real."""
        return squares(self.data, "...lm", "...m", self.weights)

    def cross(self, x: Array) -> Array:
        """C x = sum_l diag(conj y_l) W_l A_l x, shape (..., m)."""
        result: Array = (self.data.conj() * self.weighted(self.synthesis(x))).sum(axis=-2)
        return result

    def cross_adjoint(self, s: Array) -> Array:
        """C^* s, of the shape of the signal."""
        return self.analysis(self.weighted(self.data * s[..., None, :]))

    def gram(self, x: Array) -> Array:
        """G x = A^* W A x, of the shape of the signal."""
        return self.analysis(self.weighted(self.synthesis(x)))

    def with_weights(self, weights: Array | None) -> Problem:
        """The same problem with other weights (which must vanish where a value is missing)."""
        refuse_device(weights, "weights")
        other = object.__new__(Problem)
        other.__dict__.update(self.__dict__)
        other.weights = None if weights is None else np.broadcast_to(weights, self.data.shape)
        return other

    def astype(self, dtype: npt.DTypeLike) -> Problem:
        """The same problem in the precision of `dtype`, real or complex as it is."""
        other = self.with_weights(self.weights)
        real = np.empty(0, dtype=dtype).real.dtype
        other.real_dtype = working_dtype(real)
        other.dtype = working_dtype(real, _kind(self.dtype))
        other.data = self.data.astype(other.dtype)
        other.factors = {}
        other.operators = self.operators.astype(working_dtype(real, _kind(self.operators.dtype)))
        if self.weights is not None:
            other.weights = self.weights.astype(real)
        if self.gain_basis is not None:
            other.gain_basis = self.gain_basis.astype(
                working_dtype(real, _kind(self.gain_basis.dtype))
            )
        return other

    def rescaled(self, scale: float) -> Problem:
        """The same problem with another unit of the data."""
        other = self.with_weights(self.weights)
        other.data = self.data * (self.scale / scale).astype(self.real_dtype)
        other.scale = np.full_like(self.scale, scale)
        return other

    def select(self, place: tuple[int, ...]) -> Problem:
        """One problem of the batch."""
        other = self.with_weights(None)
        other.weights = None if self.weights is None else self.weights[place]
        other.batch_shape = ()
        other.data, other.scale = self.data[place], self.scale[place]
        if isinstance(self.operators, DenseOperators) and self.operators.A.ndim > 3:
            other.operators = DenseOperators(self.operators.A[place])
            other.factors = {}
        return other

    def take(self, measurements: Array) -> Problem:
        """Some of the measurements through one map, all of which share the scale."""
        other = self.with_weights(None)
        other.p = len(measurements)
        other.data = self.data[..., measurements, :]
        if self.weights is not None:
            other.weights = self.weights[..., measurements, :]
        return other

    def part(self, rows: slice) -> Problem:
        """Some problems of the batch, flattened."""
        other = self.with_weights(None)
        tail = (self.p, self.m)
        other.data = self.data.reshape(-1, *tail)[rows]
        other.scale = self.scale.reshape(-1, 1, 1)[rows]
        other.batch_shape = (len(other.data),)
        if self.weights is not None:
            other.weights = self.weights.reshape(-1, *tail)[rows]
        if isinstance(self.operators, DenseOperators) and self.operators.A.ndim > 3:
            A = self.operators.A
            whole = np.broadcast_to(A, (*self.batch_shape, *A.shape[-3:]))
            other.operators = DenseOperators(whole.reshape(-1, *A.shape[-3:])[rows])
            other.factors = {}
        return other

    def _unit(self, data: Array) -> Array:
        return root_mean_square(data, self.valid_counts, self.real_dtype)

    # -- checks --------------------------------------------------------------------------------

    def _check_operators(self) -> None:
        maps, m, n = self.operators.shape
        if m != self.m:
            got = f"operators with m = {m} for Y with {self.m} sensors"
            remedy = "Y has one row for each measurement and one column for each sensor."
            raise argument_error("operators", got, "the last axis of Y to have length m", remedy)
        if self.model == "snapshots" and maps != 1:
            got = f"{maps} maps of {m} x {n}"
            remedy = "Pass the one matrix A, or model='diverse' for different maps."
            raise argument_error("operators", got, "one map for model='snapshots'", remedy)
        if self.model != "snapshots" and maps != self.p:
            got = f"{maps} map(s) for {self.p} measurement(s)"
            remedy = "Pass one map for each row of Y, or model='snapshots' for one map."
            raise argument_error("operators", got, f"{self.p} maps", remedy)


def _kind(dtype: np.dtype[Any]) -> np.dtype[Any]:
    return np.dtype(np.complex64 if dtype.kind == "c" else np.float32)
