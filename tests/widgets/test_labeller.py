"""Labeller in Python: labels, the order, the accuracy, and what comes out."""

from __future__ import annotations

import numpy as np
import pytest

from skembed import PretrainedEmbedder
from skembed.extraction import images_run
from skembed.inspection import next_to_label
from skembed.widgets import Labeller


@pytest.fixture
def embedder(jax_alone):
    return PretrainedEmbedder(image_size=64)


def message(view, kind, **content):
    """What arrives when the browser sends a message."""
    view._handle_custom_msg({"kind": kind, **content}, [])


def test_from_nothing_to_a_classifier(embedder, pictures, labels, paths):
    view = Labeller(embedder, paths)
    n_run = images_run()
    assert view._queue[0] == next_to_label(embedder.transform(paths), [None] * 12)[0]
    assert view.accuracy is None
    for _ in range(8):
        i = view._queue[0]
        message(view, "label", id=i, name=labels[i], showing=view._queue[1])
    assert sorted(view.classes) == sorted(set(labels))
    assert sum(view._counts) == 8
    assert 0.5 < view.accuracy <= 1
    assert view.history[-1] == [8, view.accuracy]
    frame = view.to_frame()
    assert (frame["image"] == np.array(paths)[frame.index]).all()
    assert (frame["label"] == np.array(labels)[frame.index]).all()
    assert view.classifier().score(pictures, labels) > 0.8
    assert images_run() - n_run <= len(pictures)  # as arrays they are other images
    assert repr(view) == "Labeller(8 of 12 images labelled)"
    assert [len(axes.get_title()) for axes in view.figure().axes] == [0, 0]


def test_undo_later_and_labels_that_were_known(embedder, pictures):
    view = Labeller(embedder, pictures, labels=[1, None, 2.0, np.nan] * 3, classes=["3"])
    assert view.classes == ["3", "1", "2.0"]
    assert view._counts == [0, 3, 3]
    first = view._queue[0]
    message(view, "later", id=first)
    assert view._queue[0] != first
    assert view._queue[-1] == first
    second = view._queue[0]
    message(view, "label", id=second, name="1")
    assert view.labels[second] == 1  # of the type of the class that is there
    message(view, "label", id=0, name="3")
    message(view, "undo")
    assert (view.labels[0], view._queue[0]) == (1, 0)
    message(view, "undo")
    assert view.labels[second] is None
    message(view, "undo")  # there is none
    assert view._counts == [0, 3, 3]


def test_strategies_change_the_order(embedder, pictures):
    view = Labeller(embedder, pictures, strategy="diverse")
    before = list(view._queue)
    view.strategy = "random"
    assert sorted(view._queue) == sorted(before)
    assert view._queue != before


def test_pictures_are_larger(embedder, pictures, monkeypatch):
    sent = []
    view = Labeller(embedder, pictures)
    monkeypatch.setattr(Labeller, "send", lambda _, content, buffers=(): sent.append(buffers))
    message(view, "pictures", ids=[0])
    message(view, "thumbnails", ids=[0])
    assert len(sent[0][0]) > len(sent[1][0])


def test_refusals(embedder, pictures):
    with pytest.raises(ValueError, match="12 images, and labels of the shape"):
        Labeller(embedder, pictures, labels=["a"])
    view = Labeller(embedder, pictures)
    with pytest.raises(ValueError, match="two classes or more"):
        view.classifier()
