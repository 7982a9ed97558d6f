"""Labelling as a person does it: names, keys, the guess, undo."""

from __future__ import annotations

import pytest
from playwright.sync_api import expect
from widget_checks import check_width

pytestmark = pytest.mark.slow

DIGITS = """import numpy as np
from sklearn.datasets import load_digits
from sklearn.preprocessing import FunctionTransformer
from skembed.widgets import Labeller
digits = load_digits()
images = list((digits.images[:60] / 16).astype("float32"))
embedder = FunctionTransformer(lambda images: np.reshape(images, (len(images), -1)))
view = Labeller(embedder, images)
view"""


@pytest.mark.parametrize("lab", ["dark"], indirect=True)
def test_images_are_labelled_by_names_and_keys(lab):
    notebook = lab.open(DIGITS)
    notebook.run_all()
    widget, page = notebook.output(0).locator(".sk"), lab.page
    stage = widget.locator(".sk-label-stage")
    stage.locator("img").wait_for()
    stage.scroll_into_view_if_needed()
    truth = notebook.evaluate("print((digits.target[:60] > 4).astype(int).tolist())")
    big = [int(c) for c in truth if c in "01"]

    def at() -> int:
        return int(stage.get_attribute("aria-label").split()[1].strip(","))

    # A name that is typed makes a class, and then it has a key.
    first = at()
    name = widget.get_by_label("Name of a new class")
    name.fill(["small", "large"][big[first]])
    name.press("Enter")
    notebook.wait_until(f"view.labels[{first}]", ["small", "large"][big[first]])
    n = 1
    while len(classes := notebook.evaluate("print(*view.classes)").split()) < 2:
        i = at()
        wanted = ["small", "large"][big[i]]
        if wanted in classes:
            stage.focus()
            page.keyboard.press("1")
        else:
            name.fill(wanted)
            name.press("Enter")
        n += 1
        notebook.wait_until("sum(view._counts)", str(n))
    for _ in range(6):
        key = classes.index(["small", "large"][big[at()]]) + 1
        stage.focus()
        page.keyboard.press(str(key))
        n += 1
        notebook.wait_until("sum(view._counts)", str(n))
    right = (
        "[('large' if big else 'small') for big in digits.target[view.to_frame().index] > 4]"
    )
    assert notebook.evaluate(f"print(view.to_frame()['label'].tolist() == {right})") == "True"

    # The guess is taken by Enter, and U takes it back.
    i = at()
    guess = notebook.evaluate("print(view._guesses[0])")
    expect(widget.locator(".sk-guess")).to_have_text(f"Guess: {guess}")
    page.keyboard.press("Enter")
    notebook.wait_until("sum(view._counts)", str(n + 1))
    page.keyboard.press("u")
    notebook.wait_until("sum(view._counts)", str(n))
    expect(stage).to_have_attribute("aria-label", f"Image {i}, to be labelled")
    page.keyboard.press("s")
    notebook.wait_until(f"view._queue[-1] == {i} or view._later[-1] == {i}", "True")

    status = widget.get_by_role("status")
    expect(status).to_contain_text(f"{n} of 60 labelled")
    expect(status).to_contain_text("cross-validated")
    widget.get_by_label("Which images come first").select_option("random")
    notebook.wait_until("view.strategy", "random")
    check_width(widget)
