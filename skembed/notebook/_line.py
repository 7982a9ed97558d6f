"""Cut a line into words as its writer sees them: brackets and quotes stay whole."""

from __future__ import annotations

from dataclasses import dataclass

from ._ipython import UsageError

_OPEN, _CLOSE, _QUOTES = "([{", ")]}", "'\""


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
