"""How a command is added: its summary, its help with an example, and what many of them take."""

from __future__ import annotations

import argparse
from collections.abc import Callable

from .._arguments import Parser, folds

IMAGES = "files, folders, globs in quotes, or URLs"


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
