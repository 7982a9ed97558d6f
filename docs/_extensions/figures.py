"""How the figures of the gallery look, and where the first of them stands."""

from __future__ import annotations

import copy
import re
from pathlib import Path

import matplotlib as mpl
import matplotlib.pyplot as plt

_IMAGE = re.compile(r"^\.\. image-sg:: (\S+)", re.MULTILINE)
_CELL, _CODE = ".. GENERATED FROM PYTHON SOURCE LINES", ".. code-block:: Python"


def reset(gallery_conf, fname):
    """Draw as docs/matplotlibrc says, whatever the script before has set.

    Sphinx-Gallery calls it before each script.
    """
    mpl.rc_file(Path(gallery_conf["src_dir"]) / "matplotlibrc")


_shown = None  # the grid that was made a thumbnail last


def thumbnail_of_a_grid(block, block_vars, gallery_conf):
    """Make the grid of images that a block ends with the next image, and put none on the page.

    Sphinx-Gallery calls it after each block. The page shows a grid as HTML, with as many columns
    as there is room for: a figure of six cannot be read on a telephone. The thumbnail is a figure.
    """
    from skembed.inspection import ConfusionsDisplay, Gallery

    global _shown  # noqa: PLW0603
    value = block_vars["example_globals"].get("___")
    if isinstance(value, ConfusionsDisplay | Gallery) and value is not _shown:
        _shown = value
        grid = copy.copy(getattr(value, "gallery", value)).plot()
        grid.figure_.savefig(next(block_vars["image_path_iterator"]))
        plt.close(grid.figure_)
    return ""


def begin_with_a_picture(app, docname, source):
    """Show the first picture of an example above its code, where several steps lead to it."""
    found = _IMAGE.search(source[0]) if "/plot_" in docname else None
    if found is None or not _is_late(source[0][: found.start()]):
        return
    text, first_code, rest = source[0].partition(_CELL)
    picture = f".. image:: {found[1]}\n   :alt: The result\n   :class: sphx-glr-single-img\n\n"
    source[0] = text + picture + first_code + rest


def _is_late(before):
    """Whether there are several steps, and no grid of images, before the first figure."""
    return before.count(_CODE) > 1 and "skembed-gallery" not in before


def setup(app):
    """Look at each page as it is read."""
    app.connect("source-read", begin_with_a_picture)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
