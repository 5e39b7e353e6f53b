"""How many rows a sketch needs: theorems with every constant, and what measurements suggest.

A subspace embedding is (1 - eps) ||Ax||^2 <= ||SAx||^2 <= (1 + eps) ||Ax||^2 for all x at once,
with probability 1 - delta, for any A of rank d. Where the literature leaves constants open, a
weaker statement with a short proof stands in, and `practical` gives the size at which the kind was
measured to hold. O(1) work, no data.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

from .._errors import argument_error, check_fraction, check_size
from .p_stable import check_stable, distribution_function, median_of_absolute

__all__ = ["SketchSize", "estimate_size", "size_for"]


@dataclass(frozen=True)
class SketchSize:
    """Rows for one kind of sketch.

    Attributes
    ----------
    kind : str
    rows : int
        What the theorem asks for; no unknown constants.
    practical : int
        Rows at which the embedding was measured to hold (`tests/sketch`), without a proof except
        for Gaussian sketches, where both agree.
    nnz : int or None
        Entries per column meant, for sparse kinds.
    source : str
        Theorem and publication, or how the number follows.
    """

    kind: str
    rows: int
    practical: int
    nnz: int | None
    source: str


def gaussian_rows(d: int, eps: float, delta: float) -> float:
    """Davidson and Szarek: singular values in 1 +- (sqrt(d) + t) / sqrt(s), 2 exp(-t^2/2)."""
    t = math.sqrt(2.0 * math.log(2.0 / delta))
    return ((math.sqrt(d) + t) / (math.sqrt(1.0 + eps) - 1.0)) ** 2


def net_rows(d: int, eps: float, delta: float) -> float:
    """Johnson-Lindenstrauss for every point of a net of radius r on the unit sphere of R^d.

    A symmetric M has norm at most max |x^T M x| / (1 - 2 r) over the (1 + 2/r)^d points of the net,
    and one vector errs by more than e with probability 2 exp(-(s/2) (e^2/2 - e^3/3)) (Achlioptas).
    """
    sizes = []
    for radius in (k / 200 for k in range(1, 80)):
        e = eps * (1.0 - 2.0 * radius)
        exponent = d * math.log(1.0 + 2.0 / radius) + math.log(2.0 / delta)
        sizes.append(2.0 * exponent / (e**2 / 2.0 - e**3 / 3.0))
    return min(sizes)


def second_moment_rows(total: float, eps: float, delta: float) -> float:
    """Markov's inequality for E ||Q^T S^T S Q - I||_F^2 <= total / s."""
    return total / (eps**2 * delta)


def chernoff_rows(spread: float, d: int, eps: float, delta: float) -> float:
    """Matrix Chernoff bound (Tropp) for sampled rows, spread = n max ||row||^2."""
    exponent = (1.0 + eps) * math.log1p(eps) - eps  # the upper tail, the weaker of the two
    return spread * math.log(2.0 * d / delta) / exponent


def flat_spread(d: int, n: int, delta: float, *, entry: float = 1.0) -> float:
    """n max ||row||^2 of an orthonormal basis after random signs and a transform whose entries are
    at most `entry` / sqrt(n) (Tropp 2011, Lemma 3.3, at failure probability delta)."""
    return entry**2 * (math.sqrt(d) + math.sqrt(8.0 * math.log(n / delta))) ** 2


def _gaussian(d: int, eps: float, delta: float, n: int | None) -> tuple[float, str]:
    return gaussian_rows(d, eps, delta), "Davidson and Szarek 2001, Theorem II.13"


def _rademacher(d: int, eps: float, delta: float, n: int | None) -> tuple[float, str]:
    return net_rows(d, eps, delta), "Achlioptas 2003, for every point of a net"


def _count_sketch(d: int, eps: float, delta: float, n: int | None) -> tuple[float, str]:
    source = "second moment (d^2 + d)/s and Markov; Meng and Mahoney 2013, Nelson and Nguyen 2013"
    return second_moment_rows(d * d + d, eps, delta), source


def _sparse_sign(d: int, eps: float, delta: float, n: int | None) -> tuple[float, str]:
    source = (
        "second moment (d^2 + d)/s and Markov, any nnz; Cohen 2016 shows O(d log(d/delta)/eps^2)"
    )
    return second_moment_rows(d * d + d, eps, delta), source


def _less(d: int, eps: float, delta: float, n: int | None) -> tuple[float, str]:
    source = (
        "second moment (d^2 + 2 d)/s and Markov, exact scores and row_nnz = d; Chenakkod et al. "
        "2024 show O(d/eps^2)"
    )
    return second_moment_rows(d * d + 2 * d, eps, delta), source


def _hadamard(d: int, eps: float, delta: float, n: int | None) -> tuple[float, str]:
    order = 1 << (_known(n) - 1).bit_length()
    spread = min(flat_spread(d, order, delta / 2), float(order))
    return min(chernoff_rows(spread, d, eps, delta / 2), order), "Tropp 2011, Lemmas 3.3 and 3.4"


def _cosine(d: int, eps: float, delta: float, n: int | None) -> tuple[float, str]:
    n = _known(n)
    spread = min(flat_spread(d, n, delta / 2, entry=math.sqrt(2.0)), float(n))
    source = "Tropp 2011, Lemmas 3.3 and 3.4, with entries up to sqrt(2/n)"
    return min(chernoff_rows(spread, d, eps, delta / 2), n), source


def _tensor(d: int, eps: float, delta: float, n: int | None) -> tuple[float, str]:
    source = "Avron, Nguyen and Woodruff 2014, for two factors; (2 + 3^q) d^2 for q of them"
    return second_moment_rows(11.0 * d * d, eps, delta), source


def _known(n: int | None) -> int:
    if n is None:
        raise argument_error(
            "n", "None", "the number of rows of A, which this bound contains", "Pass n=len(A)."
        )
    return check_size(n, name="n")


Rule = Callable[[int, float, float, "int | None"], tuple[float, str]]
# kind: (rule, entries per column)
_RULES: dict[str, tuple[Rule, int | None]] = {
    "Gaussian": (_gaussian, None),
    "Rademacher": (_rademacher, None),
    "SparseSign": (_sparse_sign, 8),
    "CountSketch": (_count_sketch, 1),
    "LESS": (_less, None),
    "SubsampledHadamard": (_hadamard, None),
    "SubsampledCosine": (_cosine, None),
    "TensorSketch": (_tensor, 1),
}


def size_for(
    kind: str, d: int, eps: float, delta: float = 0.01, *, n: int | None = None
) -> SketchSize:
    """Rows that make a sketch a subspace embedding.

    Parameters
    ----------
    kind : str
        Name of the distribution: Gaussian, Rademacher, SparseSign, CountSketch, LESS,
        SubsampledHadamard, SubsampledCosine or TensorSketch (two factors).
    d : int
        Dimension of the subspace: columns of A, or its rank.
    eps : float
        Relative error of squared norms, strictly between 0 and 1.
    delta : float
        Failure probability, strictly between 0 and 1.
    n : int, optional
        Rows of A; the Hadamard and cosine transforms need it.

    Returns
    -------
    SketchSize

    Raises
    ------
    ArgumentError
        If a value is out of range, or for kinds that embed up to larger factors only.

    Notes
    -----
    `practical` is the Gaussian size for all kinds but CountSketch and TensorSketch, which need
    about d^2 rows on coherent matrices and so have no other size than the theorem's.

    Examples
    --------
    >>> size_for("Gaussian", 20, 0.5).rows
    1183
    >>> size_for("CountSketch", 20, 0.5, 0.1).rows
    16800
    """
    d = check_size(d, name="d")
    eps, delta = check_fraction(eps, "eps"), check_fraction(delta, "delta")
    if kind not in _RULES:
        raise argument_error(
            "kind",
            repr(kind),
            "one of " + ", ".join(_RULES),
            "Cauchy, PStable and ReciprocalExponential embed up to factors that grow with d; "
            "see estimate_size for single vectors.",
        )
    rule, nnz = _RULES[kind]
    rows, source = rule(d, eps, delta, n)
    practical = rows if nnz == 1 else min(rows, gaussian_rows(d, eps, delta))
    return SketchSize(kind, math.ceil(rows), math.ceil(practical), nnz, source)


def estimate_size(p: float, eps: float, delta: float = 0.01) -> int:
    """Rows of a p-stable sketch whose median estimates the lp norm of one vector.

    Parameters
    ----------
    p : float
        0 < p <= 2; 1 for Cauchy.
    eps, delta : float
        The estimate is within 1 +- eps of the norm with probability 1 - delta.

    Returns
    -------
    int
        ln(2/delta) / (2 g^2), where g is the probability that |X| lies between its median and
        1 +- eps of it, the smaller side: Hoeffding's inequality for the sample median.

    Examples
    --------
    >>> estimate_size(1, 0.2, 0.01)
    796
    """
    p, eps = check_stable(p), check_fraction(eps, "eps")
    delta = check_fraction(delta, "delta")
    median = median_of_absolute(p)
    above = 2.0 * (distribution_function(p, median * (1.0 + eps)) - 0.75)
    below = 2.0 * (0.75 - distribution_function(p, median * (1.0 - eps)))
    return math.ceil(math.log(2.0 / delta) / (2.0 * min(above, below) ** 2))
