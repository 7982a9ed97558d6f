"""What a command says when it cannot do what it was asked."""

from __future__ import annotations


class CommandError(Exception):
    """A mistake of the user, or of the machine, told in one line and no traceback."""
