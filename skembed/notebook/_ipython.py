"""The one place that imports IPython."""

from __future__ import annotations

from .._errors import MissingLibraryError
from .._optional import install_command

try:
    from IPython.core.completer import (
        CompletionContext,
        SimpleCompletion,
        SimpleMatcherResult,
        context_matcher,
    )
    from IPython.core.displayhook import DisplayHook
    from IPython.core.error import UsageError
    from IPython.core.interactiveshell import InteractiveShell
    from IPython.core.magic import (
        Magics,
        line_cell_magic,
        magics_class,
        needs_local_scope,
        no_var_expand,
    )
    from IPython.display import display
    from traitlets import Bool, Enum, Int, TraitError, Unicode, Union, validate
except ImportError as error:
    raise MissingLibraryError(f"%embed needs IPython: {install_command('notebook')}") from error

__all__ = [
    "Bool",
    "CompletionContext",
    "DisplayHook",
    "Enum",
    "Int",
    "InteractiveShell",
    "Magics",
    "SimpleCompletion",
    "SimpleMatcherResult",
    "TraitError",
    "Unicode",
    "Union",
    "UsageError",
    "context_matcher",
    "display",
    "line_cell_magic",
    "magics_class",
    "needs_local_scope",
    "no_var_expand",
    "validate",
]
