"""The widgets but for the map in Notebook 7: each is opened and touched once, and Python hears."""

from __future__ import annotations

import pytest
from jupyter_lab import OF_NOTEBOOK
from playwright.sync_api import expect

pytestmark = pytest.mark.slow

MADE = """from skimage import data
from sklearn.pipeline import make_pipeline
from sklearn.svm import LinearSVC
from skembed import FullNetworkEmbedder, PretrainedEmbedder, widgets
tiles = [x[i:i + 90, j:j + 90] for x in (data.brick(), data.grass(), data.coffee())
         for i in (0, 200) for j in (0, 200)]
y = [name for name in ("brick", "grass", "cup") for _ in range(4)]
options = {"layers": ["stage1", "block2a_dwconv"], "image_size": 64, "engine": "jax"}
embedder = PretrainedEmbedder(**options)
clf = make_pipeline(embedder, LinearSVC()).fit(tiles, y)
fne = FullNetworkEmbedder(**options).fit(tiles)"""
OPENED = (
    "label = widgets.Labeller(embedder, tiles, classes=['brick', 'cup'])\nlabel",
    "tuner = widgets.ThresholdTuner(fne, tiles, y, n_folds=2)\ntuner",
    "layers = widgets.LayerContributions(clf)\nlayers",
    "patterns = widgets.TernaryPatterns(fne, tiles, y)\npatterns",
    "mistakes = widgets.ConfusionBrowser(clf, tiles, y)\nmistakes",
    "feature = widgets.FeatureInspector(embedder, tiles, y, n_images=2)\nfeature",
)


def test_each_widget_answers_in_notebook(lab):
    notebook = lab.open(MADE, *OPENED, page="notebooks")
    page = lab.page
    for i in range(1 + len(OPENED)):
        notebook.run(i)

    def widget(i):
        root = notebook.output(i).locator(".sk")
        root.scroll_into_view_if_needed()
        return root

    stage = widget(1).locator(".sk-label-stage")
    stage.locator("img").wait_for()
    stage.focus()
    page.keyboard.press("2")
    notebook.wait_until("label.to_frame()['label'].tolist()", "['cup']")
    widget(2).get_by_role("slider", name="Lower threshold").press("ArrowLeft")
    notebook.wait_until("tuner.lower", "-0.26")
    bars = widget(3).get_by_role("toolbar", name="Layers and stages")
    bars.get_by_role("button").first.click()
    notebook.wait_until("layers.selected", "stage1")
    widget(4).get_by_role("gridcell").nth(1).click()
    notebook.wait_until("patterns.cell", "['brick', 'block2a_dwconv']")
    widget(5).get_by_role("gridcell").nth(4).click()
    notebook.wait_until("mistakes.cell", "['cup', 'cup']")
    widget(6).get_by_role("button", name="Next feature").click()
    notebook.wait_until("feature.feature", "stage1__001")
    for i in range(1, 7):
        expect(widget(i).get_by_role("alert")).to_be_hidden()
    lab.complaints[:] = [one for one in lab.complaints if not one.endswith(OF_NOTEBOOK)]
