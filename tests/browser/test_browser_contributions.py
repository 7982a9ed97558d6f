"""What layers carry, as a person looks at it: a class, a layer, keys."""

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
from skembed.widgets import LayerContributions
tiles = [x[i:i + 90, j:j + 90] for x in (data.brick(), data.grass(), data.coffee())
         for i in (0, 200) for j in (0, 200)]
y = [name for name in ("brick", "grass", "cup") for _ in range(4)]
layers = ["stage1", "block2a_expand_conv", "block2a_dwconv"]
embedder = PretrainedEmbedder(layers=layers, image_size=64, engine="jax")
clf = make_pipeline(embedder, StandardScaler(), LogisticRegression()).fit(tiles, y)"""
SHOW = "view = LayerContributions(clf)\nview"


@pytest.mark.parametrize("lab", ["dark"], indirect=True)
def test_layers_are_chosen_and_show_their_features(lab):
    notebook = lab.open(FITTED, SHOW)
    notebook.run_all()
    widget, page = notebook.output(1).locator(".sk"), lab.page
    bars = widget.get_by_role("toolbar", name="Layers and stages")
    expect(bars.get_by_role("button")).to_have_count(4)

    bars.get_by_role("button", name="block2a_dwconv").click()
    notebook.wait_until("view.selected", "block2a_dwconv")
    features = widget.get_by_role("list", name="Strongest features of block2a_dwconv")
    expect(features.get_by_role("listitem").first).to_contain_text("block2a_dwconv__")
    # With keys: the stage above, and another class.
    page.keyboard.press("Home")
    page.keyboard.press("ArrowDown")
    page.keyboard.press("Enter")
    notebook.wait_until("view.selected", "stage2")
    widget.get_by_label("Class").select_option("grass")
    notebook.wait_until("view.target", "grass")
    title = "Strongest features of stage2, for grass"
    expect(widget.get_by_role("list", name=title)).to_be_visible()
    known = "inspection.strongest_features(clf, target='grass', layers='stage2', n=15)"
    assert notebook.evaluate(f"print({known}.equals(view.features))") == "True"
    share = notebook.evaluate("print(f\"{view.shares['grass'][1:].sum():.1%}\")")
    expect(bars.get_by_role("button", name="stage2")).to_contain_text(share[:-1])
    expect(bars.locator("[aria-pressed=true]")).to_have_count(1)

    bars.get_by_role("button", name="stage2").press("Escape")
    notebook.wait_until("view.selected", "")
    notebook.evaluate("view.selected = 'stage1'")  # Python's choice is shown
    expect(bars.get_by_role("button", name="stage1")).to_have_attribute("aria-pressed", "true")
    assert page.evaluate("jupyterapp.shell.currentWidget.content.widgets.length") == 2
    widget.get_by_role("button", name="Copy as %embed").click()
    said = widget.get_by_label("The line that opens this view again")
    expect(said).to_have_value("%embed contributions clf --target grass --selected stage1")

    check_width(widget)
    check_ended_kernel(notebook, widget)
    bars.get_by_role("button", name="stage1").click()
