"""What every widget shares: messages, thumbnails, the static picture, and its line of `%embed`."""

from __future__ import annotations

import base64
import contextlib
import io
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
from sklearn.base import clone
from sklearn.exceptions import NotFittedError

from .._errors import shortened
from ._anywidget import AnyWidget, TraitType, get_ipython
from ._thumbnails import Thumbnails

_STATIC = Path(__file__).parent / "static"
_MOST_PICTURES = 64  # that one message asks for


def script(*names: str) -> str:
    """Return one module of JavaScript: what the widgets share, and then these files.

    They are joined here, so that neither a build nor an import by address is needed.
    """
    return "\n".join((_STATIC / name).read_text("utf-8") for name in ("shared.js", *names))


def answers(kind: str) -> Callable[[Callable], Callable]:
    """Mark the method that answers messages of a kind from the browser."""

    def mark(method: Callable) -> Callable:
        method.answered = kind  # type: ignore[attr-defined]
        return method

    return mark


def embed(embedder: Any, images: Any) -> np.ndarray:
    """Return the rows of images; an embedder that has not been fitted is, on a copy."""
    try:
        return np.asarray(embedder.transform(images))
    except NotFittedError:
        own: Any = clone(embedder)
        return np.asarray(own.fit_transform(images))


class Array(TraitType):
    """An array of one dtype, sent to the browser and back as its bytes."""

    def __init__(self, dtype: str, **options: Any):
        self._dtype = np.dtype(dtype)
        super().__init__(np.empty(0, self._dtype), **options)
        # A browser's bytes arrive as a memoryview.
        self.tag(
            sync=True,
            to_json=lambda value, _: value.tobytes(),
            from_json=lambda value, _: np.frombuffer(bytes(value or b""), self._dtype),
        )

    def validate(self, obj: Any, value: Any) -> np.ndarray:
        """Return the value as an array that nobody can write to: a change inside is not seen."""
        array = np.array(value, self._dtype)
        array.flags.writeable = False
        return array


class Widget(AnyWidget):
    """A widget with thumbnails, messages, a picture for saved notebooks, and a line of `%embed`.

    A widget derived from it has `_esm`, from :func:`script`; `_verb`; and the methods
    :meth:`figure` and :meth:`_parts_of_line`.
    """

    _css = (_STATIC / "widgets.css").read_text("utf-8")
    _verb: ClassVar[str]
    _answers: ClassVar[dict[str, str]]
    _thumbnails = Thumbnails(None)  # ipywidgets closes what failed to be made, too

    def __init_subclass__(cls, **options: Any):
        super().__init_subclass__(**options)
        cls._answers = {
            method.answered: name
            for base in reversed(cls.__mro__)
            for name, method in vars(base).items()
            if hasattr(method, "answered")
        }

    def __init__(self, thumbnails: Thumbnails, given: dict[str, Any], **traits: Any):
        self._thumbnails, self._given = thumbnails, given
        self._typed = ""  # what followed %embed, where that has opened the widget
        super().__init__(**traits)
        self.on_msg(self._receive)

    def figure(self) -> Any:
        """Return a static picture of the widget.

        Returns
        -------
        matplotlib.figure.Figure
            What a saved notebook shows where no kernel runs.
        """
        raise NotImplementedError

    def embed_line(self) -> str:
        """Return a line of ``%embed`` that opens this view again.

        Returns
        -------
        str
            With the notebook's variables that hold what this widget was given. What no variable
            holds has the name of the argument.
        """
        if self._typed:
            return f"%embed {self._typed}"
        return " ".join(filter(None, ["%embed", self._verb, *self._parts_of_line()]))

    def close(self) -> None:
        """Take the widget from the page, and free its thumbnails."""
        self._thumbnails.clear()
        super().close()

    def _parts_of_line(self) -> Sequence[str]:
        """What follows the verb."""
        raise NotImplementedError

    def _expression(self, argument: str) -> str:
        """What the user may write for an argument: a variable that holds it, or its name."""
        shell = get_ipython()
        names = shell.user_ns if shell is not None else {}
        value = self._given[argument]
        for name, held in names.items():
            if held is value and not name.startswith("_"):
                return name
        return argument

    def _option(self, flag: str, argument: str) -> str:
        """An option and its expression; empty where the argument was not given."""
        if self._given.get(argument) is None:
            return ""
        return f"{flag} {self._expression(argument)}"

    def _receive(self, _: Any, content: Any, buffers: list[memoryview]) -> None:
        """Answer a message; what goes wrong is told on the page, for nothing else shows it."""
        name = self._answers.get(str(content.get("kind")))
        if name is None:
            return
        with contextlib.suppress(Exception), self._telling():
            getattr(self, name)(content, buffers)

    @contextlib.contextmanager
    def _telling(self) -> Iterator[None]:
        """Tell on the page what goes wrong, and raise it: a comm's handler shows no error."""
        try:
            yield
        except Exception as error:
            self.send({"kind": "error", "text": shortened(f"{type(error).__name__}: {error}")})
            raise

    @answers("thumbnails")
    def _send_thumbnails(self, content: dict[str, Any], _: Any) -> None:
        ids = [int(i) for i in content["ids"][:_MOST_PICTURES] if i >= 0]
        names = self._thumbnails.names(ids)
        pictures = [self._thumbnails.encoded(i) for i in ids]
        self.send({"kind": "thumbnails", "ids": ids, "names": names}, pictures)

    @answers("embed_line")
    def _send_line(self, _: Any, __: Any) -> None:
        self.send({"kind": "embed_line", "line": self.embed_line()})

    def _repr_mimebundle_(self, **options: Any) -> Any:
        """The widget, and a picture for where no kernel runs: a saved notebook, a page, a PDF."""
        bundle = super()._repr_mimebundle_(**options)
        if bundle is None:
            return None
        data, metadata = bundle
        return {**data, "image/png": _png(self.figure()), "text/plain": repr(self)}, metadata


def _png(figure: Any) -> str:
    stream = io.BytesIO()
    figure.savefig(stream, format="png", dpi=100, facecolor="white")
    return base64.b64encode(stream.getvalue()).decode("ascii")
