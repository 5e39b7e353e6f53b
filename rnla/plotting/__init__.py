"""Pictures: scores, the rows a sample kept, distortion against size, and what regressions found.

Every function draws into `ax` or a new figure and returns the Axes. A method has one colour and one
marker everywhere; the colours are those of Okabe and Ito with a grey, told apart by colour-blind
readers. matplotlib is imported on the first call.
"""

from __future__ import annotations

from ._style import METHOD_STYLES, method_style, new_axes, save_figure
from .distortion import distortion_against_size
from .quantiles import quantile_coefficients
from .ridge import leave_one_out_curve
from .rows import kept_rows
from .scores import score_profile

__all__ = [
    "METHOD_STYLES",
    "distortion_against_size",
    "kept_rows",
    "leave_one_out_curve",
    "method_style",
    "new_axes",
    "quantile_coefficients",
    "save_figure",
    "score_profile",
]
