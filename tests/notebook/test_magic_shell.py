"""``%embed`` in a terminal's IPython: loading, tables, help, settings, cells."""

from __future__ import annotations

import contextlib
import os
import re
import termios

import numpy as np
import pandas as pd
import pytest
from IPython.core.completer import provisionalcompleter
from PIL import Image
from traitlets import TraitError

from skembed import backbones, cache_info
from skembed.notebook import load

_SMALL = "-s 64 -l stage1"


@pytest.mark.slow
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
    assert re.fullmatch(r'%embed needs IPython: pip install .*\[notebook\]".*', said)


def is_ours(configurable) -> bool:
    return type(configurable).__name__ == "EmbedMagics"


def test_unloading_leaves_nothing(bare_shell):
    manager, completer = bare_shell.magics_manager, bare_shell.Completer

    def ours() -> list[object]:
        return [
            *(kind for kind in ("line", "cell") if "embed" in manager.magics[kind]),
            *(name for name in manager.registry if name == "EmbedMagics"),
            *(one for one in bare_shell.configurables if is_ours(one)),
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
    assert few.loc["efficientnet_lite0", "parameters"] == 3413024
    assert few["here"].all()

    layers = shell.run_line_magic("embed", "layers")
    assert len(repr(layers).splitlines()) == len(layers) + 1
    assert layers._repr_html_().count("<tr>") == len(layers) + 1


def test_a_table_is_cut_where_the_terminal_ends(shell):
    of_its_class = type(shell.run_line_magic("embed", ""))
    table = of_its_class({"a": ["x" * 30], "b": ["y" * 30]})
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
    lines = told[told.index("options:") : told.index("%config")].splitlines()
    headings = [line for line in lines if line and not line.startswith(" ")]
    assert headings == ["options:", "options of widgets, named as their parameters are:"]
    options = [line for line in lines if line.startswith(" ")]
    assert all(
        re.match(r"  (-\w, |    )--[\w-]+( [A-Z,\[\]]+)? {2,}\w", option) for option in options
    )
    with provisionalcompleter():
        line = "%embed images --"
        offered = {found.text for found in shell.Completer.completions(line, len(line))}
    assert {re.search(r"--[\w-]+", option)[0] for option in options} == offered
    assert len(options) == len(offered)


@pytest.mark.slow
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
        ("engine = 'jaxx'", "allowed: auto, jax, litert, openvino. Did you mean 'jax'?"),
        ("engine = 'tpu'", "cannot be 'tpu'; allowed: auto, jax, litert, openvino."),
        ("precision = 'float23'", "allowed: float32, bfloat16. Did you mean 'float32'?"),
        ("decoding = 'scale'", "allowed: exact, scaled. Did you mean 'scaled'?"),
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
    assert not any(map(is_ours, bare_shell.configurables))


def test_a_cell_is_compiled_as_the_notebook_is(shell):
    assert shell.run_cell(f"""%%embed -q {_SMALL} -o X
class Here:
    x: int
images[:1]""").success
    assert shell.user_ns["Here"].__annotations__ == {"x": int}
    shell.run_cell("from __future__ import annotations")
    assert shell.run_cell(
        f"%%embed -q {_SMALL} -o X\nclass Here:\n    x: int\nimages[:1]"
    ).success
    assert shell.user_ns["Here"].__annotations__ == {"x": "int"}


def test_a_semicolon_silences_what_is_shown_and_nothing_else(shell, capsys):
    def value(cell: str) -> object:
        result = shell.run_cell(cell)
        assert result.success
        return result.result

    assert value(f"%embed images {_SMALL} -q") is not None
    assert value(f"%embed images {_SMALL} -q;") is None
    assert value(f"%embed images {_SMALL} -q;  # a note") is None
    assert value(f"%%embed {_SMALL} -q\nimages") is not None
    assert value(f"%%embed {_SMALL} -q\nimages;") is None
    assert value(f"%%embed {_SMALL} -q\nimages;  # a note") is None
    assert value(f"%%embed {_SMALL} -q;\nimages") is None
    assert "array" in capsys.readouterr().out

    for cell in (
        f"X = %embed images {_SMALL} -q;",
        f"E['a'] = %embed images {_SMALL} -q;  # a note\nX = E['a']",
        f"%time X = %embed images {_SMALL} -q;",
        f"%%time\nX = %embed images {_SMALL} -q;",
        f"%%capture\nX = %embed images {_SMALL} -q;",
        f"%%capture\n%%embed {_SMALL} -q -o X\nimages;",
        f"%%time\n%%embed {_SMALL} -q -o X\nimages",
        f"def one():\n    X = %embed images {_SMALL} -q;\n    return X\nX = one()",
    ):
        shell.push({"X": None, "E": {}})
        assert value(cell) is None, cell
        assert shell.user_ns["X"].shape == (12, 16), cell
    assert "array" not in capsys.readouterr().out


@pytest.mark.parametrize(
    ("line", "label"),
    [
        ("photos/*.png  the cat's  # first batch", "the cat's"),
        ("photos/*.png   cat", "cat"),
        ("photos/*.png  f(", "f("),
        ("photos/*.png  C#", "C#"),
        ("photos/*.png  'cat # 1'", "cat # 1"),
        ('{here / "photos"}/*.png  {2 + 3}', "5"),
        ('"{odd}/*.png"  odd', "odd"),
        ("$odd  odd", "odd"),
        ("'photos [2024]/*.png'  none", ""),
        ("{star} any", "any"),
        ("    photos/a.png\todd", "odd"),
    ],
)
def test_lines_of_paths(shell, pictures, tmp_path, line, label):
    for folder in ("photos", "photos [2024]"):
        (tmp_path / folder).mkdir()
        Image.fromarray(pictures[0]).save(tmp_path / folder / "a.png")
    shell.push({"here": tmp_path, "odd": "photos [2024]", "star": "photos/*.png"})
    result = shell.run_cell(f"%%embed --paths -o X -y labels -q {_SMALL}\n# some\n\n{line}\n")
    assert result.success == bool(label)
    if label:
        assert shell.user_ns["labels"].tolist() == [label]


def test_what_is_filled_in_is_no_glob(shell, refused, pictures, tmp_path):
    (tmp_path / "photos [2024]/cat").mkdir(parents=True)
    Image.fromarray(pictures[0]).save(tmp_path / "photos [2024]/cat/a.png")
    shell.push({"odd": "photos [2024]", "star": "photos*/*/*.png"})
    for source in ('"{odd}"', '"{odd}/*/*.png"', "star", "{star}", '"photos [2024]"'):
        assert shell.run_cell(f"X = %embed {source} -q {_SMALL}").success, source
        assert shell.user_ns["X"].shape == (1, 16)
    assert "There is no file or folder 'photos*/*/*.png'" in refused('%embed "$star"')
    assert "No file matches 'photos [2024]/*.gif'" in refused('%embed "$odd/*.gif"')


def test_verbs_that_are_to_come_are_variables_in_brackets(shell):
    shell.push({"map": shell.user_ns["images"][:1]})
    result = shell.run_cell(f"%embed (map) -q {_SMALL}")
    assert result.result.shape == (1, 16)
