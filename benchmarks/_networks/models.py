"""Whole networks: those of ``keras.applications``, and such as people build."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import keras
from keras import layers as L  # noqa: N812
from keras import ops

SHAPE = (32, 40, 3)


def own_models() -> Iterator[tuple[str, Callable[[], Any]]]:
    """Yield a name, and a function that builds a network."""
    for function in _MODELS:
        yield function.__name__.strip("_"), lambda function=function: _model(function)


def _model(function: Callable[[Any], Any]) -> Any:
    image = keras.Input(SHAPE)
    return keras.Model(image, function(image))


def _stem(image: Any, filters: int = 8) -> Any:
    x = L.Conv2D(filters, 3, strides=2, padding="same", use_bias=False)(
        L.Rescaling(1 / 255)(image)
    )
    return L.ReLU()(L.BatchNormalization()(x))


def _head(x: Any) -> Any:
    return L.Dense(10)(L.GlobalAveragePooling2D()(x))


def augmented_tutorial(image: Any) -> Any:
    augmentation = keras.Sequential([L.RandomFlip("horizontal"), L.RandomRotation(0.2)])
    return _head(_stem(augmentation(image)))


def every_augmentation(image: Any) -> Any:
    x = image
    for layer in (
        L.RandomFlip(),
        L.RandomRotation(0.3),
        L.RandomZoom(0.3),
        L.RandomTranslation(0.2, 0.2),
        L.RandomContrast(0.5),
        L.RandomBrightness(0.5),
        L.RandomGrayscale(1.0),
        L.RandomErasing(),
        L.GaussianNoise(0.9),
    ):
        x = layer(x)
    return _head(_stem(x))


def augmented_in_the_middle(image: Any) -> Any:
    return _head(L.RandomCrop(8, 8)(_stem(image)))


def trained_batch_normalisation(image: Any) -> Any:
    return _head(L.BatchNormalization()(_stem(image), training=True))


def monte_carlo_dropout(image: Any) -> Any:
    return L.Dropout(0.5)(
        _head(L.SpatialDropout2D(0.5)(_stem(image), training=True)), training=True
    )


def residual(image: Any) -> Any:
    x = _stem(image)
    for _ in range(3):
        x = L.ReLU()(L.Add()([x, L.BatchNormalization()(L.Conv2D(8, 3, padding="same")(x))]))
    return _head(x)


def dense_joined(image: Any) -> Any:
    x = _stem(image)
    for _ in range(3):
        x = L.Concatenate()([x, L.Conv2D(4, 3, padding="same", activation="relu")(x)])
    return _head(x)


def squeeze_and_excite(image: Any) -> Any:
    x = _stem(image)
    gate = L.GlobalAveragePooling2D(keepdims=True)(x)
    gate = L.Conv2D(8, 1, activation="sigmoid")(L.Conv2D(2, 1, activation="silu")(gate))
    return _head(L.Multiply()([x, gate]))


def inverted_bottleneck(image: Any) -> Any:
    x = _stem(image)
    y = L.ReLU(6.0)(L.BatchNormalization()(L.Conv2D(32, 1, use_bias=False)(x)))
    y = L.ReLU(6.0)(L.BatchNormalization()(L.DepthwiseConv2D(3, padding="same")(y)))
    return _head(x + L.BatchNormalization()(L.Conv2D(8, 1)(y)))


def inception(image: Any) -> Any:
    x = _stem(image)
    branches = [
        L.Conv2D(4, 1)(x),
        L.Conv2D(4, 3, padding="same")(x),
        L.Conv2D(4, (1, 7), padding="same")(x),
        L.AveragePooling2D(3, 1, "same")(x),
    ]
    return _head(L.Concatenate()(branches))


def u_shaped(image: Any) -> Any:
    x = _stem(image)
    y = L.Conv2D(16, 3, padding="same", activation="relu")(L.MaxPooling2D()(x))
    y = L.UpSampling2D(interpolation="bilinear")(y)
    return L.Conv2D(3, 1)(L.Concatenate()([x, y]))


def u_shaped_nearest(image: Any) -> Any:
    x = _stem(image)
    return L.Conv2D(3, 1)(L.Add()([x, L.UpSampling2D()(L.Conv2D(8, 2, 2)(x))]))


def transposed_decoder(image: Any) -> Any:
    x = L.Conv2D(16, 3, strides=2, padding="same")(_stem(image))
    return L.Conv2DTranspose(3, 4, strides=2, padding="same", activation="tanh")(x)


def pyramid(image: Any) -> Any:
    x = _stem(image)
    parts = [x]
    for size in (1, 2, 4):
        y = L.Conv2D(4, 1)(L.AveragePooling2D(size)(x))
        parts.append(ops.image.resize(y, (16, 20), interpolation="bilinear"))
    return _head(L.Concatenate()(parts))


def pyramid_bicubic(image: Any) -> Any:
    x = _stem(image)
    y = ops.image.resize(L.Conv2D(8, 1)(x), (7, 9), interpolation="bicubic", antialias=True)
    return _head(L.Add()([x, L.Resizing(16, 20, interpolation="bicubic")(y)]))


def resized_at_the_door(image: Any) -> Any:
    return _head(_stem(L.Resizing(21, 19, antialias=True)(image)))


def resized_nearest(image: Any) -> Any:
    return _head(_stem(L.Resizing(21, 19, interpolation="nearest")(image)))


def cropped_to_a_square(image: Any) -> Any:
    return _head(_stem(L.Resizing(24, 24, crop_to_aspect_ratio=True)(image)))


def letterboxed(image: Any) -> Any:
    return _head(_stem(L.Resizing(24, 24, pad_to_aspect_ratio=True)(image)))


def centre_cropped(image: Any) -> Any:
    return _head(_stem(L.CenterCrop(24, 20)(image)))


def vision_transformer(image: Any) -> Any:
    x = L.Reshape((80, 16))(L.Conv2D(16, 4, strides=4)(L.Rescaling(1 / 255)(image)))
    for _ in range(2):
        y = L.LayerNormalization()(x)
        x = x + L.MultiHeadAttention(2, 8)(y, y)
        y = L.Dense(32, activation="gelu")(L.LayerNormalization()(x))
        x = x + L.Dense(16)(L.Dropout(0.1)(y))
    return L.Dense(10)(L.GlobalAveragePooling1D()(x))


def mixer(image: Any) -> Any:
    x = L.Reshape((80, 16))(L.Conv2D(16, 4, strides=4)(L.Rescaling(1 / 255)(image)))
    y = L.Permute((2, 1))(L.LayerNormalization()(x))
    x = x + L.Permute((2, 1))(L.Dense(80, activation="gelu")(y))
    return L.Dense(10)(L.GlobalMaxPooling1D()(x))


def convolution_and_attention(image: Any) -> Any:
    x = L.MaxPooling2D()(_stem(image))
    return _head(L.MultiHeadAttention(2, 4, attention_axes=(1, 2))(x, x))


def convnext(image: Any) -> Any:
    x = L.LayerNormalization(epsilon=1e-6)(
        L.Conv2D(8, 4, strides=4)(L.Rescaling(1 / 255)(image))
    )
    y = L.LayerNormalization(epsilon=1e-6)(L.DepthwiseConv2D(7, padding="same")(x))
    return _head(x + L.Dense(8)(L.Dense(32, activation="gelu")(y)))


def rows_as_time(image: Any) -> Any:
    return L.Dense(5)(
        L.Bidirectional(L.GRU(6))(L.Reshape((32, 120))(L.Rescaling(1 / 255)(image)))
    )


def convolutional_lstm(image: Any) -> Any:
    x = L.Reshape((2, 16, 40, 3))(L.Rescaling(1 / 255)(image))
    return _head(L.ConvLSTM2D(4, 3)(x))


def group_normalised(image: Any) -> Any:
    return _head(L.Activation("silu")(L.GroupNormalization(4)(L.Conv2D(8, 3)(_stem(image)))))


def instance_normalised(image: Any) -> Any:
    x = L.GroupNormalization(-1)(L.Conv2D(8, 3)(_stem(image)))
    return L.GlobalMaxPooling2D()(x)


def layer_normalised(image: Any) -> Any:
    return _head(L.LayerNormalization(axis=[1, 2, 3])(_stem(image)))


def unit_normalised(image: Any) -> Any:
    return L.UnitNormalization()(_head(_stem(image)))


def spectrally_normalised(image: Any) -> Any:
    return _head(L.SpectralNormalization(L.Conv2D(8, 3))(_stem(image)))


def fully_connected(image: Any) -> Any:
    x = L.Flatten()(L.Rescaling(1 / 255)(image))
    return L.Dense(10, activation="softmax")(L.Dense(32, activation="relu")(x))


def flattened(image: Any) -> Any:
    return L.Dense(10)(L.Flatten()(L.MaxPooling2D(3)(_stem(image))))


def all_convolutional_softmax(image: Any) -> Any:
    return L.Softmax()(L.GlobalAveragePooling2D()(L.Conv2D(10, 1)(_stem(image))))


def softmax_on_maps(image: Any) -> Any:
    return L.Conv2D(5, 3, activation="softmax")(_stem(image))


def saturated(image: Any) -> Any:
    return L.Dense(6, activation="softmax")(L.Flatten()(image))


def dead(image: Any) -> Any:
    return L.GlobalAveragePooling2D()(L.ReLU()(L.Conv2D(4, 3)(_stem(image)) - 1e4))


def not_a_number(image: Any) -> Any:
    return ops.log(L.GlobalAveragePooling2D()(L.Conv2D(4, 3)(_stem(image))) - 1e4)


def infinite(image: Any) -> Any:
    return L.GlobalMaxPooling2D()(ops.exp(image * 10.0))


def huge(image: Any) -> Any:
    return _head(_stem(image)) * 1e30


def tiny(image: Any) -> Any:
    return _head(_stem(image)) * 1e-30


def grey(image: Any) -> Any:
    return _head(_stem(ops.image.rgb_to_grayscale(image)))


def hue(image: Any) -> Any:
    return _head(_stem(ops.image.rgb_to_hsv(image / 255.0)))


def edges(image: Any) -> Any:
    return _head(L.Conv2D(4, 3)(L.Reshape((32, 40, 6))(ops.image.sobel_edges(image / 255.0))))


def patches(image: Any) -> Any:
    return _head(L.Dense(8)(ops.image.extract_patches(image / 255.0, 8)))


def sub_pixels(image: Any) -> Any:
    return L.Conv2D(3, 1)(ops.nn.depth_to_space(L.Conv2D(16, 1)(_stem(image)), 2))


def normalised_by_statistics(image: Any) -> Any:
    return _head(_stem(L.Normalization(mean=[120.0, 110, 100], variance=[60.0, 50, 40])(image)))


def colour_table(image: Any) -> Any:
    return _head(L.Conv2D(4, 3)(ops.one_hot(ops.cast(image[..., 0] / 64, "int32"), 4)))


def gated(image: Any) -> Any:
    x = _stem(image)
    return _head(L.Conv2D(8, 1)(x) * ops.sigmoid(L.Conv2D(8, 1)(x)))


def shared_twice(image: Any) -> Any:
    layer = L.Conv2D(8, 3, padding="same", activation="relu")
    return _head(layer(layer(_stem(image))))


def siamese(image: Any) -> Any:
    tower = keras.Sequential([L.Conv2D(4, 3, activation="relu"), L.GlobalAveragePooling2D()])
    return ops.abs(tower(image / 255.0) - tower(ops.flip(image, axis=2) / 255.0))


def nested_with_dropout(image: Any) -> Any:
    inner = keras.Sequential([keras.Input((16, 20, 8)), L.Dropout(0.5), L.Conv2D(8, 3)])
    return _head(inner(_stem(image), training=True))


def wide_kernels(image: Any) -> Any:
    return _head(L.SeparableConv2D(8, 11, dilation_rate=1, padding="same")(_stem(image)))


def dilated(image: Any) -> Any:
    x = _stem(image)
    for rate in (1, 2, 4):
        x = L.Conv2D(8, 3, dilation_rate=rate, padding="same", activation="elu")(x)
    return _head(x)


def grouped(image: Any) -> Any:
    return _head(L.Conv2D(16, 3, groups=4)(_stem(image)))


def reflected_borders(image: Any) -> Any:
    x = ops.pad(image / 255.0, ((0, 0), (3, 3), (3, 3), (0, 0)), "reflect")
    return L.GlobalMaxPooling2D()(L.Conv2D(8, 7)(x))


def parametric_rectifiers(image: Any) -> Any:
    return _head(L.PReLU(shared_axes=[1, 2])(L.Conv2D(8, 3)(L.PReLU()(_stem(image)))))


def swished(image: Any) -> Any:
    x = _stem(image)
    for name in ("swish", "mish", "hard_silu", "gelu", "selu", "softplus"):
        x = L.Conv2D(8, 3, padding="same", activation=name)(x)
    return _head(x)


_MODELS = (
    augmented_tutorial, every_augmentation, augmented_in_the_middle, trained_batch_normalisation,
    monte_carlo_dropout, residual, dense_joined, squeeze_and_excite, inverted_bottleneck,
    inception, u_shaped, u_shaped_nearest, transposed_decoder, pyramid, pyramid_bicubic,
    resized_at_the_door, resized_nearest, cropped_to_a_square, letterboxed, centre_cropped,
    vision_transformer, mixer, convolution_and_attention, convnext, rows_as_time,
    convolutional_lstm, group_normalised, instance_normalised, layer_normalised, unit_normalised,
    spectrally_normalised, fully_connected, flattened, all_convolutional_softmax,
    softmax_on_maps, saturated, dead, not_a_number, infinite, huge, tiny, grey, hue, edges,
    patches, sub_pixels, normalised_by_statistics, colour_table, gated, shared_twice, siamese,
    nested_with_dropout, wide_kernels, dilated, grouped, reflected_borders,
    parametric_rectifiers, swished,
)  # fmt: skip
