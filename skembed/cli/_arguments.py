"""Read a command line; a mistake in it is one line that names what was meant."""

from __future__ import annotations

import argparse
import re
import sys
from collections.abc import Callable, Iterable, Sequence
from typing import Any, NoReturn

from .._errors import did_you_mean

_NEGATIVE = re.compile(r"-\.?\d")
IMAGES = "files, folders, globs in quotes, or URLs"


class Parser(argparse.ArgumentParser):
    """argparse's, with ``Did you mean ...?``, and options that are added when they are needed.

    Parameters
    ----------
    add_options : callable or None
        Gets the parser before it reads anything. The options of commands that are not asked for
        are never made: some take their choices from libraries that take long to load.
    """

    def __init__(
        self, *args: Any, add_options: Callable[[Parser], None] | None = None, **more: Any
    ):
        super().__init__(*args, **more)
        self._add_options = add_options

    def parse_known_args(  # type: ignore[override] - argparse has an overload for each
        self, args: Sequence[str] | None = None, namespace: Any = None
    ) -> tuple[Any, list[str]]:
        """As argparse's; a command's own parser is asked by it in the same way."""
        if self._add_options is not None:
            add, self._add_options = self._add_options, None
            add(self)
        words = _with_joined_negatives(
            sys.argv[1:] if args is None else args, self._takes_value
        )
        self._refuse_unknown(words)
        return super().parse_known_args(words, namespace)

    def error(self, message: str) -> NoReturn:
        """Tell the mistake and where to read more; exit with 2."""
        from ._console import error_line

        error_line(f"{message} (see {self.prog} --help)", self.prog)
        self.exit(2)

    def _refuse_unknown(self, words: Iterable[str]) -> None:
        """Refuse what nothing begins with, before argparse says what else is missing."""
        commands = self._commands()
        for word in words:
            if word == "--":
                return
            if not word.startswith("-") or word == "-" or _NEGATIVE.match(word):
                if commands and word not in commands:
                    self.error(f"there is no command {word!r}. {did_you_mean(word, commands)}")
                if commands:
                    return  # the rest is the command's
            elif not self._knows(word):
                name = word.partition("=")[0]
                flags = [flag for flag in self._option_string_actions if flag[:2] == "--"]
                self.error(f"there is no option {name}. {did_you_mean(name, flags)}")

    def _commands(self) -> list[str]:
        for action in self._actions:
            if isinstance(action, argparse._SubParsersAction):
                return list(action.choices)
        return []

    def _knows(self, word: str) -> bool:
        name = word.partition("=")[0] if word.startswith("--") else word[:2]
        return any(flag.startswith(name) for flag in self._option_string_actions)

    def _takes_value(self, word: str) -> bool:
        action = self._option_string_actions.get(word)
        return action is not None and action.nargs is None


def command(
    commands,
    name: str,
    run: str,
    summary: str,
    *,
    example: str,
    more: str = "",
    says: str = "",
    options: Callable[[Parser], None] | None = None,
) -> Parser:
    """Add a command, or an action of one.

    ``run`` names the module and the function that run it, ``more`` continues the summary in the
    help, and ``says`` is what is told while the module loads. ``options`` are added when they are
    needed, because some take their choices from libraries.
    """
    parser = commands.add_parser(
        name,
        help=summary[0].lower() + summary[1:].rstrip("."),
        description=f"{summary}{' ' + more if more else ''}",
        epilog="example:\n" + "\n".join(f"  {line}" for line in example.splitlines()),
        formatter_class=HelpFormatter,
        add_options=options,
    )
    parser.set_defaults(run=run, says=says)
    return parser


class HelpFormatter(argparse.RawDescriptionHelpFormatter):
    """Examples keep their lines; the description is wrapped as usual."""

    def _fill_text(self, text: str, width: int, indent: str) -> str:
        if text.startswith("example"):
            return super()._fill_text(text, width, indent)
        return argparse.HelpFormatter._fill_text(self, text, width, indent)


def add_folds(parser: argparse.ArgumentParser) -> None:
    """Add the number of folds."""
    parser.add_argument(
        "--folds", type=folds, default=5, metavar="N", help="of the cross-validation (5)"
    )


def add_force(parser: argparse.ArgumentParser) -> None:
    """Add what lets a file be overwritten."""
    parser.add_argument("--force", action="store_true", help="overwrite the file")


def one_of(names: Iterable[str]) -> Callable[[str], str]:
    """Return the type of an option whose value is one of `names`."""
    allowed = tuple(names)

    def check(text: str) -> str:
        if text not in allowed:
            raise argparse.ArgumentTypeError(
                f"there is no {text!r}. {did_you_mean(text, allowed)}"
            )
        return text

    return check


def positive(text: str) -> int:
    """A whole number of 1 or more."""
    return _at_least(text, 1)


def folds(text: str) -> int:
    """A whole number of 2 or more."""
    return _at_least(text, 2)


def port(text: str) -> int:
    """A number of a port that needs no rights."""
    number = _at_least(text, 1024)
    if number > 65_535:
        raise argparse.ArgumentTypeError(f"{text!r} is no port: 1024 to 65535")
    return number


def distance(text: str) -> float | str:
    """An angular distance, or ``auto``."""
    if text == "auto":
        return text
    try:
        number = float(text)
    except ValueError:
        number = -1.0
    if not 0 <= number <= 2:
        raise argparse.ArgumentTypeError(f"{text!r} is neither a number from 0 to 2 nor auto")
    return number


def _at_least(text: str, least: int) -> int:
    # isdecimal is also true of digits of other scripts, and int() reads them.
    if not text.isdecimal() or int(text) < least:
        raise argparse.ArgumentTypeError(f"{text!r} is no whole number of {least} or more")
    return int(text)


def _with_joined_negatives(
    words: Iterable[str], takes_value: Callable[[str], bool]
) -> list[str]:
    """``--layers -1,-2`` as ``--layers=-1,-2``, which argparse does not take for an option."""
    joined: list[str] = []
    for word in words:
        if joined and _NEGATIVE.match(word) and takes_value(joined[-1]):
            last = joined.pop()
            joined.append(f"{last}={word}" if last.startswith("--") else f"{last}{word}")
        else:
            joined.append(word)
    return joined
