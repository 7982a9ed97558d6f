"""How a line is read: words, options, names.

The reader is called by itself: what a line does would tell one option from another late, or never.
"""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from IPython.core.error import UsageError

from skembed.notebook._errors import EmbedError
from skembed.notebook._line import layers_from, read_line
from skembed.notebook._names import Names, is_quoted, scan, split, unquote
from skembed.notebook._options import FLAGS, LONG_FLAGS


@pytest.fixture
def names(bare_shell) -> Names:
    bare_shell.push({"images": [1, 2], "name": "vgg16", "wanted": ["a", -1], "d": {"k": "x y"}})
    return Names(bare_shell, {"inner": 7})


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("", []),
        ("  resnet50   images ", ["resnet50", "images"]),
        ('df["my path"]', ['df["my path"]']),
        ("images[y > 2] -q", ["images[y > 2]", "-q"]),
        ("{p[: 3]} $x", ["{p[: 3]}", "$x"]),
        ("'a ] b' c", ["'a ] b'", "c"]),
        (r"f('it\'s') c", [r"f('it\'s')", "c"]),
        ("f(a, 'b)') c", ["f(a, 'b)')", "c"]),
        ("images # all of them", ["images"]),
        ("images[0]#1 '#'", ["images[0]#1", "'#'"]),
    ],
)
def test_words(line, words):
    assert split(line) == words


@pytest.mark.parametrize("line", ["images[1", 'a "b', "f(']"])
def test_what_is_not_closed_is_refused(line):
    assert scan(line).is_open
    with pytest.raises(UsageError, match="not closed"):
        split(line)


def test_quotes():
    assert is_quoted("'a b'")
    assert not is_quoted("'a' + 'b'")
    assert not is_quoted("'")
    assert unquote(r'"C:\new\table"') == r"C:\new\table"


@pytest.mark.parametrize(
    ("line", "option", "value"),
    [
        ("m x -b 4", "batch_size", 4),
        ("m x --batch-size=auto", "batch_size", "auto"),
        ("-s 64 m x", "size", 64),
        ("m -s 64x32 x", "size", (64, 32)),
        ("m x -s '64, 32'", "size", (64, 32)),
        ("m x -d -0.25,0.15", "discretize", (-0.25, 0.15)),
        ("m x --discretize=-1,-0.5", "discretize", (-1.0, -0.5)),
        ("m x -d {(-.5, inner)}", "discretize", (-0.5, 7.0)),
        ("m x -o X", "out", "X"),
        ("m x -o result_of_$name", "out", "result_of_vgg16"),
        ("m x -p max", "pooling", "max"),
        ("m x --pool max", "pooling", "max"),
        ("m x --pool=max", "pooling", "max"),
        ("m x -y y[y == 1]", "labels", "y[y == 1]"),
        ("m x -l all;", "layers", "all"),
        ("m x --svm --no-cache", "no_cache", True),
    ],
)
def test_options(names, line, option, value):
    read = read_line(line, names)
    assert getattr(read.options, option) == value
    assert read.words[:2] == ["m", "x"]


@pytest.mark.parametrize(
    ("line", "says"),
    [
        ("x --svn", "no option --svn. Did you mean '--svm'"),
        ("x -z", "no option -z"),
        ("a -b", "-b needs a value: -b N"),
        ("x -b 0", "'0' is neither a number of images nor auto"),
        ("x -b 2,3", "'2,3' is neither"),
        ("x -s big", "'big' is no size in pixels"),
        ("x -s 1,2,3", "'1,2,3' is no size"),
        ("x -d 0.2,-0.2", "the lower first, such as -0.25,0.15"),
        ("x -d 0.2", "is no pair of thresholds"),
        ("x -p maxx", "'maxx'. Did you mean 'max'?"),
        ("x -o 2X", "'2X' is no name for a variable"),
        ("x -o for", "'for' is no name"),
        ("x --svm=yes", "ignored explicit argument|no option"),
        ("x -o {nme}", "-o: name 'nme' is not defined. Did you mean 'name'?"),
    ],
)
def test_what_is_wrong_is_told(names, line, says):
    with pytest.raises(UsageError, match=says):
        read_line(line, names)


@pytest.mark.parametrize(
    ("word", "layers"),
    [
        ("stage1", "stage1"),
        ("stage1,block*", ["stage1", "block*"]),
        ("-1,0", [-1, 0]),
        ("'last 3'", "last 3"),
        ("{wanted}", ["a", -1]),
        ("$wanted", ["a", -1]),
        ("$name,x", ["vgg16", "x"]),
        ("{np.argmax([0, 3])}", 1),
        ("{pd.Index(['a', 'b'])[:1]}", ["a"]),
        ("{np.arange(2)}", [0, 1]),
        ("{('a', 'b')}", ["a", "b"]),
    ],
)
def test_layers(names, bare_shell, word, layers):
    bare_shell.push({"np": np, "pd": pd})
    found = layers_from(word, names)
    assert found == layers
    assert type(found) is type(layers)
    if isinstance(found, list):
        assert [type(one) for one in found] == [type(one) for one in layers]


@pytest.mark.parametrize(
    ("line", "is_silent"),
    [
        ("m x", False),
        ("m x;", True),
        ("m x --svm;  # note", True),
        ("m x --svm ;", True),
        ("m ';'", False),
        ("m x # ;", False),
    ],
)
def test_a_last_semicolon_is_no_part_of_the_words(names, line, is_silent):
    read = read_line(line, names)
    assert read.is_silent == is_silent
    assert read.words == ["m", "';'" if "'" in line else "x"]
    assert read.options.svm == ("--svm" in line)


@pytest.mark.parametrize("source", ["images", "$images", "{images}", "{ images }", "(images)"])
def test_objects_stay_objects(names, bare_shell, source):
    assert names.value(source, "images") is bare_shell.user_ns["images"]


def test_expressions_see_local_names_within_comprehensions(names):
    assert names.value("[i + inner for i in images]", "images") == [8, 9]
    assert names.value("{1} | {2}", "images") == {1, 2}


def test_text(names):
    assert names.text("'{d[\"k\"]} of $name'", "x") == "x y of vgg16"
    assert names.text("{{$$}}", "x") == "{$}"
    assert names.live("$inner", "x") == 7
    assert names.live("in$inner", "x") == "in7"
    assert names.text("<$name> {{}} {d['k']}", "x", str.upper) == "<VGG16> {} X Y"


def test_errors_of_expressions(names, bare_shell):
    with pytest.raises(UsageError, match=r"images: name 'imges' .* Did you mean 'images'"):
        names.value("imges[0]", "images")
    with pytest.raises(UsageError, match=r"photos/\*.jpg is neither .* stands in quotes"):
        names.value("photos/*.jpg", "images")
    with pytest.raises(EmbedError, match="images: KeyError: 'z'"):
        names.value("d['z']", "images")
    bare_shell.run_cell("def broken():\n    return nothing")
    with pytest.raises(NameError, match="nothing"):  # its traceback says where
        names.value("broken()", "images")


def test_every_option_has_a_long_name():
    assert set(LONG_FLAGS) < set(FLAGS)
    assert len(LONG_FLAGS) == len(set(FLAGS.values()))


def test_numpy_labels_need_no_truth_value(names, bare_shell):
    bare_shell.push({"y": np.arange(3)})
    assert read_line("m x -y y", names).options.labels == "y"
