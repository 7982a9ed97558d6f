"""The console script ``skembed``: one module a command, heavy libraries only inside them."""

from ._main import main

__all__ = ["main"]
