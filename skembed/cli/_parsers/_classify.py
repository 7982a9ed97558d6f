"""The options of ``skembed demo``, ``classify`` and ``predict``."""

from __future__ import annotations

from pathlib import Path

from .._arguments import IMAGES, Parser, add_folds, add_force, command, positive
from .._options import (
    add_embedder_options,
    add_on_error,
    add_table_options,
)


def add_demo(commands) -> None:
    """Add ``demo``."""
    command(
        commands,
        "demo",
        "_classify:demo",
        "Cross-validate a classifier on photographs that come with scikit-image.",
        example="skembed demo\nskembed demo --images photographs/ --backbone mobilenet_v2",
        more="It shows that everything works here, and how fast. Needs the extra demo.",
        options=_demo_options,
    )


def _demo_options(parser: Parser) -> None:
    parser.add_argument(
        "--images", metavar="DIR", help="your images instead: a folder for each class"
    )
    add_folds(parser)
    add_embedder_options(parser)


def add_classify(commands) -> None:
    """Add ``classify``."""
    command(
        commands,
        "classify",
        "_classify:classify",
        "Cross-validate a classifier on images with classes.",
        example="skembed classify photographs/ --save model.skops\n"
        "skembed classify birds.csv --image-column file --label-column species",
        more="The classifier is a LinearSVC on embeddings; with --best-layers, one that chooses "
        "layers. Folds are stratified; all copies of an image are in one fold. Every image "
        "runs through the network once. Images are a "
        "folder of class folders, or a table with a column of paths and one of classes.",
        options=_classify_options,
    )


def _classify_options(parser: Parser) -> None:
    parser.add_argument(
        "source",
        metavar="DIR|TABLE",
        help="holds DIR/CLASS/image.jpg; or a .csv, .tsv, .parquet",
    )
    add_table_options(parser, needs_label=True)
    add_folds(parser)
    add_embedder_options(parser)
    add_on_error(
        parser, "raise", nan="leaves it out", mean="takes it as the mean of the training images"
    )
    parser.add_argument(
        "--best-layers",
        action="store_true",
        help="choose layers by cross-validation within each fold, and classify by them",
    )
    parser.add_argument(
        "--errors",
        type=Path,
        metavar="OUT.csv",
        help="write all images that were taken for another class, the worst first",
    )
    parser.add_argument(
        "--report",
        type=Path,
        metavar="REPORT.html",
        help="write one page with the accuracy, and thumbnails of confusions and suspect labels",
    )
    parser.add_argument(
        "--save",
        type=Path,
        metavar="MODEL.skops",
        help="fit on all images, and write the pipeline",
    )
    add_force(parser)


def add_predict(commands) -> None:
    """Add ``predict``."""
    command(
        commands,
        "predict",
        "_predict:predict",
        "Classify images with a saved pipeline.",
        example="skembed predict model.skops new/*.jpg other/folder\n"
        "skembed predict model.skops new/ --top 3 --csv answers.csv",
        more="The pipeline is one that `skembed classify --save` or skembed.save wrote; one that "
        "begins with columns takes a table, TABLE.csv or .parquet, instead of images. "
        "Each image gets its class and the margin, the "
        "classifier's decision function: above 0 the image lies on the class's side. Into a "
        "pipe, cells have tabs between them and there is no heading. Images that cannot be "
        "read are told on standard error, and the exit code is 1. A model file "
        "that holds anything but skembed's and scikit-learn's types is refused.",
        says="Loading {model}",
        options=_predict_options,
    )


def _predict_options(parser: Parser) -> None:
    parser.add_argument("model", type=Path, metavar="MODEL.skops")
    parser.add_argument("images", nargs="+", metavar="IMAGE", help=IMAGES)
    parser.add_argument(
        "--top", type=positive, default=1, metavar="N", help="the best N classes of each (1)"
    )
    parser.add_argument(
        "--csv", type=Path, metavar="OUT.csv", help="write a file instead of a table"
    )
    add_force(parser)
    add_on_error(parser, "nan", nan="goes on with the others")
    add_embedder_options(parser, run_only=True)
