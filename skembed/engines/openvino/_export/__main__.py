"""Write a Keras network as an OpenVINO graph: a program of its own, never imported.

Keras keeps one backend in a process, and skembed's is JAX. So this runs in another process,
where it is OpenVINO::

    python _export FOLDER
    python _export FOLDER layers
    python _export FOLDER outputs

FOLDER holds ``network.keras``, with one output for each tap, and ``request.json``; the graph is
written there as ``network.xml`` and ``network.bin``. With ``layers``, the graph has the outputs of
all layers, and is written as ``layers.xml``, their names as ``layers.json``: it serves to find the
layer where a graph begins to differ from Keras. With ``outputs``, each output of the network is
one of the graph, by the name that the request gives it.

The network runs as in ``predict``: whatever its graph has recorded, and whatever a layer's own
default is, it is not being trained.

What makes the graph fast is its layout: ``_layouts.py``.
"""

from __future__ import annotations

import importlib
import json
import sys
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any
from xml.etree import ElementTree as ET

# ruff: noqa: E402
# OpenVINO reports to Intel that it is imported, unless this package is missing: so it is.
sys.modules["openvino_telemetry"] = None  # type: ignore[assignment]
# Keras imports these where they are installed. Without them its import takes half as long, and
# nothing here uses them but JAX, which is imported again where a layer resizes.
_UNUSED = {"IPython", "jax", "matplotlib", "pandas", "sklearn"} - set(sys.modules)
sys.modules.update(dict.fromkeys(_UNUSED))  # type: ignore[arg-type]


class _ImportedWhenUsed(ModuleType):
    """A module that is imported when an attribute of it is first read."""

    def __getattr__(self, name: str) -> Any:
        sys.modules.pop(self.__name__, None)
        return getattr(importlib.import_module(self.__name__), name)


# Keras' OpenVINO backend imports it for the windows of `stft`; it takes as long as all the rest.
sys.modules["scipy.signal"] = _ImportedWhenUsed("scipy.signal")

import keras

for _name in _UNUSED:
    del sys.modules[_name]

import numpy as np
import openvino as ov
import openvino.opset13 as opset
from _layouts import Value, Walk  # pyright: ignore[reportMissingImports] - beside this file
from _repairs import repair  # pyright: ignore[reportMissingImports]

_DTYPES = {"uint8": ov.Type.u8, "float32": ov.Type.f32}


def export(folder: Path) -> None:
    """Write ``network.xml`` and ``network.bin`` for what the folder holds."""
    request, images, outputs, _ = _drawn(folder)
    columns = [
        column
        for output, poolings in zip(outputs, request["poolings"], strict=True)
        for column in _pooled(output, poolings)
    ]
    rows = opset.concat(columns, 1) if len(columns) > 1 else columns[0]
    _save([rows], images, folder / "network.xml")


def export_layers(folder: Path) -> None:
    """Write ``layers.xml`` and ``layers.json``: what every layer gives, in the network's order."""
    _, images, _, calls = _drawn(folder)
    # A copy for each: an output of the graph is one of its own, also where two layers share it.
    outputs = [opset.convert(value.as_last().tensor.output, "f32") for _, value in calls]
    _save(outputs, images, folder / "layers.xml")
    (folder / "layers.json").write_text(json.dumps([name for name, _ in calls]))


def export_outputs(folder: Path) -> None:
    """Write ``network.xml`` and ``network.bin`` with the outputs of the network as they are."""
    request, images, outputs, _ = _drawn(folder)
    found = [value.as_last().tensor.output for value in outputs]
    for name, output in zip(request["outputs"], found, strict=True):
        output.get_tensor().set_names({name})
    _save(found, images, folder / "network.xml")


def _drawn(folder: Path) -> tuple[dict[str, Any], Any, list[Value], list[tuple[str, Value]]]:
    """The request, the graph's images, its taps, and the output of every layer with its name."""
    request = json.loads((folder / "request.json").read_text())
    model = keras.saving.load_model(folder / "network.keras", compile=False, safe_mode=True)
    _refuse_half_precision(model)
    images = opset.parameter(request["shape"], _DTYPES[request["dtype"]], name="images")
    walk = Walk()
    prepared = Value(_keras_tensor(_prepared(images, request["preparation"])))
    outputs = keras.tree.flatten(walk.run(model, prepared))
    return request, images, outputs, walk.calls


def _save(outputs: list[Any], images: Any, file: Path) -> None:
    results = [opset.result(output) for output in outputs]
    graph = ov.Model(results, [images])  # pyright: ignore[reportGeneralTypeIssues]
    ov.save_model(graph, file, compress_to_fp16=False)
    _exempt_depthwise_convolutions(file)


def _exempt_depthwise_convolutions(file: Path) -> None:
    """Keep depthwise convolutions in float32 where the graph is run in bfloat16, as JAX does.

    They are few of the operations and most of the loss: a sum of nine products has little to
    average the rounding out. Python can set the attribute in the written graph alone.
    """
    graph = ET.parse(file)  # noqa: S314 - written here, a moment ago
    for layer in graph.iterfind("layers/layer[@type='GroupConvolution']"):
        *_, kernel = layer.iterfind("input/port")
        _groups, _outputs, inputs, *_ = kernel.iterfind("dim")
        if inputs.text == "1":
            facts = layer.find("rt_info")
            facts = ET.SubElement(layer, "rt_info") if facts is None else facts
            ET.SubElement(facts, "attribute", name="precise", version="0")
    graph.write(file)


def _refuse_half_precision(model: Any) -> None:
    """Layers are run here without Keras' own casts."""
    for layer in model._flatten_layers(include_self=False):
        if layer.compute_dtype != "float32":
            raise TypeError(f"its layer {layer.name!r} computes in {layer.compute_dtype}")


def _prepared(images: Any, preparation: dict[str, Any] | None) -> Any:
    x = opset.convert(images, "f32")
    if preparation is None:
        return x
    if preparation["channels"] == "bgr":
        x = opset.gather(x, np.array([2, 1, 0]), np.array(3))
    mean, std = (
        np.broadcast_to(np.asarray(preparation[key], np.float32), 3).reshape(1, 1, 1, 3)
        for key in ("mean", "std")
    )
    return opset.divide(opset.subtract(x, mean), std)


def _pooled(value: Value, poolings: list[str]) -> list[Any]:
    x = value.tensor.output
    if value.rank == 2:  # a vector already, whatever the request says
        return [x for _ in poolings]
    space = np.arange(1, value.rank - 1) + value.first
    reduce: dict[str, Callable[..., Any]] = {
        "avg": lambda: opset.reduce_mean(x, space),
        "max": lambda: opset.reduce_max(x, space),
        "none": lambda: opset.reshape(value.as_last().tensor.output, [1, -1], False),
    }
    return [reduce[how]() for how in poolings]


def _keras_tensor(output: Any) -> Any:
    return keras.ops.convert_to_tensor(output.output(0))


if __name__ == "__main__":
    repair()
    writers = {"layers": export_layers, "outputs": export_outputs}
    write = writers[sys.argv[2]] if len(sys.argv) > 2 else export
    try:
        write(Path(sys.argv[1]))
    except (OSError, MemoryError) as error:
        print(error, file=sys.stderr)  # noqa: T201
        sys.exit(75)  # it may go well another time
