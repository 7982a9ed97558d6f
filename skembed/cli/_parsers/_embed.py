"""The options of ``skembed embed``, ``similarity`` and ``convert``."""

from __future__ import annotations

from pathlib import Path

from ..._choices import NORMS, POOLINGS, PRECISIONS
from .._arguments import IMAGES, Parser, add_force, command, positive
from .._options import (
    add_choice,
    add_embedder_options,
    add_network_options,
    add_on_error,
    add_table_options,
)


def add_embed(commands) -> None:
    """Add ``embed``."""
    command(
        commands,
        "embed",
        "_embed:embed",
        "Write the embeddings of images to a file.",
        example="skembed embed photographs/ -o X.parquet\n"
        "skembed embed 'photographs/**/*.jpg' -o X.npy --backbone resnet50 --normalize l2\n"
        "skembed embed birds.csv --image-column file -o X.parquet\n"
        "skembed embed photographs/ -o X --dask local",
        more="Parquet has the columns path, label (where one folder of class folders is given), "
        "error (with --on-error nan) and embedding, a list of all features; with --wide, and in "
        "CSV, each feature has a column. NPY holds the features only; X.paths.csv beside it has "
        "the other columns, in the same order. Rows are written as they come, so that they need "
        "not fit in memory; the file gets its name when it is whole. A command that was stopped "
        "goes on where it was when it is given again. With --dask, OUTPUT is a directory: Parquet "
        "files, or Zarr arrays where its name ends in .zarr, which skembed.read_embeddings reads.",
        options=_embed_options,
    )


def _embed_options(parser: Parser) -> None:
    parser.add_argument("images", nargs="+", metavar="IMAGE", help=IMAGES)
    parser.add_argument(
        "-o",
        "--output",
        type=Path,
        required=True,
        metavar="FILE",
        help="ends in .parquet (extra demo), .npy or .csv; with --dask a directory",
    )
    add_force(parser)
    parser.add_argument(
        "--dask",
        metavar="ADDRESS",
        help="embed on the workers of a Dask scheduler (tcp://host:8786), or of this machine "
        "(local): extra dask",
    )
    parser.add_argument(
        "--partition-size",
        type=positive,
        metavar="N",
        help="with --dask: images of a task, and of a file (1024)",
    )
    add_table_options(parser, needs_label=False)
    add_embedder_options(parser)
    add_on_error(parser, "raise", nan="makes a row of NaN")
    parser.add_argument(
        "--wide", action="store_true", help="Parquet with a column for each feature"
    )
    add_choice(parser, "--pooling", POOLINGS, "auto", "of feature maps (auto)")
    add_choice(parser, "--normalize", NORMS, None, "divide each row by its norm")
    parser.add_argument(
        "--quantize", action="store_true", help="int8: 128 times the value, in [-128, 127]"
    )
    add_choice(parser, "--precision", PRECISIONS, "float32", "(float32)")


def add_similarity(commands) -> None:
    """Add ``similarity``."""
    command(
        commands,
        "similarity",
        "_similarity:similarity",
        "Print the cosine similarity of two images.",
        example="skembed similarity efficientnet_lite0 burger.jpg crop.jpg\n"
        "skembed similarity model.tflite burger.jpg https://example.org/other.jpg",
        more="That is the cosine of the angle between their embeddings: 1 for the same direction.",
        options=_similarity_options,
    )


def _similarity_options(parser: Parser) -> None:
    parser.add_argument(
        "backbone",
        metavar="MODEL",
        help="a name that `skembed backbones` lists, or a model file",
    )
    parser.add_argument("images", nargs=2, metavar="IMAGE", help="a file or URL")
    add_network_options(parser)
    add_embedder_options(parser, run_only=True)


def add_convert(commands) -> None:
    """Add ``convert``."""
    command(
        commands,
        "convert",
        "_convert:convert",
        "Write a network as a file of another runtime, and compare what it gives.",
        example="skembed convert efficientnet_lite0 embedder.onnx\n"
        "skembed convert model.skops classifier.onnx",
        more="The suffix says the format: .onnx, .xml (OpenVINO), .keras, .tflite, .savedmodel or "
        ".tfjs; the last three need TensorFlow. A pipeline (of `classify --save`) becomes .onnx "
        "only, and options of the network are its own. Of a deepnet of BigML this is the part that "
        "takes images; `skembed bigml convert` writes all of it.",
        says="Loading {model}",
        options=_convert_options,
    )


def _convert_options(parser: Parser) -> None:
    parser.add_argument(
        "model", metavar="MODEL", help="a backbone's name, a model file, or a saved pipeline"
    )
    parser.add_argument("output", type=Path, metavar="OUT")
    add_force(parser)
    add_network_options(parser)
    add_choice(parser, "--pooling", POOLINGS, "auto", "of feature maps (auto)")
    add_choice(parser, "--normalize", NORMS, None, "divide each row by its norm")
    parser.add_argument(
        "--quantize", action="store_true", help="int8: 128 times the value, in [-128, 127]"
    )
