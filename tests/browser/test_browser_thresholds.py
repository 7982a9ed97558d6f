"""Thresholds as a person moves them: keys, a number, the mouse."""

from __future__ import annotations

import pytest
from playwright.sync_api import expect
from widget_checks import check_ended_kernel, check_width

pytestmark = pytest.mark.slow

FITTED = """from skimage import data
from skembed import FullNetworkEmbedder, extraction, inspection
from skembed.widgets import ThresholdTuner
X = [x[i:i + 90, j:j + 90] for x in (data.brick(), data.grass(), data.coffee())
     for i in (0, 200) for j in (0, 200)]
y = [name for name in ("brick", "grass", "cup") for _ in range(4)]
y[0] = "cup"
layers = ["stage1", "block2a_expand_conv", "block2a_dwconv"]
fne = FullNetworkEmbedder(layers=layers, image_size=64, engine="jax").fit(X)
n = extraction.images_run()"""
SHOW = "view = ThresholdTuner(fne, X, y, n_folds=2)\nview"
TRIED = "inspection.threshold_scores(fne, X, y, [(view.lower, view.upper)], n_folds=2)"


@pytest.mark.parametrize("lab", ["dark"], indirect=True)
def test_thresholds_are_moved_by_keys_numbers_and_mouse(lab):
    notebook = lab.open(FITTED, SHOW)
    notebook.run_all()
    widget, page = notebook.output(1).locator(".sk"), lab.page
    lower = widget.get_by_role("slider", name="Lower threshold")
    upper = widget.get_by_role("slider", name="Upper threshold")
    lower.scroll_into_view_if_needed()
    expect(lower).to_have_value("-0.25")
    status = widget.get_by_role("status")
    expect(status).to_contain_text("cross-validated; 1 tried")

    lower.focus()
    for _ in range(3):
        page.keyboard.press("ArrowLeft")
    page.keyboard.press("PageDown")
    notebook.wait_until("view.lower", "-0.38")
    expect(lower).to_have_attribute("aria-valuetext", "-0.38: below it, features are -1")
    exact = widget.get_by_role("spinbutton", name="Upper threshold, exact value")
    exact.fill("0.4")
    exact.press("Enter")
    notebook.wait_until("(view.upper, view.accuracy is None)", "(0.4, False)")
    expect(upper).to_have_value("0.4")
    assert notebook.evaluate(f"print({TRIED}.accuracy[0] == view.accuracy)") == "True"
    known = notebook.evaluate("print(f'{view.accuracy:.3f} ± {view.deviation:.3f}')")
    expect(widget.locator(".sk-score")).to_have_text(f"Accuracy {known}")
    share = notebook.evaluate("print(f\"{100 * view.shares.loc['stage1', 'present']:.1f} %\")")
    row = widget.get_by_role("row").filter(has_text="stage1")
    expect(row.get_by_role("cell").nth(2)).to_have_text(share)

    # The mouse, as far as the other threshold lets it: there both are the same.
    lower.scroll_into_view_if_needed()
    box = lower.bounding_box()
    page.mouse.click(box["x"] + 0.9 * box["width"], box["y"] + box["height"] / 2)
    notebook.wait_until("(view.lower, view.upper)", "(0.4, 0.4)")
    notebook.evaluate("view.set_thresholds(-9, 9)")  # Python's choice is shown
    expect(lower).to_have_value("-9")
    expect(upper).to_have_value("9")
    widget.get_by_role("button", name="Best so far").click()
    best = "view.tried.loc[view.tried.accuracy.idxmax()]"
    notebook.wait_until(f"(view.lower, view.upper) == tuple({best}[:2])", "True")
    assert notebook.evaluate("print(extraction.images_run() - n)") == "0"

    widget.get_by_role("button", name="Copy as %embed").click()
    said = widget.get_by_label("The line that opens this view again")
    line = notebook.evaluate(
        "print(f'%embed thresholds fne X -y y --cv 2 -d {view.lower},{view.upper}')"
    )
    expect(said).to_have_value(line)
    check_width(widget)
    check_ended_kernel(notebook, widget)
    at = lower.input_value()
    lower.press("ArrowLeft")
    expect(lower).to_have_value(at)
