"""Folders beside the store, for what can be made again: marked, this user's alone, and bounded.

``CACHEDIR.TAG`` says who made a folder: only such a one is ever deleted, and backup programs
leave it out.
"""

from __future__ import annotations

import contextlib
import shutil
from pathlib import Path

from ._directory import store_directory
from ._ownership import is_private

COMPILED = "compiled-programs"
GRAPHS = "openvino-graphs"
_MARKER = "CACHEDIR.TAG"
_SIGNATURE = "Signature: 8a477f597d28d172789f06886806bc55\n"


def artifact_folder(name: str) -> Path:
    """Return the folder, whether or not it exists; it moves with ``cache_dir``."""
    return store_directory().with_name(name)


def made_artifact_folder(name: str) -> Path:
    """Return the folder, made if there is none.

    Raises
    ------
    OSError
        If it cannot be made; PermissionError if others may write to it, or it is a link.
    """
    directory = artifact_folder(name)
    directory.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    directory.mkdir(mode=0o700, exist_ok=True)
    if not is_private(directory):
        raise PermissionError(f"{directory} can be written by others.")
    marker = directory / _MARKER
    if not marker.exists():
        marker.write_text(_text(name))
    return directory


def clear_artifacts() -> None:
    """Delete these folders, those that skembed made; whoever is using one is not disturbed."""
    for name in (COMPILED, GRAPHS):
        directory = artifact_folder(name)
        with contextlib.suppress(OSError):
            if (directory / _MARKER).read_text(errors="replace") == _text(name):
                shutil.rmtree(directory, ignore_errors=True)


def _text(name: str) -> str:
    return f"{_SIGNATURE}# skembed {name.replace('-', ' ')}\n"
