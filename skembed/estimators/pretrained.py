"""PretrainedEmbedder: images in, the features of a pretrained network out."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from .._choices import NORMS
from .._dask import is_dask
from .._sklearn_compat import StrOptions, fit_context
from ..distributed._collections import as_blocks
from ..images._items import items_or_stream
from ._layer_embedder import LayerEmbedder
from ._moments import Moments, moments
from ._vectors import INT8, Quantization, l2_normalize


class PretrainedEmbedder(LayerEmbedder):
    """Embed images with a pretrained convolutional network.

    The transformer is stateless, unless ``on_error="mean"``: `fit` checks the parameters and
    learns nothing, so it may stand in a pipeline that is not fitted. Each image goes through the
    network once, whatever the folds, candidates, processes and sessions: rows are kept in a store
    on disk.

    Parameters
    ----------
    backbone : str, path, keras.Model or Backbone, default="efficientnet_lite0"
        A name from :func:`skembed.backbones.table`, the path of a ``.keras``, ``.h5`` or
        ``.tflite`` file, a model, or a :class:`skembed.backbones.Backbone`.
    layers : str, int or list of these, default="embedding"
        Which layers fill the columns, in the order given; several cost one pass.

        - ``"embedding"``: the pooled output of the convolutional part;
        - ``"predictions"``: the class probabilities, in the weights' order, where the weights
          have a classifier;
        - ``"all"``: every convolutional (plain, depthwise, separable) and dense layer but the
          classifier;
        - ``"stage1"`` to ``"stage5"``: the last layer before each halving of the resolution,
          which means the same in every backbone;
        - a layer's name (:func:`skembed.layers.table`);
        - a glob over the layers of ``"all"`` or, where none of these matches, over all layers;
          they come in the network's order;
        - an index into ``"all"``, negative from the end, or ``"last n"``.
    pooling : {"auto", "avg", "max", "both"}, default="auto"
        How a feature map of shape (height, width, channels) becomes one value a channel, or
        two: averages, then maxima. ``"auto"`` is the backbone's own.
    activation : {"pre", "post"}, default="post"
        ``"post"`` taps a layer after the batch normalisation and the activation that alone
        follow it; ``"pre"`` taps the convolution, or product, plus bias, before either.
        ``"embedding"`` and ``"predictions"`` are not concerned.
    weights : "imagenet", path or None, default="imagenet"
        The backbone's pretrained weights, a weights file (``.weights.h5`` or ``.h5``), or None
        for random ones, which a warning tells.
    image_size : int, (height, width) or None, default=None
        Size in pixels that images are brought to, at most 4,096 a side; None is the backbone's
        own.
    resize : str or None, default=None
        ``"warp"`` (aspect not kept), ``"pad"`` or ``"crop"`` with the backbone's own filter, or
        the full name of a convention (:func:`skembed.images.resize`); None is the backbone's
        own convention.
    decoding : {"exact", "scaled"}, default="exact"
        ``"scaled"`` decodes JPEG files that are much larger than the network's input at 1/2,
        1/4 or 1/8 of their size: faster, and embeddings move a little
        (:func:`skembed.images.prepare`). Rows of the two are kept apart.
    color_space : {"rgb", "rgba", "bgr", "bgra"}, default="rgb"
        The channels of images given as arrays. Files and PIL images know their own.
    root : path or None, default=None
        The folder that relative paths in X start from; None is the working directory.
    normalize : {"l2"} or None, default=None
        ``"l2"`` divides each row by its Euclidean norm; a row of zeros stays.
    quantize : bool, default=False
        Return int8: ``round(128 v)``, halves away from zero, clipped to [-128, 127]. For values
        in [-1, 1], so usually with ``normalize="l2"``.
    precision : {"float32", "bfloat16"}, default="float32"
        Of the network's arithmetic. The result is float32 either way.
    engine : str, default="auto"
        Who runs the network (:func:`skembed.engines.names`). ``"auto"`` is LiteRT for TensorFlow
        Lite models, which needs the extra ``tflite``; else JAX where there is an accelerator, else
        OpenVINO where it is installed (extra ``fast``) and the CPU has the precision, else JAX.
        `engine_` tells what it became.
    batch_size : int or "auto", default="auto"
        On an accelerator, images that go through the network at once: ``"auto"``, 128 for each
        device, is halved when memory runs out, and a number is an order. Four such batches are
        decoded and kept together. On a CPU, images that are decoded and kept together: JAX always
        takes batches of 8 and OpenVINO single images, so that the bits do not depend on it; with
        less than ``"auto"`` (at least 32) some cores may have nothing to do.
    n_jobs : int or None, default=None
        Threads that read and decode. None is one for each core, up to 16; -1 is one for each
        core.
    cache : bool or path, default=True
        Whether rows are kept on disk, and where; True is the user's cache directory
        (:func:`skembed.set_config`).
    on_error : {"raise", "nan", "mean"}, default="raise"
        What happens to an image that cannot be read.

        - ``"raise"``: an error names its row and file;
        - ``"nan"``: its row is NaN;
        - ``"mean"``: its row is `mean_`, the mean of the readable images that `fit` saw, so that
          a classifier goes on. Only then does `fit` learn, and is needed.

        The last two give one warning, which names the files. Where not a single image of X could
        be read, it is an error in any case.
    progress : {"auto", True, False} or callable, default="auto"
        ``"auto"`` shows a bar in terminals and notebooks for work of more than a second; a
        callable is called with ``(done, total)``.

    Attributes
    ----------
    mean_ : float64 array of shape (n_features,)
        Only with ``on_error="mean"``: the mean of the training images' rows, unreadable images
        left out; after `normalize`, before `quantize`.
    layer_slices_ : dict of str to slice
        The columns of each layer.
    engine_ : str
        The engine in use.

    See Also
    --------
    skembed.backbones.table : The networks there are.
    skembed.cosine_similarity : How alike two embeddings are.

    Notes
    -----
    On a CPU, two runs give the same bits, whatever the other images in the batch, the batch
    size, the number of threads and the order. CPUs of different makes, and GPUs, may differ in
    the last bits.

    With ``on_error="mean"`` rows are those of ``make_pipeline(PretrainedEmbedder(on_error="nan"),
    SimpleImputer())``, computed once. The mean of rows of norm 1 has a smaller norm itself.

    Examples
    --------
    >>> from skimage import data
    >>> from skembed import PretrainedEmbedder
    >>> embedder = PretrainedEmbedder()
    >>> X = embedder.transform([data.astronaut(), data.coffee(), data.chelsea()])
    >>> X.shape, X.dtype
    ((3, 1280), dtype('float32'))
    >>> classes = PretrainedEmbedder(layers="predictions")
    >>> probabilities = classes.transform([data.coffee()])
    >>> classes.get_feature_names_out()[probabilities.argmax()]
    'espresso'
    """

    _parameter_constraints = {  # noqa: RUF012
        **LayerEmbedder._parameter_constraints,
        "normalize": [StrOptions(set(NORMS)), None],
        "quantize": ["boolean"],
    }

    def __init__(
        self,
        backbone: Any = "efficientnet_lite0",
        *,
        layers: str | int | Sequence[str | int] = "embedding",
        pooling: str = "auto",
        activation: str = "post",
        weights: str | os.PathLike[str] | None = "imagenet",
        image_size: int | tuple[int, int] | None = None,
        resize: str | None = None,
        decoding: str = "exact",
        color_space: str = "rgb",
        root: str | os.PathLike[str] | None = None,
        normalize: str | None = None,
        quantize: bool = False,
        precision: str = "float32",
        engine: str = "auto",
        batch_size: int | str = "auto",
        n_jobs: int | None = None,
        cache: bool | str | os.PathLike[str] = True,
        on_error: str = "raise",
        progress: bool | str | Callable[[int, int], Any] = "auto",
    ) -> None:
        self.backbone = backbone
        self.layers = layers
        self.pooling = pooling
        self.activation = activation
        self.weights = weights
        self.image_size = image_size
        self.resize = resize
        self.decoding = decoding
        self.color_space = color_space
        self.root = root
        self.normalize = normalize
        self.quantize = quantize
        self.precision = precision
        self.engine = engine
        self.batch_size = batch_size
        self.n_jobs = n_jobs
        self.cache = cache
        self.on_error = on_error
        self.progress = progress

    @classmethod
    def from_statistics(cls, mean: Any, **parameters: Any) -> PretrainedEmbedder:
        """Return an embedder with ``on_error="mean"`` that is fitted to a mean from elsewhere.

        Parameters
        ----------
        mean : array-like of shape (n_features,)
            The row that stands for an image that cannot be read: after `normalize`, before
            `quantize`.
        **parameters
            Of the embedder, `on_error` left out.

        Returns
        -------
        PretrainedEmbedder
            A new one; no network is run.

        Raises
        ------
        ValueError
            If the layers do not have as many features, or a value is not finite.

        Examples
        --------
        >>> from skembed import PretrainedEmbedder
        >>> embedder = PretrainedEmbedder.from_statistics([0.5] * 1280, image_size=64)
        >>> embedder
        PretrainedEmbedder(image_size=64, on_error='mean')...
        """
        embedder = cls(**{**parameters, "on_error": "mean"})
        width, mean = embedder._checked_spec().network.width, np.array(mean, np.float64)
        if mean.shape != (width,):
            raise ValueError(
                f"mean has shape {mean.shape}; these layers have {width} features: ({width},)."
            )
        if not np.isfinite(mean).all():
            raise ValueError("mean must be finite.")
        embedder._keep(mean)
        return embedder

    @fit_context(prefer_skip_nested_validation=True)
    def fit(self, X: Any, y: Any = None) -> PretrainedEmbedder:
        """Check the parameters and that X holds images; learn with ``on_error="mean"`` only.

        Parameters
        ----------
        X : sequence of images, of length n_samples
            As for :meth:`transform`.
        y : ignored
            Present for the pipeline's sake.

        Returns
        -------
        PretrainedEmbedder
            Itself.

        Raises
        ------
        ImageError
            With ``on_error="mean"``, if none of the images can be read.
        """
        self._check()
        self._spec()  # an unknown name is told here, and not only by the first transform
        if self._failure_policy.is_learned:
            if is_dask(X):
                self._keep(self._learn_from_parts(X).mean)
            else:
                self._learn(*self._rows(X))
        else:
            as_blocks(X) if is_dask(X) else items_or_stream(X, self.root)
            self._forget()
        return self

    def fit_transform(self, X: Any, y: Any = None) -> np.ndarray:
        """Fit, and return the features of each image; each is looked at once.

        Parameters
        ----------
        X : sequence of images, of length n_samples
            As for :meth:`transform`.
        y : ignored
            Present for the pipeline's sake.

        Returns
        -------
        array of shape (n_samples, n_features)
            As :meth:`transform` gives.
        """
        if is_dask(X):
            return self.fit(X).transform(X)
        self._validate_params()
        self._check()
        rows, readable = self._rows(X)
        if self._failure_policy.is_learned:
            self._learn(rows, readable)
        else:
            self._forget()
        return self._filled(rows, readable)

    def transform(self, X: Any) -> np.ndarray:
        """Return the features of each image.

        Parameters
        ----------
        X : sequence of images, of length n_samples
            A list, a 1-d array, a column or a one-column frame of pandas, polars or pyarrow, of
            paths, URLs, encoded bytes, open files, PIL images or arrays (uint8, or float in
            [0, 1]; height x width, or height x width x 1, 3 or 4 channels); or one 4-d array; or
            what :func:`skembed.images.scan` returns; or a Series, one-column DataFrame or Array of
            Dask's. A model without a preparation takes floats as they are.

        Returns
        -------
        array of shape (n_samples, n_features)
            float32, or int8 with ``quantize=True``; a data frame after
            ``set_output(transform="pandas")`` or ``"polars"``. Of a dask collection, a lazy dask
            array in its chunks: its workers embed the images when it is computed.

        Raises
        ------
        ImageError
            If an image cannot be read and ``on_error="raise"``, or none can.
        NotFittedError
            Before `fit`, with ``on_error="mean"``.
        WeightsError
            If the weights cannot be had.
        """
        self._make_ready()
        return self._lazy(X) if is_dask(X) else self._output(*self._extract(X))

    def _rows(self, X: Any) -> tuple[np.ndarray, np.ndarray]:
        """A row for each image, NaN where it cannot be read, and which can; not yet int8."""
        rows, readable = self._extract(X)
        return self._normalized(rows), readable

    def _normalized(self, rows: np.ndarray) -> np.ndarray:
        return l2_normalize(rows) if self.normalize == "l2" else rows

    def _learn(self, rows: np.ndarray, readable: np.ndarray) -> None:
        known = rows if readable.all() else rows[readable]
        self._keep(known.mean(axis=0, dtype=np.float64))

    def _keep(self, mean: np.ndarray) -> None:
        self.mean_, self._mean_of = mean, self._meaning()

    def _learnt(self, rows: np.ndarray) -> Moments:
        return moments(self._normalized(rows))

    def _request(self) -> dict[str, Any]:
        mean = self.mean_.tobytes() if self._failure_policy.is_learned else b""
        learnt = hashlib.sha256(mean).hexdigest() if mean else ""
        return {**super()._request(), "normalize": self.normalize, "learnt": learnt}

    def _meaning(self) -> str:
        """What the columns are, before `quantize`."""
        return f"{self._spec().meaning()} {self.normalize}"

    def _forget(self) -> None:
        """Leave no mean of another fit, which a later ``on_error="mean"`` would take."""
        for name in ("mean_", "_mean_of"):
            vars(self).pop(name, None)

    def _output(self, rows: np.ndarray, readable: np.ndarray) -> np.ndarray:
        return self._filled(self._normalized(rows), readable)

    def _filled(self, rows: np.ndarray, readable: np.ndarray) -> np.ndarray:
        """The rows as they are returned."""
        if self._failure_policy.is_learned and not readable.all():
            if self._mean_of != self._meaning():
                raise ValueError(
                    "mean_ was learnt with other parameters (backbone, weights, layers, pooling "
                    "or preparation of images) than are set now: fit again."
                )
            rows[~readable] = self.mean_
        return rows if self._quantization is None else self._quantization.of(rows)

    @property
    def _quantization(self) -> Quantization | None:
        """How values become integers; None where they stay floats."""
        return INT8 if self.quantize else None

    @property
    def _output_dtype(self) -> np.dtype:
        """Of what `transform` returns."""
        quantization = self._quantization
        return np.dtype(np.float32) if quantization is None else quantization.dtype

    def _check(self) -> None:
        """Refuse combinations of parameters that are not allowed."""
        if self.quantize:
            self._failure_policy.check_int8("quantize")
