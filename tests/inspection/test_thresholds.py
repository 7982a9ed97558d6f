"""Shares of -1, 0 and 1, and accuracies, against what the estimators themselves give."""

from __future__ import annotations

import numpy as np
import pytest
from on_jax import FullNetworkEmbedder, PretrainedEmbedder
from sklearn.model_selection import StratifiedKFold, cross_val_score
from sklearn.pipeline import make_pipeline
from sklearn.svm import LinearSVC

from skembed.extraction import images_run
from skembed.inspection import ThresholdsDisplay, threshold_scores, threshold_shares


def test_shares_are_those_of_the_embedding(ternary, network, photographs):
    images, _ = photographs
    for lower, upper in ((-0.25, 0.15), (0.4, 0.4), (-1.5, -0.2)):
        fne = FullNetworkEmbedder(network, lower=lower, upper=upper)
        codes = fne.fit_transform(images)
        found = threshold_shares(ternary[0], images, lower=lower, upper=upper)
        wheres = {"overall": slice(None), **fne.layer_slices_}
        assert found.index.tolist() == list(wheres)
        for name, where in wheres.items():
            expected = [(codes[:, where] == value).mean() for value in (-1, 0, 1)]
            np.testing.assert_allclose(found.loc[name], expected, atol=1e-12)
    usual = threshold_shares(FullNetworkEmbedder(network), images)  # fitted on a copy
    np.testing.assert_array_equal(usual, threshold_shares(ternary[0], images))


def test_scores_are_those_of_a_pipeline_and_run_no_image(network, photographs):
    images, y = photographs
    y = np.concatenate([y[1:4], y[3:]])  # three are wrong, or every accuracy is 1
    pairs = [(-0.25, 0.15), (-1.0, 1.0), (-9.0, 9.0)]
    PretrainedEmbedder(network, layers="all").transform(images)
    before = images_run()
    found = threshold_scores(FullNetworkEmbedder(network), images, y, pairs, n_folds=3)
    assert images_run() == before
    assert found[["lower", "upper"]].to_numpy().tolist() == [list(pair) for pair in pairs]
    folds = StratifiedKFold(3, shuffle=True, random_state=0)
    for row, (lower, upper) in zip(found.itertuples(), pairs, strict=True):
        fne = FullNetworkEmbedder(network, lower=lower, upper=upper)
        svm = LinearSVC(dual=True, max_iter=10_000, random_state=0)
        scores = cross_val_score(make_pipeline(fne, svm), images, y, cv=folds)
        assert row.accuracy == pytest.approx(scores.mean())
        assert row.deviation == pytest.approx(scores.std(ddof=1))
    one = threshold_scores(FullNetworkEmbedder(network), images, y, n_folds=3)
    assert one.to_numpy().tolist() == found[:1].to_numpy().tolist()


def test_picture_counts_every_value(ternary, photographs):
    images, _ = photographs
    display = ThresholdsDisplay.from_estimator(ternary[0], images, lower=-4.5)
    assert display.counts.sum() == ternary[0].transform(images).size
    assert display.edges[0] == -5
    heights = [bar.get_height() for bar in display.axes_[0].patches]
    assert heights == display.counts.tolist()
    assert len(display.axes_[1].patches) == 3 * len(ternary[0].layer_slices_)
    with pytest.raises(ValueError, match="there are two plots"):
        display.plot([display.axes_[0]])
    display.figure_.clear()


def test_refusals(ternary, network, photographs):
    images, y = photographs
    with pytest.raises(TypeError, match="expected a FullNetworkEmbedder"):
        threshold_shares(PretrainedEmbedder(network), images)
    with pytest.raises(ValueError, match="Are the two swapped"):
        threshold_shares(ternary[0], images, lower=1, upper=0)
    with pytest.raises(ValueError, match="inconsistent numbers"):
        threshold_scores(ternary[0], images, y[1:])
