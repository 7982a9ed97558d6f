"""Options that several commands share, and the estimator they make."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING, Any

from ..extraction._engines import ENGINES
from ..images import DECODINGS
from ._optional import require_engine

if TYPE_CHECKING:
    from .. import PretrainedEmbedder


def add_embedder_options(parser: argparse.ArgumentParser, *, run_only: bool = False) -> None:
    """Add the parameters of the estimator that a person sets on a command line."""
    if not run_only:
        parser.add_argument(
            "--backbone",
            default="efficientnet_lite0",
            metavar="NAME",
            help="a name that `skembed backbones` lists, or a .keras file (%(default)s)",
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
        parser.add_argument(
            "--decoding",
            choices=DECODINGS,
            default="exact",
            help="scaled shrinks large JPEGs while it decodes them (%(default)s)",
        )
        parser.add_argument(
            "--engine",
            choices=ENGINES,
            default="auto",
            help="who runs the network (%(default)s)",
        )
    parser.add_argument(
        "--no-cache", action="store_true", help="neither look up nor keep embeddings"
    )


def add_on_error(parser: argparse.ArgumentParser, default: str, nan: str) -> None:
    """Add what an image that cannot be read does; `nan` says what the second choice means."""
    parser.add_argument(
        "--on-error",
        choices=("raise", "nan"),
        default=default,
        help=f"an image that cannot be read: raise stops, nan {nan} ({default})",
    )


def positive(text: str) -> int:
    """A whole number of 1 or more."""
    return _at_least(text, 1)


def folds(text: str) -> int:
    """A whole number of 2 or more."""
    return _at_least(text, 2)


def _at_least(text: str, least: int) -> int:
    if not text.isdecimal() or int(text) < least:
        raise argparse.ArgumentTypeError(f"{text!r} is no whole number of {least} or more")
    return int(text)


def make_embedder(args: argparse.Namespace, **more: Any) -> PretrainedEmbedder:
    """Make the estimator that the options describe."""
    from .. import PretrainedEmbedder

    require_engine(args.engine)
    layers = [name.strip() for name in args.layers.split(",")]
    parameters: dict[str, Any] = {
        "layers": layers[0] if len(layers) == 1 else layers,
        "resize": args.resize,
        "image_size": args.image_size,
        "decoding": args.decoding,
        "engine": args.engine,
        "cache": not args.no_cache,
        **more,
    }
    return PretrainedEmbedder(args.backbone, **parameters)


def variant(embedder: PretrainedEmbedder, **parameters: Any) -> PretrainedEmbedder:
    """Another estimator of the same parameters but these."""
    return type(embedder)(**{**embedder.get_params(), **parameters})
