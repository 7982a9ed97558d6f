"""``predict`` through ``main``, and once in a new process."""

from __future__ import annotations

import csv
import json
import subprocess
import sys
import zipfile
from collections import Counter

import numpy as np
import pytest
import skops.io
from sklearn.ensemble import RandomForestClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GridSearchCV
from sklearn.neighbors import KNeighborsClassifier
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.svm import SVC, LinearSVC

from skembed import (
    FullNetworkEmbedder,
    PretrainedEmbedder,
    TenCropClassifier,
    extraction,
    load,
    save,
)
from skembed.cli import main
from skembed.images import _decode


def test_saved_model_is_small_and_holds_one_type_beyond_scikit_learn(saved):
    untrusted = skops.io.get_untrusted_types(file=saved)
    assert untrusted == ["skembed.estimators.pretrained.PretrainedEmbedder"]
    assert saved.stat().st_size < 100_000
    assert saved.stat().st_mode & 0o444
    assert not list(saved.parent.glob(".*"))


@pytest.mark.slow
def test_predict_in_a_new_process_says_the_same(saved, class_folders, capsys):
    assert main(["predict", str(saved), str(class_folders)]) == 0
    here = capsys.readouterr().out
    rows = [line.split("\t") for line in here.splitlines()]
    assert len(rows) == 18
    assert all(label in path for path, label, _ in rows)  # all were trained on
    ran = subprocess.run(
        [sys.executable, "-m", "skembed", "predict", saved, class_folders],
        check=True,
        capture_output=True,
        text=True,
    )
    assert ran.stdout == here
    assert ran.stderr == f"Loading {saved}\n"


def test_predict_reports_what_it_cannot_read_and_goes_on(
    saved, class_folders, tmp_path, capsys, refused
):
    bad = tmp_path / "bad.jpg"
    bad.write_text("no image")
    good = class_folders / "grass" / "0.png"
    absent = tmp_path / "absent.jpg"
    table = tmp_path / "out.csv"
    argv = ["predict", str(saved), str(bad), str(good), str(absent)]
    assert main(argv) == 1
    captured = capsys.readouterr()
    assert captured.out.split("\t")[:2] == [str(good), "grass"]
    _, first, second = captured.err.splitlines()
    assert first.startswith("skembed: row 0: ")
    assert "bad.jpg" in first
    assert second.startswith("skembed: row 2: ")
    assert "absent.jpg" in second

    assert main([*argv, "--top", "2", "--csv", str(table)]) == 1
    with table.open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert rows[0]["class"] == ""
    assert [row["rank"] for row in rows] == ["", "1", "2", ""]
    assert float(rows[1]["margin"]) > float(rows[2]["margin"])
    assert "bad.jpg" in rows[0]["error"]
    capsys.readouterr()
    assert "--force" in refused([*argv, "--csv", table])

    assert "no such file" in refused([*argv, "--on-error", "raise"])


def test_predict_with_two_classes(class_folders, tmp_path, capsys):
    images = tmp_path / "images"
    for label in ("brick", "grass"):
        (images / label).mkdir(parents=True)
        for i in range(3):
            (images / label / f"{i}.png").write_bytes(
                (class_folders / label / f"{i}.png").read_bytes()
            )
    model = tmp_path / "two.skops"
    assert main(["classify", str(images), "--save", str(model)]) == 0
    capsys.readouterr()
    assert main(["predict", str(model), str(images / "brick" / "0.png"), "--top", "5"]) == 0
    rows = [line.split("\t") for line in capsys.readouterr().out.splitlines()]
    assert [row[1] for row in rows] == ["brick", "grass"]
    assert float(rows[0][2]) == -float(rows[1][2])


class Foreign(StandardScaler):
    """A type that no model file of ours holds."""


def _fitted() -> LinearSVC:
    return LinearSVC().fit(np.eye(4, 1280), ["a", "b", "c", "d"])


@pytest.mark.parametrize(
    ("model", "says"),
    [
        (
            Pipeline([("emb", PretrainedEmbedder()), ("x", Foreign()), ("y", _fitted())]),
            "Foreign",
        ),
        (Pipeline([("scale", StandardScaler()), ("svm", _fitted())]), "takes no images"),
        (Pipeline([("emb", PretrainedEmbedder()), ("svm", LinearSVC())]), "is not fitted"),
        (PretrainedEmbedder(), "predicts nothing"),
    ],
)
def test_predict_refuses_models_that_it_cannot_use(
    model, says, class_folders, tmp_path, refused
):
    path = tmp_path / "model.skops"
    skops.io.dump(model, path)
    assert says in refused(["predict", path, class_folders])


def test_predict_refuses_a_crafted_schema(saved, class_folders, tmp_path, refused):
    """A file whose schema names a function of the standard library is refused by that name."""
    path = tmp_path / "crafted.skops"
    with zipfile.ZipFile(saved) as source, zipfile.ZipFile(path, "w") as target:
        for name in source.namelist():
            data = source.read(name)
            if name == "schema.json":
                schema = json.loads(data)
                schema["__class__"], schema["__module__"] = "system", "os"
                data = json.dumps(schema).encode()
            target.writestr(name, data)
    message = refused(["predict", path, class_folders])
    assert "os.system" in message


def test_predict_refuses_what_is_no_model(class_folders, tmp_path, refused):
    path = tmp_path / "model.skops"
    assert "no model file" in refused(["predict", path, class_folders])
    path.write_text("not a zip file")
    assert "is damaged, or no file of skembed.save" in refused(["predict", path, class_folders])
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("schema.json", "{}")
    assert "is damaged, or no file of skembed.save" in refused(["predict", path, class_folders])


@pytest.mark.parametrize(
    ("classifier", "score"),
    [
        (LogisticRegression(), "margin"),
        (RandomForestClassifier(5, random_state=0), "probability"),
        (SVC(), "margin"),
        (KNeighborsClassifier(1, algorithm="brute"), "probability"),
        (SVC(decision_function_shape="ovo"), None),
    ],
)
def test_predict_takes_any_classifier(classifier, score, example, tmp_path, capsys):
    paths, labels = example
    model = make_pipeline(PretrainedEmbedder(on_error="mean"), classifier).fit(paths, labels)
    path, table = tmp_path / "model.skops", tmp_path / "out.csv"
    save(model, path)
    bad = tmp_path / "bad.jpg"
    bad.write_text("no image")
    argv = ["predict", str(path), *map(str, paths[:9]), str(bad), "--csv", str(table)]
    assert main(argv) == 1
    rows = list(csv.DictReader(table.read_text().splitlines()))
    assert [row["class"] for row in rows[:9]] == model.predict(paths[:9]).tolist()
    assert rows[9]["class"] == ""
    assert "bad.jpg" in rows[9]["error"]
    if score is None:  # for each pair of the three classes, and not for each class
        assert rows[0]["margin"] == ""
        assert main([*argv, "--force", "--top", "2"]) == 2
        assert "scores no classes" in capsys.readouterr().err
        return
    assert float(rows[0][score]) > 0
    assert "row 9: " in capsys.readouterr().err


@pytest.mark.slow
def test_predict_reads_and_runs_each_image_once(example, tmp_path, capsys, monkeypatch):
    """What cannot be read is told by the report, also of a model that takes no rows of NaN."""
    paths, labels = example
    model = make_pipeline(
        FullNetworkEmbedder(layers="stage1", image_size=64), LinearSVC(random_state=0)
    )
    save(model.fit(paths, labels), tmp_path / "model.skops")
    want = model.predict(paths[:3]).tolist()
    bad, absent, table = (tmp_path / name for name in ("bad.jpg", "absent.jpg", "out.csv"))
    bad.write_text("no image")
    files = [str(bad), *map(str, paths[:3]), str(absent)]
    opened = Counter()
    monkeypatch.setattr(_decode, "open_image", counting(_decode.open_image, opened))
    argv = ["predict", str(tmp_path / "model.skops"), *files, "--csv", str(table), "--no-cache"]
    before = extraction.images_run()
    assert main(argv) == 1
    assert extraction.images_run() - before == 3
    assert set(opened.values()) == {1}
    rows = list(csv.DictReader(table.read_text().splitlines()))
    assert [row["class"] for row in rows] == ["", *want, ""]
    assert "bad.jpg" in rows[0]["error"]
    assert "no such file" in rows[4]["error"]
    assert "row 0: " in capsys.readouterr().err


def counting(open_image, opened):
    """A function that opens an image, and counts how often each is opened."""

    def opens(stream, name):
        opened[name] += 1
        return open_image(stream, name)

    return opens


@pytest.mark.slow
def test_predict_takes_a_search_and_ten_crops(example, tmp_path, capsys):
    paths, labels = example
    crops = TenCropClassifier(PretrainedEmbedder(image_size=64), LinearSVC(random_state=0))
    search = GridSearchCV(crops, {"classifier__C": [1.0]}, cv=2).fit(paths, labels)
    save(search, tmp_path / "model.skops")
    bad = tmp_path / "bad.jpg"
    bad.write_text("no image")
    argv = ["predict", str(tmp_path / "model.skops"), str(bad), str(paths[0]), "--top", "3"]
    assert main(argv) == 1
    captured = capsys.readouterr()
    rows = [line.split("\t") for line in captured.out.splitlines()]
    assert rows[0][1] == search.predict(paths[:1])[0]
    assert len(rows) == 3
    assert "row 0: " in captured.err
    assert "bad.jpg" in captured.err


def test_predict_tells_of_a_model_that_lacks_a_part(saved, class_folders, tmp_path, refused):
    path = tmp_path / "model.skops"
    model = load(saved)
    del model.named_steps["svm"].intercept_
    save(model, path)
    assert "intercept_" in refused(["predict", path, class_folders])
