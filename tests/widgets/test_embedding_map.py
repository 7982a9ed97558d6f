"""EmbeddingMap in Python: what it computes, sends, takes and refuses; no browser."""

from __future__ import annotations

import base64
import io

import numpy as np
import pytest
from PIL import Image

from skembed import PretrainedEmbedder
from skembed.inspection import nearest_rows, project
from skembed.widgets import EmbeddingMap


@pytest.fixture
def rows():
    """Three groups of ten, far apart."""
    rng = np.random.default_rng(0)
    middles = np.repeat(rng.normal(scale=20, size=(3, 12)), 10, axis=0)
    return (middles + rng.normal(size=(30, 12))).astype(np.float32)


@pytest.fixture
def sent(monkeypatch):
    """What a widget sends to the browser."""
    messages = []
    monkeypatch.setattr(
        EmbeddingMap, "send", lambda _, content, buffers=(): messages.append((content, buffers))
    )
    return messages


def message(view, kind, **content):
    """What arrives when the browser sends a message."""
    view._handle_custom_msg({"kind": kind, **content}, [])


def test_points_keep_their_ratio_and_fill_the_square(rows):
    points = EmbeddingMap(rows)._points.reshape(-1, 2)
    expected = project(rows)
    assert np.abs(points).max() == pytest.approx(1)
    assert np.ptp(points[:, 0]) / np.ptp(points[:, 1]) == pytest.approx(
        np.ptp(expected[:, 0]) / np.ptp(expected[:, 1]), rel=1e-5
    )


def test_points_may_be_given(rows):
    given = rows[:, :2]
    points = EmbeddingMap(rows, projection=given)._points.reshape(-1, 2)
    np.testing.assert_allclose(
        np.corrcoef(points.ravel(), (given - given.mean(0)).ravel())[0, 1], 1, atol=0.05
    )
    with pytest.raises(ValueError, match=r"shape \(29, 2\); expected \(30, 2\)"):
        EmbeddingMap(rows, projection=given[1:])


def test_labels_go_both_ways(rows, sent):
    view = EmbeddingMap(rows, labels=np.repeat([7, 8, 9], 10))
    assert view.classes == ["7", "8", "9"]
    seen = []
    view.observe(lambda change: seen.append(change.new[0]), "labels")
    view.selected = [0, 29]
    message(view, "label", name="8")  # a class that is there keeps its type
    assert view.labels[[0, 29]].tolist() == [8, 8]
    message(view, "label", name="new")
    assert view.labels[29] == "new"
    assert view.classes == ["7", "8", "9", "new"]
    view.labels = ["a", None] * 15
    assert view.classes == ["a"]
    assert view._codes[:3].tolist() == [1, 0, 1]
    assert seen == [8, "new", "a"]
    assert sent == []


def test_what_the_browser_selects_arrives(rows):
    view = EmbeddingMap(rows)
    view.set_state({"selected": memoryview(np.array([4, 2], "<u4").tobytes())})
    assert view.selected.tolist() == [4, 2]
    assert rows[view.selected].shape == (2, 12)
    with pytest.raises(ValueError, match="read-only"):
        view.selected[0] = 1  # which nobody would hear of


def test_neighbours_are_those_in_feature_space(rows):
    view = EmbeddingMap(rows, n_neighbors=9)
    view.current = 3
    assert view.neighbors == nearest_rows(rows, 3, 9).tolist()
    assert set(view.neighbors) == set(range(10)) - {3}
    view.current = -1
    assert view.neighbors == []


def test_search_finds_labels_and_names(rows, pictures, paths):
    view = EmbeddingMap(rows[:12], images=paths, labels=["Brick"] * 6 + ["grass"] * 6)
    message(view, "search", text="bric")
    assert view.selected.tolist() == [0, 1, 2, 3, 4, 5]
    message(view, "search", text="11.PNG")
    assert view.selected.tolist() == [11]
    message(view, "search", text=" ")
    assert view.selected.tolist() == []


def test_thumbnails_are_made_when_asked_for(rows, paths, sent, tmp_path):
    paths = [*paths[:11], str(tmp_path / "missing.png")]
    view = EmbeddingMap(rows[:12], images=paths)
    message(view, "thumbnails", ids=[1, 11, 500])
    ((content, pictures),) = sent
    assert content["ids"] == [1, 11, 500]
    assert content["names"] == [paths[1], paths[11], ""]
    assert Image.open(io.BytesIO(pictures[0])).size == (128, 128)
    assert pictures[1:] == [b"", b""]
    view.close()


def test_an_error_is_told_on_the_page(rows, sent):
    view = EmbeddingMap(rows)
    message(view, "thumbnails", ids="no list")
    message(view, "no such kind")
    ((content, _),) = sent
    assert content["kind"] == "error"
    assert "TypeError" in content["text"]


@pytest.mark.slow
def test_layers_keep_selection_and_columns(pictures):
    embedder = PretrainedEmbedder(layers=["stage2", "stage5"], image_size=64)
    view = EmbeddingMap(images=pictures, embedder=embedder)
    assert view.layers == ["all features", "stage2", "stage5"]
    rows = embedder.transform(pictures)
    view.selected, view.current = [1, 2], 0
    view.layer = "stage2"
    early = rows[:, embedder.layer_slices_["stage2"]]
    assert view.neighbors == nearest_rows(early, 0).tolist()
    assert view.selected.tolist() == [1, 2]
    # Turned to lie as the first map did, and else that of the layer.
    points = view._points.reshape(-1, 2)
    expected = project(early)
    ratio = np.linalg.norm(points[0] - points[5]) / np.linalg.norm(points[3] - points[9])
    assert ratio == pytest.approx(
        np.linalg.norm(expected[0] - expected[5]) / np.linalg.norm(expected[3] - expected[9]),
        rel=1e-3,
    )
    with pytest.raises(ValueError, match="Did you mean 'stage2'"):
        EmbeddingMap(images=pictures, embedder=embedder, layer="stag2")


def test_a_saved_notebook_has_a_picture(rows):
    view = EmbeddingMap(rows, labels=np.repeat(["a", "b", "c"], 10))
    data, _ = view._repr_mimebundle_()
    picture = Image.open(io.BytesIO(base64.b64decode(data["image/png"])))
    assert picture.size == (600, 450)
    assert data["text/plain"] == "EmbeddingMap(30 images, 3 classes)"


def test_a_million_points_have_a_picture_of_densities():
    rng = np.random.default_rng(0)
    view = EmbeddingMap(rng.normal(size=(100_000, 2)), labels=rng.integers(0, 3, 100_000))
    (image,) = view.figure().axes[0].images
    assert image.get_array().shape == (360, 360, 4)


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ({}, "images and embedder are needed"),
        ({"X": np.zeros(3)}, r"shape \(3,\)"),
        ({"X": np.zeros((3, 2)), "labels": ["a"]}, "3 rows of X and 1 labels"),
        ({"X": np.zeros((1, 2)), "images": ["a.png", "b.png"]}, "1 rows of X and 2 images"),
        ({"X": np.zeros((3, 4)), "projection": "tnse"}, "Did you mean 'tsne'"),
        ({"X": np.array([[0.0, np.nan, 1]] * 3)}, "3 of 3 rows .* row 0"),
        ({"X": np.zeros((2, 2)), "layer": "stage1"}, "layer='stage1'"),
    ],
)
def test_refusals(arguments, said):
    with pytest.raises(ValueError, match=said):
        EmbeddingMap(**arguments)
