"""``%embed`` as a person meets it: typed, completed, run, and got wrong, in a real JupyterLab."""

from __future__ import annotations

import re

import pytest
from jupyter_lab import THEMES

pytestmark = pytest.mark.slow

LOAD = "%load_ext skembed"
# Different at every run, so that there is work for a bar.
IMAGES = """import numpy as np
images = np.random.default_rng().integers(0, 256, (128, 90, 90, 3), dtype=np.uint8)"""


def test_tab_completes(lab):
    notebook = lab.open(LOAD, IMAGES, "", kernel="python3")  # which has yet to import Keras
    notebook.run(0)
    notebook.run(1)
    for typed, chosen in (
        ("%em", "%embed"),
        (" eff", "efficientnet_lite0"),
        (" ", "images"),
        (" --pool", "--pooling"),
        (" m", "max"),
        (" -", "--layers"),
        # JupyterLab waits a second, and Keras takes longer to import.
        (" ", "stage1"),
        (",", "stage5"),
    ):
        notebook.type(2, typed)
        offered = notebook.complete()
        assert chosen in offered
        assert all(name.lstrip("%").startswith(typed.strip(" ,%")) for name in offered)
        notebook.choose(chosen)
    line = "%embed efficientnet_lite0 images --pooling max --layers stage1,stage5"
    assert notebook.source(2) == line


def test_shows_networks_a_bar_and_a_line_in_both_themes(lab):
    notebook = lab.open(
        LOAD,
        "%embed",
        IMAGES,
        "X = %embed efficientnet_lite0 images",
        "%embed layers efficientnet_lite0",
        "%embed images -l block1a_d",
    )
    for theme in THEMES:
        lab.change_theme(theme)
        for i in range(3):
            notebook.run(i)
        _shows_networks(notebook)
        _shows_a_bar_and_a_line(notebook)
        _shows_layers(notebook)
    notebook.type(5, "")
    assert "block1a_dwconv" in notebook.complete()


def _shows_networks(notebook):
    rows = notebook.output(1).locator("tbody tr")
    assert rows.count() > 30
    assert rows.filter(has_text="efficientnet_lite0").count() == 1
    assert _contrast(rows.first) > 4.5  # what WCAG asks of text
    assert rows.first.locator("td").all_inner_texts()[1] == "yes"
    assert _contrast(notebook.output(1).locator("th").first) > 4.5


def _shows_a_bar_and_a_line(notebook):
    notebook.run(3, wait=False)
    bar = notebook.output(3).locator("progress")
    # All at one moment: the bar may be gone at the next.
    seen = notebook.page.wait_for_function(_BAR, timeout=60_000).json_value()
    assert abs(seen["bar"] - seen["text"]) <= 2  # their middles, to a pixel or two
    assert "128 images" in seen["said"]
    assert seen["contrast"] > 4.5
    notebook.wait_until("X.shape", "(128, 1280)", seconds=60)
    assert bar.count() == 0
    line = notebook.text(3)
    said = r"efficientnet_lite0: 128 images -> 1,280 features in .* s with \w+ \(128 .*\)"
    assert re.fullmatch(said, line)
    assert _contrast(notebook.output(3)) > 4.5
    (kept,) = notebook.outputs(3)  # nothing else goes to the file
    assert line in str(kept)


def _shows_layers(notebook):
    notebook.run(4)
    window = notebook.output(4).locator("div[style*='overflow']")
    inside, seen = window.evaluate("one => [one.scrollHeight, one.clientHeight]")
    assert inside > 2 * seen  # all rows, to be scrolled through
    window.evaluate("one => { one.scrollTop = one.scrollHeight; }")
    head = window.locator("th").first  # stays in sight
    assert head.bounding_box()["y"] - window.bounding_box()["y"] < 2
    assert _contrast(head) > 4.5


def test_mistakes_are_told_in_one_line(lab):
    expected = {
        "%embed efficientnet_lit0 images": "Did you mean 'efficientnet_lite0'",
        "%embed efficientnet_lite0 imags": "Did you mean 'images'",
        "%embed efficientnet_lite0 images --poolin max": "Did you mean '--pooling'",
        "%embed efficientnet_lite0 images -l stag1": "Did you mean 'stage1'",
        "%embed efficientnet_lite0 'no/such/*.jpg'": "'no/such/*.jpg'",
    }
    notebook = lab.open(LOAD, IMAGES, *expected)
    notebook.run(0)
    notebook.run(1)
    for i, said in enumerate(expected.values(), start=2):
        notebook.run(i)
        assert said in notebook.text(i)
        assert re.match(r"(Usage|Embed)Error: .", notebook.text(i))
        assert len(notebook.text(i).splitlines()) == 1


def _contrast(element) -> float:
    """The ratio of the lightness of text and ground, as the page shows them."""
    return element.evaluate(_CONTRAST)


_CONTRAST = """element => {
    const parts = colour => colour.match(/[0-9.]+/g).map(Number);
    const lightness = colour => {
        const linear = parts(colour).slice(0, 3).map(part => {
            const value = part / 255;
            return value <= 0.04045 ? value / 12.92 : ((value + 0.055) / 1.055) ** 2.4;
        });
        return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2];
    };
    let ground = element;
    const seen = () => getComputedStyle(ground).backgroundColor;
    while (ground.parentElement && parts(seen())[3] === 0) ground = ground.parentElement;
    const both = [lightness(getComputedStyle(element).color), lightness(seen())];
    return (Math.max(...both) + 0.05) / (Math.min(...both) + 0.05); }"""

# What is to be known of a bar, or null where there is none.
_BAR = f"""() => {{
    const bar = document.querySelector(".jp-OutputArea-output progress");
    const text = bar?.parentElement.querySelector("span");
    if (!text) return null;
    const middle = element => {{
        const box = element.getBoundingClientRect();
        return box.y + box.height / 2;
    }};
    const output = bar.closest(".jp-OutputArea-output");
    return {{
        bar: middle(bar), text: middle(text), said: text.innerText,
        contrast: ({_CONTRAST})(output),
    }}; }}"""
