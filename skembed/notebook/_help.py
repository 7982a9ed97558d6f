"""What ``%embed -h`` and ``%embed?`` show."""

from __future__ import annotations

from ._options import FLAGS, LONG_FLAGS
from ._view_options import VIEW_OPTIONS


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
