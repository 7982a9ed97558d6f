"""What is to be computed of every image: a frozen, hashable request."""

from __future__ import annotations

import dataclasses
import functools
import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass
from importlib.metadata import version
from numbers import Integral
from pathlib import Path
from typing import Any

from .._advice import advice, parameter
from .._errors import WeightsError, did_you_mean
from .._file_status import file_status
from .._processor import arithmetic
from ..backbones._classes import class_names
from ..backbones._registry import resolve
from ..backbones._spec import Backbone
from ..images import resize_convention
from ..layers._select import EMBEDDING, PREDICTIONS, Tap, needs_top, select
from ._engines import choose_engine
from .engines._openvino_door import device as _openvino_device

POOLINGS = ("avg", "max", "both")
ACTIVATIONS = ("pre", "post")
PRECISIONS = ("float32", "bfloat16")
_WHICH_WEIGHTS = "Or give None, or the path of a weights file."
_WHICH_SIZE = "Say which with image_size=(height, width)."

# Raised whenever our own code changes the numbers of an unchanged request.
_NUMBERS = 5
_NUMERIC_PACKAGES = {
    "jax": ("jax", "jaxlib", "keras", "numpy", "pillow"),
    "openvino": ("keras", "numpy", "openvino", "pillow"),
}
_MAX_SIDE = 4096  # pixels; networks are trained with a few hundred
_DEFAULT_RESIZE = "pil-bilinear-antialias"


@dataclass(frozen=True, slots=True)
class ExtractionSpec:
    """A request: which network, prepared how, tapped where, at what precision.

    Parameters
    ----------
    backbone : Backbone
        With the input size that was asked for.
    weights : str
        ``"imagenet"``, ``"random"`` or a path.
    weights_digest : str
        The sha256 of the file at that path; empty for the other two.
    resize : str
        The full name of a resize convention.
    taps : tuple of Tap
        The layers, in the order of the columns.
    activation : {"pre", "post"}
        Whether a layer is tapped before or after its normalisation and activation.
    pooling : {"avg", "max", "both"}
        How a feature map becomes a vector.
    precision : {"float32", "bfloat16"}
        Of the network's arithmetic; results are float32.
    engine : {"jax", "openvino"}
        Who runs the network.
    decoding : {"exact", "scaled"}, default="exact"
        How JPEGs much larger than the input are decoded.
    """

    backbone: Backbone
    weights: str
    weights_digest: str
    resize: str
    taps: tuple[Tap, ...]
    activation: str
    pooling: str
    precision: str
    engine: str
    decoding: str = "exact"

    @property
    def columns(self) -> tuple[tuple[str, int], ...]:
        """What is stored, and how wide it is: the key of a layer says all that is its own."""
        return tuple(
            (self._key(tap, pooling), tap.n_channels)
            for tap in self.taps
            for pooling in self.poolings(tap)
        )

    @property
    def width(self) -> int:
        """The number of columns."""
        return sum(width for _, width in self.columns)

    @property
    def layer_slices(self) -> dict[str, slice]:
        """The columns of each layer."""
        slices, start = {}, 0
        for tap in self.taps:
            stop = start + tap.n_channels * len(self.poolings(tap))
            slices[tap.label] = slice(start, stop)
            start = stop
        return slices

    @property
    def feature_names(self) -> list[str]:
        """A unique name for each column."""
        return [
            name
            for tap in self.taps
            for pooling in self.poolings(tap)
            for name in self._names(tap, pooling)
        ]

    @property
    def top(self) -> bool:
        """Whether the network is built with its classifier."""
        return needs_top(self.backbone, self.taps)

    def poolings(self, tap: Tap) -> tuple[str, ...]:
        """How the tap is pooled, in the order of its columns; vectors are taken as they are."""
        if not tap.is_spatial:
            return ("none",)
        return ("avg", "max") if self.pooling == "both" else (self.pooling,)

    def _key(self, tap: Tap, pooling: str) -> str:
        if tap.layer in (EMBEDDING, PREDICTIONS):
            return f"{tap.layer} {pooling}"
        return f"{tap.layer} {self.activation} {pooling}"

    @property
    def builder_weights(self) -> str | None:
        """The weights as a backbone's builder takes them."""
        return None if self.weights == "random" else self.weights

    def _names(self, tap: Tap, pooling: str) -> Sequence[str]:
        if tap.layer == PREDICTIONS:
            return class_names(self.backbone.classes)
        digits = max(3, len(str(tap.n_channels - 1)))
        stem = (
            f"{tap.label}__{pooling}"
            if self.pooling == "both" and tap.is_spatial
            else tap.label
        )
        return [f"{stem}__{i:0{digits}d}" for i in range(tap.n_channels)]

    def base(self) -> str:
        """Hexadecimal digest of all that changes numbers, but for the choice of layers.

        It loads the engine, to name the kind of device: each rounds in its own way.
        """
        facts = {
            "backbone": self.backbone.fingerprint(),
            "weights": self.weights_digest or self.weights,
            "resize": self.resize,
            "precision": self.precision,
            "engine": self.engine,
            "device": _openvino_device() if self.engine == "openvino" else _jax_device(),
            "numbers": _NUMBERS,
            "versions": _versions(self.engine),
        }
        if self.decoding != "exact":  # which rows kept by earlier versions were, and do not say
            facts["decoding"] = self.decoding
        return hashlib.sha256(json.dumps(facts, sort_keys=True).encode()).hexdigest()

    def meaning(self) -> str:
        """Hexadecimal digest of what the columns are, whoever computes them and where."""
        facts = {
            # What a network from a file is called changes with the file's place.
            "backbone": self.backbone.digest or self.backbone.fingerprint(),
            "preparation": repr(self.backbone.preparation),
            "size": self.backbone.input_size,
            "weights": self.weights_digest or self.weights,
            "resize": self.resize,
            "decoding": self.decoding,
            "columns": self.columns,
        }
        return hashlib.sha256(json.dumps(facts, sort_keys=True).encode()).hexdigest()

    def description(self) -> dict[str, str]:
        """What a person needs to recognise the request."""
        height, width = self.backbone.input_size
        return {
            "backbone": self.backbone.name,
            "weights": self.weights,
            "size": f"{height} x {width}",
            "resize": self.resize,
            **({} if self.decoding == "exact" else {"decoding": self.decoding}),
            "layers": _shortened([tap.label for tap in self.taps]),
            "pooling": self.pooling,
            "precision": self.precision,
            "engine": self.engine,
        }


def make_spec(
    backbone: Any,
    *,
    layers: str | int | Sequence[str | int] = EMBEDDING,
    pooling: str = "auto",
    activation: str = "post",
    weights: str | Path | None = "imagenet",
    image_size: int | tuple[int, int] | None = None,
    resize: str | None = None,
    decoding: str = "exact",
    precision: str = "float32",
    engine: str = "auto",
) -> ExtractionSpec:
    """Check what an estimator was given and settle every default.

    Raises
    ------
    TypeError, ValueError, WeightsError
        What is wrong, what is allowed, and the nearest valid name.
    ImportError
        If an engine is asked for that is not installed.
    """
    known = resolve(backbone)
    source, digest = _weights(weights)
    default = known.preparation.resize if known.preparation else _DEFAULT_RESIZE
    convention = resize_convention(resize or default, default)
    sized = dataclasses.replace(known, input_size=_size(known, image_size))
    return ExtractionSpec(
        backbone=sized,
        weights=source,
        weights_digest=digest,
        resize=convention.name,
        taps=select(sized, layers),
        activation=activation,
        pooling=known.pooling if pooling == "auto" else pooling,
        precision=precision,
        engine=choose_engine(engine, precision),
        # A filter that picks single pixels gets all of them, and so the same numbers.
        decoding=decoding if convention.antialias else "exact",
    )


def _shortened(labels: list[str]) -> str:
    return ", ".join(labels) if len(labels) <= 3 else f"{labels[0]}, ... {len(labels)} in all"


def _size(backbone: Backbone, image_size: int | tuple[int, int] | None) -> tuple[int, int]:
    if image_size is None:
        size = backbone.input_size
        if 0 in size:
            raise ValueError(
                f"{backbone.name!r} takes images of any size."
                f"{advice(_WHICH_SIZE, command='Say which with --image-size.')}"
            )
        return size
    several = isinstance(image_size, tuple | list)
    sides = tuple(image_size) if several else (image_size, image_size)
    if len(sides) != 2 or not all(isinstance(side, Integral) for side in sides):
        raise ValueError(f"image_size must be an int or (height, width), got {image_size!r}.")
    size = (int(sides[0]), int(sides[1]))
    if min(size) < backbone.min_size:
        raise ValueError(
            f"{parameter('image_size')} is {image_size!r}; {backbone.name!r} takes at least "
            f"{backbone.min_size} x {backbone.min_size} pixels."
        )
    if max(size) > _MAX_SIDE and size != backbone.input_size:
        raise ValueError(
            f"{parameter('image_size')} is {image_size!r}; at most {_MAX_SIDE:,} pixels a side are "
            "allowed: the feature maps of one larger image take gigabytes."
        )
    fixed = backbone.origin in ("file", "model")
    if fixed and any(
        s not in (0, asked) for s, asked in zip(backbone.input_size, size, strict=True)
    ):
        raise ValueError(
            f"{parameter('image_size')} is {image_size!r}, and {backbone.name!r} was built for "
            f"{backbone.input_size}."
        )
    return size


def _weights(weights: str | Path | None) -> tuple[str, str]:
    if weights is None:
        return "random", ""
    if weights == "imagenet":
        return "imagenet", ""
    path = Path(weights).expanduser()
    try:
        status = file_status(path)
    except OSError:
        raise WeightsError(
            f"{parameter('weights')} is {str(weights)!r}, which is no file. "
            f"{did_you_mean(weights, ['imagenet'])}"
            f"{advice(_WHICH_WEIGHTS, command='Or give the path of a weights file.')}"
        ) from None
    return str(path.resolve()), _digest(path.resolve(), status)


@functools.lru_cache(maxsize=64)
def _digest(path: Path, _status: tuple[int, ...]) -> str:
    """The sha256 of a file, computed again once its status has changed."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


@functools.cache
def _versions(engine: str) -> dict[str, str]:
    # simplejpeg and Numba are none of them: they give Pillow's bits.
    return {name: version(name) for name in _NUMERIC_PACKAGES[engine]}


@functools.cache
def _jax_device() -> str:
    from .._jax import matmul_precision, on_cpu, used_devices

    # JAX calls every CPU "cpu".
    kind = f"cpu {arithmetic()}" if on_cpu() else used_devices()[0].device_kind
    precision = matmul_precision()
    return kind if precision == "default" else f"{kind}, products in {precision}"
