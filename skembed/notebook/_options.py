"""The options of ``%embed``, what each takes, and the help that lists them."""

from __future__ import annotations

import argparse
import keyword
from collections.abc import Callable, Iterable, Sequence
from typing import Any, NoReturn

from .._choices import POOLINGS
from .._errors import did_you_mean
from ._ipython import UsageError
from ._view_options import VIEW_OPTIONS

ON_ERROR = ("raise", "nan")  # "mean" is learnt by fit, and a line has none


class _Parser(argparse.ArgumentParser):
    def error(self, message: str) -> NoReturn:
        raise UsageError(message)


def is_name(text: str) -> bool:
    """Whether a variable can be called so."""
    return text.isidentifier() and not keyword.iskeyword(text)


def _variable(text: str) -> str:
    if not is_name(text):
        raise argparse.ArgumentTypeError(f"{text!r} is no name for a variable")
    return text


def _one_of(names: Sequence[str]) -> Callable[[str], str]:
    def check(text: str) -> str:
        if text not in names:
            raise argparse.ArgumentTypeError(f"{text!r}. {did_you_mean(text, names, most=2)}")
        return text

    return check


def _size(text: str) -> int | tuple[int, int]:
    sides = _numbers(text.replace("x", ","), int)
    if len(sides) not in (1, 2) or min(sides) < 1:
        raise argparse.ArgumentTypeError(
            f"{text!r} is no size in pixels, such as 224 or 224x160"
        )
    return sides[0] if len(sides) == 1 else (sides[0], sides[1])


def _batch_size(text: str) -> int | str:
    if text == "auto":
        return text
    (number,) = _numbers(text, int) if "," not in text else (0,)
    if number < 1:
        raise argparse.ArgumentTypeError(f"{text!r} is neither a number of images nor auto")
    return number


def _count(text: str) -> int:
    (number,) = _numbers(text, int) if "," not in text else (0,)
    if number < 1:
        raise argparse.ArgumentTypeError(f"{text!r} is no number of images")
    return number


def _thresholds(text: str) -> tuple[float, float]:
    bounds = _numbers(text, float)
    if len(bounds) != 2 or not bounds[0] <= bounds[1]:
        raise argparse.ArgumentTypeError(
            f"{text!r} is no pair of thresholds, the lower first, such as -0.25,0.15"
        )
    return bounds[0], bounds[1]


def _numbers(text: str, kind: type) -> list[Any]:
    try:
        return [kind(part) for part in text.strip("()[] ").split(",")]
    except ValueError:
        return [0]  # one, and none that any option takes


def _make_parser() -> _Parser:
    """The options in the order in which they are listed."""
    parser = _Parser(prog="%embed", add_help=False, allow_abbrev=False)
    _add_embedding_options(parser.add_argument)
    _add_result_options(parser.add_argument)
    _add_run_options(parser.add_argument)
    for view in VIEW_OPTIONS.values():
        parser.add_argument(view.flag, metavar=view.metavar, help=f"{view.verbs}: {view.help}")
    return parser


def _add_embedding_options(add: Callable[..., Any]) -> None:
    """How images become rows."""
    add("-l", "--layers", metavar="A[,B]", help="names, stages, globs, indices, or all")
    add("-w", "--weights", metavar="FILE", help="of the network: a .weights.h5 or .h5 file")
    add(
        "-p",
        "--pooling",
        "--pool",
        type=_one_of(POOLINGS),
        metavar="HOW",
        help=", ".join(POOLINGS),
    )
    add("-s", "--size", type=_size, metavar="PIXELS", help="224, or height x width: 224x160")
    add("-b", "--batch-size", type=_batch_size, metavar="N", help="images kept together")
    add(
        "-d",
        "--discretize",
        type=_thresholds,
        metavar="NEG,POS",
        help="standardise, then -1 below, 1 above, 0 between",
    )


def _add_result_options(add: Callable[..., Any]) -> None:
    """What is made of the rows, and where it is kept."""
    add("-o", "--out", type=_variable, metavar="NAME", help="keep the result in a variable")
    add(
        "-y",
        "--labels",
        metavar="EXPR",
        help="labels for --svm; with --paths, their variable",
    )
    add("--images", metavar="EXPR", help="the images that features are of, for `map`")
    add(
        "--cv",
        type=_count,
        metavar="N",
        help="confusion, thresholds: cross-validate by N folds",
    )
    add("--svm", action="store_true", help="cross-validate a linear SVM; keep it in _clf")
    add("--best-layers", action="store_true", help="as --svm, by layers that folds have chosen")
    add("--clf", type=_variable, metavar="NAME", help="keep it in NAME instead")
    add("--frame", action="store_true", help="a data frame with columns LAYER__UNIT")
    add("-n", "--top", type=_count, metavar="N", help="similar: how many images (8)")
    add("--paths", action="store_true", help="a cell's lines are GLOB [LABEL]")


def _add_run_options(add: Callable[..., Any]) -> None:
    """What changes no row."""
    add(
        "--on-error",
        type=_one_of(ON_ERROR),
        metavar="HOW",
        help="an unreadable image: raise, or nan for a row of NaN",
    )
    add("--no-cache", action="store_true", help="neither look rows up nor keep them")
    add("-q", "--quiet", action="store_true", help="neither bar nor summary")
    add("-h", "--help", action="store_true", help="show this")


def read_options(words: Sequence[str]) -> argparse.Namespace:
    """Return the options by their long names; what is wrong with one is a UsageError."""
    return _PARSER.parse_args(words)


_PARSER = _make_parser()
FLAGS: dict[str, argparse.Action] = dict(_PARSER._option_string_actions)
# One for each option; an alias is understood, and neither listed nor offered.
LONG_FLAGS = ["--" + action.dest.replace("_", "-") for action in dict.fromkeys(FLAGS.values())]


def refuse(options: argparse.Namespace, allowed: Iterable[str], who: str) -> None:
    """Refuse options that mean nothing for `who`.

    Raises
    ------
    UsageError
        Naming the first of them.
    """
    for name, value in vars(options).items():
        # Not `in`: 0 equals False, and --image 0 is an image.
        if value is not None and value is not False and name not in allowed:
            raise UsageError(f"{who} takes no --{name.replace('_', '-')}.")


def _options_help() -> str:
    """Return the list of options, a line each; those of widgets come last."""
    lines = ["options:"]
    for action in dict.fromkeys(FLAGS.values()):
        if action.dest == next(iter(VIEW_OPTIONS)):
            lines += ["", "options of widgets, named as their parameters are:"]
        names = ", ".join(n for n in action.option_strings if n[1] != "-" or n in LONG_FLAGS)
        indent = "" if "," in names else "    "  # the long names below each other
        flag = f"{indent}{names} {action.metavar or ''}"
        lines.append(f"  {flag:<27}{action.help}")
    return "\n".join(lines)


HELP = f"""Embed images with a pretrained network.

    %embed                              the networks there are
    X = %embed resnet50 images          float32, (n_images, n_features)
    X = %embed images                   with the usual network
    X = %embed resnet50 "photos/*.jpg"  a glob, folder, file or URL, in quotes
    %embed resnet50 images -y y --svm   and a cross-validated accuracy

    %%embed resnet50 -o X               Python; its last line gives the images
    [load(path) for path in paths if good(path)]

    %%embed resnet50 --paths -o X -y y  files, and their labels
    cats/*.jpg   cat
    dogs/*.jpg   dog

    %embed models | layers [MODEL] | cache [clear [MODEL]] | demo [MODEL]
    %embed similar [MODEL] IMAGE IMAGES     the images that look most like one

    %embed map [MODEL] IMAGES [-y y]    widgets: images as points of a plane,
    %embed map X --images IMAGES -y y   of features that are there,
    %embed label [MODEL] IMAGES         and labels for few images
    %embed contributions CLF            what layers carry in a classifier
    %embed confusion CLF IMAGES -y y    its mistakes as images, and why
    %embed patterns FNE IMAGES -y y     what is present and absent in classes
    %embed thresholds IMAGES -y y       sliders for -1, 0, +1 of all layers
    %embed features EMBEDDER IMAGES     the images of a feature, and its maps

IMAGES is a name or any Python expression: images[y == 2], df["path"], (a + b).
$name and {{expression}} are the same objects; in MODEL, in quotes and in
options they become text. An expression with blanks stands in brackets. Images
are what PretrainedEmbedder takes: arrays, paths, URLs, PIL images, bytes, and
columns of them. A trailing ; shows nothing.

{_options_help()}

%config EmbedMagics lists the settings, and
%config EmbedMagics.model = "vgg16" changes one.
"""
