"""A search whose processes count the images that they run.

Its workers import this module: it needs neither Keras nor JAX, and nor do they where OpenVINO runs
the network.
"""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
from skimage import data
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline
from sklearn.svm import LinearSVC

from skembed import PretrainedEmbedder, config_context
from skembed.extraction import images_run


def tiles(n: int) -> tuple[list[np.ndarray], list[str]]:
    """`n` different tiles of 64 x 64 pixels, a quarter each of four photographs."""
    photographs = {
        name: getattr(data, name)() for name in ("brick", "coffee", "grass", "rocket")
    }
    corners = [(y, x) for y in range(0, 320, 32) for x in range(0, 320, 32)]
    step = len(corners) // (n // 4)
    chosen = [(name, y, x) for name in photographs for y, x in corners[::step][: n // 4]]
    images = [photographs[name][y : y + 64, x : x + 64].copy() for name, y, x in chosen]
    return images, [name for name, *_ in chosen]


class CountedAccuracy:
    """A scorer that notes how many images its process has run so far."""

    def __init__(self, log: Path):
        self.log = log

    def __call__(self, estimator, X, y):
        self.note()
        return estimator.score(X, y)

    def note(self) -> None:
        with self.log.open("a") as file:
            file.write(f"{os.getpid()} {images_run()}\n")

    def total(self) -> int:
        """Images run in all processes together."""
        lines = [line.split() for line in self.log.read_text().splitlines()]
        return sum({int(process): int(count) for process, count in lines}.values())


def search(cache: Path, log: Path, n_jobs: int | None = None) -> GridSearchCV:
    """Search over 3 candidates x 5 folds of 100 images, and fit the best.

    The store is that of the settings here, which workers have to be told.
    """
    X, y = tiles(100)
    pipeline = make_pipeline(PretrainedEmbedder(image_size=64), LinearSVC(max_iter=10_000))
    counted = CountedAccuracy(log)
    grid = {"linearsvc__C": [0.001, 0.01, 0.1]}
    with config_context(cache_dir=cache):
        found = GridSearchCV(pipeline, grid, cv=5, n_jobs=n_jobs, scoring=counted).fit(X, y)
    counted.note()  # the last fit is this process's
    return found
