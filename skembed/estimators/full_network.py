"""FullNetworkEmbedder: every layer of a network, standardised and in three values."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable, Sequence
from copy import copy
from typing import Any, cast

import numpy as np
from sklearn.base import clone
from sklearn.utils.validation import check_is_fitted

from .._dask import is_dask
from .._sklearn_compat import fit_context
from ._layer_embedder import LayerEmbedder
from .discretizer import check_thresholds
from .ternary_scaler import TernaryScaler


class FullNetworkEmbedder(LayerEmbedder):
    """Embed images by all layers of a pretrained network, in context.

    The full-network embedding [1]_: the activations of every convolutional and dense layer are
    averaged over space and concatenated, each feature is standardised with the training set's
    mean and deviation, and becomes -1 below `lower`, 1 above `upper`, and 0 between (both
    thresholds included). So a feature says whether it is unusually absent or present for these
    data. A linear SVM is the classifier it was made for.

    Parameters
    ----------
    backbone : str, path, keras.Model or Backbone, default="efficientnet_lite0"
        As for :class:`PretrainedEmbedder`.
    layers : str, int or list of these, default="all"
        As for :class:`PretrainedEmbedder`: ``"all"`` is every convolutional and dense layer but
        the classifier.
    activation : {"pre", "post"}, default="post"
        Before or after a layer's batch normalisation and activation.
    lower : float, default=-0.25
        Standardised values below become -1.
    upper : float, default=0.15
        Standardised values above become 1.
    discretize : bool, default=True
        Whether to discretise to int8; otherwise the standardised float32 values are returned.
    ddof : {0, 1}, default=0
        The variance is divided by ``n_samples - ddof``.
    pooling : {"auto", "avg", "max", "both"}, default="auto"
        How a feature map becomes one value a channel, or two.
    weights : "imagenet", path or None, default="imagenet"
        As for :class:`PretrainedEmbedder`.
    image_size : int, (height, width) or None, default=None
        As for :class:`PretrainedEmbedder`.
    resize : str or None, default=None
        As for :class:`PretrainedEmbedder`.
    decoding : {"exact", "scaled"}, default="exact"
        As for :class:`PretrainedEmbedder`.
    color_space : {"rgb", "rgba", "bgr", "bgra"}, default="rgb"
        The channels of images given as arrays.
    root : path or None, default=None
        As for :class:`PretrainedEmbedder`.
    precision : {"float32", "bfloat16"}, default="float32"
        Of the network's arithmetic.
    engine : str, default="auto"
        Who runs the network: one of :func:`skembed.engines.names`, or ``"auto"``.
    batch_size : int or "auto", default="auto"
        As for :class:`PretrainedEmbedder`.
    n_jobs : int or None, default=None
        Threads that read and decode.
    cache : bool or path, default=True
        Whether rows are kept on disk, before they are standardised, and where: candidates that
        differ in thresholds, or in which of the layers they take, share one extraction.
    on_error : {"raise", "nan", "mean"}, default="raise"
        As for :class:`PretrainedEmbedder`: an image that cannot be read raises an error, gives a
        row of NaN (with ``discretize=False`` only), or a row of zeros, for zero is the mean of
        the standardised training images. It never enters the statistics.
    progress : {"auto", True, False} or callable, default="auto"
        As for :class:`PretrainedEmbedder`.

    Attributes
    ----------
    scaler_ : TernaryScaler
        The fitted array half.
    mean_, var_, scale_ : float64 array of shape (n_features,)
        Statistics of the training set, as :class:`TernaryScaler` has them.
    n_samples_seen_ : int or None
        Images that the statistics come from; None where `from_statistics` was not told.
    layer_slices_ : dict of str to slice
        The columns of each layer.
    engine_ : str
        The engine in use.

    See Also
    --------
    PretrainedEmbedder : The activations themselves.
    TernaryScaler : What happens to them.
    RowSpaceProjector : Makes a linear classifier on so many features fast.

    Notes
    -----
    Statistics come from `fit` and `partial_fit`, or are given to `from_statistics`. The result
    equals that of ``make_pipeline(PretrainedEmbedder(layers="all"), StandardScaler(),
    Discretizer())``, bit by bit.

    References
    ----------
    .. [1] D. Garcia-Gasulla, A. Vilalta, F. Parés, E. Ayguadé, J. Labarta, U. Cortés,
       T. Suzumura, "An out-of-the-box full-network embedding for convolutional neural
       networks", IEEE International Conference on Big Knowledge (ICBK), 2018.

    Examples
    --------
    >>> from skimage import data
    >>> from skembed import FullNetworkEmbedder
    >>> embedder = FullNetworkEmbedder(image_size=64)
    >>> X = embedder.fit_transform([data.astronaut(), data.coffee(), data.chelsea()])
    >>> X.shape, X.dtype
    ((3, 21008), dtype('int8'))
    """

    _parameter_constraints = {  # noqa: RUF012
        **LayerEmbedder._parameter_constraints,
        **TernaryScaler._parameter_constraints,
    }

    def __init__(
        self,
        backbone: Any = "efficientnet_lite0",
        *,
        layers: str | int | Sequence[str | int] = "all",
        activation: str = "post",
        lower: float = -0.25,
        upper: float = 0.15,
        discretize: bool = True,
        ddof: int = 0,
        pooling: str = "auto",
        weights: str | os.PathLike[str] | None = "imagenet",
        image_size: int | tuple[int, int] | None = None,
        resize: str | None = None,
        decoding: str = "exact",
        color_space: str = "rgb",
        root: str | os.PathLike[str] | None = None,
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
        self.activation = activation
        self.lower = lower
        self.upper = upper
        self.discretize = discretize
        self.ddof = ddof
        self.pooling = pooling
        self.weights = weights
        self.image_size = image_size
        self.resize = resize
        self.decoding = decoding
        self.color_space = color_space
        self.root = root
        self.precision = precision
        self.engine = engine
        self.batch_size = batch_size
        self.n_jobs = n_jobs
        self.cache = cache
        self.on_error = on_error
        self.progress = progress

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.requires_fit = True
        return tags

    def __sklearn_is_fitted__(self) -> bool:
        return hasattr(self, "scaler_")

    @classmethod
    def from_statistics(
        cls, mean: Any, var: Any, n_samples: int | None = None, **parameters: Any
    ) -> FullNetworkEmbedder:
        """Return an embedder that is fitted to statistics which were computed elsewhere.

        Parameters
        ----------
        mean : array-like of shape (n_features,)
            Mean of each feature over the training images.
        var : array-like of shape (n_features,)
            The population's variance of each feature.
        n_samples : int or None, default=None
            Images that they come from, as for :meth:`TernaryScaler.from_statistics`.
        **parameters
            Of the embedder.

        Returns
        -------
        FullNetworkEmbedder
            A new one; no network is run.

        Raises
        ------
        ValueError
            If the layers do not have as many features, or the statistics are refused by
            :meth:`TernaryScaler.from_statistics`.

        Examples
        --------
        >>> from skembed import FullNetworkEmbedder
        >>> embedder = FullNetworkEmbedder.from_statistics(
        ...     [0.5] * 16, [0.01] * 16, layers="stage1", image_size=64
        ... )
        >>> embedder.get_feature_names_out()[:2].tolist()
        ['stage1__000', 'stage1__001']
        """
        embedder = cls(**parameters)
        width = embedder._checked_spec().network.width
        if np.shape(mean) != (width,):
            raise ValueError(
                f"mean has shape {np.shape(mean)}; these layers have {width} features: ({width},)."
            )
        settings = embedder._new_scaler().get_params()
        embedder.scaler_ = TernaryScaler.from_statistics(mean, var, n_samples, **settings)
        return embedder

    @fit_context(prefer_skip_nested_validation=True)
    def fit(self, X: Any, y: Any = None) -> FullNetworkEmbedder:
        """Learn the mean and the deviation of each feature.

        Parameters
        ----------
        X : sequence of images, of length n_samples
            As for :meth:`PretrainedEmbedder.transform`.
        y : ignored
            Present for the pipeline's sake.

        Returns
        -------
        FullNetworkEmbedder
            Itself.
        """
        if is_dask(X):
            self.scaler_ = self._scaler_of_parts(X)
        else:
            self._learn(X, self._new_scaler().fit)
        return self

    def fit_transform(self, X: Any, y: Any = None, **fit_params: Any) -> Any:
        """Learn from the images and return them embedded; they are looked up once.

        Parameters
        ----------
        X : sequence of images, of length n_samples
            As for :meth:`fit`.
        y : ignored
            Present for the pipeline's sake.
        **fit_params
            None are taken.

        Returns
        -------
        array of shape (n_samples, n_features)
            As :meth:`transform` gives.
        """
        if fit_params:
            raise TypeError(f"fit_transform takes no {', '.join(sorted(fit_params))}.")
        if is_dask(X):
            return self.fit(X).transform(X)
        self._validate_params()
        return self._output(*self._learn(X, self._new_scaler().fit))

    @fit_context(prefer_skip_nested_validation=True)
    def partial_fit(self, X: Any, y: Any = None) -> FullNetworkEmbedder:
        """Add images to those that the statistics come from.

        Parameters
        ----------
        X : sequence of images, of length n_samples
            As for :meth:`fit`.
        y : ignored
            Present for the pipeline's sake.

        Returns
        -------
        FullNetworkEmbedder
            Itself.
        """
        known = self._scaler_as_set() if hasattr(self, "scaler_") else None
        if is_dask(X):
            new = self._scaler_of_parts(X)
            self.scaler_ = new if known is None else known.merge(new)
        else:
            self._learn(X, (known or self._new_scaler()).partial_fit)
        return self

    def merge(self, other: FullNetworkEmbedder) -> FullNetworkEmbedder:
        """Return an embedder that knows the images of both; neither is changed.

        Parameters
        ----------
        other : FullNetworkEmbedder
            Fitted with the same parameters on other images.

        Returns
        -------
        FullNetworkEmbedder
            A new one; its statistics are exact (see :meth:`TernaryScaler.merge`).

        Raises
        ------
        ValueError
            If the two do not embed alike.
        """
        if not isinstance(other, FullNetworkEmbedder):
            raise TypeError(
                f"A FullNetworkEmbedder merges with another one; got {type(other).__name__}."
            )
        check_is_fitted(self)
        check_is_fitted(other)
        if self._spec() != other._spec():
            raise ValueError(
                "Embedders merge when they embed alike; these differ in backbone, layers, or the "
                "preparation of images."
            )
        both = cast("FullNetworkEmbedder", clone(self))
        both.scaler_ = self._scaler_as_set().merge(
            copy(other.scaler_).set_params(**self._new_scaler().get_params())
        )
        return both

    def transform(self, X: Any) -> np.ndarray:
        """Return the images embedded, by the statistics of the training set.

        Parameters
        ----------
        X : sequence of images, of length n_samples
            As for :meth:`fit`.

        Returns
        -------
        array of shape (n_samples, n_features)
            int8 in {-1, 0, 1}, or float32 with ``discretize=False``; a data frame after
            ``set_output``. Of a dask collection, a lazy dask array in its chunks.

        Raises
        ------
        ImageError
            If an image cannot be read and ``on_error="raise"``, or none can.
        """
        self._make_ready()
        return self._lazy(X) if is_dask(X) else self._output(*self._extract(X))

    @property
    def mean_(self) -> np.ndarray:
        """The mean of each feature."""
        return self.scaler_.mean_

    @property
    def var_(self) -> np.ndarray:
        """The variance of each feature."""
        return self.scaler_.var_

    @property
    def scale_(self) -> np.ndarray:
        """What deviations from the mean are divided by."""
        return self.scaler_.scale_

    @property
    def n_samples_seen_(self) -> int | None:
        """Images that the statistics come from."""
        return self.scaler_.n_samples_seen_

    def _new_scaler(self) -> TernaryScaler:
        return TernaryScaler(self.lower, self.upper, ddof=self.ddof, discretize=self.discretize)

    def _learn(
        self, X: Any, learn: Callable[[np.ndarray], TernaryScaler]
    ) -> tuple[np.ndarray, np.ndarray]:
        """Let a scaler learn the images' rows, keep it once it has; return what was extracted."""
        self._check()
        rows, readable = self._extract(X)
        self.scaler_ = learn(rows if readable.all() else rows[readable])
        return rows, readable

    def _scaler_of_parts(self, X: Any) -> TernaryScaler:
        """A scaler that knows the images of a collection of Dask's, whose workers read them."""
        self._check()
        known, parameters = self._learn_from_parts(X), self._new_scaler().get_params()
        return TernaryScaler.from_statistics(known.mean, known.var, known.n, **parameters)

    @property
    def _output_dtype(self) -> np.dtype:
        return np.dtype(np.int8 if self.discretize else np.float32)

    def _request(self) -> dict[str, Any]:
        scaler = self._scaler_as_set()
        statistics = scaler.mean_.tobytes() + scaler.scale_.tobytes()
        return {
            **super()._request(),
            "scaler": scaler.get_params(),
            "learnt": hashlib.sha256(statistics).hexdigest(),
        }

    def _output(self, rows: np.ndarray, readable: np.ndarray) -> np.ndarray:
        scaler = self._scaler_as_set().set_output(transform="default")
        if readable.all():
            return scaler.transform(rows)
        fill = 0 if self._failure_policy.is_learned else np.nan
        out = np.full(rows.shape, fill, np.int8 if self.discretize else np.float32)
        if readable.any():
            out[readable] = scaler.transform(rows[readable])
        return out

    def _scaler_as_set(self) -> TernaryScaler:
        """What was learnt, with the parameters as they are now: they are no part of it."""
        return copy(self.scaler_).set_params(**self._new_scaler().get_params())

    def _check(self) -> None:
        check_thresholds(self.lower, self.upper)
        if self.discretize:
            self._failure_policy.check_int8("discretize")
