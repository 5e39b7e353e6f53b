"""The scores that each method samples by, and the theorem it rests on (SPEC A9 and §5).

uniform               1                                        no theorem
leverage              tau_i                                    row 1 (p = 2)
root_leverage         tau_i^(p/2), or n^(p/2-1) tau_i^(p/2)    rows 15, 17
lewis                 w_i                                      rows 1, 2, 3, 5
sensitivity           sigma_i                                  rows 10, 11
sensitivity+leverage  sigma_i + tau_i          (p <= 2)        row 13
mixed                 max(tau_i / r, sigma_i / S)   (p > 2)    row 14
even_power            leverage of all degree-p/2 monomials     row 1 in C(r+p/2-1, p/2) columns
recursive             w_i of what root leverage sampling left  rows 16, 18, then as lewis
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from .._result import Status
from ..basis import orthonormal_basis
from ..basis.power import power_view
from ..bounds import (
    leverage,
    leverage_sensitivity_mix,
    lewis_above_two,
    lewis_below_two,
    lewis_one,
    root_leverage_above_two,
    root_leverage_below_two,
    sensitivity_above_two,
    sensitivity_below_two_sharp,
    sensitivity_plus_leverage,
)
from ..sampling import RowSample, root_leverage_recursion
from ..scores import (
    Scores,
    leverage_scores,
    lewis_weights,
    lp_sensitivities,
    root_leverage_scores,
)
from ..tall import TallMatrix, as_tall, rows

__all__ = ["Scoring", "score_rows"]


# Probabilities proportional to weights within 0.1 % cost 0.1 % more rows, and half the iterations.
_LEWIS_TOLERANCE = 1e-3


@dataclass(frozen=True)
class Scoring:
    """Scores, the rank found on the way, the theorem, and its row count with constants 1.

    With `thinned`, the scores belong to the rows of that sample instead of all rows.
    """

    values: Any
    rank: int
    bound: str
    theory: float | None
    status: Status
    total_sensitivity: float | None = None
    thinned: RowSample | None = None


def score_rows(
    A: TallMatrix,
    p: float,
    method: str,
    *,
    eps: float,
    delta: float,
    seed: int,
    total: float | None = None,
) -> Scoring:
    """Compute the scores of one method; `total` is the total sensitivity if already estimated."""
    n = A.shape[0]
    if method == "uniform":
        basis = orthonormal_basis(A, seed=seed)
        text = "none: for some matrices uniform sampling needs every row."
        ones = rows.like(A.scan().row_max, 1.0)
        return Scoring(ones, basis.rank, text, None, basis.status)
    if method == "leverage":
        return _leverage(leverage_scores(A, rng=seed), p, eps)
    if method == "root_leverage":
        root = root_leverage_scores(A, p, rng=seed)
        values = rows.float64(root.values)
        if p == 2.0:
            return _leverage(root, p, eps)
        if p < 2.0:
            theory = root_leverage_below_two(p, root.rank, eps, n=n, delta=delta, logs=False)
            text = "row 15, n^(1-p/2) d^(p/2) polylog / eps^2 rows (Yasuda 2024, Theorem 8.1.1)."
        else:
            theory = root_leverage_above_two(p, root.rank, eps, n=n, delta=delta, logs=False)
            text = "row 17, n^(1-2/p) d polylog / eps^2 rows (Yasuda 2024, Theorem 8.1.1)."
        return Scoring(values, root.rank, text, theory, root.status)
    if method == "lewis":
        lewis = lewis_weights(A, p, tol=_LEWIS_TOLERANCE, rng=seed)
        values = rows.float64(lewis.values)
        text, theory = _lewis_bound(p, lewis.rank, eps)
        return Scoring(values, lewis.rank, text, theory, lewis.status)
    if method == "even_power":
        return _even_power(A, p, eps, seed)
    if method == "recursive":
        return _recursive(A, p, eps, delta, seed)
    return _by_sensitivity(A, p, method, eps, seed, total)


def _leverage(record: Scores, p: float, eps: float) -> Scoring:
    values = rows.float64(record.values)
    if p == 2.0:
        text = "row 1, d log d / eps^2 rows (Yasuda 2024, Theorem 1.3.3)."
        return Scoring(values, record.rank, text, leverage(p, record.rank, eps), record.status)
    text = f"none for leverage scores at p = {p:g}."
    return Scoring(values, record.rank, text, None, record.status)


def _lewis_bound(p: float, rank: int, eps: float) -> tuple[str, float]:
    if p == 1.0:
        text = "row 2, d log(d/eps) / eps^2 rows (Cohen and Peng 2015)."
        return text, lewis_one(p, rank, eps)
    if p < 2.0:
        text = "row 3, d log(d/eps) loglog(d/eps) / eps^2 rows (Yasuda 2024, Theorem 6.1.9)."
        return text, lewis_below_two(p, rank, eps)
    if p == 2.0:
        text = "row 1, d log d / eps^2 rows (Yasuda 2024, Theorem 1.3.3)."
        return text, leverage(p, rank, eps)
    text = "row 5, d^(p/2) (log d)^2 log(d/eps) / eps^2 rows (Yasuda 2024, Theorem 6.1.11)."
    return text, lewis_above_two(p, rank, eps)


def _even_power(A: TallMatrix, p: float, eps: float, seed: int) -> Scoring:
    view = power_view(A, int(p) // 2)
    record = leverage_scores(view, rng=seed)
    values = rows.float64(record.values)
    rank = orthonormal_basis(A, seed=seed).rank
    text = (
        "row 1 for the monomials of degree p/2, whose squared norm is the p-th power exactly: "
        f"D log D / eps^2 rows with D = {record.rank}."
    )
    A.passes += view.passes
    return Scoring(values, rank, text, leverage(2.0, record.rank, eps), record.status)


def _recursive(A: TallMatrix, p: float, eps: float, delta: float, seed: int) -> Scoring:
    """Thin by root leverage to distortion eps/2, then weigh what is left (SPEC A12)."""
    A = A.gathered()
    thinning = root_leverage_recursion(
        A,
        p,
        leverage=lambda M: np.asarray(leverage_scores(M, rng=seed)),
        eps=eps / 2,
        delta=delta,
        rng=seed,
    )
    left = thinning.sample
    lewis = lewis_weights(as_tall(left @ A, require_tall=False), p, tol=_LEWIS_TOLERANCE, rng=seed)
    text, theory = _lewis_bound(p, lewis.rank, eps)
    sizes = " -> ".join(str(size) for size in thinning.sizes)
    return Scoring(
        np.asarray(lewis.values, dtype=np.float64),
        lewis.rank,
        f"rows 16 and 18 (Yasuda 2024, Theorem 8.1.1) for thinning {sizes} rows, then {text}",
        theory,
        lewis.status,
        thinned=left,
    )


def _by_sensitivity(
    A: TallMatrix, p: float, method: str, eps: float, seed: int, total: float | None
) -> Scoring:
    record = lp_sensitivities(A, p, rng=seed)
    sigma = np.asarray(record.values, dtype=np.float64)
    rank, S = record.rank, float(np.sum(sigma)) if total is None else total
    if method == "sensitivity":
        if p <= 2.0:
            text = "row 10, S d^(1-p/2) / eps^2 rows up to logs (Chen and Derezinski 2021)."
            theory = sensitivity_below_two_sharp(p, S, eps, d=rank)
        else:
            text = "row 11, S^(2-2/p) / eps^2 rows up to logs (Woodruff and Yasuda 2023)."
            theory = sensitivity_above_two(p, S, eps)
        return Scoring(sigma, rank, text, theory, record.status, S)
    leverage = np.asarray(leverage_scores(A, rng=seed).values, dtype=np.float64)
    if method == "sensitivity+leverage":
        text = "row 13, (S + d) / eps^2 rows up to logs (Munteanu and Omlor 2024)."
        theory = sensitivity_plus_leverage(p, S, eps, d=rank)
        return Scoring(sigma + leverage, rank, text, theory, record.status, S)
    text = "row 14, d^(2/p) S^(2-4/p) / eps^2 rows up to logs (Woodruff and Yasuda 2023, abstract)."
    theory = leverage_sensitivity_mix(p, S, eps, d=rank)
    mixture = np.maximum(leverage / rank, sigma / S)
    return Scoring(mixture, rank, text, theory, record.status, S)
