"""Designs redrawn until they are stable, and the best of several (SPEC A13).

Conditioning on lambda_min(G) >= 1 - delta makes the fit stable almost surely; its mean squared
error is at most 1 + min(1/(1-delta), m/(n (1-delta)^2)) / P(stable) times the best. The best of M
draws has a density of at most M times that of one (Haberstich, Nouy and Perrin, "Boosted optimal
weighted least-squares"). Expected cost: one draw over the probability of the event; M times that.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

from ..._errors import (
    ArgumentTypeError,
    ConvergenceError,
    argument_error,
    check_fraction,
    check_size,
)
from ...random import RNGLike, Stream, resolve_seed
from ._record import Design

__all__ = ["boosted_design", "conditioned_design"]

Sampler = Callable[..., Design]


def conditioned_design(
    sampler: Sampler,
    *arguments: Any,
    delta: float = 0.5,
    two_sided: bool = False,
    cap: int = 1000,
    rng: RNGLike = None,
    draw: int = 0,
    **options: Any,
) -> Design:
    """Redraw a whole design until it is stable.

    Parameters
    ----------
    sampler : callable
        A design function such as `iid_design`, `volume_design` or `repeated_dpp_design`.
    *arguments
        What it takes: the basis and the number of points.
    delta : float
        The event: lambda_min(G) >= 1 - delta.
    two_sided : bool
        Whether ||G - I||_2 <= delta is asked for instead; condition number at most
        (1 + delta) / (1 - delta).
    cap : int
        Most designs drawn.
    rng : None, int, numpy.random.Generator or numpy.random.SeedSequence
        Seed; see `rnla.resolve_seed`.
    draw : int
        Number of the draw under this seed.
    **options
        Further keywords of the sampler.

    Returns
    -------
    Design
        Stable for certain, with `delta` and `tries` recorded. Conditioning destroys unbiasedness:
        `unbiased` is False.

    Raises
    ------
    ConvergenceError
        If the cap is reached; `result` is the most stable design seen.
    ArgumentError, ArgumentTypeError
        If the arguments are not what the sampler takes.

    Notes
    -----
    Works on arrays in host memory.

    Examples
    --------
    >>> from rnla.approximation import TensorBasis, Uniform, iid_design
    >>> basis = TensorBasis(Uniform(), 4)
    >>> design = conditioned_design(iid_design, basis, 20, rng=0)
    >>> design.stable(0.5)
    True
    """
    return boosted_design(
        sampler,
        *arguments,
        best_of=1,
        delta=delta,
        two_sided=two_sided,
        cap=cap,
        rng=rng,
        draw=draw,
        **options,
    )


def boosted_design(
    sampler: Sampler,
    *arguments: Any,
    best_of: int = 100,
    delta: float = 0.5,
    two_sided: bool = True,
    cap: int = 1000,
    rng: RNGLike = None,
    draw: int = 0,
    **options: Any,
) -> Design:
    """Keep the design nearest to an isometry out of several, and redraw until it is stable.

    Parameters
    ----------
    sampler : callable
        A design function such as `iid_design`, `volume_design` or `repeated_dpp_design`.
    *arguments
        What it takes: the basis and the number of points.
    best_of : int
        Number M of designs in one round; the one with the smallest ||G - I||_2 is kept.
    delta : float
        The event that ends the rounds: ||G - I||_2 <= delta.
    two_sided : bool
        False asks for lambda_min(G) >= 1 - delta only.
    cap : int
        Most rounds.
    rng : None, int, numpy.random.Generator or numpy.random.SeedSequence
        Seed; see `rnla.resolve_seed`.
    draw : int
        Number of the draw under this seed.
    **options
        Further keywords of the sampler.

    Returns
    -------
    Design
        Stable for certain, with `delta` and `tries` recorded; not unbiased.

    Raises
    ------
    ConvergenceError
        If the cap is reached; `result` is the most stable design seen.
    ArgumentError, ArgumentTypeError
        If the arguments are not what the sampler takes.

    Notes
    -----
    Works on arrays in host memory.

    Examples
    --------
    >>> from rnla.approximation import TensorBasis, Uniform, iid_design
    >>> basis = TensorBasis(Uniform(), 4)
    >>> design = boosted_design(iid_design, basis, 30, best_of=10, rng=0)
    >>> design.stable(0.5, two_sided=True)
    True
    """
    if not callable(sampler):
        raise argument_error(
            "sampler",
            type(sampler).__name__,
            "a design function",
            "Pass for example rnla.approximation.iid_design.",
            kind=ArgumentTypeError,
        )
    bound = check_fraction(delta, "delta")
    size = check_size(best_of, name="best_of")
    rounds = check_size(cap, name="cap")
    seed = resolve_seed(rng)
    child = Stream(seed, f"conditioned/{draw}").key
    best: Design | None = None
    proposals = 0
    for attempt in range(rounds):
        numbers = range(attempt * size, (attempt + 1) * size)
        candidates = [sampler(*arguments, rng=child, draw=i, **options) for i in numbers]
        if not all(isinstance(design, Design) for design in candidates):
            raise argument_error(
                "sampler",
                f"a function that returns {type(candidates[0]).__name__}",
                "a function that returns a Design",
                "Pass for example rnla.approximation.iid_design.",
                kind=ArgumentTypeError,
            )
        proposals += sum(design.proposals for design in candidates)
        kept = min(candidates, key=lambda design: design.distance)
        if kept.stable(bound, two_sided=two_sided):
            return replace(
                kept,
                law=_law(kept.law, size),
                seed=seed,
                draw=draw,
                delta=bound,
                tries=(attempt + 1) * size,
                proposals=proposals,
                unbiased=False,
                independent=0,
            )
        if best is None or kept.lambda_min > best.lambda_min:
            best = kept
    assert best is not None
    raise ConvergenceError(
        f"cap: got {rounds} rounds without a stable design (best lambda_min "
        f"{best.lambda_min:.3g}); expected the event with delta = {bound:g}. "
        "Draw more points, raise delta, or use repeated_dpp_design.",
        best,
    )


def _law(law: str, size: int) -> str:
    return f"conditioned {law}" if size == 1 else f"best of {size} {law}"
