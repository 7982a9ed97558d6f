"""``embed``: files of features, whole or not at all."""

from __future__ import annotations

import os
import re
import shutil
import sys

import numpy as np
import pandas as pd
import pytest
from PIL import Image
from pyarrow import parquet
from skimage import data

from skembed import PretrainedEmbedder
from skembed._files import written_whole
from skembed.cli import main
from skembed.images import from_folders


@pytest.fixture
def expected(class_folders):
    paths, labels = from_folders(class_folders)
    return paths, labels, PretrainedEmbedder().fit_transform(paths)


def test_parquet(class_folders, expected, tmp_path):
    out = tmp_path / "X.parquet"
    assert main(["embed", str(class_folders), "-o", str(out)]) == 0
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
    argv = ["embed", str(class_folders / "brick"), "-o", str(out)]
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
    assert "There is no folder" in refused(["classify", tmp_path / "absent"])
    assert "no such file" in refused(["embed", tmp_path / "absent.png", "-o", out, "--force"])


def test_a_failed_write_leaves_the_old_file(tmp_path):
    path = tmp_path / "X.csv"
    path.write_text("old")

    def write():
        with written_whole(path) as (temporary,):
            temporary.write_text("half")
            raise OSError("the disk is full")

    with pytest.raises(OSError, match="disk"):
        write()
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


def test_a_table_names_the_images(class_folders, tmp_path, expected):
    paths, labels, rows = expected
    table = tmp_path / "table.parquet"
    chosen = [3, 1, 10]
    frame = {"image": [paths[i] for i in chosen], "kind": [labels[i] for i in chosen]}
    pd.DataFrame(frame).to_parquet(table)
    out = tmp_path / "X.parquet"
    argv = ["embed", str(table), "--image-column", "image", "--label-column", "kind"]
    assert main([*argv, "-o", str(out)]) == 0
    written = pd.read_parquet(out)
    assert written["path"].tolist() == frame["image"]
    assert written["label"].tolist() == frame["kind"]
    np.testing.assert_array_equal(written.iloc[:, 2:].to_numpy(), rows[chosen])


def test_layers_by_index(class_folders, tmp_path):
    out = tmp_path / "X.npy"
    image = str(class_folders / "grass" / "0.png")
    assert main(["embed", image, "-o", str(out), "--layers", "-1,-2"]) == 0
    wanted = PretrainedEmbedder(layers=[-1, -2]).transform([image])
    np.testing.assert_array_equal(np.load(out), wanted)


def _with_damaged_notes(file):
    """Notes of pandas' in the file without what pyarrow takes for granted."""
    table = parquet.read_table(file)
    parquet.write_table(table.replace_schema_metadata({"pandas": '{"columns": [{}]}'}), file)


@pytest.mark.parametrize(
    ("column", "damage", "message"),
    [
        (["a.png"], _with_damaged_notes, "cannot be read as a table"),
        (["a.png"], lambda file: file.write_bytes(file.read_bytes()[:99]), "cannot be read"),
        ([1], None, "Row 0 of X is int"),
        ([b"GIF89a"], None, "Row 0 of 'image' in .* is bytes, not a path or URL"),
        ([{"bytes": b"GIF89a", "path": "a.gif"}], None, "is dict, not a path or URL"),
        ([None], None, "An empty string is not a path"),
    ],
)
def test_tables_without_paths_are_told_in_a_line(column, damage, message, tmp_path, capsys):
    table = tmp_path / "table.parquet"
    pd.DataFrame({"image": column}).to_parquet(table)
    if damage:
        damage(table)
    argv = ["embed", str(table), "--image-column", "image", "-o", str(tmp_path / "X.csv")]
    assert main(argv) == 2
    (line,) = [
        one for one in capsys.readouterr().err.splitlines() if one.startswith("skembed: ")
    ]
    assert re.search(message, line)
