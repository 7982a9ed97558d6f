"""The command that installs more of this package, for how this one was installed."""

from __future__ import annotations

import json
from importlib.metadata import PackageNotFoundError, distribution
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit
from urllib.request import url2pathname

_NAME = __name__.partition(".")[0]


def install_command(extra: str) -> str:
    """Return the command that installs an extra.

    Parameters
    ----------
    extra : str
        Of pyproject.toml.

    Returns
    -------
    str
        It names the clone that this package was installed from, or runs in; a clone that is
        gone is ``.``.
    """
    origin = _origin()
    editable = "-e " if origin.get("dir_info", {}).get("editable") else ""
    url = origin.get("url", "")
    if "vcs_info" in origin:
        return f'pip install "{_NAME}[{extra}] @ {origin["vcs_info"]["vcs"]}+{url}"'
    if not url.startswith("file:"):
        return f'pip install "{_NAME}[{extra}]"'
    folder = Path(url2pathname(urlsplit(url).path))
    if folder.exists():
        return f'pip install {editable}"{folder}[{extra}]"'
    return f'pip install {editable}".[{extra}]" in a clone of {_NAME}'


def _origin() -> dict[str, Any]:
    """What was installed, as PEP 610 writes it down; nothing of an installation from an index."""
    clone = Path(__file__).parents[1]
    try:
        written = distribution(_NAME).read_text("direct_url.json")
    except PackageNotFoundError:
        return {"url": clone.as_uri()}
    return json.loads(written) if written else {}
