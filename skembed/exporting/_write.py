"""A graph becomes a file, is compared, and only then gets its name."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Callable
from pathlib import Path

from ._formats import ExportFormat, export_format
from ._graph import ExportError, ExportGraph


def write_graph(
    graph: ExportGraph, path: str | os.PathLike[str], *, overwrite: bool = False
) -> None:
    """Write a graph to a file, and run it there to see that it gives the same.

    Parameters
    ----------
    graph : ExportGraph
        What to write.
    path : str or path
        Its suffix says the format.
    overwrite : bool, default=False
        Whether to replace what is there.

    Raises
    ------
    ExportError
        If the format cannot hold the graph, or what was written gives other numbers: then there is
        no file.
    MissingLibraryError
        If what writes or runs the format is not installed; the message names the extra.
    FileExistsError, FileNotFoundError
        If the file is there already, or its folder is not.
    """
    path = Path(path)
    write_compared(graph, path, checked_target(path, overwrite=overwrite))


def checked_target(path: Path, *, overwrite: bool) -> ExportFormat:
    """Return the format of a path that can be written to, its libraries loaded."""
    kind = export_format(path)
    if not path.parent.is_dir():
        raise FileNotFoundError(f"{path} cannot be written: there is no folder {path.parent}.")
    if path.is_dir() and not kind.is_folder:
        raise IsADirectoryError(f"{path} is a folder.")
    for target in kind.files(path):
        if target.exists() and not overwrite:
            raise FileExistsError(f"{target} exists; overwrite=True replaces it.")
    kind.require()
    return kind


def write_compared(graph: ExportGraph, path: Path, kind: ExportFormat) -> None:
    """Write `graph` beside `path`, compare, and rename."""
    if reason := kind.refusal(graph):
        raise ExportError(f"{path.name} cannot be written: {reason}.")
    write_compared_by(
        path,
        kind,
        lambda draft: kind.write(graph, draft),
        lambda draft: list(graph.differences(kind.run(draft, graph))),
    )


def write_compared_by(
    path: Path,
    kind: ExportFormat,
    write: Callable[[Path], None],
    differences: Callable[[Path], list[str]],
) -> None:
    """Write beside `path`, see what differs, and rename where nothing does."""
    with tempfile.TemporaryDirectory(prefix=f".{path.stem}-", dir=path.parent) as folder:
        draft = Path(folder, path.name)
        write(draft)
        if wrong := differences(draft):
            raise ExportError(
                f"{path.name} was written and gave other numbers than skembed, so it was removed: "
                f"{'; '.join(wrong)}."
            )
        for source, target in zip(kind.files(draft), kind.files(path), strict=True):
            if target.is_dir():
                shutil.rmtree(target)
            source.replace(target)
