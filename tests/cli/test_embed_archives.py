"""``skembed embed`` of archives and object stores: every row with the name of its image."""

from __future__ import annotations

import tarfile
from pathlib import Path

import fsspec
import numpy as np
import pandas as pd
import pytest
import skimage

from skembed import PretrainedEmbedder, images
from skembed.cli import main
from skembed.extraction import record_reports

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


@pytest.mark.slow  # a network is compiled
def test_an_object_store_is_embedded_and_its_rows_are_known_by_content(tmp_path):
    files = {
        "a/1.jpg": ROCKET.read_bytes(),
        "b.png": ROCKET.with_name("coffee.png").read_bytes(),
    }
    for name, data in files.items():
        fsspec.filesystem("memory").pipe_file(f"/embed/{name}", data)
    output = tmp_path / "X.npy"
    options = ("--image-size", "64", "--engine", "jax")
    assert main(["embed", "memory://embed", "-o", str(output), *options]) == 0
    paths = pd.read_csv(tmp_path / "X.paths.csv")["path"].tolist()
    assert paths == ["memory://embed/a/1.jpg", "memory://embed/b.png"]
    embedder = PretrainedEmbedder(image_size=64, engine="jax")
    with record_reports() as reports:
        rows = embedder.transform(list(files.values()))
    np.testing.assert_array_equal(rows, np.load(output))
    assert [(report.n_run, report.n_found) for report in reports] == [(0, 2)]
