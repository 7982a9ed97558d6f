"""Small folders of real pictures, and a store of their own for these tests."""

from __future__ import annotations

from pathlib import Path

import pytest
from PIL import Image

from skembed import PretrainedEmbedder
from skembed.cli import main
from skembed.evaluation import demo_images
from skembed.images import from_folders


@pytest.fixture(scope="session")
def tiles():
    return demo_images()


@pytest.fixture(scope="session")
def store(tmp_path_factory) -> Path:
    """One store for the whole session, so that every tile runs through the network once."""
    return tmp_path_factory.mktemp("store")


@pytest.fixture(autouse=True)
def own_store(store, monkeypatch):
    monkeypatch.setenv("SKEMBED_CACHE_DIR", str(store))
    monkeypatch.setenv("COLUMNS", "100")


@pytest.fixture(scope="session")
def class_folders(tiles, tmp_path_factory) -> Path:
    """Three classes of six tiles."""
    root = tmp_path_factory.mktemp("images")
    for label in ("brick", "coffee", "grass"):
        folder = root / label
        folder.mkdir()
        for i, tile in enumerate(tiles.images[tiles.labels == label][:6]):
            Image.fromarray(tile).save(folder / f"{i}.png")
    return root


@pytest.fixture
def example(class_folders):
    """The images of the three classes, and their labels."""
    return from_folders(class_folders)


@pytest.fixture
def expected(example):
    """The same, with the rows of the images."""
    paths, labels = example
    return paths, labels, PretrainedEmbedder().fit_transform(paths)


@pytest.fixture(scope="session")
def saved(class_folders, store, tmp_path_factory) -> Path:
    """A pipeline that ``skembed classify --save`` wrote."""
    path = tmp_path_factory.mktemp("model") / "model.skops"
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("SKEMBED_CACHE_DIR", str(store))
        assert main(["classify", str(class_folders), "--folds", "3", "--save", str(path)]) == 0
    return path


@pytest.fixture
def refused(capsys):
    """Run a command that must be refused; return the one line that says why."""

    def run(argv) -> str:
        capsys.readouterr()
        try:
            code = main([str(part) for part in argv])
        except SystemExit as stop:  # argparse's own
            code = stop.code
        captured = capsys.readouterr()
        assert code == 2
        *under_way, mistake = captured.err.splitlines()
        assert not any(line.startswith("skembed") for line in under_way)
        assert mistake.startswith("skembed")
        return mistake

    return run
