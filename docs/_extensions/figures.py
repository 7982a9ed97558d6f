"""How the figures of the gallery look, and where the first of them stands."""

from __future__ import annotations

import re
from pathlib import Path

import matplotlib as mpl

_IMAGE = re.compile(r"^\.\. image-sg:: (\S+)", re.MULTILINE)
_CELL, _CODE = ".. GENERATED FROM PYTHON SOURCE LINES", ".. code-block:: Python"


def reset(gallery_conf, fname):
    """Draw as docs/matplotlibrc says, whatever the script before has set.

    Sphinx-Gallery calls it before each script.
    """
    mpl.rc_file(Path(gallery_conf["src_dir"]) / "matplotlibrc")


def begin_with_a_picture(app, docname, source):
    """Show the first picture of an example above its code, where several steps lead to it."""
    found = _IMAGE.search(source[0]) if "/plot_" in docname else None
    if found is None or source[0][: found.start()].count(_CODE) < 2:
        return
    text, first_code, rest = source[0].partition(_CELL)
    picture = f".. image:: {found[1]}\n   :alt: The result\n   :class: sphx-glr-single-img\n\n"
    source[0] = text + picture + first_code + rest


def setup(app):
    """Look at each page as it is read."""
    app.connect("source-read", begin_with_a_picture)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
