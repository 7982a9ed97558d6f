"""``demo``, ``classify`` and ``predict`` through ``main``, and once in new processes."""

from __future__ import annotations

import csv
import json
import re
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import skops.io
from PIL import Image
from sklearn.compose import make_column_transformer
from sklearn.ensemble import RandomForestClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GridSearchCV
from sklearn.neighbors import KNeighborsClassifier
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.svm import SVC, LinearSVC

from skembed import PretrainedEmbedder, TenCropClassifier, load, save
from skembed.cli import main
from skembed.extraction import images_run
from skembed.images import from_folders

README_PICTURE = Path(__file__).parents[2] / "docs/images/demo.png"


@pytest.mark.slow
def test_demo_prints_the_table_and_runs_each_tile_once(tiles, capsys):
    before = images_run()
    assert main(["demo"]) == 0
    ran = images_run() - before
    first = capsys.readouterr().out
    assert ran <= len(tiles.images)
    assert f"; {ran} ran, " in first
    for word in ("accuracy", "±", "of 5 folds", "motorcycle", "images/s", "This task is easy"):
        assert word in first
    accuracy = float(first.split("accuracy")[1].split()[0])
    assert accuracy > 0.85
    with Image.open(README_PICTURE) as picture:
        shown = picture.text["Description"]
    # Another processor may round differently.
    assert float(shown.split("accuracy")[1].split()[0]) == pytest.approx(accuracy, abs=0.011)
    assert shown.splitlines()[1] == first.splitlines()[0]
    assert all(len(line) <= 100 for line in first.splitlines())

    assert main(["demo", "--folds", "9"]) == 0
    assert images_run() == before + ran
    second = capsys.readouterr().out
    assert "0 ran, 200 came from the store" in second
    assert "5 folds instead of 9" in second
    assert f"accuracy    {accuracy:.3f}" in second


@pytest.mark.slow
def test_demo_on_a_folder(class_folders, capsys):
    assert main(["demo", "--images", str(class_folders), "--folds", "2"]) == 0
    out = capsys.readouterr().out
    assert "18 images, 3 classes" in out
    assert "easy" not in out


@pytest.mark.slow
def test_without_the_store_each_image_still_runs_once(class_folders, capsys):
    before = images_run()
    assert main(["classify", str(class_folders), "--folds", "3", "--no-cache"]) == 0
    assert images_run() - before == 18
    assert "not kept (--no-cache)" in capsys.readouterr().out


@pytest.mark.slow
@pytest.mark.filterwarnings("default::skembed.StoreWarning")
def test_an_unusable_store_costs_no_second_run(class_folders, monkeypatch, tmp_path, capsys):
    blocked = tmp_path / "file"
    blocked.write_text("not a directory")
    monkeypatch.setenv("SKEMBED_CACHE_DIR", str(blocked))
    before = images_run()
    assert main(["classify", str(class_folders), "--folds", "3"]) == 0
    assert images_run() - before <= 19
    captured = capsys.readouterr()
    assert captured.err.count("skembed: warning:") == 1
    assert "accuracy" in captured.out
    assert "not kept: The embedding store cannot be read" in captured.out


@pytest.mark.slow
def test_folds_shrink_to_the_smallest_class(class_folders, tmp_path, capsys):
    for label in ("brick", "grass"):
        (tmp_path / label).mkdir()
        for i in range(3 if label == "brick" else 5):
            (tmp_path / label / f"{i}.png").write_bytes(
                (class_folders / label / f"{i}.png").read_bytes()
            )
    assert main(["classify", str(tmp_path)]) == 0
    out = " ".join(capsys.readouterr().out.split())
    assert "3 folds instead of 5: the class 'brick' can be in no more." in out


def test_copies_of_an_image_stay_in_one_fold(class_folders, tmp_path, capsys):
    for label in ("brick", "grass"):
        (tmp_path / label).mkdir()
        for i in range(4):
            data = (class_folders / label / f"{i // 2}.png").read_bytes()
            (tmp_path / label / f"{i}.png").write_bytes(data)
    assert main(["classify", str(tmp_path)]) == 0
    out = " ".join(capsys.readouterr().out.split())
    assert "Exact copies of other images: 4." in out
    assert "came from the store, 4 equal to others" in out
    assert "2 folds instead of 5" in out


def test_classes_too_small_are_refused(class_folders, tmp_path, refused):
    one = tmp_path / "brick"
    one.mkdir()
    (one / "0.png").write_bytes((class_folders / "brick" / "0.png").read_bytes())
    assert "one class only" in refused(["classify", tmp_path])
    two = tmp_path / "grass"
    two.mkdir()
    (two / "0.png").write_bytes((class_folders / "grass" / "0.png").read_bytes())
    (two / "1.png").write_bytes((class_folders / "grass" / "1.png").read_bytes())
    assert "The class 'brick' has one image" in refused(["classify", tmp_path])


def test_bad_images_stop_or_are_left_out(class_folders, tmp_path, capsys, refused):
    for label in ("brick", "grass"):
        (tmp_path / label).mkdir()
        for i in range(3):
            (tmp_path / label / f"{i}.png").write_bytes(
                (class_folders / label / f"{i}.png").read_bytes()
            )
    bad = tmp_path / "brick" / "bad.png"
    bad.write_text("no image")
    assert "Row 3" in (message := refused(["classify", tmp_path]))
    assert str(bad) in message
    assert "With --on-error nan this is no error." in message
    assert main(["classify", str(tmp_path), "--on-error", "nan"]) == 0
    out = " ".join(capsys.readouterr().out.split())
    assert "could not be read: 1 of 7 images, " in out
    assert "bad.png" in out
    assert f"6 images, 2 classes in {tmp_path}" in out
    model = tmp_path / "model.skops"
    assert main(["classify", str(tmp_path), "--on-error", "mean", "--save", str(model)]) == 0
    out = " ".join(capsys.readouterr().out.split())
    assert "Taken as the mean of the others, for they could not be read: 1 of 7" in out
    assert f"7 images, 2 classes in {tmp_path}" in out
    assert "copies" not in out
    paths, _ = from_folders(tmp_path)
    with pytest.warns(UserWarning, match="became the mean"):
        mean = load(model)["emb"].fit_transform(paths)[paths.index(str(bad))]
    np.testing.assert_array_equal(load(model)["emb"].mean_.astype(np.float32), mean)


def test_confused_pairs_are_listed(class_folders, tmp_path, capsys):
    """The same kind of picture under two names cannot be told apart."""
    for label, numbers in (("one", (0, 2, 4)), ("two", (1, 3, 5)), ("rest", ())):
        (tmp_path / label).mkdir()
        source = "grass" if numbers else "coffee"
        for i in numbers or (0, 1, 2):
            data = (class_folders / source / f"{i}.png").read_bytes()
            (tmp_path / label / f"{i}.png").write_bytes(data)
    assert main(["classify", str(tmp_path)]) == 0
    assert "taken for" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("argv", "says"),
    [
        (["classify", "{images}/none"], "There is no folder"),
        (["classify", "{images}/gras"], "Did you mean '{images}/grass'"),
        (["classify", "{images}", "--backbone", "resnet5"], "Did you mean 'resnet50'"),
        (["classify", "{images}", "--layers", "embeding"], "Did you mean 'embedding'"),
        (["classify", "{images}", "--resize", "wrap"], "warp"),
        (["classify", "{images}", "--image-size", "8"], "at least"),
        (["classify", "{images}", "--folds", "1"], "no whole number of 2 or more"),
        (["classify", "{images}", "--save", "{tmp}/m.pkl"], "allowed: .skops"),
        (["classify", "{images}", "--save", "{tmp}/m"], "no suffix"),
        (["classify", "{images}", "--save", "{tmp}/no/m.skops"], "there is no folder"),
        (["classify", "{images}", "--weights", "{tmp}/w.h5"], "w.h5', which is no file"),
        (["classify"], "required: DIR"),
        (["clasify"], "there is no command 'clasify'. Did you mean 'classify'"),
        (["classify", "{images}", "--fold5"], "no option --fold5. Did you mean '--folds'"),
        (["classify", "--foldz", "3"], "Did you mean '--folds'"),
        (["classify", "{images}", "--engine", "openvno"], "Did you mean 'openvino'"),
        (["classify", "{images}", "--image-column", "file"], "is for one table"),
        (["cache", "clera"], "Did you mean 'clear'"),
    ],
)
def test_mistakes_are_one_line(argv, says, class_folders, tmp_path, refused):
    argv = [part.format(images=class_folders, tmp=tmp_path) for part in argv]
    mistake = refused(argv)
    assert says.format(images=class_folders) in mistake
    assert not re.search(r"skembed\.|images\.|\w=['\"]", mistake)  # advice in Python


def test_save_does_not_overwrite(saved, class_folders, refused):
    content = saved.read_bytes()
    message = refused(["classify", class_folders, "--save", saved])
    assert "--force" in message
    assert saved.read_bytes() == content


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


def test_errors_and_equal_images_are_named(class_folders, tmp_path, capsys):
    """Two classes are one kind of picture, and one image is in both."""
    images = tmp_path / "images"
    for label, numbers in (("one", (0, 2, 4)), ("two", (0, 1, 3))):
        (images / label).mkdir(parents=True)
        for i in numbers:
            data = (class_folders / "grass" / f"{i}.png").read_bytes()
            (images / label / f"{i}.png").write_bytes(data)
    table = tmp_path / "errors.csv"
    assert main(["classify", str(images), "--errors", str(table)]) == 0
    out = capsys.readouterr().out
    first, second = images / "one" / "0.png", images / "two" / "0.png"
    assert f"{first}={second}" in "".join(out.split())
    assert "the same images in different classes" in " ".join(out.split())
    with table.open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert rows
    assert all(row["class"] != row["taken for"] for row in rows)
    excess = [float(row["excess"]) for row in rows]
    assert excess == sorted(excess, reverse=True)
    assert min(excess) > 0
    assert all(f"{row['class']}/" in row["file"] for row in rows)


def test_a_report_is_one_page_with_pictures(class_folders, tmp_path, capsys, refused):
    images, page = tmp_path / "images", tmp_path / "report.html"
    shutil.copytree(class_folders, images)
    (images / "brick" / "0.png").rename(images / "grass" / "wall.png")
    command = ["classify", str(images), "--folds", "3", "--report", str(page)]
    assert main(command) == 0
    assert f"with thumbnails, in {page}" in capsys.readouterr().out.replace("\n", " ")
    html = page.read_text()
    suspects = html[html.index("Suspect labels") :]
    assert "wall.png" in suspects
    assert "brick? (" in suspects
    assert "grass, taken for brick: 1 image" in html
    assert not re.search(r"<(script|link)|https?://", html)
    assert "report.html exists; --force" in refused(command)
    assert "allowed: .html" in refused([*command[:-1], str(tmp_path / "report.pdf")])


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


@pytest.fixture
def example(class_folders):
    """The images of the three classes, and their labels."""
    return from_folders(class_folders)


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
def test_predict_takes_a_search_and_ten_crops(example, tmp_path, capsys):
    paths, labels = example
    crops = TenCropClassifier(PretrainedEmbedder(image_size=64), LinearSVC(random_state=0))
    search = GridSearchCV(crops, {"classifier__C": [1.0]}, cv=2).fit(paths, labels)
    save(search, tmp_path / "model.skops")
    assert main(["predict", str(tmp_path / "model.skops"), str(paths[0]), "--top", "3"]) == 0
    rows = [line.split("\t") for line in capsys.readouterr().out.splitlines()]
    assert rows[0][1] == search.predict(paths[:1])[0]
    assert len(rows) == 3


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


def test_predict_tells_of_a_model_that_lacks_a_part(saved, class_folders, tmp_path, refused):
    path = tmp_path / "model.skops"
    model = load(saved)
    del model.named_steps["svm"].intercept_
    save(model, path)
    assert "intercept_" in refused(["predict", path, class_folders])


@pytest.mark.slow
def test_the_folders_of_an_archive_are_classes(class_folders, tmp_path, capsys, refused):
    source, saved, report = tmp_path / "photos.zip", tmp_path / "m.skops", tmp_path / "r.html"
    wrong = sorted(class_folders.glob("brick/*.png"))[0]
    with zipfile.ZipFile(source, "w") as archive:
        for path in sorted(class_folders.rglob("*.png")):
            archive.write(path, f"all/{path.relative_to(class_folders)}")
        archive.write(wrong.with_name("1.png"), "all/grass/wrong.png")
        archive.write(wrong.with_name("2.png"), "all/grass/wrong too.png")
    options = ("--folds", "3", "--errors", tmp_path / "e.csv", "--report", report)
    arguments = ["classify", source, *options, "--save", saved]
    assert main(list(map(str, arguments))) == 0
    out = capsys.readouterr().out
    assert "20 images, 3 classes in" in out
    errors = pd.read_csv(tmp_path / "e.csv").set_index("file")
    assert errors.loc[f"{source}/all/grass/wrong.png", "taken for"] == "brick"
    page = report.read_text()
    assert "wrong.png" in page
    assert "data:image/" in page
    assert "cannot be read" not in page

    assert main(["predict", str(saved), str(source), "--csv", str(tmp_path / "p.csv")]) == 0
    found = pd.read_csv(tmp_path / "p.csv").set_index("file")["class"]
    assert len(found) == 20
    assert found[f"{source}/all/brick/0.png"] == "brick"
    with zipfile.ZipFile(tmp_path / "one.zip", "w") as archive:
        archive.write(wrong, "brick/0.png")
        archive.write(wrong, "brick/1.png")
    assert "The images lie in one folder" in refused(["classify", tmp_path / "one.zip"])
    with zipfile.ZipFile(tmp_path / "one.zip", "a") as archive:
        archive.write(wrong, "1.png")
        archive.write(wrong, "grass/1.png")
    assert "beside the folders of classes" in refused(["classify", tmp_path / "one.zip"])


@pytest.mark.slow
def test_best_layers_are_chosen_named_and_saved(class_folders, tmp_path, capsys):
    model = tmp_path / "layers.skops"
    line = [
        "classify",
        str(class_folders),
        "--folds",
        "3",
        "--best-layers",
        "--save",
        str(model),
    ]
    assert main([*line, "--layers", "stage1,stage2"]) == 0
    out = capsys.readouterr().out
    assert "LayerKernelClassifierCV()" in out
    assert re.search(r"layers +[12] of 2: .*stage2 \(C=", out)
    pipeline = load(model)
    assert pipeline[-1].selected_layers_[-1] == "stage2"
    files = sorted(map(str, class_folders.rglob("*.*")))[:4]
    assert pipeline.predict(files).shape == (4,)
    assert main([*line, "--force", "--on-error", "mean"]) == 2
