"""The map of embeddings as a person uses it, in a real JupyterLab and a real Notebook."""

from __future__ import annotations

import pytest
from jupyter_lab import OF_NOTEBOOK
from playwright.sync_api import expect
from widget_checks import check_ended_kernel

pytestmark = pytest.mark.slow

DIGITS = """from sklearn.datasets import load_digits
from skembed.widgets import EmbeddingMap
digits = load_digits()
X, y = digits.data[:400], digits.target[:400]
images = list((digits.images[:400] / 16).astype("float32"))"""
SHOW = "view = EmbeddingMap(X, images=images, labels=y)\nview"


def shown(notebook, i=1):
    """The widget below a cell, whole in sight."""
    notebook.run_all()
    widget = notebook.output(i).locator(".sk")
    widget.locator("canvas.sk-map").wait_for()
    widget.scroll_into_view_if_needed()
    return widget


def drag(page, box, corners):
    """Press, and draw from corner to corner; these are fractions of the box."""
    places = [(box["x"] + x * box["width"], box["y"] + y * box["height"]) for x, y in corners]
    page.mouse.move(*places[0])
    page.mouse.down()
    for place in places[1:]:
        page.mouse.move(*place, steps=3)
    page.mouse.up()


def test_points_are_looked_at_selected_and_labelled(lab):
    notebook = lab.open(DIGITS, SHOW)
    widget, page = shown(notebook), lab.page
    canvas = widget.locator("canvas.sk-map")
    box = canvas.bounding_box()

    # The pointer rests on the middle: there is an image, and its neighbours.
    middle = box["x"] + box["width"] / 2, box["y"] + box["height"] / 2
    page.mouse.move(*middle)
    page.mouse.move(middle[0] + 5, middle[1])
    expect(widget.locator(".sk-neighbours img")).to_have_count(8)
    assert widget.locator(".sk-tip img").evaluate("image => image.naturalWidth") == 8
    focus = int(notebook.evaluate("print(view.current)"))
    line = f"print(nearest_rows(X, {focus}).tolist() == view.neighbors)"
    assert notebook.evaluate(f"from skembed.inspection import nearest_rows; {line}") == "True"

    drag(page, box, [(0, 0), (0.5, 0), (0.5, 1), (0, 1), (0, 0)])  # the left half
    notebook.wait_until("len(view.selected) > 50", "True")
    left = "view._points.reshape(-1, 2)[:, 0] < 0.0"
    assert notebook.evaluate(f"print((view.selected == ({left}).nonzero()[0]).all())") == "True"
    n = int(notebook.evaluate("print(len(view.selected))"))
    expect(widget.get_by_role("status")).to_contain_text(f"{n} of 400 selected")

    widget.get_by_role("button", name="Rectangle").click()
    page.keyboard.down("Shift")
    drag(page, box, [(0.0, 0.0), (1.0, 0.5)])  # and what else is above
    page.keyboard.up("Shift")
    notebook.wait_until(f"len(view.selected) > {n}", "True")

    # A class that is hidden is not selected.
    widget.locator(".sk-legend button").first.click()
    drag(page, box, [(0, 0), (1, 1)])
    notebook.wait_until("len(view.selected)", notebook.evaluate("print((y != 0).sum())"))
    assert notebook.evaluate("print((y[view.selected] != 0).all())") == "True"
    widget.locator(".sk-legend button").first.click()

    # Python's selection is shown, labelled on the page, and comes back.
    notebook.evaluate("view.selected = [3, 4, 5]")
    expect(widget.locator(".sk-selection img")).to_have_count(3)
    field = widget.get_by_label("Label of the selection")
    field.fill("odd")
    field.press("Enter")
    notebook.wait_until("view.labels[2:7].tolist()", "[2, 'odd', 'odd', 'odd', 6]")
    expect(widget.locator(".sk-legend")).to_contain_text("odd3")

    search = widget.get_by_label("Search labels and file names")
    search.fill("ODD")
    search.press("Enter")
    notebook.wait_until("view.selected.tolist()", "[3, 4, 5]")

    widget.get_by_role("button", name="Copy as %embed").click()
    said = widget.get_by_label("The line that opens this view again")
    expect(said).to_have_value("%embed map X --images images --selected 3:6 -y view.labels")
    (kept,) = notebook.outputs(1)
    assert {"image/png", "application/vnd.jupyter.widget-view+json"} <= set(kept["data"])


def test_keys_do_what_the_pointer_does_and_a_kernel_may_end(lab):
    notebook = lab.open(DIGITS, SHOW)
    widget, page = shown(notebook), lab.page
    canvas = widget.locator("canvas.sk-map")
    canvas.focus()
    for keys, selected in (
        (["ArrowRight", "Enter"], 1),
        (["ArrowLeft", "ArrowUp", " "], 2),
        (["Escape"], 0),
        (["a"], 400),
    ):
        for key in keys:
            page.keyboard.press(key)
        notebook.wait_until("len(view.selected)", str(selected))
    notebook.wait_until("len(view.neighbors)", "8")
    page.keyboard.press("n")
    notebook.wait_until("len(view.selected)", "9")
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.closest('.sk-legend, .sk-side') !== null")
    # The keys did nothing to the notebook.
    assert page.evaluate("jupyterapp.shell.currentWidget.content.widgets.length") == 2
    assert page.evaluate("document.activeElement.closest('.sk') !== null")

    name = "Map of the images"
    assert widget.get_by_role("application", name=name).get_attribute("aria-describedby")
    assert widget.get_by_role("region", name="Embedding map").or_(widget).count() == 1
    for button in widget.get_by_role("button").all():
        assert button.get_attribute("aria-label") or button.inner_text().strip()

    check_ended_kernel(notebook, widget)
    canvas.focus()
    for key in ("ArrowRight", "Enter", "Escape", "a"):
        page.keyboard.press(key)
    widget.get_by_role("button", name="Copy as %embed").click()
    notebook.run(0, wait=False)
    notebook.run(1, wait=False)
    expect(widget.get_by_role("alert")).to_be_hidden(timeout=60_000)
    canvas.wait_for()


def test_notebook_and_a_narrow_page(lab):
    notebook = lab.open(DIGITS, SHOW, page="notebooks")
    widget, page = shown(notebook), lab.page
    page.set_viewport_size({"width": 400, "height": 900})
    expect(widget.locator(".sk-columns")).to_have_css("display", "grid")
    canvas = widget.locator("canvas.sk-map")
    canvas.focus()
    page.keyboard.press("ArrowRight")
    page.keyboard.press("Enter")
    notebook.wait_until("(len(view.selected), len(view.neighbors))", "(1, 8)")
    widths = widget.evaluate("root => [root.scrollWidth, root.clientWidth]")
    assert widths[0] <= widths[1] <= 400
    columns = widget.locator(".sk-columns").evaluate(
        "grid => getComputedStyle(grid).gridTemplateColumns.split(' ').length"
    )
    assert columns == 1
    lab.complaints[:] = [one for one in lab.complaints if not one.endswith(OF_NOTEBOOK)]
