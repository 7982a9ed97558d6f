"""Sphinx: the pages are Markdown, the reference comes from the docstrings.

Nothing is fetched while the site is built, and nothing while it is read.
"""

import os
import sys
from pathlib import Path

import skembed

HERE = Path(__file__).parent
sys.path.insert(0, str(HERE / "_extensions"))
import binder  # noqa: E402

# Kernels and scripts draw alike.
os.environ["MATPLOTLIBRC"] = str(HERE / "matplotlibrc")
# Where tests have run the scripts and the pages, as in .ci/run, the build need not run them again.
RUNS = os.environ.get("SKEMBED_DOCS_RUN", "1") != "0"

project = "skembed"
author = "The skembed developers"
copyright = "2026, the skembed developers"  # noqa: A001 - Sphinx's name
release = skembed.__version__

extensions = [
    "sphinx.ext.autodoc",
    "sphinx.ext.autosummary",
    "numpydoc",
    "myst_nb",
    "sphinx_copybutton",
    "sphinx_design",
    "sphinx_gallery.gen_gallery",
    "figures",
    "for_assistants",
    "networks",
    "notebooks",
    "pictures",
    "reference",
]
make_pictures = RUNS
nb_execution_mode = "cache" if RUNS else "off"
nb_execution_show_tb = True  # a failure is a warning, and so an error
nb_execution_timeout = 300
nb_execution_in_temp = True
nb_merge_streams = True
nb_ipywidgets_js = {}  # these scripts come from other sites; a widget is shown by its picture
nb_mime_priority_overrides = [("html", "application/vnd.jupyter.widget-view+json", None)]
myst_enable_extensions = ["colon_fence", "substitution"]
myst_heading_anchors = 3  # so that a page can link to a heading of another
autosummary_generate = True
toc_object_entries_show_parents = (
    "hide"  # "fit", which the contents beside a page have room for
)
autodoc_typehints = "none"  # the docstrings say more
templates_path = ["_templates"]
numpydoc_show_class_members = False
numpydoc_class_members_toctree = False
exclude_patterns = [
    *("_build", "_templates", "gallery/**/*.ipynb", "jupyter_execute"),
    "**sg_execution_times.rst",  # these pages load scripts from other sites
]
sphinx_gallery_conf = {
    "examples_dirs": "../examples",
    "gallery_dirs": "gallery",
    "plot_gallery": RUNS,
    "reset_modules": ("figures.reset", "seaborn"),
    "image_scrapers": ("matplotlib", "figures.thumbnail_of_a_grid"),
    "matplotlib_animations": False,
    "remove_config_comments": True,
    "capture_repr": ("_repr_html_",),
    "show_memory": False,
    "show_signature": False,
    "min_reported_time": 60,
    "within_subsection_order": "FileNameSortKey",
    "backreferences_dir": "gallery/backreferences",
    "doc_module": ("skembed",),
    "reference_url": {"skembed": None},
}
suppress_warnings = [
    "config.cache",
    "myst-nb.lexer",
]  # the lexer is known once the page has run
copybutton_prompt_text = r"\$ |>>> |\.\.\. "
copybutton_prompt_is_regexp = True

html_theme = "pydata_sphinx_theme"
html_theme_options = {
    "show_toc_level": 2,
    "navigation_with_keys": False,
    "header_links_before_dropdown": 6,
    "secondary_sidebar_items": ["page-toc"],
    "footer_start": ["copyright"],
    "footer_end": [],
}
html_sidebars = {"index": [], "start": [], "changelog": []}
html_static_path = ["_static"]
html_css_files = ["skembed.css"]
html_title = "skembed"
html_show_sourcelink = False
myst_substitutions = {"binder": f"[Binder]({binder.link()})"}
rst_epilog = f".. |binder| replace:: `Binder <{binder.link()}>`__"
if binder.repository():
    html_theme_options["github_url"] = f"https://github.com/{binder.repository()}"
    sphinx_gallery_conf["binder"] = binder.gallery()


def _is_of_metadata_routing(app, what, name, obj, skip, options):
    """Leave out set_fit_request and the like, whose text refers to scikit-learn's pages."""
    return True if name.startswith("set_") and name.endswith("_request") else skip


def setup(app):
    """Add what is too small for an extension."""
    app.connect("autodoc-skip-member", _is_of_metadata_routing)
