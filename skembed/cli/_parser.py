"""What may be typed: the commands, their options, and help with an example each."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import NoReturn

from .._version import __version__
from ._options import add_embedder_options, add_on_error, folds, positive


class Parser(argparse.ArgumentParser):
    """One line for a mistake, where argparse would write the whole usage."""

    def error(self, message: str) -> NoReturn:
        """Tell the mistake and where to read more; exit with 2."""
        self.exit(2, f"{self.prog}: {message} (see {self.prog} --help)\n")


def make_parser() -> Parser:
    """Return the parser of the whole script; ``run`` names a command's module and function."""
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
    for add in (_demo, _classify, _predict, _embed, _backbones, _cache, _devices):
        add(commands)
    return parser


def _command(
    commands, name: str, run: str, summary: str, *, example: str, more: str = ""
) -> Parser:
    parser = commands.add_parser(
        name,
        help=summary[0].lower() + summary[1:].rstrip("."),
        description=f"{summary}{' ' + more if more else ''}",
        epilog="example:\n" + "\n".join(f"  {line}" for line in example.splitlines()),
        formatter_class=_HelpFormatter,
    )
    parser.set_defaults(run=run)
    return parser


class _HelpFormatter(argparse.RawDescriptionHelpFormatter):
    """Examples keep their lines; the description is wrapped as usual."""

    def _fill_text(self, text: str, width: int, indent: str) -> str:
        if text.startswith("example"):
            return super()._fill_text(text, width, indent)
        return argparse.HelpFormatter._fill_text(self, text, width, indent)


def _demo(commands) -> None:
    parser = _command(
        commands,
        "demo",
        "_demo:demo",
        "Cross-validate a classifier on photographs that come with scikit-image.",
        example="skembed demo\nskembed demo --images photographs/ --backbone mobilenet_v2",
        more="It shows that everything works here, and how fast. Needs the extra demo.",
    )
    parser.add_argument(
        "--images", metavar="DIR", help="your images instead: a folder for each class"
    )
    _add_folds(parser)
    add_embedder_options(parser)


def _classify(commands) -> None:
    parser = _command(
        commands,
        "classify",
        "_classify:classify",
        "Cross-validate a classifier on a folder of class folders.",
        example="skembed classify photographs/ --save model.skops\n"
        "skembed predict model.skops new/*.jpg",
        more="The classifier is a LinearSVC on embeddings. Folds are stratified; all copies of "
        "an image are in one fold. Every image runs through the network once.",
    )
    parser.add_argument("directory", metavar="DIR", help="holds DIR/CLASS/image.jpg")
    _add_folds(parser)
    add_embedder_options(parser)
    add_on_error(parser, "raise", "leaves it out")
    parser.add_argument(
        "--save",
        type=Path,
        metavar="MODEL.skops",
        help="fit on all images, and write the pipeline",
    )
    _add_force(parser)


def _predict(commands) -> None:
    parser = _command(
        commands,
        "predict",
        "_predict:predict",
        "Classify images with a pipeline that `skembed classify --save` wrote.",
        example="skembed predict model.skops new/*.jpg other/folder\n"
        "skembed predict model.skops new/ --top 3 --csv answers.csv",
        more="Each image gets its class and the margin, the "
        "classifier's decision function: above 0 the image lies on the class's side. Into a "
        "pipe, cells have tabs between them and there is no heading. Images that cannot be "
        "read are told on standard error, and the exit code is 1. A model file "
        "that holds anything but such a pipeline is refused.",
    )
    parser.add_argument("model", type=Path, metavar="MODEL.skops")
    parser.add_argument("images", nargs="+", metavar="IMAGE", help="files, folders or URLs")
    parser.add_argument(
        "--top", type=positive, default=1, metavar="N", help="the best N classes of each (1)"
    )
    parser.add_argument(
        "--csv", type=Path, metavar="OUT.csv", help="write a file instead of a table"
    )
    _add_force(parser)
    add_on_error(parser, "nan", "goes on with the others")
    add_embedder_options(parser, run_only=True)


def _embed(commands) -> None:
    parser = _command(
        commands,
        "embed",
        "_embed:embed",
        "Write the embeddings of images to a file.",
        example="skembed embed photographs/ -o X.parquet\n"
        "skembed embed *.jpg -o X.npy --backbone resnet50 --normalize l2",
        more="Parquet and CSV have the columns path, label (where one folder of class folders "
        "is given), and one for each feature. NPY holds the features only; X.paths.csv beside "
        "it has the path (and label) of each row, in the same order.",
    )
    parser.add_argument("images", nargs="+", metavar="IMAGE", help="files, folders or URLs")
    parser.add_argument(
        "-o",
        "--output",
        type=Path,
        required=True,
        metavar="FILE",
        help="ends in .parquet (extra demo), .npy or .csv",
    )
    _add_force(parser)
    add_embedder_options(parser)
    add_on_error(parser, "raise", "makes a row of NaN")
    parser.add_argument(
        "--pooling",
        choices=("auto", "avg", "max", "both"),
        default="auto",
        help="of feature maps (auto)",
    )
    parser.add_argument("--normalize", choices=("l2",), help="divide each row by its norm")
    parser.add_argument(
        "--quantize", action="store_true", help="int8: 128 times the value, in [-128, 127]"
    )
    parser.add_argument(
        "--precision", choices=("float32", "bfloat16"), default="float32", help="(float32)"
    )


def _backbones(commands) -> None:
    parser = _command(
        commands,
        "backbones",
        "_backbones:list_backbones",
        "List the networks there are.",
        example="skembed backbones --here\nskembed backbones --origin keras.applications --csv",
    )
    parser.add_argument("--origin", metavar="NAME", help="of this origin only")
    parser.add_argument(
        "--here", action="store_true", help="with the weights on this machine only"
    )
    form = parser.add_mutually_exclusive_group()
    form.add_argument("--csv", action="store_true", help="all that is known, as CSV")
    form.add_argument("--json", action="store_true", help="all that is known, as JSON")


def _cache(commands) -> None:
    parser = _command(
        commands,
        "cache",
        "_cache:show",
        "Show what is kept of images seen, or delete it.",
        example="skembed cache\nskembed cache clear --backbone resnet50",
        more="SKEMBED_CACHE_DIR moves the store.",
    )
    actions = parser.add_subparsers(metavar="clear", dest="action")
    clear = _command(
        actions,
        "clear",
        "_cache:clear",
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
        "_devices:devices",
        "List the devices that JAX sees, and which of them are used.",
        example="skembed devices",
    )


def _add_folds(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--folds", type=folds, default=5, metavar="N", help="of the cross-validation (5)"
    )


def _add_force(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--force", action="store_true", help="overwrite the file")
