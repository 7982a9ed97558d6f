"""A deepnet as one network, from raw columns and pixels to the answer, for the writers of files."""

from __future__ import annotations

import itertools
import json
from collections.abc import Sequence
from typing import Any

import numpy as np

from .._keras import fixed_settings, import_keras
from ..exporting._graph import ExportGraph
from . import _detection
from ._extractor import FeatureExtractor
from ._model import Deepnet
from ._preprocessors import Categorical, Image, Numeric, vectors
from ._settings import Settings
from ._spec import DeepnetSpec
from ._tables import Table

_ROWS = 3  # by which a file is compared
_OUTPUTS = {"numeric": ("number",), "categorical": ("probabilities",)}


def graph_of(model: Deepnet | FeatureExtractor) -> ExportGraph:
    """Return what is written of a deepnet.

    Its inputs are ``columns``, the numbers of a row in the order of `preprocessors`, where a
    category stands as its place among the values, -1 for none of them and NaN for a missing number;
    and the images, RGB from 0 to 255, of the network's size. With trees the first input is
    ``features``, what the preprocessors give: thresholds have to meet the same bits.

    Parameters
    ----------
    model : Deepnet or FeatureExtractor
        What is written.
    """
    with fixed_settings():
        if _is_of_images(model):
            return _graph_of_images(model)
        return _graph_of_rows(model)


def _is_of_images(model: Deepnet | FeatureExtractor) -> bool:
    return isinstance(model, FeatureExtractor) or model.spec.is_detector


# ---------------------------------------------------------------------------------------- of rows


def _graph_of_rows(model: Any) -> ExportGraph:
    keras, spec = import_keras(), model.spec
    others = [one for one in spec.preprocessors if not isinstance(one, Image)]
    inputs, given = [], []
    if others and spec.trees is None:
        inputs.append(keras.Input((len(others),), name="columns"))
        given.append(_prepared(others, inputs[0]))
    elif others:
        inputs.append(keras.Input((sum(one.width for one in others),), name="features"))
        given.append(inputs[0])
    for column in spec.image_columns:
        inputs.append(_image_input(spec.image, f"image_{column}"))
        given.append(spec.image.normalised(inputs[-1]))
    y = model.network(given if len(given) > 1 else given[0])
    rows = _example_rows(spec)
    return ExportGraph(
        keras.Model(inputs if len(inputs) > 1 else inputs[0], y, name="deepnet"),
        _OUTPUTS[spec.exposition.kind],
        _example_inputs(spec, others, rows),
        (model.answer(rows, spec.names),),
        _metadata(spec),
        custom_code=spec.trees is not None,
    )


def _prepared(others: Sequence[Numeric | Categorical], columns: Any) -> Any:
    """The features of raw columns, in float32."""
    ops, parts, at = import_keras().ops, [], 0
    for kind, run in itertools.groupby(others, type):
        block = list(run)
        x, at = columns[:, at : at + len(block)], at + len(block)
        if kind is Numeric:
            parts.append(_numbers(block, x))
            continue
        for i, one in enumerate(block):
            places = np.arange(one.width, dtype=np.float32)[np.newaxis]
            parts.append(ops.cast(ops.equal(x[:, i : i + 1], places), "float32"))
    return parts[0] if len(parts) == 1 else import_keras().layers.Concatenate()(parts)


def _numbers(block: list[Any], x: Any) -> Any:
    """Columns of numbers that lie side by side, each less its mean and divided by its scale."""
    ops = import_keras().ops
    mean, scale = (
        np.array([[getattr(one, name) for one in block]], np.float32)
        for name in ("mean", "scale")
    )
    filled = np.where([one.fills_missing for one in block], mean, np.float32(np.nan))
    return (ops.where(ops.isnan(x), filled, x) - mean) / scale


def _example_rows(spec: DeepnetSpec) -> list[list[Any]]:
    """Rows with values near the means, each category at times, and what is missing."""
    random = np.random.default_rng(0)
    rows: list[list[Any]] = [[None] * spec.width for _ in range(_ROWS)]
    for one in spec.preprocessors:
        for i, row in enumerate(rows):
            if isinstance(one, Image):
                assert spec.image is not None  # noqa: S101 - the document was checked
                row[one.index] = _pixels(random, spec.image)
            elif isinstance(one, Categorical):
                row[one.index] = [*one.values, None][random.integers(0, one.width + 1)]
            elif i or not one.fills_missing:
                value = one.mean + one.scale * random.normal()
                row[one.index] = float(np.float32(value))
    return rows


def _example_inputs(
    spec: DeepnetSpec, others: list[Any], rows: list[list[Any]]
) -> tuple[np.ndarray, ...]:
    found = []
    if spec.trees is not None and others:
        found.append(vectors(others, Table(rows, spec.width)))
    elif others:
        columns = [[_raw(one, row[one.index]) for one in others] for row in rows]
        found.append(np.array(columns, np.float32))
    images = [[row[column] for row in rows] for column in spec.image_columns]
    return (*found, *(np.stack(column).astype(np.float32) for column in images))


def _raw(one: Numeric | Categorical, value: Any) -> float:
    if isinstance(one, Categorical):
        return -1 if value is None else one.values.index(value)
    return np.nan if value is None else value


# --------------------------------------------------------------------------------------- of images


def _graph_of_images(model: Any) -> ExportGraph:
    keras, image = import_keras(), model.image
    x = _image_input(image, "image")
    y = model.network(image.normalised(x))
    random = np.random.default_rng(0)
    pixels = np.stack([_pixels(random, image) for _ in range(_ROWS)])
    examples, names, expected = (pixels.astype(np.float32),), ("vector",), ()
    if isinstance(model, FeatureExtractor):
        expected = (model(pixels),)
        metadata = {"task": "features"}
    else:
        names = ("boxes", "scores")
        heads = zip(y if isinstance(y, list) else [y], image.heads, strict=True)
        boxes, scores = zip(
            *(_detection.decode(one, head, image.size) for one, head in heads), strict=True
        )
        y = [keras.ops.concatenate(list(parts), axis=1) for parts in (boxes, scores)]
        found = model.with_settings(Settings(output_unfiltered_boxes=True))(pixels)
        expected = (found[0] / max(image.size), found[1])
        metadata = _metadata(model.spec)
    return ExportGraph(keras.Model(x, y, name="deepnet"), names, examples, expected, metadata)


def _image_input(image: Any, name: str) -> Any:
    return import_keras().Input((*image.size, 3), name=name)


def _pixels(random: np.random.Generator, image: Any) -> np.ndarray:
    return random.integers(0, 256, (*image.size, 3), np.uint8)


def _metadata(spec: DeepnetSpec) -> dict[str, str]:
    """What a reader of the file has to know, as JSON."""
    facts = {
        "task": spec.exposition.kind,
        "classes": list(spec.exposition.classes),
        "preprocessors": spec.descriptions,
        "names": list(spec.names),
    }
    return {
        name: one if isinstance(one, str) else json.dumps(one) for name, one in facts.items()
    }
