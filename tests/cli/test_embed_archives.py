"""``skembed embed`` of an archive: streamed, and every row with the name of its image."""

from __future__ import annotations

import tarfile
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import skimage

from skembed import PretrainedEmbedder, images
from skembed.cli import main

ROCKET = Path(skimage.__file__).parent / "data" / "rocket.jpg"


@pytest.mark.slow  # a network is compiled
def test_an_archive_is_embedded(tmp_path):
    with tarfile.open(tmp_path / "photos.tgz", "w:gz") as archive:
        archive.add(ROCKET, "a/1.jpg")
        archive.add(ROCKET.with_name("coffee.png"), "2.png")
    source, output = str(tmp_path / "photos.tgz"), tmp_path / "X.npy"
    options = ("--image-size", "64", "--engine", "jax")
    assert main(["embed", source, "-o", str(output), *options]) == 0
    want = PretrainedEmbedder(image_size=64, engine="jax").transform(images.scan(source))
    np.testing.assert_array_equal(np.load(output), want)
    paths = pd.read_csv(tmp_path / "X.paths.csv")["path"].tolist()
    assert paths == [f"{source}/a/1.jpg", f"{source}/2.png"]
