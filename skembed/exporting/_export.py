"""``skembed.export``: an embedder, or a pipeline that begins with one, as a file."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

from sklearn.pipeline import Pipeline

from ..estimators._image_transformer import ImageTransformer
from ..estimators._layer_kernel_model import LayerKernelModel
from ._embedders import embedder_graph
from ._layer_kernels import pipeline_of
from ._pipelines import steps_behind, write_pipeline
from ._write import checked_target, write_compared


def export(estimator: Any, path: str | os.PathLike[str], *, overwrite: bool = False) -> None:
    """Write an embedder to a file that runs without skembed, or without Python.

    The file holds one graph: the normalisation of pixels, the network, its taps, their pooling,
    and what the embedder does with the rows (unit norm, int8, standardisation and ternary values).
    It begins at pixels of the network's own size: ``(n, height, width, 3)``, uint8, RGB, already
    resized by the convention that the file's metadata names. Resizing is not in it, because no
    runtime has Pillow's filters. What was written is run in its own runtime on a few photographs,
    and compared with `transform`, before the call returns; a file that differs by more than 1e-4
    of the largest value is removed.

    Parameters
    ----------
    estimator : PretrainedEmbedder, FullNetworkEmbedder or Pipeline
        An embedder; or a fitted pipeline, or a search over one, that begins with an embedder and
        ends with a classifier or regressor that skl2onnx knows (for ``.onnx`` only). Its file has
        the outputs ``label`` and ``probabilities`` (``scores`` without `predict_proba`). A
        LayerKernelClassifierCV or LayerKernelRegressorCV that has an embedder is such a pipeline.
    path : str or path
        Its suffix says the format: ``.onnx``, ``.xml`` (OpenVINO, with ``.bin`` beside it),
        ``.keras``, ``.tflite``, and the folders ``.savedmodel`` and ``.tfjs`` (TensorFlow.js). The
        last three need TensorFlow, and ``.tfjs`` TensorFlow.js in Node.js, which runs it.
    overwrite : bool, default=False
        Whether to replace what is there.

    Raises
    ------
    TypeError
        If the estimator is none of these.
    NotFittedError
        If it has to be fitted and is not.
    ExportError
        A ValueError: if the format cannot hold it, with the reason and a format that can; or if
        the file gave other numbers.
    MissingLibraryError
        An ImportError that names the extra, if a library is missing.
    FileExistsError, FileNotFoundError
        If the file is there already, or its folder is not.

    See Also
    --------
    save : Write a pipeline for skembed itself.

    Notes
    -----
    An exported graph computes in float32, whatever the embedder's `precision`.

    Examples
    --------
    >>> import tempfile
    >>> from pathlib import Path
    >>> import skembed
    >>> path = Path(tempfile.mkdtemp(), "embedder.keras")
    >>> embedder = skembed.PretrainedEmbedder(layers="stage1", image_size=32)
    >>> skembed.export(embedder, path)
    >>> skembed.PretrainedEmbedder(path).get_feature_names_out().shape
    (16,)
    """
    path = Path(path)
    estimator = getattr(estimator, "best_estimator_", estimator)
    if isinstance(estimator, LayerKernelModel) and estimator.embedder is not None:
        estimator = pipeline_of(estimator)
    if isinstance(estimator, ImageTransformer):
        kind = checked_target(path, overwrite=overwrite)
        write_compared(embedder_graph(estimator), path, kind)
        return
    if isinstance(estimator, Pipeline) and isinstance(estimator[0], ImageTransformer):
        if not steps_behind(estimator):
            raise TypeError("The Pipeline has nothing behind its embedder: export pipeline[0].")
        write_pipeline(estimator, path, checked_target(path, overwrite=overwrite))
        return
    name = type(estimator).__name__
    if isinstance(estimator, Pipeline):
        name = f"a Pipeline that begins with {type(estimator[0]).__name__}"
    raise TypeError(
        f"export takes a PretrainedEmbedder, a FullNetworkEmbedder or a Pipeline that begins with "
        f"one, got {name}."
    )
