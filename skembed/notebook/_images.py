"""Find the images of a line: an object of the notebook, files that a text names, or a cell's."""

from __future__ import annotations

import ast
import glob
import os
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ..images import as_items, from_folders
from ..images import scan as scan_images
from ..images._folders import classes_of_names
from ..images._globs import find_files, unescaped
from ..images._items import Stream
from ..images._sources._scan import is_scanned
from ._errors import errors_in_one_line
from ._ipython import DisplayHook, InteractiveShell, UsageError
from ._names import Names, scan

# In quotes, or up to a comment. An apostrophe in a label is no quote.
_LABEL = re.compile(r"""(?P<label>"[^"]*"|'[^']*'|[^#\s].*?)?(?:(?:^|\s+)#.*)?""")


@dataclass(frozen=True, slots=True)
class Images:
    """Images to embed.

    Parameters
    ----------
    items : list
        One a row.
    index : object
        What a data frame of their rows is indexed by: the index of a column of pandas', the
        paths of files, or None.
    folder : str
        The folder they all come from; empty where they come from elsewhere.
    names : list of str
        The names of the images of an archive or a list; empty for others.
    """

    items: list[Any]
    index: Any = None
    folder: str = ""
    names: Sequence[str] = ()

    def with_classes(self) -> tuple[Images, list[str]] | None:
        """Return the images in the order of their classes, and these: the folders they lie in.

        None where they come from no folder, archive or list.

        Raises
        ------
        ImageError
            If the folders are no classes.
        """
        if self.names:
            return self, classes_of_names(self.names)
        if not self.folder:
            return None
        items, labels = from_folders(self.folder)
        return Images(items, items, self.folder), labels


def find_images(value: Any) -> Images:
    """Take images from what an estimator takes, or from a text that names files.

    Parameters
    ----------
    value : object
        A text is a glob, a folder, a file, an archive, a list or a URL; all else is as for the
        estimators. The images of an archive are in memory then, encoded as they are.
    """
    if isinstance(value, str | os.PathLike):
        text = os.fsdecode(value)
        if is_scanned(text):
            stream = Stream(scan_images(text, progress=False))
            items = list(stream)
            return Images(items, list(stream.names), names=stream.names)
        items = find_files(text)
        plain = unescaped(text)
        folder = plain if Path(plain).expanduser().is_dir() else ""
        return Images(items, _paths(items), folder)
    items = as_items(value)
    index = getattr(value, "index", None)
    if index is None or callable(index) or len(index) != len(items):  # a list's is a method
        index = _paths(items)
    return Images(items, index)


def _paths(items: list[Any]) -> list[str] | None:
    """The items as an index, where all are paths or URLs."""
    if all(isinstance(item, str | os.PathLike) for item in items):
        return [os.fsdecode(item) for item in items]
    return None


def run_python(shell: InteractiveShell, cell: str) -> tuple[Any, bool]:
    """Run a cell in the notebook; return the value of its last line, and if that ends in ";".

    It is compiled as the shell compiles: with the notebook's future imports, and not ours.
    """
    source = shell.transform_cell(cell)
    # IPython keeps the source under this name, so that a traceback shows the line that failed.
    name = shell.compile.cache(source, shell.execution_count)
    compiler: Any = shell.compile
    tree = compiler.ast_parse(source, name)
    last = tree.body.pop() if tree.body else None
    if not isinstance(last, ast.Expr):
        raise UsageError(
            "The last line of a %%embed cell must be an expression that gives the images."
        )
    exec(compiler(tree, name, "exec"), shell.user_ns)  # noqa: S102 - a cell like any other
    images = compiler(ast.Expression(last.value), name, "eval")
    is_silent = bool(DisplayHook.semicolon_at_end_of_expression(source))
    return eval(images, shell.user_ns), is_silent  # noqa: S307


def read_paths(cell: str, names: Names) -> tuple[Images, list[str] | None]:
    """Read lines of ``GLOB [LABEL]``; return the images, and their labels if there are any.

    Empty lines, and lines that begin with ``#``, are passed over.
    """
    items: list[str] = []
    labels: list[str | None] = []
    for number, line in enumerate(cell.splitlines(), 1):
        files, label = _files_and_label(line, number)
        if not files:
            continue
        where = f"line {number}"
        named = names.live(files, where, glob.escape)
        with errors_in_one_line(f"Line {number}: "):
            found = find_files(os.fsdecode(named))
        items += found
        label = None if label is None else names.text(label, where)
        labels += [label] * len(found)
        if (label is None) != (labels[0] is None):
            raise UsageError(
                f"Line {number} has {_some(label)} label, and the first has "
                f"{_some(labels[0])}: all lines or none."
            )
    if not items:
        raise UsageError("A %%embed --paths cell has lines of GLOB [LABEL]; this one has none.")
    return Images(items, items), None if labels[0] is None else [str(one) for one in labels]


def _files_and_label(line: str, number: int) -> tuple[str, str | None]:
    """The two parts of a line as they stand there; nothing of an empty one."""
    line = line.strip()
    found = scan(line)
    if not found.words:
        return "", None
    files = found.words[0]
    if found.is_open and len(found.words) == 1:
        raise UsageError(f"Line {number}: a quote or a bracket is not closed in: {line}")
    match = _LABEL.fullmatch(line[len(files) :].strip())
    return files, match and match["label"]


def _some(label: str | None) -> str:
    return "no" if label is None else "a"
