"""Sphinx: the pages are Markdown, the reference comes from the docstrings."""

from pathlib import Path

import skembed

project = "skembed"
author = "The skembed developers"
copyright = "2026, the skembed developers"  # noqa: A001 - Sphinx's name
release = skembed.__version__

extensions = [
    "sphinx.ext.autodoc",
    "sphinx.ext.autosummary",
    "numpydoc",
    "myst_nb",
]
nb_execution_mode = "off"
myst_enable_extensions = ["colon_fence"]
autosummary_generate = True
autodoc_typehints = "none"  # the docstrings say more
templates_path = ["_templates"]
numpydoc_show_class_members = False
numpydoc_class_members_toctree = False
exclude_patterns = ["_build", "_templates"]
html_theme = "pydata_sphinx_theme"
html_theme_options = {
    "show_toc_level": 2,
    "navigation_with_keys": False,
    "header_links_before_dropdown": 5,
}
# Only the reference has pages below it, which the bar at the left lists.
html_sidebars = {
    page.stem: [] for page in Path(__file__).parent.glob("*.md") if page.stem != "api"
}
html_static_path = ["_static"]
html_css_files = ["skembed.css"]
html_title = "skembed"
