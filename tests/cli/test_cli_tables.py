"""Tables as the input of commands: their columns, their encodings, and what is wrong with them."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from pyarrow import parquet
from sklearn.compose import make_column_transformer
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.svm import LinearSVC

from skembed import PretrainedEmbedder, save
from skembed.cli import main


def test_a_table_of_files_is_as_good_as_folders(class_folders, tmp_path, capsys, refused):
    table = tmp_path / "table.csv"
    lines = [
        f"{label}/{i}.png,{name}"
        for label, name in (("grass", "NA"), ("coffee", "01"))
        for i in range(3)
    ]
    table.write_text("\n".join(["file,species", *lines]))
    argv = ["classify", str(table), "--image-column", "file", "--label-column", "species"]
    assert main([*argv, "--root", str(class_folders)]) == 0
    out = capsys.readouterr().out
    assert "6 images, 2 classes" in out
    assert re.search(r"^ NA +\d", out, re.MULTILINE)
    assert re.search(r"^ 01 +\d", out, re.MULTILINE)
    assert "one of 'file', 'species'" in refused(["classify", table])
    assert "Did you mean 'file'" in refused(["classify", table, "--image-column", "fil"])
    assert "no such file" in refused(argv)
    table.write_text("\n".join(["file,species", *lines, "grass/4.png,"]))
    mistake = refused([*argv, "--root", class_folders])
    assert "1 rows of" in mistake
    assert "the first is row 6" in mistake


def test_text_is_utf_8_or_utf_16_by_its_mark(tmp_path, refused):
    table = tmp_path / "table.csv"
    argv = ["embed", table, "--image-column", "größe", "-o", tmp_path / "X.npy"]
    text = "a,größe\n1,no.png\n2,Café.png\n"
    for encoding in ("utf-8", "utf-8-sig", "utf-16"):
        table.write_text(text, encoding=encoding)
        assert "no.png" in refused(argv)  # so its columns were told apart
    table.write_text(text, encoding="cp1252")
    assert "is not text in UTF-8: line 1 has the byte 0xf6" in refused(argv)
    table.write_bytes("a,größe\n1,no.png\n".encode() + b"2,Caf\xe9.png\n")
    assert "table.csv is not text in UTF-8: line 3 has the byte 0xe9" in refused(argv)
    table.write_bytes(text.encode("utf-16")[:-1])
    assert "is not text in UTF-16: line 3 has" in refused(argv)


def test_predict_takes_a_table(example, tmp_path, capsys, refused):
    paths, labels = example
    frame = pd.DataFrame(
        {"photo": [p.name for p in map(Path, paths)], "age": range(len(paths))}
    )
    frame["photo"] = [str(Path(p).relative_to(Path(paths[0]).parents[1])) for p in paths]
    images = PretrainedEmbedder(root=Path(paths[0]).parents[1], on_error="mean")
    columns = make_column_transformer((images, "photo"), (StandardScaler(), ["age"]))
    model = make_pipeline(columns, LinearSVC(random_state=0)).fit(frame, labels)
    path = tmp_path / "model.skops"
    save(model, path)
    for table in (tmp_path / "new.csv", tmp_path / "new.parquet"):
        write = frame.to_csv if table.suffix == ".csv" else frame.to_parquet
        write(table, index=False)
        assert main(["predict", str(path), str(table)]) == 0
        rows = [line.split("\t") for line in capsys.readouterr().out.splitlines()]
        assert [row[1] for row in rows] == model.predict(frame).tolist()
    assert "columns 'photo', 'age'" in refused(["predict", path, paths[0]])
    frame.rename(columns={"photo": "photos"}).to_csv(table.with_suffix(".csv"))
    message = refused(["predict", path, table.with_suffix(".csv")])
    assert "no column 'photo'. Did you mean 'photos'?" in message


@pytest.mark.slow
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
    np.testing.assert_array_equal(np.stack(written["embedding"]), rows[chosen])


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
