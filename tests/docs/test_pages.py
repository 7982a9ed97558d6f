"""Every block of code of the pages, run in the order in which a reader meets them."""

from __future__ import annotations

import dataclasses
import shutil
import warnings
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from blocks import Block, blocks_of
from IPython.core.interactiveshell import InteractiveShell
from sklearn.pipeline import make_pipeline
from sklearn.svm import LinearSVC
from traitlets.config import Config
from world import deepnet_rows, furnish, stand_in

from skembed import FullNetworkEmbedder, PretrainedEmbedder, images, inspection

ROOT = Path(__file__).parents[2]
PAGES = sorted([ROOT / "README.md", *ROOT.glob("docs/*.md")])
# Of programs that are no part of the tests' environment; .ci/engines runs their blocks.
ELSEWHERE = ("daft", "ray")
WITH_CODE = [
    page
    for page in PAGES
    if page.stem not in ELSEWHERE and any(block.runs for block in blocks_of(page))
]
# Networks that the pages name, and whose weights are fetched where nobody fetches them here.
FETCHED = ("resnet50", "vgg16", "mobilenet_v2", "mobilenet")
pytestmark = pytest.mark.slow  # they run networks


@pytest.fixture(scope="module")
def furnished(tmp_path_factory) -> Path:
    """A folder of what every reader has; to be copied."""
    folder = tmp_path_factory.mktemp("furnished")
    furnish(folder)
    return folder


@pytest.fixture
def reader(furnished, tmp_path, monkeypatch) -> Iterator[InteractiveShell]:
    """Somebody in a folder of photographs, who has read them and their classes."""
    shutil.copytree(furnished, tmp_path, dirs_exist_ok=True)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("IPYTHONDIR", str(tmp_path / "ipython"))
    monkeypatch.setenv("SKEMBED_SEARCH_DIR", str(tmp_path / "index"))
    monkeypatch.setenv("MPLBACKEND", "agg")
    stand_in(FETCHED)
    shell = InteractiveShell(config=Config({"HistoryManager": {"enabled": False}}))
    shell.run_line_magic("load_ext", "skembed")
    shell.push(_known())
    yield shell
    if "client" in shell.user_ns:
        shell.user_ns["client"].close()


def with_what_there_is(block: Block) -> Block:
    """Let a block ask for what is there."""
    code = block.code
    for there, here in INSTEAD.items():
        code = code.replace(there, here)
    return dataclasses.replace(block, code=code)


def _known() -> dict:
    """The names that pages use without saying where they come from."""
    paths, labels = images.from_folders("photos/")
    numbers = np.linspace(1, 2, len(paths))
    table = {"width_mm": numbers, "age": numbers[::-1], "site": "here", "species": labels}
    clf = make_pipeline(PretrainedEmbedder(), LinearSVC()).fit(paths, labels)
    return {
        "numpy": np,
        "PretrainedEmbedder": PretrainedEmbedder,
        "images": images,
        "inspection": inspection,
        "embedder": clf[0],
        "clf": clf,
        "model": clf,
        "paths": paths,
        "X": paths,
        "labels": labels,
        "y": np.array(labels),
        "X_train": paths[::2],
        "y_train": labels[::2],
        "X_test": paths[1::2],
        "y_test": labels[1::2],
        "frame": pd.DataFrame({"path": paths, **table}),
        "df": pd.DataFrame({"path": paths}),
        "boxes": pd.DataFrame({"path": ["cat/1.jpg"], "x": 4, "y": 4, "w": 60, "h": 60}),
    }


# Names that a page means something else by.
OF_ITS_OWN: dict[str, Callable[[dict], dict]] = {
    # As many as a cell of the page lists files.
    "magic": lambda known: {
        "images": known["paths"][: -len(known["paths"]) // 3],
        "y": known["y"][: -len(known["paths"]) // 3],
        "name": "resnet50",
        "E": {},
        "load": images.load,
        "good": lambda path: True,
    },
    "store": lambda known: {
        "E": PretrainedEmbedder("resnet50").fit_transform(known["paths"][:2])
    },
    "bigml": lambda known: {"frame": deepnet_rows(), "labels": ["c1", "c0"] * 5},
    "widgets": lambda known: {"fne": FullNetworkEmbedder().fit(known["paths"])},
}
# What a page has and a test has not, servers, shared folders and thousands of images, and what is
# there for it.
INSTEAD = {
    "/shared/embeddings": "embeddings",
    "/local/disk/cache": "cache",
    "n_components=128": "n_components=8",
    "s3://shop": "memory://shop",
    'Client("tcp://scheduler:8786")': "Client(processes=False, dashboard_address=None)",
}


@pytest.mark.parametrize("page", WITH_CODE, ids=lambda page: page.stem)
def test_the_code_of_a_page_runs(page, reader):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of random weights, of few images: no reader's concern
        if page.stem in OF_ITS_OWN:
            reader.push(OF_ITS_OWN[page.stem](reader.user_ns))
        for block in map(with_what_there_is, blocks_of(page)):
            block.run(reader)


def test_a_block_that_fails_is_told_by_its_line(reader, tmp_path):
    page = tmp_path / "page.md"
    page.write_text("# A page\n\n```python\nX = 1\n```\n\n```python\n\nX.fails()\n```\n")
    first, second = blocks_of(page)
    first.run(reader)
    with pytest.raises(AttributeError) as raised:
        second.run(reader)
    assert raised.traceback[-1].lineno + 1 == 9


def test_every_kind_of_block_is_known():
    blocks = [block for page in PAGES for block in blocks_of(page)]
    assert {block.kind for block in blocks if not block.is_known} == set()
