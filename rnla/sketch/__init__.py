"""Linear sketches S @ A: distribution -> operator -> apply, one distribution per file.

``rnla.sketch.SparseSign(256, n).draw(rng=0) @ A`` is the pattern for all of them. The page on
sketching says which one to take; `size_for` says how many rows.
"""

from __future__ import annotations

from ._operator import Adjoint, Distribution, Operator
from .cauchy import Cauchy
from .count_sketch import CountSketch
from .gaussian import Gaussian
from .hadamard import hadamard_transform
from .less import LESS
from .p_stable import PStable
from .rademacher import Rademacher
from .reciprocal_exponential import ReciprocalExponential
from .row_sampling import RowSampling
from .sizes import SketchSize, estimate_size, size_for
from .sparse_sign import SparseSign, SparseSignOperator
from .subsampled_cosine import SubsampledCosine
from .subsampled_hadamard import SubsampledHadamard
from .tensor_sketch import TensorSketch

__all__ = [
    "LESS",
    "Adjoint",
    "Cauchy",
    "CountSketch",
    "Distribution",
    "Gaussian",
    "Operator",
    "PStable",
    "Rademacher",
    "ReciprocalExponential",
    "RowSampling",
    "SketchSize",
    "SparseSign",
    "SparseSignOperator",
    "SubsampledCosine",
    "SubsampledHadamard",
    "TensorSketch",
    "estimate_size",
    "hadamard_transform",
    "size_for",
]
