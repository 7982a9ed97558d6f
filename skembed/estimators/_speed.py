"""How fast a network is on this machine, as an embedder runs it."""

from __future__ import annotations

import statistics
import time
import warnings

import numpy as np

from ..backbones import Backbone
from ..extraction._programs import forget
from .pretrained import PretrainedEmbedder

_RUNS = 3
_SECONDS = 0.3  # of a run at least
_FEWEST, _MOST = 8, 1024


def images_per_second(backbone: Backbone) -> float:
    """Return how many images a second go through a network, without reading and resizing them.

    Parameters
    ----------
    backbone : Backbone
        Its weights are drawn at random, but those of a model that is given as it is. It is
        built, run, and forgotten.

    Returns
    -------
    float
        The median of three runs of 0.3 seconds at least.
    """
    weights = "imagenet" if backbone.digest else None  # a model's own, or random ones
    embedder = PretrainedEmbedder(backbone, weights=weights, cache=False, progress=False)
    height, width = embedder._checked_spec().backbone.input_size
    shape = (_FEWEST, height, width, backbone.n_channels)
    images = list(np.random.default_rng(0).integers(0, 256, shape, np.uint8))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)  # that the weights are random
        try:
            _seconds(embedder, images, 1)  # builds and compiles
            n = 1
            while (seconds := _seconds(embedder, images, n)) < _SECONDS and n * _FEWEST < _MOST:
                n *= 2
            seconds = [seconds, *(_seconds(embedder, images, n) for _ in range(_RUNS - 1))]
        finally:
            forget(embedder._spec())
    return n * _FEWEST / statistics.median(seconds)


def _seconds(embedder: PretrainedEmbedder, images: list[np.ndarray], n: int) -> float:
    """How long `n` times the images take, each a little different, or equal ones run once."""
    varied = [np.roll(image, shift, axis=1) for shift in range(n) for image in images]
    start = time.perf_counter()
    embedder.transform(varied)
    return time.perf_counter() - start
