"""The kinds of files that a network can be written to, each an object, by their suffixes."""

from __future__ import annotations

import difflib
import os
from pathlib import Path
from typing import Any

import numpy as np

from .._optional import onnx, onnxruntime
from ..engines.openvino._exporter import graph_of_model
from ..engines.openvino._runtime import core, import_openvino
from ._format import ExportFormat
from ._graph import ExportError, ExportGraph
from ._keras_file import KerasFile
from ._onnx import NoOnnxFormError, onnx_model
from ._tensorflow import SavedModel, TensorFlowJs, TensorFlowLite


class Onnx(ExportFormat):
    """ONNX, for ONNX Runtime and whatever else reads it."""

    suffix, title, runtime = ".onnx", "ONNX", "ONNX Runtime"
    needs = "export"
    takes_custom_code = takes_classifiers = True

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
    needs = "fast, export"
    takes_custom_code = True  # by way of ONNX

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


_FORMATS = {
    one.suffix: one
    for one in (
        Onnx(),
        OpenVino(),
        KerasFile(),
        TensorFlowLite(),
        SavedModel(),
        TensorFlowJs(),
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


def export_formats() -> tuple[ExportFormat, ...]:
    """Return all kinds of files that are written."""
    return tuple(_FORMATS.values())


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
