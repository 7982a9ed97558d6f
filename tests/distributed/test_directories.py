"""Directories of embeddings: atomic, resumed, refused where they belong to another request."""

from __future__ import annotations

import json
import shutil
import threading

import dask.dataframe as dd
import numpy as np
import pandas as pd
import pytest
from extraction_helpers import CRUMBS
from PIL import Image
from pyarrow import parquet
from sklearn.decomposition import IncrementalPCA

from skembed import (
    FullNetworkEmbedder,
    ImageError,
    ImageSearch,
    PretrainedEmbedder,
    read_embeddings,
)
from skembed.extraction import images_run

KINDS = ["parquet", "zarr"]


def write(embedder, kind, X, directory, **options):
    return getattr(embedder, f"to_{kind}")(X, directory, **options)


def parts_of(directory):
    """The files of the rows, and when each was written."""
    files = [*directory.glob("part-*.parquet"), *directory.glob("embedding/c/*/0")]
    return {file: file.stat().st_mtime_ns for file in files}


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("source", ["list", "array", "series"])
def test_rows_come_back_as_they_were(
    embedder, tmp_path, files, reference, threads, as_array, kind, source
):
    X = {
        "list": lambda: files,
        "array": lambda: as_array(files, 15),
        "series": lambda: dd.from_pandas(pd.Series(files), npartitions=3),
    }[source]()
    size = {"partition_size": 15} if source == "list" else {}
    before = images_run()
    write(embedder, kind, X, tmp_path / "out", **size)
    assert images_run() - before == 40
    found = read_embeddings(tmp_path / "out")
    assert (found.shape, found.dtype, len(found)) == ((40, 16), np.float32, 40)
    np.testing.assert_array_equal(np.asarray(found), reference)
    np.testing.assert_array_equal(found[13:33], reference[13:33])
    np.testing.assert_array_equal(found[[39, 0, 14, -1]], reference[[39, 0, 14, -1]])
    np.testing.assert_array_equal(found[7], reference[7])
    np.testing.assert_array_equal(found.to_dask().compute(), reference)
    assert found.paths.tolist() == files
    assert found.frame()["row"].tolist() == list(range(40))
    assert found.frame()["error"].isna().all()
    assert found.description["backbone"] == "small"
    assert len(parts_of(tmp_path / "out")) == 3
    pieces = list(found.iter_batches(12))
    np.testing.assert_array_equal(np.concatenate([p for p, _ in pieces]), np.arange(40))
    np.testing.assert_array_equal(np.concatenate([rows for _, rows in pieces]), reference)


@pytest.mark.filterwarnings("ignore:The inplace keyword")  # Dask's, under pandas 3.1
def test_other_libraries_read_them(embedder, tmp_path, files, reference):
    import zarr

    embedder.to_parquet(files, tmp_path / "p", partition_size=15)
    table = parquet.read_table(tmp_path / "p")
    assert table.column_names == ["row", "path", "error", "embedding"]
    np.testing.assert_array_equal(np.stack(table["embedding"].to_pylist()), reference)
    frame = dd.read_parquet(tmp_path / "p", columns=["path"])
    assert frame["path"].compute().tolist() == files
    embedder.to_zarr(files, tmp_path / "z", partition_size=15)
    group = zarr.open_group(tmp_path / "z", mode="r")
    np.testing.assert_array_equal(group["embedding"][:], reference)
    assert group["path"][:].tolist() == files
    assert group.attrs["skembed"]["backbone"] == "small"
    mapped = read_embeddings(tmp_path / "z")[:15]
    assert isinstance(mapped, np.memmap)


@pytest.mark.parametrize("kind", KINDS)
def test_what_is_there_is_skipped(network, tmp_path, files, reference, kind):
    """Without a store: what is skipped is not embedded."""
    embedder = PretrainedEmbedder(network, engine="jax", cache=False)
    write(embedder, kind, files, tmp_path / "out", partition_size=10)
    there = parts_of(tmp_path / "out")
    file = sorted(there)[2]
    if kind == "parquet":
        file.unlink()
    else:
        (tmp_path / "out" / "_records" / "part-00002.json").unlink()
    with pytest.raises(ValueError, match="lacks 1 of 4 parts"):
        read_embeddings(tmp_path / "out")
    before = images_run()
    again = write(embedder, kind, files, tmp_path / "out", partition_size=10)
    assert images_run() - before == 10
    np.testing.assert_array_equal(again[:], reference)
    now = parts_of(tmp_path / "out")
    assert {path for path in now if now[path] != there[path]} == {file}


def test_what_belongs_to_another_request_is_refused(embedder, network, tmp_path, files):
    out = tmp_path / "out"
    embedder.to_parquet(files, out, partition_size=10)
    there = parts_of(out)
    other = PretrainedEmbedder(network, engine="jax", cache=False, normalize="l2")
    with pytest.raises(ValueError, match="other parameters"):
        other.to_parquet(files, out, partition_size=10)
    layers = PretrainedEmbedder(network, engine="jax", cache=False, layers=[0])
    with pytest.raises(ValueError, match="with layers embedding, and not"):
        layers.to_parquet(files, out, partition_size=10)
    with pytest.raises(ValueError, match="as parquet, and not as zarr"):
        embedder.to_zarr(files, out, partition_size=10)
    with pytest.raises(ValueError, match="of 40 images in 4 parts, not 40 in 3"):
        embedder.to_parquet(files, out, partition_size=15)
    with pytest.raises(ValueError, match=r"of other images \(part 0\)"):
        embedder.to_parquet(files[::-1], out, partition_size=10)
    assert parts_of(out) == there
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "thesis.txt").write_text("mine")
    with pytest.raises(ValueError, match=r"other files \(thesis.txt\)"):
        embedder.to_parquet(files, tmp_path / "full")
    assert [path.name for path in (tmp_path / "full").iterdir()] == ["thesis.txt"]
    with pytest.raises(FileNotFoundError, match="no directory of embeddings"):
        read_embeddings(tmp_path / "full")
    (out / "_skembed.json").write_text("{}")
    with pytest.raises(ValueError, match="is damaged"):
        read_embeddings(out)


def test_a_full_network_is_known_by_what_it_learnt(network, tmp_path, files, as_array, threads):
    options = {"engine": "jax", "cache": tmp_path / "store"}
    first = FullNetworkEmbedder(network, **options).fit(files)
    X = first.to_zarr(as_array(files), tmp_path / "out")
    assert X.dtype == np.int8
    np.testing.assert_array_equal(X[:], first.transform(files))
    second = FullNetworkEmbedder(network, **options).fit(files[:20])
    with pytest.raises(ValueError, match="other parameters"):
        second.to_zarr(as_array(files), tmp_path / "out")


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.filterwarnings("ignore:.* could not be read:UserWarning")
def test_one_bad_image_under_each_policy(
    network, tmp_path, files, reference, threads, as_array, kind
):
    bad, options = tmp_path / "bad.png", {"engine": "jax", "cache": False}
    bad.write_bytes(b"no image")
    images = [*files[:13], str(bad), *files[13:39]]
    raising = PretrainedEmbedder(network, **options)
    with pytest.raises(ImageError, match=r"^Row 13: .*bad.png"):
        write(raising, kind, as_array(images), tmp_path / "out")
    done = set(parts_of(tmp_path / "out"))
    assert len(done) < 4
    lenient = PretrainedEmbedder(network, on_error="nan", **options)
    found = write(lenient, kind, as_array(images), tmp_path / "out")
    assert np.flatnonzero(np.isnan(found[:]).any(axis=1)).tolist() == [13]
    np.testing.assert_array_equal(np.delete(found[:], 13, axis=0), reference[:39])
    (told,) = found.unreadable
    assert (told.row, told.name) == (13, str(bad))
    assert found.frame()["error"][13] == told.reason
    with pytest.raises(ImageError, match=r"^Row 13: .*bad.png"):  # though its part is there
        write(raising, kind, as_array(images), tmp_path / "out")
    filling = PretrainedEmbedder(network, on_error="mean", **options).fit(files)
    with pytest.raises(ValueError, match="other parameters"):
        write(filling, kind, as_array(images), tmp_path / "out")
    rows = write(filling, kind, as_array(images), tmp_path / "filled")
    np.testing.assert_array_equal(rows[13], filling.mean_.astype(np.float32))
    Image.open(files[39]).save(bad)  # mended: its part alone is written anew
    there = parts_of(tmp_path / "out")
    mended = write(raising, kind, as_array(images), tmp_path / "out")
    assert sum(there[path] != time for path, time in parts_of(tmp_path / "out").items()) == 1
    np.testing.assert_array_equal(mended[13], reference[39])


@pytest.mark.slow
@pytest.mark.parametrize("kind", KINDS)
def test_a_full_disk_leaves_no_half_of_a_part(mount, network, reference, kind):
    place, remount = mount
    remount("size=100k")
    embedder = PretrainedEmbedder(network, engine="jax", cache=False)
    many = CRUMBS[:2000]  # 128 kB of rows
    with pytest.raises(OSError, match="No space left"):
        write(embedder, kind, many, place / "out", partition_size=500)
    with pytest.raises(ValueError, match="lacks"):
        read_embeddings(place / "out")
    remount("size=4m")
    found = write(embedder, kind, many, place / "out", partition_size=500)
    np.testing.assert_array_equal(found[:40], reference)
    assert not [path for path in (place / "out").rglob("*") if "partial" in path.name]


@pytest.mark.parametrize("kind", KINDS)
def test_two_jobs_on_one_directory_at_once(embedder, tmp_path, files, reference, kind):
    before, errors = images_run(), []

    def job():
        try:
            write(embedder, kind, files, tmp_path / "out", partition_size=5)
        except Exception as error:  # noqa: BLE001 - told by the assertion
            errors.append(error)

    jobs = [threading.Thread(target=job) for _ in range(2)]
    for one in jobs:
        one.start()
    for one in jobs:
        one.join()
    assert errors == []
    assert images_run() - before == 40
    np.testing.assert_array_equal(read_embeddings(tmp_path / "out")[:], reference)


def test_learning_in_pieces(embedder, tmp_path, files, reference):
    X = embedder.to_zarr(files, tmp_path / "out", partition_size=15)
    pca = IncrementalPCA(n_components=3)
    search = ImageSearch(None, n_neighbors=1)
    for positions, rows in X.iter_batches(10):
        pca.partial_fit(rows)
        put = search.add if positions[0] else search.fit
        put(rows, names=X.paths[positions])
    assert pca.n_samples_seen_ == 40
    assert search.kneighbors(reference[[17]])[1].tolist() == [[files[17]]]


def test_damage_is_told(embedder, tmp_path, files):
    embedder.to_zarr(files, tmp_path / "out", partition_size=15)
    shutil.copytree(tmp_path / "out", tmp_path / "copy")  # may be moved
    assert len(read_embeddings(tmp_path / "copy")) == 40
    record = tmp_path / "copy" / "_records" / "part-00001.json"
    record.write_text(json.dumps({"n": 15}))
    with pytest.raises(ValueError, match="lacks 1 of 3"):
        read_embeddings(tmp_path / "copy")
