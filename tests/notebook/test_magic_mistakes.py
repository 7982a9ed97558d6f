"""``%embed``: mistakes in one line, and errors of the user's own code with their traceback."""

from __future__ import annotations

import re
import sys

import numpy as np
import pytest

_SMALL = "-s 64 -l stage1"


@pytest.mark.slow
@pytest.mark.parametrize(
    ("cell", "says"),
    [
        ("%embed resnet5 images", "no model 'resnet5'. Did you mean 'resnet50'"),
        ("%embed images + images", "'images' is a variable|It is a variable"),
        ("%embed resnet50 images --svm -y y == 1", "What is == 1? An expression"),
        ("%embed resnet50", "Say which images: %embed resnet50 IMAGES"),
        ("%embed -q", "takes no --quiet"),
        ("%embed imges", "'imges' is not defined. Did you mean 'images'"),
        ("%embed modles", "Did you mean 'models'"),
        ("%embed photos/*.jpg", "stands in quotes"),
        ("%embed 'photo'", "There is no file or folder 'photo'. Did you mean 'photos'"),
        ("%embed 'elsewhere/photo'", "There is no folder 'elsewhere' either"),
        ("%embed 'photos/*.gif'", "No file matches 'photos/*.gif' in '/"),
        ("%embed 'empty'", "holds no image"),
        ("%embed 30", "X is int"),
        ("%embed []", "0 sample"),
        ("%embed images[0]", "Pass X[None"),
        ("%embed images -l stage9", "has no layer 'stage9'. Did you mean 'stage1'|stage5"),
        ("%embed images -y y", "-y is for --svm"),
        ("%embed images --svm", "--svm needs labels"),
        ("%embed images --clf c", "--clf names the pipeline"),
        ("%embed images -w absent.h5 -s 64", "absent.h5"),
        ("%embed images --on-error nn", "'nn'. Did you mean 'nan'"),
        ("%embed images --on-error nan -d -1,1", "cannot hold a row of NaN"),
        ("%embed images --paths", "--paths is for cells"),
        ("%embed models now", "Too much after the verb: now"),
        ("%embed layers -s 64", "takes no --size"),
        ("%embed layers vgg", "no model 'vgg'. Did you mean 'vgg1"),
        ("%embed cache empty", "allowed are %embed cache and %embed cache clear"),
        ("%embed contributions", "Say which classifier, and no more"),
        ("%embed contributions images", "expected a fitted Pipeline"),
        ("%embed confusion images", "It is %embed confusion CLF IMAGES -y y"),
        ("%embed confusion images images", "The classes of the images are needed"),
        ("%embed patterns images images -y y", "expected a FullNetworkEmbedder"),
        ("%embed thresholds images", "The classes are needed, to judge thresholds"),
        ("%embed thresholds imagse images -y y", "name 'imagse' is not defined. Did you mean"),
        ("%embed features images", "It is %embed features EMBEDDER IMAGES"),
        ("%embed features images images", "expected a fitted Pipeline"),
        ("%embed features images images --image -1", "is no position of an image"),
        ("%embed images --feature 3", "--feature is for %embed features"),
        ("%embed map images --image 0", "%embed map takes no --image"),
        ("%embed images --cv 5", "--cv is for %embed confusion"),
        ("%embed map", "Say which images. It is %embed map [MODEL] IMAGES"),
        ("%embed map a b c", "Too much after the verb. It is %embed map"),
        ("%embed map images --images images", "--images is for features that are there"),
        ("%embed map images --projection tnse", "'tnse'. Did you mean 'tsne'"),
        ("%embed map images -y y[1:]", "12 images, and labels of the shape (11,)"),
        ("%embed map images --svm", "%embed map takes no --svm"),
        ("%embed images --projection pca", "--projection is for %embed map"),
        ("%embed label images --projection pca", "%embed label takes no --projection"),
        ("%embed photos", 'stands in quotes: "photos".'),
        ("%embed resnet50 photos/cats", 'stands in quotes: "photos/cats".'),
        ("%embed photos/cats/a.jpg", 'stands in quotes: "photos/cats/a.jpg".'),
        ("%embed images -l {3.5}", "-l: 3.5 is neither a layer's name nor its index"),
        ("%embed nothing.keras images", "nothing.keras"),
        ("%embed nothing.h5 images", "nothing.h5' does not exist"),
        ("%embed net.onnx images", "net.onnx' is an ONNX graph. Convert it"),
        ("%%embed resnet50 images\n1", "the cell gives the images"),
        ("%%embed\n \n", "last line of a %%embed cell must be an expression"),
        ("%%embed\na = 1", "last line of a %%embed cell must be an expression"),
        ("%%embed --paths\n# nothing", "this one has none"),
        ("%%embed --paths\nnothing/*.png", "Line 1: No file matches"),
        ("%%embed --paths -y y[0]\nx", "-y takes a variable's name"),
        ("%%embed --paths -y class\nx a", "-y class: with --paths, -y takes a variable's"),
        ("%%embed --paths\n\nempty", "Line 2: "),
        ("%%embed --paths\n{1 a", "Line 1: a quote or a bracket is not closed"),
        ("%%embed --paths\n{[1]} a", "Line 1: expected str"),
    ],
)
def test_mistakes_are_told_in_one_line(refused, tmp_path, cell, says):
    (tmp_path / "empty").mkdir()
    (tmp_path / "photos/cats").mkdir(parents=True)
    (tmp_path / "photos/cats/a.jpg").write_bytes(b"")
    assert any(part in refused(cell) for part in says.split("|"))


def test_a_bad_image_is_told_with_its_row(refused, tmp_path):
    (tmp_path / "a.png").write_bytes(b"no image")
    said = refused(f"%embed [images[0], 'a.png'] {_SMALL}")
    assert said.startswith("EmbedError: Row 1: ")
    assert "a.png" in said


@pytest.mark.slow
def test_a_bad_image_becomes_nan_and_the_warning_is_of_the_cell(shell):
    with pytest.warns(
        UserWarning, match=r"1 of 2 images could not be read .*gone\.png"
    ) as caught:
        shell.run_cell(f"X = %embed [images[0], 'gone.png'] --on-error nan {_SMALL}")
    assert np.isnan(shell.user_ns["X"]).all(axis=1).tolist() == [False, True]
    assert [warning.filename for warning in caught if "site-packages" in warning.filename] == []


@pytest.mark.slow
@pytest.mark.parametrize(
    ("given", "says"),
    [
        ("y[:3]", "12 images and 3 labels"),
        ("[y]", "shape (1, 12)"),
        ("([None] * 12)", "12 labels are missing; the first one of row 0"),
        ("(['a'] * 12)", "1 class"),
        ("(['a'] * 11 + ['b'])", "'b' has one image"),
        ("z", "labels: name 'z' is not defined"),
    ],
)
def test_bad_labels(refused, shell, given, says):
    shell.run_line_magic("config", "EmbedMagics.quiet = True")
    assert says in refused(f"%embed images {_SMALL} --svm -y {given}")


def test_what_is_wrong_with_images_has_no_hint_where_there_is_no_such_file(refused):
    assert "stands in quotes" not in refused("%embed imges")


@pytest.fixture
def shown(shell, capsys):
    """Run a cell that must fail with a traceback; return it, without colours."""

    def run(cell: str) -> str:
        capsys.readouterr()
        assert not shell.run_cell(cell).success
        told = capsys.readouterr()
        said = re.sub(r"\x1b\[[\d;]*m", "", told.out + told.err)
        assert "Traceback (most recent call last)" in said
        assert "EmbedError" not in said
        return said

    return run


@pytest.mark.slow
@pytest.mark.parametrize(
    "cell",
    [
        "%embed load()",
        "%embed [load() for i in range(3)]",
        "%embed images -l {load()}",
        "%embed layers {load()}",
        "%embed cache clear {load()}",
        "%embed images -b {load()}",
        "%%embed --paths\n{load()}",
        "%%embed --paths -y z\nhttp://x/a.png {load()}",
        "%%embed\nload()",
        "%embed Broken() -s 64 -l stage1 -q",
    ],
)
@pytest.mark.parametrize("where", ["cell", "module"])
def test_errors_of_the_user_s_own_code_keep_their_traceback(
    shell, shown, tmp_path, monkeypatch, cell, where
):
    source = """from collections.abc import Sequence
def load():
    return int("it is mine")
class Broken(Sequence):
    def __len__(self):
        return 3
    def __getitem__(self, i):
        return load()
"""
    if where == "module":
        name = f"mylib{abs(hash(cell))}"
        (tmp_path / f"{name}.py").write_text(source)
        monkeypatch.syspath_prepend(tmp_path)
        source = f"from {name} import *"
    shell.run_cell(source)
    said = shown(cell)
    assert 'return int("it is mine")' in said
    assert "ValueError: invalid literal" in said


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore:.*cannot be run:RuntimeWarning")
def test_an_error_of_a_layer_of_the_user_s_keeps_its_traceback(shell, shown):
    shell.run_cell("""
import keras
broken = False
class Mine(keras.layers.Layer):
    def call(self, x):
        if broken:
            raise ValueError("it is mine")
        return x
net = keras.Sequential([keras.Input((None, None, 3)), Mine(), keras.layers.Conv2D(2, 1)])
broken = True
""")
    assert "it is mine" in shown("%embed {net} images -q -s 16 -l -1")


def test_an_error_of_the_line_itself_is_one_line(refused):
    assert refused("%embed {}['z']") == "EmbedError: images: KeyError: 'z'"
    assert refused("try:\n    [][1]\nexcept IndexError:\n    %embed 30").startswith(
        "EmbedError: X"
    )


def test_an_engine_that_is_not_installed_is_told_in_one_line(refused, shell, monkeypatch):
    monkeypatch.setitem(sys.modules, "openvino", None)
    shell.run_cell("%config EmbedMagics.engine = 'openvino'")
    assert "openvino' needs OpenVINO: pip install" in refused(
        f"%embed images {_SMALL} -q --no-cache"
    )
