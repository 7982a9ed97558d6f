"""What Binder builds from: its image cannot be built here, its parts can be checked."""

from __future__ import annotations

import os
import subprocess
import tomllib
from pathlib import Path

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
    assert " && ".join(commands) in (ROOT / "README.md").read_text()


def test_what_post_build_installs_is_enough_for_the_notebooks():
    extras = _project()["optional-dependencies"]
    (command,) = (line for line in POST_BUILD.read_text().splitlines() if "pip install" in line)
    extra = command.split("[")[1].split("]")[0]
    installed = " ".join([*extras[extra], *extras["notebook"]])
    for name in ("ipykernel", "matplotlib", "scikit-image", "skembed[fast,notebook]"):
        assert name in installed
