"""What is run by this repository's pytest leaves the user's own caches alone."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = pytest.mark.slow

ROOT = Path(__file__).parents[1]
VARIABLES = ("SKEMBED_CACHE_DIR", "KERAS_HOME")


def test_notebooks_have_caches_of_their_own_too(tmp_path):
    """Their kernels are started by conftest.py, without fixtures."""
    said = tmp_path / "said"
    code = (
        "import os\n"
        f"open({str(said)!r}, 'w').write(' '.join(os.environ[v] for v in {VARIABLES!r}))"
    )
    cell = {"cell_type": "code", "source": code, "metadata": {}, "outputs": []}
    notebook = {
        "cells": [{**cell, "id": "says", "execution_count": None}],
        "metadata": {"kernelspec": {"name": "python3", "display_name": ""}},
        "nbformat": 4,
        "nbformat_minor": 5,
    }
    (tmp_path / "says.ipynb").write_text(json.dumps(notebook))
    users = str(tmp_path / "the-users-own")
    options = ["-c", ROOT / "pyproject.toml", "-n0", "-p", "conftest", "-p", "no:cacheprovider"]
    subprocess.run(
        [sys.executable, "-m", "pytest", "-q", *options, tmp_path / "says.ipynb"],
        check=True,
        capture_output=True,
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": str(ROOT), **dict.fromkeys(VARIABLES, users)},
    )
    folders = [Path(folder) for folder in said.read_text().split()]
    assert len(folders) == 2
    assert str(tmp_path) not in said.read_text()
    assert not any(folder.parent.exists() for folder in folders)  # gone when pytest is done
