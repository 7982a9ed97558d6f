"""How the figures of the gallery look; Sphinx-Gallery calls it before each script."""

from pathlib import Path

import matplotlib as mpl


def reset(gallery_conf, fname):
    """Draw as docs/matplotlibrc says, whatever the script before has set."""
    mpl.rc_file(Path(gallery_conf["src_dir"]) / "matplotlibrc")
