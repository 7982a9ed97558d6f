"""Mistakes as a person looks at them: a cell, an image, what decided, keys."""

from __future__ import annotations

import pytest
from playwright.sync_api import expect
from widget_checks import check_ended_kernel, check_width

pytestmark = pytest.mark.slow

FITTED = """from skimage import data
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from skembed import PretrainedEmbedder, inspection
from skembed.widgets import ConfusionBrowser
tiles = [x[i:i + 90, j:j + 90] for x in (data.brick(), data.grass(), data.coffee())
         for i in (0, 200) for j in (0, 100, 200)]
y = ["grass"] + [name for name in ("brick", "grass", "cup") for _ in range(6)][1:]
layers = ["stage1", "block2a_expand_conv", "block2a_dwconv"]
embedder = PretrainedEmbedder(layers=layers, image_size=64, engine="jax")
clf = make_pipeline(embedder, StandardScaler(), LogisticRegression()).fit(tiles[1:], y[1:])"""
SHOW = """view = ConfusionBrowser(clf, tiles, y, X_train=tiles[1:], y_train=y[1:])
view"""


@pytest.mark.parametrize("lab", ["dark"], indirect=True)
def test_a_cell_has_images_and_an_image_has_reasons(lab):
    notebook = lab.open(FITTED, SHOW)
    notebook.run_all()
    widget, page = notebook.output(1).locator(".sk"), lab.page
    matrix = widget.get_by_role("grid")
    expect(matrix.get_by_role("gridcell")).to_have_count(9)
    # The pair that is confused is there at once.
    images = widget.get_by_role("toolbar", name="Images of the cell")
    expect(images.locator("img")).to_have_count(1)
    images.get_by_role("button", name="Image 0").click()
    notebook.wait_until("view.current", "0")
    why = widget.get_by_role("group", name="Image 0: why brick rather than grass")
    features = why.get_by_role("list", name="Image 0: why brick").get_by_role("listitem")
    known = "inspection.explain(clf, tiles, 0, target='brick', against='grass', regions=False)"
    name = notebook.evaluate(f"print({known}.features['contribution'].idxmax())")
    expect(features.first).to_contain_text(name)
    expect(features).to_have_count(12)
    expect(
        why.get_by_role("list", name="Most like it in training").locator("img")
    ).to_have_count(6)
    map_ = why.get_by_role("img", name="What speaks for brick rather than grass, by place")
    expect(map_).to_be_visible(timeout=60_000)
    assert map_.evaluate("image => [image.naturalWidth, image.naturalHeight]") == [90, 90]

    # With keys: the cell of bricks that are rightly predicted, and its second image.
    matrix.get_by_role("gridcell", name="grass, taken for brick: 1").focus()
    page.keyboard.press("ArrowUp")
    page.keyboard.press("ArrowUp")
    page.keyboard.press("Enter")
    notebook.wait_until("view.cell", "['brick', 'brick']")
    expect(images.locator("img")).to_have_count(5)
    assert page.evaluate("document.activeElement.getAttribute('aria-selected')") == "true"
    images.get_by_role("button").first.focus()
    page.keyboard.press("ArrowRight")
    page.keyboard.press("Enter")
    notebook.wait_until("view.current == view.shown[1]", "True")
    expect(widget.get_by_role("group", name="why brick")).to_be_visible()
    widget.get_by_label("Confused pairs").select_option("grass, taken for brick (1)")
    notebook.wait_until("(view.cell, view.current)", "(['grass', 'brick'], -1)")
    assert page.evaluate("jupyterapp.shell.currentWidget.content.widgets.length") == 2
    notebook.evaluate("view.current = 0")  # Python's choice is shown
    expect(widget.get_by_role("status")).to_contain_text("why brick rather than grass")
    widget.get_by_role("button", name="Copy as %embed").click()
    said = widget.get_by_label("The line that opens this view again")
    options = "-y y --X-train X_train --y-train y_train --cell grass,brick --current 0"
    expect(said).to_have_value(f"%embed confusion clf tiles {options}")

    check_width(widget)
    check_ended_kernel(notebook, widget)
    images.get_by_role("button", name="Image 0").click()
