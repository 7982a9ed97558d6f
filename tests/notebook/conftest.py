"""A shell in this process, and a notebook in a real kernel that the whole session shares."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from IPython.core.interactiveshell import InteractiveShell
from PIL import Image
from traitlets.config import Config

if TYPE_CHECKING:  # seconds, for tests that start no kernel
    from nbclient import NotebookClient
    from nbformat import NotebookNode


@pytest.fixture(scope="session")
def class_folders(pictures, labels, tmp_path_factory) -> Path:
    """`pictures` as files, in a folder for each label."""
    root = tmp_path_factory.mktemp("classes")
    for i, (picture, label) in enumerate(zip(pictures, labels, strict=True)):
        (root / label).mkdir(exist_ok=True)
        Image.fromarray(picture).save(root / label / f"{i:02}.png")
    return root


@pytest.fixture
def bare_shell(tmp_path, monkeypatch) -> InteractiveShell:
    """IPython without the extension; nothing is written to the user's profile."""
    monkeypatch.setenv("IPYTHONDIR", str(tmp_path / "ipython"))
    monkeypatch.chdir(tmp_path)
    return InteractiveShell(config=Config({"HistoryManager": {"enabled": False}}))


@pytest.fixture
def shell(bare_shell, pictures, labels) -> InteractiveShell:
    """IPython with the extension, `images` and `y`."""
    bare_shell.run_line_magic("load_ext", "skembed")
    bare_shell.run_cell("%config EmbedMagics.engine = 'jax'")
    bare_shell.push({"images": pictures, "y": labels})
    return bare_shell


@dataclass(frozen=True)
class Ran:
    """What a cell has left behind."""

    cell: NotebookNode

    @property
    def streams(self) -> str:
        """What was printed."""
        return "".join(o.text for o in self.cell.outputs if o.output_type == "stream")

    @property
    def data(self) -> list[dict]:
        """What was displayed, the cell's value last."""
        shown = ("display_data", "execute_result")
        return [dict(o.data) for o in self.cell.outputs if o.output_type in shown]

    @property
    def text(self) -> str:
        """All of it, as text."""
        return "\n".join([*(one.get("text/plain", "") for one in self.data), self.streams])

    @property
    def value(self) -> str:
        """The cell's value, as text."""
        (value,) = (o for o in self.cell.outputs if o.output_type == "execute_result")
        return value.data["text/plain"]

    @property
    def error(self) -> str:
        """What a reader sees of an error, in colour or not; empty where there was none."""
        errors = [o for o in self.cell.outputs if o.output_type == "error"]
        said = "\n".join(line for one in errors for line in one.traceback)
        usage = [o for o in self.cell.outputs if o.get("name") == "stderr"]
        return said or "".join(o.text for o in usage if o.text.startswith("UsageError"))


class Notebook:
    """Cells that run in one kernel, one after the other."""

    def __init__(self, client: NotebookClient):
        self._client = client

    def run(self, source: str) -> Ran:
        """Run one more cell; an error is among its outputs."""
        from nbformat.v4 import new_code_cell

        cells = self._client.nb.cells
        cells.append(new_code_cell(source))
        return Ran(self._client.execute_cell(cells[-1], len(cells) - 1))

    @property
    def widgets(self) -> dict:
        """The state of widgets that a saved notebook would hold."""
        return self._client.widget_state

    def value(self, expression: str) -> str:
        """The value of an expression, as text."""
        return self.run(expression).value


@pytest.fixture(scope="session")
def notebook(
    pictures, labels, class_folders, paths, tmp_path_factory, forked_kernel
) -> Iterator[Notebook]:
    """A notebook with the extension, and `images`, `y`, `paths` and `folder`."""
    from nbclient import NotebookClient
    from nbformat.v4 import new_notebook

    home = tmp_path_factory.mktemp("notebook")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("IPYTHONDIR", str(home / "ipython"))
        patch.setenv("SKEMBED_CACHE_DIR", str(home / "store"))
        client = NotebookClient(
            new_notebook(),
            allow_errors=True,
            timeout=300,
            kernel_name=forked_kernel,
            resources={"metadata": {"path": str(home)}},
        )
        with client.setup_kernel():
            run = Notebook(client)
            setup = run.run(
                f"""
import numpy as np
from PIL import Image
paths, folder = {paths!r}, {str(class_folders)!r}
y = np.array({labels!r})
images = np.stack([np.asarray(Image.open(path).convert("RGB")) for path in paths])
%load_ext skembed
%config EmbedMagics.engine = "jax"
"""
            )
            assert not setup.error
            yield run


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
