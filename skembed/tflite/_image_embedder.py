"""The Task Library's ImageEmbedder, over the engine that every estimator uses."""

from __future__ import annotations

import os
from collections import OrderedDict
from typing import Any

import numpy as np

from ..backbones._formats import format_of
from ..backbones._registry import from_model
from ..estimators._vectors import INT8, cosine_similarity, l2_normalize
from ..extraction._spec import ExtractionSpec, make_spec
from ..formats._pixels import pixels_for
from ..images import Limits, Raw, Region, read
from ._options import (
    BaseOptions,
    BoundingBox,
    Embedding,
    EmbeddingOptions,
    EmbeddingResult,
    FeatureVector,
    ImageEmbedderOptions,
)
from ._tensor_image import TensorImage

_KEPT_SIZES = 4  # of programs, for a model that takes images of any size


class ImageEmbedder:
    """Embed one image at a time with a TensorFlow Lite model, as the Task Library does.

    For many images take :class:`skembed.PretrainedEmbedder`, which gives the same numbers and uses
    all cores, keeps rows and stands in pipelines.

    Parameters
    ----------
    options : ImageEmbedderOptions
        See :meth:`create_from_options`.

    See Also
    --------
    skembed.PretrainedEmbedder : Takes the same model as a backbone.

    Notes
    -----
    Pixels are those of the Task Library: the box is cut out, resized with ``libyuv-bilinear``
    without keeping its aspect, and normalised as the metadata say; uint8 models get them raw, and
    quantised outputs are dequantised. Each output must be a vector, (1, n) or (1, 1, 1, n).

    Examples
    --------
    >>> from skembed.tflite import ImageEmbedder
    >>> ImageEmbedder.cosine_similarity([1.0, 0.0], [-2.0, 0.0])
    -1.0
    """

    def __init__(self, options: ImageEmbedderOptions):
        base = options.base_options
        source = base.file_content if base.file_content else base.file_name
        if not source:
            raise ValueError("No model: give file_name, or file_content, in the base options.")
        self._options = options
        self._backbone: Any = from_model(source)
        format_: Any = format_of(self._backbone)
        if not hasattr(format_, "model"):
            raise ValueError(f"{source!r} is no TensorFlow Lite model.")
        self._heads = format_.model(self._backbone).heads
        for head in self._heads:
            if not head.is_vector:
                raise ValueError(
                    f"The output {head.tensor!r} of {self._backbone.name!r} is a feature map, "
                    f"{head.shape}, and no vector. skembed.PretrainedEmbedder pools it."
                )
        self._programs: OrderedDict[tuple[int, int], tuple[ExtractionSpec, Any]] = OrderedDict()
        if 0 not in self._backbone.input_size:  # what cannot be run is told now
            self._program(self._backbone.input_size)

    @classmethod
    def create_from_file(cls, file_path: str | os.PathLike[str]) -> ImageEmbedder:
        """Make one from a model file.

        Parameters
        ----------
        file_path : str or path
            A ``.tflite`` file.

        Returns
        -------
        ImageEmbedder
            It is ready.

        Raises
        ------
        WeightsError
            If the file is missing, a RuntimeError; or no model, a ValueError as well.
        ValueError
            If the model takes or gives something else than an image and vectors.
        """
        return cls(ImageEmbedderOptions(base_options=BaseOptions(file_name=file_path)))

    @classmethod
    def create_from_options(cls, options: ImageEmbedderOptions) -> ImageEmbedder:
        """Make one from options.

        Parameters
        ----------
        options : ImageEmbedderOptions
            The model, and what becomes of its values.

        Returns
        -------
        ImageEmbedder
            It is ready.

        Raises
        ------
        WeightsError, ValueError
            As :meth:`create_from_file`.
        """
        return cls(options)

    @property
    def options(self) -> ImageEmbedderOptions:
        """What it was made from."""
        return self._options

    @property
    def number_of_output_layers(self) -> int:
        """How many outputs the model has."""
        return len(self._heads)

    def get_embedding_dimension(self, output_index: int) -> int:
        """Return the width of an output.

        Parameters
        ----------
        output_index : int
            Which.

        Returns
        -------
        int
            -1 where there is no such output.
        """
        known = 0 <= output_index < len(self._heads)
        return self._heads[output_index].n_channels if known else -1

    def embed(
        self,
        image: Any,
        bounding_box: BoundingBox | tuple[int, int, int, int] | None = None,
        rotation: int = 0,
    ) -> EmbeddingResult:
        """Embed an image, or a part of it.

        Parameters
        ----------
        image : TensorImage, path, bytes, PIL image or array
            A file is turned as its EXIF orientation says.
        bounding_box : BoundingBox or (x, y, width, height), optional
            In pixels of the upright image.
        rotation : {0, 90, 180, 270}, default=0
            Degrees by which the part is turned clockwise.

        Returns
        -------
        EmbeddingResult
            An embedding for each output.

        Raises
        ------
        ImageError
            If it cannot be read, or the box does not lie inside it; a ValueError.
        """
        limits = Limits.from_config()
        source = image.buffer if isinstance(image, TensorImage) else image
        if isinstance(bounding_box, BoundingBox):
            box = bounding_box
            bounding_box = box.origin_x, box.origin_y, box.width, box.height
        if bounding_box is not None or rotation:
            source = Region(source, bounding_box, rotation)
        return self._embedded(read(source, limits=limits), limits)

    def _embedded(self, raw: Raw, limits: Limits) -> EmbeddingResult:
        size = self._backbone.input_size
        if 0 in size:  # the image's own, which is not resized
            from ..images import decode

            pixels = np.asarray(decode(raw, limits=limits))
            raw = Raw(pixels, raw.name)
            size = tuple(built or own for built, own in zip(size, pixels.shape, strict=False))
        spec, program = self._program(size)
        pixels = pixels_for(spec.backbone, spec.resize, spec.decoding, raw, limits)
        row = program.row(pixels)
        slices = spec.network.layer_slices
        return EmbeddingResult(
            [
                Embedding(FeatureVector(self._finished(row[slices[head.name]])), i, head.name)
                for i, head in enumerate(self._heads)
            ]
        )

    def _program(self, size: Any) -> tuple[ExtractionSpec, Any]:
        if size not in self._programs:
            spec = make_spec(self._backbone, layers="all", image_size=size)
            engine: Any = spec.engine
            n_threads = max(1, self._options.base_options.num_threads or 1)
            self._programs[size] = spec, engine.build(spec.network, n_threads)
            while len(self._programs) > _KEPT_SIZES:
                self._programs.popitem(last=False)
        return self._programs[size]

    def _finished(self, values: np.ndarray) -> np.ndarray:
        options = self._options.embedding_options or EmbeddingOptions()
        rows = values[np.newaxis]
        if options.l2_normalize:
            rows = l2_normalize(rows)
        return (INT8.of(rows) if options.quantize else rows)[0]

    @staticmethod
    def cosine_similarity(u: Any, v: Any) -> float:
        """Return the cosine of the angle between two embeddings.

        Parameters
        ----------
        u, v : FeatureVector, or array-like of shape (n,)
            Both floats, or both quantised.

        Returns
        -------
        float
            In [-1, 1].

        Raises
        ------
        ValueError
            If one is quantised and the other is not, they have different widths, or one is empty
            or of norm zero.
        """
        vectors = (v_ if isinstance(v_, FeatureVector) else FeatureVector(v_) for v_ in (u, v))
        return float(cosine_similarity(*(vector.value for vector in vectors)))
