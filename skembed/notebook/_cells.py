"""What may stand in a cell under ``%%embed``: Python, or lines of files and labels."""

from __future__ import annotations

import ast
import re
from typing import Any

from ._errors import EmbedError
from ._images import Images, find_files
from ._ipython import InteractiveShell, UsageError
from ._names import Names

_LINE = re.compile(r"""(?P<files>"[^"]*"|'[^']*'|\S+)(?:\s+(?P<label>\S.*))?""")


def run_python(shell: InteractiveShell, cell: str) -> Any:
    """Run a cell in the notebook, and return the value of its last line."""
    source = shell.transform_cell(cell)
    # IPython keeps the source under this name, so that a traceback shows the line that failed.
    name = shell.compile.cache(source, shell.execution_count)
    tree = ast.parse(source, name)
    last = tree.body.pop() if tree.body else None
    if not isinstance(last, ast.Expr):
        raise UsageError(
            "The last line of a %%embed cell must be an expression that gives the images."
        )
    exec(compile(tree, name, "exec"), shell.user_ns)  # noqa: S102 - a cell like any other
    return eval(compile(ast.Expression(last.value), name, "eval"), shell.user_ns)  # noqa: S307


def read_paths(cell: str, names: Names) -> tuple[Images, list[str] | None]:
    """Read lines of ``GLOB [LABEL]``; return the images, and their labels if there are any.

    Empty lines, and lines that begin with ``#``, are passed over.
    """
    items: list[str] = []
    labels: list[str | None] = []
    for number, line in enumerate(cell.splitlines(), 1):
        match = _LINE.fullmatch(line.strip())
        if match is None or line.lstrip().startswith("#"):
            continue
        where = f"line {number}"
        try:
            found = find_files(names.text(match["files"], where))
        except EmbedError as error:
            raise EmbedError(f"Line {number}: {error}") from None
        items += found
        label = None if match["label"] is None else names.text(match["label"], where)
        labels += [label] * len(found)
        if (label is None) != (labels[0] is None):
            raise UsageError(
                f"Line {number} has {_some(label)} label, and the first has "
                f"{_some(labels[0])}: all lines or none."
            )
    if not items:
        raise UsageError("A %%embed --paths cell has lines of GLOB [LABEL]; this one has none.")
    return Images(items, items), None if labels[0] is None else [str(one) for one in labels]


def _some(label: str | None) -> str:
    return "no" if label is None else "a"
