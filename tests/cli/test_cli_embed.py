"""``embed``: files of features, whole or not at all."""

from __future__ import annotations

import os
import re
import shutil
import sys
import time
from pathlib import Path

import numpy as np
import pandas as pd
import polars as pl
import pytest
from extraction_helpers import CRUMBS, run_command, save_network, stored
from filelock import FileLock
from PIL import Image
from pyarrow import parquet
from skimage import data

from skembed import PretrainedEmbedder
from skembed.cli import main
from skembed.distributed import _writers
from skembed.images import from_folders

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def network(tmp_path_factory) -> Path:
    """A network of 16 features that is built in a moment."""
    return save_network(tmp_path_factory.mktemp("network") / "small.keras")


@pytest.fixture(scope="module")
def many_crumbs(tmp_path_factory) -> Path:
    """A folder of thousands of small images."""
    folder = tmp_path_factory.mktemp("crumbs")
    for i, crumb in enumerate(CRUMBS):
        Image.fromarray(crumb).save(folder / f"{i:04}.bmp")
    return folder


@pytest.fixture(scope="module")
def crumbs(many_crumbs, network) -> tuple[list[str], np.ndarray]:
    """The paths of 333 small images, and their rows."""
    paths = sorted(map(str, many_crumbs.iterdir()))[:333]
    return paths, PretrainedEmbedder(network, engine="jax", cache=False).transform(paths)


def test_parquet(class_folders, expected, tmp_path, capsys):
    out = tmp_path / "X.parquet"
    assert main(["embed", str(class_folders), "-o", str(out)]) == 0
    captured = capsys.readouterr()
    assert f"18 x 1280 float32 in {out}" in captured.out
    assert re.search(
        r"18 images in [\d.]+ s: 18 (through the network|from the store)", captured.err
    )
    table = parquet.read_table(out)
    paths, labels, rows = expected
    assert table.column_names == ["path", "label", "embedding"]
    assert table["path"].to_pylist() == paths
    assert table["label"].to_pylist() == labels
    assert str(table.schema.field("embedding").type) == "fixed_size_list<element: float>[1280]"
    np.testing.assert_array_equal(np.stack(table["embedding"].to_numpy()), rows)
    np.testing.assert_array_equal(pl.read_parquet(out)["embedding"].to_numpy(), rows)
    assert [path.name for path in tmp_path.iterdir()] == ["X.parquet"]


def test_parquet_with_a_column_a_feature(class_folders, expected, tmp_path):
    out = tmp_path / "X.parquet"
    assert main(["embed", str(class_folders), "-o", str(out), "--wide"]) == 0
    frame = pd.read_parquet(out)
    paths, labels, rows = expected
    assert frame["path"].tolist() == paths
    assert frame["label"].tolist() == labels
    features = frame.drop(columns=["path", "label"])
    assert features.columns.tolist() == list(PretrainedEmbedder().get_feature_names_out())
    assert set(features.dtypes) == {np.dtype(np.float32)}
    np.testing.assert_array_equal(features.to_numpy(), rows)
    assert [path.name for path in tmp_path.iterdir()] == ["X.parquet"]


def test_csv_gives_the_same_floats(class_folders, expected, tmp_path):
    out = tmp_path / "X.csv"
    files = [str(class_folders / "grass" / f"{i}.png") for i in (3, 1)]
    assert main(["embed", *files, "-o", str(out)]) == 0
    frame = pd.read_csv(out, dtype={"path": str})
    assert frame.columns[0] == "path"
    assert "label" not in frame
    assert frame["path"].tolist() == files
    paths, _, rows = expected
    wanted = rows[[paths.index(file) for file in files]]
    np.testing.assert_array_equal(frame.iloc[:, 1:].to_numpy(np.float32), wanted)


def test_engine_and_decoding_are_the_estimator_s(tmp_path):
    photograph = tmp_path / "large.jpg"
    Image.fromarray(data.astronaut()).resize((1600, 1600)).save(photograph)
    chosen = {"engine": "jax", "decoding": "scaled"}
    argv = [word for name, value in chosen.items() for word in (f"--{name}", value)]
    assert main(["embed", str(photograph), "-o", str(tmp_path / "X.npy"), *argv]) == 0
    rows = np.load(tmp_path / "X.npy")
    exact = PretrainedEmbedder(engine="jax").transform([photograph])
    assert np.array_equal(rows, PretrainedEmbedder(**chosen).transform([photograph]))
    assert not np.array_equal(rows, exact)


def test_npy_has_a_companion_with_the_paths(class_folders, expected, tmp_path, capsys):
    out = tmp_path / "X.npy"
    argv = ["embed", str(class_folders), "-o", str(out), "--normalize", "l2", "--quantize"]
    assert main(argv) == 0
    assert str(tmp_path / "X.paths.csv") in capsys.readouterr().out
    rows = np.load(out)
    companion = pd.read_csv(tmp_path / "X.paths.csv")
    paths, labels, _ = expected
    assert companion["path"].tolist() == paths
    assert companion["label"].tolist() == labels
    wanted = PretrainedEmbedder(normalize="l2", quantize=True).fit_transform(paths)
    assert rows.dtype == np.int8
    np.testing.assert_array_equal(rows, wanted)


def test_layers_and_a_folder_without_classes(class_folders, tmp_path):
    out = tmp_path / "X.parquet"
    argv = ["embed", str(class_folders / "brick"), "-o", str(out), "--wide"]
    assert main([*argv, "--layers", "predictions,embedding"]) == 0
    frame = pd.read_parquet(out)
    assert frame.shape == (6, 1 + 1000 + 1280)
    assert frame.columns[1] == "tench"
    assert frame.columns[1001] == "embedding__0000"


def test_a_stage_pooled_in_both_ways(class_folders, tmp_path):
    out = tmp_path / "X.csv"
    argv = ["embed", str(class_folders / "brick"), "-o", str(out)]
    assert main([*argv, "--layers", "stage3", "--pooling", "both"]) == 0
    columns = pd.read_csv(out, nrows=0).columns.tolist()
    wanted = PretrainedEmbedder(layers="stage3", pooling="both").get_feature_names_out()
    assert columns == ["path", *wanted]


@pytest.mark.filterwarnings("default:.*could not be read")
def test_bad_images_stop_or_make_a_row_of_nan(class_folders, tmp_path, refused, capsys):
    bad = tmp_path / "bad.png"
    bad.write_text("no image")
    good = class_folders / "grass" / "0.png"
    out = tmp_path / "X.npy"
    assert "bad.png" in refused(["embed", good, bad, "-o", out])
    assert sorted(path.name for path in tmp_path.iterdir()) == ["bad.png"]
    assert main(["embed", str(good), str(bad), "-o", str(out), "--on-error", "nan"]) == 0
    assert "skembed: warning: 1 of 2 images" in capsys.readouterr().err
    rows = np.load(out)
    assert np.isfinite(rows[0]).all()
    assert np.isnan(rows[1]).all()
    companion = pd.read_csv(tmp_path / "X.paths.csv", keep_default_na=False)
    assert companion["path"].tolist() == [str(good), str(bad)]
    assert companion["error"][0] == ""
    assert companion["error"][1].startswith(f"{bad} is not an image")
    for name, *options in (("X.parquet",), ("X.csv",), ("W.parquet", "--wide")):
        out = tmp_path / name
        argv = ["embed", str(good), str(bad), str(bad), "-o", str(out), "--on-error", "nan"]
        assert main([*argv, *options]) == 0
        frame = pd.read_csv(out) if out.suffix == ".csv" else pd.read_parquet(out)
        assert frame["error"].isna().tolist() == [True, False, False]
        assert frame["error"][2] == companion["error"][1]
    wide = frame.drop(columns=["path", "error"]).to_numpy()
    np.testing.assert_array_equal(wide, rows[[0, 1, 1]])


def test_a_file_of_many_parts_is_one_table(network, crumbs, tmp_path, monkeypatch):
    """Groups of rows that no batch ends with, in each format."""
    paths, rows = crumbs
    monkeypatch.setattr(_writers, "_GROUP_BYTES", 100 * rows[0].nbytes)
    X = {}
    for name, *options in (("X.parquet",), ("X.npy",), ("X.csv",), ("W.parquet", "--wide")):
        out = tmp_path / name
        argv = ["embed", *paths, "-o", str(out), "--backbone", str(network), "--engine", "jax"]
        assert main([*argv, *options]) == 0
        X[name] = np.load(out) if out.suffix == ".npy" else out
    table = parquet.read_table(X["X.parquet"])
    assert parquet.ParquetFile(X["X.parquet"]).num_row_groups == 4
    assert table["path"].to_pylist() == paths
    np.testing.assert_array_equal(np.stack(table["embedding"].to_numpy()), rows)
    np.testing.assert_array_equal(X["X.npy"], rows)
    for frame in (pd.read_csv(X["X.csv"]), pd.read_parquet(X["W.parquet"])):
        assert frame["path"].tolist() == paths
        np.testing.assert_array_equal(frame.iloc[:, 1:].to_numpy(np.float32), rows)


@pytest.mark.parametrize("options", [[], ["--no-cache"]], ids=str)
def test_a_killed_command_goes_on_where_it_was(
    network, many_crumbs, tmp_path, start, capsys, options
):
    """And computes no image twice, whether rows are kept in the store or beside the output."""
    out = tmp_path / "X.parquet"
    store = tmp_path / "store"
    argv = ["embed", str(many_crumbs), "-o", str(out), "--backbone", str(network)]
    argv += ["--engine", "jax", *options]
    process, _ = start(run_command, store, argv)
    folder = tmp_path / ".X.parquet.unfinished"
    rows = folder / "store" if options else store
    while not (rows.exists() and stored(rows)):
        time.sleep(0.001)
    process.kill()
    process.join()
    kept = stored(rows)
    n = len(CRUMBS)
    assert 0 < kept < n
    assert not out.exists()
    assert folder.is_dir()
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("SKEMBED_CACHE_DIR", str(store))
        assert main(argv) == 0
    said = f"{n - kept:,} through the network, {kept:,} from the store"
    assert said in capsys.readouterr().err
    assert sorted(path.name for path in tmp_path.iterdir()) == sorted(
        {"X.parquet"} | ({"store"} if store.exists() else set())
    )
    table = parquet.read_table(out)
    wanted = PretrainedEmbedder(network, engine="jax", cache=False)
    np.testing.assert_array_equal(
        np.stack(table["embedding"].to_numpy()), wanted.transform(table["path"].to_pylist())
    )


@pytest.mark.filterwarnings("default:.*could not be read")
def test_an_error_leaves_what_was_computed_and_nothing_else(network, crumbs, tmp_path, capsys):
    paths, _ = crumbs
    bad = tmp_path / "bad.png"
    bad.write_text("no image")
    out = tmp_path / "X.npy"
    argv = ["embed", *paths, str(bad), "-o", str(out), "--backbone", str(network)]
    argv += ["--engine", "jax"]
    assert main([*argv, "--no-cache"]) == 2
    left = tmp_path / ".X.npy.unfinished"
    assert sorted(path.name for path in left.iterdir()) == ["lock", "store"]
    assert main([*argv, "--no-cache", "--on-error", "nan"]) == 0
    said = r"(\d+) through the network, (\d+) from the store, 1 not readable"
    ran, found = map(int, re.search(said, capsys.readouterr().err).groups())
    assert ran + found == len(paths)
    assert found > ran  # but for the batch in which the bad one came
    names = ["X.npy", "X.paths.csv", "bad.png"]
    assert sorted(path.name for path in tmp_path.iterdir()) == names


def test_one_command_writes_a_file_at_a_time(network, crumbs, tmp_path, refused):
    paths, _ = crumbs
    out = tmp_path / "X.csv"
    (tmp_path / ".X.csv.unfinished").mkdir()
    with FileLock(tmp_path / ".X.csv.unfinished" / "lock"):
        argv = ["embed", paths[0], "-o", out, "--backbone", network, "--engine", "jax"]
        assert "X.csv is being written by another process" in refused(argv)
    assert not out.exists()


def test_outputs_are_checked_first(class_folders, tmp_path, refused, capsys):
    out = tmp_path / "X.npy"
    assert "allowed: .parquet, .npy, .csv" in refused(["embed", class_folders, "-o", "X.txt"])
    assert "no suffix" in refused(["embed", class_folders, "-o", "X"])
    assert "no folder" in refused(["embed", class_folders, "-o", tmp_path / "no" / "X.csv"])
    (tmp_path / "X.paths.csv").write_text("mine")
    assert "X.paths.csv exists; --force" in refused(["embed", class_folders, "-o", out])
    assert not out.exists()
    assert main(["embed", str(class_folders), "-o", str(out), "--force"]) == 0
    assert (tmp_path / "X.paths.csv").read_text().startswith("path,label")
    assert "X.npy exists; --force" in refused(["embed", class_folders, "-o", out])
    (tmp_path / "folder.csv").mkdir()
    assert "is a folder" in refused(["embed", class_folders, "-o", tmp_path / "folder.csv"])
    assert "required: -o" in refused(["embed", class_folders])
    wide = ["embed", class_folders, "-o", tmp_path / "W.npy", "--wide"]
    assert "--wide is for .parquet" in refused(wide)
    assert "There is no folder" in refused(["classify", tmp_path / "absent"])
    assert "There is no file or folder" in refused(
        ["embed", tmp_path / "absent.png", "-o", out, "--force"]
    )


def test_a_failed_write_leaves_the_old_file(
    network, crumbs, tmp_path, tmp_path_factory, monkeypatch, refused
):
    """The disk is full when the second piece is written; found rows would come in one."""
    monkeypatch.setenv("SKEMBED_CACHE_DIR", str(tmp_path_factory.mktemp("empty")))
    path = tmp_path / "X.csv"
    path.write_text("old")
    to_csv, written = pd.DataFrame.to_csv, []

    def write(frame, file, **options):
        if written:
            raise OSError("the disk is full")
        written.append(to_csv(frame, file, **options))

    monkeypatch.setattr(pd.DataFrame, "to_csv", write)
    options = ["-o", path, "--backbone", network, "--engine", "jax", "--force"]
    assert "the disk is full" in refused(["embed", *crumbs[0], *options])
    assert path.read_text() == "old"
    assert [entry.name for entry in tmp_path.iterdir()] == ["X.csv"]


@pytest.mark.skipif(sys.platform != "linux", reason="names that are not UTF-8 are Linux's own")
def test_a_file_name_that_is_not_utf8(class_folders, tmp_path, capsys):
    source = class_folders / "grass" / "0.png"
    odd = os.fsencode(tmp_path) + b"/caf\xe9\x1b.png"
    shutil.copy(os.fsencode(source), odd)
    out = tmp_path / "X.parquet"
    assert main(["embed", os.fsdecode(odd), "-o", str(out)]) == 0
    assert pd.read_parquet(out)["path"][0].endswith("/caf\\xe9\x1b.png")


def test_globs_in_quotes(class_folders, tmp_path, refused):
    out = tmp_path / "X.csv"
    assert main(["embed", f"{class_folders}/**/[01].png", "-o", str(out)]) == 0
    paths, _ = from_folders(class_folders)
    assert pd.read_csv(out)["path"].tolist() == [p for p in paths if p[-5] in "01"]
    odd = tmp_path / "[01].png"
    shutil.copy(paths[0], odd)
    assert main(["embed", str(odd), "-o", str(out), "--force"]) == 0
    assert pd.read_csv(out)["path"].tolist() == [str(odd)]
    assert "No file matches" in refused(["embed", f"{tmp_path}/*.gif", "-o", out, "--force"])


def test_layers_by_index(class_folders, tmp_path):
    out = tmp_path / "X.npy"
    image = str(class_folders / "grass" / "0.png")
    assert main(["embed", image, "-o", str(out), "--layers", "-1,-2"]) == 0
    wanted = PretrainedEmbedder(layers=[-1, -2]).transform([image])
    np.testing.assert_array_equal(np.load(out), wanted)
