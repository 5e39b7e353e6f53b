"""`lp_subspace_embedding`: scores, size, design, certificate (SPEC A11, §6, §7).

Rows are scored by the method of `method.py`, kept with probability proportional to the score, and
the result is measured. Without a given size the search starts at the practical default and doubles
until the distortion found meets eps, at most four times; if the default is more than enough it
halves instead. All sizes share one seed, so larger samples contain smaller ones and only the
measuring is repeated. Cost: the scores (2 passes for leverage, about 16 for Lewis weights), one
gather of the sampled rows per size, and the certificates.
"""

from __future__ import annotations

import os
from typing import Any

import numpy as np
import numpy.typing as npt

from .._errors import check_fraction, check_p, check_size
from .._result import Status
from ..basis import orthonormal_basis
from ..bounds import default_size
from ..certify import Certificate, certify_embedding
from ..certify.certifier import Certifier
from ..random import RNGLike
from ..sampling import RowSample
from ..tall import TallMatrix, as_tall, rows, within_range
from ..tall.long_runs import long_run
from ..tall.progress import PassCounter
from .drawing import Drawing
from .method import Choice, check_method, choose_method
from .result import Attempt, Embedding
from .scoring import Scoring, score_rows
from .search import search

__all__ = ["lp_subspace_embedding"]

_UNIFORM_STARTS = 4
# About how many passes parts of the work take, for bars.
_SCORING_PASSES = {"uniform": 3, "leverage": 3, "root_leverage": 3, "even_power": 5, "lewis": 15}
_CERTIFYING_PASSES = 4


def lp_subspace_embedding(
    A: Any,
    p: float,
    *,
    eps: float = 0.1,
    delta: float = 0.01,
    size: int | None = None,
    method: str = "auto",
    design: str = "auto",
    certify: bool = True,
    coordinates: npt.ArrayLike | None = None,
    order: npt.ArrayLike | None = None,
    progress: bool = False,
    checkpoint: str | os.PathLike[str] | None = None,
    rng: RNGLike = None,
) -> Embedding:
    """Choose and reweight few rows of A so that ||SAx||_p^p = (1 ± eps) ||Ax||_p^p for every x.

    Parameters
    ----------
    A : array_like, scipy.sparse matrix, Dask or CuPy array, or TallMatrix, shape (n, d)
        Real, n >= d. Sparse stays sparse, nothing is modified. For regression pass the response as
        a further column.
    p : float
        The norm, 1 <= p < inf.
    eps : float, default 0.1
        Distortion of the p-th power that is wanted, strictly between 0 and 1.
    delta : float, default 0.01
        Failure probability, strictly between 0 and 1.
    size : int, optional
        Number of rows to keep (the expected number for Poisson sampling), 1 to n. By default the
        search described in the notes decides.
    method : str, default "auto"
        How rows are scored: "uniform", "leverage", "root_leverage", "lewis", "sensitivity",
        "sensitivity+leverage" (p <= 2), "mixed" (p > 2), "even_power" (p = 2, 4, 6, ... and at
        most 2000 monomials; comes with a proof), "recursive" (root leverage in rounds, then Lewis
        weights of what is left). "auto" takes leverage for p = 2, Lewis weights
        for p < 2 ("recursive" if n d^2 exceeds 1.6e12), and for p > 2 estimates the total
        sensitivity and leaves Lewis weights only if another bound is at most half of theirs.
    design : str, default "auto"
        How rows are drawn: "poisson", "with_replacement", "priority", "systematic",
        "ordered_pivotal", "tree_pivotal". "auto" is Poisson, "tree_pivotal" if `coordinates` are
        given, "systematic" if an `order` is given.
    certify : bool, default True
        Measure the result, and compare with uniform sampling. False is faster and leaves the
        sample unmeasured at its default size.
    coordinates : array_like, shape (n, k), optional
        Where the rows lie in space, for "tree_pivotal".
    order : array_like of int, shape (n,), optional
        A permutation of the rows along which "systematic" and "ordered_pivotal" walk.
    progress : bool, default False
        Show how many passes are done, of about how many, and the rows of passes that take long.
    checkpoint : path-like, optional
        Folder in which finished passes are kept until the result is returned. A call that was
        killed is resumed by the same call, with the result of an undisturbed one; see
        :doc:`/data`.
    rng : None, int, numpy Generator or SeedSequence
        The same seed gives the same rows, for any number of threads. A call that resumes without
        one takes that of the call it resumes.

    Returns
    -------
    Embedding
        ``indices``, ``weights``, ``sample``, ``certificate``, ``explain()``; ``embedding @ A``
        gives the reweighted rows. ``status`` is OK, EXACT (every row kept), EPS_NOT_MET (the best
        sample found is attached) or a warning about the rank.

    Raises
    ------
    ArgumentError, ArgumentTypeError
        For NaN or infinite entries, wrong shapes or dtypes, n < d, and options out of range.

    Notes
    -----
    The promise is about the distortion *found* by `certify_embedding`, which for p other than 2 is
    a lower bound on the worst case; the search leaves seven per cent of room for what it may miss.
    For p = 2 the measurement is exact, and with ``method="even_power"`` the search continues until
    the distortion is *proved* to be at most eps.

    Without `size`, the search starts from ``bounds.default_size``, doubles up to four times while
    the distortion is too large, and otherwise halves up to four times while it stays small enough.

    Cost: see the passes in the result. Memory O(n + size d + d^2) beyond A, never a second n x d
    array. On Dask the scores stay on the workers; d x d matrices, histograms and the sampled rows
    travel. The methods "sensitivity", "sensitivity+leverage", "mixed" and "recursive", "auto" for
    p > 2, and designs other than Poisson and priority bring n-vectors to the caller. On a GPU
    scores stay there whatever the design; these methods raise, and "auto" takes Lewis weights for
    every p but 2.

    Runs on a GPU: for a CuPy ``A`` scores stay there, the sample is a record in host memory. The
    methods "sensitivity", "recursive" and "mixed" need rows in host memory.

    References
    ----------
    Cohen and Peng, *lp row sampling by Lewis weights*, STOC 2015. Woodruff and Yasuda, *Sharper
    bounds for lp sensitivity sampling*, ICML 2023. Yasuda, PhD thesis, CMU-CS-24-110, 2024.

    Examples
    --------
    >>> import numpy as np, rnla
    >>> A = np.random.default_rng(0).standard_normal((20_000, 5))
    >>> embedding = rnla.lp_subspace_embedding(A, 1, eps=0.2, rng=0)
    >>> embedding.status.name, embedding.method
    ('OK', 'lewis')
    >>> embedding.size < 1500, embedding.certificate.found <= 0.2
    (True, True)
    >>> (embedding @ A).shape == (embedding.size, 5)
    True
    """
    exponent = check_p(p)
    eps, delta = check_fraction(eps, "eps"), check_fraction(delta, "delta")
    given = as_tall(A)
    n, d = given.shape
    wanted = None if size is None else check_size(size, n)
    if method != "auto":
        check_method(method, exponent, d)
    with long_run(
        given, checkpoint=checkpoint, progress=progress, what="rank", passes=20, rng=rng
    ) as (through, seed, bar):
        before = given.passes
        tall, _ = within_range(through.distributed())
        drawing = Drawing(tall, exponent, design, coordinates, order, seed)
        return _embed(
            through, tall, exponent, eps, delta, wanted, method, drawing, certify, seed, before, bar
        )


def _embed(
    given: TallMatrix,
    tall: TallMatrix,
    exponent: float,
    eps: float,
    delta: float,
    wanted: int | None,
    method: str,
    drawing: Drawing,
    certify: bool,
    seed: int,
    before: int,
    bar: PassCounter,
) -> Embedding:
    """The work, on `given` or on `tall`, which is the same in units that leave room."""
    n, d = given.shape
    basis = orthonormal_basis(tall, seed=seed)
    if not _saves_rows(wanted, basis.rank, eps, delta, n):
        return _everything(given, exponent, eps, delta, basis.rank, drawing, before)
    choice = (
        choose_method(tall, exponent, eps, basis.rank, seed)
        if method == "auto"
        else Choice(method, "It was asked for.")
    )
    bar.expect(_SCORING_PASSES.get(choice.method, 20) + 3 * _CERTIFYING_PASSES, "scores")
    scoring = score_rows(
        tall,
        exponent,
        choice.method,
        eps=eps,
        delta=delta,
        seed=seed,
        total=choice.total_sensitivity,
    )
    available = scoring.values.shape[0]
    default = _default_size(choice.method, scoring, exponent, eps, delta, available)
    if wanted is None and default >= n:
        return _everything(given, exponent, eps, delta, scoring.rank, drawing, before)

    def draw(budget: int) -> RowSample:
        if scoring.thinned is None:
            return drawing.draw(scoring.values, budget)
        left = scoring.thinned
        return left.compose(drawing.draw(scoring.values, min(budget, available), left.indices))

    certifier = Certifier(given, exponent, seed=seed, basis=basis)  # sizes share most passes

    def measure(sample: RowSample) -> Certificate:
        bar.expect(2 * _CERTIFYING_PASSES, f"certificate of {sample.size} rows")
        return certifier(sample)

    attempts: tuple[Attempt, ...] = ()
    proved = choice.method == "even_power"  # the one method for p other than 2 that has a proof
    used = default if wanted is None else wanted
    certificate: Certificate | None = None
    if not certify:
        sample = draw(used)
    elif wanted is not None:
        sample = draw(used)
        certificate = measure(sample)
        attempts = (Attempt(used, sample.size, certificate.found),)
    else:
        sample, certificate, attempts, used = search(
            draw, measure, used, most=available, rank=scoring.rank, eps=eps, proved=proved
        )
    uniform = None
    if certificate is not None:
        twin = drawing.draw(rows.like(tall.scan().row_max, 1.0), used)
        bar.expect(_CERTIFYING_PASSES, "uniform sampling, to compare")
        uniform = certifier(twin, starts=_UNIFORM_STARTS)
    return Embedding(
        sample=sample,
        p=exponent,
        eps=eps,
        delta=delta,
        n=n,
        d=d,
        rank=scoring.rank,
        method=choice.method,
        reason=choice.reason,
        design=drawing.design,
        scores=_all_scores(scoring, n),
        bound=scoring.bound,
        sizes={"theory": scoring.theory, "default": default, "used": used},
        attempts=attempts,
        certificate=certificate,
        uniform=uniform,
        status=_status(certificate, eps, wanted, proved, scoring.status),
        passes=tall.passes - before,
        seed=seed,
    )


def _all_scores(scoring: Scoring, n: int) -> Any:
    """One score per row of A; zero for rows that thinning removed."""
    if scoring.thinned is None:
        return scoring.values
    scores = np.zeros(n)
    scores[scoring.thinned.indices] = scoring.values
    return scores


def _saves_rows(wanted: int | None, rank: int, eps: float, delta: float, n: int) -> bool:
    """Whether any method could keep fewer than n rows; decided before scores are computed."""
    if rank == 0:
        return False
    if wanted is not None:
        return wanted < n
    # p = 1 has the smallest leading term of all p and methods.
    return default_size(rank, 1.0, eps, delta, n=n) < n


def _default_size(method: str, scoring: Scoring, p: float, eps: float, delta: float, n: int) -> int:
    return default_size(
        max(scoring.rank, 1),
        p,
        eps,
        delta,
        n=n,
        total_sensitivity=scoring.total_sensitivity,
        method=method,
    )


def _status(
    certificate: Certificate | None, eps: float, wanted: int | None, proved: bool, scores: Status
) -> Status:
    if certificate is not None and wanted is None:
        distortion = certificate.certified_distortion if proved else certificate.found
        if not distortion <= eps:
            return Status.EPS_NOT_MET
    return scores


def _everything(
    A: TallMatrix,
    p: float,
    eps: float,
    delta: float,
    rank: int,
    drawing: Drawing,
    before: int,
) -> Embedding:
    """Every row with weight one: exact, and the right answer when sampling would save nothing."""
    n, d = A.shape
    sample = drawing.draw(np.ones(n), n)
    return Embedding(
        sample=sample,
        p=p,
        eps=eps,
        delta=delta,
        n=n,
        d=d,
        rank=rank,
        method="exact",
        reason=f"No method is expected to reach eps = {eps:g} with fewer than n = {n} rows.",
        design=drawing.design,
        scores=None,
        bound="none needed: nothing was sampled.",
        sizes={"theory": None, "default": n, "used": n},
        attempts=(),
        certificate=certify_embedding(A, sample, p, rng=sample.seed),
        uniform=None,
        status=Status.EXACT,
        passes=A.passes - before,
        seed=sample.seed,
    )
