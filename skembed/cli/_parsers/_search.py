"""The options of ``skembed search`` and ``duplicates``."""

from __future__ import annotations

from pathlib import Path

from ..._choices import METRICS
from .._arguments import IMAGES, Parser, add_force, command, distance, port, positive
from .._options import (
    add_choice,
    add_embedder_options,
    add_on_error,
)


def add_search(commands) -> None:
    """Add ``search``."""
    parser = command(
        commands,
        "search",
        "_search:explain",
        "Find the images that look like an image.",
        example="skembed search index photographs/\nskembed search query cat.jpg --top 10\n"
        "skembed search serve",
        more="`index` embeds images, each once, and keeps their embeddings in a folder; the others "
        "look them up there.",
    )
    actions = parser.add_subparsers(metavar="ACTION", dest="action", title="actions")
    for add in (_add_index, _add_query, _add_export, _add_remove, _add_serve):
        add(actions)


def _add_index(actions) -> None:
    index = _search_action(
        actions,
        "index",
        "Put images into the index; those that are there unchanged stay.",
        example="skembed search index photographs/ --dir photos.index\n"
        "skembed search index more.zip --dir photos.index",
        more="Images that cannot be read are left out. Of images that have no file of their own, "
        "such as those of archives and URLs, a picture of at most 800 pixels is kept.",
        options=_index_options,
    )
    index.set_defaults(on_error="nan")


def _add_query(actions) -> None:
    query = _search_action(
        actions,
        "query",
        "List the images that look most like an image.",
        example="skembed search query cat.jpg --top 10 --dir photos.index",
        more="Into a pipe, cells have tabs between them and there is no heading.",
    )
    _add_asked(query)


def _add_export(actions) -> None:
    export = _search_action(
        actions,
        "export",
        "Copy the images that look most like an image.",
        example="skembed search export cat.jpg like_cat/ --top 20",
        more="The copies are named by rank and by what the images are called; neighbours.csv lists "
        "them with their distances.",
    )
    _add_asked(export)
    export.add_argument(
        "output", type=Path, metavar="OUT", help="a new folder, or an empty one"
    )


def _add_remove(actions) -> None:
    remove = _search_action(
        actions,
        "remove",
        "Take images out of the index.",
        example="skembed search remove photographs/cat.jpg",
    )
    remove.add_argument("names", nargs="+", metavar="NAME", help="as `query` lists them")


def _add_serve(actions) -> None:
    serve = _search_action(
        actions,
        "serve",
        "Look for images on a page of your browser.",
        example="skembed search serve --dir photos.index",
        more="The page is for this machine alone. Needs the extra search.",
    )
    serve.add_argument(
        "--port", type=port, default=None, metavar="N", help="8080, or the next that is free"
    )
    serve.add_argument(
        "--no-browser", action="store_true", help="do not open the page, only tell its address"
    )


def _search_action(actions, name: str, summary: str, **more) -> Parser:
    parser = command(actions, name, f"_search:{name}", summary, **more)
    parser.add_argument(
        "--dir",
        dest="directory",
        type=Path,
        metavar="DIR",
        help="the folder of the index (one of your data folder)",
    )
    return parser


def _add_asked(parser: Parser) -> None:
    parser.add_argument("image", metavar="IMAGE", help="a file or a URL")
    parser.add_argument("--top", type=positive, default=4, metavar="N", help="how many (4)")


def _index_options(parser: Parser) -> None:
    parser.add_argument(
        "sources",
        nargs="+",
        metavar="SOURCE",
        help="a folder, a glob in quotes, a list, an archive or a URL",
    )
    parser.add_argument(
        "--unique", action="store_true", help="leave out images that are equal to others"
    )
    add_choice(parser, "--metric", METRICS, "angular", "of a new index (angular)")
    add_embedder_options(parser)


def add_duplicates(commands) -> None:
    """Add ``duplicates``."""
    command(
        commands,
        "duplicates",
        "_similarity:duplicates",
        "List images that are nearly the same.",
        example="skembed duplicates photographs/ --sheet duplicates.html",
        more="Same bytes, same pixels in another encoding, or near: saved anew, in other sizes or "
        "slightly cropped. Into a pipe, cells have tabs between them and there is no heading: "
        "group, kind, distance, image.",
        options=_duplicates_options,
    )


def _duplicates_options(parser: Parser) -> None:
    parser.add_argument("images", nargs="+", metavar="IMAGE", help=IMAGES)
    parser.add_argument(
        "--threshold",
        type=distance,
        default="auto",
        metavar="X",
        help="the largest angular distance of near images, 0 to 2 (a third of the usual one)",
    )
    parser.add_argument(
        "--mirrored", action="store_true", help="compare with mirrored images as well"
    )
    parser.add_argument(
        "--sheet", type=Path, metavar="OUT.html", help="write a page with the pictures"
    )
    add_force(parser)
    add_embedder_options(parser)
    add_on_error(parser, "nan", nan="is in no group")
