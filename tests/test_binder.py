"""What Binder builds from: its image cannot be built here, its parts can be checked."""

from __future__ import annotations

import importlib
import os
import shutil
import subprocess
import tomllib
from pathlib import Path

import pytest
import yaml
from packaging.specifiers import SpecifierSet

ROOT = Path(__file__).parents[1]
POST_BUILD = ROOT / "binder/postBuild"


def _project():
    return tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]


def test_the_environment_pins_a_python_that_the_package_allows():
    environment = yaml.safe_load((ROOT / "binder/environment.yml").read_text())
    assert environment["channels"][0] == "conda-forge"
    pinned = dict(entry.partition("=")[::2] for entry in environment["dependencies"])
    assert f"{pinned['python']}.0" in SpecifierSet(_project()["requires-python"])
    assert "pip" in pinned


def test_post_build_is_a_script_that_stops_at_an_error():
    assert os.access(POST_BUILD, os.X_OK)
    first, *lines = POST_BUILD.read_text().splitlines()
    assert first == "#!/bin/bash"
    assert "set -euo pipefail" in lines
    subprocess.run(["bash", "-n", POST_BUILD], check=True)


def test_post_build_is_the_command_of_the_readme():
    commands = [
        line
        for line in POST_BUILD.read_text().splitlines()
        if line.startswith(("pip", "skembed"))
    ]
    assert " && ".join(commands[:2]) in (ROOT / "README.md").read_text()


def test_what_post_build_installs_is_enough_for_the_notebooks():
    extras = _project()["optional-dependencies"]
    command, _ = (line for line in POST_BUILD.read_text().splitlines() if "pip install" in line)
    extra = command.split("[")[1].split("]")[0]
    installed = " ".join([*extras[extra], *extras["notebook"]])
    for name in ("ipykernel", "matplotlib", "scikit-image", "skembed[fast,notebook]"):
        assert name in installed


@pytest.fixture
def links(monkeypatch):
    """What makes the links of the README, the gallery and the notebooks."""
    monkeypatch.syspath_prepend(ROOT / "docs/_extensions")
    monkeypatch.delenv("SKEMBED_REPOSITORY", raising=False)
    return importlib.import_module("binder")


def test_the_link_of_the_readme_follows_from_the_one_address(links, monkeypatch):
    assert links.readme_line() in (ROOT / "README.md").read_text().splitlines()
    monkeypatch.setenv("SKEMBED_REPOSITORY", "somebody/skembed")
    address = "https://mybinder.org/v2/gh/somebody/skembed/HEAD?urlpath=lab/tree/notebooks"
    assert links.readme_line().endswith(f"({address})")
    assert (ROOT / links.FOLDER).is_dir()


def test_examples_lie_where_their_links_lead(links, tmp_path):
    """The links are FOLDER/gallery/GROUP/NAME.ipynb, as Sphinx-Gallery makes them."""
    (tmp_path / "examples").mkdir()
    shutil.copytree(ROOT / "examples/1_classify", tmp_path / "examples/1_classify")
    for script in tmp_path.glob("examples/*/plot_*.py"):
        script.with_suffix(".ipynb").write_text("{}")  # what the converter would write
    lines = POST_BUILD.read_text().splitlines()
    moves = "\n".join(lines[next(i for i, line in enumerate(lines) if line[:4] == "for ") :])
    subprocess.run(["bash", "-euo", "pipefail", "-c", moves], check=True, cwd=tmp_path)
    found = {path.stem for path in (tmp_path / links.FOLDER / "gallery/1_classify").iterdir()}
    assert found == {path.stem for path in ROOT.glob("examples/1_classify/plot_*.py")}
