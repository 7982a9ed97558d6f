"""A saved pipeline, and where files go."""

from __future__ import annotations

import pytest
from sklearn.pipeline import make_pipeline
from sklearn.svm import LinearSVC

from skembed import PretrainedEmbedder, save


@pytest.fixture
def path(tmp_path):
    return tmp_path / "model.skops"


@pytest.fixture(scope="session")
def fitted(paths, labels, tmp_path_factory) -> bytes:
    """A fitted pipeline, as bytes."""
    file = tmp_path_factory.mktemp("fitted") / "model.skops"
    pipeline = make_pipeline(PretrainedEmbedder(image_size=32, layers="stage1"), LinearSVC())
    save(pipeline.fit(paths, labels), file)
    return file.read_bytes()
