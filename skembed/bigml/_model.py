"""A deepnet that is called with rows, or with images."""

from __future__ import annotations

import functools
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np

from ..formats.bigml._image_network import ImageNetwork
from . import _detection, _network
from ._images import images_as_arrays, is_image
from ._preprocessors import vectors
from ._settings import Settings, settings_of
from ._spec import DeepnetSpec
from ._tables import FrameTable, Table, frame_of
from ._weights import StoredWeights


class Deepnet:
    """A trained deepnet of BigML; :func:`create_model` makes it.

    Parameters
    ----------
    spec : dict, str or path
        The document, or its JSON file.
    settings : Settings, dict or None, default=None
        How images come in, and what comes out.
    weights : StoredWeights or None, default=None
        Weights that take the place of the document's; :func:`create_model` reads them.

    Attributes
    ----------
    preprocessors : list of dict
        What each input becomes, as the document says it: its `type`, and the `index` of its
        column in a row.
    feature_names : tuple of str
        The columns' names, where the document tells them.
    classes : tuple of str
        In the order of the probabilities; none for a regression.
    settings : Settings
        As given.
    kind : {"numeric", "categorical", "bounding_box"}
        Regression, classification, or object detection.
    network : keras.Model
        From the features of a row, and prepared images, to the answer.

    Examples
    --------
    >>> from skembed import bigml
    >>> dense = {
    ...     "type": "dense",
    ...     "weights": [[2.0]],
    ...     "offset": [1.0],
    ...     "activation_function": "linear",
    ... }
    >>> deepnet = bigml.create_model(
    ...     {
    ...         "preprocess": [{"type": "numeric", "index": 0, "mean": 0.0, "stdev": 1.0}],
    ...         "layers": [dense],
    ...         "output_exposition": {"type": "numeric", "mean": 0.0, "stdev": 1.0},
    ...     }
    ... )
    >>> deepnet.kind, deepnet([[3.0], [4.0]]).ravel().tolist()
    ('numeric', [7.0, 9.0])
    """

    def __init__(
        self,
        spec: Any,
        settings: Settings | Mapping[str, Any] | None = None,
        weights: StoredWeights | None = None,
    ) -> None:
        self.settings = settings_of(settings)
        self._weights = weights
        self.spec = DeepnetSpec(spec, fetch=fetches(self.settings, weights))
        self.network = self._built()
        _check_filled(self.spec.image, self.settings, weights)
        if weights is not None:
            weights.fill(self.network, self.spec.orders)
        self._program = self._compiled()

    @property
    def preprocessors(self) -> list[dict[str, Any]]:
        """What each input becomes, in the order of the features."""
        return [dict(one) for one in self.spec.descriptions]

    @property
    def feature_names(self) -> tuple[str, ...]:
        """The names of the columns; none where the document does not tell them."""
        return self.spec.names

    @property
    def n_columns(self) -> int:
        """How many values a row has."""
        return self.spec.width

    @property
    def classes(self) -> tuple[str, ...]:
        """The classes, in the order of the probabilities."""
        return self.spec.exposition.classes

    @property
    def kind(self) -> str:
        """Regression, classification or detection."""
        return self.spec.exposition.kind

    @property
    def image(self) -> ImageNetwork | None:
        """What the document says of its images."""
        return self.spec.image

    def __repr__(self) -> str:
        what = {
            "numeric": "regression",
            "categorical": f"{len(self.classes)} classes",
            "bounding_box": f"detector of {len(self.classes)} classes",
        }[self.kind]
        return f"<Deepnet: {what}, {len(self.spec.preprocessors)} inputs>"

    def __call__(self, inputs: Any) -> Any:
        """Return the answers.

        Parameters
        ----------
        inputs : list, list of lists, array, data frame or image
            One row, or several. A row is a list with a value for each column, None where it is
            missing. Where all inputs are one image, it may be that image (a path, bytes, an array
            or a PIL image), a list of images, or an array of shape (n_images, height, width,
            channels).

        Returns
        -------
        array of shape (n_rows, n_classes) or (n_rows, 1), float32
            Probabilities, or numbers. A detector returns a list of dicts with `box` (left, top,
            right, bottom, in pixels), `label` and `score`, the best first; for several images,
            a list of such lists.

        Raises
        ------
        TypeError
            If it is none of these: a row is a list, and no tuple.
        ValueError
            If a row is too short, or a value is of the wrong kind.
        """
        if self.spec.takes_only_images and len(self.spec.preprocessors) == 1:
            column = self.spec.image_columns[0]
            items, is_one = _images_of(inputs, column, self.spec)
            found = self._answers(np.zeros((len(items), 0), np.float32), [items])
            return found[0] if is_one and isinstance(found, list) else found
        return self.answer(inputs, self.spec.names)

    def answer(self, inputs: Any, names: Sequence[str]) -> np.ndarray:
        """Return the answers for rows whose columns have names.

        Parameters
        ----------
        inputs : list, list of lists, array or data frame
            Rows, as for a call.
        names : sequence of str
            What the columns of a row are called, for data frames and messages; empty where they
            have no names, and are known by their positions.

        Returns
        -------
        array of shape (n_rows, n_classes) or (n_rows, 1), float32
            Probabilities, or numbers.
        """
        table = self._table(inputs, names)
        images = [list(table.column(index)) for index in self.spec.image_columns]
        return self._answers(vectors(self.spec.preprocessors, table), images)

    def with_settings(self, settings: Settings) -> Deepnet:
        """Return the same deepnet with other settings.

        Parameters
        ----------
        settings : Settings
            How images come in, and what comes out.

        Returns
        -------
        Deepnet
            A new one.
        """
        return Deepnet(self.spec.document, settings, self._weights)

    def _table(self, inputs: Any, names: Sequence[str]) -> Table | FrameTable:
        spec = self.spec
        frame = frame_of(inputs)
        if frame is not None:
            needed = {one.index for one in spec.preprocessors}
            return FrameTable(frame, spec.width, names, needed, spec.text_columns)
        return Table(_rows_of(inputs, spec), spec.width, names)

    def _built(self) -> Any:
        """The network of Keras."""
        if self.spec.is_detector:
            assert self.spec.image is not None  # noqa: S101 - the document was checked
            return self.spec.image.model
        return _network.build(self.spec, bool(self.settings.regression_normalize))

    def _compiled(self) -> _network.Program:
        spec, image, model = self.spec, self.spec.image, self.network
        if spec.is_detector:
            assert image is not None  # noqa: S101 - the document was checked
            return _detector(image, spec, self.settings)
        n_vectors = len(model.inputs) - len(spec.image_columns)

        def before(inputs: list[Any]) -> list[Any]:
            pixels = inputs[n_vectors:]
            return [*inputs[:n_vectors], *(image.normalised(one) for one in pixels)]  # type: ignore[union-attr]

        return _network.Program(model, before, takes_images=image is not None)

    def _answers(self, columns: np.ndarray, images: list[Any]) -> Any:
        """Run all rows, a batch at a time."""
        found = [
            self._finished(self._program(arrays), sides)
            for arrays, sides in self._batches(columns, images)
        ]
        if self.spec.is_detector:
            return _joined(found)
        if not found:
            n_outputs = len(self.classes) or 1
            return np.zeros((0, n_outputs), np.float32)
        return np.concatenate(found)

    def _finished(self, found: Any, sides: np.ndarray) -> Any:
        if not self.spec.is_detector:
            return found
        if self.settings.output_unfiltered_boxes:
            boxes, scores = found
            return _detection.in_pixels(boxes, sides), scores
        return _detection.as_dicts(found, sides, self.classes, self.settings)

    def _batches(
        self, columns: np.ndarray, images: list[Any]
    ) -> Iterator[tuple[list[np.ndarray], np.ndarray]]:
        image = self.spec.image
        step = self._program.most_rows
        for start in range(0, len(columns), step):
            rows = slice(start, start + step)
            arrays = [columns[rows]] if columns.shape[1] else []
            sides = np.zeros(0, np.float32)
            for column in images:
                assert image is not None  # noqa: S101 - there are images
                pixels, sides = images_as_arrays(column[rows], image, self.settings)
                arrays.append(pixels)
            yield arrays, sides


class FeatureExtractor:
    """The image part of a deepnet: from images to vectors.

    :func:`create_image_feature_extractor` makes it.

    Parameters
    ----------
    image : ImageNetwork
        The part.
    settings : Settings
        How images come in.
    weights : StoredWeights or None, default=None
        Weights that take the place of the document's.

    Attributes
    ----------
    n_features : int
        The length of the vectors.
    network : keras.Model
        From prepared images to their vectors.

    Examples
    --------
    >>> from skembed import bigml
    >>> spec = {
    ...     "preprocess": [{"type": "image", "index": 0}],
    ...     "image_network": {
    ...         "metadata": {"input_image_shape": [4, 4, 3], "loading_method": "normalizing"},
    ...         "layers": [{"type": "global_max_pool_2d"}],
    ...     },
    ...     "layers": [{"type": "dense", "weights": [[1.0]] * 3, "offset": None}],
    ...     "output_exposition": {"type": "numeric", "mean": 0.0, "stdev": 1.0},
    ... }
    >>> bigml.create_image_feature_extractor(spec).n_features
    3
    """

    def __init__(
        self, image: ImageNetwork, settings: Settings, weights: StoredWeights | None = None
    ) -> None:
        self.image, self.settings, self._weights = image, settings, weights
        model = image.extractor
        _check_filled(image, settings, weights)
        if weights is not None:
            weights.fill(model, image.orders, is_part=True)
        self.network = model
        self.n_features = model.output_shape[-1]
        self._program = _network.Program(
            model,
            lambda inputs: [image.normalised(inputs[0])],
            takes_images=True,
        )

    def with_settings(self, settings: Settings) -> FeatureExtractor:
        """Return the same extractor with other settings.

        Parameters
        ----------
        settings : Settings
            How images come in, and what comes out.

        Returns
        -------
        FeatureExtractor
            A new one.
        """
        return FeatureExtractor(self.image, settings, self._weights)

    def __repr__(self) -> str:
        return f"<FeatureExtractor: {self.image.name}, {self.n_features} features>"

    def __call__(self, images: Any) -> np.ndarray:
        """Return the vectors of images.

        Parameters
        ----------
        images : image, list of images, or array of shape (n_images, height, width, channels)
            An image is a path, bytes, an array or a PIL image.

        Returns
        -------
        array of shape (n_images, n_features), float32
        """
        items, _ = _images_of(images, 0, None)
        step = self._program.most_rows
        parts = [np.zeros((0, self.n_features), np.float32)]
        for start in range(0, len(items), step):
            pixels, _ = images_as_arrays(items[start : start + step], self.image, self.settings)
            parts.append(self._program([pixels]))
        return np.concatenate(parts)


def fetches(settings: Settings, weights: StoredWeights | None) -> bool:
    """Whether the weights of a pretrained network are fetched that a document only names."""
    return weights is None and settings.load_pretrained_weights is not False


def _check_filled(
    image: ImageNetwork | None, settings: Settings, weights: StoredWeights | None
) -> None:
    has_any = image is None or not image.needs_weights or weights is not None
    if image is not None and not has_any and not fetches(settings, weights):
        raise ValueError(
            f"The document only names the network {image.name!r}, and its weights are not to be "
            "fetched (load_pretrained_weights=False): give a file of weights."
        )


def _detector(image: ImageNetwork, spec: DeepnetSpec, settings: Settings) -> _network.Program:
    model = image.model
    n_classes = len(spec.exposition.classes)
    for output, head in zip(model.outputs, image.heads, strict=True):
        if output.shape[-1] != len(head.anchors) * (5 + n_classes):
            raise spec.network.error(
                f"has {n_classes} classes, and a head of {output.shape[-1]} channels for "
                f"{len(head.anchors)} anchors; it needs {len(head.anchors) * (5 + n_classes)}."
            )
    return _network.Program(
        model,
        lambda inputs: [image.normalised(inputs[0])],
        functools.partial(_detected, image=image, settings=settings),
        takes_images=True,
    )


def _detected(outputs: Any, image: ImageNetwork, settings: Settings) -> Any:
    outputs = list(outputs) if isinstance(outputs, list | tuple) else [outputs]
    return _detection.detect(outputs, image.heads, image.size, settings)


def _joined(found: list[Any]) -> Any:
    """The boxes of all batches."""
    if found and isinstance(found[0], tuple):
        return tuple(np.concatenate(parts) for parts in zip(*found, strict=True))
    return [boxes for batch in found for boxes in batch]


def _images_of(inputs: Any, column: int, spec: DeepnetSpec | None) -> tuple[list[Any], bool]:
    """One column of images, and whether it was a single image."""
    if inputs is None or is_image(inputs):
        return [inputs], True
    frame = frame_of(inputs)
    if frame is not None:
        names = () if spec is None else spec.names
        table = FrameTable(frame, column + 1, names, {column}, set())
        return list(table.column(column)), False
    if isinstance(inputs, np.ndarray) and (inputs.ndim == 4 or inputs.dtype == object):
        return list(inputs), False
    if not isinstance(inputs, list):
        raise TypeError(
            f"Got {type(inputs).__name__}: give an image (a path, bytes, an array), a list of "
            "them, or an array of shape (n_images, height, width, channels)."
        )
    if all(one is None or is_image(one) for one in inputs) and column == 0:
        return inputs, len(inputs) == 1
    return Table(_as_rows(inputs), column + 1).column(column), False


def _rows_of(inputs: Any, spec: DeepnetSpec) -> Any:
    """Rows as a list of lists, or a 2-d array."""
    if isinstance(inputs, np.ndarray):
        if spec.takes_only_images and inputs.ndim == 5:
            return [list(row) for row in inputs]
        if inputs.ndim == 1:
            return inputs[np.newaxis]
        if inputs.ndim == 2:
            return inputs
        raise ValueError(f"Got an array of shape {inputs.shape}; rows are (n_rows, n_columns).")
    if not isinstance(inputs, list):
        raise TypeError(
            f"Got {type(inputs).__name__}: a row is a list, several are a list of lists, an array "
            "or a data frame."
        )
    return _as_rows(inputs)


def _as_rows(inputs: list[Any]) -> list[Any]:
    """Several rows, of one or of several."""
    is_several = bool(inputs) and all(isinstance(one, list | np.ndarray) for one in inputs)
    if is_several and not any(is_image(one) for one in inputs):
        return inputs
    if not inputs:
        return []
    odd = next(
        (i for i, one in enumerate(inputs) if isinstance(one, list | tuple | dict)), None
    )
    if odd is not None:
        raise TypeError(
            f"Item {odd} of the list is a {type(inputs[odd]).__name__}; a row is a list of values."
        )
    return [inputs]
