"""The notebooks as files; that they run is for conftest.py to show."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

NOTEBOOKS = sorted((Path(__file__).parents[1] / "notebooks").glob("*.ipynb"))


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.name)
def test_a_notebook_has_a_title_and_a_kernel_and_no_outputs(path):
    notebook = json.loads(path.read_text())
    assert _title(notebook).startswith(f"# {int(path.name[:2])}. ")
    assert notebook["metadata"]["kernelspec"]["name"] == "python3"
    code = [cell for cell in notebook["cells"] if cell["cell_type"] == "code"]
    assert all(cell["outputs"] == [] and cell["execution_count"] is None for cell in code)


def _title(notebook: dict) -> str:
    return "".join(notebook["cells"][0]["source"])


def test_the_notebooks_are_numbered():
    assert [int(path.name[:2]) for path in NOTEBOOKS] == [1, 2, 3, 4, 5]


def test_each_notebook_says_how_to_install_what_it_needs():
    for path in NOTEBOOKS:
        assert '`pip install ".[demo]" jupyterlab`' in _title(json.loads(path.read_text()))


@pytest.fixture
def own_notebook(tmp_path, monkeypatch, pictures, forked_kernel):
    """The first notebook, over folders with so many images."""
    import nbformat
    from nbclient import NotebookClient

    def run(*sizes: int) -> list[nbformat.NotebookNode]:
        rng = np.random.default_rng(0)
        for i, size in enumerate(sizes):
            folder = tmp_path / "own" / f"class{i}"
            folder.mkdir(parents=True)
            for n in range(size):
                noise = rng.integers(-20, 20, pictures[i].shape)
                picture = np.clip(pictures[5 * i] + noise, 0, 255).astype(np.uint8)
                Image.fromarray(picture).save(folder / f"{n:02}.png")
        monkeypatch.setenv("SKEMBED_NOTEBOOK_IMAGES", str(tmp_path / "own"))
        notebook = nbformat.read(NOTEBOOKS[0], as_version=4)
        NotebookClient(notebook, timeout=300, kernel_name=forked_kernel).execute()
        return [cell for cell in notebook.cells if cell.cell_type == "code"]

    return run


@pytest.mark.slow
def test_the_first_notebook_takes_few_images_and_many_of_your_own(own_notebook):
    cells = own_notebook(3, 25)
    printed = [
        out.text for cell in cells for out in cell.outputs if out.get("name") == "stdout"
    ]
    # 20 of a class at most, and one of each put aside.
    assert printed[0].startswith("21 images of 2 classes")
    drawn = [out for out in cells[-1].outputs if "image/png" in out.get("data", {})]
    assert len(drawn) == 1


@pytest.mark.slow
def test_the_first_notebook_refuses_what_cannot_be_judged(own_notebook):
    from nbclient.exceptions import CellExecutionError

    with pytest.raises(CellExecutionError, match="needs two folders or more"):
        own_notebook(8)
