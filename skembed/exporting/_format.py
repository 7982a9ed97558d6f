"""The interface of export formats: kinds of files that a network can be written to."""

from __future__ import annotations

import abc
from pathlib import Path
from typing import ClassVar

import numpy as np

from ._graph import ExportGraph


class ExportFormat(abc.ABC):
    """A kind of file: whether it can hold a graph, how it is written, and how it is run.

    Attributes
    ----------
    suffix : str
        Of its files.
    title : str
        As messages and tables name it.
    runtime : str
        What runs such a file here, to compare it.
    needs : str
        The extra that brings what writes and runs it; empty where Keras is enough.
    is_folder : bool
        Whether it is a folder of files.
    takes_custom_code : bool
        Whether it holds what layers compute that are not Keras' own.
    takes_classifiers : bool
        Whether what follows an embedder in a pipeline can be written too.
    """

    suffix: ClassVar[str]
    title: ClassVar[str]
    runtime: ClassVar[str]
    needs: ClassVar[str] = ""
    is_folder: ClassVar[bool] = False
    takes_custom_code: ClassVar[bool] = False
    takes_classifiers: ClassVar[bool] = False

    @abc.abstractmethod
    def require(self) -> None:
        """Load what writes and runs it; a MissingLibraryError names the extra."""

    def refusal(self, graph: ExportGraph) -> str:
        """Say why the format cannot hold a graph, and which can; empty where nothing is known."""
        if graph.custom_code and not self.takes_custom_code:
            return (
                f"it runs code that is not Keras' own, which no {self.title} file holds; an ONNX "
                "file (.onnx) can hold it"
            )
        return ""

    def files(self, path: Path) -> list[Path]:
        """The files that are written for a path."""
        return [path]

    @abc.abstractmethod
    def write(self, graph: ExportGraph, path: Path) -> None:
        """Write a graph; an ExportError says why that cannot be done."""

    @abc.abstractmethod
    def run(self, path: Path, graph: ExportGraph) -> dict[str, np.ndarray]:
        """What a file gives for the examples of a graph, by the names of its outputs."""
