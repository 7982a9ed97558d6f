"""ThresholdTuner in Python: what sliders ask for, and what comes back."""

from __future__ import annotations

import numpy as np
import pytest

from skembed.extraction import images_run
from skembed.inspection import threshold_scores, threshold_shares
from skembed.widgets import ThresholdTuner


@pytest.fixture
def view(ternary_embedder, pictures, labels):
    return ThresholdTuner(ternary_embedder, pictures, labels, n_folds=2)


def message(view, kind, **content):
    """What arrives when the browser sends a message."""
    view._handle_custom_msg({"kind": kind, **content}, [])


def test_sliders_move_and_no_image_runs(view, ternary_embedder, pictures, labels):
    before = images_run()
    assert (view.lower, view.upper) == (-0.25, 0.15)
    known = threshold_scores(ternary_embedder, pictures, labels, n_folds=2)
    assert view.accuracy == known["accuracy"][0]
    message(view, "move", lower=-1.5, upper=1)
    assert (view.lower, view.upper, view.accuracy) == (-1.5, 1, None)
    shares = threshold_shares(ternary_embedder, pictures, lower=-1.5, upper=1)
    assert view.shares.equals(shares)
    assert view._shares[1] == ["stage1", *shares.loc["stage1"]]
    message(view, "judge")
    pairs = [(-0.25, 0.15), (-1.5, 1)]
    known = threshold_scores(ternary_embedder, pictures, labels, pairs, n_folds=2)
    assert view.tried.equals(known)
    assert view._tried == known.to_numpy().tolist()
    message(view, "move", lower=-0.25, upper=0.15)  # known already
    assert view.accuracy == known["accuracy"][0]
    assert view._n_answers == 3
    assert images_run() == before


def test_thresholds_come_back_as_an_embedder(view, ternary_embedder, pictures):
    view.upper = 0.6
    assert view.accuracy is not None
    embedder = view.embedder()
    assert (embedder.lower, embedder.upper) == (-0.25, 0.6)
    codes = embedder.transform(pictures)
    assert (codes == 1).mean() == pytest.approx(view.shares.loc["overall", "present"])
    assert ternary_embedder.upper == 0.15
    np.testing.assert_array_equal(
        codes == -1, ternary_embedder.transform(pictures) == -1
    )  # the other threshold is as it was


def test_histogram_reaches_as_far_as_the_thresholds(view, pictures):
    n = sum(view._counts)
    view.set_thresholds(-4.2, 3.7)
    assert (view._edges[0], view._edges[-1], sum(view._counts)) == (-5, 4, n)
    assert view.figure().axes[0].get_title().startswith("lower -4.2, upper 3.7: accuracy")
    assert view.embed_line() == "%embed thresholds fne X -y y --cv 2 -d -4.2,3.7"
    assert "image/png" in view._repr_mimebundle_()[0]
    assert repr(view).startswith("ThresholdTuner(lower=-4.2, upper=3.7, accuracy")


def test_refusals(view, ternary_embedder, pictures, labels, monkeypatch):
    with pytest.raises(ValueError, match=r"set_thresholds\(lower, upper\) sets both"):
        view.lower = 0.5
    with pytest.raises(ValueError, match="finite"):
        view.upper = float("nan")
    with pytest.raises(ValueError, match="swapped"):
        view.set_thresholds(1, 0)
    assert (view.lower, view.upper) == (-0.25, 0.15)
    sent = []
    monkeypatch.setattr(
        ThresholdTuner, "send", lambda _, content, buffers=(): sent.append(content)
    )
    message(view, "move", lower=1, upper=0)
    assert "swapped" in sent[0]["text"]
    with pytest.raises(ValueError, match="has one image"):
        ThresholdTuner(ternary_embedder, pictures[:9], labels[:9])
