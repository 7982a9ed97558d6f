"""``skembed search`` and ``skembed duplicates``: an index in a folder, and what is found in it."""

from __future__ import annotations

import csv
import shutil
import zipfile

import pytest
from filelock import FileLock
from PIL import Image

from skembed import ImageSearch
from skembed.cli import main

pytestmark = pytest.mark.slow

FAST = ("--image-size", "64", "--engine", "jax")


@pytest.fixture(scope="module")
def index(class_folders, store, tmp_path_factory):
    """An index of eighteen tiles."""
    folder = tmp_path_factory.mktemp("search") / "tiles.index"
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("SKEMBED_CACHE_DIR", str(store))
        assert main(["search", "index", str(class_folders), "--dir", str(folder), *FAST]) == 0
    return folder


@pytest.fixture
def own(index, tmp_path):
    """A copy of it, to be changed."""
    return shutil.copytree(index, tmp_path / "own.index")


def test_an_image_of_the_index_is_found_first(index, class_folders, capsys):
    image = str(class_folders / "brick" / "3.png")
    assert main(["search", "query", image, "--top", "3", "--dir", str(index)]) == 0
    lines = [line.split("\t") for line in capsys.readouterr().out.splitlines()]
    assert lines[0] == ["0.000", image]
    assert len(lines) == 3
    assert all("brick" in name for _, name in lines)


def test_what_is_there_stays_and_what_has_changed_is_replaced(own, tmp_path, pictures, capsys):
    folder = tmp_path / "photographs"
    folder.mkdir()
    for i in range(3):
        Image.fromarray(pictures[i]).save(folder / f"{i}.png")
    command = ["search", "index", str(folder), "--dir", str(own)]
    assert main(command) == 0
    assert "3 added, 0 replaced, 0 unchanged, 0 left out" in capsys.readouterr().out
    Image.fromarray(pictures[9]).save(folder / "1.png")
    (folder / "broken.png").write_bytes(b"no image")
    assert main(command) == 0
    said = capsys.readouterr()
    assert "0 added, 1 replaced, 2 unchanged, 1 left out" in said.out
    assert "broken.png" in said.err
    assert main([*command, "--unique"]) == 0
    assert "0 added, 0 replaced, 3 unchanged, 1 left out" in capsys.readouterr().out
    names = ImageSearch.load(own).names_
    assert len(names) == 21
    assert main(["search", "remove", str(folder / "0.png"), "--dir", str(own)]) == 0
    assert "1 removed; 20 images" in capsys.readouterr().out
    assert str(folder / "0.png") not in ImageSearch.load(own).names_


def test_export_copies_the_files(index, class_folders, tmp_path, capsys):
    image = class_folders / "grass" / "0.png"
    target = tmp_path / "alike"
    command = ["search", "export", str(image), str(target), "--top", "2", "--dir", str(index)]
    assert main(command) == 0
    with (target / "neighbours.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert [row["file"] for row in rows] == sorted(p.name for p in target.glob("*.png"))
    assert (target / rows[0]["file"]).read_bytes() == image.read_bytes()
    assert float(rows[0]["distance"]) == 0
    assert main(command) == 2
    assert "no empty folder" in capsys.readouterr().err


def test_pictures_of_an_archive_are_exported_with_the_suffix_of_their_format(
    class_folders, tmp_path, capsys
):
    archive, directory = tmp_path / "tiles.zip", str(tmp_path / "archive.index")
    with zipfile.ZipFile(archive, "w") as file:
        for i in range(3):
            file.write(class_folders / "grass" / f"{i}.png", f"{i}.png")
    assert main(["search", "index", str(archive), "--dir", directory, *FAST]) == 0
    image, target = str(class_folders / "grass" / "0.png"), tmp_path / "alike"
    command = ["search", "export", image, str(target), "--top", "3", "--dir", directory]
    assert main(command) == 0
    copies = sorted(target.glob("00*"))
    assert [copy.suffix for copy in copies] == [".jpg"] * 3
    with Image.open(copies[0]) as picture:
        assert picture.format == "JPEG"
    capsys.readouterr()
    assert (
        main(["search", "index", str(archive), "--dir", directory, "--metric", "cosine"]) == 2
    )
    assert "has the metric 'angular'" in capsys.readouterr().err


def test_a_picture_that_becomes_the_copy_of_another_is_left_out(
    own, tmp_path, pictures, capsys
):
    folder = tmp_path / "photographs"
    folder.mkdir()
    for i in range(2):
        Image.fromarray(pictures[i]).save(folder / f"{i}.png")
    command = ["search", "index", str(folder), "--dir", str(own), "--unique"]
    assert main(command) == 0
    shutil.copy(folder / "0.png", folder / "1.png")
    capsys.readouterr()
    assert main(command) == 0
    assert "0 added, 0 replaced, 1 unchanged, 1 left out" in capsys.readouterr().out


def test_a_picture_that_a_killed_run_has_left_is_of_no_other_image(own, tmp_path, pictures):
    image, target = tmp_path / "photographs" / "0.png", tmp_path / "alike"
    for folder in (own / "pictures", image.parent):
        folder.mkdir()
    (own / "pictures" / "18.picture").write_bytes(b"of an image that never came into the index")
    Image.fromarray(pictures[0]).save(image)
    assert main(["search", "index", str(image.parent), "--dir", str(own)]) == 0
    command = ["search", "export", str(image), str(target), "--top", "1", "--dir", str(own)]
    assert main(command) == 0
    (copy,) = target.glob("*.png")
    assert copy.read_bytes() == image.read_bytes()


def test_an_index_is_changed_by_one_process_at_a_time(own, class_folders, capsys):
    """The one that wrote last would undo what the other did."""
    image = str(class_folders / "brick" / "3.png")
    with FileLock(own / ".changes.lock"):
        for command in (["index", str(class_folders)], ["remove", image]):
            assert main(["search", *command, "--dir", str(own)]) == 2
            assert "Another process changes the index" in capsys.readouterr().err
        assert main(["search", "query", image, "--top", "1", "--dir", str(own)]) == 0
    assert main(["search", "remove", image, "--dir", str(own)]) == 0


def test_a_folder_of_something_else_is_refused_before_anything_runs(
    tmp_path, class_folders, capsys
):
    (tmp_path / "thesis.tex").touch()
    assert main(["search", "index", str(class_folders), "--dir", str(tmp_path)]) == 2
    assert "'thesis.tex', which is no part of an index" in capsys.readouterr().err
    assert [path.name for path in tmp_path.iterdir()] == ["thesis.tex"]


def test_another_network_and_no_index_are_told(index, class_folders, tmp_path, capsys):
    command = ["search", "index", str(class_folders), "--dir", str(index)]
    assert main([*command, "--backbone", "mobilenet_v2"]) == 2
    assert "is an index of PretrainedEmbedder(" in capsys.readouterr().err
    assert main(["search", "query", "cat.jpg", "--dir", str(tmp_path)]) == 2
    assert "`skembed search index SOURCE` makes one" in capsys.readouterr().err
    assert main(["search", "query", "gone.png", "--dir", str(index)]) == 2
    assert "gone.png" in capsys.readouterr().err
    assert main(["search", "remove", "gone.png", "--dir", str(index)]) == 2
    assert "no image" in capsys.readouterr().err


def test_the_folder_may_be_a_variable(index, monkeypatch, capsys):
    monkeypatch.setenv("SKEMBED_SEARCH_DIR", str(index))
    assert main(["search"]) == 0
    assert "18 images in" in capsys.readouterr().out


def test_duplicates_are_listed_with_a_sheet(class_folders, tmp_path, capsys):
    copy = tmp_path / "copy.png"
    shutil.copy(class_folders / "coffee" / "2.png", copy)
    sheet = tmp_path / "sheet.html"
    command = [
        "duplicates",
        str(class_folders / "coffee"),
        str(copy),
        "--sheet",
        str(sheet),
        *FAST,
    ]
    assert main([*command, "--threshold", "0.01"]) == 0
    lines = [line.split("\t") for line in capsys.readouterr().out.splitlines()]
    assert sorted(lines) == sorted(
        ["1", "same bytes", "0.000", name]
        for name in (str(class_folders / "coffee" / "2.png"), str(copy))
    )
    page = sheet.read_text()
    assert page.count("<img") == 2
    assert 'src="data:image/jpeg;base64,' in page
    assert "2 of 7 images are nearly the same as others, in groups: 1" in page
    assert main(command) == 2  # the sheet is there
