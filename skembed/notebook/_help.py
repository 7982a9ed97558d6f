"""The documentation of ``%embed``, for ``-h`` and ``%embed?`` alike."""

from __future__ import annotations

from ._arguments import options_help

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

IMAGES is a name or any Python expression: images[y == 2], df["path"], (a + b).
$name and {{expression}} are the same objects; in MODEL, in quotes and in
options they become text. An expression with blanks stands in brackets. Images
are what PretrainedEmbedder takes: arrays, paths, URLs, PIL images, bytes, and
columns of them. A trailing ; shows nothing.

{options_help()}

%config EmbedMagics lists the settings, and
%config EmbedMagics.model = "vgg16" changes one.
"""
