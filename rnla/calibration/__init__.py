"""Self-calibration: unknown sensor gains and unknown signals from bilinear measurements.

Three models, y_l = D A_l x, y_l = D A_l x_l and y_l = D A x_l with D = diag(gains), become linear
in the reciprocal gains and the signals (Ling and Strohmer, arXiv 1611.04196); no lifting.
"""

from __future__ import annotations
