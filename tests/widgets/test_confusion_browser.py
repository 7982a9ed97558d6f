"""ConfusionBrowser in Python: cells, images, explanations, classifiers, and what is refused."""

from __future__ import annotations

import io

import numpy as np
import pytest
from PIL import Image
from sklearn.base import clone
from sklearn.pipeline import make_pipeline
from sklearn.svm import LinearSVC

from skembed import ImageError
from skembed.inspection import confusions, explain
from skembed.widgets import ConfusionBrowser

pytestmark = pytest.mark.slow


@pytest.fixture(scope="session")
def wrong(labels):
    """`labels`, and for the first picture, which is of a brick wall, a wrong one."""
    return ["grass", *labels[1:]]


@pytest.fixture
def view(classifier, pictures, wrong):
    return ConfusionBrowser(
        classifier,
        pictures[1::2] + pictures[:1],
        wrong[1::2] + wrong[:1],
        X_train=pictures[::2],
        y_train=wrong[::2],
    )


@pytest.fixture
def sent(monkeypatch):
    """What a widget sends to the browser."""
    messages = []
    monkeypatch.setattr(
        ConfusionBrowser,
        "send",
        lambda _, content, buffers=(): messages.append((content, buffers)),
    )
    return messages


def test_cells_hold_the_images_of_the_matrix(view, classifier, pictures, wrong):
    found = confusions(classifier, pictures[1::2] + pictures[:1], wrong[1::2] + wrong[:1])
    assert view._matrix == found.matrix.to_numpy().tolist()
    assert view.cell == ["grass", "brick"]
    assert view.shown == [6]
    for true in view.classes:
        for predicted in view.classes:
            view.cell = [true, predicted]
            table = found.predictions
            same = (table["true"] == true) & (table["predicted"] == predicted)
            assert sorted(view.shown) == table.index[same].tolist()
            assert len(view.shown) == found.matrix.loc[true, predicted]


def test_an_image_is_explained(view, classifier, pictures, wrong, sent):
    view.set_state({"current": 6})
    X = pictures[1::2] + pictures[:1]
    known = explain(classifier, X, 6, target="brick", against="grass", regions=False)
    detail = view._detail
    assert (detail["true"], detail["predicted"], detail["against"]) == (
        "grass",
        "brick",
        "grass",
    )
    assert detail["decision"] == pytest.approx(known.decision)
    pushed = [one["contribution"] for one in detail["features"] if one["contribution"] > 0]
    assert pushed == known.features["contribution"].nlargest(8).tolist()
    held = [one["contribution"] for one in detail["features"] if one["contribution"] < 0]
    assert held[::-1] == known.features["contribution"].nsmallest(4).tolist()
    # It is the first training image itself, and its label there is as wrong.
    assert view.neighbors[0] == 0
    assert detail["neighbors"][0]["label"] == "grass"
    assert {wrong[2 * i] for i in view.neighbors[1:2]} == {"brick"}
    assert detail["are_training"]

    view._handle_custom_msg({"kind": "maps", "ids": [6]}, [])
    ((content, (picture,)),) = sent
    assert content["names"] == [""]
    assert Image.open(io.BytesIO(picture)).size == (140, 140)
    view.cell = ["brick", "brick"]
    assert view.current == -1
    assert view._detail == {}


def test_folds_judge_the_images_that_they_have_not_seen(pictures, wrong):
    from skembed import FullNetworkEmbedder

    embedder = FullNetworkEmbedder(
        layers=["stage1", "block2a_expand_conv", "block2a_dwconv"], image_size=64, engine="jax"
    )
    clf = make_pipeline(embedder, LinearSVC(random_state=0))
    view = ConfusionBrowser(clf, pictures, wrong, cv=3)
    folds = view.found.folds
    i = int(view.found.errors.index[0])
    view.current = i
    train = np.flatnonzero(folds != folds[i])
    own = clone(clf).fit([pictures[j] for j in train], np.array(wrong)[train])
    row = view.found.errors.loc[i]
    decisions = dict(zip(own.classes_, own.decision_function([pictures[i]])[0], strict=True))
    expected = decisions[row["predicted"]] - decisions[row["true"]]
    assert row["score"] == pytest.approx(expected, rel=1e-4)
    assert view.explanation.decision == pytest.approx(expected, rel=1e-4)
    assert set(view.neighbors) <= set(train.tolist())
    assert "--cv 3" in view.embed_line()


def test_a_map_that_means_nothing_is_refused_with_the_reason(
    ternary_embedder, pictures, labels, sent
):
    clf = make_pipeline(ternary_embedder, LinearSVC()).fit(pictures, labels)
    view = ConfusionBrowser(clf, pictures, labels)
    assert view.cell == ["brick", "brick"]
    assert not view._pairs
    view.current = 0
    assert not view._detail["are_training"]
    assert 0 not in view.neighbors
    assert {one["value"] for one in view._detail["features"]} <= {-1.0, 0.0, 1.0}
    view._handle_custom_msg({"kind": "maps", "ids": [0]}, [])
    ((content, (picture,)),) = sent
    assert picture == b""
    assert "linear" in content["names"][0]


def test_picture_and_refusals(view, classifier, pictures, labels):
    texts = [text.get_text() for text in view.figure().axes[0].get_yticklabels()]
    assert texts == view.classes
    assert "image/png" in view._repr_mimebundle_()[0]
    trained = "--X-train X_train --y-train y_train"
    assert view.embed_line() == f"%embed confusion clf X -y y {trained} --cell grass,brick"
    assert repr(view) == "ConfusionBrowser(1 of 7 images wrong, 3 classes)"
    with pytest.raises(ValueError, match="Did you mean 'grass'"):
        view.cell = ["gras", "brick"]
    with pytest.raises(ValueError, match="no image that was predicted"):
        view.current = 7
    with pytest.raises(ValueError, match="inconsistent numbers"):
        ConfusionBrowser(classifier, pictures, labels, X_train=pictures, y_train=labels[1:])


def test_an_image_that_has_gone_is_told_on_the_page(classifier, paths, labels, sent, tmp_path):
    paths = [*paths[:11], str(tmp_path / "gone.png")]
    Image.new("RGB", (80, 80)).save(paths[11])
    view = ConfusionBrowser(classifier, paths, labels)
    (tmp_path / "gone.png").unlink()
    with pytest.raises(ImageError, match=r"gone\.png"):
        view.current = 11
    ((content, _),) = sent
    assert content["kind"] == "error"
    assert "gone.png" in content["text"]
