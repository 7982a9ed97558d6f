"""What every widget shares: messages, thumbnails, the static picture, and its line of `%embed`."""

from __future__ import annotations

import base64
import contextlib
import inspect
import io
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
from sklearn.base import clone
from sklearn.exceptions import NotFittedError

from .._text import shortened
from ._anywidget import AnyWidget, TraitType
from ._line import option, variable
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
        """Return the value as a read-only array, because a change inside would not be noticed."""
        array = np.array(value, self._dtype)
        array.flags.writeable = False
        return array


class Widget(AnyWidget):
    """A widget with thumbnails, messages, a picture for saved notebooks, and a line of `%embed`.

    A widget derived from it has `_esm`, from :func:`script`; `_verb`; `view_parameters`; and the
    methods :meth:`figure` and :meth:`_given_words`.

    Parameters
    ----------
    thumbnails : Thumbnails
        Of the images.
    given : dict
        What the widget was given, by the names of its parameters.
    **traits : object
        First values of traits.
    """

    _css = (_STATIC / "widgets.css").read_text("utf-8")
    # The parameters whose values stand in the line of `%embed`, as options of their names: what
    # is shown, where a trait has the name, else what was given.
    view_parameters: ClassVar[tuple[str, ...]] = ()
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
        # What was typed after %embed, where that has opened the widget, without some options.
        self.typed_without: Callable[[Iterable[str]], str] | None = None
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
            With the notebook's variables that hold what this widget was given, and with what is
            chosen in it now. What no variable holds has the name of the argument.
        """
        options = self._options()
        if self.typed_without is None:
            given = self._given_words()
            words = [self._verb, *(word for word in given if word.split(" ")[0] not in options)]
        else:
            words = [self.typed_without(options)]
        return " ".join(filter(None, ["%embed", *words, *options.values()]))

    def close(self) -> None:
        """Take the widget from the page, and free its thumbnails."""
        self._thumbnails.clear()
        super().close()

    def _given_words(self) -> Sequence[str]:
        """The words for what the widget was given and is not chosen in it."""
        raise NotImplementedError

    def _options(self) -> dict[str, str]:
        """For each flag, the option as it is now; empty where the line needs none."""
        usual = inspect.signature(type(self)).parameters
        found = {}
        for name in self.view_parameters:
            flag, is_chosen = "--" + name.replace("_", "-"), self.has_trait(name)
            value = getattr(self, name) if is_chosen else self._given[name]
            default: Any = self.trait_defaults(name) if is_chosen else usual[name].default
            is_usual = value is None or np.size(value) == 0 or np.array_equal(value, default)
            found[flag] = "" if is_usual else option(flag, value)
        return found

    def _expression(self, argument: str) -> str:
        """What the user may write for an argument: a variable that holds it, or its name."""
        return variable(self._given[argument]) or argument

    def _object_option(self, flag: str, argument: str) -> str:
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
    from matplotlib import rcParams

    # A page that is read in the dark has no colour of its own; where it is unknown, white is safe.
    colour = "none" if rcParams["savefig.transparent"] else "white"
    stream = io.BytesIO()
    figure.savefig(stream, format="png", dpi=100, facecolor=colour)
    return base64.b64encode(stream.getvalue()).decode("ascii")
