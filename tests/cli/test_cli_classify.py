"""``demo`` and ``classify`` through ``main``."""

from __future__ import annotations

import csv
import re
import shutil
import zipfile
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from skembed import load
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
    of_all = f"{len(tiles.images)} tiles of 90 x 90 pixels, {len(set(tiles.labels))} classes"
    assert of_all in first.splitlines()[0]
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


@pytest.mark.slow
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
    before = images_run()
    assert "The class 'brick' has one image" in refused(["classify", tmp_path])
    assert images_run() == before


@pytest.mark.slow
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


@pytest.mark.slow
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


@pytest.mark.slow
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


@pytest.mark.slow
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
    with zipfile.ZipFile(source, "a") as archive:
        archive.writestr("all/brick/00.png", b"no image")
    assert main(["predict", str(saved), str(source), "--csv", str(tmp_path / "q.csv")]) == 1
    table = pd.read_csv(tmp_path / "q.csv").set_index("file")
    assert list(table.index[table["class"].isna()]) == [f"{source}/all/brick/00.png"]
    pd.testing.assert_series_equal(table["class"].dropna()[found.index], found)
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
