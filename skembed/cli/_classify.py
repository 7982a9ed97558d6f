"""``skembed classify`` and ``demo``: images with classes in, a cross-validated classifier out."""

from __future__ import annotations

import argparse
import contextlib
import csv
import dataclasses
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from .._files import written_whole
from .._optional import scikit_image_data, skops_io
from .._text import storable
from ._console import Output
from ._errors import CommandError, check_output
from ._images import images_of_folders, labelled_images
from ._options import make_embedder

if TYPE_CHECKING:
    from .. import LayerKernelClassifierCV, PretrainedEmbedder
    from ..evaluation import Evaluation
    from ..images._items import Stream

_PICTURE = 256  # pixels
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


def classify(args: argparse.Namespace, out: Output) -> int:
    """Cross-validate, and save the pipeline where asked."""
    outputs = (args.save, ".skops"), (args.errors, ".csv"), (args.report, ".html")
    for path, suffix in outputs:
        if path is not None:
            check_output(path, (suffix,), force=args.force)
    if args.save is not None:
        skops_io()
    if args.best_layers and args.on_error == "mean":
        raise CommandError("--best-layers takes no mean for an image: --on-error raise or nan.")
    paths, labels = labelled_images(args, out)
    embedder = make_embedder(args)
    if args.best_layers and embedder.layers == "embedding":
        embedder.set_params(layers="all")
    result, layers = _classify_files(
        out, embedder, paths, labels, args.source, args.folds, best_layers=args.best_layers
    )
    if args.errors is not None:
        _write_errors(args.errors, result)
        out.text()
        out.line(f"{len(result.errors)} images taken for another class, in {args.errors}")
    if args.report is not None:
        shown = _with_pictures(result, paths)
        _write_report(args.report, args.source, embedder, shown, layers)
        out.text()
        out.line(f"Accuracy, confusions and suspect labels, with thumbnails, in {args.report}")
    if args.save is not None:
        _save(embedder, result, args.save, layers)
        out.text()
        out.line(f"Saved, fitted on all {len(result.labels)} images. Use it with")
        out.line(f"    skembed predict {args.save} IMAGES")
    return 0


def demo(args: argparse.Namespace, out: Output) -> int:
    """Cross-validate on scikit-image's photographs, or on a folder."""
    if args.images is not None:
        paths, labels = images_of_folders(args.images, out)
        _classify_files(out, make_embedder(args), paths, labels, args.images, args.folds)
        return 0
    folder = scikit_image_data()
    from ..evaluation._demo_images import TILE, demo_images, how_many

    n_tiles, n_classes = how_many()
    out.say(f"{n_tiles} tiles, {n_classes} classes; loading {args.backbone} ...")
    from ..evaluation import evaluate
    from ._report import print_evaluation

    embedder = make_embedder(args)
    data = demo_images(folder)
    result = evaluate(
        embedder, data.images, data.labels, n_folds=args.folds, groups=data.regions
    )
    title = (
        f"{n_tiles} tiles of {TILE} x {TILE} pixels, {n_classes} classes "
        "(photographs of scikit-image)"
    )
    print_evaluation(out, title, embedder, result)
    out.text()
    out.text(_EASY)
    out.text()
    out.text("Next", style="bold")
    out.table(_NEXT, labels=True)
    return 0


def _classify_files(
    out: Output,
    embedder: PretrainedEmbedder,
    paths: Sequence[str] | Stream,
    labels: Sequence[str] | None,
    source: str,
    n_folds: int,
    *,
    best_layers: bool = False,
) -> tuple[Evaluation, LayerKernelClassifierCV | None]:
    """Cross-validate on images and their classes, and write the tables.

    Returns the classifier as well that has chosen layers, fitted on all images.
    """
    if isinstance(paths, Sequence) and labels is not None:
        said = f"{len(paths):,} images of {len(set(labels))} classes"
    else:
        said = f"The images of {source}"
    out.say(f"{said} through {embedder.backbone}")
    from ..evaluation import evaluate, make_layer_classifier
    from ._report import print_evaluation

    layers = make_layer_classifier(embedder) if best_layers else None
    result = evaluate(embedder, paths, labels, n_folds=n_folds, classifier=layers)
    if layers is not None:
        layers.fit(result.rows, result.labels)
    n_classes = len(set(result.labels.tolist()))
    title = f"{len(result.labels)} images, {n_classes} classes in {source}"
    print_evaluation(out, title, embedder, result, layers)
    return result, layers


def _write_errors(path: Path, result: Evaluation) -> None:
    """Write every image that was taken for another class."""
    with (
        written_whole(path) as (temporary,),
        temporary.open("w", newline="", encoding="utf-8") as file,
    ):
        writer = csv.writer(file)
        writer.writerow(("file", "class", "taken for", "excess"))
        for name, label, predicted, excess in result.errors:
            writer.writerow(
                (storable(name), storable(label), storable(predicted), repr(excess))
            )


def _with_pictures(result: Evaluation, images: Sequence[str] | Stream) -> Evaluation:
    """Bring pictures of the images that a page may show, where no file of theirs has one.

    The source is read once more for them, and small ones are kept.
    """
    if isinstance(images, Sequence):
        return result
    from .._errors import ImageError
    from ..images import load
    from ..images._thumbnails import encode
    from ..inspection._mistakes import suspects_of

    rows = {name: row for row, name in enumerate(result.items)}
    shown = {*suspects_of(result).index, *(result.labels != result.predicted).nonzero()[0]}
    items = list(result.items)
    for image, name in zip(images, images.names, strict=False):
        row = rows.get(name, -1)
        if row in shown:
            with contextlib.suppress(ImageError):
                items[row] = {"bytes": encode(load(image), _PICTURE), "path": name}
    return dataclasses.replace(result, items=items)


def _write_report(
    path: Path,
    source: str,
    embedder: PretrainedEmbedder,
    result: Evaluation,
    layers: LayerKernelClassifierCV | None,
) -> None:
    """Write the page."""
    from .. import __version__
    from ..evaluation import layers_line, make_classifier
    from ..inspection._report import html_report
    from ._report import described

    facts = (
        ("embedder", described(embedder)),
        ("classifier", repr(make_classifier()) if layers is None else type(layers).__name__),
        *([] if layers is None else [("layers", layers_line(layers))]),
        ("made by", f"skembed {__version__}"),
    )
    page = html_report(storable(source), result, facts)
    with written_whole(path) as (temporary,):
        temporary.write_text(page, encoding="utf-8", errors="backslashreplace")


def _save(
    embedder: PretrainedEmbedder,
    result: Evaluation,
    path: Path,
    layers: LayerKernelClassifierCV | None,
) -> None:
    """Fit on everything and write the pipeline, without the settings of this run."""
    import numpy as np
    from sklearn.pipeline import Pipeline

    from .._saving import save
    from ..estimators._options import with_parameters
    from ..evaluation import make_classifier

    learns_mean = embedder.on_error == "mean"
    plain = with_parameters(embedder, cache=True, on_error="mean" if learns_mean else "raise")
    rows = result.rows
    if learns_mean:
        # What fit would learn from the images, learnt from their rows.
        readable = ~np.any(np.isnan(rows), axis=1)
        mean = rows[readable].mean(axis=0, dtype=np.float64)
        plain = type(embedder).from_statistics(mean, **plain.get_params())
        rows = np.where(readable[:, None], rows, mean.astype(rows.dtype))
    if layers is None:
        last = ("svm", make_classifier().fit(rows, result.labels))
    else:
        last = ("layers", layers)
    pipeline = Pipeline([("emb", plain), last])
    save(pipeline, path, overwrite=True)  # whether it may be was asked before all the work
