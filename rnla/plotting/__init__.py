"""Pictures: scores, rows kept, distortion against size, regressions, designs and fits, gains.

Every function draws into `ax` or a new figure and returns the Axes; only designs side by side have
a figure of several. A method or law has one colour and one marker everywhere; the colours are those
of Okabe and Ito with a grey, told apart by colour-blind readers. matplotlib is imported on the
first call.
"""

from __future__ import annotations

from ._style import LAW_STYLES, METHOD_STYLES, law_style, method_style, new_axes, save_figure
from .budget import error_against_evaluations
from .correlations import correlation_profile
from .designs import design_points, designs_side_by_side
from .distortion import distortion_against_size
from .gains import gain_plane
from .images import image_rows
from .quantiles import quantile_coefficients
from .ridge import leave_one_out_curve
from .rows import kept_rows
from .scores import score_profile
from .snr import error_against_snr
from .sobol import sobol_bars
from .solver_errors import solver_errors
from .stability import stability_against_size
from .stability_regions import stability_regions

__all__ = [
    "LAW_STYLES",
    "METHOD_STYLES",
    "correlation_profile",
    "design_points",
    "designs_side_by_side",
    "distortion_against_size",
    "error_against_evaluations",
    "error_against_snr",
    "gain_plane",
    "image_rows",
    "kept_rows",
    "law_style",
    "leave_one_out_curve",
    "method_style",
    "new_axes",
    "quantile_coefficients",
    "save_figure",
    "score_profile",
    "sobol_bars",
    "solver_errors",
    "stability_against_size",
    "stability_regions",
]
