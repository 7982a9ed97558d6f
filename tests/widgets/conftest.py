"""Fitted classifiers on real photographs, for the widgets that look inside them."""

from __future__ import annotations

import pytest
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from skembed import FullNetworkEmbedder, PretrainedEmbedder

LAYERS = ["stage1", "block2a_expand_conv", "block2a_dwconv"]


@pytest.fixture(scope="session")
def classifier(pictures, labels):
    """A linear classifier on three layers of two stages, fitted on every second picture."""
    embedder = PretrainedEmbedder(layers=LAYERS, image_size=64, engine="jax")
    clf = make_pipeline(embedder, StandardScaler(), LogisticRegression())
    return clf.fit(pictures[::2], labels[::2])


@pytest.fixture(scope="session")
def ternary_embedder(pictures):
    """A full-network embedding of the same layers."""
    embedder = FullNetworkEmbedder(layers=LAYERS, image_size=64, engine="jax")
    return embedder.fit(pictures)
