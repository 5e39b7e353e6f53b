"""`calibrate`: from measurements and operators to gains, signals and a verdict.

What is asked for is checked here, with the counts; `_course` does it.
"""

from __future__ import annotations

import math
from dataclasses import replace
from typing import Any

import numpy as np
import numpy.typing as npt

from .._errors import ArgumentTypeError, argument_error, check_positive, check_size
from ..random import RNGLike, resolve_seed
from ._course import Options, solve
from ._record import Calibration
from ._starts import STARTS
from .canonical_correlation import SOLVERS, default_tolerance
from .cramer_rao import is_small
from .identifiability import check_identifiable
from .polish import Constraint
from .problem import Problem
from .sampled import FULL_SWEEPS, sample_snapshots

__all__ = ["calibrate"]

METHODS = ("auto", *STARTS)
_SAMPLED = f", on a sample of the snapshots first and then {FULL_SWEEPS} times on all"
_PROBLEMS_WITH_ERRORS = 16


def calibrate(
    Y: npt.ArrayLike,
    operators: Any,
    *,
    model: str = "repeated",
    method: str = "auto",
    solver: str = "lanczos",
    weights: npt.ArrayLike | None = None,
    gain_basis: npt.ArrayLike | None = None,
    constraint: Constraint = None,
    polish: str | None = "auto",
    robust: bool = False,
    sample: int | None = None,
    standard_errors: bool | str = "auto",
    noise: float | None = None,
    reference: int | None = None,
    precision: str = "full",
    tol: float | None = None,
    max_iter: int = 1000,
    max_sweeps: int = 50,
    rng: RNGLike = 0,
) -> Calibration:
    """Find the gains of sensors and the signals they measured, from the measurements alone.

    Parameters
    ----------
    Y : array_like, shape (..., p, m)
        Measurement l at sensor i, real or complex; nan where missing. Leading axes number
        independent problems with the same operators.
    operators : Operators, array_like, sparse arrays or LinearOperators
        A_1, …, A_p from n unknowns to m sensors, or one map for ``model="snapshots"``: see
        `rnla.calibration.as_operators`.
    model : {"repeated", "diverse", "snapshots"}
        y_l = D A_l x; y_l = D A_l x_l; y_l = D A x_l, with D = diag(gains).
    method : str
        The linear method: "auto", "canonical_correlation", "linear_least_squares", "spectral",
        "elimination" or "reweighting"; see Notes.
    solver : {"lanczos", "power", "block_krylov"}
        Of the canonical correlation.
    weights : array_like, optional
        Reciprocal variances of the noise, 0 for missing; broadcast to Y.
    gain_basis : array_like, shape (m, k), optional
        The reciprocal gains are combinations of these columns.
    constraint : None, "phase", "positive", array_like of shape (m, k), or callable
        On the gains, met by the polish: modulus one, real and not negative, in the span of the
        columns, or what a function makes of them.
    polish : {"auto", "als", None}
        Alternating least squares after the linear method ("auto" and "als" are the same), within
        the `gain_basis` if there is one.
    robust : bool
        Leave out values above four medians of their sensor in the linear method, and reweight by
        residuals in the polish: for gross errors in a few per cent of the data.
    sample : int, optional
        With ``model="snapshots"`` and far more snapshots than unknowns: solve on this many, drawn
        by leverage, and finish with three sweeps over all. 8 n is a good number.
    standard_errors : bool or "auto"
        Whether to compute the Cramer-Rao bound at the answer. "auto": for up to 16 problems of
        m + n <= 2000 unknowns.
    noise : float, optional
        Root mean square of the noise of a value of weight one.
    reference : int, optional
        Sensor whose gain is made positive; without one the mean of all gains is. It is also the
        sensor that linear least squares fixes.
    precision : {"full", "mixed"}
        "mixed" finds the canonical correlation in single precision first and refines it.
    tol : float, optional
        Of the canonical correlation: default 1e-12, or 2e-6 for data in single precision.
    max_iter : int
        Iterations of the linear method.
    max_sweeps : int
        Sweeps of the polish.
    rng : int, Generator, SeedSequence or None
        For the start vectors.

    Returns
    -------
    Calibration

    Raises
    ------
    ArgumentError, ArgumentTypeError
        For shapes that do not fit, infinities, data that are zero; for fewer measurements than
        unknowns, with the bound and the smallest p that would do; for p = 1 without `gain_basis`;
        for arrays on a GPU, with the conversion.

    Notes
    -----
    What "auto" chooses: the canonical correlation, always. It is exact for exact data like the
    other two, is not misled by weak sensors or random phases, needs the fewest products, and its
    gap is the certificate. "linear_least_squares" and "spectral" are the baselines of Ling and
    Strohmer (arXiv 1611.04196); "elimination" and "reweighting" suit pipelines that must end with
    a linear solve (``polish=None``). With them the canonical correlation still supplies `sigma`
    and `status`.

    The test for ambiguity is gap < max(3 (1 - sigma_1), 1e-3), or sensors that share no unknowns
    with the others, or standard errors that are infinite. Memory: a few arrays of the size of
    Y (one more for large data and Fourier operators), the factors of dense operators, one vector
    of length m for each iteration of Lanczos.

    Works on arrays in host memory: convert CuPy arrays with ``cupy.asnumpy`` first.

    Examples
    --------
    >>> import numpy as np
    >>> from rnla import calibrate
    >>> rng = np.random.default_rng(0)
    >>> A = rng.standard_normal((4, 16, 8)) + 1j * rng.standard_normal((4, 16, 8))
    >>> x, d = rng.standard_normal(8), np.exp(2j * np.pi * rng.random(16))
    >>> found = calibrate(d * (A @ x), A)
    >>> found.status.name
    'OK'
    >>> bool(np.allclose(found.gains * (A @ found.signal), d * (A @ x)))
    True
    """
    chosen = _check_options(method, solver, polish, precision, robust, standard_errors)
    problem = Problem(
        Y, operators, model=model, weights=weights, gain_basis=gain_basis, noise=noise
    )
    check_identifiable(problem)
    basis = gain_basis is not None
    polishing = robust or polish is not None
    if constraint is not None and not polishing:
        remedy = "Leave polish out; for reciprocal gains in a subspace gain_basis is enough."
        got = "a constraint without the polish that meets it"
        raise argument_error("constraint", got, "None for polish=None", remedy)
    if basis and (robust or constraint is not None):
        name = "robust" if robust else "constraint"
        got, remedy = "one with a gain_basis", "Leave out one of them."
        raise argument_error(name, got, "one of the two", remedy)
    if sample is not None and (robust or not polishing):
        remedy = "Leave out one of them."
        got = "a sample with robust=True or without a polish"
        raise argument_error("sample", got, "polish='als' alone", remedy)
    few = is_small(problem) and math.prod(problem.batch_shape) <= _PROBLEMS_WITH_ERRORS
    options = Options(
        method=chosen,
        solver=solver,
        constraint=constraint,
        polishing=polishing,
        robust=robust,
        errors=few if standard_errors == "auto" else bool(standard_errors),
        reference=None if reference is None else _sensor(reference, problem.m),
        precision=precision,
        tol=default_tolerance(problem) if tol is None else check_positive(tol, "tol"),
        max_iter=check_size(max_iter, name="max_iter"),
        max_sweeps=check_size(max_sweeps, name="max_sweeps"),
        seed=resolve_seed(rng),
        reason=_reason(method, polishing, robust, basis),
    )
    if sample is not None:
        # Outside of the parts of a batch, so that all problems share the snapshots.
        chosen_snapshots = sample_snapshots(problem, sample, seed=options.seed)
        if len(chosen_snapshots) < problem.p:
            options = replace(options, snapshots=chosen_snapshots, reason=options.reason + _SAMPLED)
    return solve(problem, options)


def _check_options(
    method: str,
    solver: str,
    polish: str | None,
    precision: str,
    robust: bool,
    standard_errors: bool | str,
) -> str:
    for name, value, allowed in (
        ("method", method, METHODS),
        ("solver", solver, SOLVERS),
        ("polish", polish, ("auto", "als", None)),
        ("precision", precision, ("full", "mixed")),
        ("robust", robust, (False, True)),
        ("standard_errors", standard_errors, ("auto", False, True)),
    ):
        if value not in allowed:
            expected = f"one of {', '.join(map(str, allowed))}"
            remedy = "The first is the one to take if unsure."
            raise argument_error(name, repr(value), expected, remedy)
    return "canonical_correlation" if method == "auto" else method


def _sensor(reference: object, m: int) -> int:
    if isinstance(reference, bool) or not isinstance(reference, (int, np.integer)):
        got = f"{reference!r} ({type(reference).__name__})"
        remedy = "Pass the number of a sensor, counted from 0."
        kind = ArgumentTypeError
        raise argument_error("reference", got, "an integer", remedy, kind=kind)
    if not 0 <= reference < m:
        remedy = "Pass the number of a sensor, counted from 0."
        raise argument_error("reference", reference, f"an integer of 0 to {m - 1}", remedy)
    return int(reference)


def _reason(method: str, polishing: bool, robust: bool, basis: bool) -> str:
    if method == "auto":
        text = "canonical correlation: fewest products, not misled by weak sensors or phases"
    else:
        text = f"{method} as asked for"
    if robust:
        return text + "; polished by reweighted alternating least squares"
    if polishing:
        where = " within the subspace of the reciprocal gains" if basis else ""
        return text + "; polished by alternating least squares" + where
    return text + "; not polished, as asked for"
