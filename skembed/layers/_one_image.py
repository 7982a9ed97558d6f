"""Layers of one image by a function: a state, what a network computes of it, patches of maps."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np

from ._graph import SOURCE, LayerSpec
from ._model import LayerModel
from ._patches import InputSizeError, sample_patches_from_data
from ._state import State


def _model(backbone: Any) -> LayerModel:
    return backbone if isinstance(backbone, LayerModel) else LayerModel(backbone)


def make_state(backbone: Any, source: Any, copy: bool = False) -> State:
    """Return what is known of an image before a layer is computed.

    Parameters
    ----------
    backbone : str, path, keras.Model, Backbone or LayerModel
        The network.
    source : State, path, URL, bytes, PIL image or array
        A path, a URL or bytes are kept as the source, and nothing is opened before it is needed.
        A PIL image is prepared as an estimator prepares it. An array is float32, of the shape that
        the network takes, and is the network's input as it is.
    copy : bool, default=False
        Whether a State is copied, with the same arrays; otherwise it is returned itself.

    Returns
    -------
    State
        With its source or its image.

    Raises
    ------
    ValueError
        If an array is something else, or a state belongs to another network.

    Examples
    --------
    >>> from skembed import layers
    >>> layers.make_state("efficientnet_lite0", "no such file.jpg")
    <State of 'efficientnet_lite0': s>
    """
    return _model(backbone).make_state(source, copy=copy)


def build_layer(
    backbone: Any,
    layer: str | LayerSpec | Iterable[str | LayerSpec],
    source: Any,
    save_all: bool = True,
) -> State:
    """Compute layers of a network for one image, and only what they depend on.

    Parameters
    ----------
    backbone : str, path, keras.Model, Backbone or LayerModel
        The network.
    layer : str, LayerSpec or iterable of these
        What to compute; names in capitals or not.
    source : State, path, URL, bytes, PIL image or array
        As for :func:`make_state`. What a state holds is not computed again, and the state is not
        changed.
    save_all : bool, default=True
        Whether the layers in between are kept too.

    Returns
    -------
    State
        What `source` held, and the layers; with ``save_all=False`` the layers and the source. A
        layer's output is without the batch, in float32, in the network's own order of axes.

    Raises
    ------
    ValueError
        If there is no such layer, or the state lacks its source.
    ImageError
        If the image cannot be read.

    See Also
    --------
    LayerModel : Adds layers of one's own.
    skembed.PretrainedEmbedder : Many images, pooled, and kept.

    Notes
    -----
    A convolution is followed by layers of its own for normalisation and activation: what
    ``PretrainedEmbedder(layers=...)`` takes for a layer's output (``activation="post"``) is the
    output of the last of these here. JAX runs the network, and nothing is kept on disk.

    Examples
    --------
    >>> from PIL import Image
    >>> from skimage import data
    >>> from skembed import layers
    >>> image = Image.fromarray(data.coffee())
    >>> state = layers.build_layer("efficientnet_lite0", "stem_conv", image)
    >>> state["stem_conv"].shape
    (112, 112, 32)
    >>> further = layers.build_layer("efficientnet_lite0", "stem_bn", state)
    >>> "stem_bn" in further, "stem_bn" in state
    (True, False)
    """
    return _model(backbone).build_layer(layer, source, save_all=save_all)


def sample_patches(
    backbone: Any,
    layer: str | LayerSpec,
    n_patches: int,
    patch_width: int,
    source: Any,
    random_state: Any = None,
) -> tuple[np.ndarray, np.ndarray]:
    """Draw square patches from the feature maps of one image.

    Parameters
    ----------
    backbone : str, path, keras.Model, Backbone or LayerModel
        The network.
    layer : str or LayerSpec
        Whose maps.
    n_patches : int
        How many; 0 gives empty arrays.
    patch_width : int
        Rows and columns of a patch.
    source : State, path, URL, bytes, PIL image or array
        The image, as for :func:`make_state`.
    random_state : int, RandomState instance or None, default=None
        The generator.

    Returns
    -------
    patches : float32 array of shape (n_patches, patch_width, patch_width, n_channels)
        The patches.
    locations : int array of shape (n_patches, 3)
        Scale, and the patch's first row and column.

    Raises
    ------
    InputSizeError
        If a map is smaller than a patch; its `scale` says which, and a note the layer and image.

    See Also
    --------
    sample_patches_from_data : Of maps that are there.

    Examples
    --------
    >>> from PIL import Image
    >>> from skimage import data
    >>> from skembed import layers
    >>> image = Image.fromarray(data.coffee())
    >>> patches, locations = layers.sample_patches(
    ...     "efficientnet_lite0", "stem_conv", 5, 3, image, random_state=0
    ... )
    >>> patches.shape, locations.shape
    ((5, 3, 3, 32), (5, 3))
    """
    state = build_layer(backbone, layer, source, save_all=False)
    (key,) = (key for key in state if key != SOURCE.id_)
    try:
        return sample_patches_from_data(state[key], n_patches, patch_width, random_state)
    except InputSizeError as error:
        image = f" The image is {state[SOURCE]!r}." if SOURCE in state else ""
        error.add_note(f"The layer is {key!r}.{image}")
        raise
