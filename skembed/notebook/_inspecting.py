"""The verbs of ``%embed`` that look inside a classifier; a widget imports anywidget then."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from ._errors import EmbedError
from ._ipython import UsageError
from ._options import refuse
from ._request import Request
from ._widgets import opened


def contributions(request: Request, words: list[str]) -> Any:
    """Open what each layer and stage carries in a fitted classifier."""
    usage = "%embed contributions CLF"
    refuse(request.options, ("out",), "%embed contributions")
    (clf,) = _objects(request, words, usage, ["classifier"])
    from ..widgets import LayerContributions

    return opened(request, _made(LayerContributions, clf))


def _objects(request: Request, words: list[str], usage: str, wanted: list[str]) -> list[Any]:
    if len(words) != len(wanted):
        what = f"Say which {wanted[len(words)]}" if len(words) < len(wanted) else "Too much"
        raise UsageError(f"{what} after the verb. It is {usage}")
    pairs = zip(words, wanted, strict=True)
    return [request.names.value(word, what) for word, what in pairs]


def _made(widget: Callable[..., Any], *arguments: Any, **options: Any) -> Any:
    """The widget; what it refuses is a mistake of the line, and told without a traceback."""
    try:
        return widget(*arguments, **options)
    except (TypeError, ValueError) as error:
        raise EmbedError(str(error)) from None


# What each does with the words that follow it.
INSPECTING: dict[str, Callable[[Request, list[str]], Any]] = {"contributions": contributions}
