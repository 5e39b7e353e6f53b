"""The row sampler: its embedding, kinds of input, responses as columns, sizes."""

from __future__ import annotations

import numpy as np
import pytest
import scipy.sparse as sp

pytest.importorskip("sklearn")

from sklearn.linear_model import LinearRegression, LogisticRegression

import rnla
from rnla.sklearn import LpRowSampler


def data(n=20_000, d=3, seed=0):
    rng = np.random.default_rng(seed)
    X = rng.standard_t(3, (n, d))
    return X, X @ np.arange(1.0, d + 1.0) + 5.0 + rng.standard_normal(n)


def test_the_sample_is_that_of_the_embedding_of_all_columns():
    X, y = data(4000)
    sampler = LpRowSampler(p=1.0, size=900, use_y=True, random_state=3).fit(X, y)
    bordered = np.column_stack([X, y, np.ones(len(y))])
    embedding = rnla.lp_subspace_embedding(bordered, 1.0, size=900, rng=3)
    np.testing.assert_array_equal(sampler.indices_, embedding.indices)
    np.testing.assert_allclose(sampler.sample_weight_, embedding.weights, rtol=1e-12)
    assert sampler.certificate_.found == pytest.approx(embedding.certificate.found)
    assert sampler.embedding_.seed == sampler.sample_.seed == 3


def test_a_weighted_fit_on_the_sample_comes_close():
    X, y = data()
    sampler = LpRowSampler(use_y=True, random_state=0)
    few, labels = sampler.fit_resample(X, y)
    assert len(few) == len(labels) == len(sampler.sample_weight_) < 5000
    fit = LinearRegression().fit(few, labels, sample_weight=sampler.sample_weight_)
    best = LinearRegression().fit(X, y)
    loss = [np.sum((y - model.predict(X)) ** 2) for model in (fit, best)]
    assert loss[0] <= 1.1 / 0.9 * loss[1]  # the certificate's distortion, on both sides


def test_the_column_of_ones_matters():
    X = np.random.default_rng(0).standard_normal((5000, 2)) * [1.0, 1e-3]
    with_ones = LpRowSampler(random_state=0).fit(X)
    without = LpRowSampler(fit_intercept=False, random_state=0).fit(X)
    assert with_ones.embedding_.d == 3
    assert without.embedding_.d == 2


def test_kinds_of_input_are_kept():
    pandas = pytest.importorskip("pandas")
    X, y = data(3000)
    labels = np.where(y > 5.0, "high", "low")
    options = {"size": 300, "random_state": 0}
    plain, names = LpRowSampler(**options).fit_resample(X, labels)
    assert set(names) == {"high", "low"}
    sampler = LpRowSampler(**options)
    sparse, _ = sampler.fit_resample(sp.csc_array(X), labels)
    assert sp.issparse(sparse)
    np.testing.assert_array_equal(sparse.toarray(), X[sampler.indices_])
    frame, series = LpRowSampler(**options).fit_resample(
        pandas.DataFrame(X, columns=list("abc")), pandas.Series(labels)
    )
    assert list(frame.columns) == list("abc")
    assert list(series) == list(names)
    np.testing.assert_array_equal(frame.to_numpy(), plain)
    np.testing.assert_array_equal(LpRowSampler(**options).fit_resample(X.tolist()), plain)
    model = LogisticRegression().fit(
        plain, names, sample_weight=LpRowSampler(**options).fit(X).sample_weight_
    )
    assert model.score(X, labels) > 0.9


def test_sizes():
    X, _ = data(2000)
    assert (
        abs(LpRowSampler(size=200, certify=False, random_state=0).fit(X).indices_.size - 200) < 60
    )
    shared = LpRowSampler(size=0.1, certify=False, random_state=0).fit(X)
    assert abs(shared.indices_.size - 200) < 60
    assert shared.certificate_ is None
    everything = LpRowSampler(size=2000).fit(X)
    np.testing.assert_array_equal(everything.sample_weight_, 1.0)
    wide = LpRowSampler().fit(X[:3])
    np.testing.assert_array_equal(wide.indices_, [0, 1, 2])
    assert wide.embedding_ is None


@pytest.mark.parametrize(
    "options, message",
    [
        ({"size": 0}, "size: got 0"),
        ({"size": 10**6}, "size: got 1000000"),
        ({"size": 1.5}, "size: got 1.5"),
        ({"p": 0.5}, "p: got 0.5"),
        ({"eps": 2.0}, "eps: got 2.0"),
        ({"method": "guess"}, "method: got 'guess'"),
    ],
)
def test_bad_options(options, message):
    with pytest.raises(rnla.ArgumentError, match=message):
        LpRowSampler(**options).fit(data(200)[0])


def test_responses_that_are_no_numbers_cannot_be_columns():
    X, y = data(200)
    with pytest.raises(ValueError, match="could not convert"):
        LpRowSampler(use_y=True).fit(X, np.where(y > 0, "a", "b"))
    with pytest.raises(ValueError, match="requires y"):
        LpRowSampler(use_y=True).fit(X)
