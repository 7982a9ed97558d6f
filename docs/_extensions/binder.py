"""Links to Binder, which runs notebooks without an installation, from one address.

``[tool.skembed] repository`` in ``pyproject.toml`` is that of the repository, "owner/name" on
GitHub. The README has no variables, so ``python docs/_extensions/binder.py`` writes its link anew.
Where the address is not known, links lead to Binder's first page, which asks for it.
"""

from __future__ import annotations

import os
import re
import tomllib
from pathlib import Path

ROOT = Path(__file__).parents[2]
HUB = "https://mybinder.org"
BRANCH = "HEAD"
# Where binder/postBuild puts the scripts of the gallery, as notebooks.
FOLDER = "notebooks"
_LINE = re.compile(r"^\[!\[Binder\].*$", re.MULTILINE)


def repository() -> str:
    """Return "owner/name", or nothing; the variable SKEMBED_REPOSITORY comes first."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    return os.environ.get("SKEMBED_REPOSITORY") or project["tool"]["skembed"]["repository"]


def link(place: str = FOLDER) -> str:
    """Return the address that opens a file or folder of the repository in JupyterLab."""
    return (
        f"{HUB}/v2/gh/{repository()}/{BRANCH}?urlpath=lab/tree/{place}" if repository() else HUB
    )


def readme_line() -> str:
    """Return the line of the README."""
    return f"[![Binder]({HUB}/badge_logo.svg)]({link()})"


def gallery() -> dict[str, object]:
    """Return the settings of Sphinx-Gallery, which gives each example a link; none if unknown."""
    owner, _, name = repository().partition("/")
    if not name:
        return {}
    return {
        "org": owner,
        "repo": name,
        "branch": BRANCH,
        "binderhub_url": HUB,
        "notebooks_dir": FOLDER,
        "dependencies": "../binder/environment.yml",
        "use_jupyter_lab": True,
    }


def main() -> None:
    """Write the README's line."""
    path = ROOT / "README.md"
    path.write_text(
        _LINE.sub(readme_line(), path.read_text(encoding="utf-8")), encoding="utf-8"
    )


if __name__ == "__main__":
    main()
