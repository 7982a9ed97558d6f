"""Deepnets written in other formats."""

from __future__ import annotations

import dataclasses
import gzip
import json
import os
import tempfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from .._errors import did_you_mean
from ..exporting._format import ExportFormat
from ..exporting._formats import export_format
from ..exporting._write import write_graph
from ..formats.bigml._stored_weights import SUFFIXES, write_weights
from ._bundles import DOCUMENT, write_bundle
from ._create import create_model
from ._extractor import FeatureExtractor
from ._graphs import graph_of
from ._model import Deepnet
from ._settings import Settings, settings_of
from ._spec import plain

Model = Deepnet | FeatureExtractor


def convert(
    model: Any,
    settings: Settings | Mapping[str, Any] | None,
    path: str | os.PathLike[str],
    to_format: str,
) -> Path:
    """Write a deepnet in another format.

    Parameters
    ----------
    model : Deepnet, FeatureExtractor, dict, str or path
        What :func:`create_model` made, or what it takes.
    settings : dict, Settings or None
        As for :func:`create_model`. None stands for those that the model has.
    path : str or path
        What is written, whole or not at all. The format's suffix is added where it is missing.
    to_format : {"h5", "onnx", "openvino", "keras", "tflite", "tfjs", "smbundle"}
        - ``"h5"``: the weights alone, as Keras 2 wrote them and every Keras reads them;
          ``create_model(document, weights=path)`` takes them back.
        - ``"onnx"``, ``"openvino"``, ``"keras"``: preprocessing and network as one graph. Its
          inputs are ``columns``, the numbers of a row in the order of `preprocessors`, where a
          category stands as its place among the values, -1 for none of them, and NaN for a missing
          number; and images, RGB from 0 to 255, of the network's size. With trees the first input
          is ``features``, what the preprocessors give. A detector gives all boxes and scores.
        - ``"tflite"``: the same by TensorFlow, in a process of its own. No number may be missing.
        - ``"tfjs"``: a folder of TensorFlow.js with that graph: ``model.json``, and weights in
          pieces. TensorFlow writes it, and TensorFlow.js in Node.js runs it, to compare.
        - ``"smbundle"``: a SavedModel of TensorFlow and the document, in one file, which
          :func:`create_model` reads without TensorFlow.

    Returns
    -------
    Path
        What was written.

    Raises
    ------
    ValueError
        If there is no such format, the path has the suffix of another, the deepnet or a setting
        is wrong, the format cannot hold the deepnet, or what was written gives other numbers: then
        there is no file.
    MissingLibraryError
        If what writes the format is not installed; the message names the extra.
    FileExistsError
        If a bundle is there already.

    See Also
    --------
    create_model : Which reads ``.h5`` files beside a document, and ``.smbundle`` files.
    extract_bundle : The files in a bundle.

    Examples
    --------
    >>> import pathlib, tempfile
    >>> from skembed import bigml
    >>> spec = {
    ...     "preprocess": [{"type": "numeric", "index": 0, "mean": 0.0, "stdev": 1.0}],
    ...     "layers": [{"type": "dense", "weights": [[2.0]], "offset": [1.0]}],
    ...     "output_exposition": {"type": "numeric", "mean": 0.0, "stdev": 1.0},
    ... }
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     file = bigml.convert(spec, None, pathlib.Path(folder, "weights"), "h5")
    ...     spec["layers"][0] |= {"weights": "zeros", "offset": "zeros", "number_of_nodes": 1}
    ...     bigml.create_model(spec, weights=file)([3])
    array([[7.]], dtype=float32)
    """
    if to_format not in TARGETS:
        raise ValueError(f"to_format is {to_format!r}. {did_you_mean(to_format, TARGETS)}")
    target = TARGETS[to_format]
    file = _with_suffix(Path(path).expanduser(), target.suffix)
    built = _built(model, settings)
    if isinstance(built, Deepnet) and built.spec.trees and not target.takes_trees:
        raise ValueError(
            f"A deepnet with trees cannot be written as {to_format}: its trees are no layers of "
            "Keras, and a file of this format holds nothing else. Write it as onnx or openvino."
        )
    target.write(built, file)
    return file


def _built(model: Any, settings: Settings | Mapping[str, Any] | None) -> Model:
    if not isinstance(model, Model):
        return create_model(model, settings)
    if settings is not None and settings_of(settings) != model.settings:
        return model.with_settings(settings_of(settings))
    return model


def _with_suffix(path: Path, suffix: str) -> Path:
    if not path.suffix:
        return path.with_name(path.name + suffix)
    if path.suffix.lower() != suffix:
        raise ValueError(f"The file must end in {suffix!r}, got {path.name!r}.")
    return path


def _write_h5(model: Model, path: Path) -> None:
    if Path(path.stem).suffix.lower() == ".weights":
        raise ValueError(
            f"Keras reads {path.name!r} as a format of its own: leave out .weights."
        )
    write_weights(model.network, path)


def files_beside(model: Deepnet) -> dict[str, bytes]:
    """What a bundle holds beside the SavedModel, by name."""
    settings = {
        **dataclasses.asdict(model.settings),
        "_classes": list(model.classes),
        "_preprocessors": model.preprocessors,
        "deepnet_type": "ObjectDetector" if model.spec.is_detector else "Deepnet",
    }
    document = json.dumps(model.spec.document, default=plain).encode()
    return {
        "assets/settings.json": json.dumps(settings, default=str).encode(),
        DOCUMENT: gzip.compress(document, mtime=0),
    }


def _write_bundle(model: Model, path: Path) -> None:
    """The SavedModel, with the settings where BigML's library looks, and the document."""
    if isinstance(model, FeatureExtractor):
        raise ValueError("A bundle is written of a whole deepnet, and not of its image part.")
    if path.exists():
        raise FileExistsError(f"{str(path)!r} exists; a bundle takes the place of no file.")
    with tempfile.TemporaryDirectory(prefix=f".{path.stem}-", dir=path.parent) as folder:
        saved = Path(folder, "deepnet.savedmodel")
        write_graph(graph_of(model), saved)
        for name, content in files_beside(model).items():
            (saved / name).parent.mkdir(exist_ok=True)
            (saved / name).write_bytes(content)
        write_bundle(saved, path)


@dataclass(frozen=True, slots=True)
class Target:
    """A format that deepnets are written in.

    Parameters
    ----------
    suffix : str
        Of its files.
    runtime : str
        What runs them.
    needs : str
        The extra that brings what writes them, and that; empty for none.
    takes_trees : bool
        Whether a deepnet with trees can be written.
    write : callable
        What writes a model to a path.
    """

    suffix: str
    runtime: str
    needs: str
    takes_trees: bool
    write: Callable[[Model, Path], None]


def _of_graphs(kind: ExportFormat) -> Target:
    """The target for a kind of file that :func:`skembed.export` writes too."""

    def write(model: Model, path: Path) -> None:
        write_graph(graph_of(model), path, overwrite=True)

    return Target(kind.suffix, kind.runtime, kind.needs, kind.takes_custom_code, write)


_SAVED = export_format("deepnet.savedmodel")
TARGETS: Mapping[str, Target] = {
    "h5": Target(SUFFIXES[0], "Keras, as weights alone", "", True, _write_h5),
    "onnx": _of_graphs(export_format("deepnet.onnx")),
    "openvino": _of_graphs(export_format("deepnet.xml")),
    "keras": _of_graphs(export_format("deepnet.keras")),
    "tflite": _of_graphs(export_format("deepnet.tflite")),
    "tfjs": _of_graphs(export_format("deepnet.tfjs")),
    "smbundle": Target(".smbundle", _SAVED.runtime, _SAVED.needs, False, _write_bundle),
}
