"""The options of ``skembed backbones``, ``cache`` and ``devices``."""

from __future__ import annotations

from .._arguments import Parser, command


def add_backbones(commands) -> None:
    """Add ``backbones``."""
    command(
        commands,
        "backbones",
        "_listings:list_backbones",
        "List the networks there are.",
        example="skembed backbones --here\nskembed backbones --origin keras.applications --csv\n"
        "skembed backbones --benchmark efficientnet_lite0 mobilenet",
        options=_backbones_options,
    )


def _backbones_options(parser: Parser) -> None:
    parser.add_argument("--origin", metavar="NAME", help="of this origin only")
    parser.add_argument(
        "--here", action="store_true", help="with the weights on this machine only"
    )
    parser.add_argument(
        "--benchmark",
        nargs="+",
        metavar="NAME",
        help="measure how many images a second these take on this machine; names or tiers",
    )
    form = parser.add_mutually_exclusive_group()
    form.add_argument("--csv", action="store_true", help="all that is known, as CSV")
    form.add_argument("--json", action="store_true", help="all that is known, as JSON")


def add_cache(commands) -> None:
    """Add ``cache``."""
    parser = command(
        commands,
        "cache",
        "_listings:show_cache",
        "Show what is kept of images seen, or delete it.",
        example="skembed cache\nskembed cache clear --backbone resnet50",
        more="SKEMBED_CACHE_DIR moves the store.",
    )
    actions = parser.add_subparsers(metavar="clear", dest="action")
    clear = command(
        actions,
        "clear",
        "_listings:clear_cache",
        "Delete embeddings, and without --backbone compiled networks as well.",
        example="skembed cache clear --yes",
        more="On a terminal it asks first.",
    )
    clear.add_argument("--backbone", metavar="NAME", help="of this backbone only")
    clear.add_argument("--yes", action="store_true", help="do not ask")


def add_devices(commands) -> None:
    """Add ``devices``."""
    command(
        commands,
        "devices",
        "_listings:list_devices",
        "List the devices that JAX sees, and which of them are used.",
        example="skembed devices",
        says="Loading JAX",
    )
