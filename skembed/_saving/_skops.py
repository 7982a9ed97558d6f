"""The one door for skops, an optional library."""

from __future__ import annotations

import importlib
from types import ModuleType

from .._installation import install_command


def skops_io() -> ModuleType:
    """Return ``skops.io``.

    Raises
    ------
    ImportError
        If it is not installed; the message names the extra.
    """
    try:
        return importlib.import_module("skops.io")
    except ImportError as error:
        raise ImportError(
            f"skops is needed for saving and loading a pipeline: {install_command('demo')}"
        ) from error
