"""from_folders and list_images: order, labels, links, and nothing lost in silence."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
import skimage

from skembed._errors import ImageError
from skembed.images import from_folders, list_images, load

DATA = Path(skimage.__file__).parent / "data"
JPEG, PNG = (DATA / "rocket.jpg").read_bytes(), (DATA / "coins.png").read_bytes()


def grow(root, *names, data=JPEG):
    for name in names:
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)
    return root


def test_classes_are_the_first_folders(tmp_path):
    grow(tmp_path, "dog/b.jpg", "dog/a.PNG", "cat/z.jpeg", "cat/deep/er/a.tif", "cat/notes.txt")
    (tmp_path / "cat/notes.txt").write_text("JPEG files of cats")
    (tmp_path / "readme.md").write_text("two classes")
    paths, labels = from_folders(tmp_path)
    assert [os.path.relpath(path, tmp_path) for path in paths] == [
        "cat/deep/er/a.tif",
        "cat/z.jpeg",
        "dog/a.PNG",
        "dog/b.jpg",
    ]
    assert labels == ["cat", "cat", "dog", "dog"]
    assert all(type(path) is str for path in paths)
    assert (paths, labels) == from_folders(str(tmp_path))


def test_relative_directories_give_relative_paths(tmp_path, monkeypatch):
    grow(tmp_path, "x/a/1.jpg", "x/b/1.jpg")
    monkeypatch.chdir(tmp_path)
    assert from_folders("x")[0] == ["x/a/1.jpg", "x/b/1.jpg"]
    assert list_images("x") == ["x/a/1.jpg", "x/b/1.jpg"]


def test_hidden_names_are_passed_over(tmp_path):
    grow(tmp_path, "a/1.jpg", "b/1.jpg", "a/.2.jpg", ".git/3.jpg", ".4.jpg", "a/.cache/5.jpg")
    assert len(from_folders(tmp_path)[0]) == len(list_images(tmp_path)) == 2


def test_images_under_other_names_are_found_by_their_beginning(tmp_path):
    grow(tmp_path, "a/photo", "a/photo.jpg_large", "b/1.jpg")
    grow(tmp_path, "b/2.download", data=PNG)
    assert from_folders(tmp_path)[1] == ["a", "a", "b", "b"]


def test_an_images_name_is_enough_so_that_damage_is_seen(tmp_path):
    grow(tmp_path, "a/1.jpg", data=b"not")
    (path,) = list_images(tmp_path)
    with pytest.raises(ImageError, match=r"1\.jpg is not an image"):
        load(path)


@pytest.mark.parametrize("extensions", [[".PNG"], ("png",), "png"])
def test_extensions_can_be_chosen(tmp_path, extensions):
    grow(tmp_path, "a/1.png", "a/1.jpg", "b/2.png", "b/photo")
    paths, labels = from_folders(tmp_path, extensions=extensions)
    assert [Path(path).name for path in paths] == ["1.png", "2.png"]
    assert labels == ["a", "b"]


def test_a_folder_without_images_is_announced(tmp_path):
    grow(tmp_path, "a/1.jpg", "b/1.jpg", "c/notes.txt", data=JPEG)
    (tmp_path / "c/notes.txt").write_text("none yet")
    (tmp_path / "d").mkdir()
    with pytest.warns(UserWarning, match=r"No image, and so no class, in .*: 'c', 'd'\."):
        assert from_folders(tmp_path)[1] == ["a", "b"]


def test_what_is_no_collection(tmp_path):
    for function in (from_folders, list_images):
        with pytest.raises(ImageError, match="holds no image, at any depth"):
            function(tmp_path)
        with pytest.raises(ImageError, match="nowhere does not exist"):
            function(tmp_path / "nowhere")
        with pytest.raises(ImageError, match=r"coins\.png is a file"):
            function(DATA / "coins.png")
    grow(tmp_path, "a/1.jpg")
    with pytest.raises(ImageError, match=r"one class only \('a'\).*list_images"):
        from_folders(tmp_path)
    grow(tmp_path, "b/1.jpg", "lost.jpg")
    with pytest.raises(ImageError, match=r"1 image\(s\) lie in .*lost\.jpg"):
        from_folders(tmp_path)
    assert len(list_images(tmp_path)) == 3


def test_links_inside_are_followed(tmp_path):
    root = grow(tmp_path / "in", "pool/1.jpg", "b/2.jpg")
    (root / "c").symlink_to(root / "pool")
    (root / "b" / "3.jpg").symlink_to(root / "pool" / "1.jpg")
    assert from_folders(root)[1] == ["b", "b", "c", "pool"]
    (tmp_path / "door").symlink_to(root)
    assert len(list_images(tmp_path / "door")) == 4


@pytest.mark.parametrize("target", ["out", "out/secret.jpg"])
def test_links_that_lead_out_are_refused(tmp_path, target):
    grow(tmp_path, "in/a/1.jpg", "in/b/1.jpg", "out/secret.jpg")
    link = tmp_path / "in/a/link"
    link.symlink_to(tmp_path / target)
    for function in (from_folders, list_images):
        with pytest.raises(ImageError, match=r"a/link is a symbolic link out of"):
            function(tmp_path / "in")


def test_links_in_circles_and_to_nowhere_are_refused(tmp_path):
    grow(tmp_path, "a/1.jpg", "b/1.jpg")
    link = tmp_path / "a/again"
    link.symlink_to(tmp_path / "a")
    with pytest.raises(ImageError, match="a/again is a symbolic link to a folder it lies in"):
        list_images(tmp_path)
    link.unlink()
    link.symlink_to(tmp_path / "gone.jpg")
    with pytest.raises(ImageError, match="a/again is a broken symbolic link"):
        list_images(tmp_path)
    link.unlink()
    link.symlink_to(link)
    with pytest.raises(ImageError, match="a/again is a broken symbolic link"):
        list_images(tmp_path)


def test_a_pipe_does_not_block(tmp_path):
    grow(tmp_path, "a/1.jpg")
    os.mkfifo(tmp_path / "a/pipe")
    assert len(list_images(tmp_path)) == 1


def test_the_flowers(shared):
    paths, labels = from_folders(shared / "data" / "flowers17")
    assert len(paths) == len(labels) == 17 * 80
    assert len(set(labels)) == 17
    assert paths == sorted(paths)
