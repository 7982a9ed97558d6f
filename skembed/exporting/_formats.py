"""The kinds of files that a network can be written to, each an object."""

from __future__ import annotations

import abc
import difflib
import os
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any, ClassVar

import numpy as np

from .._keras import import_keras
from .._optional import onnx, onnxruntime
from ..engines.openvino._exporter import graph_of_model
from ..engines.openvino._runtime import core, import_openvino
from ._graph import ExportError, ExportGraph
from ._onnx import NoOnnxFormError, onnx_model
from ._tensorflow import (
    require_tensorflow,
    run_saved,
    run_tflite,
    write_saved,
    write_tflite,
)

_NEAREST = "; an ONNX file (.onnx) can hold it"


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
    is_folder : bool
        Whether it is a folder of files.
    takes_classifiers : bool
        Whether what follows an embedder in a pipeline can be written too.
    """

    suffix: ClassVar[str]
    title: ClassVar[str]
    runtime: ClassVar[str]
    is_folder: ClassVar[bool] = False
    takes_classifiers: ClassVar[bool] = False

    @abc.abstractmethod
    def require(self) -> None:
        """Load what writes and runs it; a MissingLibraryError names the extra."""

    def refusal(self, graph: ExportGraph) -> str:
        """Say why the format cannot hold a graph, and which can; empty where nothing is known."""
        del graph
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


class Onnx(ExportFormat):
    """ONNX, for ONNX Runtime and whatever else reads it."""

    suffix, title, runtime = ".onnx", "ONNX", "ONNX Runtime"
    takes_classifiers = True

    def require(self) -> None:
        """Load onnx and onnxruntime."""
        onnx("writing ONNX files")
        onnxruntime()

    def write(self, graph: ExportGraph, path: Path) -> None:
        """Write the traced network, and the metadata."""
        onnx("writing ONNX files").save(onnx_of(graph), path)

    def run(self, path: Path, graph: ExportGraph) -> dict[str, np.ndarray]:
        """Run it in ONNX Runtime."""
        return run_onnx(path, graph)


class OpenVino(ExportFormat):
    """OpenVINO's own: a graph, and its weights beside it."""

    suffix, title, runtime = ".xml", "OpenVINO", "OpenVINO"

    def require(self) -> None:
        """Load OpenVINO."""
        import_openvino()

    def files(self, path: Path) -> list[Path]:
        """The graph, and its weights."""
        return [path, path.with_suffix(".bin")]

    def write(self, graph: ExportGraph, path: Path) -> None:
        """Write it channels-first, as the engine does; by ONNX where that is for images only."""
        import openvino

        if graph.takes_one_image and not graph.custom_code:
            written = graph_of_model(graph.model, graph.outputs)
        else:
            onnx("writing this network for OpenVINO")
            written = core().read_model(onnx_of(graph).SerializeToString())
        for key, value in graph.metadata.items():
            written.set_rt_info(value, ["skembed", key])
        openvino.save_model(written, path, compress_to_fp16=False)

    def run(self, path: Path, graph: ExportGraph) -> dict[str, np.ndarray]:
        """Run it on the CPU."""
        compiled = core().compile_model(
            core().read_model(path), "CPU", {"INFERENCE_PRECISION_HINT": "f32"}
        )
        names = list(graph.inputs)
        found = compiled(dict(zip(names, graph.examples, strict=True)))
        return {name: np.array(found[name]) for name in graph.outputs}


class _KerasMade(ExportFormat):
    """What is made of Keras' own layers."""

    def refusal(self, graph: ExportGraph) -> str:
        """Refuse code that would be left behind."""
        if graph.custom_code:
            code = "it runs code that is not Keras' own"
            return f"{code}, which no {self.title} file holds{_NEAREST}"
        return ""


class KerasFile(_KerasMade):
    """Keras' own, for every backend of Keras."""

    suffix, title, runtime = ".keras", "Keras", "Keras"

    def require(self) -> None:
        """Load Keras."""
        import_keras()

    def write(self, graph: ExportGraph, path: Path) -> None:
        """Save the model."""
        save_keras(graph, path)

    def run(self, path: Path, graph: ExportGraph) -> dict[str, np.ndarray]:
        """Load the file without any code, and run it."""
        keras = import_keras()
        model = keras.saving.load_model(path, compile=False, safe_mode=True)
        given = [keras.ops.convert_to_tensor(one) for one in graph.examples]
        found = keras.tree.flatten(
            model(given[0] if len(given) == 1 else given, training=False)
        )
        return dict(zip(graph.outputs, map(np.asarray, found), strict=True))


class TensorFlowLite(_KerasMade):
    """TensorFlow Lite, by TensorFlow in a process of its own."""

    suffix, title, runtime = ".tflite", "TensorFlow Lite", "LiteRT"

    def require(self) -> None:
        """See whether TensorFlow is there; it is not loaded."""
        require_tensorflow("writing TensorFlow Lite files")

    def write(self, graph: ExportGraph, path: Path) -> None:
        """Save the model for the other process, which converts it."""
        _through_keras(graph, path, write_tflite)

    def run(self, path: Path, graph: ExportGraph) -> dict[str, np.ndarray]:
        """Run it in the other process, an image at a time."""
        return run_tflite(path, graph)


class SavedModel(_KerasMade):
    """TensorFlow's own folder, which its converters read: that of TensorFlow.js, say."""

    suffix, title, runtime, is_folder = ".savedmodel", "SavedModel", "TensorFlow", True

    def require(self) -> None:
        """See whether TensorFlow is there; it is not loaded."""
        require_tensorflow("writing SavedModel folders")

    def write(self, graph: ExportGraph, path: Path) -> None:
        """Save the model for the other process, which converts it."""
        _through_keras(graph, path, write_saved)

    def run(self, path: Path, graph: ExportGraph) -> dict[str, np.ndarray]:
        """Run it in the other process."""
        return run_saved(path, graph)


_FORMATS = {
    one.suffix: one
    for one in (
        Onnx(),
        OpenVino(),
        KerasFile(),
        TensorFlowLite(),
        SavedModel(),
    )
}


def export_format(path: str | os.PathLike[str]) -> ExportFormat:
    """Return the format that the suffix of a path means.

    Raises
    ------
    ValueError
        If it means none; the message has those that there are.
    """
    suffix = Path(path).suffix.lower()
    if suffix in _FORMATS:
        return _FORMATS[suffix]
    kinds = ", ".join(f"{key} ({one.title})" for key, one in _FORMATS.items())
    near = difflib.get_close_matches(suffix, _FORMATS, n=1)
    meant = f" Did you mean {near[0]!r}?" if near else ""
    raise ValueError(
        f"The suffix of {Path(path).name!r} means no format; allowed: {kinds}.{meant}"
    )


def export_suffixes() -> tuple[str, ...]:
    """Return the suffixes that mean a format."""
    return tuple(_FORMATS)


def onnx_of(graph: ExportGraph) -> Any:
    """Return a graph as an ``onnx.ModelProto`` with its metadata."""
    from onnx import helper

    inputs = graph.inputs
    try:
        made = onnx_model(graph.function(), inputs, graph.model.name)
    except NoOnnxFormError as error:
        raise ExportError(
            f"The network cannot be written as ONNX: {error}. A .keras file may hold it."
        ) from error
    helper.set_model_props(made, dict(graph.metadata))
    return made


def run_onnx(path: Path, graph: ExportGraph) -> dict[str, np.ndarray]:
    """What an ONNX file gives for the examples of a graph."""
    session = onnxruntime().InferenceSession(path, providers=["CPUExecutionProvider"])
    names = [one.name for one in session.get_outputs()]
    found = session.run(names, dict(zip(graph.inputs, graph.examples, strict=True)))
    return dict(zip(names, found, strict=True))


def save_keras(graph: ExportGraph, path: Path) -> None:
    """Write the network of a graph as a .keras file."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # Keras' own use of NumPy is nobody's concern here
            graph.model.save(path)
    except (TypeError, ValueError, NotImplementedError) as error:
        raise ExportError(
            f"The network cannot be written as Keras saves one: {error}"
        ) from error


def _through_keras(graph: ExportGraph, path: Path, write: Callable[..., None]) -> None:
    whole = path.with_name("network.keras")
    save_keras(graph, whole)
    write(whole, path, graph.outputs)
    whole.unlink()
