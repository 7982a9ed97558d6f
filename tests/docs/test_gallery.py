"""Every script of the gallery runs, and draws."""

from __future__ import annotations

import re
import runpy
from pathlib import Path

import matplotlib as mpl
import matplotlib.pyplot as plt
import pytest

ROOT = Path(__file__).parents[2]
SCRIPTS = sorted(ROOT.glob("examples/*/plot_*.py"))


@pytest.fixture
def drawing(monkeypatch, tmp_path):
    """Figures in memory, in the style of the documentation."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(plt, "show", lambda: None)
    backend = mpl.get_backend()
    plt.switch_backend("agg")
    with mpl.rc_context(fname=ROOT / "docs/matplotlibrc"):
        yield
    plt.switch_backend(backend)


@pytest.mark.slow  # they run networks, and share their rows
@pytest.mark.parametrize("script", SCRIPTS, ids=lambda script: script.stem)
def test_a_script_runs_and_draws(script, drawing):
    runpy.run_path(str(script), run_name="__main__")
    assert plt.get_fignums()


@pytest.mark.parametrize("script", SCRIPTS, ids=lambda script: script.stem)
def test_a_script_has_a_title_and_says_what_it_shows(script):
    title, line, empty, *text = script.read_text().split('"""')[1].strip().splitlines()
    assert re.fullmatch("=+", line)
    assert len(line) == len(title)
    assert empty == ""
    assert len(" ".join(text)) > 60
