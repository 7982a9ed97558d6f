"""What is to be computed of every image, a frozen, hashable request; and how it is to be run."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass
from numbers import Integral
from pathlib import Path
from typing import Any

from .._errors import advice, parameter
from .._processor import n_cores
from ..backbones._backbone import Backbone
from ..backbones._formats import format_of
from ..backbones._registry import resolve
from ..engines import Engine
from ..engines._registry import choose
from ..formats._network import EMBEDDING, NetworkSpec
from ..formats._weights import known_weights
from ..images import resize_convention
from ..layers._select import select

_WHICH_SIZE = "Say which with image_size=(height, width)."

# Raised whenever our own code changes the numbers of an unchanged request.
_NUMBERS = 5
# What each is in the key of rows; earlier versions rounded all convolutions to bfloat16.
_PRECISIONS = {"float32": "float32", "bfloat16": "bfloat16, depthwise convolutions float32"}
# More threads than this wait for the disk and the interpreter rather than decode.
_MOST_THREADS = 16
_MAX_SIDE = 4096  # pixels; networks are trained with a few hundred


@dataclass(frozen=True, slots=True)
class ExtractionSpec:
    """A request: which network, prepared how, tapped where, at what precision.

    Parameters
    ----------
    network : NetworkSpec
        What the engine builds.
    resize : str
        The full name of a resize convention.
    engine : Engine
        Who runs the network.
    decoding : {"exact", "scaled"}, default="exact"
        How JPEGs much larger than the input are decoded.
    """

    network: NetworkSpec
    resize: str
    engine: Engine
    decoding: str = "exact"

    @property
    def backbone(self) -> Backbone:
        """The network's."""
        return self.network.backbone

    def base(self) -> str:
        """Hexadecimal digest of all that changes numbers, but for the choice of layers.

        It loads the engine, to name the kind of device: each rounds in its own way.
        """
        facts = {
            "backbone": self.backbone.fingerprint(),
            "weights": self.network.weights_digest or self.network.weights,
            "resize": self.resize,
            "precision": _PRECISIONS[self.network.precision],
            "numbers": _NUMBERS,
            **self.engine.key(),
        }
        if self.decoding != "exact":  # which rows kept by earlier versions were, and do not say
            facts["decoding"] = self.decoding
        return hashlib.sha256(json.dumps(facts, sort_keys=True).encode()).hexdigest()

    def meaning(self) -> str:
        """Hexadecimal digest of what the columns are, whatever engine or machine computes them."""
        facts = {
            # The name of a network from a file changes with the file's path.
            "backbone": self.backbone.digest or self.backbone.fingerprint(),
            "preparation": repr(self.backbone.preparation),
            **({} if self.backbone.frames == "first" else {"frames": self.backbone.frames}),
            "size": self.backbone.input_size,
            "weights": self.network.weights_digest or self.network.weights,
            "resize": self.resize,
            "decoding": self.decoding,
            "columns": self.network.columns,
        }
        return hashlib.sha256(json.dumps(facts, sort_keys=True).encode()).hexdigest()

    def description(self) -> dict[str, str]:
        """What a person needs to recognise the request."""
        height, width = self.backbone.input_size
        return {
            "backbone": self.backbone.name,
            "weights": self.network.weights,
            "size": f"{height} x {width}",
            "resize": self.resize,
            **({} if self.decoding == "exact" else {"decoding": self.decoding}),
            "layers": _shortened([tap.label for tap in self.network.taps]),
            "pooling": self.network.pooling,
            "precision": self.network.precision,
            "engine": self.engine.name,
        }


@dataclass(frozen=True, slots=True)
class RunOptions:
    """How to run a request; nothing here changes a number, but for last bits on an accelerator.

    Parameters
    ----------
    color_space : {"rgb", "rgba", "bgr", "bgra"}
        The channels of images given as arrays.
    batch_size : int or "auto"
        Images that travel together; on an accelerator, that go through the network at once.
    n_jobs : int or None
        Threads that read and decode; None is one for each core, up to 16.
    cache : bool or path
        Whether, and where, rows are kept.
    on_error : {"raise", "nan", "mean"}
        What happens to an image that cannot be read. The last two differ in what the warning says.
    progress : {"auto", True, False} or callable
        Whether, and how, progress is shown.
    is_part : bool
        Whether the images are a part of X, so that all of them may be unreadable. The caller then
        reports the unreadable images of all parts.
    """

    color_space: str = "rgb"
    batch_size: int | str = "auto"
    n_jobs: int | None = None
    cache: bool | str | Path = True
    on_error: str = "raise"
    progress: Any = "auto"
    is_part: bool = False

    @property
    def n_threads(self) -> int:
        """Threads that read and decode."""
        if self.n_jobs is None:
            return min(n_cores(), _MOST_THREADS)
        return self.n_jobs if self.n_jobs > 0 else max(1, n_cores() + 1 + self.n_jobs)


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
    source, digest = known_weights(weights)
    convention = resize_convention(resize or known.resize, known.resize)
    sized = format_of(known).sized(known, _size(known, image_size))
    return ExtractionSpec(
        NetworkSpec(
            backbone=sized,
            weights=source,
            weights_digest=digest,
            taps=select(sized, layers),
            activation=activation,
            pooling=known.pooling if pooling == "auto" else pooling,
            precision=precision,
        ),
        resize=convention.name,
        engine=choose(engine, sized, precision),
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
    if not format_of(backbone).takes_size(backbone, size):
        raise ValueError(
            f"{parameter('image_size')} is {image_size!r}, and {backbone.name!r} was built for "
            f"{backbone.input_size}."
        )
    return size
