"""PrototypeEmbedder: how strongly patches that were learnt occur anywhere in an image."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable
from numbers import Integral, Real
from typing import Any

import numpy as np
from sklearn.utils import check_random_state
from sklearn.utils.validation import check_is_fitted

from .._dask import is_dask
from .._sklearn_compat import Interval, StrOptions, fit_context
from ..backbones._formats import format_of
from ..backbones._hmax import OPERATIONS
from ..extraction._programs import check_not_forked
from ..extraction._spec import ExtractionSpec
from ..formats._network import EMBEDDING, PREDICTIONS, Layer
from ..formats.hmax import Operation
from ..images import as_items
from ..layers._select import known
from ._image_transformer import ImageTransformer
from ._matching import Shapes, strongest, strongest_places
from ._patch_clusters import PatchPreparation
from ._prototype_methods import METHODS, Method, Options
from ._training_maps import TrainingMaps

_AUTO = "auto"


class PrototypeEmbedder(ImageTransformer):
    """Embed images by how strongly each of some learnt patches occurs in them.

    `fit` takes patches of a layer's feature maps from the training images, and makes prototypes of
    them. `transform` compares each prototype with every place of an image's maps, and gives the
    strongest response: the features C2 of HMAX [1]_, for any convolutional layer of any network.
    So a feature says whether a piece of a training image occurs somewhere, wherever it is.

    Parameters
    ----------
    backbone : str, path, keras.Model or Backbone, default="hmax"
        As for :class:`PretrainedEmbedder`.
    layer : str or int, default="C1"
        One convolutional layer: a name (:func:`skembed.layers.table`), a stage, or an index into
        the convolutional and dense layers.
    n_prototypes : int, default=100
        How many; as many columns.
    patch_width : int, default=7
        Rows and columns of a prototype, in places of the layer's maps.
    method : str, default="imprint"
        How prototypes are made of the training images' patches.

        - ``"imprint"``: each is a patch;
        - ``"shuffle"``: the values of a patch in a random order, which says how much the structure
          of patches matters;
        - ``"uniform"``: random between 0 and 1; ``"normal"``: random, with the mean and the
          deviation of the patches' values; ``"histogram"``: random, distributed as these;
        - ``"kmeans"``: the centres of clusters; ``"nearest_kmeans"``: the patches nearest to them;
        - ``"kmedoids"``: the patch in the middle of each cluster, to which the others' distances
          are least;
        - ``"object_mask_wkmeans"``: the centres of clusters, where a patch counts by how much of it
          lies on an object; `fit` takes the `masks` of objects;
        - ``"meta_feature_wkmeans"``: the centres of clusters, where a patch counts by how much it
          is expected to tell of the classes `y`: as much as those of 250 imprinted patches that
          are like it in mean, deviation, extremes and quantiles, by the squared coefficients of a
          linear SVM of their responses;
        - ``"pca"``, ``"ica"``, ``"nmf"``, ``"sparse_pca"``, ``"dictionary"``: the components that
          scikit-learn's PCA, FastICA, NMF, MiniBatchSparsePCA or MiniBatchDictionaryLearning
          finds.
    operation : {"auto", "DotProduct", "NormDotProduct", "Rbf", "NormRbf"}, default="auto"
        How a patch x and a prototype w are compared: ``x . w``; ``x . w / |x|`` with w of length 1;
        ``exp(-beta |x - w|^2)``; ``exp(-2 beta (1 - NormDotProduct))``. ``"auto"`` is the
        `s2_operation` of HMAX, ``"Rbf"`` unless that was changed; for other networks
        ``"NormDotProduct"``, which does not depend on how large a layer's values are.
    beta : float or None, default=None
        Of ``"Rbf"`` and ``"NormRbf"``; None is HMAX's `s2_beta`, or 5. The squared distance in
        ``"Rbf"`` grows with the layer's values, its channels and `patch_width`: where all responses
        are near 0, choose a smaller one.
    bias : float or None, default=None
        ``|x|^2`` is taken to be at least this, so that an empty patch is like nothing; None is
        HMAX's `s2_bias`, or 0.01.
    samples_per_prototype : int, default=10
        Patches that the methods other than ``"imprint"``, ``"shuffle"`` and ``"uniform"`` look at,
        for each prototype.
    normalize_contrast : bool, default=False
        Whether patches are brought to a mean of 0 and a deviation of 1, each by itself, before they
        are clustered; of the methods that cluster.
    whiten : bool, default=False
        Whether patches are then scaled so that they vary alike in all directions; of the methods
        that cluster. Centres of clusters are prototypes in that scale.
    unwhiten : bool, default=False
        Whether centres of clusters are brought back to the scale of patches, so that whitening
        changes only which patches go together.
    base_weight : float, default=0.0
        What patches count that do not lie on an object, and all others count more, for
        ``"object_mask_wkmeans"``.
    random_state : int, RandomState instance or None, default=None
        Which patches are drawn, and the chance in `method`.
    activation : {"pre", "post"}, default="post"
        As for :class:`PretrainedEmbedder`.
    weights : "imagenet", path or None, default="imagenet"
        As for :class:`PretrainedEmbedder`.
    image_size : int, (height, width) or None, default=None
        As for :class:`PretrainedEmbedder`; larger images give larger maps, with more places.
    resize : str or None, default=None
        As for :class:`PretrainedEmbedder`.
    decoding : {"exact", "scaled"}, default="exact"
        As for :class:`PretrainedEmbedder`.
    color_space : {"rgb", "rgba", "bgr", "bgra"}, default="rgb"
        The channels of images given as arrays.
    root : path or None, default=None
        As for :class:`PretrainedEmbedder`.
    precision : {"float32", "bfloat16"}, default="float32"
        Of the network's arithmetic; patches are compared in float32.
    engine : str, default="auto"
        Who runs the network. Patches are compared by JAX.
    batch_size : int or "auto", default="auto"
        As for :class:`PretrainedEmbedder`.
    n_jobs : int or None, default=None
        Threads that read and decode.
    cache : bool or path, default=True
        Whether the layer's maps are kept on disk, and where. Folds, and candidates that differ in
        prototypes only, then share one run of the network. An image takes as many bytes as four
        times the values of its maps: 88 kB for ``"stage4"`` of EfficientNet-Lite0.
    on_error : {"raise", "nan", "mean"}, default="raise"
        As for :class:`PretrainedEmbedder`. Nothing is learnt of an image that cannot be read.
    progress : {"auto", True, False} or callable, default="auto"
        As for :class:`PretrainedEmbedder`.

    Attributes
    ----------
    prototypes_ : float32 array of shape (n_prototypes, patch_width, patch_width, n_channels)
        What was learnt; of unit length where `operation` is a normalised one.
    prototype_locations_ : int array of shape (n_prototypes, 4), or None
        Where each was taken from: the image's position in the training X, the scale (0 where the
        layer has one map), the first row and the first column in the map. None for methods whose
        prototypes are no patches: patches are those of ``"imprint"``, ``"shuffle"``,
        ``"nearest_kmeans"`` and ``"kmedoids"``.
    mean_ : float64 array of shape (n_prototypes,)
        Only with ``on_error="mean"``: the mean of the training images' responses.
    layer_slices_ : dict of str to slice
        The columns of the layer: all of them.
    engine_ : str
        The engine in use.

    See Also
    --------
    PretrainedEmbedder : The average, or the largest value, of each channel.
    skembed.layers.sample_patches_from_data : How patches are drawn.

    Notes
    -----
    Every training image gives as many patches as the others, give or take one. Scales, and then
    places, are drawn uniformly.

    Prototypes of several widths are columns side by side: a ``FeatureUnion`` of two of these, for
    which the network runs once.

    References
    ----------
    .. [1] J. Mutch, D. G. Lowe, "Object class recognition and localization using sparse features
       with limited receptive fields", International Journal of Computer Vision 80, 2008.

    Examples
    --------
    >>> from skimage import data
    >>> from skembed import PrototypeEmbedder
    >>> X = [data.coffee(), data.chelsea(), data.astronaut()]
    >>> PrototypeEmbedder(n_prototypes=5, random_state=0).fit_transform(X).shape
    (3, 5)

    A layer of a network:

    >>> embedder = PrototypeEmbedder(
    ...     "efficientnet_lite0",
    ...     "stage2",
    ...     n_prototypes=6,
    ...     patch_width=3,
    ...     image_size=64,
    ...     random_state=0,
    ... )
    >>> responses = embedder.fit_transform(X)
    >>> responses.shape, embedder.prototypes_.shape
    ((3, 6), (6, 3, 3, 24))
    >>> embedder.prototype_locations_[0].tolist()
    [0, 0, 5, 0]
    >>> bool(responses[0, 0] > 0.999)  # the patch is in this image
    True
    """

    _parameter_constraints = {  # noqa: RUF012
        **ImageTransformer._parameter_constraints,
        "layer": [str, Integral],
        "n_prototypes": [Interval(Integral, 1, None, closed="left")],
        "patch_width": [Interval(Integral, 1, None, closed="left")],
        "method": [StrOptions(set(METHODS))],
        "operation": [StrOptions({_AUTO, *OPERATIONS})],
        "beta": [Interval(Real, 0, None, closed="neither"), None],
        "bias": [Interval(Real, 0, None, closed="neither"), None],
        "samples_per_prototype": [Interval(Integral, 1, None, closed="left")],
        "normalize_contrast": ["boolean"],
        "whiten": ["boolean"],
        "unwhiten": ["boolean"],
        "base_weight": [Interval(Real, 0, None, closed="left")],
        "random_state": ["random_state"],
    }

    def __init__(
        self,
        backbone: Any = "hmax",
        layer: str | int = "C1",
        *,
        n_prototypes: int = 100,
        patch_width: int = 7,
        method: str = "imprint",
        operation: str = _AUTO,
        beta: float | None = None,
        bias: float | None = None,
        samples_per_prototype: int = 10,
        normalize_contrast: bool = False,
        whiten: bool = False,
        unwhiten: bool = False,
        base_weight: float = 0.0,
        random_state: Any = None,
        activation: str = "post",
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
        self.layer = layer
        self.n_prototypes = n_prototypes
        self.patch_width = patch_width
        self.method = method
        self.operation = operation
        self.beta = beta
        self.bias = bias
        self.samples_per_prototype = samples_per_prototype
        self.normalize_contrast = normalize_contrast
        self.whiten = whiten
        self.unwhiten = unwhiten
        self.base_weight = base_weight
        self.random_state = random_state
        self.activation = activation
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
        # Parameters may be anything before they are checked.
        method = METHODS.get(self.method) if isinstance(self.method, str) else None
        tags.target_tags.required = getattr(method, "needs", None) == "y"
        return tags

    def __sklearn_is_fitted__(self) -> bool:
        return hasattr(self, "prototypes_")

    @fit_context(prefer_skip_nested_validation=True)
    def fit(self, X: Any, y: Any = None, masks: Any = None) -> PrototypeEmbedder:
        """Learn prototypes from patches of the images.

        Parameters
        ----------
        X : sequence of images, of length n_samples
            As for :meth:`PretrainedEmbedder.transform`.
        y : array of shape (n_samples,), optional
            Classes, for ``method="meta_feature_wkmeans"``; ignored by the others.
        masks : sequence of length n_samples, optional
            For ``method="object_mask_wkmeans"``, and ignored by the others: what shows the object
            of each image. An array of shape (height, width), or an image that can be read, of the
            image's size; not 0, or not black, where the object is. None for an image without one.

        Returns
        -------
        PrototypeEmbedder
            Itself.

        Raises
        ------
        InputSizeError
            If the layer's maps are smaller than `patch_width`.
        ValueError
            If `layer` is no single layer with feature maps, if `method` cannot make as many
            prototypes or lacks `y` or `masks`, or a mask has another size than its image.
        ImageError
            If an image cannot be read and ``on_error="raise"``, or none can.
        """
        self._check()
        if is_dask(X):
            raise TypeError(
                "PrototypeEmbedder draws its patches here: fit it on some of the images, as a list "
                "(X.compute()), and transform all of X."
            )
        items = as_items(X, root=self.root)
        rng = check_random_state(self.random_state)
        maps = self._training_maps(items, y, masks)
        made, locations = self._method().learn(maps, rng)
        self._keep(maps.as_prototypes(made), locations)
        if self._failure_policy.is_learned:
            self.mean_ = self._mean_response(items)
        return self

    def transform(self, X: Any) -> np.ndarray:
        """Return each prototype's strongest response to each image.

        Parameters
        ----------
        X : sequence of images, of length n_samples
            As for :meth:`fit`.

        Returns
        -------
        float32 array of shape (n_samples, n_prototypes)
            The largest response over all places and scales; a data frame after ``set_output``. Of
            a dask collection, a lazy dask array in its chunks.

        Raises
        ------
        ImageError
            If an image cannot be read and ``on_error="raise"``, or none can.
        ValueError
            If the layer, the network or the preparation of images are no longer those that the
            prototypes were learnt with.
        """
        self._make_ready()
        if is_dask(X):
            return self._lazy(X)
        return np.concatenate([piece.rows for piece in self._pieces(X)])

    def get_feature_names_out(self, input_features: Any = None) -> np.ndarray:
        """Return a name for each column: ``stage4_prototype__017``.

        Parameters
        ----------
        input_features : ignored
            Present for scikit-learn's sake.

        Returns
        -------
        array of str, of shape (n_prototypes,)
            Unique names, in the order of the columns.
        """
        check_is_fitted(self)
        n = len(self.prototypes_)
        digits = max(3, len(str(n - 1)))
        (tap,) = self._checked_spec().network.taps
        names = [f"{tap.label}_prototype__{i:0{digits}d}" for i in range(n)]
        return np.asarray(names, dtype=object)

    @property
    def layer_slices_(self) -> dict[str, slice]:
        """The columns of the layer: all of them."""
        check_is_fitted(self)
        (tap,) = self._checked_spec().network.taps
        return {tap.label: slice(0, len(self.prototypes_))}

    @property
    def output_shape(self) -> int:
        """How many features an image has."""
        return self.n_prototypes

    @property
    def _layers(self) -> Any:
        return self.layer

    @property
    def _pooling(self) -> str:
        return "none"  # maps are kept, and patches of them compared

    def _check(self) -> None:
        if self.layer in (EMBEDDING, PREDICTIONS):
            raise ValueError(
                f"layer is {self.layer!r}, which has no places any more: choose a convolutional "
                "layer."
            )
        if self.unwhiten and not self.whiten:
            raise ValueError("unwhiten=True undoes whiten=True: set both, or neither.")

    def _spec(self) -> ExtractionSpec:
        spec = super()._spec()
        labels = [tap.label for tap in spec.network.taps]
        if len(labels) > 1:
            raise ValueError(
                f"layer is {self.layer!r}, which names {len(labels)} layers ({labels[0]!r}, ...); "
                "name one, or put several PrototypeEmbedders into a FeatureUnion."
            )
        return spec

    def _layer(self) -> Layer:
        """The layer whose maps patches are of."""
        spec = self._spec()
        (tap,) = spec.network.taps
        (layer,) = (one for one in known(spec.backbone) if one.name == tap.layer)
        if not layer.map_shapes or len(layer.map_shapes[0]) != 3:
            raise ValueError(
                f"The layer {tap.label!r} gives {layer.shape}, and no feature maps of rows and "
                "columns: choose a convolutional layer."
            )
        return layer

    def _method(self) -> Method:
        preparation = PatchPreparation(self.normalize_contrast, self.whiten, self.unwhiten)
        options = Options(
            n_prototypes=self.n_prototypes,
            samples_per_prototype=self.samples_per_prototype,
            preparation=preparation,
            base_weight=self.base_weight,
        )
        return METHODS[self.method](options)

    def _training_maps(self, items: list[Any], y: Any, masks: Any) -> TrainingMaps:
        return TrainingMaps(
            items=items,
            y=y,
            masks=masks,
            extracted=self._extracted,
            spec=self._spec(),
            layer=self._layer(),
            operation=self._comparison(),
            patch_width=self.patch_width,
            color_space=self.color_space,
        )

    def _comparison(self) -> Operation:
        backbone = self._spec().backbone
        name, beta, bias = format_of(backbone).layer_access(backbone).comparison()
        return Operation(
            name if self.operation == _AUTO else self.operation,
            beta if self.beta is None else float(self.beta),
            bias if self.bias is None else float(self.bias),
        )

    def _keep(self, prototypes: np.ndarray, locations: np.ndarray | None) -> None:
        vars(self).pop("mean_", None)  # of other prototypes
        self.prototypes_, self.prototype_locations_ = prototypes, locations
        self._prototypes_of = self._meaning()

    @property
    def _output_dtype(self) -> np.dtype:
        return np.dtype(np.float32)

    def _request(self) -> dict[str, Any]:
        mean = self.mean_.tobytes() if self._failure_policy.is_learned else b""
        learnt = hashlib.sha256(self.prototypes_.tobytes() + mean).hexdigest()
        return {**super()._request(), "comparison": repr(self._comparison()), "learnt": learnt}

    def _meaning(self) -> str:
        """What prototypes are patches of, and whether they have unit length."""
        return f"{self._spec().meaning()} {self._comparison().is_normalised}"

    def _mean_response(self, items: list[Any]) -> np.ndarray:
        total, n = np.zeros(len(self.prototypes_)), 0
        for piece in self._extracted(items):
            responses = self._responses(piece.rows[piece.readable])
            total += responses.sum(axis=0, dtype=np.float64)
            n += len(responses)
        return total / n

    def _responses(self, rows: np.ndarray) -> np.ndarray:
        """The strongest response of each prototype to each row of maps."""
        return strongest(*self._compared(rows))

    def _places(self, rows: np.ndarray) -> np.ndarray:
        """Scale, row and column of each of these responses."""
        return strongest_places(*self._compared(rows))

    def _compared(self, rows: np.ndarray) -> tuple[np.ndarray, Shapes, np.ndarray, Operation]:
        """What is compared, and how."""
        if self._prototypes_of != self._meaning():
            raise ValueError(
                "prototypes_ were learnt with other parameters (backbone, weights, layer, "
                "operation or preparation of images) than are set now: fit again."
            )
        check_not_forked()
        return rows, self._layer().map_shapes, self.prototypes_, self._comparison()

    def _output(self, rows: np.ndarray, readable: np.ndarray) -> np.ndarray:
        fill = self.mean_ if self._failure_policy.is_learned else np.nan
        out = np.full((len(rows), len(self.prototypes_)), fill, np.float32)
        out[readable] = self._responses(rows[readable])
        return out
