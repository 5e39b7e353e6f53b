"""Bad input, by one list for all that samples: typed errors that name the step and the value."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from rnla import ArgumentError, ArgumentTypeError
from rnla.diffusion import (
    Flow,
    GeometricVE,
    Grid,
    MeanReverting,
    SubVP,
    Tabulated,
    Trig,
    VarianceExploding,
    VPCosine,
    VPLinear,
    sample,
)
from rnla.diffusion.schedules import MeanRevertingTable

from .fixtures import STARTS, gmm_a

PATHS = (
    VPLinear(),
    VPCosine(),
    VarianceExploding(),
    Flow(),
    Trig(),
    SubVP(),
    Tabulated.linear(),
    MeanReverting(),
    MeanRevertingTable.cosine(),
)


@pytest.mark.parametrize("schedule", PATHS, ids=lambda s: type(s).__name__)
def test_times_before_the_data_are_refused(schedule: Any) -> None:
    """A formula may go on there, to levels that grow noisier again."""
    times = [0.5 * schedule.first, schedule.clean - 0.2]
    with pytest.raises(ArgumentError, match=r"grid: got time -\S+ at step 1; expected times from"):
        Grid(times).levels(schedule)


@pytest.mark.parametrize(
    "schedule", [s for s in PATHS if np.isfinite(s.limit)], ids=lambda s: type(s).__name__
)
def test_times_past_the_noise_are_refused(schedule: Any) -> None:
    with pytest.raises(ArgumentError, match=r"grid: got time \S+ at step 0; expected times from"):
        Grid([1.2 * schedule.limit, 0.5 * schedule.limit]).levels(schedule)
    Grid([np.nextafter(schedule.limit, np.inf), 0.5 * schedule.limit]).levels(schedule)


def test_paths_without_a_limit_go_on() -> None:
    for schedule in (VPLinear(), VarianceExploding(), GeometricVE()):
        start, stop = Grid([2.0 * schedule.first, schedule.last]).levels(schedule)
        assert start.half_log_snr < schedule.half_log_snr(schedule.first) < stop.half_log_snr


@pytest.mark.parametrize("times", [["a", "b"], [1.0 + 1.0j, 0.5], [[1.0], [0.5, 0.2]]])
def test_times_are_numbers(times: Any) -> None:
    with pytest.raises(ArgumentTypeError, match=r"grid: got .* expected times"):
        Grid(times)
    with pytest.raises(ArgumentTypeError, match="grid: got"):
        sample(gmm_a(), STARTS, grid=Grid(times))
