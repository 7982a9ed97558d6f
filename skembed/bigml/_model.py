"""A deepnet that is called with rows, or with images."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np

from ..formats.bigml._image_network import ImageNetwork
from . import _detection, _network
from ._images import images_as_arrays
from ._inputs import image_column, images_of, rows_of
from ._preprocessors import vectors
from ._settings import Settings, settings_of
from ._spec import DeepnetSpec
from ._tables import FrameTable, Table, frame_of
from ._weights import StoredWeights, check_filled, fetches


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
        check_filled(self.spec.image, self.settings, weights)
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
            items, is_one = images_of(inputs, column, self.spec)
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
        images = [image_column(table, index) for index in self.spec.image_columns]
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
        return Table(rows_of(inputs, spec), spec.width, names)

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
            return _detection.program_of(image, spec, self.settings)
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
            return _detection.joined(found)
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
