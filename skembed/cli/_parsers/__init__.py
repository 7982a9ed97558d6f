"""The commands, their options, and their help with an example each."""

from __future__ import annotations

from ..._version import __version__
from .._arguments import Parser
from ._bigml import add_bigml
from ._classify import add_classify, add_demo, add_predict
from ._embed import add_convert, add_embed, add_similarity
from ._listings import add_backbones, add_cache, add_devices
from ._search import add_duplicates, add_search

__all__ = ["make_parser"]


def make_parser() -> Parser:
    """Return the parser of the whole script.

    ``run`` names a command's module and function, and ``says`` what is under way while it loads.
    """
    parser = Parser(
        prog="skembed",
        description="Image embeddings from pretrained convolutional networks.",
        epilog="skembed COMMAND --help tells more of a command, with an example.",
    )
    parser.add_argument("--version", action="version", version=f"skembed {__version__}")
    parser.add_argument(
        "--traceback", action="store_true", help="show where in the program an error arose"
    )
    commands = parser.add_subparsers(metavar="COMMAND", dest="command", title="commands")
    for add in (
        *(
            add_demo,
            add_classify,
            add_predict,
            add_embed,
            add_search,
            add_duplicates,
            add_similarity,
        ),
        *(add_convert, add_bigml, add_backbones, add_cache, add_devices),
    ):
        add(commands)
    return parser
