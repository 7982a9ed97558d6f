"""Options that several commands share, and the estimator they make."""

from __future__ import annotations

import argparse
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

from .._choices import DECODINGS
from ..engines._registry import AUTO, ENGINES, require
from ._arguments import one_of, positive

if TYPE_CHECKING:
    from .. import PretrainedEmbedder


def add_embedder_options(parser: argparse.ArgumentParser, *, run_only: bool = False) -> None:
    """Add the parameters of the estimator that a person sets on a command line."""
    if not run_only:
        parser.add_argument(
            "--backbone",
            default="efficientnet_lite0",
            metavar="NAME",
            help="a name that `skembed backbones` lists, a tier, or a model file (%(default)s)",
        )
        add_network_options(parser)
    parser.add_argument(
        "--no-cache", action="store_true", help="neither look up nor keep embeddings"
    )


def add_network_options(parser: argparse.ArgumentParser) -> None:
    """Add what is wanted of the backbone, and who runs it."""
    parser.add_argument(
        "--weights",
        default="imagenet",
        metavar="FILE",
        help="of the backbone: a .weights.h5 or .h5 file (%(default)s, the published ones)",
    )
    parser.add_argument(
        "--layers",
        default="embedding",
        metavar="A[,B]",
        help="embedding, predictions, all, stage3, 'block*', ..., with commas (%(default)s)",
    )
    parser.add_argument(
        "--resize",
        metavar="HOW",
        help="warp, pad, crop, or a convention by name (the backbone's own)",
    )
    parser.add_argument(
        "--image-size",
        type=positive,
        metavar="PIXELS",
        help="side of the square that images are brought to (the backbone's own)",
    )
    shrinks = "scaled shrinks large JPEGs while it decodes them (%(default)s)"
    add_choice(parser, "--decoding", DECODINGS, "exact", shrinks)
    add_choice(parser, "--engine", ENGINES, AUTO, "who runs the network (%(default)s)")


def add_choice(
    parser: argparse.ArgumentParser, flag: str, names: Iterable[str], default: Any, says: str
) -> None:
    """Add an option with a few values; another one is told with the nearest of them."""
    parser.add_argument(
        flag, type=one_of(names), default=default, metavar=_choices(names), help=says
    )


def add_on_error(parser: argparse.ArgumentParser, default: str, **meanings: str) -> None:
    """Add ``--on-error``; `meanings` says what its values besides ``raise`` do."""
    told = ", ".join(f"{name} {meaning}" for name, meaning in meanings.items())
    add_choice(
        parser,
        "--on-error",
        ("raise", *meanings),
        default,
        f"an image that cannot be read: raise stops, {told} ({default})",
    )


def add_table_options(parser: argparse.ArgumentParser, *, needs_label: bool) -> None:
    """Add what makes a table of files the images."""
    parser.add_argument(
        "--image-column",
        metavar="NAME",
        help="of a .csv, .tsv or .parquet file: the paths or URLs of the images",
    )
    parser.add_argument(
        "--label-column",
        metavar="NAME",
        help=f"of the same: the classes{'' if needs_label else ', which are written too'}",
    )
    parser.add_argument(
        "--root",
        metavar="DIR",
        help="where relative paths of the table begin (the working directory)",
    )


def _choices(names: Iterable[str]) -> str:
    return f"{{{','.join(names)}}}"


def make_embedder(args: argparse.Namespace) -> PretrainedEmbedder:
    """Make the estimator that the options describe."""
    from ..estimators._options import embedder_from_options

    require(args.engine)  # before images are looked for
    return embedder_from_options(args.backbone, vars(args))
