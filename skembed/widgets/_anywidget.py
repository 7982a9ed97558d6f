"""The one place that imports anywidget and traitlets."""

from __future__ import annotations

from .._errors import MissingLibraryError
from .._optional import install_command

try:
    import matplotlib.figure  # noqa: F401 - of the same extra; found missing now, not at display
    from anywidget import AnyWidget
    from IPython.core.getipython import get_ipython
    from traitlets import (
        Any,
        Bytes,
        Dict,
        Enum,
        Float,
        Int,
        List,
        TraitType,
        Unicode,
        observe,
        validate,
    )
except ImportError as error:
    raise MissingLibraryError(
        f"skembed.widgets needs anywidget and matplotlib: {install_command('notebook')}"
    ) from error

__all__ = [
    "Any",
    "AnyWidget",
    "Bytes",
    "Dict",
    "Enum",
    "Float",
    "Int",
    "List",
    "TraitType",
    "Unicode",
    "get_ipython",
    "observe",
    "validate",
]
