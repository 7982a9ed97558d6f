"""What ``%load_ext skembed`` and ``%unload_ext skembed`` do."""

from __future__ import annotations

from ._completion import MATCHER, make_matcher
from ._ipython import InteractiveShell, TraitError, UsageError
from ._magics import EmbedMagics


def load(shell: InteractiveShell) -> None:
    """Register ``%embed``, its completion, and ``%config EmbedMagics``.

    Parameters
    ----------
    shell : InteractiveShell
        IPython's; ``%load_ext`` passes it.
    """
    unload(shell)  # a second load replaces the first
    try:
        magics = EmbedMagics(shell)
    except TraitError as error:  # of a setting in a configuration file
        unload(shell)
        raise UsageError(str(error)) from None
    shell.register_magics(magics)
    shell.Completer.custom_matchers.append(make_matcher(shell, magics))


def unload(shell: InteractiveShell) -> None:
    """Take away all that :func:`load` has added.

    Parameters
    ----------
    shell : InteractiveShell
        The same.
    """
    manager = shell.magics_manager
    manager.registry.pop(EmbedMagics.__name__, None)
    for kind in ("line", "cell"):
        if isinstance(
            getattr(manager.magics[kind].get("embed"), "__self__", None), EmbedMagics
        ):
            del manager.magics[kind]["embed"]
    shell.configurables[:] = [
        one for one in shell.configurables if not isinstance(one, EmbedMagics)
    ]
    matchers = shell.Completer.custom_matchers
    matchers[:] = [one for one in matchers if _identifier(one) != MATCHER]


def _identifier(matcher) -> str:
    return getattr(matcher, "matcher_identifier", "")
