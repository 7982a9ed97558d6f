"""``skembed bigml predict``."""

from __future__ import annotations

import csv
import json
import re

import numpy as np
import pytest
from deepnets import image_model

from skembed.bigml import create_model
from skembed.cli import main


def read(path):
    with path.open(newline="") as file:
        return list(csv.reader(file))


@pytest.mark.usefixtures("quick_compilation")
def test_answers_of_official_rows(shared, tmp_path, capsys):
    folder = shared / "models" / "bigml"
    one = json.loads((folder / "validation.json").read_text())["validation"][2]
    with (tmp_path / "rows.csv").open("w", newline="") as file:
        csv.writer(file).writerows([[f"c{i}" for i in range(7)], *one["inputs"]])
    model, out = str(folder / one["model"]), tmp_path / "out.csv"
    assert main(["bigml", "predict", model, str(tmp_path / "rows.csv"), "-o", str(out)]) == 0
    assert "16 rows predicted" in capsys.readouterr().out
    heading, *rows = read(out)
    assert heading == ["prediction", *create_model(model).classes]
    found = np.array([row[1:] for row in rows], float)
    np.testing.assert_allclose(found, one["expected"], atol=1e-6)
    assert [row[0] for row in rows] == [heading[1:][i] for i in found.argmax(1)]


@pytest.mark.slow
def test_columns_by_name_and_images_beside_the_table(shared, tmp_path):
    folder = shared / "models" / "bigml"
    picture = (folder / "images" / "d3_10.png").read_bytes()
    (tmp_path / "a.png").write_bytes(picture)
    (tmp_path / "rows.csv").write_text("other,label,image_id\nx,f1,a.png\ny,,\n")
    model, out = str(folder / "image_and_category.json"), tmp_path / "out.csv"
    assert main(["bigml", "predict", model, str(tmp_path / "rows.csv"), "-o", str(out)]) == 0
    heading, *rows = read(out)
    expected = create_model(model)([[picture, "f1"], [None, None]])
    assert heading == ["prediction"]
    np.testing.assert_allclose(np.array(rows, float), expected, rtol=1e-5)


def test_a_bad_row_is_told_by_its_number_in_the_table(shared, tmp_path, capsys):
    one = json.loads((shared / "models/bigml/validation.json").read_text())["validation"][2]
    model = create_model(str(shared / "models/bigml" / one["model"]))
    good, kinds = one["inputs"][0], [part["type"] for part in model.preprocessors]
    bad = ["much" if i == kinds.index("numeric") else cell for i, cell in enumerate(good)]
    rows, out = tmp_path / "rows.csv", tmp_path / "out.csv"
    with rows.open("w", newline="") as file:
        csv.writer(file).writerows([[f"c{i}" for i in range(7)], *[good] * 1026, bad, bad])
    arguments = [str(shared / "models/bigml" / one["model"]), str(rows), "-o", str(out)]
    assert main(["bigml", "predict", *arguments]) == 2
    said = " ".join(capsys.readouterr().err.split())
    assert re.search(r"Row 1027 of \S+rows.csv has 'much' in", said)


def test_what_is_wrong_is_told_in_one_line(shared, tmp_path, capsys):
    folder = shared / "models" / "bigml"
    rows, out = tmp_path / "rows.csv", tmp_path / "out.csv"

    def told(model, text, encoding="utf-8"):
        rows.write_text(text, encoding=encoding)
        assert main(["bigml", "predict", str(model), str(rows), "-o", str(out)]) == 2
        assert not out.exists()
        return " ".join(capsys.readouterr().err.split())

    whole = folder / "image_and_category.json"
    assert "has no column 'label'. Did you mean 'lable'?" in told(whole, "image_id,lable\n")
    table = image_model([{"type": "global_max_pool_2d"}], [4, 4, 3], 3)
    (tmp_path / "m.json").write_text(json.dumps(table))
    assert "is empty" in told(tmp_path / "m.json", "")
    for encoding in ("utf-8", "utf-8-sig", "utf-16"):
        said = told(tmp_path / "m.json", "image\nno.png\n", encoding)
        assert re.search(r"Row 1 of \S+rows.csv.*no.png", said)
    assert "UTF-8: line 3 has the byte 0xe9" in told(
        tmp_path / "m.json", "image\n\nCafé.png\n", "latin-1"
    )
    assert "line 2: field larger" in told(tmp_path / "m.json", f"image\n{'x' * 200_000}\n")
    assert "no deepnet at" in told(tmp_path / "gone.json", "image\n")
