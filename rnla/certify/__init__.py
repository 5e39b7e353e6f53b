"""How good is this sample: distortion measured with witnesses, and proved where possible."""

from __future__ import annotations

from ._certificate import Certificate, TierResult, Witnesses
from .certify import certify_embedding
from .split import SplitTest, split_test

__all__ = [
    "Certificate",
    "SplitTest",
    "TierResult",
    "Witnesses",
    "certify_embedding",
    "split_test",
]
