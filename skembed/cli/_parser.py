"""What may be typed: the commands, their options, and help with an example each."""

from __future__ import annotations

import argparse
from collections.abc import Callable
from pathlib import Path

from .._choices import METRICS, NORMS, POOLINGS, PRECISIONS
from .._version import __version__
from ._arguments import Parser, distance, folds, port, positive
from ._options import (
    add_choice,
    add_embedder_options,
    add_network_options,
    add_on_error,
    add_table_options,
)

_IMAGES = "files, folders, globs in quotes, or URLs"


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
        *(_demo, _classify, _predict, _embed, _search, _duplicates, _similarity),
        *(_convert, _bigml, _backbones, _cache, _devices),
    ):
        add(commands)
    return parser


def _command(
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
    parser = commands.add_parser(
        name,
        help=summary[0].lower() + summary[1:].rstrip("."),
        description=f"{summary}{' ' + more if more else ''}",
        epilog="example:\n" + "\n".join(f"  {line}" for line in example.splitlines()),
        formatter_class=_HelpFormatter,
        add_options=options,
    )
    parser.set_defaults(run=run, says=says)
    return parser


class _HelpFormatter(argparse.RawDescriptionHelpFormatter):
    """Examples keep their lines; the description is wrapped as usual."""

    def _fill_text(self, text: str, width: int, indent: str) -> str:
        if text.startswith("example"):
            return super()._fill_text(text, width, indent)
        return argparse.HelpFormatter._fill_text(self, text, width, indent)


def _demo(commands) -> None:
    _command(
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
    _add_folds(parser)
    add_embedder_options(parser)


def _classify(commands) -> None:
    _command(
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
    _add_folds(parser)
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
    _add_force(parser)


def _predict(commands) -> None:
    _command(
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
    parser.add_argument("images", nargs="+", metavar="IMAGE", help=_IMAGES)
    parser.add_argument(
        "--top", type=positive, default=1, metavar="N", help="the best N classes of each (1)"
    )
    parser.add_argument(
        "--csv", type=Path, metavar="OUT.csv", help="write a file instead of a table"
    )
    _add_force(parser)
    add_on_error(parser, "nan", nan="goes on with the others")
    add_embedder_options(parser, run_only=True)


def _embed(commands) -> None:
    _command(
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
    parser.add_argument("images", nargs="+", metavar="IMAGE", help=_IMAGES)
    parser.add_argument(
        "-o",
        "--output",
        type=Path,
        required=True,
        metavar="FILE",
        help="ends in .parquet (extra demo), .npy or .csv; with --dask a directory",
    )
    _add_force(parser)
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


def _search(commands) -> None:
    parser = _command(
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
    query = _search_action(
        actions,
        "query",
        "List the images that look most like an image.",
        example="skembed search query cat.jpg --top 10 --dir photos.index",
        more="Into a pipe, cells have tabs between them and there is no heading.",
    )
    _add_query(query)
    export = _search_action(
        actions,
        "export",
        "Copy the images that look most like an image.",
        example="skembed search export cat.jpg like_cat/ --top 20",
        more="The copies are named by rank and by what the images are called; neighbours.csv lists "
        "them with their distances.",
    )
    _add_query(export)
    export.add_argument(
        "output", type=Path, metavar="OUT", help="a new folder, or an empty one"
    )
    remove = _search_action(
        actions,
        "remove",
        "Take images out of the index.",
        example="skembed search remove photographs/cat.jpg",
    )
    remove.add_argument("names", nargs="+", metavar="NAME", help="as `query` lists them")
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
    parser = _command(actions, name, f"_search:{name}", summary, **more)
    parser.add_argument(
        "--dir",
        dest="directory",
        type=Path,
        metavar="DIR",
        help="the folder of the index (one of your data folder)",
    )
    return parser


def _add_query(parser: Parser) -> None:
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


def _duplicates(commands) -> None:
    _command(
        commands,
        "duplicates",
        "_duplicates:duplicates",
        "List images that are nearly the same.",
        example="skembed duplicates photographs/ --sheet duplicates.html",
        more="Same bytes, same pixels in another encoding, or near: saved anew, in other sizes or "
        "slightly cropped. Into a pipe, cells have tabs between them and there is no heading: "
        "group, kind, distance, image.",
        options=_duplicates_options,
    )


def _duplicates_options(parser: Parser) -> None:
    parser.add_argument("images", nargs="+", metavar="IMAGE", help=_IMAGES)
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
    _add_force(parser)
    add_embedder_options(parser)
    add_on_error(parser, "nan", nan="is in no group")


def _similarity(commands) -> None:
    _command(
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


def _convert(commands) -> None:
    _command(
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
    _add_force(parser)
    add_network_options(parser)
    add_choice(parser, "--pooling", POOLINGS, "auto", "of feature maps (auto)")
    add_choice(parser, "--normalize", NORMS, None, "divide each row by its norm")
    parser.add_argument(
        "--quantize", action="store_true", help="int8: 128 times the value, in [-128, 127]"
    )


def _bigml(commands) -> None:
    parser = _command(
        commands,
        "bigml",
        "_bigml:predict",
        "Apply a trained deepnet of BigML, or write it for other runtimes.",
        example="skembed bigml predict model.json rows.csv -o answers.csv\n"
        "skembed bigml convert model.json model.onnx",
        more="BigML's library is not needed.",
    )
    actions = parser.add_subparsers(metavar="predict, convert", dest="action", required=True)
    _command(
        actions,
        "predict",
        "_bigml:predict",
        "Write the answer of a deepnet for each row of a table.",
        example="skembed bigml predict model.json rows.csv -o answers.csv",
        more="Columns are found by their names in the heading, or by position where the deepnet "
        "tells no names; an empty cell is a missing value. Relative paths of images begin in "
        "the table's folder. A classifier gives the class and the probability of each, a "
        "detector a line for each box.",
        says="Loading {model}",
        options=_bigml_predict_options,
    )
    _command(
        actions,
        "convert",
        "_bigml:convert",
        "Write a deepnet as a file of another runtime, and compare what it gives.",
        example="skembed bigml convert model.json model.onnx",
        more="The suffix says the format: .onnx, .xml (OpenVINO), .keras, .tflite, .tfjs, "
        ".smbundle (a bundle of BigML's) or .h5 (the weights alone).",
        says="Loading {model}",
        options=_bigml_convert_options,
    )


def _bigml_predict_options(parser: Parser) -> None:
    parser.add_argument("model", type=Path, metavar="MODEL.json", help=".json.gz or .smbundle")
    parser.add_argument("inputs", type=Path, metavar="INPUTS.csv")
    parser.add_argument("-o", "--output", type=Path, required=True, metavar="OUT.csv")
    _add_force(parser)


def _bigml_convert_options(parser: Parser) -> None:
    parser.add_argument("model", type=Path, metavar="MODEL.json", help=".json.gz or .smbundle")
    parser.add_argument("output", type=Path, metavar="OUT")
    _add_force(parser)


def _backbones(commands) -> None:
    _command(
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


def _cache(commands) -> None:
    parser = _command(
        commands,
        "cache",
        "_listings:show_cache",
        "Show what is kept of images seen, or delete it.",
        example="skembed cache\nskembed cache clear --backbone resnet50",
        more="SKEMBED_CACHE_DIR moves the store.",
    )
    actions = parser.add_subparsers(metavar="clear", dest="action")
    clear = _command(
        actions,
        "clear",
        "_listings:clear_cache",
        "Delete embeddings, and without --backbone compiled networks as well.",
        example="skembed cache clear --yes",
        more="On a terminal it asks first.",
    )
    clear.add_argument("--backbone", metavar="NAME", help="of this backbone only")
    clear.add_argument("--yes", action="store_true", help="do not ask")


def _devices(commands) -> None:
    _command(
        commands,
        "devices",
        "_listings:list_devices",
        "List the devices that JAX sees, and which of them are used.",
        example="skembed devices",
        says="Loading JAX",
    )


def _add_folds(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--folds", type=folds, default=5, metavar="N", help="of the cross-validation (5)"
    )


def _add_force(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--force", action="store_true", help="overwrite the file")
