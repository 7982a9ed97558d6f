"""Boxes: what the heads of a detector say, which of them are kept, and in which form."""

from __future__ import annotations

import functools
from typing import Any

import numpy as np

from .._keras import import_keras
from ..formats.bigml._image_network import Head, ImageNetwork
from ._network import Program
from ._settings import Settings
from ._spec import DeepnetSpec


def decode(output: Any, head: Head, size: tuple[int, int]) -> tuple[Any, Any]:
    """Return the boxes and scores of one head of YOLO.

    Parameters
    ----------
    output : float array of shape (n_images, rows, columns, n_anchors * (5 + n_classes))
        Of the head's layer: for each anchor x, y, width, height, confidence and a value for each
        class, before any activation.
    head : Head
        Its stride, anchors and scale.
    size : (int, int)
        Height and width of the network's input.

    Returns
    -------
    boxes : array of shape (n_images, n_boxes, 4)
        Left, top, right and bottom, in parts of the input's width and height.
    scores : array of shape (n_images, n_boxes, n_classes)
        The confidence times the class's probability.
    """
    ops = import_keras().ops
    _, rows, columns, n_channels = output.shape
    n_anchors = len(head.anchors)
    width = n_channels // n_anchors
    output = ops.reshape(output, (-1, rows, columns, n_anchors, width))
    corner = np.stack(np.meshgrid(np.arange(columns), np.arange(rows)), axis=-1)
    corner = corner[None, :, :, None, :].astype(np.float32)
    scale = head.xy_scale
    centre = ops.sigmoid(output[..., :2]) * scale - 0.5 * (scale - 1) + corner
    lengths = ops.exp(output[..., 2:4]) * np.asarray(head.anchors, np.float32)
    sides = np.array(size[::-1], np.float32)
    centre, half = centre * head.stride / sides, lengths / sides / 2
    boxes = ops.concatenate([centre - half, centre + half], axis=-1)
    scores = ops.sigmoid(output[..., 4:5]) * ops.sigmoid(output[..., 5:])
    n_boxes = rows * columns * n_anchors
    return ops.reshape(boxes, (-1, n_boxes, 4)), ops.reshape(scores, (-1, n_boxes, width - 5))


def suppress(
    boxes: Any, scores: Any, least_score: Any, most_overlap: Any, most_boxes: int
) -> tuple[Any, Any]:
    """Choose boxes of one image: the best first, without those that overlap a better one.

    Parameters
    ----------
    boxes : array of shape (n_boxes, 4)
        Left, top, right, bottom.
    scores : array of shape (n_boxes,)
        Of the best class of each; classes are not told apart.
    least_score : float
        A box's score must be above it.
    most_overlap : float
        A box is left out whose intersection over union with a chosen one is above it.
    most_boxes : int
        How many are chosen at most.

    Returns
    -------
    chosen : int array of shape (most_boxes,)
        Their positions, the best first.
    is_box : bool array of shape (most_boxes,)
        False where there was none left.
    """
    import jax
    import jax.numpy as jnp

    areas = (boxes[:, 2:] - boxes[:, :2]).prod(axis=-1)
    left = jnp.where(scores > least_score, scores, -jnp.inf)

    def choose(left: Any, _: Any) -> tuple[Any, tuple[Any, Any]]:
        best = jnp.argmax(left)
        near = jnp.maximum(boxes[:, :2], boxes[best, :2])
        far = jnp.minimum(boxes[:, 2:], boxes[best, 2:])
        shared = jnp.maximum(far - near, 0).prod(axis=-1)
        union = areas + areas[best] - shared
        overlap = jnp.where(union > 0, shared / jnp.where(union > 0, union, 1), 0)
        is_box = left[best] > -jnp.inf
        left = jnp.where(overlap > most_overlap, -jnp.inf, left).at[best].set(-jnp.inf)
        return left, (best, is_box)

    _, (chosen, is_box) = jax.lax.scan(choose, left, length=most_boxes)
    return chosen, is_box


def detect(
    outputs: list[Any], heads: tuple[Head, ...], size: tuple[int, int], settings: Settings
) -> tuple[Any, ...]:
    """Return what all heads say, for a batch.

    Returns
    -------
    tuple of arrays
        Boxes, labels as numbers, scores, and whether there is a box: of shapes (n_images,
        `max_objects`) and for the boxes one axis more. With `output_unfiltered_boxes`, all
        boxes and the scores of all classes.
    """
    import jax
    import jax.numpy as jnp

    decoded = [decode(y, head, size) for y, head in zip(outputs, heads, strict=True)]
    boxes, scores = (jnp.concatenate(parts, axis=1) for parts in zip(*decoded, strict=True))
    if settings.output_unfiltered_boxes:
        return boxes, scores
    best, labels = scores.max(axis=-1), scores.argmax(axis=-1)

    def choose(boxes: Any, best: Any) -> tuple[Any, Any]:
        most = settings.least_score, settings.most_overlap, settings.most_boxes
        return suppress(boxes, best, *most)

    chosen, is_box = jax.vmap(choose)(boxes, best)
    boxes = jnp.take_along_axis(boxes, chosen[..., None], axis=1)
    labels, best = (jnp.take_along_axis(one, chosen, axis=1) for one in (labels, best))
    return boxes, labels, best, is_box


def in_pixels(boxes: np.ndarray, sides: np.ndarray) -> np.ndarray:
    """Return boxes in pixels of the images.

    They lie in parts of the padded square, whose side is the image's longer one.
    """
    return boxes * sides.reshape(-1, *(1,) * (boxes.ndim - 1))


def as_dicts(
    found: tuple[np.ndarray, ...],
    sides: np.ndarray,
    classes: tuple[str, ...],
    settings: Settings,
) -> list[list[dict[str, Any]]]:
    """Return the boxes of each image, the best first, as BigML's library writes them."""
    boxes, labels, scores, is_box = found
    corners = np.rint(in_pixels(boxes, sides)).astype(int)
    nothing = {"box": [0, 0, 0, 0], "label": None, "score": 0.0}
    result = []
    for i in range(len(boxes)):
        kept = np.flatnonzero(is_box[i])
        dicts = [
            {
                "box": [int(side) for side in corners[i, k]],
                "label": classes[labels[i, k]],
                "score": float(scores[i, k]),
            }
            for k in kept
        ]
        if settings.pad_bounding_box_output:
            dicts += [dict(nothing) for _ in range(settings.most_boxes - len(dicts))]
        result.append(dicts)
    return result


def program_of(image: ImageNetwork, spec: DeepnetSpec, settings: Settings) -> Program:
    """Return what finds the boxes of a batch of images.

    Raises
    ------
    ValueError
        If the heads have no room for the classes.
    """
    model = image.model
    n_classes = len(spec.exposition.classes)
    for output, head in zip(model.outputs, image.heads, strict=True):
        if output.shape[-1] != len(head.anchors) * (5 + n_classes):
            raise spec.network.error(
                f"has {n_classes} classes, and a head of {output.shape[-1]} channels for "
                f"{len(head.anchors)} anchors; it needs {len(head.anchors) * (5 + n_classes)}."
            )
    return Program(
        model,
        lambda inputs: [image.normalised(inputs[0])],
        functools.partial(_detected, image=image, settings=settings),
        takes_images=True,
    )


def _detected(outputs: Any, image: ImageNetwork, settings: Settings) -> Any:
    outputs = list(outputs) if isinstance(outputs, list | tuple) else [outputs]
    return detect(outputs, image.heads, image.size, settings)


def joined(found: list[Any]) -> Any:
    """The boxes of all batches."""
    if found and isinstance(found[0], tuple):
        return tuple(np.concatenate(parts) for parts in zip(*found, strict=True))
    return [boxes for batch in found for boxes in batch]
