"""Every design refuses what it cannot use: the message names, quotes, expects and advises."""

from __future__ import annotations

import numpy as np
import pytest

from rnla._errors import ArgumentError, ArgumentTypeError
from rnla.sampling import (
    ordered_pivotal_sample,
    poisson_sample,
    priority_sample,
    sample_rows,
    systematic_sample,
    tree_pivotal_sample,
    with_replacement_sample,
)

Q = [0.5, 0.25, 0.75]


@pytest.mark.parametrize(
    "draw", [poisson_sample, systematic_sample, ordered_pivotal_sample, tree_pivotal_sample]
)
@pytest.mark.parametrize(
    ("q", "kind"),
    [
        ([0.5, 1.5], ArgumentError),
        ([0.5, -0.5], ArgumentError),
        ([0.5, np.nan], ArgumentError),
        ([], ArgumentError),
        ([[0.5]], ArgumentError),
        (0.5, ArgumentError),
        ([0.5, 0.5j], ArgumentTypeError),
        (["a"], ArgumentTypeError),
        (np.array([0.5, None]), ArgumentTypeError),
    ],
)
def test_probabilities(draw, q, kind):
    with pytest.raises(kind, match=r"^probabilities: got .*; expected .*\. [A-Z].*\.$"):
        draw(q)


@pytest.mark.parametrize("draw", [priority_sample, with_replacement_sample])
@pytest.mark.parametrize("scores", [[1.0, -1.0], [np.inf, 1.0], [np.nan, 1.0], [], [[1.0]]])
def test_scores(draw, scores):
    with pytest.raises(ArgumentError, match=r"^scores: got .*; expected .*\. [A-Z].*\.$"):
        draw(scores, 1)


@pytest.mark.parametrize(
    ("options", "kind", "name"),
    [
        ({"size": 0}, ArgumentError, "size"),
        ({"size": 4}, ArgumentError, "size"),
        ({"size": True}, ArgumentTypeError, "size"),
        ({"size": 1.0}, ArgumentTypeError, "size"),
        ({"design": "bernoulli"}, ArgumentError, "design"),
        ({"order": [0, 1, 2]}, ArgumentError, "order"),
        ({"coordinates": [0, 1, 2]}, ArgumentError, "coordinates"),
        ({"design": "systematic", "order": [0, 1]}, ArgumentError, "order"),
        ({"design": "systematic", "order": [0, 1, 1]}, ArgumentError, "order"),
        ({"design": "systematic", "order": [0, 1, 3]}, ArgumentError, "order"),
        ({"design": "systematic", "order": [0, 1, -1]}, ArgumentError, "order"),
        ({"design": "systematic", "order": [0.0, 1.0, 2.0]}, ArgumentTypeError, "order"),
        ({"design": "tree_pivotal", "coordinates": [[0], [1]]}, ArgumentError, "coordinates"),
        ({"design": "tree_pivotal", "coordinates": [0, 1, np.nan]}, ArgumentError, "coordinates"),
        ({"design": "tree_pivotal", "coordinates": Q, "split": "x"}, ArgumentError, "split"),
        (
            {"design": "tree_pivotal", "coordinates": Q, "order": [0, 1, 2]},
            ArgumentError,
            "order",
        ),
        ({"size": 2, "floor": "m"}, ArgumentError, "floor"),
        ({"size": 2, "floor": np.nan}, ArgumentError, "floor"),
        ({"p": 0.0}, ArgumentError, "p"),
        ({"p": np.nan}, ArgumentError, "p"),
        ({"rng": -1}, ArgumentError, "rng"),
        ({"rng": "seed"}, ArgumentTypeError, "rng"),
    ],
)
def test_options(options, kind, name):
    with pytest.raises(kind, match=rf"^{name}: got .*; expected .*\. [A-Z].*\.$"):
        sample_rows(Q, **options)


def test_scores_without_a_size_are_refused_with_the_way_out():
    with pytest.raises(ArgumentError, match=r"probabilities_or_scores\[1\] = 3\.0.*Give size="):
        sample_rows([0.5, 3.0])
