"""What is present and absent, as a person looks at it: a cell, a class, keys."""

from __future__ import annotations

import pytest
from playwright.sync_api import expect
from widget_checks import check_ended_kernel, check_width

pytestmark = pytest.mark.slow

FITTED = """from skimage import data
from skembed import FullNetworkEmbedder
from skembed.widgets import TernaryPatterns
tiles = [x[i:i + 90, j:j + 90] for x in (data.brick(), data.grass(), data.coffee())
         for i in (0, 200) for j in (0, 100, 200)]
y = [name for name in ("brick", "grass", "cup") for _ in range(6)]
layers = ["stage1", "block2a_expand_conv", "block2a_dwconv"]
fne = FullNetworkEmbedder(layers=layers, image_size=64, engine="jax").fit(tiles)"""
SHOW = "view = TernaryPatterns(fne, tiles, y)\nview"


@pytest.mark.parametrize("lab", ["dark"], indirect=True)
def test_a_cell_shows_the_features_of_a_class(lab):
    notebook = lab.open(FITTED, SHOW)
    notebook.run_all()
    widget, page = notebook.output(1).locator(".sk"), lab.page
    cells = widget.get_by_role("grid").get_by_role("gridcell")
    expect(cells).to_have_count(9)
    cells.nth(0).click()
    notebook.wait_until("view.cell", "['brick', 'stage1']")
    page.keyboard.press("ArrowDown")
    page.keyboard.press("ArrowDown")
    page.keyboard.press("End")
    page.keyboard.press("Enter")
    notebook.wait_until("view.cell", "['grass', 'block2a_dwconv']")
    title = "Most absent from grass, of block2a_dwconv"
    first = widget.get_by_role("list", name=title).get_by_role("listitem").first
    expect(first).to_contain_text(notebook.evaluate("print(view.features.index[-1])"))
    shares = "print(f\"{view.patterns.absence.loc['grass', 'block2a_dwconv']:.1%}\")"
    expect(widget.get_by_role("status")).to_contain_text(notebook.evaluate(shares)[:-1])

    widget.get_by_label("What is counted").select_option("absent")
    notebook.wait_until("view.sign", "absent")
    widget.get_by_label("Class", exact=True).select_option("cup")
    notebook.wait_until("view.cell", "['cup', 'block2a_dwconv']")
    widget.get_by_role("button", name="All layers").click()
    notebook.wait_until("view.cell", "['cup', '']")
    expect(
        widget.get_by_role("list", name="Most present in cup, of all layers")
    ).to_be_visible()
    assert page.evaluate("jupyterapp.shell.currentWidget.content.widgets.length") == 2
    notebook.evaluate("view.cell = ['brick', 'stage1']")  # Python's choice is shown
    expect(cells.nth(0)).to_have_attribute("aria-selected", "true")
    widget.get_by_role("button", name="Copy as %embed").click()
    said = widget.get_by_label("The line that opens this view again")
    expect(said).to_have_value(
        "%embed patterns fne tiles -y y --cell brick,stage1 --sign absent"
    )

    check_width(widget)
    check_ended_kernel(notebook, widget)
    cells.nth(1).click()
