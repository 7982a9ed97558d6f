"""from_folders and list_images: order, labels, links, and nothing lost in silence."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
import skimage

from skembed import ImageError
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


def test_links_are_followed_wherever_they_lead(tmp_path):
    root = grow(tmp_path / "in", "pool/1.jpg", "b/2.jpg")
    (root / "c").symlink_to(root / "pool")
    (root / "b" / "3.jpg").symlink_to(root / "pool" / "1.jpg")
    (root / "d").symlink_to(grow(tmp_path / "another disk", "4.jpg"))
    (root / "d2").symlink_to("../another disk")
    (root / "b" / "5.jpg").symlink_to(tmp_path / "another disk" / "4.jpg")
    assert from_folders(root)[1] == ["b", "b", "b", "c", "d", "d2", "pool"]
    (tmp_path / "door").symlink_to(root)
    assert len(list_images(tmp_path / "door")) == 7


def test_a_hub_s_cache_of_links_to_blobs_without_suffix(tmp_path):
    blobs = grow(tmp_path / "blobs", "0a1b", "2c3d")
    for name, blob in (("cat/1.png", "0a1b"), ("cat/2", "2c3d"), ("dog/1.png", "2c3d")):
        link = tmp_path / "snapshots/main" / name
        link.parent.mkdir(parents=True, exist_ok=True)
        link.symlink_to(f"../../../blobs/{blob}")
    paths, labels = from_folders(tmp_path / "snapshots/main")
    assert labels == ["cat", "cat", "dog"]
    assert load(paths[0]).shape == load(blobs / "0a1b").shape


def test_links_that_are_no_images_are_ignored(tmp_path):
    grow(tmp_path, "in/a/1.jpg", "in/b/1.jpg")
    (tmp_path / "notes").write_text("no image")
    for name, target in (("README", "notes"), ("a/notes.txt", "notes"), ("a/gone", "nowhere")):
        (tmp_path / "in" / name).symlink_to(tmp_path / target)
    (tmp_path / "in/a/itself").symlink_to(tmp_path / "in/a/itself")
    assert len(from_folders(tmp_path / "in")[0]) == len(list_images(tmp_path / "in")) == 2


def test_links_in_circles_are_refused(tmp_path):
    grow(tmp_path, "in/a/1.jpg", "in/b/1.jpg")
    for target in ("in/a", "in", ""):
        link = tmp_path / "in/a/again"
        link.symlink_to(tmp_path / target)
        for function in (from_folders, list_images):
            with pytest.raises(
                ImageError, match=r"again.* is a symbolic link to a folder it lies"
            ):
                function(tmp_path / "in")
        link.unlink()


def test_broken_links_named_like_images_are_listed_and_told(tmp_path):
    grow(tmp_path, "a/1.jpg", "b/1.jpg")
    (tmp_path / "a/2.jpg").symlink_to("../.git/annex/objects/2.jpg")
    (tmp_path / "b/2.PNG").symlink_to("2.PNG")
    words = r"2 broken symbolic links .*a/2\.jpg -> \.\./\.git/annex/objects/2\.jpg"
    with pytest.warns(UserWarning, match=words) as told:
        paths, labels = from_folders(tmp_path)
    assert len(told) == 1
    assert told[0].filename == __file__
    assert labels == ["a", "a", "b", "b"]
    with pytest.raises(ImageError, match=r"a/2\.jpg: no such file"):
        load(paths[1])


def test_files_with_the_suffix_of_an_image_that_is_not_read_are_counted(tmp_path):
    grow(tmp_path, "a/1.jpg", "b/1.jpg", "notes.txt", "c.svg.txt", data=b"not")
    grow(tmp_path, "a/1.heic", "a/2.HEIC", "b/3.psd", "b/deep/4.nef", "a/.5.heic", data=b"?")
    (tmp_path / "b/5.psd").symlink_to("nowhere.psd")
    for function in (from_folders, list_images):
        with pytest.warns(
            UserWarning, match=r"Left out 5 files in .*: 2 \.heic, 2 \.psd, 1 \.nef\."
        ) as told:
            function(tmp_path)
        assert [warning.filename for warning in told] == [__file__]
        function(tmp_path, extensions="jpg")  # which leaves out nothing but on request
    alone = grow(tmp_path / "alone", "1.heic", data=b"?")
    with (
        pytest.warns(UserWarning, match=r"1 \.heic"),
        pytest.raises(ImageError, match="no image"),
    ):
        list_images(alone)


def test_a_pipe_does_not_block(tmp_path):
    grow(tmp_path, "a/1.jpg")
    os.mkfifo(tmp_path / "a/pipe")
    assert len(list_images(tmp_path)) == 1


def test_the_flowers(shared):
    paths, labels = from_folders(shared / "data" / "flowers17")
    assert len(paths) == len(labels) == 17 * 80
    assert len(set(labels)) == 17
    assert paths == sorted(paths)
