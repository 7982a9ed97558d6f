"""The options of ``skembed bigml``."""

from __future__ import annotations

from pathlib import Path

from .._arguments import Parser, add_force, command


def add_bigml(commands) -> None:
    """Add ``bigml``."""
    parser = command(
        commands,
        "bigml",
        "_bigml:predict",
        "Apply a trained deepnet of BigML, or write it for other runtimes.",
        example="skembed bigml predict model.json rows.csv -o answers.csv\n"
        "skembed bigml convert model.json model.onnx",
        more="BigML's library is not needed.",
    )
    actions = parser.add_subparsers(metavar="predict, convert", dest="action", required=True)
    command(
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
    command(
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
    add_force(parser)


def _bigml_convert_options(parser: Parser) -> None:
    parser.add_argument("model", type=Path, metavar="MODEL.json", help=".json.gz or .smbundle")
    parser.add_argument("output", type=Path, metavar="OUT")
    add_force(parser)
