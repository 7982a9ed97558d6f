"""The verbs that open widgets: what they embed, and the line that they give back."""

from __future__ import annotations

import zipfile

import numpy as np
import pytest
from IPython.core.interactiveshell import InteractiveShell

from skembed import PretrainedEmbedder
from skembed.widgets import (
    ConfusionBrowser,
    EmbeddingMap,
    FeatureInspector,
    Labeller,
    LayerContributions,
    TernaryPatterns,
    ThresholdTuner,
)

pytestmark = pytest.mark.slow  # networks run

SMALL = "-s 64 -q"


@pytest.fixture(autouse=True)
def _running(shell, monkeypatch):
    """`get_ipython()` finds the shell, as it does in a notebook."""
    monkeypatch.setattr(InteractiveShell, "_instance", shell)


def again(shell, view):
    """The widget that the line of another opens; what is shown in both is the same."""
    line = view.embed_line()
    opened = shell.run_line_magic("embed", line.removeprefix("%embed "))
    if opened is None:  # -o view
        opened = shell.user_ns["view"]
    assert opened is not view
    assert type(opened).__name__ == type(view).__name__
    for name in view.view_parameters:
        if view.has_trait(name):
            one, other = (np.asarray(getattr(w, name)).tolist() for w in (view, opened))
        else:
            one, other = view._given[name], opened._given[name]
        assert one == other, name
    assert sorted(opened.embed_line().split()) == sorted(line.split())
    return opened


def test_map_embeds_images(shell):
    view = shell.run_line_magic("embed", f"map images -y y {SMALL}")
    assert isinstance(view, EmbeddingMap)
    assert view.labels.tolist() == shell.user_ns["y"]
    assert view.embed_line() == f"%embed map images -y y {SMALL}"
    view.selected, view.hidden, view.height = [2, 3, 4, 9], ["grass"], 300
    shell.push({"view": view})
    view.labels = ["a wall", *view.labels[1:]]
    same = again(shell, view)
    np.testing.assert_array_equal(same._points, view._points)
    assert same.labels.tolist() == view.labels.tolist()
    assert view.embed_line() == (
        f"%embed map images {SMALL} --selected 2:5,9 --hidden grass --height 300 -y view.labels"
    )


def test_map_of_a_folder_has_its_labels_and_layers(shell, class_folders):
    line = f'map efficientnet_lite0 "{class_folders}" -l stage2,stage5 {SMALL} -o view'
    assert shell.run_line_magic("embed", line) is None
    view = shell.user_ns["view"]
    assert view.classes == ["brick", "coffee", "grass"]
    assert view.layers == ["all features", "stage2", "stage5"]
    view.layer = "stage5"
    assert again(shell, view).embed_line() == f"%embed {line} --layer stage5"
    view.layer = "all features"
    assert again(shell, view).embed_line() == f"%embed {line}"


def test_map_of_features(shell):
    shell.push({"X": np.eye(12)})
    view = shell.run_line_magic("embed", "map X --images images -y y --projection tsne")
    assert view._has_images
    assert view.embed_line() == "%embed map X --images images -y y --projection tsne"
    points = np.random.default_rng(0).normal(size=(12, 2))
    shell.push({"points": points})
    view = EmbeddingMap(shell.user_ns["X"], projection=points, n_neighbors=3)
    assert view.embed_line() == "%embed map X --projection $points --n-neighbors 3"
    np.testing.assert_array_equal(again(shell, view)._points, view._points)


def test_map_and_label_with_an_embedder(shell, pictures):
    embedder = PretrainedEmbedder(
        layers=["stage2", "stage5"], image_size=(64, 48), engine="jax"
    )
    view = EmbeddingMap(images=pictures, embedder=embedder, layer="stage2")
    shell.push({"images": pictures})
    assert view.embed_line() == "%embed map embedder images --layer stage2"
    shell.push({"emb": embedder})
    assert again(shell, view).embed_line() == "%embed map emb images --layer stage2"
    shell.push({"X": embedder.transform(pictures)})
    view = EmbeddingMap(shell.user_ns["X"], images=pictures, embedder=embedder, layer="stage5")
    same = again(shell, view)
    assert same.embed_line() == "%embed map emb X --images images --layer stage5"
    # What options can say is said, where no variable has the embedder.
    view = Labeller(PretrainedEmbedder(layers=["stage2", -1], image_size=(64, 48)), pictures)
    line = "%embed label efficientnet_lite0 -l {['stage2', -1]} -s 64x48 images"
    assert view.embed_line() == line


def test_label(shell):
    shell.push({"some": ["brick", None, None, "coffee"] * 3})
    view = shell.run_line_magic("embed", f"label images -y some {SMALL}")
    assert isinstance(view, Labeller)
    assert view.classes == ["brick", "coffee"]
    assert view.embed_line() == f"%embed label images -y some {SMALL}"
    view.label(1, "sea grass")
    view.strategy = "diverse"
    line = f"%embed label images -y some {SMALL} --strategy diverse"
    assert view.embed_line() == line + " --classes {['brick', 'coffee', 'sea grass']}"
    shell.push({"view": view})
    same = again(shell, view)
    assert same.labels.tolist() == view.labels.tolist()
    assert "-y view.labels" in same.embed_line()


def test_inside_a_classifier(shell):
    shell.run_line_magic("embed", f"images -y y --svm -l stage1 {SMALL}")
    view = shell.run_line_magic("embed", "contributions _clf")
    assert isinstance(view, LayerContributions)
    assert view.embed_line() == "%embed contributions _clf"
    view.target, view.selected = "grass", "stage1"
    same = again(shell, view)
    assert same.embed_line() == "%embed contributions _clf --target grass --selected stage1"
    assert same.features.equals(view.features)
    view = shell.run_line_magic("embed", "confusion _clf images -y y --cv 3")
    assert isinstance(view, ConfusionBrowser)
    assert len(view.found.folds.unique()) == 3
    view.cell, view.current = ["grass", "grass"], 9
    line = "%embed confusion _clf images -y y --cell grass,grass --current 9 --cv 3"
    assert view.embed_line() == line
    same = again(shell, view)
    assert same.explanation.decision == view.explanation.decision
    shell.push({"some": shell.user_ns["images"][:6], "theirs": shell.user_ns["y"][:6]})
    ns = shell.user_ns
    view = ConfusionBrowser(
        ns["_clf"],
        ns["images"],
        ns["y"],
        X_train=ns["some"],
        y_train=ns["theirs"],
        n_neighbors=2,
    )
    view.current = 7
    same = again(shell, view)
    assert "--X-train some --y-train theirs" in same.embed_line()
    assert same.neighbors == view.neighbors


def test_patterns(shell):
    shell.run_line_magic("embed", f"images -y y --svm -l stage1 -d -0.25,0.15 {SMALL}")
    view = shell.run_line_magic("embed", 'patterns _clf["emb"] images -y y')
    assert isinstance(view, TernaryPatterns)
    assert view.classes == ["brick", "coffee", "grass"]
    line = '%embed patterns _clf["emb"] images -y y --cell '
    assert view.embed_line() == line + "brick"
    view.cell, view.sign = ["coffee", "stage1"], "absent"
    assert again(shell, view).features.equals(view.features)
    assert view.embed_line() == line + "coffee,stage1 --sign absent"


def test_thresholds(shell):
    line = f"thresholds images -y y -l stage1,stage2 -d -0.5,0.5 {SMALL} --cv 3"
    view = shell.run_line_magic("embed", line)
    assert isinstance(view, ThresholdTuner)
    rest = line.removesuffix(" --cv 3").replace(" -d -0.5,0.5", "")
    assert view.embed_line() == f"%embed {rest} --cv 3 -d -0.5,0.5"
    view.set_thresholds(-1, 0.15)
    shell.push({"fne": view.embedder()})
    assert again(shell, view).tried.iloc[0].tolist() == [
        -1,
        0.15,
        view.accuracy,
        view.deviation,
    ]
    # The embedder may be a variable, and then has its settings already.
    own = shell.run_line_magic("embed", "thresholds fne images -y y --cv 3")
    assert (own.lower, own.upper, own.accuracy) == (-1, 0.15, view.accuracy)
    assert own.embed_line() == "%embed thresholds fne images -y y --cv 3 -d -1.0,0.15"
    assert again(shell, own).accuracy == view.accuracy


def test_features(shell):
    shell.run_line_magic("embed", f"images -y y --svm -l stage1 {SMALL}")
    line = 'features _clf["emb"] images -y y --feature stage1__004 --image 0'
    view = shell.run_line_magic("embed", line)
    assert isinstance(view, FeatureInspector)
    assert (view.feature, view.image) == ("stage1__004", 0)
    view.feature, view.image = 5, -1
    line = '%embed features _clf["emb"] images -y y --feature stage1__005'
    assert view.embed_line() == line
    view.image = 3
    assert again(shell, view).features.equals(view.features)
    line = "features _clf images --feature 5 --n-images 2 --n-counted 4"
    own = shell.run_line_magic("embed", line)
    assert own.feature == "stage1__005"
    assert again(shell, own).found.highest.equals(own.found.highest)


def test_an_archive_has_classes(shell, class_folders, tmp_path, capsys):
    with zipfile.ZipFile(tmp_path / "photos.zip", "w") as archive:
        for path in sorted(class_folders.rglob("*.png")):
            archive.write(path, path.relative_to(class_folders))
    shell.run_line_magic("embed", f'"{tmp_path}/photos.zip" --svm {SMALL} --frame -o X')
    assert "12 images" in capsys.readouterr().out
    assert shell.user_ns["X"].index[0] == f"{tmp_path}/photos.zip/brick/00.png"
    view = shell.run_line_magic("embed", f'map "{tmp_path}/photos.zip" {SMALL}')
    assert view.classes == ["brick", "coffee", "grass"]
    assert view._thumbnails.name(0).endswith("photos.zip/brick/00.png")
