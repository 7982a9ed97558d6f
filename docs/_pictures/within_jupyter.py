"""Pictures of JupyterLab: every widget, and cells of the magic."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import jupyter_lab
from jupyter_lab import Lab, Notebook, jupyter_server, set_theme
from playwright.sync_api import Browser, Locator
from windows import THEMES, take, window

jupyter_lab._MINUTE = 300_000  # cells here compute for longer than those of tests
# Of the window; a cell has less.
_SIZES = {"wide": (1000, 1500), "narrow": (400, 3200)}
_TILES = """import numpy as np
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.svm import LinearSVC
from skembed import FullNetworkEmbedder, PretrainedEmbedder, RowSpaceProjector
from skembed.evaluation import demo_images
from skembed.inspection import next_to_label
from skembed.widgets import *
tiles = demo_images()
X, y = tiles.images, tiles.labels
embedder = PretrainedEmbedder(progress=False)
rows = embedder.transform(X)
fne = FullNetworkEmbedder(progress=False)
full = make_pipeline(fne, RowSpaceProjector(), LinearSVC(dual=True)).fit(X, y)
early = PretrainedEmbedder(layers=["stage2", "stage3"], image_size=128, progress=False)
weak = make_pipeline(early, StandardScaler(), LinearSVC(random_state=0))
is_cat = y == "cat"
feature = int(np.argmax(rows[is_cat].mean(axis=0) - rows[~is_cat].mean(axis=0)))
"""
# What makes each widget, and shows what a person would look at.
WIDGETS = {
    "map": """view = EmbeddingMap(rows, images=X, labels=y, height=380)
view.selected = np.flatnonzero(np.isin(y, ["coffee"]))
view""",
    "labeller": """view = Labeller(embedder, X[::2], strategy="diverse")
while len(view.to_frame()) < 26:
    (i,) = next_to_label(rows[::2], view.labels, strategy="diverse")
    view.label(i, y[::2][i])
view""",
    "contributions": """view = LayerContributions(full)
view.target, view.selected = "cat", "stage4"
view""",
    "confusion": """view = ConfusionBrowser(weak, X, y, cv=3)
view.current = view.shown[0]
view""",
    "patterns": """view = TernaryPatterns(fne, X, y)
view.cell = ["grass", view.layers[-6]]
view""",
    "thresholds": """view = ThresholdTuner(fne, list(X[::3]), y[::3], n_folds=3)
for pair in ((-0.5, 0.5), (-0.1, 0.1), (-0.25, 0.4)):
    view.set_thresholds(*pair)
view""",
    "features": """view = FeatureInspector(embedder, X, y, feature=feature, n_images=6)
view.image = int(np.flatnonzero(is_cat)[4])
view""",
}


def _point_at_one(page: Any, widget: Locator) -> None:
    """Go to a point by the keyboard; it and its neighbours are shown."""
    widget.locator("canvas.sk-map").focus()
    page.keyboard.press("ArrowRight")
    widget.locator(".sk-neighbours img").first.wait_for()
    page.wait_for_timeout(500)


_ACTS: dict[str, Callable[[Any, Locator], None]] = {"map": _point_at_one}


def widgets(browser: Browser, own: Path, made: Path, names: list[str]) -> None:
    """The widgets of these names, each in a cell of one notebook."""
    cells = [_TILES, *(WIDGETS[name] for name in names)]
    for width, theme, notebook in _notebooks(browser, own, cells):
        for i, name in enumerate(names, 1):
            notebook.cell(i).scroll_into_view_if_needed()
            widget = notebook.output(i).locator(".sk")
            widget.wait_for()
            widget.scroll_into_view_if_needed()
            notebook.page.wait_for_load_state("networkidle")
            notebook.page.wait_for_timeout(1_500)  # maps of features come one by one
            if name in _ACTS:
                _ACTS[name](notebook.page, widget)
            take(widget, made, name, width, theme)


_MAGIC = (
    """import numpy as np
from pathlib import Path
from PIL import Image
from skembed.evaluation import demo_images
tiles = demo_images()
for i, (tile, label) in enumerate(zip(tiles.images, tiles.labels)):
    folder = Path("photos") / label
    folder.mkdir(parents=True, exist_ok=True)
    Image.fromarray(tile).save(folder / f"{i:03}.png")""",
    "%load_ext skembed",
    '%embed "photos" --svm;',
)


def magic(browser: Browser, own: Path, made: Path, names: list[str]) -> None:
    """A notebook with a line of ``%embed``."""
    for width, theme, notebook in _notebooks(browser, own, _MAGIC):
        notebook.cell(2).scroll_into_view_if_needed()
        notebook.page.wait_for_timeout(500)
        take(notebook.cell(2), made, "magic", width, theme)


def _notebooks(
    browser: Browser, own: Path, cells: Sequence[str]
) -> Iterator[tuple[str, str, Notebook]]:
    """A notebook of these cells that has run, in every theme and width."""
    folder = own / "notebooks"
    folder.mkdir()
    with jupyter_server(folder, own) as address:
        for theme in THEMES:
            set_theme(own, theme)
            with window(browser, "wide", theme) as context:
                lab = Lab(context, address, folder)
                notebook = lab.open(*cells)
                notebook.run_all()
                for width, (pixels, height) in _SIZES.items():
                    lab.page.set_viewport_size({"width": pixels, "height": height})
                    lab.page.mouse.move(0, 0)
                    lab.page.wait_for_timeout(1_000)  # widgets draw themselves anew
                    yield width, theme, notebook
                lab.check()
                lab.close()
