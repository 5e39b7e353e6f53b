"""`certify_embedding`: run the strongest tiers that apply, measure every candidate on all rows.

What tiers=("auto") means:

    p = 2                                        spectral                       exact, proved
    p = 1, rank <= 4, few distinct rows          enumeration                    exact, proved
    p = 4, 6, ... and n D^2 within the budget    ascent and khatri_rao          found, and proved
    any other p                                  ascent                         found
    ... and lewis_weights given                  sandwich as well               a loose proof

and always the statistical tier. D is the number of monomials of degree p/2, at most 2000.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from .._errors import check_p
from ..random import RNGLike, resolve_seed
from ._certificate import Certificate
from ._sums import SampleLike
from .certifier import Certifier

__all__ = ["certify_embedding"]


def certify_embedding(
    A: Any,
    sample: SampleLike,
    p: float,
    *,
    tiers: str | Sequence[str] = "auto",
    starts: int = 10,
    reference: SampleLike | None = None,
    lewis_weights: Any = None,
    budget: float = 1e11,
    rng: RNGLike = None,
) -> Certificate:
    """Measure how far ||SAx||_p^p is from ||Ax||_p^p over all x, and prove bounds where possible.

    Parameters
    ----------
    A : array_like, scipy.sparse matrix or TallMatrix, shape (n, d)
        The full matrix, n >= d.
    sample : RowSample
        Rows of A and what each counts for in a sum of p-th powers.
    p : float
        1 <= p < inf.
    tiers : "auto" or sequence of str
        Which of "spectral" (p = 2), "enumeration" (p = 1, rank at most 4), "ascent",
        "khatri_rao" (even p), "sandwich", "statistical" to run. "auto" takes the exact one if
        there is one, else the ascent with whatever proof is affordable, and always "statistical".
    starts : int
        Ascents for each of the two extremes. More starts find more.
    reference : RowSample, optional
        A second sample of A, independent of the first and larger. The ascent then searches
        against it instead of all rows. Useful when A is huge; without it, a stand-in of at least
        16 times the sample's rows (or four, for large samples) is drawn.
    lewis_weights : array_like, shape (n,), optional
        l_p Lewis weights of A: better starts, and a loose proof for any p.
    budget : float
        Floating-point operations per tier. It decides how many ascents begin and which proofs
        "auto" attempts; a count, not a time, so that results do not depend on the machine's speed.
    rng : None, int, numpy Generator or SeedSequence

    Returns
    -------
    Certificate
        `lower` and `upper` are ratios measured on all rows of A whatever the tier; `found` is the
        distortion they show.

    Raises
    ------
    ArgumentError, ArgumentTypeError
        If the sample is empty or of another matrix, A has NaN or infinite entries, or a tier is
        unknown or does not suit p.

    Notes
    -----
    Passes: about 3 for the basis and leverage scores, 1 to load the rows of a small matrix or 3 for
    the last steps on those of a large one, 1 to measure; "khatri_rao" and "sandwich" add about 4
    each. Sampled rows and the stand-in's are read once, not counted as passes. Memory: the sampled
    rows, up to four million numbers of A (or four rows for each sampled one), and about four
    numbers per row of A: no step needs all rows at once. Time with p = 1 and 10
    starts: 1 s for n = 20,000, d = 20, 800 sampled rows; 20 s for n = 1,000,000, d = 64, 3000
    sampled rows (two shared cores).

    Runs on a GPU: the passes over a CuPy ``A`` do, and the certificate is a record in host memory.
    The tier "sandwich" and ``lewis_weights=`` need rows in host memory.

    References
    ----------
    Yasuda, PhD thesis, CMU-CS-24-110, 2024 (chapter 15: no efficient exact check is known for
    p other than 2).

    Examples
    --------
    >>> import numpy as np
    >>> from rnla.sampling import sample_rows
    >>> A = np.random.default_rng(0).standard_normal((3000, 6))
    >>> sample = sample_rows(np.ones(3000), 600, p=4, rng=0)
    >>> certificate = certify_embedding(A, sample, 4, rng=0)
    >>> certificate.tier, certificate.proof
    ('ascent', 'khatri_rao')
    >>> certificate.found <= certificate.certified_distortion
    True
    """
    p = check_p(p)
    certifier = Certifier(A, p, seed=resolve_seed(rng))
    return certifier(
        sample,
        tiers=tiers,
        starts=starts,
        reference=reference,
        lewis_weights=lewis_weights,
        budget=budget,
    )
