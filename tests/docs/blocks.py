"""The blocks of code of a page of Markdown, and how each kind is run."""

from __future__ import annotations

import doctest
import re
import shlex
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

from IPython.core.interactiveshell import InteractiveShell

from skembed.cli import main
from skembed.cli._parsers import make_parser

_FENCE = re.compile(r"^```(?P<kind>[^\n`]*)\n(?P<code>.*?)^```$", re.MULTILINE | re.DOTALL)
_MAGIC = re.compile(r"^ *([\w\[\]]+ = )?%{1,2}[a-z]", re.MULTILINE)
# They wait for a browser, or for whoever installs.
_PARSED_ONLY = ("search serve",)


@dataclass(frozen=True)
class Block:
    """A block of code, and where it begins."""

    KINDS: ClassVar = ("python", "{code-cell} ipython3", "console")
    # What a program printed, how to install, a reference, drawings, and directives of Sphinx.
    NOT_RUN: ClassVar = (
        *("text", "bash", "bibtex", "javascript", "", "{toctree}", "{eval-rst}", "{include}"),
        *("{networks}", "{picture}"),
    )

    page: Path
    line: int
    kind: str
    code: str

    @property
    def is_known(self) -> bool:
        """Whether it is for somebody to run, or for nobody."""
        return self.runs or self.kind.partition(" ")[0] in self.NOT_RUN

    @property
    def runs(self) -> bool:
        """Whether there is something to run."""
        return self.kind in self.KINDS

    def run(self, shell: InteractiveShell) -> None:
        """Run it as a reader would; whatever it raises names its line in the page."""
        if self.kind in self.KINDS[:2]:
            self._run_python(shell)
        elif self.kind == "console":
            self._run_commands()

    def _run_python(self, shell: InteractiveShell) -> None:
        if self.code.lstrip().startswith(">>>"):
            self._run_doctest(shell.user_ns)
        elif _MAGIC.search(self.code):
            self._run_cells(shell)
        else:
            lines = "\n" * self.line + _without_options(self.code)
            exec(compile(lines, str(self.page), "exec"), shell.user_ns)  # noqa: S102

    def _run_cells(self, shell: InteractiveShell) -> None:
        """Run a cell of magics; a page shows several lines where a reader types one at a time."""
        code = _without_options(self.code)
        is_cell = code.startswith(("%%", "for "))
        for cell in [code] if is_cell else filter(str.strip, code.splitlines()):
            result = shell.run_cell(cell.partition("    #")[0] if not is_cell else cell)
            try:
                result.raise_error()
            except BaseException as error:
                error.add_note(f"{self.page}:{self.line}: {cell}")
                raise

    def _run_doctest(self, names: dict[str, Any]) -> None:
        flags = doctest.ELLIPSIS | doctest.NORMALIZE_WHITESPACE
        test = doctest.DocTestParser().get_doctest(
            self.code, names, self.page.name, str(self.page), self.line
        )
        runner = doctest.DocTestRunner(optionflags=flags)
        assert runner.run(test, clear_globs=False).failed == 0

    def _run_commands(self) -> None:
        for line in self.code.splitlines():
            if not line.startswith("$ skembed"):
                assert line.startswith("$ pip install"), line
                continue
            arguments = shlex.split(line, comments=True)[2:]
            if " ".join(arguments).startswith(_PARSED_ONLY):
                make_parser().parse_args(arguments)
            else:
                assert main(_as_a_shell_expands(arguments)) == 0, line


def blocks_of(page: Path) -> Iterator[Block]:
    """Give the blocks of a page in its order."""
    text = page.read_text(encoding="utf-8")
    for found in _FENCE.finditer(text):
        line = text.count("\n", 0, found.start()) + 1
        yield Block(page, line, found["kind"].strip(), found["code"])


def _without_options(code: str) -> str:
    """Leave out the options of a code cell, which stand in its first lines."""
    return re.sub(r"\A(:[\w-]+:.*\n)+", "", code)


def _as_a_shell_expands(arguments: list[str]) -> list[str]:
    expanded = []
    for argument in arguments:
        files = sorted(map(str, Path().glob(argument))) if argument.startswith("new/*") else []
        expanded += files or [argument]
    return expanded
