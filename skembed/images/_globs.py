"""The files that a text names: a glob, a folder, a path or a URL."""

from __future__ import annotations

import difflib
import glob
import os
import re
from collections.abc import Iterable
from pathlib import Path

from .._errors import ImageError
from ._folders import list_images

ESCAPED = re.compile(r"\[([*?[])\]")
_URL = re.compile(r"[a-zA-Z][a-zA-Z0-9+.-]+:")


def find_all_files(texts: Iterable[str]) -> list[str]:
    """List what each text names, in the order of the texts.

    A name that is no glob and of no file is kept: reading it fails later, with its row.
    """
    return [item for text in texts for item in find_files(text, must_exist=False)]


def find_files(text: str, *, must_exist: bool = True) -> list[str]:
    """List the files that a text names, in a fixed order.

    Parameters
    ----------
    text : str
        A glob, a folder, a path or a URL. Characters that mean something in a glob may be
        escaped, as ``glob.escape`` does. A file that is called so is meant, whatever its name
        would mean as a glob.
    must_exist : bool, default=True
        False keeps a name that is no glob and of no file.

    Raises
    ------
    ImageError
        If there is no such file, or none that matches.
    """
    plain = unescaped(text)
    if _URL.match(plain) and not Path(plain).exists():
        return [plain]  # what reads it says which URLs there may be
    path = Path(plain).expanduser()
    if path.is_dir():
        return list_images(path)
    if os.path.lexists(path):
        return [str(path)]
    if glob.has_magic(ESCAPED.sub("", text)):
        return matching(text, plain)
    if must_exist:
        raise ImageError(f"There is no file or folder {plain!r}.{nearest_path(plain)}")
    return [plain]


def matching(pattern: str, plain: str) -> list[str]:
    """List the files that a glob matches, sorted; `plain` is what messages call it."""
    path = Path(pattern).expanduser()
    names = glob.iglob(str(path), recursive=True)  # noqa: PTH207 - Path.glob refuses "/..."
    found = sorted(name for name in names if Path(name).is_file())
    if not found:
        where = "" if path.is_absolute() else f" in {str(Path.cwd())!r}"
        raise ImageError(f"No file matches {plain!r}{where}.")
    return found


def unescaped(text: str) -> str:
    """Return the text without what ``glob.escape`` has put into it."""
    return ESCAPED.sub(r"\1", text)


def nearest_path(name: str) -> str:
    """Say which file or folder may have been meant, or that there is no such folder either."""
    path = Path(name).expanduser()
    try:
        names = os.listdir(path.parent)  # noqa: PTH208 - names are wanted
    except OSError:
        return f" There is no folder {str(path.parent)!r} either."
    near = difflib.get_close_matches(path.name, names, n=2)
    meant = " or ".join(repr(str(path.parent / one)) for one in near)
    return f" Did you mean {meant}?" if near else ""
