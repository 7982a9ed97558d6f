"""Every script of the gallery runs, and draws."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import matplotlib as mpl
import matplotlib.pyplot as plt
import pytest

from skembed.inspection import ConfusionsDisplay, Gallery

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


def last_value(block: str, script: Path, names: dict) -> object:
    """Run a block of a script, and return the value of its last line, as a page shows it."""
    tree = ast.parse(block)
    last = tree.body.pop() if isinstance(tree.body[-1], ast.Expr) else None
    exec(compile(tree, str(script), "exec"), names)  # noqa: S102
    if last is None:
        return None
    return eval(compile(ast.Expression(last.value), str(script), "eval"), names)  # noqa: S307


@pytest.mark.slow  # they run networks, and share their rows
@pytest.mark.parametrize("script", SCRIPTS, ids=lambda script: script.stem)
def test_a_script_runs_and_draws(script, drawing):
    names = {"__name__": "__main__"}
    blocks = script.read_text().split("\n# %%\n")
    values = [last_value(block, script, names) for block in blocks]
    grids = [value for value in values if isinstance(value, ConfusionsDisplay | Gallery)]
    assert plt.get_fignums() or grids
    assert all(len(grid) > 0 for grid in grids)


@pytest.mark.parametrize("script", SCRIPTS, ids=lambda script: script.stem)
def test_a_script_has_a_title_and_says_what_it_shows(script):
    title, line, empty, *text = script.read_text().split('"""')[1].strip().splitlines()
    assert re.fullmatch("=+", line)
    assert len(line) == len(title)
    assert empty == ""
    assert len(" ".join(text)) > 60
