"""What the Task Library's options and results are called; plain data."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np


class TaskError(ValueError, RuntimeError):
    """What the Task Library raises a RuntimeError for, and skembed a ValueError; it is both.

    Examples
    --------
    >>> from skembed import tflite
    >>> issubclass(tflite.TaskError, RuntimeError), issubclass(tflite.TaskError, ValueError)
    (True, True)
    """


@dataclass(kw_only=True)
class BaseOptions:
    """Which model, and how it is run.

    Parameters
    ----------
    file_name : str or path, optional
        The ``.tflite`` file.
    file_content : bytes, optional
        The file's bytes; they are taken where both are given.
    num_threads : int, default=-1
        That share an image; -1, 0 and None are one. The numbers are the same, whatever it is.
    use_coral : bool, default=False
        Refused: Edge TPUs are not supported.

    Examples
    --------
    >>> from skembed.tflite import core
    >>> core.BaseOptions(file_name="model.tflite", num_threads=2).num_threads
    2
    """

    file_name: Any = None
    file_content: bytes | None = None
    num_threads: int | None = -1
    use_coral: bool | None = None

    def __post_init__(self) -> None:
        if self.num_threads is not None and self.num_threads < -1:
            raise TaskError(f"num_threads is {self.num_threads}; allowed: -1 and more.")
        if self.use_coral:
            raise TaskError(
                "use_coral is True: Edge TPUs are not supported. Models for the CPU are."
            )


@dataclass(kw_only=True)
class EmbeddingOptions:
    """What becomes of the values.

    Parameters
    ----------
    l2_normalize : bool, default=False
        Whether each embedding is divided by its norm; one of zeros stays.
    quantize : bool, default=False
        Whether values become int8: ``round(128 v)``, halves away from zero, in [-128, 127].

    Examples
    --------
    >>> from skembed.tflite import processor
    >>> processor.EmbeddingOptions(l2_normalize=True, quantize=True).quantize
    True
    """

    l2_normalize: bool | None = None
    quantize: bool | None = None


@dataclass(kw_only=True)
class ImageEmbedderOptions:
    """Both together.

    Parameters
    ----------
    base_options : BaseOptions
        The model.
    embedding_options : EmbeddingOptions, optional
        What becomes of its values.

    Examples
    --------
    >>> from skembed.tflite import core, processor, vision
    >>> options = vision.ImageEmbedderOptions(
    ...     base_options=core.BaseOptions(file_name="model.tflite"),
    ...     embedding_options=processor.EmbeddingOptions(l2_normalize=True),
    ... )
    >>> options.embedding_options.l2_normalize
    True
    """

    base_options: BaseOptions
    embedding_options: EmbeddingOptions = field(default_factory=EmbeddingOptions)


@dataclass(frozen=True)
class BoundingBox:
    """A part of an image, in pixels.

    Parameters
    ----------
    origin_x, origin_y : int
        The upper left corner.
    width, height : int
        Its size.

    Examples
    --------
    >>> from skembed.tflite import processor
    >>> processor.BoundingBox(10, 20, 64, 48).width
    64
    """

    origin_x: int
    origin_y: int
    width: int
    height: int


@dataclass(frozen=True, eq=False)
class FeatureVector:
    """An embedding's values.

    Parameters
    ----------
    value : array-like of shape (n,)
        Floats, or int8 where they are quantised. uint8, as the Task Library shows these, is read
        as int8.

    Examples
    --------
    >>> import numpy as np
    >>> from skembed import tflite
    >>> tflite.FeatureVector(np.array([255, 1], np.uint8)).value.tolist()
    [-1, 1]
    """

    value: np.ndarray

    def __post_init__(self) -> None:
        value = np.asarray(self.value)
        object.__setattr__(
            self, "value", value.view(np.int8) if value.dtype == np.uint8 else value
        )


@dataclass(frozen=True, eq=False)
class Embedding:
    """What one output says of an image.

    Parameters
    ----------
    feature_vector : FeatureVector
        Its values.
    output_index : int
        Which output it is.
    head_name : str
        What the model calls it.

    Examples
    --------
    >>> from skembed import tflite
    >>> tflite.Embedding(tflite.FeatureVector([0.5, 1.0]), 0, "embedding").head_name
    'embedding'
    """

    feature_vector: FeatureVector
    output_index: int
    head_name: str = ""


@dataclass(frozen=True, eq=False)
class EmbeddingResult:
    """What all outputs say of an image.

    Parameters
    ----------
    embeddings : list of Embedding
        In the order of the outputs.

    Examples
    --------
    >>> from skembed import tflite
    >>> head = tflite.Embedding(tflite.FeatureVector([0.5, 1.0]), 0, "embedding")
    >>> tflite.EmbeddingResult([head]).embeddings[0].feature_vector.value.tolist()
    [0.5, 1.0]
    """

    embeddings: list[Embedding]

    def get_embedding_by_index(self, output_index: int) -> Embedding:
        """Return what one output says.

        Parameters
        ----------
        output_index : int
            Which.

        Returns
        -------
        Embedding
            Its.

        Raises
        ------
        ValueError
            If there is no such output.
        """
        for embedding in self.embeddings:
            if embedding.output_index == output_index:
                return embedding
        raise ValueError(
            f"output_index is {output_index}; there are {len(self.embeddings)} outputs."
        )
