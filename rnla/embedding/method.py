"""Which method: the decision table of `lp_subspace_embedding(method="auto")` (SPEC §6).

====================================  ==================================================
case                                  choice
====================================  ==================================================
p = 2                                 leverage (its scores are the Lewis weights)
p < 2, Lewis iterations affordable    lewis (d log d rows, theorems 2 and 3)
p < 2, n d^2 too large for them, no   recursive: thinned by root leverage scores in two or
GPU                                   three rounds, then Lewis weights of what remains
p > 2, total sensitivity far below    sensitivity or mixed, whichever bound is smaller and
rank^(p/2)                            at most half of the Lewis bound
p > 20                                sensitivity or mixed
p > 2 otherwise                       lewis (d^(p/2) rows, theorem 5)
====================================  ==================================================

For p > 2 the total sensitivity is estimated first, by about 30 constrained solves on a sample; not
for rows on a GPU, which take Lewis weights.
"""

from __future__ import annotations

from dataclasses import dataclass

from .._errors import argument_error
from ..bounds import leverage_sensitivity_mix, lewis_above_two, power_columns, sensitivity_above_two
from ..scores import total_sensitivity
from ..tall import TallMatrix

__all__ = ["METHODS", "Choice", "check_method", "choose_method"]

METHODS = (
    "uniform",
    "leverage",
    "root_leverage",
    "lewis",
    "sensitivity",
    "sensitivity+leverage",
    "mixed",
    "even_power",
    "recursive",
)

LARGEST_LEWIS_P = 20.0
# About a quarter of an hour of Lewis iterations on two cores; above it the recursion is cheaper.
_LEWIS_BUDGET_FLOPS = 5e13
_LEWIS_ITERATIONS = 8
# Columns of the even power: its d x d algebra stays below a few seconds.
MAX_POWER_COLUMNS = 2000


@dataclass(frozen=True)
class Choice:
    """A method, the reason in a sentence, and the total sensitivity if it was estimated."""

    method: str
    reason: str
    total_sensitivity: float | None = None


def check_method(method: str, p: float, d: int) -> None:
    """Raise unless `method` exists and applies to this p and d."""
    if method not in METHODS:
        choices = ", ".join(repr(name) for name in ("auto", *METHODS))
        raise argument_error(
            "method", repr(method), f"one of {choices}", "Use method='auto' if unsure."
        )
    if method == "sensitivity+leverage" and p > 2:
        raise argument_error("method", f"{method!r} with p = {p:g}", "p <= 2", "Use 'mixed'.")
    if method == "mixed" and p <= 2:
        raise argument_error(
            "method", f"{method!r} with p = {p:g}", "p > 2", "Use 'sensitivity+leverage'."
        )
    if method == "even_power":
        if p % 2 != 0:
            raise argument_error(
                "method", f"{method!r} with p = {p:g}", "an even integer p", "Use method='lewis'."
            )
        columns = power_columns(d, p)
        if columns > MAX_POWER_COLUMNS:
            raise argument_error(
                "method",
                f"{method!r} with {columns} monomials of degree {p / 2:g} in {d} columns",
                f"at most {MAX_POWER_COLUMNS} monomials",
                "Use method='lewis'.",
            )


def choose_method(A: TallMatrix, p: float, eps: float, rank: int, seed: int) -> Choice:
    """Walk the decision table above."""
    n, d = A.shape
    if p == 2.0:
        return Choice("leverage", "For p = 2 leverage scores are the right scores.")
    if p < 2.0:
        if A.is_on_device or 4.0 * _LEWIS_ITERATIONS * n * d * d <= _LEWIS_BUDGET_FLOPS:
            return Choice("lewis", "For p < 2 Lewis weights need the fewest rows for every matrix.")
        return Choice(
            "recursive",
            "The matrix is so large that rows are first thinned by root leverage scores; Lewis "
            "weights are taken of what remains.",
        )
    if A.is_on_device and p <= LARGEST_LEWIS_P:
        return Choice("lewis", "The total sensitivity is not estimated for rows on a GPU.")
    S = total_sensitivity(A, p, rng=seed).value
    lewis = lewis_above_two(p, rank, eps, logs=False)
    options = {
        "sensitivity": sensitivity_above_two(p, S, eps, logs=False),
        "mixed": leverage_sensitivity_mix(p, S, eps, d=rank, logs=False),
    }
    best = min(options, key=lambda name: options[name])
    if p > LARGEST_LEWIS_P:
        return Choice(best, f"Lewis weights are computed up to p = {LARGEST_LEWIS_P:g} only.", S)
    if 2.0 * options[best] <= lewis:
        return Choice(
            best,
            f"The total sensitivity, about {S:.3g}, is far below rank^(p/2) = {rank ** (p / 2):.3g}"
            f": the bound for this method is {lewis / options[best]:.2g} times below that for "
            "Lewis weights.",
            S,
        )
    return Choice(
        "lewis",
        f"The total sensitivity, about {S:.3g}, is too close to rank^(p/2) = {rank ** (p / 2):.3g} "
        "for sensitivity sampling to need fewer rows.",
        S,
    )
