"""Bundles are taken apart without leaving the folder."""

from __future__ import annotations

import json

import pytest

from skembed.bigml import create_model, extract_bundle

GUARD = b"bigml_tensorflow_saved_model_bundle"


def bundle(table, content, n_blocks=1):
    return GUARD + bytes([n_blocks]) + json.dumps(table).encode().ljust(1024) + content


WHOLE = bundle(
    [
        [".", ["variables"], [["saved_model.pb", 3]]],
        ["variables", [], [["index", 0], ["data", 4]]],
    ],
    b"abcdefg",
)


def test_files_are_written(tmp_path):
    (tmp_path / "m.smbundle").write_bytes(WHOLE)
    files = extract_bundle(tmp_path / "m.smbundle", tmp_path / "model")
    assert [file.relative_to(tmp_path / "model").as_posix() for file in files] == [
        "saved_model.pb",
        "variables/index",
        "variables/data",
    ]
    assert [file.read_bytes() for file in files] == [b"abc", b"", b"defg"]
    with pytest.raises(FileExistsError, match="a new folder"):
        extract_bundle(tmp_path / "m.smbundle", tmp_path / "model")
    with pytest.raises(FileNotFoundError, match="no bundle at"):
        extract_bundle(tmp_path / "gone.smbundle", tmp_path / "other")


@pytest.mark.parametrize(
    ("data", "says"),
    [
        (b"PK", "begins otherwise"),
        (GUARD, "has no table"),
        (WHOLE[:-1], "holds 6 bytes of files, and its table 7"),
        (WHOLE + b"x", "holds 8 bytes"),
        (bundle([], b""), "has no files"),
        (bundle([[".", [], [["a", -1]]]], b""), "allowed: an integer"),
        (bundle([[".", [], [["a", 0], ["a", 0]]]], b""), "one twice"),
        (bundle([["a"]], b""), "allowed"),
        (bundle({"a": 1}, b""), "allowed: a list"),
        *(
            (bundle([[root, [], [[name, 0]]]], b""), "no file in the folder")
            for root, name in [
                (".", "../a"),
                ("..", "a"),
                ("/etc", "a"),
                ("a/../..", "b"),
                ("a", "..\\..\\b"),
                (".", "C:\\a"),
                (".", "C:a"),
                (".", ""),
                (".", "a\0b"),
            ]
        ),
    ],
)
def test_what_is_no_bundle_is_refused_and_nothing_is_written(data, says, tmp_path):
    (tmp_path / "m.smbundle").write_bytes(data)
    with pytest.raises(ValueError, match=says):
        extract_bundle(tmp_path / "m.smbundle", tmp_path / "model")
    assert [path.name for path in tmp_path.iterdir()] == ["m.smbundle"]


def test_a_bundle_is_no_model(tmp_path):
    (tmp_path / "m.smbundle").write_bytes(WHOLE)
    with pytest.raises(ValueError, match=r"extract_bundle"):
        create_model(tmp_path / "m.smbundle")
