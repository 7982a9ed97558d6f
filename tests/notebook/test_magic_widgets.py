"""The verbs that open widgets: what they embed, and the line that they give back."""

from __future__ import annotations

import numpy as np
import pytest

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


def test_map_embeds_images(shell):
    view = shell.run_line_magic("embed", f"map images -y y {SMALL}")
    assert isinstance(view, EmbeddingMap)
    assert view.labels.tolist() == shell.user_ns["y"]
    assert view.embed_line() == f"%embed map images -y y {SMALL}"
    again = shell.run_line_magic("embed", view.embed_line().removeprefix("%embed "))
    np.testing.assert_array_equal(again._points, view._points)


def test_map_of_a_folder_has_its_labels_and_layers(shell, class_folders):
    line = f'map efficientnet_lite0 "{class_folders}" -l stage2,stage5 {SMALL} -o view'
    assert shell.run_line_magic("embed", line) is None
    view = shell.user_ns["view"]
    assert view.classes == ["brick", "coffee", "grass"]
    assert view.layers == ["all features", "stage2", "stage5"]


def test_map_of_features(shell):
    shell.push({"X": np.eye(12)})
    view = shell.run_line_magic("embed", "map X --images images -y y --projection tsne")
    assert view._has_images
    assert view.embed_line() == "%embed map X --images images -y y --projection tsne"


def test_label(shell):
    shell.push({"some": ["brick", None, None, "coffee"] * 3})
    view = shell.run_line_magic("embed", f"label images -y some {SMALL}")
    assert isinstance(view, Labeller)
    assert view.classes == ["brick", "coffee"]
    assert view.embed_line() == f"%embed label images -y some {SMALL}"


def test_inside_a_classifier(shell):
    shell.run_line_magic("embed", f"images -y y --svm -l stage1 {SMALL}")
    view = shell.run_line_magic("embed", "contributions _clf")
    assert isinstance(view, LayerContributions)
    assert view.embed_line() == "%embed contributions _clf"
    view = shell.run_line_magic("embed", "confusion _clf images -y y --cv 3")
    assert isinstance(view, ConfusionBrowser)
    assert len(view.found.folds.unique()) == 3
    assert view.embed_line() == "%embed confusion _clf images -y y --cv 3"


def test_patterns(shell):
    shell.run_line_magic("embed", f"images -y y --svm -l stage1 -d -0.25,0.15 {SMALL}")
    view = shell.run_line_magic("embed", 'patterns _clf["emb"] images -y y')
    assert isinstance(view, TernaryPatterns)
    assert view.classes == ["brick", "coffee", "grass"]
    assert view.embed_line() == '%embed patterns _clf["emb"] images -y y'


def test_thresholds(shell):
    line = f"thresholds images -y y -l stage1,stage2 -d -0.5,0.5 {SMALL} --cv 3"
    view = shell.run_line_magic("embed", line)
    assert isinstance(view, ThresholdTuner)
    assert view.embed_line() == f"%embed {line} -d -0.5,0.5"
    view.set_thresholds(-1, 0.15)
    shell.push({"fne": view.embedder()})
    # The embedder may be a variable, and then has its settings already.
    again = shell.run_line_magic("embed", "thresholds fne images -y y --cv 3")
    assert (again.lower, again.upper, again.accuracy) == (-1, 0.15, view.accuracy)
    pair = again.embed_line().removeprefix("%embed ")
    assert pair == "thresholds fne images -y y --cv 3 -d -1.0,0.15"
    assert shell.run_line_magic("embed", pair).embed_line() == f"%embed {pair}"


def test_features(shell):
    shell.run_line_magic("embed", f"images -y y --svm -l stage1 {SMALL}")
    line = 'features _clf["emb"] images -y y --feature stage1__004 --image 0'
    view = shell.run_line_magic("embed", line)
    assert isinstance(view, FeatureInspector)
    assert (view.feature, view.image) == ("stage1__004", 0)
    view.feature, view.image = 5, -1
    line = '%embed features _clf["emb"] images -y y --feature stage1__005'
    assert view.embed_line() == line
    again = shell.run_line_magic("embed", "features _clf images --feature 5")
    assert again.feature == "stage1__005"
