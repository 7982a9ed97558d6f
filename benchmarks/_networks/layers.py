"""Every layer of Keras that takes images, with varied arguments: a small network around each."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import keras
from keras import layers as L  # noqa: N812
from keras import ops

SHAPE = (12, 16, 3)


def _each(names: str, choices: list[dict[str, Any]]) -> dict[str, list[dict[str, Any]]]:
    """The same arguments for several classes."""
    return dict.fromkeys(names.split(), choices)


_ACTIVATIONS = """
celu elu exponential gelu hard_shrink hard_sigmoid hard_silu hard_tanh leaky_relu linear
log_sigmoid log_softmax mish relu relu6 selu sigmoid silu soft_shrink softmax softplus softsign
sparse_plus sparse_sigmoid sparsemax squareplus swish tanh tanh_shrink
"""
# By class: the arguments to try. A layer sees the map of a convolution, 12 x 16 x 4.
_ON_MAPS: dict[str, list[dict[str, Any]]] = {
    **_each("AlphaDropout Dropout GaussianDropout SpatialDropout2D", [{"rate": 0.5}]),
    **_each("ELU Flatten Identity PReLU", [{}]),
    **_each(
        "AveragePooling2D MaxPooling2D",
        [
            {"pool_size": 2},
            {"pool_size": 3, "strides": 1, "padding": "same"},
            {"pool_size": (2, 3), "strides": (3, 2), "padding": "same"},
            {"pool_size": 3, "strides": 2, "padding": "valid"},
        ],
    ),
    **_each(
        "AdaptiveAveragePooling2D AdaptiveMaxPooling2D",
        [{"output_size": 4}, {"output_size": (5, 7)}],
    ),
    **_each("GlobalAveragePooling2D GlobalMaxPooling2D", [{}, {"keepdims": True}]),
    **_each(
        "Conv2D SeparableConv2D",
        [
            {"filters": 5, "kernel_size": 3},
            {"filters": 4, "kernel_size": (2, 5), "strides": 2, "padding": "same"},
            {"filters": 4, "kernel_size": 3, "dilation_rate": 2, "activation": "gelu"},
            {"filters": 4, "kernel_size": 1, "use_bias": False, "activation": "softmax"},
        ],
    ),
    "ActivityRegularization": [{"l1": 0.1, "l2": 0.1}],
    "Activation": [{"activation": name} for name in _ACTIVATIONS.split()],
    "BatchNormalization": [{}, {"axis": 1}, {"axis": 2, "scale": False, "center": False}],
    "CenterCrop": [{"height": 5, "width": 7}, {"height": 20, "width": 10}],
    "Conv2DTranspose": [
        {"filters": 5, "kernel_size": 3},
        {"filters": 4, "kernel_size": 3, "strides": 2, "padding": "same"},
        {"filters": 4, "kernel_size": (2, 5), "strides": (3, 2), "padding": "valid"},
        {"filters": 4, "kernel_size": 4, "strides": 2, "output_padding": 1},
        {"filters": 4, "kernel_size": 3, "dilation_rate": 2},
    ],
    "Cropping2D": [{"cropping": 2}, {"cropping": ((1, 2), (3, 0))}],
    "Dense": [{"units": 6}, {"units": 6, "activation": "softmax"}],
    "DepthwiseConv2D": [
        {"kernel_size": 3},
        {"kernel_size": (2, 5), "strides": 2, "padding": "same", "depth_multiplier": 2},
        {"kernel_size": 3, "dilation_rate": 2, "activation": "silu"},
    ],
    "EinsumDense": [
        {"equation": "abcd,de->abce", "output_shape": (12, 16, 6), "bias_axes": "e"},
        {"equation": "abcd,be->aecd", "output_shape": (5, 16, 4)},
    ],
    "GaussianNoise": [{"stddev": 0.5}],
    "GroupNormalization": [{"groups": 2}, {"groups": -1}, {"groups": 4, "axis": 1}],
    "LayerNormalization": [{}, {"axis": [1, 2, 3]}, {"axis": 1, "center": False}],
    "LeakyReLU": [{}, {"negative_slope": 0.7}],
    "Masking": [{}],
    "Normalization": [
        {"mean": 0.4, "variance": 2.0},
        {"mean": [0, 1, 2, 3], "variance": [1.0] * 4},
    ],
    "Permute": [{"dims": (2, 1, 3)}, {"dims": (3, 1, 2)}],
    "ReLU": [{}, {"max_value": 1.0, "negative_slope": 0.1, "threshold": 0.1}],
    "RMSNormalization": [{}, {"axis": 1}],
    "Rescaling": [{"scale": 3.0, "offset": -1.0}, {"scale": [1.0, 2.0, 3.0, 4.0]}],
    "Reshape": [{"target_shape": (16, 12, 4)}, {"target_shape": (-1, 8)}],
    "Resizing": [
        {"height": h, "width": w, "interpolation": how, "antialias": smooth}
        for how in ("nearest", "bilinear", "bicubic", "lanczos3", "lanczos5")
        for h, w in ((7, 9), (17, 25), (24, 8))
        for smooth in (False, True)
    ]
    + [
        {"height": 9, "width": 9, "crop_to_aspect_ratio": True},
        {"height": 20, "width": 6, "crop_to_aspect_ratio": True, "interpolation": "nearest"},
        {"height": 9, "width": 9, "pad_to_aspect_ratio": True, "fill_value": 0.3},
        {"height": 6, "width": 20, "pad_to_aspect_ratio": True},
    ],
    "Softmax": [{}, {"axis": 1}, {"axis": [1, 2]}],
    "UnitNormalization": [{}, {"axis": 1}],
    "UpSampling2D": [
        {"size": size, "interpolation": how}
        for how in ("nearest", "bilinear", "bicubic", "lanczos3", "lanczos5")
        for size in (2, (1, 3))
    ],
    "ZeroPadding2D": [{"padding": 2}, {"padding": ((1, 2), (3, 0))}],
}
_TWO = {
    **_each("Add Average Maximum Minimum Multiply Subtract", [{}]),
    "Concatenate": [{}, {"axis": 1}, {"axis": 2}],
    "Dot": [{"axes": 2}, {"axes": 1, "normalize": True}],
    "Attention": [{}, {"use_scale": True, "score_mode": "concat"}],
    "AdditiveAttention": [{}],
    "MultiHeadAttention": [{"num_heads": 2, "key_dim": 3}],
    "GroupQueryAttention": [{"head_dim": 3, "num_query_heads": 4, "num_key_value_heads": 2}],
}
# Layers that draw at random while training, and the few that only look as if they did.
_ON_PIXELS: dict[str, list[dict[str, Any]]] = {
    "AugMix": [{}],
    "AutoContrast": [{}],
    "ContrastLimitedAdaptiveHistogramEqualization": [{}],
    "CutMix": [{}],
    "Equalization": [{}],
    "MixUp": [{}],
    "RandAugment": [{}],
    "RandomBrightness": [{"factor": 0.5}],
    "RandomColorDegeneration": [{"factor": 0.5}],
    "RandomColorJitter": [{"brightness_factor": 0.5, "hue_factor": 0.3}],
    "RandomContrast": [{"factor": 0.5}],
    "RandomCrop": [{"height": 8, "width": 8}, {"height": 6, "width": 14}],
    "RandomElasticTransform": [{}],
    "RandomErasing": [{}],
    "RandomFlip": [{}, {"mode": "horizontal"}],
    "RandomGaussianBlur": [{}],
    "RandomGrayscale": [{"factor": 1.0}],
    "RandomHue": [{"factor": 0.5}],
    "RandomInvert": [{"factor": 1.0}],
    "RandomPerspective": [{}],
    "RandomPosterization": [{"factor": 4}],
    "RandomRotation": [{"factor": 0.2}],
    "RandomSaturation": [{"factor": 0.9}],
    "RandomSharpness": [{"factor": 0.9}],
    "RandomShear": [{"x_factor": 0.5, "y_factor": 0.5}],
    "RandomTranslation": [{"height_factor": 0.3, "width_factor": 0.3}],
    "RandomZoom": [{"height_factor": 0.3}],
    "Solarization": [{}],
    "Discretization": [{"bin_boundaries": [50.0, 100.0, 200.0]}],
}
# With a fourth axis put in or taken out; each sees an image's rows as steps in time.
_SEQUENCES: dict[str, list[dict[str, Any]]] = {
    **_each("AveragePooling1D MaxPooling1D", [{"pool_size": 3, "padding": "same"}]),
    **_each("AdaptiveAveragePooling1D AdaptiveMaxPooling1D", [{"output_size": 5}]),
    **_each("GlobalAveragePooling1D GlobalMaxPooling1D", [{}]),
    **_each("GRU LSTM SimpleRNN", [{"units": 4}, {"units": 4, "return_sequences": True}]),
    "Conv1D": [
        {"filters": 4, "kernel_size": 3},
        {"filters": 4, "kernel_size": 3, "padding": "causal"},
    ],
    "Conv1DTranspose": [{"filters": 4, "kernel_size": 3, "strides": 2}],
    "Cropping1D": [{"cropping": 2}],
    "DepthwiseConv1D": [{"kernel_size": 3}],
    "SeparableConv1D": [{"filters": 4, "kernel_size": 3}],
    "SpatialDropout1D": [{"rate": 0.5}],
    "UpSampling1D": [{"size": 2}],
    "ZeroPadding1D": [{"padding": 2}],
}
_VOLUMES: dict[str, list[dict[str, Any]]] = {
    **_each("AveragePooling3D MaxPooling3D", [{"pool_size": 2, "padding": "same"}]),
    **_each("AdaptiveAveragePooling3D AdaptiveMaxPooling3D", [{"output_size": 2}]),
    **_each("GlobalAveragePooling3D GlobalMaxPooling3D", [{}]),
    "Conv3D": [{"filters": 4, "kernel_size": 2}],
    "Conv3DTranspose": [{"filters": 4, "kernel_size": 2, "strides": 2}],
    "ConvLSTM2D": [{"filters": 3, "kernel_size": 2}],
    "Cropping3D": [{"cropping": 1}],
    "SpatialDropout3D": [{"rate": 0.5}],
    "UpSampling3D": [{"size": 2}],
    "ZeroPadding3D": [{"padding": 1}],
}
# What takes no images: words, sound, states of recurrent layers, and bases of other classes.
TAKE_NO_IMAGES = """
CategoryEncoding ConvLSTM1D ConvLSTM3D Embedding FlaxLayer GRUCell HashedCrossing Hashing Input
InputLayer InputSpec IntegerLookup JaxLayer LSTMCell Lambda Layer MaxNumBoundingBoxes MelSpectrogram
Pipeline RNN RepeatVector ReversibleEmbedding STFTSpectrogram SimpleRNNCell StackedRNNCells
StringLookup TFSMLayer TextVectorization TorchModuleWrapper Wrapper
"""

Branch = Callable[[Any], Any]  # from an image to what a layer makes of it


def layer_cases() -> Iterator[tuple[str, dict[str, Branch]]]:
    """Yield a name, and functions that put such layers behind an image, by their arguments."""
    for table, around in (
        (_ON_MAPS, _on_maps),
        (_TWO, _two),
        (_ON_PIXELS, _on_pixels),
        (_SEQUENCES, _sequence),
        (_VOLUMES, _volume),
    ):
        for name, choices in table.items():
            yield name, {_said(chosen): _branch(name, chosen, around) for chosen in choices}
    for name, function in (_WRAPPED | _OPERATIONS).items():
        yield name, {"": function}


def untried() -> set[str]:
    """The names in ``keras.layers`` that no case has, and that may take images."""
    tried = {name.split("(")[0] for name, _ in layer_cases()}
    known = {name for name in dir(L) if name[0].isupper()}
    aliases = {name for name in known if getattr(L, name).__name__ != name}
    return known - tried - aliases - set(TAKE_NO_IMAGES.split())


def joined(branches: dict[str, Branch]) -> tuple[Any, dict[str, slice]]:
    """A network with all values of all branches side by side, and the columns of each.

    Raises
    ------
    ValueError
        If Keras cannot build one of them.
    """
    image = keras.Input(SHAPE)
    columns, outputs, start = {}, [], 0
    for name, branch in branches.items():
        try:
            x = branch(image)
            # Pooling would hide what moves about.
            outputs.append(x if len(x.shape) == 2 else L.Flatten()(x))
        except Exception as error:
            raise ValueError(f"{name}: {str(error).strip().splitlines()[-1]}") from error
        columns[name] = slice(start, start + outputs[-1].shape[1])
        start = columns[name].stop
    return keras.Model(image, L.Concatenate()(outputs) if outputs[1:] else outputs[0]), columns


def _said(arguments: dict[str, Any]) -> str:
    return ", ".join(f"{key}={value!r}" for key, value in arguments.items())


def _branch(name: str, arguments: dict[str, Any], around: Callable[..., Any]) -> Branch:
    return lambda image: around(image, getattr(L, name)(**arguments))


def _map(image: Any) -> Any:
    return L.Conv2D(4, 3, padding="same")(L.Rescaling(1 / 127.5, -1)(image))


def _on_maps(image: Any, layer: Any) -> Any:
    return layer(_map(image))


def _two(image: Any, layer: Any) -> Any:
    x, y = _map(image), L.Conv2D(4, 3, padding="same", activation="tanh")(_map(image))
    name = type(layer).__name__
    if name in ("Attention", "AdditiveAttention", "Dot"):
        return layer([L.Reshape((48, 16))(x), L.Reshape((48, 16))(y)])
    if name.startswith("Group"):
        x, y = L.Reshape((48, 16))(x), L.Reshape((48, 16))(y)
    return layer(x, y) if name.endswith("Attention") else layer([x, y])


def _on_pixels(image: Any, layer: Any) -> Any:
    return L.Conv2D(4, 3)(L.Rescaling(1 / 255)(layer(image)))


def _sequence(image: Any, layer: Any) -> Any:
    return layer(L.Reshape((12, 64))(_map(image)))


def _volume(image: Any, layer: Any) -> Any:
    return layer(L.Reshape((4, 6, 8, 4))(_map(image)))


_WRAPPED: dict[str, Callable[[Any], Any]] = {
    "Bidirectional(LSTM)": lambda i: L.Bidirectional(L.LSTM(3))(L.Reshape((12, 64))(_map(i))),
    "TimeDistributed(Conv2D)": lambda i: L.TimeDistributed(L.Conv2D(3, 2))(
        L.Reshape((4, 6, 8, 4))(_map(i))
    ),
    "TimeDistributed(RandomRotation)": lambda i: L.TimeDistributed(L.RandomRotation(0.3))(
        L.Reshape((2, 6, 16, 3))(i)
    ),
    "SpectralNormalization(Conv2D)": lambda i: L.SpectralNormalization(L.Conv2D(3, 2))(_map(i)),
    "BatchNormalization called with training=True": lambda i: L.BatchNormalization()(
        _map(i), training=True
    ),
    "Dropout called with training=True": lambda i: L.Dropout(0.5)(_map(i), training=True),
    "RandomFlip called with training=True": lambda i: L.RandomFlip()(i, training=True),
    "Conv2D, kernel regularised": lambda i: L.Conv2D(
        3, 2, kernel_regularizer="l2", activity_regularizer="l1"
    )(_map(i)),
    "Conv2D, channels first": lambda i: L.Conv2D(3, 2, data_format="channels_first")(
        L.Permute((3, 1, 2))(_map(i))
    ),
    "AveragePooling2D, channels first": lambda i: L.AveragePooling2D(
        2, data_format="channels_first"
    )(L.Permute((3, 1, 2))(_map(i))),
    "MultiHeadAttention over places": lambda i: L.MultiHeadAttention(
        2, 3, attention_axes=(1, 2)
    )(L.AveragePooling2D(2)(_map(i)), L.AveragePooling2D(2)(_map(i))),
    "a model within, called with training=True": lambda i: keras.Sequential(
        [keras.Input(SHAPE), L.RandomRotation(0.3), L.Dropout(0.5), L.Conv2D(3, 2)]
    )(i, training=True),
    "a model within a model within": keras.Sequential(
        [keras.Input(SHAPE), keras.Sequential([keras.Input(SHAPE), L.RandomZoom(0.3)])]
    ),
}
_OPERATIONS: dict[str, Callable[[Any], Any]] = {
    **{
        f"ops.image.resize({how}, {size}, antialias={smooth})": (
            lambda i, how=how, size=size, smooth=smooth: ops.image.resize(
                i, size, interpolation=how, antialias=smooth
            )
        )
        for how in ("nearest", "bilinear", "bicubic", "lanczos3")
        for size in ((5, 20), (24, 7))
        for smooth in (False, True)
    },
    "ops.image.crop_images": lambda i: ops.image.crop_images(
        i, top_cropping=1, left_cropping=2, target_height=6, target_width=7
    ),
    "ops.image.pad_images": lambda i: ops.image.pad_images(
        i, top_padding=1, left_padding=2, target_height=16, target_width=20
    ),
    "ops.image.extract_patches": lambda i: ops.image.extract_patches(i, 3, strides=2),
    "ops.image.gaussian_blur": lambda i: ops.image.gaussian_blur(i, (3, 3), (1.0, 1.0)),
    "ops.image.rgb_to_grayscale": ops.image.rgb_to_grayscale,
    "ops.image.rgb_to_hsv": lambda i: ops.image.rgb_to_hsv(i / 255.0),
    "ops.image.hsv_to_rgb": lambda i: ops.image.hsv_to_rgb(i / 255.0),
    "ops.image.sobel_edges": ops.image.sobel_edges,
    "ops.nn.depth_to_space": lambda i: ops.nn.depth_to_space(_map(i), 2),
    "ops.nn.space_to_depth": lambda i: ops.nn.space_to_depth(_map(i), 2),
    "ops.normalize": lambda i: ops.normalize(_map(i), axis=-1),
    "ops.moments": lambda i: ops.moments(i, (1, 2))[1],
    "ops.median": lambda i: ops.median(_map(i), axis=(1, 2)),
    "ops.quantile": lambda i: ops.quantile(_map(i), 0.3, axis=1),
    "ops.sort": lambda i: ops.sort(_map(i), axis=1),
    "ops.argmax": lambda i: ops.cast(ops.argmax(_map(i), axis=1), "float32"),
    "ops.top_k": lambda i: ops.top_k(_map(i), 2)[0],
    "ops.cumsum": lambda i: ops.cumsum(_map(i), axis=1),
    "ops.roll": lambda i: ops.roll(_map(i), 3, axis=1),
    "ops.flip": lambda i: ops.flip(_map(i), axis=2),
    "ops.round": lambda i: ops.round(_map(i) * 20),
    "ops.floor_divide": lambda i: ops.floor_divide(i - 100.0, 7.0),
    "ops.mod": lambda i: ops.mod(i - 100.0, 7.0),
    "ops.erf": lambda i: ops.erf(_map(i)),
    "ops.logsumexp": lambda i: ops.logsumexp(_map(i), axis=-1),
    "ops.einsum": lambda i: ops.einsum("bhwc,bhwd->bcd", _map(i), _map(i)),
    "ops.pad, reflect": lambda i: ops.pad(_map(i), ((0, 0), (2, 2), (2, 2), (0, 0)), "reflect"),
    "ops.pad, symmetric": lambda i: ops.pad(
        _map(i), ((0, 0), (2, 2), (2, 2), (0, 0)), "symmetric"
    ),
    "ops.where": lambda i: ops.where(_map(i) > 0, _map(i), -1.0),
    "ops.clip": lambda i: ops.clip(_map(i), -0.2, 0.4),
    "ops.var": lambda i: ops.var(i + 1000.0, axis=(1, 2)),
    "ops.std": lambda i: ops.std(i + 1000.0, axis=(1, 2)),
    "ops.log": lambda i: ops.log(i - 100.0),
    "slicing": lambda i: _map(i)[:, 1:-2:2, ::-1],
}
