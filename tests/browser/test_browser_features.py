"""A feature and its images, as a person looks at them: names, keys, an image, its features."""

from __future__ import annotations

import re

import pytest
from playwright.sync_api import expect
from widget_checks import check_ended_kernel, check_width

pytestmark = pytest.mark.slow

MADE = """from skimage import data
from skembed import PretrainedEmbedder, inspection
from skembed.widgets import FeatureInspector
tiles = [x[i:i + 90, j:j + 90] for x in (data.brick(), data.grass(), data.coffee())
         for i in (0, 200) for j in (0, 100, 200)]
y = [name for name in ("brick", "grass", "cup") for _ in range(6)]
layers = ["stage1", "block2a_expand_conv", "block2a_dwconv"]
embedder = PretrainedEmbedder(layers=layers, image_size=64, engine="jax")"""
SHOW = "view = FeatureInspector(embedder, tiles, y, n_images=4)\nview"


@pytest.mark.parametrize("lab", ["dark"], indirect=True)
def test_a_feature_has_images_and_an_image_has_features(lab):
    notebook = lab.open(MADE, SHOW)
    notebook.run_all()
    widget, page = notebook.output(1).locator(".sk"), lab.page
    highest = widget.get_by_role("toolbar", name="Images with the highest stage1__000")
    expect(highest.get_by_role("button")).to_have_count(4)
    first = notebook.evaluate("print(view.found.highest.index[0])")
    button = highest.get_by_role("button").first
    expect(button).to_have_accessible_name(re.compile(rf"Image {first}, (brick|grass|cup): \d"))
    # The maps come when a feature has been looked at for a moment.
    expect(widget.locator("img.sk-overlaid")).to_have_count(8, timeout=60_000)
    sizes = "images => images.map(image => image.naturalWidth)"
    assert set(widget.locator("img.sk-overlaid").evaluate_all(sizes)) == {90}
    classes = widget.get_by_role("list", name="Classes of the 4 highest")
    expect(classes).to_contain_text("of 6")

    search = widget.get_by_label("Feature: name or column")
    search.fill("dwconv__01")
    offered = widget.locator("datalist option")
    expect(offered.first).to_have_attribute("value", "block2a_dwconv__010")
    search.fill("block2a_dwconv__019")
    search.press("Enter")
    notebook.wait_until("view.feature", "block2a_dwconv__019")
    expect(widget.get_by_label("Channel")).to_have_value("19")
    search.fill("no such feature")
    search.press("Enter")
    expect(widget.get_by_role("alert")).to_contain_text("has no feature 'no such feature'")
    widget.get_by_label("Layer").select_option("block2a_expand_conv")
    notebook.wait_until("view.feature", "block2a_expand_conv__019")
    expect(widget.get_by_role("alert")).to_be_hidden()

    # With keys: the second image, then the next feature.
    shown = "Images with the lowest block2a_expand_conv__019"  # the page hears of it later
    lowest = widget.get_by_role("toolbar", name=shown)
    lowest.get_by_role("button").first.focus()
    page.keyboard.press("ArrowRight")
    page.keyboard.press("Enter")
    notebook.wait_until("view.image == view.found.lowest.index[1]", "True")
    page.keyboard.press("n")
    notebook.wait_until("view.feature", "block2a_expand_conv__020")
    page.keyboard.press("p")
    notebook.wait_until("view.feature", "block2a_expand_conv__019")
    why = widget.get_by_role("group", name="Image")
    above = why.get_by_role("toolbar", name="Above other images of")
    known = "inspection.distinctive_features(embedder, tiles, view.image, y)"
    name = notebook.evaluate(f"print({known}.index[0])")
    expect(above.get_by_role("button")).to_have_count(8)
    expect(above.get_by_role("button").first).to_contain_text(name)
    expect(why.get_by_role("img", name="is active")).to_be_visible(timeout=60_000)
    above.get_by_role("button").first.click()
    notebook.wait_until("view.feature", name)
    expect(above.get_by_role("button").first).to_have_attribute("aria-pressed", "true")
    assert page.evaluate("jupyterapp.shell.currentWidget.content.widgets.length") == 2

    notebook.evaluate(
        "view.feature = ('stage1', 3); view.image = 7"
    )  # Python's choice is shown
    expect(widget.get_by_label("Image", exact=True)).to_have_value("7")
    expect(widget.get_by_role("status")).to_contain_text("stage1__003: column 3 of")
    widget.get_by_role("button", name="Copy as %embed").click()
    said = widget.get_by_label("The line that opens this view again")
    expect(said).to_have_value(
        "%embed features embedder tiles -y y --feature stage1__003 --image 7 --n-images 4"
    )
    check_width(widget)
    check_ended_kernel(notebook, widget)
    widget.get_by_role("button", name="Next feature").click()
