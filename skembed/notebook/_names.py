"""A line of ``%embed`` in words, and the objects of the notebook that the words stand for."""

from __future__ import annotations

import ast
import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from ._errors import EXPRESSION, EmbedError, is_users, nearest
from ._ipython import InteractiveShell, UsageError

_OPEN, _CLOSE, _QUOTES = "([{", ")]}", "'\""
_IN_TEXT = re.compile(r"\{\{|\}\}|\$\$|\{([^{}]+)\}|\$([A-Za-z_]\w*)")
_PLAIN = {"{{": "{", "}}": "}", "$$": "$"}


@dataclass(frozen=True, slots=True)
class Words:
    """A line in words.

    Parameters
    ----------
    words : list of str
        With their quotes.
    is_open : bool
        Whether the line ends inside a quote or a bracket.
    """

    words: list[str]
    is_open: bool


def scan(line: str) -> Words:
    """Cut at the blanks outside quotes and brackets; a word that begins with ``#`` ends it.

    >>> scan('resnet50 df["my path"] images[y > 2] -q  # the small ones').words
    ['resnet50', 'df["my path"]', 'images[y > 2]', '-q']
    """
    words, word, depth, quote, escaped = [], "", 0, "", False
    for c in line:
        if quote:
            if c == quote and not escaped:
                quote = ""
            escaped = c == "\\" and not escaped
        elif c in _QUOTES:
            quote, escaped = c, False
        elif c in _OPEN:
            depth += 1
        elif c in _CLOSE:
            depth -= 1
        elif depth <= 0 and c == "#" and not word:
            break
        elif depth <= 0 and c.isspace():
            words.append(word)
            word = ""
            continue
        word += c
    return Words([w for w in [*words, word] if w], bool(quote) or depth > 0)


def split(line: str) -> list[str]:
    """Return the words of a whole line.

    Raises
    ------
    UsageError
        If a quote or a bracket is not closed.
    """
    found = scan(line)
    if found.is_open:
        raise UsageError(f"A quote or a bracket is not closed in: {line.strip()}")
    return found.words


def is_quoted(word: str) -> bool:
    """Whether the word as a whole stands in quotes.

    >>> is_quoted("'a b'"), is_quoted("'a' + 'b'")
    (True, False)
    """
    return len(word) > 1 and word[0] in _QUOTES and word.find(word[0], 1) == len(word) - 1


def unquote(word: str) -> str:
    """Take the quotes away from a word in quotes.

    Backslashes stay: a path on Windows is full of them.
    """
    return word[1:-1] if is_quoted(word) else word


class Names:
    """The names that a line sees: the notebook's, and a function's where it stands in one.

    IPython's own expansion is not used. It makes text of every object, and where one name is
    unknown it leaves the whole line as it is and says nothing.

    Parameters
    ----------
    shell : InteractiveShell
        Whose namespace it is.
    local : mapping or None
        The local names where the magic is called.
    """

    def __init__(self, shell: InteractiveShell, local: Mapping[str, Any] | None):
        self._shell, self._local = shell, local or {}

    @property
    def _known(self) -> dict[str, Any]:
        # One dict: a comprehension would not see a function's names in a second one.
        return {**self._shell.user_global_ns, **self._local}

    def value(self, source: str, what: str, also: Iterable[str] = (), hint: str = "") -> Any:
        """Return the object that ``x``, ``$x``, ``{x}`` or any other expression stands for.

        `also` are words that may have been meant where a name is unknown, and `hint` ends what
        is said of an expression that fails.
        """
        code, tree = _parsed(source, what)
        try:
            return eval(code, self._known)  # noqa: S307 - the user's own code, as in any cell
        except Exception as error:
            if is_users(error):
                raise
            name = error.name or "" if isinstance(error, NameError) else ""
            if _has_name(tree, name):
                near = nearest(name, [*self.own(), *also])
                raise UsageError(f"{what}: {error}.{near}{hint}") from None
            raise EmbedError(f"{what}: {type(error).__name__}: {error}{hint}") from error

    def live(self, word: str, what: str, fill: Callable[[str], str] = str) -> Any:
        """Return the object behind ``$x`` or ``{x}``, and any other word as text."""
        if re.fullmatch(r"\$[A-Za-z_]\w*", word) or _in_braces(word):
            return self.value(word, what)
        return self.text(word, what, fill)

    def text(self, word: str, what: str, fill: Callable[[str], str] = str) -> str:
        """Return the word without quotes, each ``{expression}`` and ``$name`` in it as text.

        `fill` is applied to each of these texts, and not to what stands around them.
        """
        return _IN_TEXT.sub(
            lambda m: _PLAIN.get(m[0]) or fill(str(self.value(m[1] or m[2], what))),
            unquote(word),
        )

    def own(self) -> list[str]:
        """Return the names that are the user's: neither IPython's nor private ones."""
        hidden = self._shell.user_ns_hidden
        return [name for name in self._known if name not in hidden and not name.startswith("_")]

    def has(self, name: str) -> bool:
        """Whether there is such a name."""
        return name in self._known


def _parsed(source: str, what: str) -> tuple[Any, ast.Expression]:
    """Compile an expression; ``$`` and braces around it mean nothing more."""
    inner = source[1:-1] if _in_braces(source) else source.removeprefix("$")
    for text in dict.fromkeys((inner, source)):  # ``{a} | {b}`` is one of Python's own
        try:
            tree = ast.parse(text.strip(), mode="eval")
            code = compile(tree, f"{EXPRESSION}{what}>", "eval", dont_inherit=True)
            return code, tree
        except (SyntaxError, ValueError):
            continue
    raise UsageError(
        f"{what}: {source} is neither a variable nor a Python expression. A file, a folder or a "
        'glob stands in quotes: "photos/*.jpg".'
    )


def _has_name(tree: ast.Expression, name: str) -> bool:
    return any(isinstance(node, ast.Name) and node.id == name for node in ast.walk(tree))


def _in_braces(word: str) -> bool:
    return word.startswith("{") and word.endswith("}") and not is_quoted(word)
