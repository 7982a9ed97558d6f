"""The script itself, and the small commands: exit codes, pipes, Ctrl-C, what is imported."""

from __future__ import annotations

import io
import json
import os
import pty
import re
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pandas as pd
import pytest

import skembed
from skembed import PretrainedEmbedder, backbones, cache_info
from skembed.cli import main

SCRIPT = shutil.which("skembed", path=Path(sys.executable).parent)
COMMANDS = (
    *("demo", "classify", "predict", "embed", "search", "duplicates"),
    *("backbones", "cache", "devices"),
)


def test_the_console_script_tells_its_version():
    assert SCRIPT, "the package is not installed: pip install -e ."
    ran = subprocess.run([SCRIPT, "--version"], check=True, capture_output=True, text=True)
    assert ran.stdout == f"skembed {skembed.__version__}\n"


def test_alone_it_prints_its_help(capsys):
    assert main([]) == 0
    out = capsys.readouterr().out
    assert all(f"\n    {command}" in out for command in COMMANDS)


def test_choices_are_the_library_s(capsys):
    with pytest.raises(SystemExit):
        main(["embed", "--help"])
    told = capsys.readouterr().out
    constraints = PretrainedEmbedder._parameter_constraints
    for name in ("engine", "decoding", "precision", "pooling", "normalize"):
        (rule,) = (rule for rule in constraints[name] if hasattr(rule, "options"))
        listed = re.search(rf"--{name} \{{([\w,]+)\}}", told)
        assert set(listed[1].split(",")) == rule.options


@pytest.mark.parametrize("command", COMMANDS)
def test_help_has_an_example(command, capsys):
    with pytest.raises(SystemExit) as stop:
        main([command, "--help"])
    assert stop.value.code == 0
    assert f"example:\n  skembed {command}" in capsys.readouterr().out


def test_help_loads_nothing_heavy():
    code = (
        "import sys; from skembed.cli import main\n"
        "try: main(['--help'])\n"
        "except SystemExit: pass\n"
        "heavy = {'keras', 'jax', 'skops', 'skimage', 'sklearn', 'numpy'} & set(sys.modules)\n"
        "assert not heavy, heavy"
    )
    subprocess.run([sys.executable, "-c", code], check=True, capture_output=True)


@pytest.mark.parametrize(
    "argv",
    [
        ["embed", "--help"],
        ["embed", "photos", "-o", "X.npy", "--engine", "openvno"],
        ["classify", "photos", "--fold5"],
    ],
)
def test_a_mistyped_option_waits_for_no_library(argv):
    code = (
        "import sys; from skembed.cli import main\n"
        f"try: main({argv!r})\n"
        "except SystemExit: pass\n"
        "heavy = {'keras', 'jax', 'sklearn', 'scipy', 'pandas', 'PIL'} & set(sys.modules)\n"
        "assert not heavy, heavy"
    )
    subprocess.run([sys.executable, "-c", code], check=True, capture_output=True)


def test_the_demo_begins_before_any_library_is_loaded():
    code = (
        "import sys; from skembed.cli import _console, main\n"
        "def say(self, text):\n"
        "    print(text); print(*{'keras', 'jax', 'sklearn', 'numpy', 'PIL'} & set(sys.modules))\n"
        "    sys.exit()\n"
        "_console.Output.say = say\n"
        "main(['demo'])"
    )
    ran = subprocess.run(
        [sys.executable, "-c", code], check=True, capture_output=True, text=True
    )
    said, heavy = ran.stdout.splitlines()
    assert said == "200 tiles, 13 classes; loading efficientnet_lite0 ..."
    assert heavy == ""


def test_backbones_fit_in_100_columns(capsys):
    assert main(["backbones"]) == 0
    out = capsys.readouterr().out
    for name in backbones.names():
        assert name in out
    assert all(len(line) <= 100 for line in out.splitlines())
    tiers = {cells[0]: cells[1] for line in out.splitlines() if len(cells := line.split()) > 7}
    assert (tiers["mobilenet"], tiers["resnet50_v2"], tiers["vgg16"]) == ("1", "2", "-")


@pytest.mark.slow  # a network is compiled and run
def test_backbones_are_measured(capsys, refused, tmp_path):
    import keras

    inputs = keras.Input((8, 8, 3))
    path = str(tmp_path / "mean.keras")
    keras.Model(inputs, keras.layers.GlobalAveragePooling2D()(inputs)).save(path)
    assert main(["backbones", "--benchmark", path]) == 0
    heading, _, _, row = capsys.readouterr().out.splitlines()[:4]
    assert heading.split()[-1] == "images/s"
    assert float(row.split()[-1].replace(",", "")) > 0
    assert "Did you mean 'squeezenet1_1" in refused(["backbones", "--benchmark", "squeezenet"])


def test_backbones_in_80_columns_keep_names_and_numbers_whole(capsys, monkeypatch):
    monkeypatch.setenv("COLUMNS", "80")
    assert main(["backbones"]) == 0
    out = capsys.readouterr().out
    assert all(len(line) <= 80 for line in out.splitlines())
    first_cells = {line.split()[0] for line in out.splitlines() if line.strip()}
    assert set(backbones.names()) <= first_cells


def test_backbones_as_data(capsys, refused):
    assert main(["backbones", "--csv", "--origin", "keras.applications"]) == 0
    frame = pd.read_csv(io.StringIO(capsys.readouterr().out))
    assert frame["origin"].str.startswith("keras.applications.").all()
    assert len(frame) > 30
    assert main(["backbones", "--json", "--here"]) == 0
    rows = json.loads(capsys.readouterr().out)
    assert "efficientnet_lite0" in [row["name"] for row in rows]
    assert all(row["here"] for row in rows)
    message = refused(["backbones", "--origin", "keras.aplications"])
    assert "Did you mean 'keras.applications'" in message
    assert "not allowed with" in refused(["backbones", "--json", "--csv"])


def test_devices(capsys):
    assert main(["devices"]) == 0
    heading, _, device = capsys.readouterr().out.splitlines()[:3]
    assert heading.split() == ["device", "platform", "kind", "memory", "used"]
    assert "cpu" in device
    assert device.split()[-1] == "yes"


@pytest.fixture
def filled(tiles, tmp_path, monkeypatch):
    """A store of its own with two rows."""
    monkeypatch.setenv("SKEMBED_CACHE_DIR", str(tmp_path))
    PretrainedEmbedder().fit_transform(tiles.images[:2])
    return tmp_path


def test_cache_shows_and_clears(filled, capsys, refused):
    assert main(["cache"]) == 0
    out = capsys.readouterr().out
    assert str(filled) in out
    assert "efficientnet_lite0" in out
    assert "0%" in out
    assert "say --yes" in refused(["cache", "clear"])
    message = refused(["cache", "clear", "--backbone", "efficientnet_lite", "--yes"])
    assert "Did you mean 'efficientnet_lite0'" in message
    assert cache_info().specs[0].rows == 2
    assert main(["cache", "clear", "--backbone", "efficientnet_lite0", "--yes"]) == 0
    assert "2 rows deleted" in capsys.readouterr().out
    assert main(["cache"]) == 0
    assert "No embeddings are kept." in capsys.readouterr().out


def test_cache_that_is_no_store(tmp_path, monkeypatch, refused):
    monkeypatch.setenv("SKEMBED_CACHE_DIR", str(tmp_path))
    (tmp_path / "embedding-store").mkdir()
    (tmp_path / "embedding-store" / "diary.txt").write_text("dear diary")
    assert "skembed did not make" in refused(["cache"])
    assert (tmp_path / "embedding-store" / "diary.txt").exists()


@pytest.mark.parametrize(("answer", "code", "rows"), [("n", 1, 2), ("", 1, 2), ("y", 0, 0)])
def test_cache_clear_asks_on_a_terminal(answer, code, rows, filled, monkeypatch, capsys):
    keyboard, terminal = pty.openpty()
    with os.fdopen(terminal) as stdin:
        monkeypatch.setattr(sys, "stdin", stdin)
        os.write(keyboard, f"{answer}\n".encode())
        assert main(["cache", "clear"]) == code
    os.close(keyboard)
    assert "[y/N]" in capsys.readouterr().out
    assert sum(spec.rows for spec in cache_info().specs) == rows


@pytest.mark.slow
def test_piped_output_is_plain():
    environment = {**os.environ, "TERM": "xterm-256color"}
    environment.pop("COLUMNS", None)
    ran = subprocess.run(
        [SCRIPT, "backbones"], check=True, capture_output=True, text=True, env=environment
    )
    assert "\x1b" not in ran.stdout
    assert ran.stderr == ""
    assert not any(line.endswith(" ") for line in ran.stdout.splitlines())
    first_cells = [line.split()[0] for line in ran.stdout.splitlines() if line.strip()]
    assert set(backbones.names()) <= set(first_cells)  # not wrapped: a pipe has no width


@pytest.mark.slow
@pytest.mark.parametrize(
    "environment",
    [
        {"PYTHONIOENCODING": "ascii"},
        {"LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"},
    ],
)
def test_an_ascii_terminal_gets_escapes_and_no_traceback(environment, class_folders):
    ran = subprocess.run(
        [SCRIPT, "classify", class_folders, "--folds", "3"],
        check=True,
        capture_output=True,
        env={**os.environ, **environment},
    )
    assert b"accuracy" in ran.stdout
    assert ran.stdout.isascii()


@pytest.mark.slow
def test_a_closed_pipe_is_quiet():
    process = subprocess.Popen(
        [SCRIPT, "backbones", "--json"], stdout=subprocess.PIPE, stderr=subprocess.PIPE
    )
    process.stdout.close()
    assert process.wait(30) == 1
    assert process.stderr.read() == b""
    process.stderr.close()


@pytest.mark.slow
@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no SIGINT for a child")
def test_ctrl_c_is_one_line(filled):
    """Interrupted at a question, which is a moment that can be seen from outside."""
    keyboard, terminal = pty.openpty()
    process = subprocess.Popen(
        [SCRIPT, "cache", "clear"],
        stdin=terminal,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert "[y/N]" in process.stdout.readline()
    time.sleep(0.2)  # from the question to the reading of the answer
    process.send_signal(signal.SIGINT)
    _, err = process.communicate(timeout=30)
    os.close(keyboard)
    os.close(terminal)
    assert process.returncode == 130
    assert err == "skembed: interrupted\n"


def test_traceback_on_request(tmp_path):
    with pytest.raises(skembed.ImageError):
        main(["--traceback", "classify", str(tmp_path)])


def test_a_missing_extra_is_named(class_folders, tmp_path):
    """Python is told that skops and scikit-image are not there."""
    commands = [
        ["classify", str(class_folders), "--save", str(tmp_path / "m.skops")],
        ["embed", str(class_folders), "-o", str(tmp_path / "X.parquet")],
        ["demo"],
    ]
    said = _without(("skops", "skimage", "pyarrow"), commands)
    assert sum(_installs("demo", line) for line in said) == 3


@pytest.mark.slow
def test_an_engine_that_is_missing_is_named(class_folders, tmp_path):
    """Of a command line, and of a pipeline saved where it was installed."""
    model = str(tmp_path / "m.skops")
    commands = [
        ["embed", str(class_folders), "-o", str(tmp_path / "X.npy"), "--engine", "openvino"],
        ["predict", model, str(class_folders / "grass" / "0.png")],
    ]
    argv = ["classify", str(class_folders), "--engine", "openvino", "--save", model]
    assert main([*argv, "--folds", "3"]) == 0
    said = _without(("openvino",), commands)
    assert sum(_installs("fast", line) for line in said) == 2


def _installs(extra: str, line: str) -> bool:
    """Whether a line has the command that installs an extra, from an index or from a clone."""
    return re.search(rf'pip install .*\[{extra}\]"', line) is not None


def _without(libraries, commands) -> list[str]:
    """What refused commands say on standard error, in a process that lacks libraries."""
    code = (
        "import sys\n"
        f"sys.modules.update(dict.fromkeys({libraries!r}))\n"
        "from skembed.cli import main\n"
        f"codes = [main(argv) for argv in {commands!r}]\n"
        "assert set(codes) == {2}, codes"
    )
    ran = subprocess.run(
        [sys.executable, "-c", code], check=True, capture_output=True, text=True
    )
    return ran.stderr.splitlines()


@pytest.mark.slow
@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no SIGINT for a child")
def test_an_interruption_says_what_is_kept(tmp_path, paths):
    """Interrupted while there are images to embed, for which a network has to be built."""
    with subprocess.Popen(
        [SCRIPT, "embed", Path(paths[0]).parent, "-o", tmp_path / "X.npy"],
        env={**os.environ, "SKEMBED_CACHE_DIR": str(tmp_path / "cache")},
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        said = process.stderr.readline()  # the first line: imports and the network are to come
        process.send_signal(signal.SIGINT)
        _, err = process.communicate(timeout=60)
    assert process.returncode == 130, said + err
    assert "skembed: interrupted; embeddings that were finished are kept" in err


def test_file_names_cannot_act_on_the_terminal(tmp_path, capsys):
    assert main(["embed", f"{tmp_path}/\x1b[31m*.jpg", "-o", str(tmp_path / "X.npy")]) == 2
    captured = capsys.readouterr()
    assert "\x1b" not in captured.err + captured.out
    assert "x1b[31m" in captured.err
