"""``%embed`` in a terminal's IPython: loading, settings, help, and what is refused at once."""

from __future__ import annotations

import contextlib
import os
import re
import termios

import numpy as np
import pandas as pd
import pytest
from traitlets import TraitError

from skembed import backbones, cache_info
from skembed.notebook import load
from skembed.notebook._arguments import FLAGS
from skembed.notebook._magics import EmbedMagics
from skembed.notebook._tables import Table

_SMALL = "-s 64 -l stage1"


@pytest.fixture
def refused(shell, capsys):
    """Run a cell that must fail; return the one line that is shown."""

    def run(cell: str) -> str:
        result = shell.run_cell(cell)
        assert not result.success
        shown = capsys.readouterr()
        said = (shown.out + shown.err).strip()
        assert "Traceback" not in said
        assert said.count("\n") == 0
        return said

    return run


def test_loading_needs_neither_keras_nor_jax(python):
    assert (
        python(
            """
import sys
from IPython.core.interactiveshell import InteractiveShell
shell = InteractiveShell()
shell.run_line_magic("load_ext", "skembed")
shell.run_line_magic("embed", "models")
shell.run_line_magic("embed", "-h")
print([name for name in ("keras", "jax", "matplotlib", "ipywidgets") if name in sys.modules])
"""
        ).splitlines()[-1]
        == "[]"
    )


def test_without_ipython_one_error_names_the_extra(python):
    said = python(
        """
import sys
sys.modules["IPython"] = sys.modules["IPython.core"] = None
import skembed
try:
    skembed.load_ipython_extension(None)
except ImportError as error:
    print(error)
"""
    )
    assert said == '%embed needs IPython: pip install "skembed[notebook]"'


def test_unloading_leaves_nothing(bare_shell):
    manager, completer = bare_shell.magics_manager, bare_shell.Completer

    def ours() -> list[object]:
        return [
            *(kind for kind in ("line", "cell") if "embed" in manager.magics[kind]),
            *(name for name in manager.registry if name == "EmbedMagics"),
            *(one for one in bare_shell.configurables if isinstance(one, EmbedMagics)),
            *completer.custom_matchers,
        ]

    assert ours() == []
    bare_shell.run_line_magic("load_ext", "skembed")
    assert len(ours()) == 5
    bare_shell.run_line_magic("reload_ext", "skembed")
    load(bare_shell)  # twice is once
    assert len(ours()) == 5
    bare_shell.run_line_magic("unload_ext", "skembed")
    assert ours() == []


def test_another_s_embed_is_left_alone(bare_shell):
    bare_shell.register_magic_function(lambda line: "mine", magic_name="embed")
    bare_shell.run_line_magic("load_ext", "skembed")
    bare_shell.register_magic_function(lambda line: "later", magic_name="embed")
    bare_shell.run_line_magic("unload_ext", "skembed")
    assert bare_shell.run_line_magic("embed", "") == "later"


def test_the_table_of_models(shell):
    table = shell.run_line_magic("embed", "")
    assert table.loc["efficientnet_lite0", ["features", "here"]].tolist() == [1280, True]
    assert not table["here"].all()
    assert table.equals(shell.run_line_magic("embed", "models"))
    assert table["here"].is_monotonic_decreasing  # first what is here
    assert set(table.index) == set(backbones.names())


def test_tables_are_shown_whole_and_hold_plain_values(shell):
    table = shell.run_line_magic("embed", "")
    head, *rows = repr(table).splitlines()
    assert head.split()[:4] == ["name", "here", "size", "features"]
    assert [row.split()[0] for row in rows] == list(table.index)
    lite, resnet = rows[0], next(row for row in rows if row.startswith("resnet50 "))
    assert lite.split()[:7] == ["efficientnet_lite0", "yes", "224", "x", "224", "1,280", "3.4"]
    assert resnet.split()[:7] == ["resnet50", "224", "x", "224", "2,048", "23.6", "M"]
    assert lite.index("224 x") == resnet.index("224 x")
    page = table._repr_html_()
    assert page.count("<tr>") == len(table) + 1
    assert '<td style="text-align: left; white-space: nowrap">yes</td>' in page
    assert '<td style="text-align: right; white-space: nowrap">3.4 M</td>' in page

    few = table[table["here"] & (table["parameters"] < 4e6)]
    assert type(few) is pd.DataFrame
    assert few["parameters"].tolist() == [3413024]

    layers = shell.run_line_magic("embed", "layers")
    assert len(repr(layers).splitlines()) == len(layers) + 1
    assert layers._repr_html_().count("<tr>") == len(layers) + 1


def test_a_table_is_cut_where_the_terminal_ends():
    table = Table({"a": ["x" * 30], "b": ["y" * 30]})
    keyboard, screen = os.openpty()
    termios.tcsetwinsize(screen, (24, 40))
    with os.fdopen(screen, "w") as terminal, contextlib.redirect_stdout(terminal):
        assert repr(table).splitlines()[1] == f"    0  {'x' * 30}  …"
    os.close(keyboard)
    assert repr(table).splitlines()[1] == f"    0  {'x' * 30}  {'y' * 30}"


def test_the_layers_of_a_model(shell):
    table = shell.run_line_magic("embed", "layers efficientnet_lite0")
    assert table.loc["stem_conv", "kind"] == "Conv2D"
    shell.run_cell("%config EmbedMagics.model = 'efficientnet_lite1'")
    assert shell.run_line_magic("embed", "layers").index[-1] == "predictions"


def test_help_is_told_alike(shell, capsys):
    shell.run_line_magic("embed", "-h")
    told = capsys.readouterr().out
    assert "--discretize NEG,POS" in told
    assert "{expression}" in told
    for name in ("%embed", "%%embed"):
        shown = shell.object_inspect_mime(name)["text/plain"]
        assert "--discretize NEG,POS" in shown
        assert "%%embed resnet50 --paths -o X -y y" in shown
    assert max(map(len, told.splitlines())) <= 80
    options = told[told.index("options:") : told.index("%config")].split("\n")[1:]
    assert all(
        re.match(r"  (-\w, |    )--[\w-]+( [A-Z,\[\]]+)? {2,}\w", o) for o in options if o
    )
    assert sum(map(bool, options)) == len(set(FLAGS.values()))


def test_a_summary_is_printed_and_quiet_silences_it(shell, capsys):
    rows = shell.run_line_magic("embed", f"images[:6] {_SMALL} --no-cache")
    said = capsys.readouterr().out
    assert said.startswith(
        f"efficientnet_lite0, stage1: 6 images -> {rows.shape[1]} features in"
    )
    assert re.search(r"in [\d.]+ s with jax \(6 through the network\)\n$", said)
    assert rows.dtype == np.float32
    shell.run_line_magic("embed", f"images[:6] {_SMALL} -q")
    again = shell.run_line_magic("embed", f"images[:6] {_SMALL}")
    # No network ran.
    assert re.search(r"in [\d.]+ s \(6 from the store\)\n$", capsys.readouterr().out)
    np.testing.assert_array_equal(rows, again)
    shell.run_line_magic("embed", f"images[:6] {_SMALL} -q")
    shell.run_cell("%config EmbedMagics.quiet = True")
    shell.run_line_magic("embed", f"images[:6] {_SMALL}")
    assert capsys.readouterr().out == ""


def test_copies_are_told_apart_from_what_the_store_had(shell, capsys):
    shell.run_line_magic("embed", f"images[:2] {_SMALL} -q")
    shell.run_line_magic("embed", f"(images[:1] * 3 + images[1:2]) {_SMALL}")
    assert "(2 from the store, 2 equal to others)" in capsys.readouterr().out
    shell.run_line_magic("embed", f"(images[:1] * 3) {_SMALL} --no-cache")
    assert "(1 through the network, 2 equal to others)" in capsys.readouterr().out


def test_settings(shell, tmp_path, capsys):
    shell.run_cell(f"%config EmbedMagics.cache = {str(tmp_path / 'mine')!r}")
    shell.run_cell("%config EmbedMagics.batch_size = 4")
    shell.run_line_magic("embed", f"images[:3] {_SMALL} -q")
    assert sum(spec.rows for spec in cache_info(tmp_path / "mine").specs) == 3
    assert shell.run_line_magic("embed", "cache").directory.is_relative_to(tmp_path / "mine")
    shell.run_line_magic("embed", "cache clear")
    assert capsys.readouterr().out.startswith("3 rows deleted, ")
    assert cache_info(tmp_path / "mine").specs == ()


@pytest.mark.parametrize(
    ("setting", "says"),
    [
        ("engine = 'jaxx'", "allowed: auto, jax, openvino. Did you mean 'jax'?"),
        ("engine = 'tpu'", "cannot be 'tpu'; allowed: auto, jax, openvino."),
        ("precision = 'float23'", "allowed: float32, bfloat16. Did you mean 'float32'?"),
        ("model = 'resnet5'", "There is no model 'resnet5'. Did you mean 'resnet50' or "),
    ],
)
def test_a_setting_that_there_is_not_is_refused(shell, caplog, setting, says):
    name, value = setting.split(" = ")
    magics = shell.magics_manager.registry["EmbedMagics"]
    before = getattr(magics, name)
    shell.run_cell(f"%config EmbedMagics.{setting}")
    (record,) = caplog.records
    assert says in record.getMessage()
    assert len(record.getMessage().splitlines()) == 1
    assert getattr(magics, name) == before
    shell.run_cell("%config EmbedMagics.quiet = True")  # the one before is forgotten
    assert magics.quiet
    with pytest.raises(TraitError, match=name):
        setattr(magics, name, value.strip("'"))


def test_a_model_in_a_file_is_a_setting(shell):
    shell.run_cell("%config EmbedMagics.model = 'mine.keras'")
    assert shell.magics_manager.registry["EmbedMagics"].model == "mine.keras"


def test_a_wrong_setting_in_a_configuration_file_stops_loading(bare_shell, capsys):
    bare_shell.config.EmbedMagics.engine = "jaxx"
    bare_shell.run_cell("%load_ext skembed")
    said = capsys.readouterr().err
    assert said.strip().startswith("UsageError: EmbedMagics.engine cannot be 'jaxx'; allowed")
    assert said.strip().count("\n") == 0
    assert not [one for one in bare_shell.configurables if isinstance(one, EmbedMagics)]


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
        ("%embed 'photos'", "holds no image"),
        ("%embed 3", "X is int"),
        ("%embed []", "0 sample"),
        ("%embed images[0]", "Pass X[None"),
        ("%embed images -l stage9", "has no layer 'stage9'. Did you mean 'stage1'|stage5"),
        ("%embed images -y y", "-y is for --svm"),
        ("%embed images --svm", "--svm needs labels"),
        ("%embed images --clf c", "--clf names the pipeline"),
        ("%embed images --paths", "--paths is for cells"),
        ("%embed models now", "Too much after the verb: now"),
        ("%embed layers -s 64", "takes no --size"),
        ("%embed layers vgg", "no model 'vgg'. Did you mean 'vgg1"),
        ("%embed cache empty", "allowed are %embed cache and %embed cache clear"),
        ("%embed confusion", "opens a widget"),
        ("%embed nothing.keras images", "nothing.keras"),
        ("%%embed resnet50 images\n1", "the cell gives the images"),
        ("%%embed\n \n", "last line of a %%embed cell must be an expression"),
        ("%%embed\na = 1", "last line of a %%embed cell must be an expression"),
        ("%%embed --paths\n# nothing", "this one has none"),
        ("%%embed --paths\nnothing/*.png", "Line 1: No file matches"),
        ("%%embed --paths -y y[0]\nx", "-y takes a variable's name"),
    ],
)
def test_mistakes_are_told_in_one_line(refused, tmp_path, cell, says):
    (tmp_path / "photos").mkdir(exist_ok=True)
    assert any(part in refused(cell) for part in says.split("|"))


def test_a_bad_image_is_told_with_its_row(refused, tmp_path):
    (tmp_path / "a.png").write_bytes(b"no image")
    said = refused(f"%embed [images[0], 'a.png'] {_SMALL}")
    assert said.startswith("EmbedError: Row 1: ")
    assert "a.png" in said


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


def test_errors_of_the_user_s_own_code_keep_their_traceback(shell, capsys):
    def shown() -> str:
        return re.sub(r"\x1b\[[\d;]*m", "", capsys.readouterr().out)

    shell.run_cell("%%embed\nimport math\nmath.sqrt(-1)\n")
    said = shown()
    assert "math.sqrt(-1)" in said
    assert "ValueError" in said
    assert "EmbedError" not in said
    shell.run_cell("def load():\n    return [1][2]\n%embed load()")
    assert "return [1][2]" in shown()
