"""Digests tell different work from equal work, in every process."""

from __future__ import annotations

import enum
import itertools
import os
import subprocess
import sys
from dataclasses import dataclass
from functools import partial

import numpy as np
import pytest
import scipy.sparse as sp
from hypothesis import given
from hypothesis import strategies as st

from rnla.sketch import SparseSign
from rnla.tall import _visits, as_tall
from rnla.tall._digest import CONTENT_SHAPE, UndigestibleError, add_content, digest
from rnla.tall._reduction import ADD, MAX, PARTS
from rnla.tall.extended import Extended

RNG = np.random.default_rng(0)
X = RNG.standard_normal((40, 3))


class Color(enum.Enum):
    RED = 1
    BLUE = 2


@dataclass(frozen=True)
class Point:
    x: float
    y: float


class Walker:
    def visit(self):
        pass


DIFFERENT = [
    None,
    False,
    0,
    1,
    0.0,
    -0.0,
    1.0,
    float("nan"),
    "",
    "1",
    b"1",
    [],
    (),
    {},
    [1, 2],
    (1, 2),
    [12],
    [[1], 2],
    [1, [2]],
    ["1", "2"],
    ["12"],
    {"a": 1},
    {"a": 2},
    {"b": 1},
    range(3),
    slice(3),
    X,
    X.T,
    X.reshape(3, 40),
    X.reshape(-1),
    X.astype(np.float32),
    X + np.eye(40, 3) * 1e-16,
    np.zeros(0),
    np.zeros((0, 3)),
    sp.csr_array(X),
    np.dtype(float),
    np.dtype(">f8"),
    Color.RED,
    Color.BLUE,
    Point(1.0, 2.0),
    Point(2.0, 1.0),
    _visits.gram,
    _visits.norms,
    partial(_visits.norms, None, 2.0),
    partial(_visits.norms, None, 1.0),
    partial(_visits.norms, X, 2.0),
    partial(_visits.norms, M=X, p=2.0),
    partial(_visits.sketch, SparseSign(20, 100).draw(0), None),
    partial(_visits.sketch, SparseSign(20, 100).draw(1), None),
    partial(_visits.norms, Extended.prepare(X.T @ X, np.zeros((3, 1)), np.ones(3)), 2.0),
    partial(_visits.norms, Extended.prepare(X.T @ X, np.zeros((3, 2)), np.ones(3)), 2.0),
    ADD,
    MAX,
    PARTS,
    np.maximum,
    np.minimum,
]


def test_different_values_have_different_digests():
    found = [digest(value) for value in DIFFERENT]
    for (i, one), (j, other) in itertools.combinations(enumerate(found), 2):
        assert one != other, (DIFFERENT[i], DIFFERENT[j])
    assert digest(1, 2) != digest((1, 2)) != digest([1], [2])


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (X, X.copy()),
        (X, np.asfortranarray(X)),
        (X, np.repeat(X, 2, axis=0)[::2]),
        (1, np.int64(1)),
        (0.5, np.float64(0.5)),
        (0.5, np.float32(0.5)),
        (sp.csr_array(X), sp.csr_matrix(X)),
        (Point(1.0, 2.0), Point(1.0, 2.0)),
    ],
)
def test_equal_content_has_equal_digests(one, other):
    assert digest(one) == digest(other)


@given(st.recursive(st.none() | st.integers() | st.floats() | st.text(), st.lists, max_leaves=8))
def test_a_digest_depends_on_the_content_alone(value):
    assert digest(value) == digest(eval(repr(value), {"nan": float("nan"), "inf": float("inf")}))


def test_a_digest_is_the_same_in_every_process():
    script = "from tests.tall.test_digest import *; print(digest(DIFFERENT).hex())"
    for hash_seed in ("1", "2"):
        found = subprocess.run(
            [sys.executable, "-c", script],
            env={**os.environ, "PYTHONHASHSEED": hash_seed},
            capture_output=True,
            text=True,
            check=True,
        )
        assert found.stdout.strip() == digest(DIFFERENT).hex()


@pytest.mark.parametrize("value", [lambda: 0, object(), Walker().visit, np.array([print]), {1, 2}])
def test_what_has_no_content_of_its_own_is_refused(value):
    with pytest.raises(UndigestibleError):
        digest(value)
    with pytest.raises(UndigestibleError):
        digest([partial(_visits.gram, value)])


def content(tall):
    return tall._engine.run(add_content, shape=CONTENT_SHAPE, raw=True)[0]


@pytest.mark.parametrize("kind", [np.asarray, sp.csr_array, np.float32])
def test_content_tells_rows_apart(kind, monkeypatch):
    monkeypatch.setattr("rnla.tall._cut._BLOCK_ELEMENTS", 64)
    rows = np.where(np.abs(RNG.standard_normal((500, 4))) < 1, 0, RNG.standard_normal((500, 4)))
    found = content(as_tall(kind(rows)))
    np.testing.assert_array_equal(found, content(as_tall(kind(rows.copy()))))
    swapped = rows[np.r_[64:128, :64, 128:500]]  # two blocks change places
    other = rows.copy()
    other[499, 3] += 1.0
    for changed in (swapped, other, rows[:499]):
        assert not np.array_equal(found, content(as_tall(kind(changed))))
