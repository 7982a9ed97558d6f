"""Rows with neighbours, and an index of real pictures."""

from __future__ import annotations

import numpy as np
import pytest

from skembed import ImageSearch, PretrainedEmbedder


@pytest.fixture(scope="session")
def rows() -> np.ndarray:
    """20,000 rows in clusters, as embeddings lie."""
    random = np.random.default_rng(0)
    centres = random.standard_normal((500, 64), np.float32)
    return centres[random.integers(0, 500, 20_000)] + 0.4 * random.standard_normal(
        (20_000, 64), np.float32
    )


@pytest.fixture(scope="session")
def embedder() -> PretrainedEmbedder:
    """Small and quick; its rows are kept, so that each picture runs once in all tests."""
    return PretrainedEmbedder(image_size=64, engine="jax")


@pytest.fixture(scope="session")
def searched(embedder, paths) -> ImageSearch:
    """The pictures by their paths. Tests that change it work on a copy."""
    return ImageSearch(embedder, n_neighbors=3).fit(paths)
