"""One distribution of every kind, for the tests that hold for all of them."""

from __future__ import annotations

import numpy as np

from rnla.sampling import poisson_sample
from rnla.sketch import (
    LESS,
    Cauchy,
    CountSketch,
    Gaussian,
    PStable,
    Rademacher,
    ReciprocalExponential,
    RowSampling,
    SparseSign,
    SubsampledCosine,
    SubsampledHadamard,
    TensorSketch,
)


def uneven(n):
    """Scores that give some columns no entry and others many."""
    return np.arange(n) % 7 + 0.0


class SampledRows:
    """A row sample in the place of a distribution: the draw is the sample's."""

    def __init__(self, s, n):
        self.s, self.n = s, n

    def draw(self, rng=None):
        probabilities = np.full(self.n, min(1.0, self.s / self.n))
        return RowSampling(poisson_sample(probabilities, p=2, rng=rng))


#: kind: (s, n) -> distribution. s < n.
EMBEDDINGS = {
    "Gaussian": Gaussian,
    "Rademacher": Rademacher,
    "SparseSign": lambda s, n: SparseSign(s, n, nnz=min(4, s)),
    "CountSketch": CountSketch,
    "LESS": lambda s, n: LESS(s, n, scores=uneven(n) + 1.0),
    "SubsampledHadamard": SubsampledHadamard,
    "SubsampledCosine": SubsampledCosine,
    "TensorSketch": lambda s, n: TensorSketch(s, (n // 5, 5)),
    "RowSampling": SampledRows,
}
LP = {
    "Cauchy": Cauchy,
    "PStable": lambda s, n: PStable(s, n, p=1.5),
    "ReciprocalExponential": lambda s, n: ReciprocalExponential(s, n, p=3.0),
}
KINDS = EMBEDDINGS | LP
