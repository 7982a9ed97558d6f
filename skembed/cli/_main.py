"""Run a command; an error is one line on standard error and an exit code."""

from __future__ import annotations

import contextlib
import importlib
import os
import sys
import warnings
from collections.abc import Iterator, Sequence

from .._errors import in_options
from ._errors import EXPECTED
from ._parsers import make_parser

USER_ERROR = 2
INTERRUPTED = 130
_BROKEN_PIPE = 1


def main(argv: Sequence[str] | None = None) -> int:
    """Run ``skembed`` with these arguments, by default the process's own.

    Parameters
    ----------
    argv : sequence of str or None
        Without the name of the script.

    Returns
    -------
    int
        The exit code: 0, or 2 for what the user can mend, 130 for Ctrl-C.

    Examples
    --------
    >>> from skembed.cli import main
    >>> main(["backbones", "--origin", "squeezenet", "--csv"])  # doctest: +ELLIPSIS
    name,tier,origin,size,...
    """
    parser = make_parser()
    args = parser.parse_args(argv)
    if args.command is None:
        parser.print_help()
        return 0
    if args.traceback:
        return _run(args)
    try:
        with _warnings_as_lines():
            return _run(args)
    except KeyboardInterrupt:
        _error_line(f"interrupted{_what_is_kept(args)}")
        return INTERRUPTED
    except BrokenPipeError:
        _forget_output()
        return _BROKEN_PIPE
    except EXPECTED as error:
        _error_line(str(error) or type(error).__name__)
        return USER_ERROR


def _run(args) -> int:
    from ._console import Output

    out = Output()
    if args.says:
        out.say(args.says.format(**vars(args)))
    module, _, function = args.run.partition(":")
    command = getattr(importlib.import_module(f".{module}", __package__), function)
    with in_options(vars(args)):
        code = command(args, out)
    sys.stdout.flush()  # so that a closed pipe is noticed here, and not at exit
    return code


@contextlib.contextmanager
def _warnings_as_lines() -> Iterator[None]:
    """Write warnings as one line, without the line of code that gave it."""

    def show(message, *_where, **_line):
        _error_line(f"warning: {message}", "yellow")

    with warnings.catch_warnings():
        warnings.showwarning = show
        yield


def _what_is_kept(args) -> str:
    """What is not lost, of a command that embeds."""
    if "no_cache" not in vars(args):
        return ""
    if args.no_cache and args.command != "embed":
        return "; nothing is kept (--no-cache)"
    return "; embeddings that were finished are kept, and the same command goes on from there"


def _error_line(text: str, style: str = "bold red") -> None:
    from ._console import error_line

    error_line(text, style=style)


def _forget_output() -> None:
    """Let the interpreter flush to nothing at exit; it would complain about the closed pipe."""
    with contextlib.suppress(OSError, ValueError):
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
