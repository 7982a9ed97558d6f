"""``skembed demo``: does everything work here? Photographs in, a table out."""

from __future__ import annotations

import argparse

from ._classify import classify_images
from ._console import Output
from ._images import images_of_folders
from ._optional import scikit_image_data
from ._options import make_embedder

_EASY = (
    "This task is easy: every class is one picture, and its tiles share colours and "
    "texture. It shows that everything works here, not how good the method is. Tiles do "
    "not overlap, and folds are strips of the pictures: no pixel is in both train and test, "
    "nor the same strip of the two motorcycle pictures, a stereo pair."
)
_NEXT = (
    ("your own images, a folder a class", "skembed demo --images DIR"),
    ("keep a classifier, and use it", "skembed classify DIR --save model.skops"),
    ("the other networks", "skembed backbones"),
)


def demo(args: argparse.Namespace, out: Output) -> int:
    """Cross-validate on scikit-image's photographs, or on a folder."""
    if args.images is not None:
        paths, labels = images_of_folders(args.images, out)
        classify_images(out, make_embedder(args), paths, labels, args.images, args.folds)
        return 0
    folder = scikit_image_data()
    out.say(f"Cutting tiles from the photographs of scikit-image, for {args.backbone}")
    from ..evaluation._cross_validation import evaluate
    from ..evaluation._demo_images import TILE, demo_images
    from ._report import print_evaluation

    embedder = make_embedder(args)
    data = demo_images(folder)
    result = evaluate(
        embedder, data.images, data.labels, n_folds=args.folds, groups=data.regions
    )
    n_classes = len(set(data.labels.tolist()))
    title = (
        f"{len(data.images)} tiles of {TILE} x {TILE} pixels, {n_classes} classes "
        "(photographs of scikit-image)"
    )
    print_evaluation(out, title, embedder, result)
    out.text()
    out.text(_EASY)
    out.text()
    out.text("Next", style="bold")
    out.table(_NEXT, labels=True)
    return 0
