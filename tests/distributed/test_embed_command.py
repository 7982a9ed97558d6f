"""``skembed embed --dask``: a directory, and a table of what could not be read."""

from __future__ import annotations

import numpy as np
import pytest
from PIL import Image

from skembed import PretrainedEmbedder, read_embeddings
from skembed.cli import main


@pytest.fixture
def command(network, tmp_path, monkeypatch):
    monkeypatch.setenv("SKEMBED_CACHE_DIR", str(tmp_path / "store"))

    def run(*arguments) -> int:
        options = ("--backbone", network, "--engine", "jax")
        return main(["embed", *map(str, (*arguments, *options))])

    return run


@pytest.mark.filterwarnings("ignore:.* could not be read:UserWarning")
def test_a_directory_and_a_table(command, network, files, threads, tmp_path, capsys):
    folder = tmp_path / "photographs"
    for i, file in enumerate(files[:12]):
        (folder / "ab"[i % 2]).mkdir(parents=True, exist_ok=True)
        Image.open(file).save(folder / "ab"[i % 2] / f"{i:02}.png")
    (folder / "b" / "bad.png").write_bytes(b"no image")
    address = threads.cluster.scheduler_address
    options = ("--dask", address, "--partition-size", 4, "--on-error", "nan")
    for output in ("X", "X.zarr", "X"):  # and once more
        assert command(folder, "-o", tmp_path / output, *options) == 0
        told = capsys.readouterr().out
        assert "1 image could not be read; its row is NaN:" in told
        assert "bad.png is not an image" in told
        assert f"13 x 16 float32 in {tmp_path / output}" in told
    X = read_embeddings(tmp_path / "X")
    assert X.labels.tolist() == ["a"] * 6 + ["b"] * 7
    embedder = PretrainedEmbedder(network, engine="jax", cache=False)
    np.testing.assert_array_equal(X[:12], embedder.transform(X.paths[:12]))
    np.testing.assert_array_equal(read_embeddings(tmp_path / "X.zarr")[:12], X[:12])


def test_mistakes_are_told_in_a_line(command, files, tmp_path, capsys):
    out = tmp_path / "X"
    for arguments, told in [
        (("-o", f"{out}.npy", "--dask", "local"), "the output is a directory"),
        (("-o", out / "no" / "X", "--dask", "local"), "there is no folder"),
        (("-o", out, "--dask", "local", "--wide"), "--wide is for one file"),
        (("-o", f"{out}.npy", "--partition-size", 3), "--partition-size is for --dask"),
        (("-o", out, "--dask", "nowhere"), "No scheduler answers at nowhere"),
    ]:
        assert command(files[0], *arguments) == 2
        assert told in capsys.readouterr().err
