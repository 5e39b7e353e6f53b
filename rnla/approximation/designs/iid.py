"""Independent points of a reference measure: the optimal (Christoffel) density and two others.

With w = m/k, n >= m ln(m/eta) / (delta + (1 - delta) ln(1 - delta)) points give lambda_min(G) >=
1 - delta with probability 1 - eta (Cohen and Migliorati, arXiv 1608.00512; SPEC 5). O(n d p).
"""

from __future__ import annotations

from ...random import RNGLike, resolve_seed
from ._features import Basis, certify, check_basis, purpose_stream
from ._record import Design, check_count
from ._reference import check_reference, reference_points, reference_weights

__all__ = ["iid_design"]


def iid_design(
    basis: Basis, n: int, *, reference: str = "christoffel", rng: RNGLike = None, draw: int = 0
) -> Design:
    """Draw n independent points.

    Parameters
    ----------
    basis : Basis
        Orthonormal basis of the space, dimension m.
    n : int
        Number of points, at least m.
    reference : {"christoffel", "mixed", "plain"}
        Law of each point: (k/m) mu with weight m/k; half of it and half of mu, with a weight of at
        most 2; mu itself with weight 1.
    rng : None, int, numpy.random.Generator or numpy.random.SeedSequence
        Seed; see `rnla.resolve_seed`.
    draw : int
        Number of the draw under this seed: draws of different numbers are independent.

    Returns
    -------
    Design
        Points, weights and stability. Fits at it are biased (`unbiased` is False).

    Raises
    ------
    ArgumentError, ArgumentTypeError
        If n < m, the reference is unknown, or features are nan.

    Notes
    -----
    Point i depends on the seed, `draw` and i only, so a larger n appends points. O(n m^2) for the
    certificate.

    Works on arrays in host memory.

    Examples
    --------
    >>> from rnla.approximation import TensorBasis, Uniform
    >>> basis = TensorBasis(Uniform(), 4)
    >>> design = iid_design(basis, 20, rng=0)
    >>> design.size, design.unbiased
    (20, False)
    >>> bool((design.weights == 5 / basis.christoffel(design.points)).all())
    True
    """
    m = check_basis(basis)
    count = check_count(n, m)
    check_reference(reference)
    seed = resolve_seed(rng)
    points = reference_points(
        basis, purpose_stream(seed, f"iid-{reference}", draw), range(count), reference
    )
    weights, norms = reference_weights(basis, points, reference)
    return Design(
        **certify(basis, points, weights, norms),
        law="iid" if reference == "christoffel" else f"iid-{reference}",
        seed=seed,
        draw=draw,
        proposals=count,
        independent=count if reference == "christoffel" else 0,
    )
