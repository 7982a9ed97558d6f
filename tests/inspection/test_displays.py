"""What is drawn, by Matplotlib and as HTML; and one page about a classification."""

from __future__ import annotations

import re
import sys
from html.parser import HTMLParser

import matplotlib as mpl
import numpy as np
import pandas as pd
import pytest
from on_jax import PretrainedEmbedder
from PIL import Image
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.svm import LinearSVC

from skembed import LayerKernelClassifierCV
from skembed.evaluation import evaluate, make_classifier
from skembed.inspection import (
    ActivationMapDisplay,
    ClassPatternsDisplay,
    ConfusionsDisplay,
    LayerContributionsDisplay,
    TopImagesDisplay,
    activation_map,
    class_patterns,
    gallery,
    layer_contributions,
    plot_layer_scores,
    top_images,
)
from skembed.inspection._report import html_report


@pytest.fixture(autouse=True)
def no_windows():
    """Draw into memory."""
    with mpl.rc_context({"backend": "agg"}):
        yield


class Page(HTMLParser):
    """The elements and texts of a page; tags that are not closed, or wrongly, are an error."""

    def __init__(self, html):
        super().__init__()
        self.open, self.found, self.text = [], [], ""
        self.feed(html)
        assert self.open == []

    def handle_starttag(self, tag, attrs):
        self.found.append((tag, dict(attrs)))
        if tag not in ("img", "meta"):
            self.open.append(tag)

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        if not self.open or self.open[-1] not in ("style", "script"):
            self.text += data

    def all(self, tag):
        return [attrs for found, attrs in self.found if found == tag]


def drawn(display):
    """The figure, as pixels: what cannot be drawn fails here."""
    canvas = display.figure_.canvas
    canvas.draw()
    return np.asarray(canvas.buffer_rgba())


def test_a_map_is_drawn_over_its_image(colours):
    image = np.zeros((60, 80, 3), np.uint8)
    image[10:20, 40:60, 0] = 255
    embedder = PretrainedEmbedder(colours, resize="crop-0.5")
    display = ActivationMapDisplay.from_estimator(embedder, image, 0)
    found = activation_map(embedder, image, 0)
    np.testing.assert_array_equal(display.map, found.map)
    assert display.ax_.get_title() == "embedding__000"
    assert display.figure_ is display.ax_.figure
    assert display.im_.get_clim() == (0, pytest.approx(np.nanmax(found.map)))
    drawn(display)


def test_a_map_takes_axes_and_a_class_has_a_scale_around_zero(photographs, standardised):
    from matplotlib import pyplot as plt

    _, axes = plt.subplots(1, 2)
    for ax, label in zip(axes, ("red", "blue"), strict=True):
        display = ActivationMapDisplay.from_estimator(
            standardised, photographs[0][0], label, ax=ax, colorbar=False
        )
        assert display.ax_ is ax
        low, high = display.im_.get_clim()
        assert low == -high
    drawn(display)


def test_a_map_of_zeros_and_an_array_of_any_scale_are_drawn():
    display = ActivationMapDisplay(np.full((3, 4, 2), -7.5), np.zeros((3, 4))).plot()
    assert display.im_.get_clim() == (0, 1)
    drawn(display)


def test_top_images_are_drawn_with_their_values(network, photographs):
    embedder = PretrainedEmbedder(network, layers="last")
    display = TopImagesDisplay.from_estimator(embedder, photographs[0], 1, n=3)
    found = top_images(embedder, photographs[0], 1, n=3)
    assert [ax.get_title() for ax in display.axes_[0]] == [
        f"{value:.3g}" for value in found.highest["value"]
    ]
    assert display.axes_[1, 0].get_ylabel() == "lowest"
    drawn(display)


def test_layers_are_bars(standardised):
    display = LayerContributionsDisplay.from_estimator(standardised, target="red")
    heights = [bar.get_height() for bar in display.bars_]
    np.testing.assert_allclose(heights, layer_contributions(standardised).shares["red"])
    drawn(display)
    with pytest.raises(ValueError, match=r"no class 'rad'\. Did you mean 'red'"):
        display.plot(target="rad")


def test_patterns_are_two_heat_maps(ternary, photographs):
    display = ClassPatternsDisplay.from_estimator(ternary[0], *photographs)
    found = class_patterns(ternary[0], *photographs)
    for ax, table in zip(display.axes_, (found.presence, found.absence), strict=True):
        np.testing.assert_array_equal(ax.images[0].get_array(), table)
    drawn(display)
    with pytest.raises(ValueError, match="ax holds 1 axes"):
        display.plot(display.axes_[0])


def test_a_gallery_is_html_that_loads_nothing(photographs, tmp_path):
    path = tmp_path / "a & b.png"
    Image.fromarray(photographs[0][0]).save(path)
    items = [path, str(path), photographs[0][1], b"no image"]
    captions = ["<script>alert(1)</script>", '" onload="alert(2)', "", "fourth\nline"]
    shown = gallery(items, captions, groups=["b<", "a", "b<", "a"])
    page = Page(shown._repr_html_())
    images = page.all("img")
    assert [image["alt"] for image in images] == [captions[0], captions[2], captions[1]]
    assert all(image["src"].startswith("data:image/png;base64,") for image in images)
    assert page.all("script") == []
    assert all("onload" not in attrs for _, attrs in page.found)
    assert re.sub(r"\s+", " ", page.text).index("b<") < page.text.index("a")
    assert "cannot be read" in page.text
    assert "a &amp; b.png" in gallery([path]).to_html()
    assert repr(shown) == "<Gallery of 4 images>"


def test_a_gallery_is_a_figure(photographs):
    shown = gallery(photographs[0][:5], list("ab$_$"[:5]), groups=[1, 1, 2, 2, 2]).plot(
        n_columns=2
    )
    assert len(shown.axes_) == 5
    assert [ax.get_xlabel() for ax in shown.axes_] == list("ab$_$")
    assert shown._repr_html_() is None  # a notebook shows the figure, and the images once
    drawn(shown)


@pytest.mark.parametrize("nothing", [[], pd.Series([], dtype=object), np.empty((0, 8, 8, 3))])
def test_a_gallery_may_be_empty(nothing):
    """As that of the suspects where no label is suspect."""
    shown = gallery(nothing, [], groups=[])
    assert len(shown) == 0
    assert "No images." in shown.to_html()
    shown.plot()
    assert shown.axes_ == []
    assert shown.figure_.texts[0].get_text() == "No images."


def test_a_gallery_says_what_is_wrong(photographs):
    with pytest.raises(ValueError, match="12 images and 1 captions"):
        gallery(photographs[0], ["one"])
    with pytest.raises(ValueError, match="side is 5"):
        gallery(photographs[0], side=5)


def test_confused_pairs_come_most_frequent_first(photographs):
    X, y = photographs
    predicted = y.copy()
    predicted[[0, 3, 6]] = ["blue", "blue", "green"]  # which were red
    score = np.arange(12.0)
    shown = ConfusionsDisplay.from_predictions(y, predicted, X, score=score, n_images=1)
    assert shown.gallery.groups == [
        "red, taken for blue: 2 images",
        "red, taken for green: 1 image",
    ]
    np.testing.assert_array_equal(shown.gallery.items[0], X[3])
    drawn(shown.plot())
    nothing = ConfusionsDisplay.from_predictions(y, y, X)
    assert len(nothing) == 0
    drawn(nothing.plot())


def test_confused_pairs_of_an_estimator(photographs, standardised):
    X, y = photographs
    wrong = np.where(y == "red", "green", y)
    shown = ConfusionsDisplay.from_estimator(standardised, X, wrong)
    assert shown.gallery.groups == ["green, taken for red: 4 images"] * 4


def test_the_report_is_one_page_that_loads_nothing(network, photographs, tmp_path):
    X, y = photographs
    y = np.array(["<b>red</b>" if label == "red" else label for label in y])
    y[1] = "blue"  # a wrong label
    paths = [str(tmp_path / f"{i}.png") for i in range(12)]
    for path, image in zip(paths, X, strict=True):
        Image.fromarray(image).save(path)
    found = evaluate(
        PretrainedEmbedder(network),
        paths,
        y,
        n_folds=3,
        classifier=make_pipeline(StandardScaler(), make_classifier()),
    )
    # Called by itself: no folder can have the name that a page must not obey.
    html = html_report("flowers & <more>", found, [("embedder", "a <b>")])
    page = Page(html.removeprefix("<!DOCTYPE html>"))
    assert "<b>red</b>" in page.text
    assert f"{found.scores.mean():.3f}" in page.text
    assert "1.png" in page.text[page.text.index("Suspect labels") :]
    assert page.all("script") == page.all("link") == page.all("a") == []
    assert all(image["src"].startswith("data:") for image in page.all("img"))
    assert page.all("meta")[2]["content"].startswith("default-src 'none'")
    clean = evaluate(PretrainedEmbedder(network, layers="first"), paths, photographs[1])
    assert "No image was taken for another class." in html_report("all right", clean)


def test_without_matplotlib_the_extra_is_named(monkeypatch, photographs):
    monkeypatch.setitem(sys.modules, "matplotlib.pyplot", None)
    with pytest.raises(ImportError, match=r"matplotlib is needed for drawing: .*notebook"):
        gallery(photographs[0]).plot()


def test_scores_of_layers_are_bars_and_chosen_ones_are_filled():
    rng = np.random.default_rng(0)
    X, y = rng.random((30, 12)), np.arange(30) % 2
    X[y == 1, 8:10] += 1
    clf = LayerKernelClassifierCV(layers=4).fit(X, y)
    ax = plot_layer_scores(make_pipeline("passthrough", clf))
    filled = [patch.get_facecolor()[3] > 0 for patch in ax.patches]
    assert filled == [name in clf.selected_layers_ for name in clf.layer_scores_]
    tops = [patch.get_y() + patch.get_height() for patch in ax.patches]
    np.testing.assert_allclose(tops, list(clf.layer_scores_.values()))
    (line,) = ax.lines
    assert np.isnan(line.get_ydata()[-1])
    assert max(np.nanmax(line.get_ydata()), tops[-1]) <= clf.best_score_ + 1e-12
    with pytest.raises(TypeError, match="LinearSVC has chosen no layers"):
        plot_layer_scores(LinearSVC().fit(X, y))
