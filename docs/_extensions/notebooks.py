"""The notebooks of the repository, as pages of the site.

They lie in ``notebooks/``, where a reader opens them, and Sphinx reads below ``docs/`` only. So
each is copied, its links to pages are made those of the site, and myst-nb runs it.
"""

from __future__ import annotations

from pathlib import Path

ROOT = Path(__file__).parents[2]


def copy(app):
    """Copy the notebooks that have changed; one that is the same is not run again."""
    folder = Path(app.srcdir) / "notebooks"
    folder.mkdir(exist_ok=True)
    originals = {path.name: path for path in sorted((ROOT / "notebooks").glob("*.ipynb"))}
    for path in folder.glob("*.ipynb"):
        if path.name not in originals:
            path.unlink()
    for name, path in originals.items():
        text = path.read_text(encoding="utf-8").replace("](../docs/", "](../")
        target = folder / name
        if not target.exists() or target.read_text(encoding="utf-8") != text:
            target.write_text(text, encoding="utf-8")


def setup(app):
    """Copy them before the pages are looked for."""
    app.connect("builder-inited", copy)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
